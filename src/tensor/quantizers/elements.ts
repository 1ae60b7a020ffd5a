/**
 * The loops over elements: into units of the scale, out of them, and the groups as arrays. Reference loops, scalar; every
 * result is rounded once more only by the carrier that it is stored in.
 */
import type { RealArray } from '../arrays.ts';
import { forEachGroup, type Grouping } from '../grouping.ts';
import type { Scales } from './scales.ts';
import { interleavedSum } from './statistics.ts';

/** Where an array's elements are, and which of them share a scale. */
export interface Layout {
  readonly grouping: Grouping;
  readonly shape: readonly number[];
}

/** Calls `visit` with the elements of each group in row-major order. The array is only good for the call. */
export function forEachMembers(
  x: RealArray,
  { grouping, shape }: Layout,
  visit: (members: RealArray, group: number) => void,
): void {
  let scratch = new Float64Array(0);
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    if (columnStride === 1 && (rows === 1 || rowStride === columns)) {
      visit(x.subarray(start, start + rows * columns), group);
      return;
    }
    const count = rows * columns;
    if (scratch.length < count) scratch = new Float64Array(count);
    for (let r = 0, i = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) scratch[i++] = x[start + r * rowStride + c * columnStride]!;
    visit(scratch.subarray(0, count), group);
  });
}

/** One number of each group, in the order of `forEachGroup`. */
export function perGroup(
  x: RealArray,
  layout: Layout,
  count: number,
  of: (members: RealArray, group: number) => number,
): Float64Array {
  const numbers = new Float64Array(count);
  forEachMembers(x, layout, (members, group) => {
    numbers[group] = of(members, group);
  });
  return numbers;
}

/** The group of every element. */
export function groupsOf({ grouping, shape }: Layout, length: number): Uint32Array {
  const groups = new Uint32Array(length);
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) groups[start + r * rowStride + c * columnStride] = group;
  });
  return groups;
}

/** Elements in units of their scale. Where a scale is zero, zeros: whatever they become is worth nothing. */
export function intoUnits(x: RealArray, scaled: RealArray, layout: Layout, scales: Scales): void {
  const { into, dividesInto } = scales;
  forEachGroup(layout.grouping, layout.shape, (group, start, rows, rowStride, columns, columnStride) => {
    const factor = into[group]!;
    const divides = dividesInto && factor !== 0;
    for (let r = 0; r < rows; r++) {
      let i = start + r * rowStride;
      for (let c = 0; c < columns; c++, i += columnStride)
        scaled[i] = divides ? x[i]! / factor : x[i]! * factor;
    }
  });
}

/** The values of elements; `zeroPoints` are taken from the elements first. `values` may be `elements`. */
export function outOfUnits(
  elements: RealArray,
  values: RealArray,
  layout: Layout,
  scales: Scales,
  zeroPoints?: Float64Array,
): void {
  const { out, dividesOut } = scales;
  forEachGroup(layout.grouping, layout.shape, (group, start, rows, rowStride, columns, columnStride) => {
    const factor = out[group]!;
    const zero = zeroPoints === undefined ? 0 : zeroPoints[group]!;
    for (let r = 0; r < rows; r++) {
      let i = start + r * rowStride;
      for (let c = 0; c < columns; c++, i += columnStride) {
        // Subtracting +0 keeps the sign of a zero.
        const element = elements[i]! - zero;
        values[i] = dividesOut ? element / factor : element * factor;
      }
    }
  });
}

/** Adds the number of its group to every element. */
export function addPerGroup(elements: RealArray, { grouping, shape }: Layout, numbers: Float64Array): void {
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++)
        elements[start + r * rowStride + c * columnStride]! += numbers[group]!;
  });
}

/** The decode scale of a group that minimises sum (x - scale e)^2; undefined if all elements are zero. */
export function leastSquaresScale(members: RealArray, elements: RealArray): number | undefined {
  const { length } = members;
  const energy = interleavedSum(length, (i) => elements[i]! * elements[i]!);
  if (energy === 0) return undefined;
  return interleavedSum(length, (i) => members[i]! * elements[i]!) / energy;
}

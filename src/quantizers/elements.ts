/**
 * The loops over elements: into units of the scale, out of them, and the groups as arrays. Reference loops, scalar; every
 * result is rounded once more only by the carrier that it is stored in.
 */
import { scaleByPowerOfTwo } from '../binary64.ts';
import { bounded, carrierOf } from '../operations/carrier.ts';
import type { RealArray } from '../operations/conversions.ts';
import { forEachGroup, type Grouping } from './grouping.ts';
import { dequantizer, type Scales } from './scales.ts';
import { extremeExponent, interleavedSum, largestMagnitude, rangeOf, scaledGroup } from './statistics.ts';

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

/** x in units of a scale that is 0: zero, with the sign of x. */
function nothing(x: number): number {
  return Number.isNaN(x) ? NaN : x < 0 || Object.is(x, -0) ? -0 : 0;
}

/**
 * Elements in units of their scale, at most the largest number of the carrier. Where a scale is 0, zeros: whatever they become is
 * worth nothing.
 *
 * @param clipsInfinities Whether an infinity of x becomes the largest number too.
 */
function intoUnits(
  x: RealArray,
  scaled: RealArray,
  layout: Layout,
  { into, dividesInto }: Scales,
  clipsInfinities: boolean,
): void {
  const { max } = carrierOf(scaled);
  forEachGroup(layout.grouping, layout.shape, (group, start, rows, rowStride, columns, columnStride) => {
    const factor = into[group]!;
    for (let r = 0; r < rows; r++) {
      let i = start + r * rowStride;
      for (let c = 0; c < columns; c++, i += columnStride) {
        const value = x[i]!;
        if (dividesInto) scaled[i] = factor === 0 ? nothing(value) : value / factor;
        else scaled[i] = value * factor;
        const unit = scaled[i]!;
        // Infinities and NaN alone differ from themselves by something else than 0.
        if (unit - unit === 0) continue;
        if (clipsInfinities || Number.isFinite(value)) scaled[i] = bounded(unit, max);
      }
    }
  });
}

/** The ends that elements are within. */
interface Ends {
  readonly low: number;
  readonly high: number;
}

/**
 * The values of elements, of finite ones at most the largest number of the carrier; `zeroPoints` are taken from the elements
 * first. `values` may be `elements`.
 *
 * @param ends Elements are only rounded: zero points are added to them, and then they are brought within these.
 */
function outOfUnits(
  elements: RealArray,
  values: RealArray,
  layout: Layout,
  scales: Scales,
  zeroPoints?: Float64Array,
  ends?: Ends,
): void {
  const { out } = scales;
  const dequantize = dequantizer(scales, carrierOf(values));
  forEachGroup(layout.grouping, layout.shape, (group, start, rows, rowStride, columns, columnStride) => {
    const factor = out[group]!;
    const zero = zeroPoints?.[group];
    for (let r = 0; r < rows; r++) {
      let i = start + r * rowStride;
      for (let c = 0; c < columns; c++, i += columnStride) {
        let element = elements[i]!;
        if (ends !== undefined) {
          if (zero !== undefined) element += zero;
          element = element < ends.low ? ends.low : element > ends.high ? ends.high : element;
          elements[i] = element;
        }
        // Subtracting +0 keeps the sign of a zero.
        values[i] = dequantize(element - (zero ?? 0), factor);
      }
    }
  });
}

/** The least and the largest element of every group, and 0; NaN both if there is a NaN. */
function rangesOf(x: RealArray, layout: Layout, lows: Float64Array, highs: Float64Array): void {
  forEachMembers(x, layout, (members, group) => {
    const { low, high } = rangeOf(members);
    lows[group] = low;
    highs[group] = high;
  });
}

/** The largest magnitude of every group. */
function maximaOf(x: RealArray, layout: Layout, groups: number): Float64Array {
  return perGroup(x, layout, groups, largestMagnitude);
}

/** The loops that a quantisation is made of, which kernels have too. */
export interface GroupLoops {
  readonly intoUnits: typeof intoUnits;
  readonly outOfUnits: typeof outOfUnits;
  readonly rangesOf: typeof rangesOf;
  readonly maximaOf: typeof maximaOf;
}

export const referenceLoops: GroupLoops = { intoUnits, outOfUnits, rangesOf, maximaOf };

/** The decode scale of a group that minimises sum (x - scale e)^2; undefined if all elements are zero. */
export function leastSquaresScale(members: RealArray, elements: RealArray): number | undefined {
  const { length } = members;
  const [ofX, ofElements] = [members, elements].map((group) => extremeExponent(largestMagnitude(group)));
  const x = scaledGroup(members, ofX!);
  const e = scaledGroup(elements, ofElements!);
  const energy = interleavedSum(length, (i) => e[i]! * e[i]!);
  if (energy === 0) return undefined;
  const best = interleavedSum(length, (i) => x[i]! * e[i]!) / energy;
  return bounded(scaleByPowerOfTwo(best, ofX! - ofElements!), Number.MAX_VALUE);
}

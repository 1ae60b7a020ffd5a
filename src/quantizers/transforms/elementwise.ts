/** What transforms that work on each element alone have in common: the gradient passes them by, and maps over groups. */

import { ArgumentError } from '../../errors.ts';
import { boundedBy, carrierOf } from '../../operations/carrier.ts';
import type { RealArray } from '../../operations/conversions.ts';
import { countGroups, forEachGroup, type Grouping } from '../grouping.ts';
import { type InnerPullback, newLike, type Residue } from './transform.ts';

/** The pullback of elementwise transforms: their derivatives there and back cancel. */
export function passedBy<A extends RealArray>(
  gradient: A,
  _shape: readonly number[],
  _residue: Residue,
  inner: InnerPullback<A>,
): A {
  return inner(gradient);
}

/** A gradient as it is, a new array: the derivative of a map that adds something. */
export function unchanged<A extends RealArray>(gradient: A): A {
  return gradient.slice() as A;
}

/** f of each element with the number of its group, rounded to the precision of the array; of finite elements at most its largest number. */
export function mapGroups<A extends RealArray>(
  x: A,
  shape: readonly number[],
  grouping: Grouping,
  f: (element: number, group: number, index: number) => number,
): A {
  const values = newLike(x);
  const { max } = carrierOf(x);
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const i = start + r * rowStride + c * columnStride;
        values[i] = boundedBy(x[i]!, f(x[i]!, group, i), max);
      }
    }
  });
  return values;
}

/** Calls `visit` with each group's elements in row-major order of the group. */
export function collectGroups(
  x: RealArray,
  shape: readonly number[],
  grouping: Grouping,
  visit: (group: number, elements: RealArray, indices: Uint32Array) => void,
): void {
  forEachGroup(grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    const indices = new Uint32Array(rows * columns);
    for (let r = 0, i = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) indices[i++] = start + r * rowStride + c * columnStride;
    const elements = newLike(x, indices.length);
    for (let i = 0; i < indices.length; i++) elements[i] = x[indices[i]!]!;
    visit(group, elements, indices);
  });
}

/** Checks that statistics are those of so many groups. Throws ArgumentError. */
export function checkStatistics(
  residue: Extract<Residue, { readonly kind: 'statistics' }>,
  perGroup: number,
  grouping: Grouping,
  shape: readonly number[],
): Float32Array {
  const expected = perGroup * countGroups(grouping, shape);
  if (residue.perGroup !== perGroup || residue.values.length !== expected)
    throw new ArgumentError(
      'residue',
      residue,
      `statistics of ${expected / perGroup} groups, ${perGroup} each`,
    );
  return residue.values;
}

/**
 * The largest magnitudes of each group kept apart, exact, so that the scale fits the rest. Source: the quantisers of Huang, Hu,
 * Yang et al., "Stable-SPAM: how to train in 4-bit more stably than 16-bit Adam", arXiv 2502.17055, which keep two a group of 256.
 */

import type { RealArray } from '../../array-kinds.ts';
import { checkFields, integerInRange } from '../../check.ts';
import { type Grouping, groupingAt } from '../grouping.ts';
import { collectGroups } from './elementwise.ts';
import { aroundSparse, checkIndices, gather, withoutSparse } from './sparse.ts';
import { checkedTransform, newLike, residueOf, type Transform, type TransformData } from './transform.ts';

export interface OutlierOptions {
  /** How many elements of each group are kept; in a shorter group all, if there are no more. */
  readonly count: number;
  /** Default: the tensor. */
  readonly grouping?: Grouping;
}

/** Where an element stands: NaN before the infinities before numbers by magnitude. */
const prominence = (x: number): number => (Number.isNaN(x) ? Infinity : Math.abs(x));

/** Indices of the `count` most prominent elements; of equal ones the first. */
function mostProminent(elements: RealArray, count: number): number[] {
  // A list in descending order: `count` is small against the group.
  const kept: number[] = [];
  for (let i = 0; i < elements.length; i++) {
    const rank = prominence(elements[i]!);
    if (kept.length === count && !(rank > prominence(elements[kept[count - 1]!]!))) continue;
    let place = kept.length;
    while (place > 0 && rank > prominence(elements[kept[place - 1]!]!)) place--;
    kept.splice(place, 0, i);
    if (kept.length > count) kept.pop();
  }
  return kept;
}

/**
 * The `count` largest magnitudes of each group set aside, 0 in their places; of equal magnitudes the first in the group, and NaN
 * counts as infinite. Inverse: they are put back as they were, whatever the quantiser made of the zeros. inverse(forward(x)) is
 * exactly x.
 *
 * The product of x is that of the rest plus that of `sparseTerm(residue)`.
 *
 * @example
 * keepOutliers({ count: 1 }).forward(new Float32Array([1, -9, 3]), [3]).values; // [1, 0, 3]
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function keepOutliers(options: OutlierOptions): Transform {
  const given = checkFields('', options, ['count', 'grouping']);
  const count = integerInRange('count', given.count, 1, Number.MAX_SAFE_INTEGER);
  const grouping = groupingAt('grouping', given.grouping, { per: 'tensor' });

  return checkedTransform({
    name: 'keep-outliers',
    inProduct: 'adds',
    forward: (x, shape) => {
      const places: number[] = [];
      collectGroups(x, shape, grouping, (_, elements, indices) => {
        for (const i of mostProminent(elements, count)) places.push(indices[i]!);
      });
      const indices = Uint32Array.from(places).sort();
      const values = newLike(x);
      values.set(x);
      for (const i of indices) values[i] = 0;
      return { values, residue: { kind: 'sparse', indices, values: gather(x, indices) } };
    },
    inverse: (values, _shape, residue) => {
      const { indices, values: kept } = residueOf(residue, 'sparse');
      checkIndices(indices, values.length);
      const x = newLike(values);
      x.set(values);
      for (let i = 0; i < indices.length; i++) x[indices[i]!] = kept[i]!;
      return x;
    },
    pullback: aroundSparse,
    forwardGradient: (gradient, _x, _shape, residue) =>
      withoutSparse(gradient, residueOf(residue, 'sparse').indices),
    inverseGradient: (gradient, _values, _shape, residue) =>
      withoutSparse(gradient, residueOf(residue, 'sparse').indices),
    toJSON: (): TransformData => ({ name: 'keep-outliers', count, grouping }),
  } satisfies Transform);
}

/**
 * `from: 'mse'`: the scale of each group by search. Candidates are the thresholds (i / 100) max|x| for i = 200, 199, ... 20 (the
 * quotient rounded to the carrier), each turned into a scale as any other threshold. The least sum of squared errors wins, and
 * of equals the larger threshold. Sums are in binary64 (`interleavedSum`), over differences of binary64 from values that
 * were rounded to the carrier. Above 100 %, floats gain where their lattice is finer below the top.
 */
import { isFloat32Array } from '../../array-kinds.ts';
import type { RealArray } from '../arrays.ts';
import { type Layout, perGroup } from './elements.ts';
import { interleavedSum, largestMagnitude } from './statistics.ts';

const mostPercent = 200;
const leastPercent = 20;

/**
 * The best threshold of each group: NaN where there is a NaN or an infinity, 0 where there are only zeros.
 *
 * @param imageOf The values of x under these thresholds, one a group, as the quantiser would give them without random bits.
 */
export function bestThresholds(
  x: RealArray,
  layout: Layout,
  groups: number,
  imageOf: (thresholds: Float64Array) => RealArray,
): Float64Array {
  const carry = isFloat32Array(x) ? Math.fround : (value: number): number => value;
  const amax = perGroup(x, layout, groups, largestMagnitude).map((most) =>
    Number.isFinite(most) ? most : NaN,
  );
  const best = amax.slice();
  const leastErrors = new Float64Array(groups).fill(Infinity);
  const differences = new Float64Array(x.length);
  for (let percent = mostPercent; percent >= leastPercent; percent--) {
    const thresholds = amax.map((most) => carry((most * percent) / 100));
    const image = imageOf(thresholds);
    for (let i = 0; i < x.length; i++) differences[i] = image[i]! - x[i]!;
    const errors = perGroup(differences, layout, groups, (members) =>
      interleavedSum(members.length, (i) => members[i]! * members[i]!),
    );
    errors.forEach((error, group) => {
      if (!(error < leastErrors[group]!)) return;
      leastErrors[group] = error;
      best[group] = thresholds[group]!;
    });
  }
  return best;
}

/**
 * `from: 'mse'`: the scale of each group by search. Candidates are the thresholds (i / 100) max|x| for i = 200, 199, ... 20 (product
 * and quotient each rounded to binary64, the threshold to the carrier; none beyond its largest number), each turned into a scale
 * as any other threshold. The least sum of squared errors wins, and of equals the larger threshold. Sums are in binary64
 * (`interleavedSum`), its exponent without bounds, over differences of binary64 from values that were rounded to the carrier.
 * Above 100 %, floats gain where their lattice is finer below the top.
 */
import { isFloat32Array } from '../array-kinds.ts';
import { scaleByPowerOfTwo, scaleOnce } from '../binary64.ts';
import type { RealArray } from '../operations/conversions.ts';
import { type Layout, perGroup } from './elements.ts';
import { extremeExponent, interleavedSum, largestMagnitude, scaledGroup } from './statistics.ts';

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
  const exponents = Array.from(amax, extremeExponent);
  const best = amax.slice();
  const leastErrors = new Float64Array(groups).fill(Infinity);
  const differences = new Float64Array(x.length);
  for (let percent = mostPercent; percent >= leastPercent; percent--) {
    const thresholds = amax.map((most, group) => {
      const exponent = exponents[group]!;
      const threshold = carry(scaleOnce((scaleByPowerOfTwo(most, -exponent) * percent) / 100, exponent));
      return Number.isFinite(threshold) ? threshold : NaN;
    });
    const image = imageOf(thresholds);
    for (let i = 0; i < x.length; i++) differences[i] = image[i]! - x[i]!;
    const errors = perGroup(differences, layout, groups, (members, group) => {
      const scaled = scaledGroup(members, exponents[group]!);
      return interleavedSum(scaled.length, (i) => scaled[i]! * scaled[i]!);
    });
    errors.forEach((error, group) => {
      if (!(error < leastErrors[group]!)) return;
      leastErrors[group] = error;
      best[group] = thresholds[group]!;
    });
  }
  return best;
}

/**
 * `from: 'mse'`: the scale of a group by search. Candidates are the thresholds (i / 100) max|x| for i = 150, 149, ... 20, each
 * turned into a scale as any other threshold; the one with the least sum of squared errors wins, the larger of two equals.
 * The quotient is rounded to the carrier; the sum is in binary64 (`interleavedSum`) over values rounded to the carrier.
 */
import type { Format } from '../../formats/format.ts';
import { isStochastic, type ResolvedRounding } from '../../rounding/options.ts';
import { roundScalar } from '../../rounding/round.ts';
import type { RealArray } from '../arrays.ts';
import type { ResolvedScale } from './scale-options.ts';
import { dequantized, newScales, type SetScale } from './scales.ts';
import { interleavedSum, largestMagnitude } from './statistics.ts';

const mostPercent = 150;
const leastPercent = 20;

export interface Search {
  readonly scale: ResolvedScale;
  readonly setScale: SetScale;
  readonly format: Format;
  /** Elements below this are not used. */
  readonly low: number;
  /** A stochastic mode is searched as nearest-even. */
  readonly rounding: ResolvedRounding;
  /** Rounds to the carrier of the values: `Math.fround` or the identity. */
  readonly carry: (x: number) => number;
  /** Rounds to the carrier of the elements in units of their scale. */
  readonly carryScaled: (x: number) => number;
}

/** The best threshold of a group; NaN if there is a NaN or an infinity, 0 if there are only zeros. */
export function bestThreshold(members: RealArray, search: Search, tensorEncode: number): number {
  const { scale, setScale, format, low, carry, carryScaled } = search;
  const amax = largestMagnitude(members);
  if (!Number.isFinite(amax) || amax === 0) return amax === 0 ? 0 : NaN;
  const { rounding: mode } = search.rounding;
  const rounding: ResolvedRounding = isStochastic(mode)
    ? { ...search.rounding, rounding: 'nearest-even' }
    : search.rounding;
  const trial = newScales(1, scale);
  const { into, dividesInto } = trial;
  function squaredError(threshold: number): number {
    setScale(trial, 0, threshold, tensorEncode);
    const factor = into[0]!;
    return interleavedSum(members.length, (i) => {
      const x = members[i]!;
      const scaled = carryScaled(dividesInto && factor !== 0 ? x / factor : x * factor);
      const element = Math.max(roundScalar(scaled, format, rounding, 0), low);
      const error = carry(dequantized(trial, 0, element)) - x;
      return error * error;
    });
  }
  let best = { threshold: amax, error: Infinity };
  for (let percent = mostPercent; percent >= leastPercent; percent--) {
    const threshold = carry((amax * percent) / 100);
    const error = squaredError(threshold);
    if (error < best.error) best = { threshold, error };
  }
  return best.threshold;
}

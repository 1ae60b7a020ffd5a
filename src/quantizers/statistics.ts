/**
 * What a scale is taken from: one number of a group of elements (minmax: two). Pure functions of a group; what becomes of
 * the number is the matter of `scales.ts`.
 */
import { isFloat32Array } from '../array-kinds.ts';
import { exponentOf, scaleByPowerOfTwo, scaleOnce } from '../binary64.ts';
import { bounded } from '../operations/carrier.ts';
import type { RealArray } from '../operations/conversions.ts';
import { leastForSelection, selectMagnitude } from './selection.ts';

/** The statistics that are one magnitude of the group. */
export type MagnitudeStatistic = 'absmax' | 'absmean' | 'absmedian' | 'rms' | 'std' | 'percentile';

/** max |x|, 0 for an empty group; NaN if there is a NaN. */
export function largestMagnitude(group: RealArray): number {
  let largest = 0;
  for (let i = 0; i < group.length; i++) {
    const magnitude = Math.abs(group[i]!);
    // Written so that a NaN stays once it is there.
    if (!(magnitude <= largest) && !Number.isNaN(largest)) largest = magnitude;
  }
  return largest;
}

/**
 * The sum of term(i) for i below n, in binary64: four partial sums over the indices 0, 1, 2, 3 mod 4, combined as
 * (s0 + s1) + (s2 + s3). The order is part of the definition: a kernel with two or four lanes gives the same bits.
 */
export function interleavedSum(length: number, term: (i: number) => number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    s0 += term(i);
    s1 += term(i + 1);
    s2 += term(i + 2);
    s3 += term(i + 3);
  }
  if (i < length) s0 += term(i);
  if (i + 1 < length) s1 += term(i + 1);
  if (i + 2 < length) s2 += term(i + 2);
  return s0 + s1 + (s2 + s3);
}

/** The magnitude of rank ceil(percentile n / 100), counted from 1 upwards: one that occurs, nothing is interpolated. */
function rankedMagnitude(group: RealArray, percentile: number): number {
  if (group.length === 0) return 0;
  const rank = Math.max(Math.ceil((percentile * group.length) / 100), 1) - 1;
  if (isFloat32Array(group) && group.length >= leastForSelection) return selectMagnitude(group, rank);
  const magnitudes = Float64Array.from(group, Math.abs).sort();
  // Sorted last, NaN must not hide.
  if (Number.isNaN(magnitudes.at(-1))) return NaN;
  return magnitudes[rank]!;
}

/** Between 2^-400 and 2^400 squares, and sums of them of any length, are binary64 numbers; what is lost is too far below to count. */
const mostExponent = 400;

/** The exponent of a group's largest magnitude where sums and squares might leave binary64, else 0. */
export function extremeExponent(largest: number): number {
  if (!(largest > 0 && largest < Infinity)) return 0;
  const exponent = exponentOf(largest);
  return Math.abs(exponent) < mostExponent ? 0 : exponent;
}

/** The group times 2^-exponent. What vanishes is too far below the largest to count. */
export function scaledGroup(group: RealArray, exponent: number): RealArray {
  return exponent === 0 ? group : Float64Array.from(group, (x) => scaleByPowerOfTwo(x, -exponent));
}

/** The statistic by binary64 arithmetic as it is: wrong where a sum or a square overflows or underflows. */
function plainStatistic(group: RealArray, from: MagnitudeStatistic, percentile: number): number {
  const { length } = group;
  switch (from) {
    case 'absmax':
      return largestMagnitude(group);
    case 'absmean':
      return interleavedSum(length, (i) => Math.abs(group[i]!)) / length;
    case 'absmedian':
      return rankedMagnitude(group, 50);
    case 'percentile':
      return rankedMagnitude(group, percentile);
    case 'rms':
      return Math.sqrt(interleavedSum(length, (i) => group[i]! * group[i]!) / length);
    case 'std': {
      const mean = interleavedSum(length, (i) => group[i]!) / length;
      return Math.sqrt(interleavedSum(length, (i) => (group[i]! - mean) * (group[i]! - mean)) / length);
    }
  }
}

/**
 * The statistic of a group in binary64 whose exponent has no bounds on the way (numbers of binary32 do not come near them), at
 * most the largest number; 0 of an empty group. A group with a NaN gives NaN, one with an infinity no finite number, or that of a
 * rank. Square roots and quotients are of the interleaved sums; std has n in the denominator; absmedian is the lower of two
 * middle magnitudes.
 */
export function statisticOf(group: RealArray, from: MagnitudeStatistic, percentile: number): number {
  if (group.length === 0) return 0;
  const plain = plainStatistic(group, from, percentile);
  const isRank = from === 'absmax' || from === 'absmedian' || from === 'percentile';
  if (isRank || (plain > 2 ** -mostExponent && plain < 2 ** mostExponent)) return plain;
  const exponent = extremeExponent(largestMagnitude(group));
  if (exponent === 0) return plain;
  const scaled = plainStatistic(scaledGroup(group, exponent), from, percentile);
  return bounded(scaleOnce(scaled, exponent), Number.MAX_VALUE);
}

/** The range of a group, 0 included; NaN at both ends if there is a NaN. */
export function rangeOf(group: RealArray): { low: number; high: number } {
  let [low, high] = [0, 0];
  for (let i = 0; i < group.length; i++) {
    low = Math.min(low, group[i]!);
    high = Math.max(high, group[i]!);
  }
  return { low: low + 0, high };
}

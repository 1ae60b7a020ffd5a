/** What the scale of a group is taken from. The walk over groups is that of `elements.ts`. */
import {
  magnitudeMaskSlot,
  sumDistances,
  sumMagnitudes,
  sumNumbers,
  sumSquares,
} from '../../generated/layout-quantizers';

/** max |x|, NaN if there is a NaN, of `length` elements. */
@inline
function absoluteMaximum(source: usize, length: i32, magnitudeMask: v128): f32 {
  // Magnitudes compare as integers, and a NaN is larger than infinity there: one maximum serves both.
  let largest0 = i32x4.splat(0);
  let largest1 = largest0;
  let largest2 = largest0;
  let largest3 = largest0;
  for (const stop = source + (<usize>(length & ~15) << 2); source < stop; source += 64) {
    largest0 = i32x4.max_s(largest0, v128.and(v128.load(source), magnitudeMask));
    largest1 = i32x4.max_s(largest1, v128.and(v128.load(source, 16), magnitudeMask));
    largest2 = i32x4.max_s(largest2, v128.and(v128.load(source, 32), magnitudeMask));
    largest3 = i32x4.max_s(largest3, v128.and(v128.load(source, 48), magnitudeMask));
  }
  for (const stop = source + (<usize>(length & 15) << 2); source < stop; source += 4)
    largest0 = i32x4.max_s(largest0, v128.and(v128.load32_splat(source), magnitudeMask));
  largest0 = i32x4.max_s(i32x4.max_s(largest0, largest1), i32x4.max_s(largest2, largest3));
  largest0 = i32x4.max_s(largest0, v128.shuffle<i64>(largest0, largest0, 1, 0));
  largest0 = i32x4.max_s(largest0, v128.shuffle<i32>(largest0, largest0, 1, 0, 3, 2));
  return f32x4.extract_lane(largest0, 0);
}

/** max |x| of each group, NaN if there is a NaN. */
export function absoluteMaxima(
  source: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
  maxima: usize,
  parameters: usize,
): void {
  const magnitudeMask = v128.load32_splat(parameters, magnitudeMaskSlot);
  for (const end = maxima + (<usize>groups << 2); maxima < end; maxima += 4) {
    const length = min(size, left);
    left -= length;
    if (left == 0) left = columns;
    store<f32>(maxima, absoluteMaximum(source, length, magnitudeMask));
    source += <usize>length << 2;
  }
}

/** What a sum is of: numbers, or their magnitudes. */
@inline
function summed(kind: i32, x: v128): v128 {
  return kind == sumMagnitudes ? f32x4.abs(x) : x;
}

/** The part of such a number in a sum: itself, its square, or the square of its distance from the mean. */
@inline
function term(kind: i32, x: v128, mean: v128): v128 {
  if (kind == sumMagnitudes || kind == sumNumbers) return x;
  const distance = kind == sumDistances ? f64x2.sub(x, mean) : x;
  return f64x2.mul(distance, distance);
}

/** Adds to four binary64 sums, over the indices 0, 1, 2, 3 mod 4. */
@inline
function addTerms(kind: i32, source: usize, length: i32, sums: usize, mean: f64): void {
  const means = f64x2.splat(mean);
  let sum01 = v128.load(sums);
  let sum23 = v128.load(sums, 16);
  for (const stop = source + (<usize>(length & ~3) << 2); source < stop; source += 16) {
    const x = summed(kind, v128.load(source));
    sum01 = f64x2.add(sum01, term(kind, f64x2.promote_low_f32x4(x), means));
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0));
    sum23 = f64x2.add(sum23, term(kind, high, means));
  }
  v128.store(sums, sum01);
  v128.store(sums, sum23, 16);
  for (let i = 0; i < (length & 3); i++) {
    const more = term(kind, f64x2.promote_low_f32x4(summed(kind, v128.load32_splat(source))), means);
    store<f64>(sums, load<f64>(sums) + f64x2.extract_lane(more, 0));
    source += 4;
    sums += 8;
  }
}

@inline
function addSumsOf(
  kind: i32,
  source: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
  sums: usize,
  means: usize,
): void {
  for (const end = sums + (<usize>groups << 5); sums < end; sums += 32) {
    const length = min(size, left);
    left -= length;
    if (left == 0) left = columns;
    addTerms(kind, source, length, sums, load<f64>(means));
    source += <usize>length << 2;
    means += 8;
  }
}

/**
 * Adds one more part of each group to its four sums, whose length is a multiple of 4 but in the last one. `means`: a binary64 number a
 * group, which distances are taken from.
 */
export function addSums(
  kind: i32,
  source: usize,
  groups: i32,
  size: i32,
  columns: i32,
  left: i32,
  sums: usize,
  means: usize,
): void {
  if (kind == sumMagnitudes) addSumsOf(sumMagnitudes, source, groups, size, columns, left, sums, means);
  else if (kind == sumNumbers) addSumsOf(sumNumbers, source, groups, size, columns, left, sums, means);
  else if (kind == sumSquares) addSumsOf(sumSquares, source, groups, size, columns, left, sums, means);
  else addSumsOf(sumDistances, source, groups, size, columns, left, sums, means);
}

/** The sum of four, which are 0 afterwards. */
@inline
export function takeSum(sums: usize): f64 {
  const sum = load<f64>(sums) + load<f64>(sums, 8) + (load<f64>(sums, 16) + load<f64>(sums, 24));
  v128.store(sums, f64x2.splat(0));
  v128.store(sums, f64x2.splat(0), 16);
  return sum;
}

/** Sums of whole groups over how many elements those have; the sums are 0 afterwards. */
export function takeMeans(sums: usize, groups: i32, size: i32, columns: i32, left: i32, means: usize): void {
  for (const end = means + (<usize>groups << 3); means < end; means += 8) {
    const length = min(size, left);
    left -= length;
    if (left == 0) left = columns;
    store<f64>(means, takeSum(sums) / <f64>length);
    sums += 32;
  }
}

/** Means, or their square roots, as binary32 numbers. */
export function meanStatistics(means: usize, groups: i32, isRoot: bool, statistics: usize): void {
  for (const end = statistics + (<usize>groups << 2); statistics < end; statistics += 4) {
    const mean = load<f64>(means);
    store<f32>(statistics, <f32>(isRoot ? sqrt<f64>(mean) : mean));
    means += 8;
  }
}

/**
 * Finite statistics times `high` + `low`, rounded once, at most the largest binary32 number. Either part times a binary32 number is
 * exact: `high` has at most 29 bits, `low` at most 24.
 */
export function multiplyStatistics(statistics: usize, groups: i32, high: f64, low: f64): void {
  for (const end = statistics + (<usize>groups << 2); statistics < end; statistics += 4) {
    const statistic = <f64>load<f32>(statistics);
    if (!(statistic < Infinity)) continue;
    const first = statistic * high;
    const second = statistic * low;
    let product = first + second;
    const rest = second - (product - first);
    // To odd, so that the second rounding is the only one that counts.
    const pattern = reinterpret<i64>(product);
    if (rest != 0 && (pattern & 1) == 0) product = reinterpret<f64>(rest > 0 ? pattern + 1 : pattern - 1);
    store<f32>(statistics, min(<f32>product, f32.MAX_VALUE));
  }
}

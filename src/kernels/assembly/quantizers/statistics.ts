/** What the scale of a group is taken from. The walk over groups is that of `elements.ts`. */
import { magnitudeMaskSlot } from '../../generated/layout-quantizers';

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

/**
 * Adds |x| to four binary64 sums, over the indices 0, 1, 2, 3 mod 4. The length is a multiple of 4 but in the last part of a
 * group.
 */
export function absoluteSums(source: usize, length: i32, sums: usize, parameters: usize): void {
  const magnitudeMask = v128.load32_splat(parameters, magnitudeMaskSlot);
  let sum01 = v128.load(sums);
  let sum23 = v128.load(sums, 16);
  for (const stop = source + (<usize>(length & ~3) << 2); source < stop; source += 16) {
    const magnitude = v128.and(v128.load(source), magnitudeMask);
    sum01 = f64x2.add(sum01, f64x2.promote_low_f32x4(magnitude));
    sum23 = f64x2.add(sum23, f64x2.promote_low_f32x4(v128.shuffle<i64>(magnitude, magnitude, 1, 0)));
  }
  v128.store(sums, sum01);
  v128.store(sums, sum23, 16);
  for (let i = 0; i < (length & 3); i++) {
    store<f64>(sums, load<f64>(sums) + <f64>abs<f32>(load<f32>(source)));
    source += 4;
    sums += 8;
  }
}

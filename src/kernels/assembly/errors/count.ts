/**
 * What a rounding did to numbers: how many it lost and how far the others are off. Four elements at a time. Relative errors are
 * binary32 quotients, within 2^-23 of themselves, but those above 1 are binary64 ones, as they may leave the range. The squares of
 * errors are summed in binary64, in four lanes, element i in lane i mod 4.
 */
import { upperLanes } from '../rounding/lanes';

/** Two errors in binary64, as magnitudes. */
@inline
function wideErrors(x: v128, y: v128): v128 {
  const exact = f64x2.promote_low_f32x4(x);
  return f64x2.abs(f64x2.div(f64x2.sub(f64x2.promote_low_f32x4(y), exact), exact));
}

/**
 * @param length a multiple of 4
 * @param low the least finite number of the format, `high` the largest
 * @param counts seven vectors, which are added to: overflow, underflow, NaN and measured in four 32-bit integers each; the
 *   largest error, the sums of squares of lanes 0 and 1 and those of lanes 2 and 3, in binary64
 */
export function count(exact: usize, rounded: usize, length: i32, low: f32, high: f32, counts: usize): void {
  const zero = f32x4.splat(0);
  const lowest = f32x4.splat(low);
  const highest = f32x4.splat(high);
  let overflow = v128.load(counts);
  let underflow = v128.load(counts, 16);
  let nan = v128.load(counts, 32);
  let measured = v128.load(counts, 48);
  let wideLargest = v128.load(counts, 64);
  let largest = f32x4.splat(0);
  let first = v128.load(counts, 80);
  let second = v128.load(counts, 96);
  for (const end = exact + <usize>length * 4; exact < end; exact += 16, rounded += 16) {
    const x = v128.load(exact);
    const y = v128.load(rounded);
    // The difference of an infinity or a NaN with itself is NaN.
    const isNumber = v128.and(f32x4.eq(f32x4.sub(x, x), zero), f32x4.ne(x, zero));
    const isBeyond = v128.and(isNumber, v128.or(f32x4.gt(x, highest), f32x4.lt(x, lowest)));
    const isMeasured = v128.and(isNumber, f32x4.eq(f32x4.sub(y, y), zero));
    overflow = i32x4.sub(overflow, isBeyond);
    underflow = i32x4.sub(underflow, v128.andnot(v128.and(isNumber, f32x4.eq(y, zero)), isBeyond));
    nan = i32x4.sub(nan, f32x4.ne(y, y));
    measured = i32x4.sub(measured, isMeasured);
    const difference = f32x4.sub(y, x);
    const isLarge = v128.and(f32x4.gt(f32x4.abs(difference), f32x4.abs(x)), isMeasured);
    const errors = v128.and(f32x4.abs(f32x4.div(difference, x)), isMeasured);
    let low2 = f64x2.promote_low_f32x4(errors);
    let high2 = f64x2.promote_low_f32x4(upperLanes(errors));
    if (v128.any_true(isLarge)) {
      low2 = v128.bitselect(wideErrors(x, y), low2, i64x2.extend_low_i32x4_s(isLarge));
      high2 = v128.bitselect(wideErrors(upperLanes(x), upperLanes(y)), high2, i64x2.extend_high_i32x4_s(isLarge));
      wideLargest = f64x2.pmax(f64x2.pmax(wideLargest, low2), high2);
    }
    largest = f32x4.pmax(largest, v128.andnot(errors, isLarge));
    first = f64x2.add(first, f64x2.mul(low2, low2));
    second = f64x2.add(second, f64x2.mul(high2, high2));
  }
  wideLargest = f64x2.pmax(wideLargest, f64x2.promote_low_f32x4(largest));
  wideLargest = f64x2.pmax(wideLargest, f64x2.promote_low_f32x4(upperLanes(largest)));
  v128.store(counts, overflow);
  v128.store(counts, underflow, 16);
  v128.store(counts, nan, 32);
  v128.store(counts, measured, 48);
  v128.store(counts, wideLargest, 64);
  v128.store(counts, first, 80);
  v128.store(counts, second, 96);
}

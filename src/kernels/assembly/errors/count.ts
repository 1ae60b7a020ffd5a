/**
 * What a rounding did to numbers: how many it lost and how far the others are off. In binary64, two elements at a time; the
 * squares of errors are summed in four lanes, element i in lane i mod 4, which are added in the order of the lanes.
 */

/** What two elements are: -1 in the lanes where it holds. */
let isBeyond: v128;
let isLost: v128;
let isMeasured: v128;

/** The errors of two elements, 0 where there is none. */
@inline
function errorsOf(x: v128, y: v128, low: v128, high: v128): v128 {
  const zero = f64x2.splat(0);
  const isNumber = v128.and(f64x2.eq(f64x2.sub(x, x), zero), f64x2.ne(x, zero));
  isBeyond = v128.and(isNumber, v128.or(f64x2.gt(x, high), f64x2.lt(x, low)));
  isLost = v128.andnot(v128.and(isNumber, f64x2.eq(y, zero)), isBeyond);
  isMeasured = v128.and(isNumber, f64x2.eq(f64x2.sub(y, y), zero));
  return v128.and(f64x2.abs(f64x2.div(f64x2.sub(y, x), x)), isMeasured);
}

/**
 * @param length a multiple of 4
 * @param counts seven vectors, which are added to: overflow, underflow, NaN and measured in two 64-bit integers each; the largest
 *   error, the sums of squares of lanes 0 and 1 and those of lanes 2 and 3, in binary64
 */
export function count(exact: usize, rounded: usize, length: i32, low: f64, high: f64, counts: usize): void {
  const lowest = f64x2.splat(low);
  const highest = f64x2.splat(high);
  let overflow = v128.load(counts);
  let underflow = v128.load(counts, 16);
  let nan = v128.load(counts, 32);
  let measured = v128.load(counts, 48);
  let largest = v128.load(counts, 64);
  let first = v128.load(counts, 80);
  let second = v128.load(counts, 96);
  for (const end = exact + <usize>length * 4; exact < end; exact += 16, rounded += 16) {
    const x = v128.load(exact);
    const y = v128.load(rounded);
    let part = f64x2.promote_low_f32x4(y);
    let errors = errorsOf(f64x2.promote_low_f32x4(x), part, lowest, highest);
    overflow = i64x2.sub(overflow, isBeyond);
    underflow = i64x2.sub(underflow, isLost);
    nan = i64x2.sub(nan, f64x2.ne(part, part));
    measured = i64x2.sub(measured, isMeasured);
    largest = f64x2.pmax(largest, errors);
    first = f64x2.add(first, f64x2.mul(errors, errors));

    part = f64x2.promote_low_f32x4(v128.shuffle<i32>(y, y, 2, 3, 2, 3));
    errors = errorsOf(f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3)), part, lowest, highest);
    overflow = i64x2.sub(overflow, isBeyond);
    underflow = i64x2.sub(underflow, isLost);
    nan = i64x2.sub(nan, f64x2.ne(part, part));
    measured = i64x2.sub(measured, isMeasured);
    largest = f64x2.pmax(largest, errors);
    second = f64x2.add(second, f64x2.mul(errors, errors));
  }
  v128.store(counts, overflow);
  v128.store(counts, underflow, 16);
  v128.store(counts, nan, 32);
  v128.store(counts, measured, 48);
  v128.store(counts, largest, 64);
  v128.store(counts, first, 80);
  v128.store(counts, second, 96);
}

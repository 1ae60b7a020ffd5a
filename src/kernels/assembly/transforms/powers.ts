/**
 * Powers of magnitudes in binary64 lanes: the twins, operation by operation, of `exp` and `log` in `src/approximate.ts`
 * and of what `src/quantizers/transforms/powers.ts` makes of them.
 */

const ln2: f64 = 0.6931471805599453;
/** The first 32 bits of ln 2, and the rest. */
const ln2High: f64 = 0.6931471803691238;
const ln2Low: f64 = 1.9082149292705877e-10;
const sqrt2: f64 = 1.4142135623730951;
const significandMask: i64 = 0x000fffffffffffff;
const one: i64 = 0x3ff0000000000000;

/** sum x + coefficient. */
@inline
function step(sum: v128, x: v128, coefficient: f64): v128 {
  return f64x2.add(f64x2.mul(sum, x), f64x2.splat(coefficient));
}

/** log2 of positive normal numbers. A function of its own, as is `power2`: inlined everywhere they would be most of the module. */
export function log2(x: v128): v128 {
  const exponent = f64x2.sub(
    v128.or(i64x2.shr_u(x, 52), f64x2.splat(4503599627370496)),
    f64x2.splat(4503599627371519),
  );
  const significand = v128.or(v128.and(x, i64x2.splat(significandMask)), i64x2.splat(one));
  const isUpper = f64x2.gt(significand, f64x2.splat(sqrt2));
  const reduced = f64x2.mul(significand, v128.bitselect(f64x2.splat(0.5), f64x2.splat(1), isUpper));
  const more = v128.and(isUpper, f64x2.splat(1));
  const s = f64x2.div(f64x2.sub(reduced, f64x2.splat(1)), f64x2.add(reduced, f64x2.splat(1)));
  const square = f64x2.mul(s, s);
  // The reference begins with 0 times the square.
  let sum = f64x2.splat(1 / 23.0);
  sum = step(sum, square, 1 / 21.0);
  sum = step(sum, square, 1 / 19.0);
  sum = step(sum, square, 1 / 17.0);
  sum = step(sum, square, 1 / 15.0);
  sum = step(sum, square, 1 / 13.0);
  sum = step(sum, square, 1 / 11.0);
  sum = step(sum, square, 1 / 9.0);
  sum = step(sum, square, 1 / 7.0);
  sum = step(sum, square, 1 / 5.0);
  sum = step(sum, square, 1 / 3.0);
  sum = step(sum, square, 1);
  const logarithm = f64x2.mul(f64x2.add(s, s), sum);
  const natural = f64x2.add(
    f64x2.mul(more, f64x2.splat(ln2High)),
    f64x2.add(logarithm, f64x2.mul(more, f64x2.splat(ln2Low))),
  );
  return f64x2.add(exponent, f64x2.div(natural, f64x2.splat(ln2)));
}

/** The nearest integer, the upper one half-way. */
@inline
function rounded(x: v128): v128 {
  const below = f64x2.floor(x);
  return f64x2.add(below, v128.and(f64x2.ge(f64x2.sub(x, below), f64x2.splat(0.5)), f64x2.splat(1)));
}

/** 2^k for an integer within 1000 of 0. */
@inline
function integerPower(k: v128): v128 {
  // The low bits of the sum are the biased exponent.
  return i64x2.shl(f64x2.add(k, f64x2.splat(4503599627371519)), 52);
}

/** 2^x; beyond 2^300 on either side that of the bound. */
export function power2(given: v128): v128 {
  const x = f64x2.pmax(f64x2.pmin(given, f64x2.splat(300)), f64x2.splat(-300));
  const whole = rounded(x);
  const argument = f64x2.mul(f64x2.sub(x, whole), f64x2.splat(ln2));
  const k = rounded(f64x2.div(argument, f64x2.splat(ln2High + ln2Low)));
  const r = f64x2.sub(
    f64x2.sub(argument, f64x2.mul(k, f64x2.splat(ln2High))),
    f64x2.mul(k, f64x2.splat(ln2Low)),
  );
  let sum = f64x2.splat(1 / 1307674368000.0);
  sum = step(sum, r, 1 / 87178291200.0);
  sum = step(sum, r, 1 / 6227020800.0);
  sum = step(sum, r, 1 / 479001600.0);
  sum = step(sum, r, 1 / 39916800.0);
  sum = step(sum, r, 1 / 3628800.0);
  sum = step(sum, r, 1 / 362880.0);
  sum = step(sum, r, 1 / 40320.0);
  sum = step(sum, r, 1 / 5040.0);
  sum = step(sum, r, 1 / 720.0);
  sum = step(sum, r, 1 / 120.0);
  sum = step(sum, r, 1 / 24.0);
  sum = step(sum, r, 1 / 6.0);
  sum = step(sum, r, 0.5);
  sum = step(sum, r, 1);
  sum = step(sum, r, 1);
  return f64x2.mul(f64x2.mul(sum, integerPower(k)), integerPower(whole));
}

/** Two magnitudes: 2^(shift + power log2 x), or its inverse, 2^((log2 x - shift) / power). */
@inline
function shifted(x: v128, power: v128, shift: v128, inverts: bool): v128 {
  const logarithm = log2(f64x2.promote_low_f32x4(x));
  return inverts
    ? power2(f64x2.div(f64x2.sub(logarithm, shift), power))
    : power2(f64x2.add(shift, f64x2.mul(power, logarithm)));
}

/** Four numbers; zeros, infinities and NaN stay, and no finite number becomes an infinity. */
@inline
function shiftedLanes(x: v128, power: v128, shift: v128, inverts: bool): v128 {
  const size = v128.and(x, i32x4.splat(0x7fffffff));
  const low = f32x4.demote_f64x2_zero(shifted(size, power, shift, inverts));
  const high = f32x4.demote_f64x2_zero(
    shifted(v128.shuffle<i64>(size, size, 1, 0), power, shift, inverts),
  );
  const result = f32x4.pmin(v128.shuffle<i64>(low, high, 0, 2), i32x4.splat(0x7f7fffff));
  const stays = v128.or(i32x4.eq(size, i32x4.splat(0)), i32x4.ge_s(size, i32x4.splat(0x7f800000)));
  return v128.or(v128.bitselect(size, result, stays), v128.xor(x, size));
}

/** Each number's magnitude to a power and times a power of two, or back. The source may be the destination. */
export function shiftMagnitudes(
  source: usize,
  destination: usize,
  length: i32,
  power: f64,
  shift: f64,
  inverts: bool,
): void {
  const powers = f64x2.splat(power);
  const shifts = f64x2.splat(shift);
  const end = source + (<usize>(length & ~3) << 2);
  for (; source < end; source += 16) {
    v128.store(destination, shiftedLanes(v128.load(source), powers, shifts, inverts));
    destination += 16;
  }
  for (const stop = end + (<usize>(length & 3) << 2); source < stop; source += 4) {
    const result = shiftedLanes(v128.load32_splat(source), powers, shifts, inverts);
    store<f32>(destination, f32x4.extract_lane(result, 0));
    destination += 4;
  }
}

/**
 * Elementary functions in binary64 lanes, two arguments at a time, without branches: polynomials after exact reductions, the relative error
 * of every result below 2^-47 (the analysis is in `docs/elementary-functions.md`). NaN where an argument, or its reduction, is none that the
 * bound is kept for. Nothing is fused: only operations whose bits IEEE 754 fixes.
 */
import {
  coefficients,
  functionCos,
  functionErf,
  functionExp,
  functionLog,
  functionSin,
  pieces,
  piecesPerUnit,
} from '../../generated/layout-elementary';

/** 1.5 2^52: added and taken away, a number becomes the nearest integer, which the sum's low bits hold in two's complement. */
const integerMagic: f64 = 6755399441055744;
const log2e: f64 = 1.4426950408889634;
/** The first 32 bits of ln 2, and the next 53. */
const ln2High: f64 = 0.6931471803691238;
const ln2Low: f64 = 1.9082149292705877e-10;
/** The first 33 bits of pi/2, and the next 53. */
const halfPiHigh: f64 = 1.5707963267341256;
const halfPiLow: f64 = 6.077100506506192e-11;
const twoOverPi: f64 = 0.6366197723675814;

@inline
function nan(): v128 {
  return f64x2.splat(NaN);
}

/** sum x + coefficient. */
@inline
function step(sum: v128, x: v128, coefficient: f64): v128 {
  return f64x2.add(f64x2.mul(sum, x), f64x2.splat(coefficient));
}

/** a + b x. */
@inline
function two(x: v128, a: f64, b: f64): v128 {
  return step(f64x2.splat(b), x, a);
}

/** a + b x + c x^2 + d x^3, by Estrin's scheme: a chain of Horner's would wait for each of its steps. */
@inline
function four(x: v128, square: v128, a: f64, b: f64, c: f64, d: f64): v128 {
  return f64x2.add(two(x, a, b), f64x2.mul(two(x, c, d), square));
}

/** low + high factor. */
@inline
function join(low: v128, high: v128, factor: v128): v128 {
  return f64x2.add(low, f64x2.mul(high, factor));
}

/** (e^r - 1) / r for |r| <= 0.3466: to r^12. */
@inline
function exponentialRest(r: v128): v128 {
  const square = f64x2.mul(r, r);
  const fourth = f64x2.mul(square, square);
  const low = join(
    four(r, square, 1, 0.5, 1 / 6.0, 1 / 24.0),
    four(r, square, 1 / 120.0, 1 / 720.0, 1 / 5040.0, 1 / 40320.0),
    fourth,
  );
  const high = join(
    four(r, square, 1 / 362880.0, 1 / 3628800.0, 1 / 39916800.0, 1 / 479001600.0),
    f64x2.splat(1 / 6227020800.0),
    fourth,
  );
  return join(low, high, f64x2.mul(fourth, fourth));
}

/** x - k ln 2, k being the integer that `shifted` holds. */
@inline
function lessLogarithms(x: v128, shifted: v128): v128 {
  const k = f64x2.sub(shifted, f64x2.splat(integerMagic));
  const high = f64x2.sub(x, f64x2.mul(k, f64x2.splat(ln2High)));
  return f64x2.sub(high, f64x2.mul(k, f64x2.splat(ln2Low)));
}

/** 2^k. */
@inline
function powerOfTwo(shifted: v128): v128 {
  return i64x2.add(i64x2.shl(shifted, 52), f64x2.splat(1));
}

@inline
function shiftedQuotient(x: v128, inverse: f64): v128 {
  return f64x2.add(f64x2.mul(x, f64x2.splat(inverse)), f64x2.splat(integerMagic));
}

/** Beyond 700 on either side results are as those at 700: beyond every format that comes here. */
@inline
function exponential(x: v128): v128 {
  const clamped = f64x2.pmax(f64x2.pmin(x, f64x2.splat(700)), f64x2.splat(-700));
  const shifted = shiftedQuotient(clamped, log2e);
  const rest = lessLogarithms(clamped, shifted);
  const value = f64x2.mul(step(exponentialRest(rest), rest, 1), powerOfTwo(shifted));
  return f64x2.add(value, f64x2.sub(x, x));
}

@inline
function logarithm(x: v128): v128 {
  const mantissa = v128.and(x, i64x2.splat(0x000fffffffffffff));
  // The significand between 1/sqrt 2 and sqrt 2: one more in the exponent from there on.
  const isUpper = i64x2.gt_s(mantissa, i64x2.splat(0x6a09e667f3bcc));
  const one = v128.and(isUpper, i64x2.splat(1));
  const m = v128.or(mantissa, i64x2.sub(i64x2.splat(0x3ff0000000000000), i64x2.shl(one, 52)));
  const field = i64x2.add(i64x2.shr_u(x, 52), one);
  // 2^52 and the field as one number, less 2^52 and the bias.
  const exponent = f64x2.sub(v128.or(field, f64x2.splat(4503599627370496)), f64x2.splat(4503599627371519));
  const s = f64x2.div(f64x2.sub(m, f64x2.splat(1)), f64x2.add(m, f64x2.splat(1)));
  const square = f64x2.mul(s, s);
  const fourth = f64x2.mul(square, square);
  const eighth = f64x2.mul(fourth, fourth);
  const low = join(
    four(square, fourth, 1, 1 / 3.0, 1 / 5.0, 1 / 7.0),
    four(square, fourth, 1 / 9.0, 1 / 11.0, 1 / 13.0, 1 / 15.0),
    eighth,
  );
  const high = join(two(square, 1 / 17.0, 1 / 19.0), f64x2.splat(1 / 21.0), fourth);
  const sum = join(low, high, f64x2.mul(eighth, eighth));
  const small = f64x2.mul(f64x2.add(s, s), sum);
  const rest = f64x2.add(small, f64x2.mul(exponent, f64x2.splat(ln2Low)));
  const value = f64x2.add(f64x2.mul(exponent, f64x2.splat(ln2High)), rest);
  const isPositive = v128.and(f64x2.gt(x, f64x2.splat(0)), f64x2.lt(x, f64x2.splat(Infinity)));
  return v128.bitselect(value, nan(), isPositive);
}

/** sin r / r by r^2, |r| <= pi/4. */
@inline
function sineOf(square: v128): v128 {
  const fourth = f64x2.mul(square, square);
  return join(
    four(square, fourth, 1, -1 / 6.0, 1 / 120.0, -1 / 5040.0),
    four(square, fourth, 1 / 362880.0, -1 / 39916800.0, 1 / 6227020800.0, -1 / 1307674368000.0),
    f64x2.mul(fourth, fourth),
  );
}

/** cos r by r^2. */
@inline
function cosineOf(square: v128): v128 {
  const fourth = f64x2.mul(square, square);
  const eighth = f64x2.mul(fourth, fourth);
  const high = join(
    four(square, fourth, 1 / 40320.0, -1 / 3628800.0, 1 / 479001600.0, -1 / 87178291200.0),
    f64x2.splat(1 / 20922789888000.0),
    eighth,
  );
  return join(four(square, fourth, 1, -0.5, 1 / 24.0, -1 / 720.0), high, eighth);
}

/** sin x, or with `turn` 1 cos x: the reduction keeps its bound below 10^5, and unless it loses too many bits. */
@inline
function sineOrCosine(x: v128, turn: i64): v128 {
  const shifted = shiftedQuotient(x, twoOverPi);
  const q = f64x2.sub(shifted, f64x2.splat(integerMagic));
  const high = f64x2.sub(x, f64x2.mul(q, f64x2.splat(halfPiHigh)));
  const rest = f64x2.sub(high, f64x2.mul(q, f64x2.splat(halfPiLow)));
  const square = f64x2.mul(rest, rest);
  const quadrant = i64x2.add(shifted, i64x2.splat(turn));
  const isCosine = i64x2.ne(v128.and(quadrant, i64x2.splat(1)), i64x2.splat(0));
  const sine = f64x2.mul(rest, sineOf(square));
  const sign = i64x2.shl(v128.and(quadrant, i64x2.splat(2)), 62);
  const value = v128.xor(v128.bitselect(cosineOf(square), sine, isCosine), sign);
  const isKept = v128.or(
    f64x2.eq(q, f64x2.splat(0)),
    f64x2.ge(f64x2.abs(rest), f64x2.splat(1.52587890625e-5)),
  );
  return v128.bitselect(value, nan(), v128.and(isKept, f64x2.lt(f64x2.abs(x), f64x2.splat(100000))));
}

/** E / (E + 2), E = e^(2 |x|) - 1. From 20 on tanh is 1 to a part in 2^56. */
@inline
function hyperbolicTangent(x: v128): v128 {
  const a = f64x2.pmin(f64x2.abs(x), f64x2.splat(20));
  const twice = f64x2.add(a, a);
  const shifted = shiftedQuotient(twice, log2e);
  const rest = lessLogarithms(twice, shifted);
  const scale = powerOfTwo(shifted);
  const part = f64x2.mul(scale, f64x2.mul(rest, exponentialRest(rest)));
  const expm1 = f64x2.add(part, f64x2.sub(scale, f64x2.splat(1)));
  const value = f64x2.div(expm1, f64x2.add(expm1, f64x2.splat(2)));
  const sign = v128.and(x, i64x2.splat(i64.MIN_VALUE));
  return v128.or(f64x2.add(value, f64x2.sub(x, x)), sign);
}

/** |x| times a polynomial in the distance from the middle of its piece. Beyond all pieces erf is 1 to a part in 2^63. */
@inline
function errorFunction(x: v128, table: usize): v128 {
  const a = f64x2.abs(x);
  const scaled = f64x2.mul(a, f64x2.splat(<f64>piecesPerUnit));
  // NaN gives 0 there.
  const places = i32x4.min_u(i32x4.trunc_sat_f64x2_u_zero(scaled), i32x4.splat(pieces - 1));
  const middle = f64x2.mul(
    f64x2.add(f64x2.convert_low_i32x4_u(places), f64x2.splat(0.5)),
    f64x2.splat(1 / <f64>piecesPerUnit),
  );
  const h = f64x2.sub(a, middle);
  const first = table + <usize>i32x4.extract_lane(places, 0) * (8 * coefficients);
  const second = table + <usize>i32x4.extract_lane(places, 1) * (8 * coefficients);
  // The highest coefficient comes first.
  let sum = v128.load_lane<i64>(second, v128.load64_zero(first), 1);
  for (let i: usize = 8; i < 8 * coefficients; i += 8) {
    const coefficient = v128.load_lane<i64>(second + i, v128.load64_zero(first + i), 1);
    sum = f64x2.add(f64x2.mul(sum, h), coefficient);
  }
  const isInside = f64x2.lt(scaled, f64x2.splat(<f64>pieces));
  const value = v128.bitselect(f64x2.mul(a, sum), f64x2.splat(1), isInside);
  return v128.or(f64x2.add(value, f64x2.sub(x, x)), v128.and(x, i64x2.splat(i64.MIN_VALUE)));
}

/** The function of the number, at two arguments. */
@inline
export function approximate(number: i32, x: v128, table: usize): v128 {
  if (number == functionExp) return exponential(x);
  if (number == functionLog) return logarithm(x);
  if (number == functionSin) return sineOrCosine(x, 0);
  if (number == functionCos) return sineOrCosine(x, 1);
  return number == functionErf ? errorFunction(x, table) : hyperbolicTangent(x);
}

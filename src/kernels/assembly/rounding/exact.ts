/**
 * Rounding in binary64 lanes to any float, integer or fixed-point format, with every option: slower than `round.ts`, but
 * without its need for a power of two above the number, so that every exponent range fits, and with the odd cases: no
 * mantissa bits, no zero, a smallest number that is no power of two, two's-complement wrap.
 *
 * Method: where a magnitude has the format's whole significand, its neighbours are its bit pattern with the low bits
 * cleared, and the next such pattern. Below that, where the quantum is fixed, they come from a magic number as in
 * `round.ts`. Either way the decision is about an exact fraction of a quantum (or one below 2^-34 that stands for any
 * smaller one).
 */
import {
  fixedBelowSlot,
  fixedOddSlot,
  fixedScale1Slot,
  fixedScale2Slot,
  flushBelowSlot,
  fractionScaleSlot,
  infinityNegativeSlot,
  infinityPositiveSlot,
  kindStochastic,
  leastSlot,
  lowestBitSlot,
  maximumNegativeSlot,
  maximumPositiveSlot,
  minimumSlot,
  oddFlipSlot,
  oddForceSlot,
  overflowNegativeSlot,
  overflowPositiveSlot,
  quotientMaskSlot,
  randomScaleSlot,
  restMaskSlot,
  signedZeroSlot,
  subnormalMagicSlot,
  wrapHalfSlot,
  wrapInverseSlot,
  wrapKeepsSignSlot,
  wrapLimitSlot,
  wrapPeriodSlot,
  wrapSignedSlot,
  zeroResultSlot,
} from '../../generated/layout-rounding';
import { goesAway, jamGrid } from './decide';
import { bySign, exponentMask, signMask } from './round';

/** Numbers below this are scaled up before their bits are looked at, so that no subnormal is: 2^-900, by 2^128. */
const tinyBelow: f64 = 1.1830521861667747e-271;
const tinyScale: f64 = 3.402823669209385e38;
const tinyUnscale: f64 = 2.938735877055719e-39;
/** 2^52, whose last bit is worth 1. */
const unit: f64 = 4503599627370496;
/** Smaller than what any rounding can tell from zero, but not zero: 2^-100. */
const tinyFraction: f64 = 7.888609052210118e-31;

/** magnitude / minimum as a quotient cut to the bits of the mask, with the last bit set where it was inexact. */
@inline
function quotient(magnitude: v128, parameters: usize): v128 {
  const divisor = v128.load64_splat(parameters, minimumSlot);
  const mask = v128.load64_splat(parameters, quotientMaskSlot);
  const cut = v128.and(f64x2.div(magnitude, divisor), mask);
  // The product is exact, and so is the rest; it is negative where the division rounded up to a whole number of cut bits.
  const rest = f64x2.sub(magnitude, f64x2.mul(cut, divisor));
  const lower = v128.and(i64x2.add(cut, f64x2.lt(rest, f64x2.splat(0))), mask);
  return v128.or(lower, v128.and(f64x2.ne(rest, f64x2.splat(0)), i64x2.splat(1)));
}

/** 0, 1/4, 1/2 or 3/4, as a magnitude is zero, or below, at or above half of `whole`. */
@inline
function sideOfHalf(magnitude: v128, whole: v128): v128 {
  const twice = f64x2.add(magnitude, magnitude);
  const above = v128.bitselect(f64x2.splat(0.75), f64x2.splat(0.25), f64x2.gt(twice, whole));
  const side = v128.bitselect(f64x2.splat(0.5), above, f64x2.eq(twice, whole));
  return v128.and(side, f64x2.ne(magnitude, f64x2.splat(0)));
}

/** Two's-complement wrap of multiples of the step. */
@inline
function wrap(rounded: v128, period: v128, parameters: usize): v128 {
  const magnitude = v128.andnot(rounded, signMask<f64>());
  // Beyond the limit everything is a multiple of the period.
  const kept = v128.andnot(rounded, f64x2.ge(magnitude, v128.load64_splat(parameters, wrapLimitSlot)));
  const inverse = v128.load64_splat(parameters, wrapInverseSlot);
  if (load<i64>(parameters, wrapKeepsSignSlot) != 0) {
    // The period is that of the bits beside the sign.
    const low = f64x2.sub(kept, f64x2.mul(f64x2.floor(f64x2.mul(kept, inverse)), period));
    return f64x2.sub(low, v128.and(period, f64x2.lt(rounded, f64x2.splat(0))));
  }
  const whole = f64x2.nearest(f64x2.mul(kept, inverse));
  const centred = f64x2.sub(kept, f64x2.mul(whole, period));
  const half = v128.load64_splat(parameters, wrapHalfSlot);
  const atHalf = f64x2.eq(centred, half);
  const signed = f64x2.sub(centred, v128.and(period, atHalf));
  const unsigned = f64x2.add(centred, v128.and(period, f64x2.lt(centred, f64x2.splat(0))));
  return v128.bitselect(signed, unsigned, v128.load64_splat(parameters, wrapSignedSlot));
}

/** Rounds the lanes of one vector; `random` holds one 32-bit integer a lane, in its low lanes. */
@inline
export function exactLanes(kind: i32, input: v128, random: v128, parameters: usize): v128 {
  const zero = f64x2.splat(0);
  const wraps = load<f64>(parameters, wrapPeriodSlot) != 0;
  const value = wraps ? input : jamGrid<f64>(kind, input, parameters);
  const one = i64x2.splat(1);
  const negative = i64x2.lt_s(value, zero);
  const given = v128.andnot(value, signMask<f64>());
  const magnitude = f64x2.pmax(given, v128.load64_splat(parameters, leastSlot));

  const tiny = f64x2.lt(magnitude, f64x2.splat(tinyBelow));
  const pattern = v128.bitselect(f64x2.mul(magnitude, f64x2.splat(tinyScale)), magnitude, tiny);
  const restMask = v128.load64_splat(parameters, restMaskSlot);
  const lowestBit = v128.load64_splat(parameters, lowestBitSlot);
  const lowerPattern = v128.andnot(pattern, restMask);
  const rest = f64x2.sub(v128.or(v128.and(pattern, restMask), f64x2.splat(unit)), f64x2.splat(unit));
  let fraction = f64x2.mul(rest, v128.load64_splat(parameters, fractionScaleSlot));
  let odd = v128.or(
    v128.xor(
      i64x2.eq(v128.and(pattern, lowestBit), lowestBit),
      v128.load64_splat(parameters, oddFlipSlot),
    ),
    v128.load64_splat(parameters, oddForceSlot),
  );
  const unscale = v128.bitselect(f64x2.splat(tinyUnscale), f64x2.splat(1), tiny);
  let lower = f64x2.mul(lowerPattern, unscale);
  let upper = f64x2.mul(i64x2.add(lowerPattern, lowestBit), unscale);

  const fixed = f64x2.lt(magnitude, v128.load64_splat(parameters, fixedBelowSlot));
  if (v128.any_true(fixed)) {
    let fixedFraction = zero;
    let fixedLower = zero;
    let fixedUpper = zero;
    let fixedOdd = zero;
    if (load<f64>(parameters, minimumSlot) != 0) {
      fixedUpper = v128.load64_splat(parameters, minimumSlot);
      fixedFraction =
        kind == kindStochastic ? quotient(magnitude, parameters) : sideOfHalf(magnitude, fixedUpper);
    } else {
      const magic = v128.load64_splat(parameters, subnormalMagicSlot);
      const sum = f64x2.add(magnitude, magic);
      const lowerSum = i64x2.add(sum, f64x2.gt(f64x2.sub(sum, magic), magnitude));
      fixedLower = f64x2.sub(lowerSum, magic);
      fixedUpper = f64x2.sub(i64x2.add(lowerSum, one), magic);
      const fixedRest = f64x2.sub(magnitude, fixedLower);
      const scaled = f64x2.mul(
        f64x2.mul(fixedRest, v128.load64_splat(parameters, fixedScale1Slot)),
        v128.load64_splat(parameters, fixedScale2Slot),
      );
      fixedFraction = v128.and(f64x2.pmax(scaled, f64x2.splat(tinyFraction)), f64x2.gt(fixedRest, zero));
      fixedOdd = v128.or(
        i64x2.eq(v128.and(lowerSum, one), one),
        v128.load64_splat(parameters, fixedOddSlot),
      );
    }
    fraction = v128.bitselect(fixedFraction, fraction, fixed);
    odd = v128.bitselect(fixedOdd, odd, fixed);
    lower = v128.bitselect(fixedLower, lower, fixed);
    upper = v128.bitselect(fixedUpper, upper, fixed);
  }

  const scaled =
    kind == kindStochastic ? f64x2.mul(fraction, v128.load64_splat(parameters, randomScaleSlot)) : zero;
  const half = f64x2.splat(0.5);
  const away = goesAway<f64, i64>(kind, magnitude, fraction, half, odd, negative, scaled, random, parameters);
  let rounded = v128.bitselect(upper, lower, away);
  rounded = v128.andnot(rounded, f64x2.lt(rounded, v128.load64_splat(parameters, flushBelowSlot)));
  rounded = v128.bitselect(
    bySign<f64>(negative, parameters, overflowPositiveSlot, overflowNegativeSlot),
    rounded,
    f64x2.gt(rounded, bySign<f64>(negative, parameters, maximumPositiveSlot, maximumNegativeSlot)),
  );
  const infinite = i64x2.eq(given, exponentMask<f64>());
  rounded = v128.bitselect(
    bySign<f64>(negative, parameters, infinityPositiveSlot, infinityNegativeSlot),
    rounded,
    infinite,
  );
  rounded = v128.bitselect(v128.load64_splat(parameters, zeroResultSlot), rounded, f64x2.eq(given, zero));
  const signed = v128.or(f64x2.ne(rounded, zero), v128.load64_splat(parameters, signedZeroSlot));
  rounded = v128.or(rounded, v128.and(v128.and(value, signMask<f64>()), signed));
  if (wraps) {
    // Jamming sets the last bit of what is left.
    const low = jamGrid<f64>(kind, wrap(rounded, v128.load64_splat(parameters, wrapPeriodSlot), parameters), parameters);
    rounded = v128.bitselect(rounded, low, infinite);
  }
  return v128.bitselect(rounded, value, f64x2.eq(value, value));
}

/** A binary32 array over `bytes` bytes, a multiple of 16. */
@inline
export function exact32(
  kind: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const value = v128.load(source + i);
    const integers = kind >= kindStochastic ? v128.load(random + i) : i32x4.splat(0);
    const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(value, value, 1, 0));
    const highIntegers = v128.shuffle<i64>(integers, integers, 1, 0);
    const first = exactLanes(kind, f64x2.promote_low_f32x4(value), integers, parameters);
    const second = exactLanes(kind, high, highIntegers, parameters);
    const narrowed = f32x4.demote_f64x2_zero(second);
    v128.store(destination + i, v128.shuffle<i64>(f32x4.demote_f64x2_zero(first), narrowed, 0, 2));
  }
}

/** A binary64 array over `bytes` bytes, a multiple of 16. */
@inline
export function exact64(
  kind: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const integers = kind >= kindStochastic ? v128.load64_zero(random + (i >> 1)) : i32x4.splat(0);
    v128.store(destination + i, exactLanes(kind, v128.load(source + i), integers, parameters));
  }
}

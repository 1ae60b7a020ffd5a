/**
 * Rounding in lanes to any format whose neighbours are equally spaced within a binade (or throughout: integers): the
 * kernels that take every mode, saturation and subnormal treatment. The fast twin of `src/rounding/round.ts`.
 *
 * Method: adding a power of two C whose ulp is the target's quantum rounds a magnitude to that quantum, and subtracting C
 * gives it back; stepping the sum's bits by one gives the neighbours, without a shift by a variable amount. C comes from
 * the exponent of the larger of magnitude and smallest normal number. F is the lanes' float type, I the integer of its
 * width; parameters: `scripts/kernels/rounding.js`.
 */
import {
  clampSlot,
  floorSlot,
  flushBelowSlot,
  infinityNegativeSlot,
  infinityPositiveSlot,
  kindNearest,
  kindStochastic,
  maximumNegativeSlot,
  maximumPositiveSlot,
  normalMaskSlot,
  overflowNegativeSlot,
  overflowPositiveSlot,
  scaleSlot,
  shiftSlot,
  signedZeroSlot,
  subnormalBelowSlot,
  subnormalMagicSlot,
} from '../../generated/layout-rounding';
import { goesAway, jamGrid } from './decide';

/** The exponent field of the lane type, all ones. */
@inline
export function exponentMask<F>(): v128 {
  return sizeof<F>() == 8 ? i64x2.splat(0x7ff0000000000000) : i32x4.splat(0x7f800000);
}

/** The sign bit of the lane type. */
@inline
export function signMask<F>(): v128 {
  return sizeof<F>() == 8 ? i64x2.splat(i64.MIN_VALUE) : i32x4.splat(i32.MIN_VALUE);
}

/** Rounds the lanes of one vector; `random` holds one 32-bit integer a lane, in its low lanes. */
@inline
export function roundLanes<F, I>(kind: i32, given: v128, random: v128, parameters: usize): v128 {
  const zero = v128.splat<I>(0);
  const value = jamGrid<F>(kind, given, parameters);
  const negative = v128.lt<I>(value, zero);
  const magnitude = v128.andnot(value, signMask<F>());
  // pmin and pmax keep a NaN in their first operand, and are single instructions on every engine.
  const clamped = v128.pmin<F>(magnitude, v128.load_splat<F>(parameters, clampSlot));
  const binade = v128.and(v128.pmax<F>(clamped, v128.load_splat<F>(parameters, floorSlot)), exponentMask<F>());
  const magic = v128.bitselect(
    v128.load_splat<F>(parameters, subnormalMagicSlot),
    v128.and(
      v128.add<I>(binade, v128.load_splat<I>(parameters, shiftSlot)),
      v128.load_splat<I>(parameters, normalMaskSlot),
    ),
    v128.lt<F>(clamped, v128.load_splat<F>(parameters, subnormalBelowSlot)),
  );
  const sum = v128.add<F>(clamped, magic);
  // Minus one (all ones) where the sum was rounded up.
  const lowerSum = v128.add<I>(sum, v128.gt<F>(v128.sub<F>(sum, magic), clamped));
  const rest = v128.sub<F>(clamped, v128.sub<F>(lowerSum, magic));
  let toUpper = zero;
  if (kind == kindNearest) {
    const upperSum = v128.add<I>(lowerSum, v128.splat<I>(1));
    toUpper = v128.sub<F>(v128.sub<F>(upperSum, magic), clamped);
  }
  let scaled = zero;
  if (kind == kindStochastic)
    scaled = v128.mul<F>(rest, v128.sub<I>(v128.load_splat<I>(parameters, scaleSlot), magic));
  const odd = v128.neg<I>(v128.and(lowerSum, v128.splat<I>(1)));
  const away = goesAway<F, I>(kind, clamped, rest, toUpper, odd, negative, scaled, random, parameters);
  let rounded = v128.sub<F>(v128.sub<I>(lowerSum, away), magic);
  rounded = v128.andnot(rounded, v128.lt<F>(rounded, v128.load_splat<F>(parameters, flushBelowSlot)));
  rounded = v128.bitselect(
    bySign<F>(negative, parameters, overflowPositiveSlot, overflowNegativeSlot),
    rounded,
    v128.gt<F>(rounded, bySign<F>(negative, parameters, maximumPositiveSlot, maximumNegativeSlot)),
  );
  rounded = v128.bitselect(
    bySign<F>(negative, parameters, infinityPositiveSlot, infinityNegativeSlot),
    rounded,
    v128.eq<I>(magnitude, exponentMask<F>()),
  );
  const signed = v128.or(v128.ne<F>(rounded, zero), v128.load_splat<I>(parameters, signedZeroSlot));
  return v128.or(rounded, v128.and(v128.and(value, signMask<F>()), signed));
}

/** One of two numbers of the parameter block, by the sign of a lane. */
@inline
export function bySign<F>(negative: v128, parameters: usize, positiveSlot: usize, negativeSlot: usize): v128 {
  return v128.bitselect(
    v128.load_splat<F>(parameters + negativeSlot),
    v128.load_splat<F>(parameters + positiveSlot),
    negative,
  );
}

/** Four binary32 lanes, rounded in two vectors of binary64 lanes: exact, as binary64 holds every binary32 number. */
@inline
function roundLanesWide(kind: i32, value: v128, random: v128, parameters: usize): v128 {
  const high = v128.shuffle<i64>(value, value, 1, 0);
  const randomHigh = v128.shuffle<i64>(random, random, 1, 0);
  const first = roundLanes<f64, i64>(kind, f64x2.promote_low_f32x4(value), random, parameters);
  const second = roundLanes<f64, i64>(kind, f64x2.promote_low_f32x4(high), randomHigh, parameters);
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(first), f32x4.demote_f64x2_zero(second), 0, 2);
}

/** Binary32 lanes over `bytes` bytes, a multiple of 16; one random integer an element where the kind wants it. */
@inline
export function round32(
  kind: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const integers = kind >= kindStochastic ? v128.load(random + i) : i32x4.splat(0);
    v128.store(destination + i, roundLanes<f32, i32>(kind, v128.load(source + i), integers, parameters));
  }
}

/** The same in binary64 lanes. */
@inline
export function round32in64(
  kind: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const integers = kind >= kindStochastic ? v128.load(random + i) : i32x4.splat(0);
    v128.store(destination + i, roundLanesWide(kind, v128.load(source + i), integers, parameters));
  }
}

/** A binary64 array over `bytes` bytes, a multiple of 16. */
@inline
export function round64(
  kind: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const integers = kind >= kindStochastic ? v128.load64_zero(random + (i >> 1)) : i32x4.splat(0);
    v128.store(destination + i, roundLanes<f64, i64>(kind, v128.load(source + i), integers, parameters));
  }
}

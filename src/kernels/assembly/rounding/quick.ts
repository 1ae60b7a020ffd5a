/**
 * Rounding in lanes for the common cases (a symmetric range, signed zeros, subnormals kept), with nothing else in the loop:
 * for each mode and end of the range only the vector instructions that it needs, as their number is what limits the pace.
 *
 * Method: the lane's exponent field gives the target's quantum q and 1/q there, both powers of two, by integer subtraction;
 * x/q is exact, the hardware rounds it to an integer in the mode wanted and keeps the sign of zero, and q gives it back.
 * Where the hardware has no such rounding (away from zero, ties away or to zero, to odd, stochastic) a few instructions
 * more make it of those that there are.
 */
import {
  boundSlot,
  drawScaleSlot,
  endClamped,
  endExceeded,
  endInfinite,
  endKept,
  endKeptOutward,
  endNaN,
  endNaNOutward,
  exponentMaskSlot,
  floorSlot,
  inverseSlot,
  magnitudeMaskSlot,
  quantaSlot,
  quickAway,
  quickDown,
  quickJam,
  quickNearestAway,
  quickNearestEven,
  quickNearestOdd,
  quickNearestToPositive,
  quickNearestToZero,
  quickOdd,
  quickStochastic,
  quickStochasticAny,
  quickUp,
  roundSlot,
  topSlot,
  unscaleSlot,
} from '../../generated/layout-rounding';
import { stochasticGoesAway } from './decide';
import { clampAll, clampFinite, keepConstant, lowerLimit, upperLimit } from './ends';

/** Modes that work on magnitudes; the others take signed numbers. */
@inline
function byMagnitude(mode: i32): bool {
  return (
    mode == quickAway || mode == quickNearestToZero || mode == quickStochastic || mode == quickStochasticAny
  );
}

/** The number, or magnitude, that is rounded: clamped as the end wants. */
@inline
function clampLanes<F, E>(mode: i32, value: v128, upper: v128, lower: v128, keep: v128): v128 {
  if (offsetof<E>() == endClamped || offsetof<E>() == endNaN)
    return byMagnitude(mode) ? v128.pmin<F>(value, upper) : clampAll<F>(value, upper, lower);
  if (offsetof<E>() == endKept) return clampFinite<F>(value, true, !byMagnitude(mode), upper, lower, keep);
  if (offsetof<E>() == endKeptOutward)
    return clampFinite<F>(value, mode == quickDown, mode == quickUp, upper, lower, keep);
  if (offsetof<E>() == endNaNOutward)
    return mode == quickUp ? v128.pmax<F>(value, lower) : v128.pmin<F>(value, upper);
  return value;
}

/** x/q (to odd: half of that), rounded to an integer. */
@inline
function roundUnits<F, I>(
  mode: i32,
  units: v128,
  random: v128,
  magnitudes: v128,
  constant: v128,
  parameters: usize,
): v128 {
  if (mode == quickNearestEven) return v128.nearest<F>(units);
  if (mode == quickNearestToPositive || mode == quickNearestOdd) {
    // The error of a tie is a half: toward the side of the constant, or any, the other neighbour is as near. A zero keeps its sign.
    const nearest = v128.nearest<F>(units);
    const error = v128.sub<F>(nearest, units);
    const half = mode == quickNearestOdd ? v128.and(error, magnitudes) : error;
    const other = v128.and(v128.add<F>(error, error), v128.eq<F>(half, constant));
    return v128.sub<F>(nearest, other);
  }
  if (mode == quickUp || mode == quickAway) return v128.ceil<F>(units);
  if (mode == quickDown) return v128.floor<F>(units);
  // The constant is the number just below 1/2: the sum of a half and it rounds to 1.
  if (mode == quickNearestAway)
    return v128.trunc<F>(v128.add<F>(units, v128.or(v128.andnot(units, magnitudes), constant)));
  // The constant is 1/2; from below it zero comes with the wrong sign.
  if (mode == quickNearestToZero) return v128.and(v128.ceil<F>(v128.sub<F>(units, constant)), magnitudes);
  // An integer is its own floor and ceiling; the sum of two neighbours is odd.
  if (mode == quickOdd) return v128.add<F>(v128.floor<F>(units), v128.ceil<F>(units));
  const lower = v128.trunc<F>(units);
  if (mode == quickJam) {
    // Pairs and the constant, 1, with the number's sign; a zero stays.
    const one = v128.or(v128.andnot(units, magnitudes), constant);
    const odd = v128.add<F>(v128.add<F>(lower, lower), one);
    return v128.bitselect(units, odd, v128.eq<F>(units, v128.splat<F>(0)));
  }
  if (mode != quickStochastic && mode != quickStochasticAny) return lower;
  const scaled = v128.mul<F>(v128.sub<F>(units, lower), v128.load_splat<F>(parameters, drawScaleSlot));
  let away: v128;
  if (mode == quickStochasticAny) away = stochasticGoesAway<F, I>(scaled, random, parameters);
  else {
    const draws = sizeof<F>() == 8 ? f64x2.convert_low_i32x4_u(random) : f32x4.convert_i32x4_s(random);
    away = v128.ge<F>(scaled, v128.sub<F>(v128.load_splat<F>(parameters, boundSlot), draws));
  }
  return v128.add<F>(lower, v128.and(away, constant));
}

/** What is left to do about the end, on rounded numbers. */
@inline
function endLanes<F, E>(
  mode: i32,
  rounded: v128,
  value: v128,
  magnitudes: v128,
  upper: v128,
  lower: v128,
): v128 {
  if (offsetof<E>() == endExceeded) {
    const magnitude = byMagnitude(mode) ? rounded : v128.and(rounded, magnitudes);
    return v128.or(rounded, v128.gt<F>(magnitude, upper));
  }
  let result = rounded;
  if (offsetof<E>() == endNaNOutward)
    result = v128.or(rounded, mode == quickUp ? v128.gt<F>(rounded, upper) : v128.lt<F>(rounded, lower));
  // Minus 0, but NaN for an infinity.
  if (offsetof<E>() == endNaN || offsetof<E>() == endNaNOutward)
    result = v128.sub<F>(result, v128.sub<F>(value, value));
  return result;
}

/** One vector; the arguments behind `random` are constants of the loop. */
@inline
function quickLanes<F, I, E>(
  mode: i32,
  value: v128,
  random: v128,
  exponents: v128,
  magnitudes: v128,
  floor: v128,
  top: v128,
  inverses: v128,
  quanta: v128,
  unscale: v128,
  constant: v128,
  upper: v128,
  lower: v128,
  keep: v128,
  parameters: usize,
): v128 {
  const given = byMagnitude(mode) ? v128.and(value, magnitudes) : value;
  const clamped = clampLanes<F, E>(mode, given, upper, lower, keep);
  const isScaled = offsetof<E>() == endInfinite || offsetof<E>() == endKeptOutward;
  let binade = v128.pmax<F>(v128.and(clamped, exponents), floor);
  if (isScaled) binade = v128.pmin<F>(binade, top);
  const units = v128.mul<F>(clamped, v128.sub<I>(inverses, binade));
  const integer = roundUnits<F, I>(mode, units, random, magnitudes, constant, parameters);
  let rounded = v128.mul<F>(integer, v128.sub<I>(binade, quanta));
  // The quantum is so much larger than the target's that what exceeds the range has become infinity.
  if (isScaled) rounded = v128.mul<F>(rounded, unscale);
  rounded = endLanes<F, E>(mode, rounded, value, magnitudes, upper, lower);
  return byMagnitude(mode) ? v128.or(rounded, v128.xor(value, given)) : rounded;
}

/**
 * Rounds `bytes` bytes, a multiple of 32. `mode` is a constant, `E` an end by its type, see `ends.ts`. The loop's constants are
 * read once and stay in registers; two vectors a turn leave it less besides the arithmetic.
 */
@inline
export function quick<F, I, E>(
  mode: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  const isRandom = mode == quickStochastic || mode == quickStochasticAny;
  const exponents = v128.load_splat<I>(parameters, exponentMaskSlot);
  const magnitudes = v128.load_splat<I>(parameters, magnitudeMaskSlot);
  const floor = v128.load_splat<F>(parameters, floorSlot);
  const top = v128.load_splat<F>(parameters, topSlot);
  const inverses = v128.load_splat<I>(parameters, inverseSlot);
  const quanta = v128.load_splat<I>(parameters, quantaSlot);
  const unscale = v128.load_splat<F>(parameters, unscaleSlot);
  const constant = v128.load_splat<F>(parameters, roundSlot);
  const keep = keepConstant<F>(parameters);
  const isKept = offsetof<E>() == endKept || offsetof<E>() == endKeptOutward;
  const upper = upperLimit<F>(isKept, parameters);
  const lower = lowerLimit<F>(isKept, parameters);
  const randomBytes: usize = sizeof<F>() == 8 ? 8 : 16;
  let to = destination;
  let integers = random;
  for (let from = source, stop = source + bytes; from < stop; from += 32) {
    const draws0 = !isRandom
      ? exponents
      : sizeof<F>() == 8
        ? v128.load64_zero(integers)
        : v128.load(integers);
    integers += randomBytes;
    const draws1 = !isRandom
      ? exponents
      : sizeof<F>() == 8
        ? v128.load64_zero(integers)
        : v128.load(integers);
    integers += randomBytes;
    const first = v128.load(from);
    const second = v128.load(from, 16);
    const rounded0 = quickLanes<F, I, E>(
      mode,
      first,
      draws0,
      exponents,
      magnitudes,
      floor,
      top,
      inverses,
      quanta,
      unscale,
      constant,
      upper,
      lower,
      keep,
      parameters,
    );
    const rounded1 = quickLanes<F, I, E>(
      mode,
      second,
      draws1,
      exponents,
      magnitudes,
      floor,
      top,
      inverses,
      quanta,
      unscale,
      constant,
      upper,
      lower,
      keep,
      parameters,
    );
    v128.store(to, rounded0);
    v128.store(to, rounded1, 16);
    to += 32;
  }
}

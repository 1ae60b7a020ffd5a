/**
 * Rounding in lanes for the common cases (nearest-even, toward-zero, stochastic; a symmetric range, signed zeros,
 * subnormals kept), with nothing else in the loop: at the pace of memory. The same method as `round.ts`; formats with
 * the exponent range of binary32 are rounded on the bit pattern instead, as they leave no room for a larger power of two.
 */
import {
  clampSlot,
  endExceeded,
  endInfinite,
  exponentMaskSlot,
  floorSlot,
  halfSlot,
  infinityPositiveSlot,
  lowestBitSlot,
  magnitudeMaskSlot,
  maximumPositiveSlot,
  overflowPositiveSlot,
  quickNearestEven,
  quickStochastic,
  restMaskSlot,
  scaleSlot,
  shiftSlot,
} from '../../parameters';
import { stochasticGoesAway } from './decide';

/** One vector, deterministic or stochastic; the constants are those of `../../parameters`. */
@inline
function quickLanes<F, I>(
  mode: i32,
  end: i32,
  value: v128,
  random: v128,
  magnitudeMask: v128,
  exponents: v128,
  clamp: v128,
  floor: v128,
  shift: v128,
  maximum: v128,
  atTop: v128,
  parameters: usize,
): v128 {
  const magnitude = v128.and(value, magnitudeMask);
  const clamped = v128.pmin<F>(magnitude, clamp);
  const binade = v128.and(v128.pmax<F>(clamped, floor), exponents);
  const magic = v128.add<I>(binade, shift);
  const sum = v128.add<F>(clamped, magic);
  let rounded = v128.sub<F>(sum, magic);
  if (mode != quickNearestEven) {
    const lowerSum = v128.add<I>(sum, v128.gt<F>(rounded, clamped));
    rounded = v128.sub<F>(lowerSum, magic);
    if (mode == quickStochastic) {
      const scale = v128.sub<I>(v128.load_splat<I>(parameters, scaleSlot), magic);
      const scaled = v128.mul<F>(v128.sub<F>(clamped, rounded), scale);
      const away = stochasticGoesAway<F, I>(scaled, random, parameters);
      rounded = v128.sub<F>(v128.sub<I>(lowerSum, away), magic);
    }
  }
  // Infinity or NaN: infinity is laid over the next power of two, whose other bits are 0; NaN over anything.
  if (end == endExceeded) rounded = v128.or(rounded, v128.and(atTop, v128.gt<F>(rounded, maximum)));
  // The maximum plus infinity, or plus NaN; anything else plus 0.
  if (end == endInfinite) rounded = v128.add<F>(rounded, v128.and(atTop, v128.eq<I>(magnitude, exponents)));
  return v128.or(rounded, v128.xor(value, magnitude));
}

/**
 * Rounds `bytes` bytes, a multiple of 16. `end` says what happens at the upper end of the range, see `../../parameters`. The
 * constants are read once and stay in registers.
 */
@inline
export function quick<F, I>(
  mode: i32,
  end: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  const exponents = v128.load_splat<I>(parameters, exponentMaskSlot);
  const magnitudes = v128.load_splat<I>(parameters, magnitudeMaskSlot);
  const clamp = v128.load_splat<F>(parameters, clampSlot);
  const floor = v128.load_splat<F>(parameters, floorSlot);
  const shift = v128.load_splat<I>(parameters, shiftSlot);
  const maximum = v128.load_splat<F>(parameters, maximumPositiveSlot);
  const top =
    end == endExceeded
      ? v128.load_splat<F>(parameters, overflowPositiveSlot)
      : v128.load_splat<F>(parameters, infinityPositiveSlot);
  const none = i32x4.splat(0);
  let from = source;
  let to = destination;
  const stop = source + bytes;
  let integers = random;
  if (mode != quickStochastic) {
    // Two vectors a turn: 6 % faster to nearest even at 10^6 elements.
    for (const stop2 = source + (bytes & ~31); from < stop2; from += 32) {
      const first = v128.load(from);
      const second = v128.load(from, 16);
      v128.store(
        to,
        quickLanes<F, I>(mode, end, first, none, magnitudes, exponents, clamp, floor, shift, maximum, top, parameters),
      );
      v128.store(
        to,
        quickLanes<F, I>(mode, end, second, none, magnitudes, exponents, clamp, floor, shift, maximum, top, parameters),
        16,
      );
      to += 32;
    }
  }
  for (; from < stop; from += 16) {
    let draws = none;
    if (mode == quickStochastic) {
      draws = sizeof<F>() == 8 ? v128.load64_zero(integers) : v128.load(integers);
      integers += sizeof<F>() == 8 ? 8 : 16;
    }
    const rounded = quickLanes<F, I>(
      mode,
      end,
      v128.load(from),
      draws,
      magnitudes,
      exponents,
      clamp,
      floor,
      shift,
      maximum,
      top,
      parameters,
    );
    v128.store(to, rounded);
    to += 16;
  }
}

/** One vector by its bit pattern, from `from` to `to`, with the random integers at `random`. */
@inline
function patternVector(
  mode: i32,
  end: i32,
  from: usize,
  to: usize,
  random: usize,
  magnitudeMask: v128,
  exponents: v128,
  clamp: v128,
  restMask: v128,
  lowest: v128,
  half: v128,
  parameters: usize,
): void {
  const value = v128.load(from);
  const magnitude = v128.and(value, magnitudeMask);
  const clamped = end == endExceeded ? magnitude : f32x4.pmin(magnitude, clamp);
  let sum = clamped;
  if (mode == quickNearestEven) {
    const odd = i32x4.eq(v128.and(clamped, lowest), lowest);
    sum = i32x4.sub(i32x4.add(clamped, half), odd);
  } else if (mode == quickStochastic) {
    const rest = f32x4.convert_i32x4_s(v128.and(clamped, restMask));
    const scaled = f32x4.mul(rest, v128.load32_splat(parameters, scaleSlot));
    const away = stochasticGoesAway<f32, i32>(scaled, v128.load(random), parameters);
    sum = i32x4.add(clamped, v128.and(lowest, away));
  }
  let rounded = v128.andnot(sum, restMask);
  // All ones is a NaN; the maximum plus infinity is infinity.
  rounded = v128.or(rounded, i32x4.gt_s(clamped, exponents));
  if (end == endInfinite) rounded = f32x4.add(rounded, v128.and(exponents, i32x4.eq(magnitude, exponents)));
  v128.store(to, v128.or(rounded, v128.xor(value, magnitude)));
}

/** The same for binary32 arrays on the bit pattern; a carry past the maximum makes infinity by itself. */
@inline
export function pattern(
  mode: i32,
  end: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  const exponents = v128.load32_splat(parameters, exponentMaskSlot);
  const magnitudes = v128.load32_splat(parameters, magnitudeMaskSlot);
  const clamp = v128.load32_splat(parameters, clampSlot);
  const restMask = v128.load32_splat(parameters, restMaskSlot);
  const lowest = v128.load32_splat(parameters, lowestBitSlot);
  const half = v128.load32_splat(parameters, halfSlot);
  let from = source;
  let to = destination;
  let integers = random;
  const stop = source + bytes;
  // Two vectors a turn: a quarter faster to nearest even at 10^6 elements.
  for (const stop2 = source + (bytes & ~31); from < stop2; from += 32) {
    patternVector(mode, end, from, to, integers, magnitudes, exponents, clamp, restMask, lowest, half, parameters);
    const next = integers + 16;
    patternVector(mode, end, from + 16, to + 16, next, magnitudes, exponents, clamp, restMask, lowest, half, parameters);
    to += 32;
    integers += 32;
  }
  if (from < stop)
    patternVector(mode, end, from, to, integers, magnitudes, exponents, clamp, restMask, lowest, half, parameters);
}

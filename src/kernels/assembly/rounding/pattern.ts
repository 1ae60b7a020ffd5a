/**
 * Rounding of binary32 arrays to narrower formats of the same exponent range (bfloat16, tf32), for which larger powers of
 * two leave no room, on the bit pattern: subnormal numbers are rounded as others are, and a carry past the largest number
 * makes infinity by itself. The sign bit takes no part.
 */
import {
  cutMaskSlot,
  drawAddedSlot,
  drawLeftSlot,
  drawRightSlot,
  endClamped,
  endKept,
  halfSlot,
  lowestBitSlot,
  quickDown,
  quickJam,
  quickNearestAway,
  quickNearestEven,
  quickNearestOdd,
  quickNearestToNegative,
  quickNearestToPositive,
  quickStochastic,
  quickStochasticAny,
  quickUp,
  restMaskSlot,
  scaleSlot,
} from '../../generated/layout-rounding';
import { cut } from './composed';
import { stochasticGoesAway } from './decide';
import { clampAll, clampFinite, keepConstant, lowerLimit, upperLimit } from './ends';

/** What is added to the bits before they are cut; an overflow of a NaN is mended later. */
@inline
function raise(
  mode: i32,
  bits: v128,
  random: v128,
  rest: v128,
  lowest: v128,
  half: v128,
  parameters: usize,
): v128 {
  if (mode == quickNearestEven) {
    const odd = i32x4.eq(v128.and(bits, lowest), lowest);
    return i32x4.sub(i32x4.add(bits, half), odd);
  }
  if (mode == quickNearestOdd)
    return i32x4.add(i32x4.add(bits, half), i32x4.eq(v128.and(bits, lowest), lowest));
  // The sign, all ones, is minus one.
  if (mode == quickNearestToPositive) return i32x4.add(i32x4.add(bits, half), i32x4.shr_s(bits, 31));
  if (mode == quickNearestToNegative) return i32x4.sub(i32x4.add(bits, half), i32x4.shr_s(bits, 31));
  // Away from zero, ties away, ties to zero: they differ in the constant.
  if (mode == quickNearestAway) return i32x4.add(bits, half);
  if (mode == quickUp) return i32x4.add(bits, v128.andnot(rest, i32x4.shr_s(bits, 31)));
  if (mode == quickDown) return i32x4.add(bits, v128.and(rest, i32x4.shr_s(bits, 31)));
  if (mode == quickStochastic) {
    // The random integer, moved to where the bits are that are cut off.
    const left = i32x4.shl(random, load<i32>(parameters, drawLeftSlot));
    const draw = i32x4.shr_u(left, load<i32>(parameters, drawRightSlot));
    return i32x4.add(i32x4.add(bits, v128.load32_splat(parameters, drawAddedSlot)), draw);
  }
  if (mode == quickStochasticAny) {
    const fraction = f32x4.convert_i32x4_s(v128.and(bits, rest));
    const scaled = f32x4.mul(fraction, v128.load32_splat(parameters, scaleSlot));
    return i32x4.add(bits, v128.and(lowest, stochasticGoesAway<f32, i32>(scaled, random, parameters)));
  }
  return bits;
}

@inline
function patternLanes<E>(
  mode: i32,
  value: v128,
  random: v128,
  rest: v128,
  mask: v128,
  lowest: v128,
  half: v128,
  upper: v128,
  lower: v128,
  keep: v128,
  parameters: usize,
): v128 {
  let bits = value;
  if (offsetof<E>() == endClamped) bits = clampAll<f32>(value, upper, lower);
  if (offsetof<E>() == endKept) bits = clampFinite<f32>(value, true, true, upper, lower, keep);
  let rounded = cut<i32>(mode, raise(mode, bits, random, rest, lowest, half, parameters), rest, mask);
  if (mode == quickJam) {
    // Magnitudes that are neither 0 nor infinite.
    const before = i32x4.sub(i32x4.shl(bits, 1), i32x4.splat(1));
    rounded = v128.or(rounded, v128.and(lowest, i32x4.lt_u(before, i32x4.splat(0xfeffffff))));
  }
  // All ones is a NaN.
  return v128.or(rounded, f32x4.ne(value, value));
}

/** Rounds `bytes` bytes, a multiple of 32. `mode` is a constant, `E` an end by its type. */
@inline
export function pattern<E>(
  mode: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  random: usize,
  parameters: usize,
): void {
  const isRandom = mode == quickStochastic || mode == quickStochasticAny;
  const rest = v128.load32_splat(parameters, restMaskSlot);
  const mask = v128.load32_splat(parameters, cutMaskSlot);
  const lowest = v128.load32_splat(parameters, lowestBitSlot);
  const half = v128.load32_splat(parameters, halfSlot);
  const keep = keepConstant<f32>(parameters);
  const isKept = offsetof<E>() == endKept;
  const upper = upperLimit<f32>(isKept, parameters);
  const lower = lowerLimit<f32>(isKept, parameters);
  let to = destination;
  let integers = random;
  for (let from = source, stop = source + bytes; from < stop; from += 32) {
    const draws0 = isRandom ? v128.load(integers) : rest;
    const draws1 = isRandom ? v128.load(integers, 16) : rest;
    if (isRandom) integers += 32;
    const value0 = v128.load(from);
    const value1 = v128.load(from, 16);
    v128.store(
      to,
      patternLanes<E>(mode, value0, draws0, rest, mask, lowest, half, upper, lower, keep, parameters),
    );
    v128.store(
      to,
      patternLanes<E>(mode, value1, draws1, rest, mask, lowest, half, upper, lower, keep, parameters),
      16,
    );
    to += 32;
  }
}

/**
 * Rounding in lanes for the common cases (nearest-even, toward-zero, stochastic; a symmetric range, signed zeros,
 * subnormals kept), with nothing else in the loop: at the pace of memory. The same method as `round.ts`; formats with
 * the exponent range of binary32 are rounded on the bit pattern instead, as they leave no room for a larger power of two.
 */
import {
  clampSlot,
  endClamped,
  endExceeded,
  endInfinite,
  floorSlot,
  halfSlot,
  infinityPositiveSlot,
  lowestBitSlot,
  maximumPositiveSlot,
  overflowPositiveSlot,
  quickNearestEven,
  quickStochastic,
  restMaskSlot,
  scaleSlot,
  shiftSlot,
} from '../parameters';
import { stochasticGoesAway } from './decide';
import { exponentMask, signMask } from './round';

/** `end` says what happens at the upper end of the range, see `../parameters`. */
@inline
export function quickLanes<F, I>(mode: i32, end: i32, value: v128, random: v128, parameters: usize): v128 {
  const magnitude = v128.andnot(value, signMask<F>());
  const clamped = v128.pmin<F>(magnitude, v128.load_splat<F>(parameters, clampSlot));
  const binade = v128.and(v128.pmax<F>(clamped, v128.load_splat<F>(parameters, floorSlot)), exponentMask<F>());
  const magic = v128.add<I>(binade, v128.load_splat<I>(parameters, shiftSlot));
  const sum = v128.add<F>(clamped, magic);
  let rounded = v128.sub<F>(sum, magic);
  if (mode != quickNearestEven) {
    const lowerSum = v128.add<I>(sum, v128.gt<F>(rounded, clamped));
    rounded = v128.sub<F>(lowerSum, magic);
    if (mode == quickStochastic) {
      const rest = v128.sub<F>(clamped, rounded);
      const scaled = v128.mul<F>(rest, v128.sub<I>(v128.load_splat<I>(parameters, scaleSlot), magic));
      const away = stochasticGoesAway<F, I>(scaled, random, parameters);
      rounded = v128.sub<F>(v128.sub<I>(lowerSum, away), magic);
    }
  }
  if (end == endExceeded) {
    const exceeded = v128.gt<F>(rounded, v128.load_splat<F>(parameters, maximumPositiveSlot));
    rounded = v128.bitselect(v128.load_splat<F>(parameters, overflowPositiveSlot), rounded, exceeded);
  }
  return quickEnd<F, I>(end, rounded, magnitude, value, parameters);
}

/** Gives infinite inputs their own value where they have one, and the sign back. */
@inline
function quickEnd<F, I>(end: i32, rounded: v128, magnitude: v128, value: v128, parameters: usize): v128 {
  let result = rounded;
  if (end == endInfinite) {
    const infinite = v128.eq<I>(magnitude, exponentMask<F>());
    result = v128.bitselect(v128.load_splat<F>(parameters, infinityPositiveSlot), rounded, infinite);
  }
  return v128.or(result, v128.and(value, signMask<F>()));
}

/** The bit-pattern kernel for binary32 lanes; a carry past the maximum makes infinity by itself. */
@inline
export function patternLanes(mode: i32, end: i32, value: v128, random: v128, parameters: usize): v128 {
  const magnitude = v128.andnot(value, signMask<f32>());
  const clamped = f32x4.pmin(magnitude, v128.load32_splat(parameters, clampSlot));
  const restMask = v128.load32_splat(parameters, restMaskSlot);
  const lowest = v128.load32_splat(parameters, lowestBitSlot);
  let sum = clamped;
  if (mode == quickNearestEven) {
    const odd = i32x4.eq(v128.and(clamped, lowest), lowest);
    sum = i32x4.sub(i32x4.add(clamped, v128.load32_splat(parameters, halfSlot)), odd);
  } else if (mode == quickStochastic) {
    const rest = f32x4.convert_i32x4_s(v128.and(clamped, restMask));
    const scaled = f32x4.mul(rest, v128.load32_splat(parameters, scaleSlot));
    sum = i32x4.add(clamped, v128.and(lowest, stochasticGoesAway<f32, i32>(scaled, random, parameters)));
  }
  const rounded = v128.andnot(sum, restMask);
  const isNaN = i32x4.gt_s(clamped, exponentMask<f32>());
  return quickEnd<f32, i32>(end, v128.bitselect(clamped, rounded, isNaN), magnitude, value, parameters);
}

@inline
export function quick32(mode: i32, end: i32, source: usize, destination: usize, bytes: usize, random: usize, parameters: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const integers = mode == quickStochastic ? v128.load(random + i) : i32x4.splat(0);
    v128.store(destination + i, quickLanes<f32, i32>(mode, end, v128.load(source + i), integers, parameters));
  }
}

@inline
export function quick64(mode: i32, end: i32, source: usize, destination: usize, bytes: usize, random: usize, parameters: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const integers = mode == quickStochastic ? v128.load64_zero(random + (i >> 1)) : i32x4.splat(0);
    v128.store(destination + i, quickLanes<f64, i64>(mode, end, v128.load(source + i), integers, parameters));
  }
}

@inline
export function pattern32(mode: i32, end: i32, source: usize, destination: usize, bytes: usize, random: usize, parameters: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const integers = mode == quickStochastic ? v128.load(random + i) : i32x4.splat(0);
    v128.store(destination + i, patternLanes(mode, end, v128.load(source + i), integers, parameters));
  }
}

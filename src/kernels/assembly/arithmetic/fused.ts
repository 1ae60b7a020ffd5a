/**
 * The hot case in one loop: binary32 lanes, a float format with signed zeros and subnormals, nearest even. Operands are looked
 * at for numbers that are none of the format's, the sum or product is made and its result rounded, all in registers, so that an
 * array goes through memory once. Where the format has binary32's exponent range, by bit patterns; otherwise by the magic
 * number of `../rounding/round.ts`.
 *
 * The look at the operands may be mistaken in one way: it finds all NaNs suspicious. It is repeated then, more carefully.
 */
import {
  formPlain,
  fusedAnchorSlot,
  fusedClampSlot,
  fusedExponentsSlot,
  fusedFloorSlot,
  fusedHalfSlot,
  fusedLowestSlot,
  fusedMagnitudesSlot,
  fusedMaximumSlot,
  fusedRestSlot,
  fusedShiftSlot,
  fusedTopSlot,
  operationSub,
  suspectSlot,
} from '../../arithmetic/parameters';
import { signBit } from './error-free';
import { operateLanes } from './intermediate';
import { strange } from './members';

/** Rounded on the bit pattern. */
@inline
export function nearestPattern(
  clamped: bool,
  value: v128,
  magnitude: v128,
  exponents: v128,
  clamp: v128,
  rest: v128,
  half: v128,
  lowest: v128,
): v128 {
  const inside = clamped ? f32x4.pmin(magnitude, clamp) : magnitude;
  const odd = i32x4.eq(v128.and(inside, lowest), lowest);
  const rounded = v128.andnot(i32x4.sub(i32x4.add(inside, half), odd), rest);
  // All ones is a NaN; the sum's carry makes an infinity by itself.
  return v128.or(v128.or(rounded, i32x4.gt_s(inside, exponents)), v128.xor(value, magnitude));
}

/** A magnitude rounded by a magic number, its exponent unbounded above. */
@inline
export function nearestUnits(magnitude: v128, magic: v128): v128 {
  return f32x4.sub(f32x4.add(magnitude, magic), magic);
}

/** What `nearestUnits` gave, within the range and with the sign of the value. */
@inline
export function inRange(clamped: bool, units: v128, value: v128, magnitude: v128, maximum: v128, top: v128): v128 {
  // As integers, an infinity is larger than any number, and a NaN than that. pmin keeps a NaN in its first operand.
  const inside = clamped ? f32x4.pmin(units, maximum) : i32x4.max_s(units, v128.and(top, f32x4.gt(units, maximum)));
  return v128.or(inside, v128.xor(value, magnitude));
}

/**
 * Over `bytes` bytes of each operand, a multiple of 16. O is add, sub or mul; P is One for bit patterns, C where
 * results are clamped.
 */
export function fused<O, P, C>(
  a: usize,
  b: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const magnitudes = v128.load32_splat(block, fusedMagnitudesSlot);
  const exponents = v128.load32_splat(block, fusedExponentsSlot);
  const clamp = v128.load32_splat(block, fusedClampSlot);
  const maximum = v128.load32_splat(block, fusedMaximumSlot);
  const top = v128.load32_splat(block, fusedTopSlot);
  const floor = v128.load32_splat(block, fusedFloorSlot);
  const shift = v128.load32_splat(block, fusedShiftSlot);
  const rest = v128.load32_splat(block, fusedRestSlot);
  const half = v128.load32_splat(block, fusedHalfSlot);
  const lowest = v128.load32_splat(block, fusedLowestSlot);
  const anchor = v128.load32_splat(block, fusedAnchorSlot);
  const keptBits = v128.andnot(magnitudes, rest);
  const flipB = offsetof<O>() == operationSub ? signBit<f32>() : i32x4.splat(0);
  const none = i32x4.splat(0);
  let any = none;
  let largest = none;
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i);
    const y = v128.load(b + i);
    if (offsetof<P>() != 0) any = v128.or(any, v128.or(x, y));
    else {
      const first = v128.and(x, keptBits);
      const second = v128.and(y, keptBits);
      any = v128.or(any, v128.or(strange(x, first, anchor), strange(y, second, anchor)));
      largest = i32x4.max_s(largest, i32x4.max_s(first, second));
    }
    const value = operateLanes<f32, i32>(offsetof<O>(), formPlain, x, y, x, none, flipB, none, none);
    const magnitude = v128.and(value, magnitudes);
    let rounded: v128;
    if (offsetof<P>() != 0) {
      rounded = nearestPattern(offsetof<C>() != 0, value, magnitude, exponents, clamp, rest, half, lowest);
    } else {
      const magic = i32x4.add(v128.and(f32x4.pmax(magnitude, floor), exponents), shift);
      const units = nearestUnits(magnitude, magic);
      rounded = inRange(offsetof<C>() != 0, units, value, magnitude, maximum, top);
    }
    v128.store(to + i, rounded);
  }
  // Too many significant bits, or too small, or too large.
  if (offsetof<P>() != 0) any = v128.and(any, rest);
  else any = v128.or(v128.and(any, magnitudes), i32x4.gt_s(largest, maximum));
  if (v128.any_true(any)) store<i32>(block, 1, suspectSlot);
}

/**
 * The hot case in one loop: binary32 lanes, a float format with signed zeros and subnormals, nearest even. Operands are looked
 * at for numbers that are none of the format's, the operation is done and its result rounded, all in registers, so that an
 * array goes through memory once. Where the format has binary32's exponent range, by bit patterns; otherwise by the magic
 * number of `../rounding/round.ts`.
 *
 * The look at the operands may be mistaken in one way: it finds all NaNs suspicious. It is repeated then, more carefully.
 */
import {
  flipSlot,
  formGuarded,
  formOdd,
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
  operationFma,
  operationMul,
  suspectSlot,
} from '../../arithmetic/parameters';
import { operateLanes } from './intermediate';

/**
 * All ones where a magnitude is no multiple of the smallest number. The anchor is the power of two whose last bit is worth
 * that number: its sum with any number of the format is exact.
 */
@inline
function strange(magnitude: v128, anchor: v128): v128 {
  return f32x4.ne(f32x4.sub(f32x4.add(magnitude, anchor), anchor), magnitude);
}

/** Rounded on the bit pattern. */
@inline
function nearestPattern(
  clamped: bool,
  value: v128,
  magnitudes: v128,
  exponents: v128,
  clamp: v128,
  rest: v128,
  half: v128,
  lowest: v128,
): v128 {
  const magnitude = v128.and(value, magnitudes);
  const inside = clamped ? f32x4.pmin(magnitude, clamp) : magnitude;
  const odd = i32x4.eq(v128.and(inside, lowest), lowest);
  const rounded = v128.andnot(i32x4.sub(i32x4.add(inside, half), odd), rest);
  // All ones is a NaN; the sum's carry makes an infinity by itself.
  return v128.or(v128.or(rounded, i32x4.gt_s(inside, exponents)), v128.xor(value, magnitude));
}

/** Rounded by a magic number. */
@inline
function nearestMagic(
  clamped: bool,
  value: v128,
  magnitudes: v128,
  exponents: v128,
  clamp: v128,
  maximum: v128,
  top: v128,
  floor: v128,
  shift: v128,
): v128 {
  const magnitude = v128.and(value, magnitudes);
  const inside = f32x4.pmin(magnitude, clamp);
  const magic = i32x4.add(v128.and(f32x4.pmax(inside, floor), exponents), shift);
  let rounded = f32x4.sub(f32x4.add(inside, magic), magic);
  // An infinity is laid over the next power of two, whose other bits are 0; a NaN over anything.
  if (!clamped) rounded = v128.or(rounded, v128.and(top, f32x4.gt(rounded, maximum)));
  return v128.or(rounded, v128.xor(value, magnitude));
}

/** All ones where a magnitude lies in the middle of two numbers of the format. */
@inline
function tieOf(inside: v128, exponents: v128, floor: v128, shift: v128): v128 {
  const magic = i32x4.add(v128.and(f32x4.pmax(inside, floor), exponents), shift);
  const rest = f32x4.sub(inside, f32x4.sub(f32x4.add(inside, magic), magic));
  return f32x4.eq(f32x4.abs(rest), i32x4.sub(magic, i32x4.splat(24 << 23)));
}

/**
 * Over `bytes` bytes of each operand, a multiple of 16. `operation` is add (subtract by the flip), mul or fma.
 *
 * A fused multiply-add is first done by the lanes' own multiplication and addition. Their roundings never pass a middle of two
 * numbers of the format, as those are numbers of the lanes, and so is their distance to the addend where the product is inexact
 * (so small that it is a multiple of the smallest number); they may lead to one, or to an infinity: then the intermediate is
 * made anew.
 */
@inline
export function fused(
  operation: i32,
  pattern: bool,
  clamped: bool,
  a: usize,
  b: usize,
  c: usize,
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
  const flip = v128.load32_splat(block, flipSlot);
  const middle = i32x4.add(half, i32x4.splat(1));
  const none = i32x4.splat(0);
  let bits = none;
  let any = none;
  let largest = none;
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i);
    const y = v128.load(b + i);
    const z = operation == operationFma ? v128.load(c + i) : x;
    bits = v128.or(bits, v128.or(x, y));
    if (operation == operationFma) bits = v128.or(bits, z);
    if (!pattern) {
      const first = v128.and(x, magnitudes);
      const second = v128.and(y, magnitudes);
      any = v128.or(any, strange(first, anchor));
      any = v128.or(any, strange(second, anchor));
      largest = i32x4.max_u(largest, i32x4.max_u(first, second));
      if (operation == operationFma) {
        const third = v128.and(z, magnitudes);
        any = v128.or(any, strange(third, anchor));
        largest = i32x4.max_u(largest, third);
      }
    }
    let value = operateLanes<f32, i32>(operation, formPlain, x, y, z, none, flip, none, none);
    let rounded = pattern
      ? nearestPattern(clamped, value, magnitudes, exponents, clamp, rest, half, lowest)
      : nearestMagic(clamped, value, magnitudes, exponents, clamp, maximum, top, floor, shift);
    if (operation == operationFma) {
      const magnitude = v128.and(value, magnitudes);
      const doubtful = pattern
        ? v128.or(i32x4.eq(v128.and(value, rest), middle), i32x4.ge_s(magnitude, exponents))
        : tieOf(f32x4.pmin(magnitude, clamp), exponents, floor, shift);
      if (v128.any_true(doubtful)) {
        value = operateLanes<f32, i32>(operation, pattern ? formGuarded : formOdd, x, y, z, none, flip, none, none);
        rounded = pattern
          ? nearestPattern(clamped, value, magnitudes, exponents, clamp, rest, half, lowest)
          : nearestMagic(clamped, value, magnitudes, exponents, clamp, maximum, top, floor, shift);
      }
    }
    v128.store(to + i, rounded);
  }
  // Too many significant bits, or too small, or too large.
  let suspicious = v128.and(bits, rest);
  if (!pattern) suspicious = v128.or(suspicious, v128.or(any, i32x4.gt_u(largest, maximum)));
  if (v128.any_true(suspicious)) store<i32>(block, 1, suspectSlot);
}

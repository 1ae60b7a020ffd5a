/**
 * The hot case in one loop: binary32 lanes, a float format with signed zeros and subnormals, nearest even. Operands are looked
 * at for numbers that are none of the format's, the operation is done and its result rounded, all in registers, so that an
 * array goes through memory once. Where the format has binary32's exponent range, by bit patterns; otherwise by the magic
 * number of `../rounding/round.ts`.
 *
 * The look at the operands may be mistaken in one way: it finds all NaNs suspicious. It is repeated then, more carefully.
 */
import {
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
  operationSub,
  randomSlot,
  suspectSlot,
} from '../../arithmetic/parameters';
import { signBit } from './error-free';
import { operateLanes } from './intermediate';
import { strange } from './members';

/** Rounded on the bit pattern. */
@inline
function nearestPattern(
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
function nearestUnits(magnitude: v128, magic: v128): v128 {
  return f32x4.sub(f32x4.add(magnitude, magic), magic);
}

/** What `nearestUnits` gave, within the range and with the sign of the value. */
@inline
function inRange(clamped: bool, units: v128, value: v128, magnitude: v128, maximum: v128, top: v128): v128 {
  // As integers, an infinity is larger than any number, and a NaN than that. pmin keeps a NaN in its first operand.
  const inside = clamped ? f32x4.pmin(units, maximum) : i32x4.max_s(units, v128.and(top, f32x4.gt(units, maximum)));
  return v128.or(inside, v128.xor(value, magnitude));
}

/** The fused multiply-adds of the vector `i` bytes from each pointer, by an intermediate rounded to odd. */
function redoPattern(clamped: bool, a: usize, b: usize, c: usize, to: usize, i: usize, block: usize): void {
  const none = i32x4.splat(0);
  const x = v128.load(a + i);
  const y = v128.load(b + i);
  const z = v128.load(c + i);
  const value = operateLanes<f32, i32>(operationFma, formGuarded, x, y, z, none, none, none, none);
  const rounded = nearestPattern(
    clamped,
    value,
    v128.and(value, v128.load32_splat(block, fusedMagnitudesSlot)),
    v128.load32_splat(block, fusedExponentsSlot),
    v128.load32_splat(block, fusedClampSlot),
    v128.load32_splat(block, fusedRestSlot),
    v128.load32_splat(block, fusedHalfSlot),
    v128.load32_splat(block, fusedLowestSlot),
  );
  v128.store(to + i, rounded);
}

/** The same by a magic number. */
function redoMagic(clamped: bool, a: usize, b: usize, c: usize, to: usize, i: usize, block: usize): void {
  const none = i32x4.splat(0);
  const x = v128.load(a + i);
  const y = v128.load(b + i);
  const z = v128.load(c + i);
  const value = operateLanes<f32, i32>(operationFma, formOdd, x, y, z, none, none, none, none);
  const magnitude = v128.and(value, v128.load32_splat(block, fusedMagnitudesSlot));
  const binade = v128.and(
    f32x4.pmax(magnitude, v128.load32_splat(block, fusedFloorSlot)),
    v128.load32_splat(block, fusedExponentsSlot),
  );
  const units = nearestUnits(magnitude, i32x4.add(binade, v128.load32_splat(block, fusedShiftSlot)));
  const maximum = v128.load32_splat(block, fusedMaximumSlot);
  const top = v128.load32_splat(block, fusedTopSlot);
  v128.store(to + i, inRange(clamped, units, value, magnitude, maximum, top));
}

/**
 * Over `bytes` bytes of each operand, a multiple of 16. `operation` is add, sub, mul or fma.
 *
 * A fused multiply-add is first done by the lanes' own multiplication and addition. Their roundings never pass a middle of two
 * numbers of the format, as those are numbers of the lanes, and so is their distance to the addend where the product is inexact
 * (so small that it is a multiple of the smallest number); they may lead to one, or to an infinity: such vectors are
 * done anew, so that the result may be no operand.
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
  // The unit in the last place of a magic number is 2^-23 of it.
  const halfUnit = i32x4.splat(24 << 23);
  const flipB = operation == operationSub ? signBit<f32>() : i32x4.splat(0);
  const middle = i32x4.add(half, i32x4.splat(1));
  const none = i32x4.splat(0);
  let bits = none;
  let any = none;
  let largest = none;
  const list = <usize>load<u32>(block, randomSlot);
  let next = list;
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
    const value = operateLanes<f32, i32>(operation, formPlain, x, y, z, none, flipB, none, none);
    const magnitude = v128.and(value, magnitudes);
    let rounded: v128;
    let doubtful = none;
    if (pattern) {
      rounded = nearestPattern(clamped, value, magnitude, exponents, clamp, rest, half, lowest);
      doubtful = v128.or(i32x4.eq(v128.and(value, rest), middle), i32x4.ge_s(magnitude, exponents));
    } else {
      const magic = i32x4.add(v128.and(f32x4.pmax(magnitude, floor), exponents), shift);
      const units = nearestUnits(magnitude, magic);
      rounded = inRange(clamped, units, value, magnitude, maximum, top);
      doubtful = f32x4.eq(f32x4.abs(f32x4.sub(magnitude, units)), i32x4.sub(magic, halfUnit));
    }
    v128.store(to + i, rounded);
    if (operation == operationFma) {
      // Listed without a branch, which would be mispredicted.
      store<u32>(next, <u32>i);
      next += <usize>v128.any_true(doubtful) << 2;
    }
  }
  if (operation == operationFma)
    for (let entry = list; entry < next; entry += 4)
      if (pattern) redoPattern(clamped, a, b, c, to, load<u32>(entry), block);
      else redoMagic(clamped, a, b, c, to, load<u32>(entry), block);
  // Too many significant bits, or too small, or too large.
  let suspicious = v128.and(bits, rest);
  if (!pattern) suspicious = v128.or(suspicious, v128.or(any, i32x4.gt_u(largest, maximum)));
  if (v128.any_true(suspicious)) store<i32>(block, 1, suspectSlot);
}

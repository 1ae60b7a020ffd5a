/**
 * Exponents of what matrix units add, which are not those of the numbers: subnormals have that of the smallest normal number, zeros
 * -126. As powers of two in binary64 lanes, or as integers; and panels of operands with theirs.
 */
import { flushesSlot, operandLeastSlot, stepAligned, stepSlot } from '../../generated/layout-products';

export const exponentMask: i64 = 0x7ff0000000000000;
/** 2^-126 and 2^127. */
const zeroPower: i64 = 0x3810000000000000;
const specialPower: i64 = 0x47e0000000000000;

/** The power of two of a number's exponent, for a format with the smallest normal number `least`. */
@inline
export function powerOf(x: v128, least: v128): v128 {
  const field = v128.and(x, i64x2.splat(exponentMask));
  const power = f64x2.pmax(field, least);
  const finite = v128.bitselect(i64x2.splat(zeroPower), power, f64x2.eq(x, f64x2.splat(0)));
  return v128.bitselect(i64x2.splat(specialPower), finite, i64x2.eq(field, i64x2.splat(exponentMask)));
}

/** 1 / 2^e of a power of two. */
@inline
export function inverse(power: v128): v128 {
  return i64x2.sub(i64x2.splat(0x7fe0000000000000), power);
}

/** The exponent field of a positive binary64 number of the parameters. */
@inline
export function exponentField(block: usize, slot: usize): i32 {
  return <i32>(load<u64>(block + slot) >> 52);
}

/** Exponents of binary64 numbers, whose high words are given, for a format with the smallest normal exponent `least`. */
@inline
export function exponentsOf(words: v128, least: v128): v128 {
  const field = v128.and(i32x4.shr_u(words, 20), i32x4.splat(0x7ff));
  const zero = i32x4.eq(field, i32x4.splat(0));
  const exponent = i32x4.max_s(i32x4.sub(field, i32x4.splat(1023)), least);
  return v128.bitselect(i32x4.splat(-126), i32x4.min_s(exponent, i32x4.splat(127)), zero);
}

/**
 * The exponents of a step's four operands: of rows each four times, which are those of two rows of a tile side by side; of columns
 * twice over.
 */
@inline
function storeExponents(isA: bool, from: usize, to: usize, least: v128): void {
  const words = v128.shuffle<i32>(v128.load(from), v128.load(from, 16), 1, 3, 5, 7);
  const exponents = exponentsOf(words, least);
  const twice = i16x8.narrow_i32x4_s(exponents, exponents);
  if (isA) {
    v128.store(to, v128.shuffle<i16>(twice, twice, 0, 0, 0, 0, 1, 1, 1, 1));
    v128.store(to, v128.shuffle<i16>(twice, twice, 2, 2, 2, 2, 3, 3, 3, 3), 16);
  } else v128.store(to, twice);
}

/** Makes a packed panel of `count` steps one of `whole` steps: zeros to the end, subnormals flushed, exponents behind it. */
export function prepareUnitPanel(block: usize, isA: bool, panel: usize, count: i32, whole: i32): void {
  const flushes = load<i32>(block, flushesSlot) != 0;
  const aligns = load<i32>(block, stepSlot) == stepAligned;
  const least = v128.load64_splat(block, operandLeastSlot);
  const leastExponent = i32x4.splat(exponentField(block, operandLeastSlot) - 1023);
  memory.fill(panel + (<usize>count << 5), 0, <usize>(whole - count) << 5);
  const bytes = <usize>whole << 5;
  for (let at = panel; at < panel + bytes; at += 32) {
    if (flushes)
      for (let half: usize = 0; half < 32; half += 16) {
        const x = v128.load(at + half);
        v128.store(at + half, v128.andnot(x, f64x2.lt(f64x2.abs(x), least)));
      }
    if (aligns) storeExponents(isA, at, at + bytes, leastExponent);
    else {
      v128.store(at + bytes, powerOf(v128.load(at), least));
      v128.store(at + bytes, powerOf(v128.load(at, 16), least), 16);
    }
  }
}

/**
 * A 4 x 8 tile of outputs in binary32 lanes, every product and every partial sum rounded stochastically (variants A and B)
 * to a format whose bits and random bits are 22 at most together.
 *
 * Method: a magnitude is cut to a multiple of the quantum's 2^N-th part by a magic number, as in `../rounding/round.ts`; the
 * random integer is then added to the sum's own bits, where it carries into the quantum exactly if f + R / 2^N >= 1, and the
 * bits below are masked off. A sum of two numbers is first cut to 24 bits: its error tells when the hardware rounded it up.
 * The upper end is treated as in `nearest.ts`.
 */
import {
  doubleSlot,
  drawBitsSlot,
  dropMaskSlot,
  exponentMaskSlot,
  floorSlot,
  infinitySlot,
  maximumSlot,
  overflowSlot,
  randomBitsSlot,
  shiftSlot,
  sumNearest,
  sumSlot,
  suspectSlot,
} from '../../products/slots';
import { errorOfSum } from '../arithmetic/error-free';

/** Rounds magnitudes. `scale` is that of the quantum, not below it. */
@inline
function roundMagnitude(magnitude: v128, scale: v128, random: v128, shift: v128, dropMask: v128): v128 {
  const magic = i32x4.add(scale, shift);
  const sum = f32x4.add(magnitude, magic);
  const lower = i32x4.add(sum, f32x4.gt(f32x4.sub(sum, magic), magnitude));
  return f32x4.sub(v128.and(i32x4.add(lower, random), dropMask), magic);
}

/** What stands for rounded magnitudes beyond the end of the format, and for infinity. */
@inline
function withEnds(magnitude: v128, rounded: v128, exponents: v128, block: usize): v128 {
  const beyond = f32x4.gt(rounded, v128.load32_splat(block, maximumSlot));
  const finite = v128.bitselect(v128.load32_splat(block, overflowSlot), rounded, beyond);
  return v128.bitselect(v128.load32_splat(block, infinitySlot), finite, i32x4.eq(magnitude, exponents));
}

/** The words of four outputs, at the same number of bytes from their first draws. */
@inline
function gather(pointers: usize, offset: usize): v128 {
  let words = v128.load32_zero(<usize>load<u32>(pointers) + offset);
  words = v128.load_lane<u32>(<usize>load<u32>(pointers, 4) + offset, words, 1);
  words = v128.load_lane<u32>(<usize>load<u32>(pointers, 8) + offset, words, 2);
  return v128.load_lane<u32>(<usize>load<u32>(pointers, 12) + offset, words, 3);
}

@inline
function productOf(
  ends: bool,
  a: v128,
  b: v128,
  random: v128,
  exponents: v128,
  floor: v128,
  shift: v128,
  dropMask: v128,
  block: usize,
): v128 {
  const product = f32x4.mul(a, b);
  const magnitude = f32x4.abs(product);
  const scale = i32x4.max_s(v128.and(magnitude, exponents), floor);
  let rounded = roundMagnitude(magnitude, scale, random, shift, dropMask);
  if (ends) rounded = withEnds(magnitude, rounded, exponents, block);
  return v128.or(rounded, v128.xor(product, magnitude));
}

/** The sum, cut to the bits of the lanes. */
@inline
function cutSum(exact: bool, x: v128, y: v128): v128 {
  const sum = f32x4.add(x, y);
  if (exact) return sum;
  // Minus one where the hardware went away from zero.
  const error = v128.xor(errorOfSum<f32>(x, y, sum), v128.and(sum, i32x4.splat(i32.MIN_VALUE)));
  return i32x4.add(sum, f32x4.lt(error, f32x4.splat(0)));
}

@inline
function roundSum(
  ends: bool,
  sum: v128,
  random: v128,
  exponents: v128,
  shift: v128,
  dropMask: v128,
  block: usize,
): v128 {
  const magnitude = f32x4.abs(sum);
  let rounded = roundMagnitude(magnitude, v128.and(magnitude, exponents), random, shift, dropMask);
  if (ends) rounded = withEnds(magnitude, rounded, exponents, block);
  return v128.or(rounded, v128.xor(sum, magnitude));
}

/** The integers of one step from the words of `gather`; where they are doubled, 2R + 1 of them. */
@inline
function drawn(words: v128, move: i32, mask: v128, double: i32): v128 {
  const integers = v128.and(i32x4.shr_u(words, move), mask);
  return double == 0 ? integers : v128.or(i32x4.shl(integers, 1), i32x4.splat(1));
}

/** Two rows of the tile. Returns whether the sums are right: if not, the rows are as they were. */
@inline
function twoRows(
  exact: bool,
  ends: bool,
  block: usize,
  panelA: usize,
  panelB: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  productPointers: usize,
  sumPointers: usize,
): bool {
  const exponents = v128.load32_splat(block, exponentMaskSlot);
  const floor = v128.load32_splat(block, floorSlot);
  const shift = v128.load32_splat(block, shiftSlot);
  const dropMask = v128.load32_splat(block, dropMaskSlot);
  const drawBits = load<i32>(block, drawBitsSlot);
  const bits = load<i32>(block, randomBitsSlot);
  const double = load<i32>(block, doubleSlot);
  const mask = i32x4.splat((1 << bits) - 1);
  const zero = f32x4.splat(0);
  let c00 = first ? zero : v128.load(out);
  let c01 = first ? zero : v128.load(out, 16);
  let c10 = first ? zero : v128.load(out + outStride);
  let c11 = first ? zero : v128.load(out + outStride, 16);
  let largest = zero;
  let a = panelA;
  let b = panelB;
  for (let k = 0; k < count; ) {
    const offset = (<usize>k * <usize>drawBits) >> 3;
    const p00 = gather(productPointers, offset);
    const p01 = gather(productPointers + 16, offset);
    const p10 = gather(productPointers + 32, offset);
    const p11 = gather(productPointers + 48, offset);
    const q00 = gather(sumPointers, offset);
    const q01 = gather(sumPointers + 16, offset);
    const q10 = gather(sumPointers + 32, offset);
    const q11 = gather(sumPointers + 48, offset);
    const stop = min(count, k + 32 / drawBits);
    for (let move = drawBits - bits; k < stop; move += drawBits) {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const product00 = productOf(ends, a0, b0, drawn(p00, move, mask, double), exponents, floor, shift, dropMask, block);
      const sum00 = cutSum(exact, c00, product00);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(sum00));
      c00 = roundSum(ends, sum00, drawn(q00, move, mask, double), exponents, shift, dropMask, block);
      const product01 = productOf(ends, a0, b1, drawn(p01, move, mask, double), exponents, floor, shift, dropMask, block);
      const sum01 = cutSum(exact, c01, product01);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(sum01));
      c01 = roundSum(ends, sum01, drawn(q01, move, mask, double), exponents, shift, dropMask, block);
      const product10 = productOf(ends, a1, b0, drawn(p10, move, mask, double), exponents, floor, shift, dropMask, block);
      const sum10 = cutSum(exact, c10, product10);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(sum10));
      c10 = roundSum(ends, sum10, drawn(q10, move, mask, double), exponents, shift, dropMask, block);
      const product11 = productOf(ends, a1, b1, drawn(p11, move, mask, double), exponents, floor, shift, dropMask, block);
      const sum11 = cutSum(exact, c11, product11);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(sum11));
      c11 = roundSum(ends, sum11, drawn(q11, move, mask, double), exponents, shift, dropMask, block);
      a += 16;
      b += 32;
      k++;
    }
  }
  const near = i32x4.ge_s(largest, v128.load32_splat(block, suspectSlot));
  if (!ends && v128.any_true(near)) return false;
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out + outStride, c10);
  v128.store(out + outStride, c11, 16);
  return true;
}

/** As `plainTile`, for the first `rows` rows, with the addresses of the draws of products and of sums. */
export function stochasticTile32(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  rows: i32,
  products: usize,
  sums: usize,
): void {
  const isExact = load<i32>(block, sumSlot) == sumNearest;
  for (let row = 0; row < rows; row += 2) {
    const done = isExact
      ? twoRows(true, false, block, a, b, count, out, outStride, first, products, sums)
      : twoRows(false, false, block, a, b, count, out, outStride, first, products, sums);
    if (!done) twoRows(false, true, block, a, b, count, out, outStride, first, products, sums);
    a += 8;
    out += 2 * outStride;
    products += 64;
    sums += 64;
  }
}

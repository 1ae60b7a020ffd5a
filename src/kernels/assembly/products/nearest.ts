/**
 * A 4 x 8 tile of outputs in binary32 lanes, every product and every partial sum rounded to nearest even in a format of at
 * most 11 bits. Products of such numbers are exact in binary32; sums are rounded to 24 bits first, which is innocent
 * (Figueroa, "When is double rounding innocuous?", SIGNUM Newsletter 30 (3), 1995).
 *
 * Method: that of `../rounding/quick.ts`, with three halves of a power of two for the magic number: then a number of either
 * sign is rounded in five instructions, as long as the sign of zero does not matter. It does not here: a sum that begins
 * with +0 and keeps subnormals never becomes -0. A sum is a multiple of the format's smallest number already, so
 * that it needs no lower end of the exponent. The upper end is left out too, and the largest exponent looked at afterwards:
 * a tile that came near the end is made again with all of it.
 */
import {
  exponentMaskSlot,
  floorSlot, 
  shiftSlot,
  nearSlot,
} from '../../generated/layout-products';
import { withEnds } from './ends';

/** How a tile treats the upper end: there is none within reach; it looks for numbers near it; it treats them. */
const unbounded = 0;
const watched = 1;
const checked = 2;

@inline
function roundProduct(ends: i32, value: v128, exponents: v128, floor: v128, shift: v128, block: usize): v128 {
  const magic = i32x4.add(i32x4.max_s(v128.and(value, exponents), floor), shift);
  const rounded = f32x4.sub(f32x4.add(value, magic), magic);
  return ends == checked ? withEnds(value, rounded, block) : rounded;
}

@inline
function roundSum(ends: i32, value: v128, exponents: v128, shift: v128, block: usize): v128 {
  const magic = i32x4.add(v128.and(value, exponents), shift);
  const rounded = f32x4.sub(f32x4.add(value, magic), magic);
  return ends == checked ? withEnds(value, rounded, block) : rounded;
}

/** The largest exponent field of sums so far. A product beyond the end shows in its sum, if what it was added to was far from it. */
@inline
function larger(largest: v128, sum: v128, exponents: v128): v128 {
  return i32x4.max_s(largest, v128.and(sum, exponents));
}

/** As `plainTile`. Returns whether the sums are right: if not, the tile is as it was. */
@inline
function nearestTile(
  ends: i32,
  block: usize,
  panelA: usize,
  panelB: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
): bool {
  // Constants of splats are made anew in every turn; from memory they stay in registers.
  const exponents = v128.load32_splat(block, exponentMaskSlot);
  const floor = v128.load32_splat(block, floorSlot);
  const shift = v128.load32_splat(block, shiftSlot);
  const zero = f32x4.splat(0);
  const out1 = out + outStride;
  const out2 = out1 + outStride;
  const out3 = out2 + outStride;
  let c00 = first ? zero : v128.load(out);
  let c01 = first ? zero : v128.load(out, 16);
  let c10 = first ? zero : v128.load(out1);
  let c11 = first ? zero : v128.load(out1, 16);
  let c20 = first ? zero : v128.load(out2);
  let c21 = first ? zero : v128.load(out2, 16);
  let c30 = first ? zero : v128.load(out3);
  let c31 = first ? zero : v128.load(out3, 16);
  let largest = zero;
  if (ends == watched && !first) {
    largest = larger(larger(larger(larger(largest, c00, exponents), c01, exponents), c10, exponents), c11, exponents);
    largest = larger(larger(larger(larger(largest, c20, exponents), c21, exponents), c30, exponents), c31, exponents);
  }
  let a = panelA;
  let b = panelB;
  for (const end = panelA + (<usize>count << 4); a < end; a += 16) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    b += 32;
    const a0 = v128.load32_splat(a);
    const s00 = f32x4.add(c00, roundProduct(ends, f32x4.mul(a0, b0), exponents, floor, shift, block));
    if (ends == watched) largest = larger(largest, s00, exponents);
    c00 = roundSum(ends, s00, exponents, shift, block);
    const s01 = f32x4.add(c01, roundProduct(ends, f32x4.mul(a0, b1), exponents, floor, shift, block));
    if (ends == watched) largest = larger(largest, s01, exponents);
    c01 = roundSum(ends, s01, exponents, shift, block);
    const a1 = v128.load32_splat(a, 4);
    const s10 = f32x4.add(c10, roundProduct(ends, f32x4.mul(a1, b0), exponents, floor, shift, block));
    if (ends == watched) largest = larger(largest, s10, exponents);
    c10 = roundSum(ends, s10, exponents, shift, block);
    const s11 = f32x4.add(c11, roundProduct(ends, f32x4.mul(a1, b1), exponents, floor, shift, block));
    if (ends == watched) largest = larger(largest, s11, exponents);
    c11 = roundSum(ends, s11, exponents, shift, block);
    const a2 = v128.load32_splat(a, 8);
    const s20 = f32x4.add(c20, roundProduct(ends, f32x4.mul(a2, b0), exponents, floor, shift, block));
    if (ends == watched) largest = larger(largest, s20, exponents);
    c20 = roundSum(ends, s20, exponents, shift, block);
    const s21 = f32x4.add(c21, roundProduct(ends, f32x4.mul(a2, b1), exponents, floor, shift, block));
    if (ends == watched) largest = larger(largest, s21, exponents);
    c21 = roundSum(ends, s21, exponents, shift, block);
    const a3 = v128.load32_splat(a, 12);
    const s30 = f32x4.add(c30, roundProduct(ends, f32x4.mul(a3, b0), exponents, floor, shift, block));
    if (ends == watched) largest = larger(largest, s30, exponents);
    c30 = roundSum(ends, s30, exponents, shift, block);
    const s31 = f32x4.add(c31, roundProduct(ends, f32x4.mul(a3, b1), exponents, floor, shift, block));
    if (ends == watched) largest = larger(largest, s31, exponents);
    c31 = roundSum(ends, s31, exponents, shift, block);
  }
  if (ends == watched) {
    const near = i32x4.ge_s(largest, v128.load32_splat(block, nearSlot));
    if (v128.any_true(near)) return false;
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out1, c10);
  v128.store(out1, c11, 16);
  v128.store(out2, c20);
  v128.store(out2, c21, 16);
  v128.store(out3, c30);
  v128.store(out3, c31, 16);
  return true;
}

export function nearestTile32(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
): void {
  if (load<u32>(block, nearSlot) > 0x7f800000) {
    nearestTile(unbounded, block, a, b, count, out, outStride, first);
  } else if (!nearestTile(watched, block, a, b, count, out, outStride, first)) {
    nearestTile(checked, block, a, b, count, out, outStride, first);
  }
}

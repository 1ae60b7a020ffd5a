/**
 * A 4 x 4 tile of outputs in binary64 lanes, for every format, mode and order: products that are exact in binary64, rounded or
 * not, and sums that are exact, or innocently rounded, or made odd first, then rounded by the bodies of `../rounding`. Or sums
 * kept exactly, in one binary64 number or in two: a product is cut at a power of two, and each part's sums have room.
 * When which serves is decided by `src/kernels/products/product-planner.ts`.
 */
import { kindEqual, kindStochastic } from '../../generated/layout-rounding';
import {
  drawBitsSlot,
  flipSlot,
  pairwiseSlot,
  parametersSlot,
  randomBitsSlot,
  roundProductsSlot,
  splitSlot,
  sumExact,
  sumOdd,
  sumSlot,
  sumSplit,
} from '../../generated/layout-products';
import { errorOfSum, toOdd } from '../arithmetic/error-free';
import { exactLanes } from '../rounding/exact';
import { positLanes } from '../rounding/posit';
import { roundLanes } from '../rounding/round';
import { drawAt } from './draws';

/** Bytes of a tile, and of one for each level of a tree of sums. */
export const tileBytes: usize = 128;
export const treeBytes: usize = 32 * tileBytes;

/** Kind of a rounding that is none, and of that to the nearest posit. */
export const kindNone = 5;
export const kindPosit = 6;

@inline
export function roundTo(kind: i32, isExact: bool, value: v128, random: v128, parameters: usize): v128 {
  if (kind == kindNone) return value;
  if (kind == kindPosit) return positLanes(false, value, random, 0, parameters);
  return isExact
    ? exactLanes(kind, value, random, parameters)
    : roundLanes<f64, i64>(kind, value, random, parameters);
}

/** x + y, such that one rounding is left to do. */
@inline
export function sumFor(sums: i32, flip: v128, x: v128, y: v128): v128 {
  const left = v128.xor(x, flip);
  const right = v128.xor(y, flip);
  let sum = f64x2.add(left, right);
  if (sums == sumOdd) sum = toOdd<f64, i64>(sum, errorOfSum<f64>(left, right, sum));
  return v128.xor(sum, flip);
}

/** The integers of two neighbouring outputs. */
@inline
function drawTwo(kind: i32, pointers: usize, k: i32, drawBits: i32, bits: i32): v128 {
  if (kind != kindStochastic && kind != kindEqual) return i32x4.splat(0);
  const first = drawAt(<usize>load<u32>(pointers), k, drawBits, bits);
  const second = drawAt(<usize>load<u32>(pointers, 4), k, drawBits, bits);
  return i32x4.replace_lane(i32x4.splat(first), 1, second);
}

/**
 * As `plainTile`, on a tile of its own (rows of 32 bytes, and one more for second parts), for the outputs that exist, with
 * the addresses of the draws of products and of sums. `levels` is room for a tree of sums, which must come in one go.
 */
@inline
export function generalTile(
  kind: i32,
  isExact: bool,
  block: usize,
  panelA: usize,
  panelB: usize,
  count: i32,
  to: usize,
  to2: usize,
  first: bool,
  rows: i32,
  columns: i32,
  productPointers: usize,
  sumPointers: usize,
  levels: usize,
): void {
  const parameters = <usize>load<u32>(block, parametersSlot);
  const roundsProducts = load<i32>(block, roundProductsSlot) != 0;
  const sums = load<i32>(block, sumSlot);
  const pairwise = load<i32>(block, pairwiseSlot) != 0;
  const drawBits = load<i32>(block, drawBitsSlot);
  const bits = load<i32>(block, randomBitsSlot);
  const flip = v128.load64_splat(block, flipSlot);
  const split = v128.load64_splat(block, splitSlot);
  const bytes = <usize>rows << 5;
  const step: usize = columns > 2 ? 16 : 32;
  if (first) memory.fill(to, 0, tileBytes);
  if (first && sums == sumSplit) memory.fill(to2, 0, tileBytes);
  for (let k = 0; k < count; k++) {
    for (let at: usize = 0; at < bytes; at += step) {
      const draws = at >> 1;
      let term = f64x2.mul(v128.load64_splat(panelA + ((at >> 5) << 3)), v128.load(panelB + (at & 16)));
      if (roundsProducts)
        term = roundTo(kind, isExact, term, drawTwo(kind, productPointers + draws, k, drawBits, bits), parameters);
      if (sums == sumExact) {
        v128.store(to + at, sumFor(sums, flip, v128.load(to + at), term));
        continue;
      }
      if (sums == sumSplit) {
        const high = f64x2.sub(f64x2.add(term, split), split);
        const low = f64x2.sub(term, high);
        v128.store(to + at, sumFor(sums, flip, v128.load(to + at), high));
        v128.store(to2 + at, sumFor(sums, flip, v128.load(to2 + at), low));
        continue;
      }
      // A tree of sums is made as a binary number is counted up: level i holds the sum of 2^i terms where bit i of k is set.
      let place = (pairwise ? levels : to) + at;
      let level = 0;
      for (let adds = pairwise ? k & 1 : 1; adds != 0; adds = pairwise ? (k >> level) & 1 : 0) {
        const right = pairwise ? k + 1 - (1 << level) : k;
        const random = drawTwo(kind, sumPointers + draws, right, drawBits, bits);
        term = roundTo(kind, isExact, sumFor(sums, flip, v128.load(place), term), random, parameters);
        level++;
        if (pairwise) place += tileBytes;
      }
      v128.store(place, term);
    }
    panelA += 32;
    panelB += 32;
  }
  if (!pairwise) return;
  for (let at: usize = 0; at < bytes; at += step) {
    // What is left of the tree, from its right end to its left, and what the sum begins with.
    let right = count;
    let level = ctz(count);
    let term = v128.load(levels + <usize>level * tileBytes + at);
    right -= 1 << level;
    for (level++; right >= 0; level++) {
      if (right != 0 && ((count >> level) & 1) == 0) continue;
      const left = right == 0 ? v128.load(to + at) : v128.load(levels + <usize>level * tileBytes + at);
      const random = drawTwo(kind, sumPointers + (at >> 1), right, drawBits, bits);
      term = roundTo(kind, isExact, sumFor(sums, flip, left, term), random, parameters);
      right -= right == 0 ? 1 : 1 << level;
    }
    v128.store(to + at, term);
  }
}

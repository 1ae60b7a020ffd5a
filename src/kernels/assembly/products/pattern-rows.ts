/**
 * Two rows of a tile of outputs in binary32 lanes, every product and every partial sum rounded by `patterns.ts`: all that stays in
 * registers. The upper end is treated as in `nearest.ts`.
 */
import {
  addsOdd,
  dropMaskSlot,
  floorSlot,
  nearSlot,
} from '../../generated/layout-products';
import { patternStep } from './patterns';

/** Bytes of the draws of a tile's outputs that lie beside each other, a word of each. */
const wordBytes: usize = 128;

/** Eight outputs of each row. Returns whether the sums are right: if not, the rows are as they were. */
@inline
export function twoRows(
  adds: i32,
  exact: bool,
  ends: bool,
  block: usize,
  panelA: usize,
  panelB: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  const perWord = adds > addsOdd ? 32 / adds : 1;
  const least = v128.load32_splat(block, floorSlot);
  const dropMask = v128.load32_splat(block, dropMaskSlot);
  const zero = f32x4.splat(0);
  let c00 = first ? zero : v128.load(out);
  let c01 = first ? zero : v128.load(out, 16);
  let c10 = first ? zero : v128.load(out + outStride);
  let c11 = first ? zero : v128.load(out + outStride, 16);
  // The largest sum so far, or start. A number beyond the end shows in it, if what it was added to was far from the end.
  let largest = i32x4.max_s(i32x4.max_s(f32x4.abs(c00), f32x4.abs(c01)), i32x4.max_s(f32x4.abs(c10), f32x4.abs(c11)));
  let a = panelA;
  let b = panelB;
  for (let k = 0; k < count; k += perWord) {
    {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      c00 = patternStep(adds, exact, ends, 0, c00, a0, b0, products, sums, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c00));
      c01 = patternStep(adds, exact, ends, 0, c01, a0, b1, products + 16, sums + 16, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c01));
      c10 = patternStep(adds, exact, ends, 0, c10, a1, b0, products + 32, sums + 32, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c10));
      c11 = patternStep(adds, exact, ends, 0, c11, a1, b1, products + 48, sums + 48, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c11));
      a += 16;
      b += 32;
    }
    if (perWord > 1 && k + 1 < count) {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      c00 = patternStep(adds, exact, ends, 1, c00, a0, b0, products, sums, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c00));
      c01 = patternStep(adds, exact, ends, 1, c01, a0, b1, products + 16, sums + 16, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c01));
      c10 = patternStep(adds, exact, ends, 1, c10, a1, b0, products + 32, sums + 32, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c10));
      c11 = patternStep(adds, exact, ends, 1, c11, a1, b1, products + 48, sums + 48, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c11));
      a += 16;
      b += 32;
    }
    if (perWord > 2 && k + 2 < count) {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      c00 = patternStep(adds, exact, ends, 2, c00, a0, b0, products, sums, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c00));
      c01 = patternStep(adds, exact, ends, 2, c01, a0, b1, products + 16, sums + 16, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c01));
      c10 = patternStep(adds, exact, ends, 2, c10, a1, b0, products + 32, sums + 32, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c10));
      c11 = patternStep(adds, exact, ends, 2, c11, a1, b1, products + 48, sums + 48, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c11));
      a += 16;
      b += 32;
    }
    if (perWord > 3 && k + 3 < count) {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      c00 = patternStep(adds, exact, ends, 3, c00, a0, b0, products, sums, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c00));
      c01 = patternStep(adds, exact, ends, 3, c01, a0, b1, products + 16, sums + 16, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c01));
      c10 = patternStep(adds, exact, ends, 3, c10, a1, b0, products + 32, sums + 32, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c10));
      c11 = patternStep(adds, exact, ends, 3, c11, a1, b1, products + 48, sums + 48, least, dropMask, block);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(c11));
      a += 16;
      b += 32;
    }
    products += wordBytes;
    sums += wordBytes;
  }
  if (!ends && v128.any_true(i32x4.ge_s(largest, v128.load32_splat(block, nearSlot)))) return false;
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out + outStride, c10);
  v128.store(out + outStride, c11, 16);
  return true;
}

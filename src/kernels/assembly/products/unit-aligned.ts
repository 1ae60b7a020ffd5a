/**
 * Aligned steps of a matrix unit: all terms lose what lies below the largest exponent among them. Exponents are 16-bit integers, for eight
 * outputs at once.
 */
import {
  addendLeastSlot,
  fractionsSlot,
  groupSlot,
  highExponentSlot,
  lowExponentSlot,
  nearestSlot,
  resultLeastSlot,
  resultLimitSlot,
  resultMagicSlot,
  resultMaskSlot,
  resultMaximumSlot,
} from '../../generated/layout-products';
import { upperLanes } from '../rounding/lanes';
import { exponentField, exponentMask, exponentsOf, inverse } from './unit-exponents';

@inline
export function withSign(magnitude: v128, x: v128): v128 {
  return v128.bitselect(x, magnitude, i64x2.splat(i64.MIN_VALUE));
}

/** The result of an aligned step: to nearest even or toward zero, overflow infinite, zero positive. */
@inline
export function alignedResult(block: usize, x: v128): v128 {
  const magnitude = f64x2.abs(x);
  const least = v128.load64_splat(block, resultLeastSlot);
  const infinity = i64x2.splat(exponentMask);
  let rounded: v128;
  if (load<i32>(block, nearestSlot) != 0) {
    const binade = f64x2.pmax(v128.and(magnitude, infinity), least);
    const magic = f64x2.mul(binade, v128.load64_splat(block, resultMagicSlot));
    const nearest = f64x2.sub(f64x2.add(magnitude, magic), magic);
    rounded = v128.bitselect(infinity, nearest, f64x2.gt(nearest, v128.load64_splat(block, resultMaximumSlot)));
  } else {
    // The sum with the smallest normal number has the quantum of subnormals.
    const offset = v128.and(least, f64x2.lt(magnitude, least));
    const cut = v128.and(f64x2.add(magnitude, offset), v128.load64_splat(block, resultMaskSlot));
    rounded = f64x2.sub(cut, offset);
  }
  const over = f64x2.ge(magnitude, v128.load64_splat(block, resultLimitSlot));
  rounded = v128.bitselect(infinity, rounded, over);
  return f64x2.add(withSign(rounded, x), f64x2.splat(0));
}

/** The exponents of eight addends: two rows of four, at `out`. */
@inline
function addendExponents(out: usize, least: v128): v128 {
  const upper = v128.shuffle<i32>(v128.load(out), v128.load(out, 16), 1, 3, 5, 7);
  const lower = v128.shuffle<i32>(v128.load(out, 32), v128.load(out, 48), 1, 3, 5, 7);
  return i16x8.narrow_i32x4_s(exponentsOf(upper, least), exponentsOf(lower, least));
}

/** Powers of two from binary64 exponent fields in two 32-bit lanes. */
@inline
function powers(fields: v128): v128 {
  return i64x2.shl(i64x2.extend_low_i32x4_s(fields), 52);
}

/** What is not zero where a lane of `lanes`, two of 32 bits, is set. */
@inline
function whereSet(x: v128, lanes: v128): v128 {
  return v128.and(f64x2.ne(x, f64x2.splat(0)), i64x2.extend_low_i32x4_s(lanes));
}

/**
 * An aligned step of two rows of a tile, of `bytes` of panels, with the largest exponents of their terms. Where these show that
 * no sum is beyond an end of the result's format, one that is cut is so by a mask.
 */
function alignedRows(block: usize, a: usize, b: usize, bytes: usize, largest: v128, out: usize): void {
  const fields = i16x8.sub(i16x8.splat(<i16>exponentField(block, fractionsSlot)), largest);
  const fields0 = i32x4.extend_low_i16x8_s(fields);
  const fields1 = i32x4.extend_high_i16x8_s(fields);
  const scale00 = powers(fields0);
  const scale01 = powers(upperLanes(fields0));
  const scale10 = powers(fields1);
  const scale11 = powers(upperLanes(fields1));
  let c00 = f64x2.trunc(f64x2.mul(v128.load(out), scale00));
  let c01 = f64x2.trunc(f64x2.mul(v128.load(out, 16), scale01));
  let c10 = f64x2.trunc(f64x2.mul(v128.load(out, 32), scale10));
  let c11 = f64x2.trunc(f64x2.mul(v128.load(out, 48), scale11));
  for (const stop = a + bytes; a < stop; a += 32, b += 32) {
    const a0 = v128.load64_splat(a);
    const a1 = v128.load64_splat(a, 8);
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    c00 = f64x2.add(c00, f64x2.trunc(f64x2.mul(f64x2.mul(a0, b0), scale00)));
    c01 = f64x2.add(c01, f64x2.trunc(f64x2.mul(f64x2.mul(a0, b1), scale01)));
    c10 = f64x2.add(c10, f64x2.trunc(f64x2.mul(f64x2.mul(a1, b0), scale10)));
    c11 = f64x2.add(c11, f64x2.trunc(f64x2.mul(f64x2.mul(a1, b1), scale11)));
  }
  c00 = f64x2.mul(c00, inverse(scale00));
  c01 = f64x2.mul(c01, inverse(scale01));
  c10 = f64x2.mul(c10, inverse(scale10));
  c11 = f64x2.mul(c11, inverse(scale11));
  let isWithin = !v128.any_true(i16x8.gt_s(largest, v128.load16_splat(block, highExponentSlot)));
  const small = i16x8.lt_s(largest, v128.load16_splat(block, lowExponentSlot));
  if (isWithin && v128.any_true(small)) {
    const small0 = i32x4.extend_low_i16x8_s(small);
    const small1 = i32x4.extend_high_i16x8_s(small);
    const upper = v128.or(whereSet(c00, small0), whereSet(c01, upperLanes(small0)));
    const lower = v128.or(whereSet(c10, small1), whereSet(c11, upperLanes(small1)));
    isWithin = !v128.any_true(v128.or(upper, lower));
  }
  if (isWithin) {
    const mask = v128.load64_splat(block, resultMaskSlot);
    const zero = f64x2.splat(0);
    c00 = f64x2.add(v128.and(c00, mask), zero);
    c01 = f64x2.add(v128.and(c01, mask), zero);
    c10 = f64x2.add(v128.and(c10, mask), zero);
    c11 = f64x2.add(v128.and(c11, mask), zero);
  } else {
    c00 = alignedResult(block, c00);
    c01 = alignedResult(block, c01);
    c10 = alignedResult(block, c10);
    c11 = alignedResult(block, c11);
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out, c10, 32);
  v128.store(out, c11, 48);
}

/**
 * All aligned steps of a tile. Four vectors of outputs go side by side, as the sums of one alone wait for each addition; and the
 * two halves of the tile take turns, as the scales of one wait for its last sum.
 */
export function alignedTile(block: usize, a: usize, b: usize, count: i32, out: usize, rows: i32): void {
  const least = i32x4.splat(exponentField(block, addendLeastSlot) - 1023);
  const bytes = <usize>load<i32>(block, groupSlot) << 5;
  const exponents = <usize>count << 5;
  for (const end = a + exponents; a < end; a += bytes, b += bytes) {
    let upper = addendExponents(out, least);
    let lower = addendExponents(out + 64, least);
    for (let x = a + exponents, y = b + exponents, stop = x + bytes; x < stop; x += 32, y += 32) {
      const columns = v128.load(y);
      upper = i16x8.max_s(upper, i16x8.add(v128.load(x), columns));
      lower = i16x8.max_s(lower, i16x8.add(v128.load(x, 16), columns));
    }
    alignedRows(block, a, b, bytes, upper, out);
    if (rows > 2) alignedRows(block, a + 16, b, bytes, lower, out + 64);
  }
}

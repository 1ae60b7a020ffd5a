/**
 * Fused multiply-adds to nearest even in one loop, for formats with the exponents of binary32: by the lanes' own multiplication and
 * addition, rounded on the bit pattern. Their roundings never pass a middle of two numbers of the format, as those are numbers of
 * the lanes, and so is their distance to the addend where the product is inexact (so small that it is a multiple of the smallest
 * number); they may lead to one, or to an infinity, or to a zero of the wrong sign: vectors with such a lane are listed, without a
 * branch, and done anew, by an intermediate rounded to odd, if it is wrong. So the result may be no operand.
 *
 * Operands are checked on the way for numbers that are none of the format's: bits that the format does not keep, which a NaN may have, too.
 * 1.4 to 2.2 times as fast as an intermediate and its rounding.
 */
import {
  doubtSlot,
  endNatural,
  magnitudesSlot,
  nearestClampSlot,
  nearestFiniteSlot,
  nearestHalfSlot,
  nearestLowestSlot,
  randomSlot,
  restSlot,
  signSlot,
} from '../../generated/layout-arithmetic';
import { redoListed } from './redo-fma';

/** A sum to nearest even by its bit pattern; infinities and NaN are done anew. */
@inline
function patternLanes<E>(sum: v128, lowest: v128, half: v128, rest: v128, clamp: v128): v128 {
  const odd = i32x4.eq(v128.and(sum, lowest), lowest);
  const rounded = v128.andnot(i32x4.sub(i32x4.add(sum, half), odd), rest);
  return offsetof<E>() == endNatural ? rounded : f32x4.pmax(f32x4.pmin(rounded, clamp), f32x4.neg(clamp));
}

/**
 * A bit for each lane whose sum may be wrong: an inexact middle, an infinity or NaN, or +0 though the product is -0. `finite` is the
 * largest pattern of a number, `sign` the sign bit.
 */
@inline
function patternDoubts(
  product: v128,
  z: v128,
  sum: v128,
  rest: v128,
  middle: v128,
  magnitudes: v128,
  finite: v128,
  sign: v128,
): i32 {
  // A sum is exact if either part is what it exceeds the other by.
  const isInexact = v128.or(f32x4.ne(f32x4.sub(sum, product), z), f32x4.ne(f32x4.sub(sum, z), product));
  const isTie = v128.and(isInexact, i32x4.eq(v128.and(sum, rest), middle));
  const isNoNumber = i32x4.gt_s(v128.and(sum, magnitudes), finite);
  const isZero = i32x4.eq(v128.or(sum, v128.xor(product, sign)), i32x4.splat(0));
  return i32x4.bitmask(v128.or(v128.or(isTie, isNoNumber), isZero));
}

/** Over `bytes` bytes of each operand, a multiple of 16. */
export function nearestFma<E>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const magnitudes = v128.load32_splat(block, magnitudesSlot);
  const finite = v128.load32_splat(block, nearestFiniteSlot);
  const sign = v128.load32_splat(block, signSlot);
  const clamp = v128.load32_splat(block, nearestClampSlot);
  const rest = v128.load32_splat(block, restSlot);
  const half = v128.load32_splat(block, nearestHalfSlot);
  const lowest = v128.load32_splat(block, nearestLowestSlot);
  const middle = i32x4.add(half, i32x4.splat(1));
  const list = <usize>load<u32>(block, randomSlot);
  let any = i32x4.splat(0);
  let i: usize = 0;
  let next = list;
  for (const pairs = bytes & ~31; i < pairs; i += 32) {
    const x0 = v128.load(a + i);
    const y0 = v128.load(b + i);
    const z0 = v128.load(c + i);
    const x1 = v128.load(a + i, 16);
    const y1 = v128.load(b + i, 16);
    const z1 = v128.load(c + i, 16);
    any = v128.or(any, v128.or(v128.or(x0, y0), z0));
    any = v128.or(any, v128.or(v128.or(x1, y1), z1));
    const product0 = f32x4.mul(x0, y0);
    const sum0 = f32x4.add(product0, z0);
    v128.store(to + i, patternLanes<E>(sum0, lowest, half, rest, clamp));
    const product1 = f32x4.mul(x1, y1);
    const sum1 = f32x4.add(product1, z1);
    v128.store(to + i, patternLanes<E>(sum1, lowest, half, rest, clamp), 16);
    const first = patternDoubts(product0, z0, sum0, rest, middle, magnitudes, finite, sign);
    const second = patternDoubts(product1, z1, sum1, rest, middle, magnitudes, finite, sign);
    store<u8>(next, first | (second << 4));
    next++;
  }
  if (i < bytes) {
    const x = v128.load(a + i);
    const y = v128.load(b + i);
    const z = v128.load(c + i);
    any = v128.or(any, v128.or(v128.or(x, y), z));
    const product = f32x4.mul(x, y);
    const sum = f32x4.add(product, z);
    v128.store(to + i, patternLanes<E>(sum, lowest, half, rest, clamp));
    store<u8>(next, patternDoubts(product, z, sum, rest, middle, magnitudes, finite, sign));
  }
  redoListed(true, offsetof<E>() != endNatural, 2, list, a, b, c, to, bytes, block);
  if (v128.any_true(v128.and(any, rest))) store<i32>(block, 1, doubtSlot);
}

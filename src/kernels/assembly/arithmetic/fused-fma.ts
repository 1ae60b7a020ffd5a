/**
 * Fused multiply-adds to nearest even in one loop, as `fused.ts` does sums and products: by the lanes' own multiplication and
 * addition. Their roundings never pass a middle of two numbers of the format, as those are numbers of the lanes, and so is their
 * distance to the addend where the product is inexact (so small that it is a multiple of the smallest number); they may lead to
 * one, or to an infinity, or to a zero of the wrong sign: vectors with such a lane are listed, without a branch, and done anew if
 * it is wrong. So the result may be no operand.
 */
import {
  clampedEnd,
  exceededEnd,
  fusedAnchorSlot,
  fusedClampSlot,
  fusedExponentsSlot,
  fusedFiniteSlot,
  fusedFloorSlot,
  fusedHalfOneSlot,
  fusedHalfSlot,
  fusedInversesSlot,
  fusedKeptSlot,
  fusedLowestSlot,
  fusedMagnitudesSlot,
  fusedMaximumSlot,
  fusedQuantaSlot,
  fusedRestSlot,
  fusedUnscaleSlot,
  joinedSignSlot,
  naturalEnd,
  randomSlot,
  scaledEnd,
  suspectSlot,
} from '../../arithmetic/parameters';
import { onGrid } from './members';
import { One, Zero } from './numbers';
import { redoListed } from './redo-fma';

/** A sum to nearest even by its bit pattern; infinities and NaN are done anew. */
@inline
function patternLanes<E>(sum: v128, lowest: v128, half: v128, rest: v128, clamp: v128): v128 {
  const odd = i32x4.eq(v128.and(sum, lowest), lowest);
  const rounded = v128.andnot(i32x4.sub(i32x4.add(sum, half), odd), rest);
  return offsetof<E>() == naturalEnd ? rounded : f32x4.pmax(f32x4.pmin(rounded, clamp), f32x4.neg(clamp));
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

/** By bit patterns, over `bytes` bytes of each operand, a multiple of 16; E is the end, natural or clamped. */
export function fusedPatternFma<E>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const magnitudes = v128.load32_splat(block, fusedMagnitudesSlot);
  const finite = v128.load32_splat(block, fusedFiniteSlot);
  const sign = v128.load32_splat(block, joinedSignSlot);
  const clamp = v128.load32_splat(block, fusedClampSlot);
  const rest = v128.load32_splat(block, fusedRestSlot);
  const half = v128.load32_splat(block, fusedHalfSlot);
  const lowest = v128.load32_splat(block, fusedLowestSlot);
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
  redoListed<One, Zero>(offsetof<E>() != naturalEnd, list, a, b, c, to, bytes, block);
  if (v128.any_true(v128.and(any, rest))) store<i32>(block, 1, suspectSlot);
}

/** The fused multiply-adds of a vector, and a bit for each lane whose sum may be a wrong middle. */
@inline
function magicVector<E>(
  x: v128,
  y: v128,
  z: v128,
  to: usize,
  exponents: v128,
  floor: v128,
  inverses: v128,
  quanta: v128,
  unscale: v128,
  half: v128,
  maximum: v128,
  magnitudes: v128,
): i32 {
  const sum = f32x4.add(f32x4.mul(x, y), z);
  const binade = i32x4.max_s(v128.and(sum, exponents), floor);
  const units = f32x4.mul(sum, i32x4.sub(inverses, binade));
  const integer = f32x4.nearest(units);
  // A quantum may be infinite where the result is.
  let rounded = f32x4.mul(integer, f32x4.mul(binade, quanta));
  if (offsetof<E>() == scaledEnd) rounded = f32x4.mul(rounded, unscale);
  if (offsetof<E>() == clampedEnd) rounded = f32x4.pmax(f32x4.pmin(rounded, maximum), f32x4.neg(maximum));
  if (offsetof<E>() == exceededEnd)
    rounded = v128.or(rounded, f32x4.gt(v128.and(rounded, magnitudes), maximum));
  v128.store(to, rounded);
  return i32x4.bitmask(i32x4.eq(v128.and(f32x4.sub(units, integer), magnitudes), half));
}

/**
 * By multiples of the quantum, as `../rounding/quick.ts` rounds, of operands that are known to be numbers of the format; E is the
 * end.
 */
export function fusedMagicFma<E>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const magnitudes = v128.load32_splat(block, fusedMagnitudesSlot);
  const exponents = v128.load32_splat(block, fusedExponentsSlot);
  const maximum = v128.load32_splat(block, fusedMaximumSlot);
  const floor = v128.load32_splat(block, fusedFloorSlot);
  const inverses = v128.load32_splat(block, fusedInversesSlot);
  const quanta = v128.load32_splat(block, fusedQuantaSlot);
  const unscale = v128.load32_splat(block, fusedUnscaleSlot);
  const half = v128.load32_splat(block, fusedHalfOneSlot);
  const list = <usize>load<u32>(block, randomSlot);
  let next = list;
  let i: usize = 0;
  for (const pairs = bytes & ~31; i < pairs; i += 32) {
    const first = magicVector<E>(
      v128.load(a + i),
      v128.load(b + i),
      v128.load(c + i),
      to + i,
      exponents,
      floor,
      inverses,
      quanta,
      unscale,
      half,
      maximum,
      magnitudes,
    );
    const second = magicVector<E>(
      v128.load(a + i, 16),
      v128.load(b + i, 16),
      v128.load(c + i, 16),
      to + i + 16,
      exponents,
      floor,
      inverses,
      quanta,
      unscale,
      half,
      maximum,
      magnitudes,
    );
    store<u8>(next, first | (second << 4));
    next++;
  }
  if (i < bytes) {
    const doubts = magicVector<E>(
      v128.load(a + i),
      v128.load(b + i),
      v128.load(c + i),
      to + i,
      exponents,
      floor,
      inverses,
      quanta,
      unscale,
      half,
      maximum,
      magnitudes,
    );
    store<u8>(next, doubts);
  }
  redoListed<Zero, Zero>(offsetof<E>() == clampedEnd, list, a, b, c, to, bytes, block);
}

/** As `strange`, and not 0 where a number is too large: with its own accumulator, that would take one register more. */
@inline
function strangeOrLarge(value: v128, keptBits: v128, anchor: v128, maximum: v128): v128 {
  return v128.xor(f32x4.pmin(onGrid(v128.and(value, keptBits), anchor), maximum), value);
}

/** The same of operands that are looked at. A vector a turn: two need more registers than there are. */
export function fusedMagicFmaLooking<E>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const keptBits = v128.load32_splat(block, fusedKeptSlot);
  const exponents = v128.load32_splat(block, fusedExponentsSlot);
  const maximum = v128.load32_splat(block, fusedMaximumSlot);
  const floor = v128.load32_splat(block, fusedFloorSlot);
  const inverses = v128.load32_splat(block, fusedInversesSlot);
  const quanta = v128.load32_splat(block, fusedQuantaSlot);
  const unscale = v128.load32_splat(block, fusedUnscaleSlot);
  const half = v128.load32_splat(block, fusedHalfOneSlot);
  const anchor = v128.load32_splat(block, fusedAnchorSlot);
  const list = <usize>load<u32>(block, randomSlot);
  let any = i32x4.splat(0);
  let next = list;
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i);
    const y = v128.load(b + i);
    const z = v128.load(c + i);
    any = v128.or(any, strangeOrLarge(x, keptBits, anchor, maximum));
    any = v128.or(any, strangeOrLarge(y, keptBits, anchor, maximum));
    any = v128.or(any, strangeOrLarge(z, keptBits, anchor, maximum));
    const doubts = magicVector<E>(
      x,
      y,
      z,
      to + i,
      exponents,
      floor,
      inverses,
      quanta,
      unscale,
      half,
      maximum,
      keptBits,
    );
    store<u8>(next, doubts);
    next++;
  }
  redoListed<Zero, One>(offsetof<E>() == clampedEnd, list, a, b, c, to, bytes, block);
  any = v128.and(any, v128.load32_splat(block, fusedMagnitudesSlot));
  if (v128.any_true(any)) store<i32>(block, 1, suspectSlot);
}

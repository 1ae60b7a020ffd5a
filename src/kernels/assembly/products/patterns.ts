/**
 * A 4 x 8 tile of outputs in binary32 lanes, every product and every partial sum rounded on its bit pattern: in the directed
 * modes, to odd, to nearest with ties away or to zero, and stochastically (variants A and B), to a format of p bits.
 *
 * A pattern is rounded by adding something below the last kept bit and clearing what lies there: nothing, all ones, a half, or the
 * random integer. That wants the number exactly, or with a sticky last bit: products are exact; of a sum the hardware's error
 * tells how to cut it, or make it odd. Cut to 24 bits, its fraction of a quantum has 24 - p of them; where the random
 * integer has more, and its upper ones and the fraction's are just short of a carry, an inexact sum is rounded again in binary64.
 *
 * Below the smallest normal number a product is added to that number first, which makes its quantum the format's. A sum is a
 * multiple of it anyway. The upper end is treated as in `nearest.ts`.
 */
import { kindStochastic } from '../../parameters';
import {
  addNegativeSlot,
  addPositiveSlot,
  addsConstant,
  addsOdd,
  addsSlot,
  dropMaskSlot,
  flipSlot,
  floorSlot,
  parametersSlot,
  randomBitsSlot,
  randomMaskSlot,
  randomMoveSlot,
  randomScaleSlot,
  sumNearest,
  sumSlot,
  suspectSlot,
  wideSlot,
} from '../../products/slots';
import { errorOfSum, toOdd } from '../arithmetic/error-free';
import { roundLanes } from '../rounding/round';
import { withEnds } from './ends';

/** The random integers of one step, at their place in the pattern. `part`: which of the draws of a word. */
@inline
function drawn(adds: i32, part: i32, words: usize, block: usize): v128 {
  const mask = v128.load32_splat(block, randomMaskSlot);
  const word = v128.load(words);
  const odd = v128.load32_splat(block, addPositiveSlot);
  if (adds == 8) {
    // A multiplication by a power of two: a shift by an amount that is no constant takes four instructions.
    const integers = v128.and(part == 0 ? word : i32x4.shr_u(word, 8 * part), mask);
    return v128.or(i32x4.dot_i16x8_s(integers, v128.load32_splat(block, randomScaleSlot)), odd);
  }
  const upper = adds == 16 && part == 0 ? i32x4.shl(word, 16) : word;
  return v128.or(v128.and(i32x4.shr_u(upper, load<i32>(block, randomMoveSlot)), mask), odd);
}

/** What is added to a pattern. */
@inline
function addend(adds: i32, part: i32, value: v128, words: usize, block: usize): v128 {
  if (adds > addsOdd) return drawn(adds, part, words, block);
  const positive = v128.load32_splat(block, addPositiveSlot);
  const difference = v128.load32_splat(block, addNegativeSlot);
  return v128.xor(positive, v128.and(i32x4.shr_s(value, 31), difference));
}

@inline
function roundPattern(adds: i32, value: v128, added: v128, dropMask: v128): v128 {
  if (adds != addsOdd) return v128.and(i32x4.add(value, added), dropMask);
  const rest = v128.andnot(value, dropMask);
  return v128.and(v128.or(value, i32x4.sub(rest, i32x4.add(dropMask, i32x4.splat(1)))), dropMask);
}

/** The sum cut to the bits of the lanes, where its bits or random integers decide; else made odd. */
@inline
function narrowed(cuts: bool, sum: v128, error: v128): v128 {
  if (!cuts) return toOdd<f32, i32>(sum, error);
  // Minus one where the hardware went away from zero.
  const outward = v128.xor(error, v128.and(sum, i32x4.splat(i32.MIN_VALUE)));
  return i32x4.add(sum, f32x4.lt(outward, f32x4.splat(0)));
}

/** x + y of two lanes, or x where y is 0, rounded stochastically in binary64. */
@inline
function roundTwo(x: v128, y: v128, random: v128, parameters: usize): v128 {
  const left = f64x2.promote_low_f32x4(x);
  const right = f64x2.promote_low_f32x4(y);
  const sum = f64x2.add(left, right);
  const exact = toOdd<f64, i64>(sum, errorOfSum<f64>(left, right, sum));
  return f32x4.demote_f64x2_zero(roundLanes<f64, i64>(kindStochastic, exact, random, parameters));
}

/** x + y rounded stochastically with all bits of the random integers. */
function roundWide(x: v128, y: v128, drawBits: i32, part: i32, words: usize, block: usize): v128 {
  const parameters = <usize>load<u32>(block, parametersSlot);
  const word = v128.load(words);
  const bits = load<i32>(block, randomBitsSlot);
  const upper = i32x4.shl(word, 32 - drawBits * (part + 1));
  const random = i32x4.shr_u(upper, 32 - bits);
  const low = roundTwo(x, y, random, parameters);
  const high = roundTwo(
    v128.shuffle<i64>(x, x, 1, 0),
    v128.shuffle<i64>(y, y, 1, 0),
    v128.shuffle<i64>(random, random, 1, 0),
    parameters,
  );
  return v128.shuffle<i64>(low, high, 0, 2);
}

/** Whether there is more to a number than its bits, in a lane where one more below the last kept bit would carry. */
@inline
function isDoubtful(raised: v128, dropMask: v128, error: v128): bool {
  const short = i32x4.eq(v128.or(raised, dropMask), i32x4.splat(-1));
  return v128.any_true(v128.and(short, f32x4.ne(error, f32x4.splat(0))));
}

@inline
function roundedProduct(
  adds: i32,
  ends: bool,
  part: i32,
  a: v128,
  b: v128,
  words: usize,
  least: v128,
  dropMask: v128,
  block: usize,
): v128 {
  const product = f32x4.mul(a, b);
  const magnitude = f32x4.abs(product);
  const small = f32x4.lt(magnitude, least);
  const added = addend(adds, part, product, words, block);
  let rounded: v128;
  if (v128.any_true(small)) {
    // The sum with the smallest normal number has the format's quantum.
    const offset = v128.and(least, small);
    const sum = f32x4.add(magnitude, offset);
    const error = f32x4.sub(magnitude, f32x4.sub(sum, offset));
    const whole = adds > addsOdd ? i32x4.add(sum, f32x4.lt(error, f32x4.splat(0))) : toOdd<f32, i32>(sum, error);
    rounded = v128.or(f32x4.sub(roundPattern(adds, whole, added, dropMask), offset), v128.xor(product, magnitude));
    if (adds > 8 && load<i32>(block, wideSlot) != 0 && isDoubtful(i32x4.add(whole, added), dropMask, error))
      rounded = roundWide(product, f32x4.splat(0), adds, part, words, block);
  } else rounded = roundPattern(adds, product, added, dropMask);
  return ends ? withEnds(product, rounded, block) : rounded;
}

@inline
function roundedSum(
  adds: i32,
  exact: bool,
  ends: bool,
  part: i32,
  x: v128,
  y: v128,
  sum: v128,
  words: usize,
  dropMask: v128,
  block: usize,
): v128 {
  let error = sum;
  let whole = sum;
  if (!exact) {
    error = errorOfSum<f32>(x, y, sum);
    whole = narrowed(adds > addsOdd, sum, error);
  }
  const added = addend(adds, part, whole, words, block);
  let rounded = roundPattern(adds, whole, added, dropMask);
  if (adds > 8 && !exact && load<i32>(block, wideSlot) != 0 && isDoubtful(i32x4.add(whole, added), dropMask, error))
    rounded = roundWide(x, y, adds, part, words, block);
  return ends ? withEnds(sum, rounded, block) : rounded;
}

/** Bytes of the draws of a tile's outputs that lie beside each other, a word of each. */
const wordBytes: usize = 128;

@inline
function sumOf(adds: i32, x: v128, y: v128, flip: v128): v128 {
  if (adds != addsConstant) return f32x4.add(x, y);
  return v128.xor(f32x4.add(v128.xor(x, flip), v128.xor(y, flip)), flip);
}

/** Two rows of the tile. Returns whether the sums are right: if not, the rows are as they were. */
@inline
function twoRows(
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
  const flip = v128.load32_splat(block, flipSlot + 4);
  const zero = f32x4.splat(0);
  let c00 = first ? zero : v128.load(out);
  let c01 = first ? zero : v128.load(out, 16);
  let c10 = first ? zero : v128.load(out + outStride);
  let c11 = first ? zero : v128.load(out + outStride, 16);
  let largest = zero;
  let a = panelA;
  let b = panelB;
  for (let k = 0; k < count; k += perWord) {
    {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const r00 = roundedProduct(adds, ends, 0, a0, b0, products + 0, least, dropMask, block);
      const s00 = sumOf(adds, c00, r00, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s00));
      c00 = roundedSum(adds, exact, ends, 0, c00, r00, s00, sums + 0, dropMask, block);
      const r01 = roundedProduct(adds, ends, 0, a0, b1, products + 16, least, dropMask, block);
      const s01 = sumOf(adds, c01, r01, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s01));
      c01 = roundedSum(adds, exact, ends, 0, c01, r01, s01, sums + 16, dropMask, block);
      const r10 = roundedProduct(adds, ends, 0, a1, b0, products + 32, least, dropMask, block);
      const s10 = sumOf(adds, c10, r10, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s10));
      c10 = roundedSum(adds, exact, ends, 0, c10, r10, s10, sums + 32, dropMask, block);
      const r11 = roundedProduct(adds, ends, 0, a1, b1, products + 48, least, dropMask, block);
      const s11 = sumOf(adds, c11, r11, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s11));
      c11 = roundedSum(adds, exact, ends, 0, c11, r11, s11, sums + 48, dropMask, block);
      a += 16;
      b += 32;
    }
    if (perWord > 1 && k + 1 < count) {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const r00 = roundedProduct(adds, ends, 1, a0, b0, products + 0, least, dropMask, block);
      const s00 = sumOf(adds, c00, r00, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s00));
      c00 = roundedSum(adds, exact, ends, 1, c00, r00, s00, sums + 0, dropMask, block);
      const r01 = roundedProduct(adds, ends, 1, a0, b1, products + 16, least, dropMask, block);
      const s01 = sumOf(adds, c01, r01, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s01));
      c01 = roundedSum(adds, exact, ends, 1, c01, r01, s01, sums + 16, dropMask, block);
      const r10 = roundedProduct(adds, ends, 1, a1, b0, products + 32, least, dropMask, block);
      const s10 = sumOf(adds, c10, r10, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s10));
      c10 = roundedSum(adds, exact, ends, 1, c10, r10, s10, sums + 32, dropMask, block);
      const r11 = roundedProduct(adds, ends, 1, a1, b1, products + 48, least, dropMask, block);
      const s11 = sumOf(adds, c11, r11, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s11));
      c11 = roundedSum(adds, exact, ends, 1, c11, r11, s11, sums + 48, dropMask, block);
      a += 16;
      b += 32;
    }
    if (perWord > 2 && k + 2 < count) {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const r00 = roundedProduct(adds, ends, 2, a0, b0, products + 0, least, dropMask, block);
      const s00 = sumOf(adds, c00, r00, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s00));
      c00 = roundedSum(adds, exact, ends, 2, c00, r00, s00, sums + 0, dropMask, block);
      const r01 = roundedProduct(adds, ends, 2, a0, b1, products + 16, least, dropMask, block);
      const s01 = sumOf(adds, c01, r01, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s01));
      c01 = roundedSum(adds, exact, ends, 2, c01, r01, s01, sums + 16, dropMask, block);
      const r10 = roundedProduct(adds, ends, 2, a1, b0, products + 32, least, dropMask, block);
      const s10 = sumOf(adds, c10, r10, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s10));
      c10 = roundedSum(adds, exact, ends, 2, c10, r10, s10, sums + 32, dropMask, block);
      const r11 = roundedProduct(adds, ends, 2, a1, b1, products + 48, least, dropMask, block);
      const s11 = sumOf(adds, c11, r11, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s11));
      c11 = roundedSum(adds, exact, ends, 2, c11, r11, s11, sums + 48, dropMask, block);
      a += 16;
      b += 32;
    }
    if (perWord > 3 && k + 3 < count) {
      const a0 = v128.load32_splat(a);
      const a1 = v128.load32_splat(a, 4);
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const r00 = roundedProduct(adds, ends, 3, a0, b0, products + 0, least, dropMask, block);
      const s00 = sumOf(adds, c00, r00, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s00));
      c00 = roundedSum(adds, exact, ends, 3, c00, r00, s00, sums + 0, dropMask, block);
      const r01 = roundedProduct(adds, ends, 3, a0, b1, products + 16, least, dropMask, block);
      const s01 = sumOf(adds, c01, r01, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s01));
      c01 = roundedSum(adds, exact, ends, 3, c01, r01, s01, sums + 16, dropMask, block);
      const r10 = roundedProduct(adds, ends, 3, a1, b0, products + 32, least, dropMask, block);
      const s10 = sumOf(adds, c10, r10, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s10));
      c10 = roundedSum(adds, exact, ends, 3, c10, r10, s10, sums + 32, dropMask, block);
      const r11 = roundedProduct(adds, ends, 3, a1, b1, products + 48, least, dropMask, block);
      const s11 = sumOf(adds, c11, r11, flip);
      if (!ends) largest = i32x4.max_s(largest, f32x4.abs(s11));
      c11 = roundedSum(adds, exact, ends, 3, c11, r11, s11, sums + 48, dropMask, block);
      a += 16;
      b += 32;
    }
    products += wordBytes;
    sums += wordBytes;
  }
  if (!ends && v128.any_true(i32x4.ge_s(largest, v128.load32_splat(block, suspectSlot)))) return false;
  v128.store(out, c00);
  v128.store(out, c01, 16);
  v128.store(out + outStride, c10);
  v128.store(out + outStride, c11, 16);
  return true;
}

// Every instance is a function of its own: the compiler's time grows with the square of a function's size.

function constantExact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsConstant, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function constant(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsConstant, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function constantEnds(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsConstant, false, true, block, a, b, count, out, outStride, first, products, sums);
}

function oddExact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsOdd, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function odd(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsOdd, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function oddEnds(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(addsOdd, false, true, block, a, b, count, out, outStride, first, products, sums);
}

function draws8Exact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(8, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws8(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(8, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws8Ends(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(8, false, true, block, a, b, count, out, outStride, first, products, sums);
}

function draws16Exact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(16, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws16(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(16, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws16Ends(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(16, false, true, block, a, b, count, out, outStride, first, products, sums);
}

function draws32Exact(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(32, true, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws32(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(32, false, false, block, a, b, count, out, outStride, first, products, sums);
}

function draws32Ends(
  block: usize,
  a: usize,
  b: usize,
  count: i32,
  out: usize,
  outStride: usize,
  first: bool,
  products: usize,
  sums: usize,
): bool {
  return twoRows(32, false, true, block, a, b, count, out, outStride, first, products, sums);
}

/**
 * As `plainTile`, for the first `rows` rows, with the draws of products and of sums: for each word of them, those of the
 * tile's outputs.
 */
export function patternTile32(
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
  const adds = load<i32>(block, addsSlot);
  const exact = load<i32>(block, sumSlot) == sumNearest;
  for (let row = 0; row < rows; row += 2) {
    let done = false;
    switch (adds) {
      case addsConstant:
        done = exact
          ? constantExact(block, a, b, count, out, outStride, first, products, sums)
          : constant(block, a, b, count, out, outStride, first, products, sums);
        if (!done) constantEnds(block, a, b, count, out, outStride, first, products, sums);
        break;
      case addsOdd:
        done = exact
          ? oddExact(block, a, b, count, out, outStride, first, products, sums)
          : odd(block, a, b, count, out, outStride, first, products, sums);
        if (!done) oddEnds(block, a, b, count, out, outStride, first, products, sums);
        break;
      case 8:
        done = exact
          ? draws8Exact(block, a, b, count, out, outStride, first, products, sums)
          : draws8(block, a, b, count, out, outStride, first, products, sums);
        if (!done) draws8Ends(block, a, b, count, out, outStride, first, products, sums);
        break;
      case 16:
        done = exact
          ? draws16Exact(block, a, b, count, out, outStride, first, products, sums)
          : draws16(block, a, b, count, out, outStride, first, products, sums);
        if (!done) draws16Ends(block, a, b, count, out, outStride, first, products, sums);
        break;
      case 32:
        done = exact
          ? draws32Exact(block, a, b, count, out, outStride, first, products, sums)
          : draws32(block, a, b, count, out, outStride, first, products, sums);
        if (!done) draws32Ends(block, a, b, count, out, outStride, first, products, sums);
        break;
      default:
        unreachable();
    }
    a += 8;
    out += 2 * outStride;
    products += 64;
    sums += 64;
  }
}

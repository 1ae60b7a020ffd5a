/**
 * A 4 x 4 tile of outputs by the steps of a matrix unit, in binary64 lanes, where all that a unit adds is exact. Definition and
 * sources: `src/arithmetic/matrix-unit`. A panel holds operands and, behind them, their exponents, which are not those of the
 * numbers: subnormals have that of the smallest normal number, zeros -126. The largest sum of such exponents says where terms lose
 * their low bits, and scaling by it makes that a truncation to integers. Aligned steps take exponents as 16-bit integers, for eight
 * outputs at once; the others powers of two.
 */
import {
  addendLeastSlot,
  flushesSlot,
  fractionsSlot,
  groupSlot,
  highExponentSlot,
  lowExponentSlot,
  nearestSlot,
  operandLeastSlot,
  overflowsSlot,
  resultLeastSlot,
  resultLimitSlot,
  resultMagicSlot,
  resultMaskSlot,
  resultMaximumSlot,
  stepAligned,
  stepBlocks,
  stepFloored,
  stepHalves,
  stepPairwise,
  stepSlot,
} from '../../generated/layout-products';
import { upperLanes } from '../rounding/lanes';

const exponentMask: i64 = 0x7ff0000000000000;
/** 2^-126, 2^127 and 2^128. */
const zeroPower: i64 = 0x3810000000000000;
const specialPower: i64 = 0x47e0000000000000;
const overflowLimit: i64 = 0x47f0000000000000;

/** The power of two of a number's exponent, for a format with the smallest normal number `least`. */
@inline
function powerOf(x: v128, least: v128): v128 {
  const field = v128.and(x, i64x2.splat(exponentMask));
  const power = f64x2.pmax(field, least);
  const finite = v128.bitselect(i64x2.splat(zeroPower), power, f64x2.eq(x, f64x2.splat(0)));
  return v128.bitselect(i64x2.splat(specialPower), finite, i64x2.eq(field, i64x2.splat(exponentMask)));
}

/** 1 / 2^e of a power of two. */
@inline
function inverse(power: v128): v128 {
  return i64x2.sub(i64x2.splat(0x7fe0000000000000), power);
}

/** The exponent field of a positive binary64 number of the parameters. */
@inline
function exponentField(block: usize, slot: usize): i32 {
  return <i32>(load<u64>(block + slot) >> 52);
}

/** Exponents of binary64 numbers, whose high words are given, for a format with the smallest normal exponent `least`. */
@inline
function exponentsOf(words: v128, least: v128): v128 {
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

@inline
function withSign(magnitude: v128, x: v128): v128 {
  return v128.bitselect(x, magnitude, i64x2.splat(i64.MIN_VALUE));
}

/** The result of an aligned step: to nearest even or toward zero, overflow infinite, zero positive. */
@inline
function alignedResult(block: usize, x: v128): v128 {
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

/** The larger of `power` and the powers of a group's products, `stride` bytes from one to the next. */
@inline
function largestPower(power: v128, a: usize, b: usize, bytes: usize, stride: usize): v128 {
  for (let at: usize = 0; at < bytes; at += stride)
    power = f64x2.pmax(power, f64x2.mul(v128.load64_splat(a + at), v128.load(b + at)));
  return power;
}

/** `sum` plus a group's products, each truncated to a multiple of 1 / `scale`, in that unit. */
@inline
function truncatedSum(sum: v128, scale: v128, a: usize, b: usize, bytes: usize, stride: usize): v128 {
  for (let at: usize = 0; at < bytes; at += stride) {
    const product = f64x2.mul(v128.load64_splat(a + at), v128.load(b + at));
    sum = f64x2.add(sum, f64x2.trunc(f64x2.mul(product, scale)));
  }
  return sum;
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
function alignedTile(block: usize, a: usize, b: usize, count: i32, out: usize, rows: i32): void {
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

/** The terms are exact sums of 16 products, with the exponents of their scales: 0. */
@inline
function blocksStep(block: usize, c: v128, a: usize, b: usize, bytes: usize): v128 {
  const fractions = v128.load64_splat(block, fractionsSlot);
  const power = f64x2.pmax(powerOf(c, v128.load64_splat(block, addendLeastSlot)), f64x2.splat(1));
  const scale = f64x2.mul(fractions, inverse(power));
  let sum = f64x2.trunc(f64x2.mul(c, scale));
  for (let at: usize = 0; at < bytes; at += 512) {
    let term = f64x2.splat(0);
    for (let i = at; i < at + 512; i += 32)
      term = f64x2.add(term, f64x2.mul(v128.load64_splat(a + i), v128.load(b + i)));
    sum = f64x2.add(sum, f64x2.trunc(f64x2.mul(term, scale)));
  }
  return alignedResult(block, f64x2.mul(sum, inverse(scale)));
}

/** What products of 2^128 or more make of a step, where the sum of all is finite: infinities, or NaN of both. Else `result`. */
function overflowed(c: v128, a: usize, b: usize, bytes: usize, result: v128): v128 {
  let all = c;
  let infinite = f64x2.splat(0);
  for (let at: usize = 0; at < bytes; at += 32) {
    const product = f64x2.mul(v128.load64_splat(a + at), v128.load(b + at));
    const over = f64x2.ge(f64x2.abs(product), i64x2.splat(overflowLimit));
    all = f64x2.add(all, product);
    infinite = f64x2.add(infinite, v128.and(withSign(i64x2.splat(exponentMask), product), over));
  }
  const finite = f64x2.lt(f64x2.abs(all), i64x2.splat(exponentMask));
  const given = v128.bitselect(result, infinite, f64x2.eq(infinite, f64x2.splat(0)));
  return v128.bitselect(given, all, finite);
}

@inline
function flooredStep(
  halves: bool,
  block: usize,
  c: v128,
  a: usize,
  b: usize,
  bytes: usize,
  powers: usize,
): v128 {
  const fractions = v128.load64_splat(block, fractionsSlot);
  const zero = f64x2.splat(0);
  const stride: usize = halves ? 64 : 32;
  let power = largestPower(zero, a + powers, b + powers, bytes, stride);
  let sum = truncatedSum(zero, f64x2.mul(fractions, inverse(power)), a, b, bytes, stride);
  if (halves) {
    const oddA = a + 32;
    const oddB = b + 32;
    const odd = largestPower(zero, oddA + powers, oddB + powers, bytes - 32, 64);
    const oddSum = truncatedSum(zero, f64x2.mul(fractions, inverse(odd)), oddA, oddB, bytes - 32, 64);
    const larger = f64x2.pmax(power, odd);
    const down = inverse(larger);
    sum = f64x2.add(
      f64x2.floor(f64x2.mul(f64x2.mul(sum, power), down)),
      f64x2.floor(f64x2.mul(f64x2.mul(oddSum, odd), down)),
    );
    power = larger;
  }
  // The sum has 31 fraction bits where the accumulator, with 24, joins it.
  const own = powerOf(c, v128.load64_splat(block, addendLeastSlot));
  const most = f64x2.pmax(power, own);
  const down = inverse(most);
  const units = f64x2.floor(f64x2.mul(f64x2.mul(sum, f64x2.mul(power, f64x2.splat(128))), down));
  let carried = f64x2.floor(f64x2.mul(f64x2.mul(c, fractions), down));
  if (halves) {
    // An accumulator that is shifted out entirely is dropped, not floored.
    const lost = f64x2.lt(f64x2.mul(own, f64x2.splat(33554432)), most);
    carried = v128.andnot(carried, lost);
  }
  const total = f64x2.add(units, f64x2.mul(carried, f64x2.splat(128)));
  const exact = f64x2.mul(f64x2.mul(total, most), f64x2.splat(4.656612873077393e-10));
  return rounded32(exact);
}

@inline
function rounded32(x: v128): v128 {
  return f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(x));
}

/** Rounded to binary32; a subnormal result counts as zero where the unit flushes. */
@inline
function flushed32(x: v128, least: v128): v128 {
  const rounded = rounded32(x);
  const small = f64x2.lt(f64x2.abs(rounded), least);
  return v128.andnot(rounded, v128.and(small, i64x2.splat(i64.MAX_VALUE)));
}

/** `i`: which product of the group. */
@inline
function product32(a: usize, b: usize, i: usize, least: v128): v128 {
  const product = f64x2.mul(v128.load64_splat(a + (i << 5)), v128.load(b + (i << 5)));
  return flushed32(f64x2.add(product, f64x2.splat(0)), least);
}

/** Groups of 2 or 4 products. */
@inline
function pairwiseStep(block: usize, c: v128, a: usize, b: usize, bytes: usize): v128 {
  // Nothing is below 0: then nothing is flushed.
  const flushes = load<i32>(block, flushesSlot) != 0;
  const least = flushes ? v128.load64_splat(block, addendLeastSlot) : f64x2.splat(0);
  let sum = flushed32(f64x2.add(product32(a, b, 0, least), product32(a, b, 1, least)), least);
  if (bytes == 128) {
    const second = flushed32(f64x2.add(product32(a, b, 2, least), product32(a, b, 3, least)), least);
    sum = flushed32(f64x2.add(sum, second), least);
  }
  const start = v128.andnot(c, f64x2.lt(f64x2.abs(c), least));
  return flushed32(f64x2.add(start, sum), least);
}

/** All steps of two outputs of a row. */
@inline
function chain(step: i32, block: usize, c: v128, a: usize, b: usize, count: i32): v128 {
  const bytes = <usize>load<i32>(block, groupSlot) << 5;
  const powers = <usize>count << 5;
  const overflows = load<i32>(block, overflowsSlot) != 0;
  for (let at: usize = 0; at < powers; at += bytes) {
    const before = c;
    const x = a + at;
    const y = b + at;
    if (step == stepBlocks) c = blocksStep(block, c, x, y, bytes);
    else if (step == stepFloored) c = flooredStep(false, block, c, x, y, bytes, powers);
    else if (step == stepHalves) c = flooredStep(true, block, c, x, y, bytes, powers);
    else c = pairwiseStep(block, c, x, y, bytes);
    if (step == stepFloored && overflows) c = overflowed(before, x, y, bytes, c);
  }
  return c;
}

@inline
function tile(step: i32, block: usize, a: usize, b: usize, count: i32, out: usize, rows: i32): void {
  for (let row = 0; row < rows; row++) {
    const left = a + (<usize>row << 3);
    v128.store(out, chain(step, block, v128.load(out), left, b, count));
    v128.store(out, chain(step, block, v128.load(out, 16), left, b + 16, count), 16);
    out += 32;
  }
}

/**
 * `count` steps of k, whole instructions, on panels of `prepareUnitPanel`, for the first `rows` rows of a tile of its own, whose
 * rows are 32 bytes. `first` starts at +0.
 */
export function unitTile64(block: usize, a: usize, b: usize, count: i32, out: usize, first: bool, rows: i32): void {
  if (first) memory.fill(out, 0, 128);
  switch (load<i32>(block, stepSlot)) {
    case stepAligned:
      alignedTile(block, a, b, count, out, rows);
      break;
    case stepBlocks:
      tile(stepBlocks, block, a, b, count, out, rows);
      break;
    case stepFloored:
      tile(stepFloored, block, a, b, count, out, rows);
      break;
    case stepHalves:
      tile(stepHalves, block, a, b, count, out, rows);
      break;
    case stepPairwise:
      tile(stepPairwise, block, a, b, count, out, rows);
      break;
    default:
      unreachable();
  }
}

/**
 * A 4 x 4 tile of outputs by the steps of a matrix unit, in binary64 lanes, where all that a unit adds is exact. Definition and
 * sources: `src/arithmetic/matrix-unit`. A panel holds operands and, behind them, their exponents, which are not those of the
 * numbers (`unit-exponents.ts`). The largest sum of such exponents says where terms lose their low bits, and scaling by it makes that a
 * truncation to integers. Aligned steps are in `unit-aligned.ts`; the others take powers of two.
 */
import {
  addendLeastSlot,
  flushesSlot,
  fractionsSlot,
  groupSlot,
  overflowsSlot,
  stepAligned,
  stepBlocks,
  stepFloored,
  stepHalves,
  stepPairwise,
  stepSlot,
} from '../../generated/layout-products';
import { alignedResult, alignedTile, withSign } from './unit-aligned';
import { exponentMask, inverse, powerOf } from './unit-exponents';

/** 2^128. */
const overflowLimit: i64 = 0x47f0000000000000;

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

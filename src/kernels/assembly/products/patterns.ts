/**
 * Products and sums in binary32 lanes, rounded on their bit patterns: in the directed modes, to odd, to nearest with ties away or
 * to zero, and stochastically (variants A and B), to a format of p bits. `pattern-tile.ts` makes matrix products of them.
 *
 * A pattern is rounded by adding something below the last kept bit and clearing what lies there: nothing, all ones, a half, or the
 * random integer. That wants the number exactly, or with a sticky last bit: products are exact; of a sum the hardware's error
 * tells how to cut it, or make it odd. Cut to 24 bits, its fraction of a quantum has 24 - p of them; where the random
 * integer has more, and its upper ones and the fraction's are just short of a carry, an inexact sum is rounded again in binary64.
 *
 * Below the smallest normal number a product is added to that number first, which makes its quantum the format's. A sum is a
 * multiple of it anyway. The upper end is treated as in `nearest.ts`.
 */
import { kindStochastic } from '../../generated/layout-rounding';
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
  wideSlot,
} from '../../generated/layout-products';
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
  exact: bool,
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
  const sign = v128.xor(product, magnitude);
  const small = f32x4.lt(magnitude, least);
  const added = addend(adds, part, product, words, block);
  let rounded: v128;
  // The sum with the smallest normal number has the format's quantum.
  const offset = v128.and(least, small);
  if (exact) {
    const whole = f32x4.add(magnitude, offset);
    rounded = v128.or(f32x4.sub(roundPattern(adds, whole, added, dropMask), offset), sign);
  } else if (v128.any_true(small)) {
    const sum = f32x4.add(magnitude, offset);
    const error = f32x4.sub(magnitude, f32x4.sub(sum, offset));
    const whole = adds > addsOdd ? i32x4.add(sum, f32x4.lt(error, f32x4.splat(0))) : toOdd<f32, i32>(sum, error);
    rounded = v128.or(f32x4.sub(roundPattern(adds, whole, added, dropMask), offset), sign);
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
  words: usize,
  dropMask: v128,
  block: usize,
): v128 {
  let sum: v128;
  if (adds == addsConstant) {
    const flip = v128.load32_splat(block, flipSlot + 4);
    sum = v128.xor(f32x4.add(v128.xor(x, flip), v128.xor(y, flip)), flip);
  } else sum = f32x4.add(x, y);
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

/**
 * fl(x + fl(a b)), with the draws of its product and of its sum. `adds` and `part` as above. `exact`: sums are, and the sum of a
 * product with the smallest normal number too. `ends`: results may be beyond the upper end. `least`: the smallest normal number.
 */
@inline
export function patternStep(
  adds: i32,
  exact: bool,
  ends: bool,
  part: i32,
  x: v128,
  a: v128,
  b: v128,
  products: usize,
  sums: usize,
  least: v128,
  dropMask: v128,
  block: usize,
): v128 {
  const product = roundedProduct(adds, exact, ends, part, a, b, products, least, dropMask, block);
  return roundedSum(adds, exact, ends, part, x, product, sums, dropMask, block);
}

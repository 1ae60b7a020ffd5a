/**
 * Stochastic and directed rounding in the same loop as the operation, in binary32 lanes: an exact result is the pair of the
 * hardware's nearest one and its error, and the decision is made from both, so that neither wider lanes nor a second loop are
 * wanted. Variant A only. Where the format's last bit is a bit of the pattern (its exponent range is binary32's, or the result
 * is a sum, which has no bits below the smallest number), by the bit pattern; otherwise by multiples of the quantum, as
 * `../rounding/quick.ts` does.
 *
 * What these loops cannot do they find out: a result that is no finite binary32 number, a product that is too small to be
 * exact. They then ask by `redoSlot` for all of their elements to be done anew by other kernels.
 */
import {
  clampedEnd,
  joinedAwayNegativeSlot,
  joinedAwayPositiveSlot,
  joinedDrawFactorSlot,
  joinedDrawShiftSlot,
  joinedExponentsSlot,
  joinedFlipSecondSlot,
  joinedFlipSlot,
  joinedFloorSlot,
  joinedHighScaleSlot,
  joinedInversesSlot,
  joinedLeastSlot,
  joinedLimitSlot,
  joinedLowMaskSlot,
  joinedLowScaleSlot,
  joinedMaskSlot,
  joinedOneSlot,
  joinedQuantaSlot,
  joinedRandomMaskSlot,
  joinedRestSlot,
  joinedScaleSlot,
  joinedSignSlot,
  joinedTailScaleSlot,
  joinedTinySlot,
  joinedTopSlot,
  joinedUnscaleSlot,
  joinedWidenSlot,
  operationAdd,
  operationDiv,
  operationFma,
  operationSqrt,
  redoSlot,
  scaledEnd,
} from '../../arithmetic/parameters';
import { errorOfRoot, errorOfSum, remainder } from './error-free';

/** The error where it leads away from zero, its negative where toward zero. */
@inline
function outwardError(nearest: v128, error: v128, sign: v128): v128 {
  return v128.xor(error, v128.and(nearest, sign));
}

/** Minus one where the exact result is nearer zero than the nearest one: the bit pattern of the one below. */
@inline
function isBeyond(outward: v128): v128 {
  return f32x4.lt(outward, f32x4.splat(0));
}

/** A rounded result within the range. */
@inline
function ended<E>(rounded: v128, limit: v128, sign: v128, scale: v128, unscale: v128): v128 {
  if (offsetof<E>() == clampedEnd) return f32x4.pmax(f32x4.pmin(rounded, limit), v128.xor(limit, sign));
  if (offsetof<E>() == scaledEnd) return f32x4.mul(f32x4.mul(rounded, scale), unscale);
  return rounded;
}

/** Has everything done anew if one of the errors added up was NaN, as those of infinities and NaNs are. */
@inline
function askAgain(errors: v128, smallest: v128, block: usize): void {
  const isTooSmall = i32x4.lt_u(smallest, v128.load32_splat(block, joinedLeastSlot));
  if (v128.any_true(v128.or(f32x4.ne(errors, errors), isTooSmall))) store<i32>(block, 1, redoSlot);
}

/**
 * Twice the bits of a product scaled up, less one: largest for a product that is 0 because an operand is. `widen` is such a
 * power of two that no other product becomes 0.
 */
@inline
function sizeOfProduct(x: v128, y: v128, widen: v128): v128 {
  const widened = f32x4.mul(f32x4.mul(x, widen), y);
  return i32x4.sub(i32x4.add(widened, widened), i32x4.splat(1));
}

/**
 * Sums, quotients or roots toward zero, away from it, or toward either infinity, by bit patterns. Of the errors of quotients (by
 * few bits) and roots the signs are known: those of a remainder, which is exact unless a dividend or radicand is very small.
 */
export function directed<O, E>(a: usize, b: usize, to: usize, bytes: usize, block: usize): void {
  const sign = v128.load32_splat(block, joinedSignSlot);
  const flip = v128.load32_splat(block, joinedFlipSlot);
  const flipSecond = v128.load32_splat(block, joinedFlipSecondSlot);
  const awayPositive = v128.load32_splat(block, joinedAwayPositiveSlot);
  const awayNegative = v128.load32_splat(block, joinedAwayNegativeSlot);
  const rest = v128.load32_splat(block, joinedRestSlot);
  const mask = v128.load32_splat(block, joinedMaskSlot);
  const limit = v128.load32_splat(block, joinedLimitSlot);
  const zero = f32x4.splat(0);
  let errors = zero;
  let smallest = i32x4.splat(-1);
  for (let i: usize = 0; i < bytes; i += 16) {
    let x = v128.load(a + i);
    let nearest: v128;
    let error: v128;
    let outward: v128;
    if (offsetof<O>() == operationAdd) {
      x = v128.xor(x, flip);
      const y = v128.xor(v128.load(b + i), flipSecond);
      nearest = f32x4.add(x, y);
      error = errorOfSum<f32>(x, y, nearest);
      outward = outwardError(nearest, error, sign);
    } else {
      // Twice the bits, less one: a zero has no error.
      smallest = i32x4.min_u(smallest, i32x4.sub(i32x4.add(x, x), i32x4.splat(1)));
      if (offsetof<O>() == operationDiv) {
        const y = v128.load(b + i);
        nearest = f32x4.div(x, y);
        error = remainder<f32, i32>(true, x, y, nearest);
        // Its sign is that of the quotient's error times the divisor.
        outward = outwardError(x, error, sign);
      } else {
        nearest = f32x4.sqrt(x);
        error = errorOfRoot<f32, i32>(x, nearest);
        outward = error;
      }
    }
    const below = i32x4.add(nearest, isBeyond(outward));
    if (offsetof<O>() == operationSqrt) {
      // Infinity has no error, and only the limit changes it; negative numbers are too common to do all anew for.
      const step = f32x4.gt(f32x4.abs(error), zero);
      const raised = i32x4.add(below, v128.and(i32x4.sub(rest, step), awayPositive));
      const rounded = f32x4.pmin(v128.and(raised, mask), limit);
      v128.store(to + i, v128.or(rounded, f32x4.ne(nearest, nearest)));
      continue;
    }
    errors = f32x4.add(errors, error);
    const away = v128.bitselect(awayNegative, awayPositive, i32x4.shr_s(nearest, 31));
    const raise = v128.and(i32x4.sub(rest, f32x4.ne(error, zero)), away);
    const rounded = ended<E>(v128.and(i32x4.add(below, raise), mask), limit, sign, zero, zero);
    v128.store(to + i, offsetof<O>() == operationAdd ? v128.xor(rounded, flip) : rounded);
  }
  askAgain(errors, smallest, block);
}

/**
 * Sums or fused multiply-adds, stochastic, by bit patterns. What is discarded is the pattern's last bits and, if it `hasTail`
 * (more random bits than those), what the error has below. The random integer added to it carries where it goes away from zero.
 */
export function drawnSums<O, E, T>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  random: usize,
  block: usize,
): void {
  const sign = v128.load32_splat(block, joinedSignSlot);
  const flipSecond = v128.load32_splat(block, joinedFlipSecondSlot);
  const widen = v128.load32_splat(block, joinedWidenSlot);
  const exponents = v128.load32_splat(block, joinedExponentsSlot);
  const tailScale = v128.load32_splat(block, joinedTailScaleSlot);
  const lowMask = v128.load32_splat(block, joinedLowMaskSlot);
  const lowScale = v128.load32_splat(block, joinedLowScaleSlot);
  const one = v128.load32_splat(block, joinedOneSlot);
  const tiny = v128.load32_splat(block, joinedTinySlot);
  const factor = v128.load32_splat(block, joinedDrawFactorSlot);
  const shift = load<i32>(block, joinedDrawShiftSlot);
  const mask = v128.load32_splat(block, joinedMaskSlot);
  const limit = v128.load32_splat(block, joinedLimitSlot);
  const scale = v128.load32_splat(block, joinedScaleSlot);
  const unscale = v128.load32_splat(block, joinedUnscaleSlot);
  let errors = f32x4.splat(0);
  let smallest = i32x4.splat(-1);
  for (let i: usize = 0; i < bytes; i += 16) {
    let x = v128.load(a + i);
    let y = v128.load(b + i);
    if (offsetof<O>() == operationFma) {
      smallest = i32x4.min_u(smallest, sizeOfProduct(x, y, widen));
      x = f32x4.mul(x, y);
      y = v128.load(c + i);
    } else y = v128.xor(y, flipSecond);
    const integers = v128.load(random + i);
    const nearest = f32x4.add(x, y);
    const error = errorOfSum<f32>(x, y, nearest);
    errors = f32x4.add(errors, error);
    const outward = outwardError(nearest, error, sign);
    const beyond = isBeyond(outward);
    const below = i32x4.add(nearest, beyond);
    let draw: v128;
    if (offsetof<T>() != 0) {
      // The tail as a fraction of the pattern's last bit: less than 0 where `beyond`, which counts as one below 1. It carries
      // where it and the lower bits of the random integer reach 1. `tiny` is for a tail that has become 0.
      const inverse = v128.andnot(exponents, below);
      const tail = f32x4.mul(f32x4.mul(outward, tailScale), inverse);
      const low = f32x4.mul(f32x4.convert_i32x4_s(v128.and(integers, lowMask)), lowScale);
      const bound = f32x4.sub(v128.bitselect(tiny, one, beyond), low);
      draw = i32x4.sub(i32x4.shr_u(integers, shift), f32x4.ge(tail, bound));
    } else draw = i32x4.mul(integers, factor);
    const rounded = v128.and(i32x4.add(below, draw), mask);
    v128.store(to + i, ended<E>(rounded, limit, sign, scale, unscale));
  }
  askAgain(errors, smallest, block);
}

/** Products that are exact, stochastic, by bit patterns. */
export function drawnProducts<E, T>(
  a: usize,
  b: usize,
  to: usize,
  bytes: usize,
  random: usize,
  block: usize,
): void {
  const sign = v128.load32_splat(block, joinedSignSlot);
  const widen = v128.load32_splat(block, joinedWidenSlot);
  const factor = v128.load32_splat(block, joinedDrawFactorSlot);
  const shift = load<i32>(block, joinedDrawShiftSlot);
  const mask = v128.load32_splat(block, joinedMaskSlot);
  const limit = v128.load32_splat(block, joinedLimitSlot);
  const zero = f32x4.splat(0);
  let smallest = i32x4.splat(-1);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i);
    const y = v128.load(b + i);
    smallest = i32x4.min_u(smallest, sizeOfProduct(x, y, widen));
    const product = f32x4.mul(x, y);
    const integers = v128.load(random + i);
    const draw = offsetof<T>() != 0 ? i32x4.shr_u(integers, shift) : i32x4.mul(integers, factor);
    const rounded = v128.and(i32x4.add(product, draw), mask);
    // All ones is a NaN.
    const result = v128.or(rounded, f32x4.ne(product, product));
    v128.store(to + i, ended<E>(result, limit, sign, zero, zero));
  }
  askAgain(zero, smallest, block);
}

/** Fused multiply-adds, stochastic, by multiples of the quantum; products are exact. `hasTail`: the error is looked at. */
export function drawnUnits<T>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  random: usize,
  block: usize,
): void {
  const sign = v128.load32_splat(block, joinedSignSlot);
  const exponents = v128.load32_splat(block, joinedExponentsSlot);
  const floor = v128.load32_splat(block, joinedFloorSlot);
  const top = v128.load32_splat(block, joinedTopSlot);
  const inverses = v128.load32_splat(block, joinedInversesSlot);
  const quanta = v128.load32_splat(block, joinedQuantaSlot);
  const unscale = v128.load32_splat(block, joinedUnscaleSlot);
  const limit = v128.load32_splat(block, joinedLimitSlot);
  const one = v128.load32_splat(block, joinedOneSlot);
  const randomMask = v128.load32_splat(block, joinedRandomMaskSlot);
  const lowMask = v128.load32_splat(block, joinedLowMaskSlot);
  const lowScale = v128.load32_splat(block, joinedLowScaleSlot);
  const highScale = v128.load32_splat(block, joinedHighScaleSlot);
  let errors = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const product = f32x4.mul(v128.load(a + i), v128.load(b + i));
    const z = v128.load(c + i);
    const integers = v128.load(random + i);
    const nearest = f32x4.add(product, z);
    const error = errorOfSum<f32>(product, z, nearest);
    errors = f32x4.add(errors, error);
    const signs = v128.and(nearest, sign);
    const outward = v128.xor(error, signs);
    const magnitude = v128.xor(nearest, signs);
    const below = i32x4.add(magnitude, isBeyond(outward));
    const binade = i32x4.min_s(i32x4.max_s(v128.and(below, exponents), floor), top);
    const inverse = i32x4.sub(inverses, binade);
    const units = f32x4.mul(below, inverse);
    const lower = f32x4.trunc(units);
    let away: v128;
    if (offsetof<T>() != 0) {
      // 2^N less the random integer is one more than its complement, whose halves are subtracted one after another, so that
      // no step rounds where it is near.
      const complement = v128.xor(integers, randomMask);
      const high = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(complement, 16)), highScale);
      const last = f32x4.mul(f32x4.convert_i32x4_s(v128.and(complement, lowMask)), lowScale);
      const fraction = f32x4.sub(f32x4.mul(magnitude, inverse), lower);
      const bound = f32x4.sub(f32x4.add(last, lowScale), f32x4.sub(fraction, high));
      away = f32x4.ge(f32x4.mul(outward, inverse), bound);
    } else {
      const bound = f32x4.sub(one, f32x4.mul(f32x4.convert_i32x4_s(integers), lowScale));
      away = f32x4.ge(f32x4.sub(units, lower), bound);
    }
    const integer = f32x4.add(lower, v128.and(away, one));
    const rounded = f32x4.mul(f32x4.mul(integer, i32x4.sub(binade, quanta)), unscale);
    v128.store(to + i, v128.or(f32x4.pmin(rounded, limit), signs));
  }
  askAgain(errors, i32x4.splat(-1), block);
}

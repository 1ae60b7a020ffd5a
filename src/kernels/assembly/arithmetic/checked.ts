/**
 * Operations on binary64 arrays whose intermediates may come near the ends of binary64's range, in any direction that needs no
 * random integers: to odd, for one more rounding, or as binary64 itself is rounded. Elements too near the ends, where an
 * error-free transformation is none, are left to the caller.
 */
import {
  awayNegativeSlot,
  awayPositiveSlot,
  deferredBytes,
  deferredCountSlot,
  deferredListSlot,
  flipSlot,
  leastSlot,
  nearestSlot,
  oddSlot,
  operationAdd,
  operationDiv,
  operationFma,
  operationMul,
  operationSqrt,
  operationSub,
  tieAwaySlot,
  tieSlot,
  unsignedZeroSlot,
  zeroDivisorSlot,
} from '../../generated/layout-arithmetic';
import {
  errorOfProduct,
  errorOfQuotient,
  errorOfRoot,
  errorOfSum,
  fmaLarge,
  fmaNearest,
  fmaSmall,
  signBit,
} from './error-free';

/** 2^-960 and 2^1020: the error of anything between is a binary64 number, and so is all that it is made of. */
const low: f64 = 1.0261342003245941e-289;
const high: f64 = 1.1235582092889474e307;

/**
 * A nearest result, in the direction of the masks. `error` is its error, or, unless it `hasTies`, only of that sign; both have
 * their signs flipped by `flipped`. Quotients and roots are never ties.
 */
@inline
function settle(hasTies: bool, nearest: v128, error: v128, flipped: v128, block: usize): v128 {
  const zero = f64x2.splat(0);
  const inexact = f64x2.gt(f64x2.abs(error), zero);
  const opposite = i64x2.lt_s(v128.xor(error, nearest), zero);
  const lower = i64x2.add(nearest, v128.and(inexact, opposite));
  const directed = v128.bitselect(
    v128.load64_splat(block, awayNegativeSlot),
    v128.load64_splat(block, awayPositiveSlot),
    i64x2.lt_s(v128.xor(nearest, flipped), zero),
  );
  const even = i64x2.eq(v128.and(lower, i64x2.splat(1)), zero);
  let nearer = opposite;
  if (hasTies) {
    // A tie is where twice the error leads to a binary64 number: the other neighbour.
    const twice = f64x2.add(error, error);
    const tie = f64x2.eq(f64x2.sub(f64x2.add(nearest, twice), nearest), twice);
    const isTie = v128.and(tie, v128.load64_splat(block, tieSlot));
    nearer = v128.bitselect(v128.load64_splat(block, tieAwaySlot), opposite, isTie);
  }
  const away = v128.or(
    v128.or(directed, v128.and(even, v128.load64_splat(block, oddSlot))),
    v128.and(nearer, v128.load64_splat(block, nearestSlot)),
  );
  return i64x2.sub(lower, v128.and(inexact, away));
}

/** Whether a magnitude is between the bounds. */
@inline
function isBetween(x: v128): v128 {
  const magnitude = f64x2.abs(x);
  return v128.and(f64x2.ge(magnitude, f64x2.splat(low)), f64x2.le(magnitude, f64x2.splat(high)));
}

@inline
function isZero(x: v128): v128 {
  return f64x2.eq(x, f64x2.splat(0));
}

@inline
function isAtMostHigh(x: v128): v128 {
  return f64x2.le(f64x2.abs(x), f64x2.splat(high));
}

/** Whether a product is an exact zero, or has an error that is a binary64 number. */
@inline
function isSafeProduct(a: v128, b: v128, product: v128): v128 {
  const inside = v128.and(isBetween(product), v128.and(isAtMostHigh(a), isAtMostHigh(b)));
  return v128.or(inside, v128.and(isZero(product), v128.or(isZero(a), isZero(b))));
}

/** Whether a result is one that may be rounded here. */
@inline
function isSafeSum(sum: v128, block: usize): v128 {
  const least = f64x2.ge(f64x2.abs(sum), v128.load64_splat(block, leastSlot));
  return v128.and(isAtMostHigh(sum), v128.or(least, isZero(sum)));
}

@inline
function deferLane(lane: i32, index: i32, a: v128, b: v128, c: v128, block: usize): void {
  const count = load<i32>(block, deferredCountSlot);
  const entry = <usize>load<u32>(block, deferredListSlot) + <usize>count * deferredBytes;
  store<i32>(entry, index + lane);
  store<f64>(entry, lane == 0 ? f64x2.extract_lane(a, 0) : f64x2.extract_lane(a, 1), 8);
  store<f64>(entry, lane == 0 ? f64x2.extract_lane(b, 0) : f64x2.extract_lane(b, 1), 16);
  store<f64>(entry, lane == 0 ? f64x2.extract_lane(c, 0) : f64x2.extract_lane(c, 1), 24);
  store<i32>(block, count + 1, deferredCountSlot);
}

/** Over `bytes` bytes of each operand, a multiple of 16; `index` is that of the first element. */
export function checked<O>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  index: i32,
  block: usize,
): void {
  const flip = v128.load64_splat(block, flipSlot);
  const zeroDivisor = v128.load64_splat(block, zeroDivisorSlot);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i);
    let y = offsetof<O>() == operationSqrt ? x : v128.load(b + i);
    const z = offsetof<O>() == operationFma ? v128.load(c + i) : x;
    let nearest: v128;
    let error: v128;
    let safe: v128;
    let flipped = i64x2.splat(0);
    if (offsetof<O>() == operationAdd || offsetof<O>() == operationSub) {
      const first = v128.xor(x, flip);
      const second = v128.xor(y, offsetof<O>() == operationSub ? v128.xor(flip, signBit<f64>()) : flip);
      nearest = f64x2.add(first, second);
      error = errorOfSum<f64>(first, second, nearest);
      safe = isSafeSum(nearest, block);
      flipped = flip;
    } else if (offsetof<O>() == operationMul) {
      nearest = f64x2.mul(x, y);
      error = errorOfProduct<f64, i64>(x, y, nearest);
      safe = isSafeProduct(x, y, nearest);
    } else if (offsetof<O>() == operationFma) {
      const first = v128.xor(x, flip);
      const added = v128.xor(z, flip);
      const product = f64x2.mul(first, y);
      const productError = errorOfProduct<f64, i64>(first, y, product);
      const large = fmaLarge<f64>(product, productError, added);
      const small = fmaSmall<f64, i64>(product, productError, added, large);
      nearest = fmaNearest<f64>(product, added, large, small);
      error = errorOfSum<f64>(large, small, nearest);
      safe = v128.and(isSafeProduct(first, y, product), isSafeSum(nearest, block));
      safe = v128.and(safe, isAtMostHigh(added));
      flipped = flip;
    } else if (offsetof<O>() == operationDiv) {
      y = v128.andnot(y, v128.and(isZero(y), v128.load64_splat(block, unsignedZeroSlot)));
      nearest = f64x2.div(x, y);
      error = errorOfQuotient<f64, i64>(false, x, y, nearest);
      safe = v128.and(v128.and(isBetween(nearest), isBetween(x)), isAtMostHigh(y));
      safe = v128.or(safe, v128.and(isZero(x), isZero(nearest)));
      nearest = v128.or(nearest, v128.and(zeroDivisor, isZero(y)));
    } else {
      nearest = f64x2.sqrt(x);
      error = errorOfRoot<f64, i64>(x, nearest);
      safe = v128.or(isBetween(x), isZero(x));
    }
    const hasTies = offsetof<O>() != operationDiv && offsetof<O>() != operationSqrt;
    v128.store(to + i, v128.xor(settle(hasTies, nearest, error, flipped, block), flipped));
    // A product that overflowed may have made a NaN of an infinite sum.
    const isNaN =
      offsetof<O>() == operationFma
        ? v128.or(v128.or(f64x2.ne(x, x), f64x2.ne(y, y)), f64x2.ne(z, z))
        : f64x2.ne(nearest, nearest);
    safe = v128.or(safe, isNaN);
    if (!i64x2.all_true(safe)) {
      const first = index + <i32>(i >> 3);
      if (i64x2.extract_lane(safe, 0) == 0) deferLane(0, first, x, y, z, block);
      if (i64x2.extract_lane(safe, 1) == 0) deferLane(1, first, x, y, z, block);
    }
  }
}

/**
 * The intermediates of the operations in lanes: exact, or rounded to nearest or to odd where one more rounding then gives
 * what rounding the exact result would. When that is so is decided by `operation-plan.ts`.
 */
import {
  flipSlot,
  formGuarded,
  formOdd,
  formPair,
  formPlain,
  operationAdd,
  operationDiv,
  operationFma,
  operationMul,
  operationSqrt,
  operationSub,
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
  toOdd,
} from './error-free';

/** The upper two of four binary32 lanes, in binary64. */
@inline
export function promoteHigh(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0));
}

/** Two vectors of binary64 lanes as one of binary32. */
@inline
export function demoteBoth(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** 2^-100 and 2^126: products between have room below for their last bits, and sums with such have room above. */
const guardLow: f32 = 7.888609052210118e-31;
const guardHigh: f32 = 8.507059173023462e37;

/** Two vectors of binary64 lanes, rounded to odd, as one of binary32, rounded to odd. */
@inline
function narrowToOdd(low: v128, high: v128): v128 {
  const nearest = demoteBoth(low, high);
  const lowError = f64x2.sub(low, f64x2.promote_low_f32x4(nearest));
  const highError = f64x2.sub(high, promoteHigh(nearest));
  // The errors' signs and whether they are none are all that counts; as binary32 numbers they might vanish.
  const zero = f64x2.splat(0);
  const positive = v128.shuffle<i32>(f64x2.gt(lowError, zero), f64x2.gt(highError, zero), 0, 2, 4, 6);
  const negative = v128.shuffle<i32>(f64x2.lt(lowError, zero), f64x2.lt(highError, zero), 0, 2, 4, 6);
  const one = f32x4.splat(1);
  return toOdd<f32, i32>(nearest, v128.or(v128.and(positive, one), v128.and(negative, f32x4.neg(one))));
}

/** a b + c (or a b) of two lanes, rounded to odd; the product is exact. */
@inline
function wideFma(operation: i32, a: v128, b: v128, c: v128): v128 {
  const product = f64x2.mul(a, b);
  if (operation == operationMul) return product;
  const sum = f64x2.add(product, c);
  return toOdd<f64, i64>(sum, errorOfSum<f64>(product, c, sum));
}

/** Products and fused multiply-adds of binary32 lanes. Where one leaves the range that has room, all four go by binary64. */
@inline
function guardedFma(operation: i32, a: v128, b: v128, c: v128): v128 {
  const product = f32x4.mul(a, b);
  const magnitude = f32x4.abs(product);
  const largest = operation == operationMul ? magnitude : f32x4.pmax(magnitude, f32x4.abs(c));
  let fits = f32x4.ge(magnitude, f32x4.splat(guardLow));
  const below = f32x4.lt(largest, f32x4.splat(guardHigh));
  if (!i32x4.all_true(v128.and(fits, below))) {
    const zero = f32x4.splat(0);
    fits = v128.or(fits, v128.or(f32x4.eq(a, zero), f32x4.eq(b, zero)));
    if (!i32x4.all_true(v128.and(fits, below))) {
      const low = wideFma(
        operation,
        f64x2.promote_low_f32x4(a),
        f64x2.promote_low_f32x4(b),
        f64x2.promote_low_f32x4(c),
      );
      return narrowToOdd(low, wideFma(operation, promoteHigh(a), promoteHigh(b), promoteHigh(c)));
    }
  }
  if (operation == operationMul) return product;
  const sum = f32x4.add(product, c);
  return toOdd<f32, i32>(sum, errorOfSum<f32>(product, c, sum));
}

/** The quotient of two lanes, rounded to odd, of a divisor of few bits. */
@inline
function wideQuotient(a: v128, b: v128): v128 {
  const quotient = f64x2.div(a, b);
  return toOdd<f64, i64>(quotient, errorOfQuotient<f64, i64>(true, a, b, quotient));
}

/** Quotients of binary32 lanes, rounded to odd, where the divisor has 12 bits at most; all four by binary64 where one must. */
@inline
function guardedQuotient(a: v128, b: v128): v128 {
  const quotient = f32x4.div(a, b);
  const dividend = f32x4.abs(a);
  const magnitude = f32x4.abs(quotient);
  let fits = f32x4.ge(f32x4.pmin(dividend, magnitude), f32x4.splat(guardLow));
  fits = v128.and(fits, f32x4.lt(f32x4.pmax(dividend, magnitude), f32x4.splat(guardHigh)));
  if (!i32x4.all_true(fits)) {
    fits = v128.or(fits, f32x4.eq(a, f32x4.splat(0)));
    if (!i32x4.all_true(fits)) {
      const low = wideQuotient(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
      return narrowToOdd(low, wideQuotient(promoteHigh(a), promoteHigh(b)));
    }
  }
  return toOdd<f32, i32>(quotient, errorOfQuotient<f32, i32>(true, a, b, quotient));
}

@inline
function wideRoot(a: v128): v128 {
  const root = f64x2.sqrt(a);
  return toOdd<f64, i64>(root, errorOfRoot<f64, i64>(a, root));
}

/** Roots of binary32 lanes, rounded to odd; all four by binary64 where one is of so small a number that its error is none. */
@inline
function guardedRoot(a: v128): v128 {
  const fits = f32x4.ge(a, f32x4.splat(guardLow));
  if (!i32x4.all_true(fits)) {
    if (!i32x4.all_true(v128.or(fits, f32x4.le(a, f32x4.splat(0)))))
      return narrowToOdd(wideRoot(f64x2.promote_low_f32x4(a)), wideRoot(promoteHigh(a)));
  }
  const root = f32x4.sqrt(a);
  return toOdd<f32, i32>(root, errorOfRoot<f32, i32>(a, root));
}

/** A sum rounded to odd that never overflows to infinity. */
@inline
function guardedSum(a: v128, b: v128): v128 {
  const infinity = f32x4.splat(Infinity);
  const sum = f32x4.add(a, b);
  const odd = toOdd<f32, i32>(sum, errorOfSum<f32>(a, b, sum));
  const finite = f32x4.lt(f32x4.pmax(f32x4.abs(a), f32x4.abs(b)), infinity);
  // The pattern before infinity's is that of the largest number, which is odd.
  return i32x4.add(odd, v128.and(finite, f32x4.eq(f32x4.abs(odd), infinity)));
}

/** One vector of intermediates. `flip` and `flipB` are laid over the operands of sums, see the parameters. */
@inline
export function operateLanes<F, I>(
  operation: i32,
  form: i32,
  a: v128,
  b: v128,
  c: v128,
  flip: v128,
  flipB: v128,
  zeroDivisor: v128,
  unsignedZero: v128,
): v128 {
  if (operation == operationAdd || operation == operationSub) {
    const x = v128.xor(a, flip);
    const y = v128.xor(b, flipB);
    if (form == formGuarded) return v128.xor(guardedSum(x, y), flip);
    let sum = v128.add<F>(x, y);
    if (form != formPlain) sum = toOdd<F, I>(sum, errorOfSum<F>(x, y, sum));
    return v128.xor(sum, flip);
  }
  if (operation == operationMul) {
    if (form == formGuarded) return guardedFma(operation, a, b, a);
    const product = v128.mul<F>(a, b);
    return form == formPair ? toOdd<F, I>(product, errorOfProduct<F, I>(a, b, product)) : product;
  }
  if (operation == operationFma) {
    const x = v128.xor(a, flip);
    const z = v128.xor(c, flip);
    if (form == formGuarded) return v128.xor(guardedFma(operation, x, b, z), flip);
    const product = v128.mul<F>(x, b);
    if (form == formPair) {
      const productError = errorOfProduct<F, I>(x, b, product);
      const large = fmaLarge<F>(product, productError, z);
      const small = fmaSmall<F, I>(product, productError, z, large);
      const nearest = fmaNearest<F>(product, z, large, small);
      return v128.xor(toOdd<F, I>(nearest, errorOfSum<F>(large, small, nearest)), flip);
    }
    let sum = v128.add<F>(product, z);
    if (form != formPlain) sum = toOdd<F, I>(sum, errorOfSum<F>(product, z, sum));
    return v128.xor(sum, flip);
  }
  if (operation == operationDiv) {
    const byZero = v128.eq<F>(b, v128.splat<F>(0));
    const divisor = v128.andnot(b, v128.and(byZero, unsignedZero));
    if (form == formGuarded)
      return v128.or(guardedQuotient(a, divisor), v128.and(zeroDivisor, byZero));
    let quotient = v128.div<F>(a, divisor);
    if (form != formPlain)
      quotient = toOdd<F, I>(quotient, errorOfQuotient<F, I>(form == formOdd, a, divisor, quotient));
    return v128.or(quotient, v128.and(zeroDivisor, byZero));
  }
  if (form == formGuarded) return guardedRoot(a);
  const root = v128.sqrt<F>(a);
  return form == formPlain ? root : toOdd<F, I>(root, errorOfRoot<F, I>(a, root));
}

/** All ones laid over the sign for `operation`'s second operand. */
@inline
function flipOfB<F>(operation: i32, flip: v128): v128 {
  return operation == operationSub ? v128.xor(flip, signBit<F>()) : flip;
}

/** Binary32 or binary64 lanes over `bytes` bytes of each operand, a multiple of 16. O is the operation, M the form, see `./generated.ts`. */
export function inLanes<F, I, O, M>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const flip = v128.load_splat<I>(block, flipSlot);
  const flipB = flipOfB<F>(offsetof<O>(), flip);
  const zeroDivisor = v128.load_splat<I>(block, zeroDivisorSlot);
  const unsignedZero = v128.load_splat<I>(block, unsignedZeroSlot);
  for (let i: usize = 0; i < bytes; i += 16) {
    const x = v128.load(a + i);
    const y = offsetof<O>() == operationSqrt ? x : v128.load(b + i);
    const z = offsetof<O>() == operationFma ? v128.load(c + i) : x;
    v128.store(to + i, operateLanes<F, I>(offsetof<O>(), offsetof<M>(), x, y, z, flip, flipB, zeroDivisor, unsignedZero));
  }
}

/** Binary32 operands in binary64 lanes: twice as many bytes come out. */
export function inWideLanes<O, M>(
  a: usize,
  b: usize,
  c: usize,
  to: usize,
  bytes: usize,
  block: usize,
): void {
  const flip = v128.load64_splat(block, flipSlot);
  const flipB = flipOfB<f64>(offsetof<O>(), flip);
  const zeroDivisor = v128.load64_splat(block, zeroDivisorSlot);
  const unsignedZero = v128.load64_splat(block, unsignedZeroSlot);
  for (let i: usize = 0; i < bytes; i += 8) {
    const x = f64x2.promote_low_f32x4(v128.load64_zero(a + i));
    const y = offsetof<O>() == operationSqrt ? x : f64x2.promote_low_f32x4(v128.load64_zero(b + i));
    const z = offsetof<O>() == operationFma ? f64x2.promote_low_f32x4(v128.load64_zero(c + i)) : x;
    v128.store(to + 2 * i, operateLanes<f64, i64>(offsetof<O>(), offsetof<M>(), x, y, z, flip, flipB, zeroDivisor, unsignedZero));
  }
}

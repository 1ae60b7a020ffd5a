/**
 * Error-free transformations in lanes, and rounding to odd. F is the lanes' float type (f32 or f64), I the integer of its width.
 *
 * A result rounded to odd (cut, with the last bit set where anything was cut off) can be rounded once more to a format with at
 * least two bits fewer as if it were exact: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved
 * algorithms using rounding to odd", IEEE Trans. Computers 57 (4), 2008. It is made of the hardware's nearest result and
 * the sign of its error. Errors: Dekker, "A floating-point technique for extending the available precision", Numerische
 * Mathematik 18, 1971; Knuth, The Art of Computer Programming 2, section 4.2.2.
 */

/** The error of a sum: a + b = sum + error, exactly, unless it overflows. */
@inline
export function errorOfSum<F>(a: v128, b: v128, sum: v128): v128 {
  const second = v128.sub<F>(sum, a);
  return v128.add<F>(v128.sub<F>(a, v128.sub<F>(sum, second)), v128.sub<F>(b, second));
}

/** The upper half of a significand, rounded to nearest: it and the rest have half of the bits each. */
@inline
export function upperHalf<F, I>(x: v128): v128 {
  if (sizeof<F>() == 8)
    return v128.and(i64x2.add(x, i64x2.splat(1 << 26)), i64x2.splat(-(1 << 27)));
  return v128.and(i32x4.add(x, i32x4.splat(1 << 11)), i32x4.splat(-(1 << 12)));
}

/** a b - product, where product is a b rounded to nearest. */
@inline
export function errorOfProduct<F, I>(a: v128, b: v128, product: v128): v128 {
  const aHigh = upperHalf<F, I>(a);
  const bHigh = upperHalf<F, I>(b);
  const aLow = v128.sub<F>(a, aHigh);
  const bLow = v128.sub<F>(b, bHigh);
  const first = v128.sub<F>(v128.mul<F>(aHigh, bHigh), product);
  const middle = v128.add<F>(v128.add<F>(first, v128.mul<F>(aHigh, bLow)), v128.mul<F>(aLow, bHigh));
  return v128.add<F>(middle, v128.mul<F>(aLow, bLow));
}

/** The sign bit of the lane type. */
@inline
export function signBit<F>(): v128 {
  return sizeof<F>() == 8 ? i64x2.splat(i64.MIN_VALUE) : i32x4.splat(i32.MIN_VALUE);
}

/**
 * a - quotient b. `short`: the divisor has half of the lanes' bits at most, so that its products with halves of the quotient are
 * exact. Otherwise quotient * divisor and dividend are so near that their difference is.
 */
@inline
export function remainder<F, I>(short: bool, a: v128, b: v128, quotient: v128): v128 {
  if (short) {
    const high = upperHalf<F, I>(quotient);
    const rest = v128.sub<F>(a, v128.mul<F>(high, b));
    return v128.sub<F>(rest, v128.mul<F>(v128.sub<F>(quotient, high), b));
  }
  const product = v128.mul<F>(quotient, b);
  return v128.sub<F>(v128.sub<F>(a, product), errorOfProduct<F, I>(quotient, b, product));
}

/** A number of the sign of a / b - quotient. */
@inline
export function errorOfQuotient<F, I>(short: bool, a: v128, b: v128, quotient: v128): v128 {
  return v128.xor(remainder<F, I>(short, a, b, quotient), v128.and(b, signBit<F>()));
}

/** A number of the sign of sqrt(a) - root: that of a - root^2, whose steps are all exact but the last. */
@inline
export function errorOfRoot<F, I>(a: v128, root: v128): v128 {
  const high = upperHalf<F, I>(root);
  const low = v128.sub<F>(root, high);
  const first = v128.sub<F>(a, v128.mul<F>(high, high));
  const second = v128.sub<F>(first, v128.mul<F>(v128.add<F>(high, high), low));
  return v128.sub<F>(second, v128.mul<F>(low, low));
}

/** A nearest result and the sign of its error, rounded to odd. An error that is NaN (of an infinity or NaN) counts as none. */
@inline
export function toOdd<F, I>(nearest: v128, error: v128): v128 {
  const inexact = v128.gt<F>(v128.abs<F>(error), v128.splat<F>(0));
  // Minus one where the result was rounded away from zero.
  const step = v128.and(v128.lt<I>(v128.xor(error, nearest), v128.splat<I>(0)), inexact);
  return v128.or(v128.add<I>(nearest, step), v128.and(inexact, v128.splat<I>(1)));
}

/** x, with 0 for NaN: the error of an infinity is one. */
@inline
function orZero<F>(x: v128): v128 {
  return v128.and(x, v128.eq<F>(x, x));
}

/** a b + c to about the lanes' precision: the larger of two parts. */
@inline
export function fmaLarge<F>(product: v128, productError: v128, c: v128): v128 {
  return v128.add<F>(product, v128.add<F>(c, orZero<F>(productError)));
}

/**
 * What a b + c is beyond `fmaLarge`, rounded to odd; the product is given with its error. The sum of both, rounded in any
 * direction, is a b + c so rounded: Boldo and Melquiond, section 5.
 */
@inline
export function fmaSmall<F, I>(product: v128, productError: v128, c: v128, large: v128): v128 {
  const error = orZero<F>(productError);
  const sum = v128.add<F>(c, error);
  const sumError = errorOfSum<F>(c, error, sum);
  const largeError = errorOfSum<F>(product, sum, large);
  const small = v128.add<F>(sumError, largeError);
  return orZero<F>(toOdd<F, I>(small, errorOfSum<F>(sumError, largeError, small)));
}

/** The sum of both parts, to nearest. A zero is one of product + c, which has the right sign. */
@inline
export function fmaNearest<F>(product: v128, c: v128, large: v128, small: v128): v128 {
  const nearest = v128.add<F>(large, small);
  return v128.bitselect(v128.add<F>(product, c), nearest, v128.eq<F>(nearest, v128.splat<F>(0)));
}

/**
 * Clamps for the kernels of the common cases: numbers beyond a format's range, which become its largest number, with as
 * few instructions as each lane type allows. Which case applies: the ends named in `scripts/kernels/rounding.js`.
 */
import {
  keepSlot,
  keptLowerSlot,
  keptUpperSlot,
  lowerLimitSlot,
  maximumPositiveSlot,
} from '../../generated/layout-rounding';

// All limits are read as they are used: engines move cheap arithmetic on constants into the loop.

/** The largest number, as the clamp of the end wants it. */
@inline
export function upperLimit<F>(isKept: bool, parameters: usize): v128 {
  return isKept
    ? v128.load_splat<F>(parameters, keptUpperSlot)
    : v128.load_splat<F>(parameters, maximumPositiveSlot);
}

/** The smallest (most negative) number, likewise. */
@inline
export function lowerLimit<F>(isKept: bool, parameters: usize): v128 {
  return isKept
    ? v128.load_splat<F>(parameters, keptLowerSlot)
    : v128.load_splat<F>(parameters, lowerLimitSlot);
}

/** What `clampFinite` needs besides limits: binary32, one in the exponent field; binary64, zero. */
@inline
export function keepConstant<F>(parameters: usize): v128 {
  return v128.load_splat<F>(parameters, keepSlot);
}

/**
 * Finite numbers clamped on the sides asked for; infinities and NaNs as they are. In binary32 lanes as integers: with one
 * added to the exponent field the bits of infinities and NaNs, and no others, pass into the other sign, out of the clamp's
 * way. There is no minimum of 64-bit integers; in binary64 lanes 0 x makes the limit a NaN for them, and pmin and pmax keep
 * their first operand then.
 */
@inline
export function clampFinite<F>(
  value: v128,
  above: bool,
  below: bool,
  upper: v128,
  lower: v128,
  keep: v128,
): v128 {
  if (sizeof<F>() == 4) {
    let bits = i32x4.add(value, keep);
    if (above) bits = i32x4.min_s(bits, upper);
    if (below) bits = i32x4.min_u(bits, lower);
    return i32x4.sub(bits, keep);
  }
  const zero = f64x2.mul(value, keep);
  let clamped = value;
  if (above) clamped = f64x2.pmin(clamped, f64x2.add(zero, upper));
  if (below) clamped = f64x2.pmax(clamped, f64x2.add(zero, lower));
  return clamped;
}

/** The same without exceptions: infinities are clamped too, NaN is not. */
@inline
export function clampAll<F>(value: v128, upper: v128, lower: v128): v128 {
  return v128.pmax<F>(v128.pmin<F>(value, upper), lower);
}

/**
 * Logarithm and power to base 2 in binary64, for the transforms that stretch magnitudes: the same bits in every engine,
 * since they come from our own elementary functions. Not correctly rounded: relative errors are below 2^-44 for the results
 * that binary32 holds.
 */
import { exp, log } from '../../arithmetic/elementary/approximate.ts';
import { exponentOf, scaleByPowerOfTwo } from '../../formats/binary64.ts';

/** log2 |x| for finite non-zero x; exact for powers of two. */
export function log2Magnitude(x: number): number {
  const exponent = exponentOf(x);
  const significand = scaleByPowerOfTwo(Math.abs(x), -exponent);
  return exponent + log(significand) / Math.LN2;
}

/** 2^x; exact for integers. Underflow gives 0, overflow infinity. */
export function powerOfTwoReal(x: number): number {
  if (x > 1100) return Infinity;
  if (x < -1100) return 0;
  const whole = Math.round(x);
  return scaleByPowerOfTwo(exp((x - whole) * Math.LN2), whole);
}

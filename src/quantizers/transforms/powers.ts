/**
 * Logarithm and power to base 2 in binary64, for the transforms that stretch magnitudes: the same bits in every engine,
 * since they come from our own elementary functions. Not correctly rounded: relative errors are below 2^-44 for the results
 * that binary32 holds.
 */
import { exp, log } from '../../approximate.ts';
import { exponentOf, scaleByPowerOfTwo } from '../../binary64.ts';
import type { RealArray } from '../../operations/conversions.ts';
import type { Grouping } from '../grouping.ts';
import { mapGroups } from './elementwise.ts';

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

/** The map |x| -> 2^shift |x|^power of a group. */
export type PowerOf = (group: number) => { readonly power: number; readonly shift: number };

/** The inverse map: |y| -> 2^(-shift / power) |y|^(1 / power). */
export function inversePower(of: PowerOf): PowerOf {
  return (group) => {
    const { power, shift } = of(group);
    return { power: 1 / power, shift: -shift / power };
  };
}

/** The derivative of the map at x, power 2^shift |x|^(power - 1); 0 at 0 unless the power is 1, and 1 where x passes as it is. */
function slopeOf(x: number, power: number, shift: number): number {
  if (!Number.isFinite(x)) return 1;
  if (x === 0) return power === 1 ? powerOfTwoReal(shift) : 0;
  return power * powerOfTwoReal(shift + (power - 1) * log2Magnitude(x));
}

/** The gradient through the powers of all groups. */
export function powerGradient<A extends RealArray>(
  gradient: A,
  x: RealArray,
  shape: readonly number[],
  grouping: Grouping,
  of: PowerOf,
): A {
  return mapGroups(gradient, shape, grouping, (element, group, i) => {
    const { power, shift } = of(group);
    return element * slopeOf(x[i]!, power, shift);
  });
}

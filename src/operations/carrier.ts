/**
 * The ends of what carries a computation: a finite number that lies beyond the largest one of its precision becomes that one, so
 * that scales and values made of finite numbers are finite. Infinities and NaN that were there before stay.
 */

import { exactProduct, exactQuotient } from '../arithmetic/exact.ts';
import { isEven, oddProduct, oddQuotient } from '../arithmetic/intermediate.ts';
import { type Real, roundReal } from '../arithmetic/real.ts';
import { isFloat32Array } from '../array-kinds.ts';
import { formats } from '../formats/catalogue.ts';
import type { FloatFormat } from '../formats/format.ts';
import { resolveRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import type { RealArray } from './conversions.ts';

/** The precision of an array's elements. */
export function carrierOf(x: RealArray): FloatFormat {
  return isFloat32Array(x) ? formats.binary32 : formats.binary64;
}

/** A result of finite numbers, at most `largest` in magnitude. NaN stays. */
export function bounded(result: number, largest: number): number {
  return result > largest ? largest : result < -largest ? -largest : result;
}

/** What became of a number, at most `largest` in magnitude if it was finite. */
export function boundedBy(given: number, result: number, largest: number): number {
  return Number.isFinite(given) ? bounded(result, largest) : result;
}

/** A number rounded to the carrier's precision; of finite ones at most its largest. */
export function carried(x: number, carrier: FloatFormat): number {
  const rounded = carrier.precision === 24 ? Math.fround(x) : x;
  return Number.isFinite(x) ? bounded(rounded, carrier.max) : rounded;
}

/** A number rounded to binary32; of finite ones at most its largest. */
export function toBinary32(x: number): number {
  return carried(x, formats.binary32);
}

/** An operation on two finite numbers, rounded once to nearest even in the format, at most its largest number. */
type Rounded = (a: number, b: number) => number;

/** As `operate` of `src/arithmetic` does it, without what the other operations need. */
function rounded(
  native: Rounded,
  odd: Rounded,
  exact: (a: number, b: number, format: FloatFormat) => Real,
  format: FloatFormat,
): Rounded {
  const options = resolveRounding(format, { saturation: 'finite' });
  const isNative = format.name === 'binary64' && options.subnormals === 'keep';
  const isShort = format.precision <= 51;
  return (a, b) => {
    const plain = native(a, b);
    const isSpecial = a === 0 || b === 0 || a - a + (b - b) !== 0;
    if (isSpecial || (isNative && Math.abs(plain) < Infinity)) return roundScalar(plain, format, options, 0);
    const between = odd(a, b);
    if (!Number.isNaN(between) && (isShort || isEven(between)))
      return roundScalar(between, format, options, 0);
    return roundReal(exact(a, b, format), format, options, 0);
  };
}

/** a b in the format. */
export const productIn = (format: FloatFormat): Rounded =>
  rounded((a, b) => a * b, oddProduct, exactProduct, format);

/** a / b in the format, b not 0. */
export const quotientIn = (format: FloatFormat): Rounded =>
  rounded((a, b) => a / b, oddQuotient, exactQuotient, format);

/**
 * The ends of what carries a computation: a finite number that lies beyond the largest one of its precision becomes that one, so
 * that scales and values made of finite numbers are finite. Infinities and NaN that were there before stay.
 */

import { type Operation, operate, operationOf, planOperations } from '../arithmetic/index.ts';
import { isFloat32Array } from '../array-kinds.ts';
import { formats } from '../formats/catalogue.ts';
import type { FloatFormat } from '../formats/format.ts';
import { resolveRounding } from '../rounding/options.ts';
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

function rounded(operation: Operation, format: FloatFormat): Rounded {
  const plan = planOperations(format, resolveRounding(format, { saturation: 'finite' }));
  return (a, b) => operate(operation, a, b, 0, plan, 0);
}

/** a b in the format. */
export const productIn = (format: FloatFormat): Rounded => rounded(operationOf('mul'), format);

/** a / b in the format, b not 0. */
export const quotientIn = (format: FloatFormat): Rounded => rounded(operationOf('div'), format);

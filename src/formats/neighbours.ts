/**
 * Neighbours, spacing and classes of values: nextUp, nextDown, ulp, classify. IEEE 754-2019 sections 5.3.1 and 5.7.2,
 * carried over to every kind of format.
 */

import { exponentOf, powerOfTwo, scaleByPowerOfTwo } from '../binary64.ts';
import { checkNumber } from '../check.ts';
import { notInFormat } from './codes.ts';
import type { FloatFormat, PositFormat } from './format.ts';
import { type FormatArgument, type FormatSpelling, toFormat } from './names.ts';

/**
 * The least value of the format above x, which must be a value of the format. Above the largest value comes infinity
 * where the format has it, else the largest value again; NaN gives NaN, and minus infinity the smallest value.
 *
 * @throws ArgumentError for an unknown format; RangeError if x is not a value of the format.
 *
 * @example
 * nextUp(1, 'e4m3fn') // 1.125
 */
export function nextUp<const F extends FormatSpelling>(x: number, format: FormatArgument<F>): number {
  const target = toFormat(format);
  if (Number.isNaN(x)) return NaN;
  if (!target.has(x)) throw notInFormat(x, target.name, 'x');
  if (x === -Infinity) return target.min;
  if (x === target.max || x === Infinity) return target.hasInfinity ? Infinity : target.max;
  switch (target.kind) {
    case 'float':
      return nextFloatUp(x, target);
    case 'int':
      return x + 1;
    case 'fixed':
      return x + target.step;
    case 'posit':
      return nextPositUp(x, target);
    case 'logarithmic':
    case 'codebook':
      return target.values().find((value) => value > x) ?? target.max;
  }
}

/**
 * The greatest value of the format below x; the mirror image of `nextUp`.
 *
 * @throws ArgumentError for an unknown format; RangeError if x is not a value of the format.
 */
export function nextDown<const F extends FormatSpelling>(x: number, format: FormatArgument<F>): number {
  const target = toFormat(format);
  if (Number.isNaN(x)) return NaN;
  if (!target.has(x)) throw notInFormat(x, target.name, 'x');
  if (x === Infinity) return target.max;
  if (x === target.min || x === -Infinity)
    return target.hasInfinity && target.isSigned ? -Infinity : target.min;
  switch (target.kind) {
    case 'float':
      return target.isSigned ? -nextFloatUp(-x, target) + 0 : previousFloat(x, target);
    case 'int':
      return x - 1;
    case 'fixed':
      return x - target.step;
    case 'posit':
      return -nextPositUp(-x, target) + 0;
    case 'logarithmic':
    case 'codebook':
      return target.values().findLast((value) => value < x) ?? target.min;
  }
}

/** For a finite value below the largest. Minus zero comes out as it does in IEEE 754: nextUp(-minSubnormal) is -0. */
function nextFloatUp(x: number, format: FloatFormat): number {
  if (x >= 0) return x < format.minNormal ? smallStep(x, format) : x + ulp(x, format);
  const magnitude = previousFloat(-x, format);
  return magnitude === 0 && !format.hasNegativeZero ? 0 : -magnitude;
}

/** The next magnitude up from one below the smallest normal number. */
function smallStep(x: number, format: FloatFormat): number {
  if (x === 0) return format.minSubnormal;
  return x + format.minSubnormal;
}

/** The next magnitude down from a positive one. */
function previousFloat(x: number, format: FloatFormat): number {
  if (x <= format.minSubnormal) return 0;
  if (x <= format.minNormal) return format.hasSubnormals ? x - format.minSubnormal : 0;
  const exponent = exponentOf(x);
  // Just below a power of two the spacing is half of that above.
  const isPower = x === powerOfTwo(exponent) && exponent > format.emin;
  return x - powerOfTwo(exponent - format.mantissaBits - (isPower ? 1 : 0));
}

function nextPositUp(x: number, format: PositFormat): number {
  const code = Number(format.encode(x));
  return format.decode((code + 1) % 2 ** format.bits);
}

/**
 * The unit in the last place: the spacing of the format at |x|, away from zero, x being any finite number. Floats:
 * 2^(max(e, emin) - p + 1) for |x| in [2^e, 2^(e+1)); int and fixed: the step; others: the distance from the largest
 * value not above |x| to the next. NaN for NaN and infinities.
 *
 * @throws ArgumentError for an unknown format.
 *
 * @example
 * ulp(1, 'binary16') // 2^-10
 */
export function ulp<const F extends FormatSpelling>(x: number, format: FormatArgument<F>): number {
  const target = toFormat(format);
  if (!Number.isFinite(checkNumber('x', x))) return NaN;
  switch (target.kind) {
    case 'float': {
      const exponent = x === 0 ? target.emin : exponentOf(x);
      if (target.exponentBits === Infinity) return scaleByPowerOfTwo(1, exponent - target.mantissaBits);
      if (!target.hasSubnormals && Math.abs(x) < target.minNormal) return target.minNormal;
      return powerOfTwo(Math.min(Math.max(exponent, target.emin), target.emax) - target.mantissaBits);
    }
    case 'int':
      return 1;
    case 'fixed':
      return target.step;
    case 'posit':
      return positUlp(Math.abs(x), target);
    case 'logarithmic':
    case 'codebook': {
      const values = target.values();
      const magnitude = Math.min(Math.abs(x), target.max);
      const above = values.findIndex((value) => value > magnitude);
      const upper = above < 0 ? values.length - 1 : Math.max(above, 1);
      return values[upper]! - values[upper - 1]!;
    }
  }
}

function positUlp(magnitude: number, format: PositFormat): number {
  let low = 0;
  let high = 2 ** (format.bits - 1) - 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (format.decode(middle) <= magnitude) low = middle;
    else high = middle;
  }
  return format.decode(high) - format.decode(low);
}

/** The classes of IEEE 754-2019 section 5.7.2; NaNs are one class. */
export type NumberClass =
  | 'NaN'
  | 'negativeInfinity'
  | 'negativeNormal'
  | 'negativeSubnormal'
  | 'negativeZero'
  | 'positiveZero'
  | 'positiveSubnormal'
  | 'positiveNormal'
  | 'positiveInfinity';

/**
 * The class of a value of the format. Outside floats every finite number but zero is normal; formats without a negative zero have
 * one zero, which is positive.
 *
 * @throws ArgumentError for an unknown format; RangeError if x is not a value of the format.
 *
 * @example
 * classify(2 ** -8, 'e4m3fn') // 'positiveSubnormal'
 */
export function classify<const F extends FormatSpelling>(x: number, format: FormatArgument<F>): NumberClass {
  const target = toFormat(format);
  if (!target.has(x)) throw notInFormat(x, target.name, 'x');
  if (Number.isNaN(x)) return 'NaN';
  const sign = x < 0 || (Object.is(x, -0) && target.hasNegativeZero) ? 'negative' : 'positive';
  if (!Number.isFinite(x)) return `${sign}Infinity`;
  if (x === 0) return `${sign}Zero`;
  const isSubnormal = target.kind === 'float' && target.hasSubnormals && Math.abs(x) < target.minNormal;
  return `${sign}${isSubnormal ? 'Subnormal' : 'Normal'}`;
}

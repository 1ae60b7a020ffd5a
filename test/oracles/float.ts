/** Rounding to a float format by exact rational arithmetic: neighbours by integer division, ends of the range by rule. */
import type { FloatFormat } from '../../src/formats/index.ts';
import type { ResolvedRounding } from '../../src/rounding/index.ts';
import {
  bitLength,
  fromUnits,
  goesUp,
  type Neighbours,
  type Ratio,
  ratioOf,
  unitExponent,
  units,
} from './units.ts';

interface Between extends Neighbours {
  readonly lower: bigint;
  readonly upper: bigint;
}

/** Neighbours of a magnitude among multiples of 2^quantum. */
function multiplesAround({ numerator, denominator }: Ratio, quantum: number, format: FloatFormat): Between {
  const step = 1n << (BigInt(quantum) + unitExponent);
  const count = numerator / (step * denominator);
  // P3109 with precision 1 looks at the code, which is the exponent field; the others at the significand.
  const byCode = format.specials === 'p3109' && format.mantissaBits === 0;
  const odd = byCode && count > 0n ? (quantum + format.bias) % 2 !== 0 : count % 2n === 1n;
  const tieGoesUp = format.mantissaBits === 0 && !byCode ? true : odd;
  return { lower: count * step, upper: (count + 1n) * step, tieGoesUp, lowerIsOdd: odd };
}

function clampsAlways(format: FloatFormat): boolean {
  return format.specials === 'p3109' && format.domain === 'finite';
}

/** Toward zero, or in the direction in which zero lies. */
function isInward(options: ResolvedRounding, negative: boolean): boolean {
  const towardZero = negative ? 'toward-positive' : 'toward-negative';
  return options.rounding === 'toward-zero' || options.rounding === towardZero;
}

function infinityOf(format: FloatFormat): number {
  return format.hasInfinity ? Infinity : format.hasNaN ? NaN : format.max;
}

/** What zeros, infinities and NaN become; undefined for the other inputs. */
export function specialInput(x: number, format: FloatFormat, options: ResolvedRounding): number | undefined {
  if (Number.isNaN(x)) return NaN;
  const negative = x < 0 || Object.is(x, -0);
  if (!format.hasZero && (x === 0 || negative || x === Infinity)) {
    if (options.saturation === 'finite') return x === Infinity ? format.max : format.minNormal;
    return x === Infinity && format.hasInfinity ? Infinity : NaN;
  }
  if (x === 0) return negative && format.hasNegativeZero ? -0 : 0;
  if (Number.isFinite(x)) return undefined;
  if (negative && !format.isSigned) return options.saturation === 'none' && format.hasNaN ? NaN : 0;
  const clamps = options.saturation === 'finite' || clampsAlways(format);
  return (negative ? -1 : 1) * (clamps ? format.max : infinityOf(format));
}

/** What a magnitude beyond the largest finite one becomes, with its sign. For signs that the format has. */
export function overflowed(format: FloatFormat, options: ResolvedRounding, negative: boolean): number {
  const sign = negative ? -1 : 1;
  if (options.saturation !== 'none' || clampsAlways(format) || isInward(options, negative))
    return sign * format.max;
  // P3109: infinity has the odd code in signed formats only.
  const isOdd = options.rounding === 'to-odd' || options.rounding === 'jamming';
  if (isOdd && !(format.specials === 'p3109' && format.isSigned)) return sign * format.max;
  return sign * infinityOf(format);
}

/** What a negative number that does not round to zero becomes in an unsigned format. */
export function negativeIntoUnsigned(format: FloatFormat, options: ResolvedRounding): number {
  return options.saturation === 'none' && format.hasNaN && !isInward(options, true) ? NaN : 0;
}

/** The definition of rounding to a float format, by exact rational arithmetic. */
export function roundFloat(
  x: number,
  format: FloatFormat,
  options: ResolvedRounding,
  random: number,
): number {
  return specialInput(x, format, options) ?? roundFloatRatio(ratioOf(x), x < 0, format, options, random);
}

/** The same for any magnitude but 0, of at least one unit. */
export function roundFloatRatio(
  magnitude: Ratio,
  negative: boolean,
  format: FloatFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (negative && !format.hasZero) return options.saturation === 'finite' ? format.minNormal : NaN;
  const { numerator, denominator } = magnitude;
  const minNormal = units(format.minNormal);
  const isBelowNormal = numerator < minNormal * denominator;
  if (isBelowNormal && !format.hasZero) return format.minNormal;
  let around: Between;
  if (isBelowNormal && options.subnormals === 'round-to-minimum-normal')
    around = { lower: 0n, upper: minNormal, tieGoesUp: false, lowerIsOdd: false };
  else {
    const exponent = bitLength(numerator / denominator) - 1 - Number(unitExponent);
    const unbounded = options.subnormals === 'flush' || format.exponentBits === Infinity;
    const natural = Math.max(exponent, unbounded ? exponent : format.emin) - format.mantissaBits;
    // Binary64, which carries the results, ends at multiples of 2^-1074.
    const quantum = options.rounding === 'jamming' ? Math.max(natural, -1074) : natural;
    around = multiplesAround(magnitude, quantum, format);
  }
  const { lower, upper } = around;
  const [way, whole] = [numerator - lower * denominator, (upper - lower) * denominator];
  let result = goesUp(way, whole, around, negative, options, random) ? upper : lower;
  if (options.subnormals === 'flush' && result < minNormal) result = 0n;
  if (result === 0n) return negative && format.hasNegativeZero ? -0 : 0;
  if (negative && !format.isSigned) return negativeIntoUnsigned(format, options);
  if (result > units(format.max)) return overflowed(format, options, negative);
  return (negative ? -1 : 1) * fromUnits(result);
}

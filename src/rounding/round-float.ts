/**
 * The scalar reference rounding to binary float formats: the readable definition that kernels are tested against.
 * One rounding, from the binary64 value given. Sources: IEEE 754-2019 sections 4 and 7.4; OCP 8-bit Floating Point
 * Specification v1.0; IEEE P3109 report v4.0 (projection, saturation, unsigned formats).
 */
import { exponentOf, powerOfTwo, scaleByPowerOfTwo, toBigIntSignificand } from '../binary64.ts';
import type { FloatFormat } from '../formats/format.ts';
import { goesAway, overflowsOutward, type Position, truncatedFraction } from './decide.ts';
import type { ResolvedRounding } from './options.ts';

// Any fraction of a quantum this small is treated alike by every rounding: it stands for all smaller ones.
const tinyFraction = 2 ** -200;

/**
 * Rounds a number to a float format.
 *
 * @param random The element's random integer in [0, 2^randomBits); read by the stochastic modes only.
 */
export function roundToFloat(
  x: number,
  format: FloatFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  const negative = x < 0 || Object.is(x, -0);
  const magnitude = Math.abs(x);
  if (!format.hasZero && !(x > 0 && x < Infinity)) return withoutPlace(x, format, options);
  if (magnitude === 0) return signedZero(format, negative);
  if (magnitude === Infinity) return infiniteInput(format, options, negative);
  return placeInRange(
    roundMagnitude(magnitude, negative, format, options, random),
    negative,
    format,
    options,
  );
}

/**
 * What zeros, negative numbers and infinities become in a format of positive numbers alone (e8m0): NaN where they are no values, but
 * under 'finite' the nearer end of the range, which for 0 and infinity is ONNX's saturating Cast.
 */
export function withoutPlace(x: number, format: FloatFormat, { saturation }: ResolvedRounding): number {
  if (saturation === 'finite') return x > 0 ? format.max : format.min;
  return x > 0 && format.hasInfinity ? Infinity : NaN;
}

/** The result for a non-zero number whose magnitude, rounded as if the exponent had no upper end, is `rounded`. */
export function placeInRange(
  rounded: number,
  negative: boolean,
  format: FloatFormat,
  options: ResolvedRounding,
): number {
  if (rounded === 0) return signedZero(format, negative);
  if (negative && !format.isSigned) return negativeIntoUnsigned(format, options);
  if (rounded > format.max) return finiteOverflow(format, options, negative);
  return negative ? -rounded : rounded;
}

function signedZero(format: FloatFormat, negative: boolean): number {
  return negative && format.hasNegativeZero ? -0 : 0;
}

/** The magnitude rounded as if the exponent had no upper end. */
function roundMagnitude(
  magnitude: number,
  negative: boolean,
  format: FloatFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (magnitude < format.minNormal) {
    if (!format.hasZero) return format.minNormal; // e8m0 has nothing below its smallest number
    if (options.subnormals === 'round-to-minimum-normal') {
      const fraction = fractionOf(magnitude, format.minNormal);
      const position: Position = { fraction, lowerIsOdd: false, negative, tiesAway: false };
      return goesAway(position, options, random) ? format.minNormal : 0;
    }
  }
  const exponent = exponentOf(magnitude);
  // 'flush' looks at the number with an unbounded exponent first.
  const lowest = options.subnormals === 'flush' || format.exponentBits === Infinity ? exponent : format.emin;
  // An unbounded exponent ends where the carrier does, at multiples of 2^-1074.
  const quantum = Math.max(Math.max(exponent, lowest) - format.mantissaBits, -1074);
  const scaled = exponent - quantum < -100 ? tinyFraction : scaleByPowerOfTwo(magnitude, -quantum);
  const lower = Math.floor(scaled);
  const position: Position = {
    fraction: scaled - lower,
    lowerIsOdd: isOdd(lower, quantum, format),
    negative,
    tiesAway: format.mantissaBits === 0 && format.specials !== 'p3109',
  };
  const units = goesAway(position, options, random) ? lower + 1 : lower;
  // 2^1024 becomes Infinity here: above every format's maximum, as it must be.
  const rounded = scaleByPowerOfTwo(units, quantum);
  return options.subnormals === 'flush' && rounded < format.minNormal ? 0 : rounded;
}

/** Whether the lower neighbour counts as odd: its significand, or with P3109 and precision 1 its code. */
export function isOdd(lower: number, quantum: number, format: FloatFormat): boolean {
  if (format.specials === 'p3109' && format.mantissaBits === 0 && lower > 0)
    return (quantum + format.bias) % 2 !== 0;
  return lower % 2 === 1;
}

/**
 * magnitude / bound for magnitude < bound, exact where bound is a power of two. Otherwise (dlfloat16) it is truncated to
 * a multiple of 2^-50 with the rest kept as a sticky bit, which is all that N <= 32 random bits and ties can see.
 */
function fractionOf(magnitude: number, bound: number): number {
  const exponent = exponentOf(bound);
  if (bound === powerOfTwo(exponent)) {
    return exponentOf(magnitude) - exponent < -100 ? tinyFraction : scaleByPowerOfTwo(magnitude, -exponent);
  }
  const a = toBigIntSignificand(magnitude);
  const b = toBigIntSignificand(bound);
  const shift = BigInt(a.exponent - b.exponent + 50);
  const numerator = shift >= 0n ? a.significand << shift : a.significand;
  const denominator = shift >= 0n ? b.significand : b.significand << -shift;
  return truncatedFraction(numerator, denominator);
}

function extreme(format: FloatFormat, negative: boolean): number {
  return negative ? format.min : format.max;
}

function infinityOrNaN(format: FloatFormat, negative: boolean): number {
  if (format.hasInfinity) return negative ? -Infinity : Infinity;
  return format.hasNaN ? NaN : extreme(format, negative);
}

/** Finite-domain P3109 formats clamp whatever the saturation. */
function alwaysClamps(format: FloatFormat): boolean {
  return format.specials === 'p3109' && format.domain === 'finite';
}

function infiniteInput(format: FloatFormat, options: ResolvedRounding, negative: boolean): number {
  if (negative && !format.isSigned)
    return options.saturation === 'none' && format.hasNaN ? NaN : signedZero(format, false);
  if (options.saturation === 'finite' || alwaysClamps(format)) return extreme(format, negative);
  return infinityOrNaN(format, negative);
}

function finiteOverflow(format: FloatFormat, options: ResolvedRounding, negative: boolean): number {
  if (options.saturation !== 'none' || alwaysClamps(format)) return extreme(format, negative);
  if (format.specials === 'p3109' && (options.rounding === 'to-odd' || options.rounding === 'jamming'))
    // Whichever of maximum and infinity has the odd code: infinity is 2^(K-1) - 1 signed, 2^K - 2 unsigned.
    return format.isSigned ? infinityOrNaN(format, negative) : format.max;
  return overflowsOutward(options, negative) ? infinityOrNaN(format, negative) : extreme(format, negative);
}

/** A negative finite value that did not round to zero. P3109 report v4.0, unsigned formats. */
function negativeIntoUnsigned(format: FloatFormat, options: ResolvedRounding): number {
  const towardZero = options.rounding === 'toward-zero' || options.rounding === 'toward-positive';
  return options.saturation === 'none' && format.hasNaN && !towardZero ? NaN : 0;
}

/**
 * Between which bounds the magnitude of a result lies, and whether a rounding can tell the bounds apart: the stopping rule of
 * Ziv's strategy. A bound may be open, so that 1 - 2^(-10^9) is "below 1" without its digits.
 * Source: A. Ziv, "Fast evaluation of elementary mathematical functions with correctly rounded last bit", ACM TOMS 17(3), 1991.
 */
import type { Format } from '../../formats/format.ts';
import { bitLength } from '../../formats/integers.ts';
import { dropsHighBits, type ResolvedRounding } from '../../rounding/options.ts';
import { finestExponent, type Real, roundReal } from '../real.ts';
import type { Ball } from './ball.ts';
import { absolute } from './ball.ts';

/** significand 2^exponent, or a number that is above or below it by less than any rounding sees. */
interface Bound {
  readonly significand: bigint;
  readonly exponent: number;
  readonly side: 'at' | 'above' | 'below';
}

/** low <= |result| <= high; the same object twice where the result is known exactly. */
export interface Interval {
  readonly negative: boolean;
  readonly low: Bound;
  readonly high: Bound;
}

/** A result of (-1)^negative significand 2^exponent, exactly. */
export function exactly(negative: boolean, significand: bigint, exponent: number): Interval {
  const bound: Bound = { significand, exponent, side: 'at' };
  return { negative, low: bound, high: bound };
}

/** A result in a ball; undefined if its sign is in doubt. */
export function inBall({ middle, radius, exponent }: Ball): Interval | undefined {
  const magnitude = absolute(middle);
  if (magnitude <= radius) return undefined;
  return {
    negative: middle < 0n,
    low: { significand: magnitude - radius, exponent, side: 'at' },
    high: { significand: magnitude + radius, exponent, side: 'at' },
  };
}

/** A magnitude above significand 2^exponent, by a part in 2^bits at most. */
export function justAbove(negative: boolean, significand: bigint, exponent: number, bits: number): Interval {
  const far = (significand << BigInt(bits)) + significand;
  return {
    negative,
    low: { significand, exponent, side: 'above' },
    high: { significand: far, exponent: exponent - bits, side: 'at' },
  };
}

/** A magnitude below significand 2^exponent, by a part in 2^bits at most. */
export function justBelow(negative: boolean, significand: bigint, exponent: number, bits: number): Interval {
  const far = (significand << BigInt(bits)) - significand;
  return {
    negative,
    low: { significand: far, exponent: exponent - bits, side: 'at' },
    high: { significand, exponent, side: 'below' },
  };
}

// Results outside 2^-4000 to 2^4000 are alike to every format: numbers, middles and fractions of 33 bits lie within 2^+-1200.
const beyond = 4000;

/** A magnitude above 2^4000. */
export function huge(negative: boolean): Interval {
  return {
    negative,
    low: { significand: 1n, exponent: beyond, side: 'at' },
    high: { significand: 1n, exponent: beyond + 1000, side: 'at' },
  };
}

/** Whether the interval is one of `huge`. */
export function isHuge({ low, high }: Interval): boolean {
  return low !== high && low.exponent === beyond && high.exponent === beyond + 1000;
}

/** A magnitude below 2^-4000, not zero. */
export function tiny(negative: boolean): Interval {
  return {
    negative,
    low: { significand: 1n, exponent: -beyond - 1000, side: 'at' },
    high: { significand: 1n, exponent: -beyond, side: 'at' },
  };
}

/** The bound as a Real with all the digits that a rounding to the format may look at. */
function toReal({ significand, exponent, side }: Bound, negative: boolean, format: Format): Real {
  if (side === 'at') return { negative, significand, exponent, sticky: false };
  const finest = finestExponent(format, exponent + bitLength(significand) - 2);
  const shift = Math.max(0, exponent - finest);
  const fine = significand << BigInt(shift);
  return {
    negative,
    significand: side === 'above' ? fine : fine - 1n,
    exponent: exponent - shift,
    sticky: true,
  };
}

/** Whether the interval is shorter than a step: only then do equal results of wrapping mean that nothing lies between. */
function isWithinStep({ low, high }: Interval, format: Format): boolean {
  const exponent = Math.min(low.exponent, high.exponent);
  const [a, b] = [low, high].map((bound) => bound.significand << BigInt(bound.exponent - exponent));
  const stepExponent = format.kind === 'fixed' ? -format.fractionBits : 0;
  return exponent + bitLength(b! - a!) <= stepExponent;
}

/** A result, rounded, and a Real that rounds so. */
export interface Decided {
  readonly value: number;
  readonly real: Real;
}

/**
 * The rounded result if all numbers of the interval round alike, else undefined. Every rounding is monotone for a given random
 * integer, wrapping apart, so the two ends are enough.
 */
export function decide(
  interval: Interval,
  format: Format,
  options: ResolvedRounding,
  random: number,
): Decided | undefined {
  const { negative, low, high } = interval;
  const real = toReal(low, negative, format);
  const value = roundReal(real, format, options, random);
  if (low === high) return { value, real };
  const other = roundReal(toReal(high, negative, format), format, options, random);
  if (!Object.is(value, other)) return undefined;
  if (dropsHighBits(options) && !isWithinStep(interval, format)) return undefined;
  // The result is not the bound, which may be a number of the format: it lies above.
  return { value, real: toReal({ ...low, side: 'above' }, negative, format) };
}

/**
 * One rounding explained: the neighbours, which of them is taken and why, what overflow or a missing sign makes of it, and
 * the errors, exactly. The result itself comes from the reference rounding; nothing here can change it. Exceptions are the arithmetic's to tell.
 */

import type { Code, Format } from '../formats/index.ts';
import { goesAway } from '../rounding/decide.ts';
import { isStochastic, type ResolvedRounding, roundScalar } from '../rounding/index.ts';
import { absolute, one, type Rational, toBinary64, toUnits } from './exact.ts';
import { type Neighbours, neighboursOf, tiesGoAway, ulpUnits } from './neighbours.ts';
import { reasonOf } from './reason.ts';

/** A neighbour of the input. */
export interface Side {
  /** In units of 2^-1074. */
  readonly units: bigint;
  /** Undefined beyond the range of the format. */
  readonly value: number | undefined;
  /** Undefined as `value`, and in formats without codes. */
  readonly code: Code | undefined;
  /** From the input to it: the two neighbours are one ulp apart. */
  readonly ulps: Rational;
}

/** How a stochastic mode decided: away from zero if `random` >= `threshold`. */
export interface Draw {
  readonly random: number;
  /** 2^randomBits minus the number of random integers that go away from zero. */
  readonly threshold: number;
  /** Number of random integers there are. */
  readonly outOf: number;
}

/** Errors of a finite result. */
interface RoundingError {
  /** |result - input| in units of 2^-1074. */
  readonly absolute: bigint;
  /** Divided by |input|; undefined for input 0. */
  readonly relative: Rational | undefined;
  readonly ulps: Rational;
}

export interface Explanation {
  readonly input: number;
  readonly below: Side | undefined;
  readonly above: Side | undefined;
  /** The neighbour taken before overflow and the like; undefined if the input is a value or not finite. */
  readonly goesTo: 'below' | 'above' | undefined;
  readonly draw: Draw | undefined;
  readonly reason: string;
  readonly result: number;
  readonly code: Code | undefined;
  readonly error: RoundingError | undefined;
}

/** (x - inner) / (outer - inner), in [0, 1). */
function fractionOf(units: bigint, inner: bigint, outer: bigint): Rational {
  return { numerator: absolute(units - inner), denominator: absolute(outer - inner) };
}

/** floor(x 2^bits + 1/2) or, for `even`, with ties to even. */
function nearestInteger({ numerator, denominator }: Rational, bits: number, even: boolean): bigint {
  const scaled = numerator << BigInt(bits);
  const quotient = (2n * scaled + denominator) / (2n * denominator);
  const isTie = 2n * scaled + denominator === quotient * 2n * denominator;
  return even && isTie && quotient % 2n === 1n ? quotient - 1n : quotient;
}

/** How many of the 2^N random integers go away from zero, by the three variants of IEEE P3109. */
function awayCount(fraction: Rational, { rounding, variant, randomBits }: ResolvedRounding): number {
  if (rounding === 'stochastic-equal') return 2 ** (randomBits - 1);
  if (variant === 'A') return Number((fraction.numerator << BigInt(randomBits)) / fraction.denominator);
  return Number(nearestInteger(fraction, randomBits, variant === 'C'));
}

/** A binary64 number on the right side of 1/2, or the share of random integers that go away: all that a mode looks at. */
function standIn(fraction: Rational, options: ResolvedRounding): number {
  if (isStochastic(options.rounding)) return awayCount(fraction, options) / 2 ** options.randomBits;
  const twice = 2n * fraction.numerator;
  return twice === fraction.denominator ? 0.5 : twice < fraction.denominator ? 0.25 : 0.75;
}

/** Whether the neighbour farther from zero is taken; for a finite input that is no value. */
function takesOuter(
  x: number,
  { inner, outer, innerIsOdd }: Neighbours,
  format: Format,
  options: ResolvedRounding,
  random: number,
): boolean {
  if (inner === undefined || outer === undefined) return inner === undefined;
  // A posit always gives one of the neighbours, by a rule on codes; the result tells which.
  if (format.kind === 'posit') return toUnits(roundScalar(x, format, options, random)) === outer;
  return goesAway(
    {
      fraction: standIn(fractionOf(toUnits(x), inner, outer), options),
      lowerIsOdd: innerIsOdd,
      negative: outer < inner,
      tiesAway: tiesGoAway(x, format, options),
    },
    options,
    random,
  );
}

function sideOf(units: bigint | undefined, x: number, format: Format, ulp: bigint): Side | undefined {
  if (units === undefined) return undefined;
  const { value: magnitude, exact } = toBinary64({ numerator: units, denominator: one });
  const negativeZero = units === 0n && (x < 0 || Object.is(x, -0)) && format.hasNegativeZero;
  const value = exact && format.has(magnitude) ? (negativeZero ? -0 : magnitude) : undefined;
  const code = value === undefined || format.bits === Infinity ? undefined : format.encode(value);
  return { units, value, code, ulps: inUlps(absolute(units - toUnits(x)), ulp) };
}

const inUlps = (distance: bigint, ulp: bigint): Rational =>
  distance === 0n ? { numerator: 0n, denominator: 1n } : { numerator: distance, denominator: ulp };

function errorOf(x: number, result: number, ulp: bigint): RoundingError | undefined {
  if (!Number.isFinite(x) || !Number.isFinite(result)) return undefined;
  const distance = absolute(toUnits(result) - toUnits(x));
  return {
    absolute: distance,
    relative: x === 0 ? undefined : { numerator: distance, denominator: absolute(toUnits(x)) },
    ulps: inUlps(distance, ulp),
  };
}

/** Whether the neighbour taken, or the input where there is none farther out, lies beyond the largest or smallest value. */
function overflows(x: number, taken: bigint, neighbours: Neighbours, format: Format): boolean {
  if (format.kind === 'float' && !format.isSigned && x < 0) return false;
  if (taken > toUnits(format.max) || taken < toUnits(format.min)) return true;
  // Floats have neighbours beyond their largest value; below the smallest of e8m0 there is underflow.
  if (format.kind === 'float') return false;
  const isBeyond = neighbours.outer === undefined || neighbours.inner === undefined;
  return isBeyond && (x > format.max || x < format.min);
}

/** Whether x is so small that a posit takes its smallest value instead of zero, in every mode. */
const neverZero = (x: number, format: Format): boolean =>
  format.kind === 'posit' && Math.abs(x) < format.minPositive;

/** Whether x has no place among the values of the format: not finite, or not positive where all values are. */
const isOutside = (x: number, format: Format): boolean =>
  !Number.isFinite(x) || (format.kind === 'float' && !format.hasZero && x <= 0);

/** Explains the rounding of x with the random integer given, which only stochastic modes read. */
export function explain(x: number, format: Format, options: ResolvedRounding, random: number): Explanation {
  const result = roundScalar(x, format, options, random);
  const code =
    format.bits === Infinity || (Number.isNaN(result) && !format.hasNaN) ? undefined : format.encode(result);
  if (isOutside(x, format)) {
    const reason = reasonOf({ x, format, options, result });
    const none = { below: undefined, above: undefined, goesTo: undefined, draw: undefined, error: undefined };
    return { ...none, input: x, reason, result, code };
  }
  const neighbours = neighboursOf(x, format, options);
  const { inner, outer } = neighbours;
  const ulp = ulpUnits(x, format, neighbours);
  const isValue = inner === outer;
  const outward = !isValue && takesOuter(x, neighbours, format, options, random);
  const taken = (outward ? outer : inner)!;
  const overflow = overflows(x, taken, neighbours, format);
  const isBetween = !isValue && inner !== undefined && outer !== undefined;
  const fraction = isBetween ? fractionOf(toUnits(x), inner, outer) : undefined;
  const decidesByDraw = isStochastic(options.rounding) && fraction !== undefined && !neverZero(x, format);
  const outOf = 2 ** options.randomBits;
  const draw = decidesByDraw ? { random, threshold: outOf - awayCount(fraction, options), outOf } : undefined;
  const innerIsBelow = inner === undefined ? outer! > toUnits(x) : inner <= (isBetween ? outer : toUnits(x));
  const [low, high] = innerIsBelow ? [inner, outer] : [outer, inner];
  // Beyond the largest value the neighbours are farther apart than a unit in the last place of the format.
  const spacing = isBetween ? absolute(outer - inner) : ulp;
  return {
    input: x,
    below: sideOf(low, x, format, spacing),
    above: sideOf(high, x, format, spacing),
    goesTo: isValue ? undefined : outward === innerIsBelow ? 'above' : 'below',
    draw,
    reason: reasonOf({ x, format, options, result, taken, overflow, fraction, isValue }),
    result,
    code,
    error: errorOf(x, result, ulp),
  };
}

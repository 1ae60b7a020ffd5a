/**
 * Reading a number as a user types it: decimal, hexadecimal float (0x1.8p-3), binary (0b1.01p-3), power of two (2^-9), fraction
 * (1/3), pi, e, inf, nan, signed zero. The result is what was typed, exactly, the nearest binary64 number, ties to even, and what
 * rounding it once to a format gives. Format names and options are read elsewhere.
 */

import { divideReals } from '../../arithmetic/exact.ts';
import { countTerm, type Flags, noFlags, type Tininess } from '../../arithmetic/flags.ts';
import { planOperations, type Real, roundReal } from '../../arithmetic/index.ts';
import { ArgumentError } from '../../errors.ts';
import { absolute, type Rational, timesPowerOfTwo, toBinary64 } from '../../explained/exact.ts';
import { type Explanation, explain } from '../../explained/explain.ts';
import { namedConstants } from '../../expressions/constants.ts';
import { type Format, scalarFormats } from '../../formats/index.ts';
import { type ResolvedRounding, resolveRounding, roundScalar } from '../../rounding/index.ts';

/** A number that was typed. */
export interface GivenNumber {
  readonly text: string;
  /** The binary64 number nearest to it. */
  readonly value: number;
  /** Whether the text denotes exactly that number. */
  readonly exact: boolean;
  /** What it denotes, where that is finite; of constants more digits than any rounding looks at. */
  readonly rational: Rational | undefined;
}

const accepted =
  'a number: decimal (-0.1, 3e-5), hexadecimal (0x1.8p-3), binary (0b1.01), a power of two (2^-9), a fraction (1/3), pi, e, inf or nan';

const decimalPattern = /^(\d+\.?\d*|\.\d+)(?:e([+-]?\d+))?$/i;
const hexPattern = /^0x([\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p([+-]?\d+))?$/i;
const binaryPattern = /^0b([01]+\.?[01]*|\.[01]+)(?:p([+-]?\d+))?$/i;
const powerPattern = /^2\^([+-]?\d+)$/;
const fractionPattern = /^(\d+)\/(\d+)$/;

/** Characters of a number. */
const longest = 10_000;
/** Exponents beyond this overflow or underflow for any text of that length; it keeps bigints small. */
const exponentBound = 50_000;
const bounded = (text: string | undefined): number =>
  Math.max(-exponentBound, Math.min(exponentBound, Number(text ?? 0)));

/** The digits without the point, and how many followed it. */
function withoutPoint(digits: string): { whole: string; after: number } {
  const [before, after = ''] = digits.split('.');
  return { whole: before! + after, after: after.length };
}

/** What unsigned text denotes; undefined if it is no finite number. */
function magnitudeOf(text: string): Rational | undefined {
  const power = powerPattern.exec(text);
  if (power !== null) return timesPowerOfTwo(1n, bounded(power[1]));
  const fraction = fractionPattern.exec(text);
  if (fraction !== null) {
    const [numerator, denominator] = [BigInt(fraction[1]!), BigInt(fraction[2]!)];
    return denominator === 0n ? undefined : { numerator, denominator };
  }
  const hex = hexPattern.exec(text);
  if (hex !== null) {
    const { whole, after } = withoutPoint(hex[1]!);
    return timesPowerOfTwo(BigInt(`0x${whole}`), bounded(hex[2]) - 4 * after);
  }
  const binary = binaryPattern.exec(text);
  if (binary !== null) {
    const { whole, after } = withoutPoint(binary[1]!);
    return timesPowerOfTwo(BigInt(`0b${whole}`), bounded(binary[2]) - after);
  }
  const constant = Object.hasOwn(namedConstants, text) ? namedConstants[text]! : text;
  const decimal = decimalPattern.exec(constant);
  if (decimal === null) return undefined;
  const { whole, after } = withoutPoint(decimal[1]!);
  const exponent = bounded(decimal[2]) - after;
  return exponent >= 0
    ? { numerator: BigInt(whole) * 10n ** BigInt(exponent), denominator: 1n }
    : { numerator: BigInt(whole), denominator: 10n ** BigInt(-exponent) };
}

/** Whether the text looks like a negative number rather than an option. */
export const isNegativeNumber = (text: string): boolean => /^-(\.?\d|inf|nan|(pi|tau|e)$)/i.test(text);

/**
 * Reads a number, within the range of binary64 or not.
 *
 * @param argument what to call it in the error
 * @throws ArgumentError if it is no number.
 */
export function readAnyNumber(text: string, argument: string): GivenNumber {
  const trimmed = text.trim();
  const [, sign, unsigned] = /^([+-]?)(.*)$/s.exec(trimmed)!;
  const signed = (magnitude: number): number => (sign === '-' ? -magnitude : magnitude);
  const special = (value: number): GivenNumber => ({
    text: trimmed,
    value,
    exact: true,
    rational: undefined,
  });
  if (/^inf(inity)?$/i.test(unsigned!)) return special(signed(Infinity));
  if (/^nan$/i.test(unsigned!)) return special(NaN);
  const magnitude = unsigned!.length > longest ? undefined : magnitudeOf(unsigned!);
  if (magnitude === undefined) throw new ArgumentError(argument, text, accepted);
  const { value, exact } = toBinary64(magnitude);
  const { numerator, denominator } = magnitude;
  const rational = { numerator: sign === '-' ? -numerator : numerator, denominator };
  return { text: trimmed, value: signed(value), exact, rational };
}

/** What lies outside binary64: beyond its largest number, or below its least. */
function outsideOf({ value, rational }: GivenNumber): 'beyond' | 'below' | undefined {
  if (rational === undefined) return undefined;
  if (Math.abs(value) === Infinity) return 'beyond';
  return value === 0 && rational.numerator !== 0n ? 'below' : undefined;
}

/**
 * Reads a number where binary64 numbers are computed with.
 *
 * @param argument what to call it in the error
 * @throws ArgumentError if it is no number, or not zero and beyond or below all of binary64.
 */
export function readNumber(text: string, argument: string): GivenNumber {
  const given = readAnyNumber(text, argument);
  if (outsideOf(given) !== undefined)
    throw new ArgumentError(argument, text, 'a number of binary64: 0, or 2^-1074 to 1.797e308 in magnitude');
  return given;
}

/** What was typed, rounded once to a format. */
export function roundGiven(
  { value, exact, rational }: GivenNumber,
  format: Format,
  options: ResolvedRounding,
  random: number,
): number {
  if (exact || rational === undefined) return roundScalar(value, format, options, random);
  return roundReal(realOf(rational, format), format, options, random);
}

/** A quotient that is not 0, as far as a rounding to the format looks. */
function realOf({ numerator, denominator }: Rational, format: Format): Real {
  const integer = (significand: bigint): Real => ({
    ...{ negative: false, significand, exponent: 0, sticky: false },
  });
  const real = divideReals(integer(absolute(numerator)), integer(denominator), format);
  return numerator < 0n ? { ...real, negative: true } : real;
}

/** Names of exceptions. */
type Raised = readonly (keyof Flags)[];

/** Names of the exceptions that were raised. */
export function raised(flags: Flags): Raised {
  return (Object.keys(flags) as (keyof Flags)[]).filter((name) => flags[name] > 0);
}

/** The exceptions of the rounding of what was typed to `result`, counted as those of the operations. */
export function flagsOfGiven(
  { value, exact, rational }: GivenNumber,
  result: number,
  format: Format,
  options: ResolvedRounding,
  random: number,
  tininess: Tininess = 'after',
): Raised {
  const flags = noFlags();
  const given = exact || rational === undefined ? value : realOf(rational, format);
  countTerm(given, result, { format, options }, random, { flags, tininess });
  return raised(flags);
}

const oddRounding = resolveRounding(scalarFormats.binary64, { rounding: 'to-odd' });

/** A rounding explained, with the exceptions that it raised. */
export interface Flagged extends Explanation {
  readonly flags: Raised;
}

/**
 * The rounding of what was typed, explained. Where no binary64 number is that, the nearest one stands in, or the one to odd where the nearest
 * is rounded otherwise; a format that tells even that from what was typed has the result alone.
 */
export function explainGiven(
  given: GivenNumber,
  format: Format,
  options: ResolvedRounding,
  random: number,
): Flagged {
  const explanation = tell(given, format, options, random);
  return { ...explanation, flags: flagsOfGiven(given, explanation.result, format, options, random) };
}

function tell(given: GivenNumber, format: Format, options: ResolvedRounding, random: number): Explanation {
  const near = explain(given.value, format, options, random);
  if (given.exact) return near;
  const result = roundGiven(given, format, options, random);
  const odd = explain(roundGiven(given, scalarFormats.binary64, oddRounding, 0), format, options, random);
  const outside = outsideOf(given);
  const isSame =
    outside === undefined &&
    Object.is(near.result, result) &&
    near.goesTo === odd.goesTo &&
    near.reason === odd.reason;
  const isTold = planOperations(format, options).oddLimit === Infinity && Object.is(odd.result, result);
  if (isTold && outside === undefined) return isSame ? near : odd;
  if (isTold) return odd;
  if (isSame && (near.goesTo !== undefined || near.result !== given.value)) return near;
  const told = explain(result, format, options, random);
  return {
    ...{ below: undefined, above: undefined, goesTo: undefined, draw: undefined, error: undefined },
    ...{ input: given.value, result, code: told.code },
    reason:
      outside === undefined
        ? 'inexact, by bits that binary64 does not have'
        : `inexact, ${outside} what binary64 has`,
  };
}

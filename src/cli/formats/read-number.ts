/**
 * Reading a number as a user types it: decimal, hexadecimal float (0x1.8p-3), power of two (2^-9), fraction (1/3), inf, nan,
 * signed zero. The result is the nearest binary64 number, ties to even, and whether that is exactly what was typed. Format
 * names and options are read elsewhere.
 */

import { ArgumentError } from '../../errors.ts';
import { type Rational, timesPowerOfTwo, toBinary64 } from '../../explained/exact.ts';

/** A number that was typed. */
export interface GivenNumber {
  readonly text: string;
  /** The binary64 number nearest to it. */
  readonly value: number;
  /** Whether the text denotes exactly that number. */
  readonly exact: boolean;
}

const accepted =
  'a number: decimal (-0.1, 3e-5), hexadecimal (0x1.8p-3), a power of two (2^-9), a fraction (1/3), inf or nan';

const decimalPattern = /^(\d+\.?\d*|\.\d+)(?:e([+-]?\d+))?$/i;
const hexPattern = /^0x([\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p([+-]?\d+))?$/i;
const powerPattern = /^2\^([+-]?\d+)$/;
const fractionPattern = /^(\d+)\/(\d+)$/;

/** Exponents beyond this overflow or underflow for any text of bearable length; it keeps bigints small. */
const exponentBound = 20_000;
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
  const decimal = decimalPattern.exec(text);
  if (decimal === null) return undefined;
  const { whole, after } = withoutPoint(decimal[1]!);
  const exponent = bounded(decimal[2]) - after;
  return exponent >= 0
    ? { numerator: BigInt(whole) * 10n ** BigInt(exponent), denominator: 1n }
    : { numerator: BigInt(whole), denominator: 10n ** BigInt(-exponent) };
}

/** Whether the text looks like a negative number rather than an option. */
export const isNegativeNumber = (text: string): boolean => /^-(\.?\d|inf|nan)/i.test(text);

/**
 * Reads a number.
 *
 * @param argument what to call it in the error
 * @throws ArgumentError if it is no number, or not zero and beyond or below all of binary64.
 */
export function readNumber(text: string, argument: string): GivenNumber {
  const trimmed = text.trim();
  const [, sign, unsigned] = /^([+-]?)(.*)$/s.exec(trimmed)!;
  const signed = (magnitude: number): number => (sign === '-' ? -magnitude : magnitude);
  if (/^inf(inity)?$/i.test(unsigned!)) return { text: trimmed, value: signed(Infinity), exact: true };
  if (/^nan$/i.test(unsigned!)) return { text: trimmed, value: NaN, exact: true };
  const magnitude = unsigned!.length > 1000 ? undefined : magnitudeOf(unsigned!);
  if (magnitude === undefined) throw new ArgumentError(argument, text, accepted);
  const { value, exact } = toBinary64(magnitude);
  if (value === Infinity || (value === 0 && magnitude.numerator !== 0n))
    throw new ArgumentError(argument, text, 'a number of binary64: 0, or 2^-1074 to 1.797e308 in magnitude');
  return { text: trimmed, value: signed(value), exact };
}

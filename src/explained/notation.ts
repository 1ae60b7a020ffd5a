/**
 * How numbers look in the output of `formats`, `format` and `round`: the exact decimal where that is short, a power of
 * two, or 17 significant digits marked with ~. JSON has numbers, and strings for what JSON has no number for.
 */

import type { Code, Format } from '../formats/index.ts';
import { absolute, one, type Rational, toDecimal, toUnits, unitBits } from './exact.ts';

// Significant digits that tell any two binary64 numbers apart.
const enough = 17;

/** k where the units are 2^k, else undefined. */
function powerOf(units: bigint): number | undefined {
  const digits = units.toString(2);
  return /^10*$/.test(digits) ? digits.length - 1 - unitBits : undefined;
}

/** A finite value given in units: exact if it has no ~. */
export function exactText(units: bigint, significantDigits: number = enough): string {
  const { text, exact } = toDecimal({ numerator: units, denominator: one }, significantDigits);
  if (exact) return text;
  const power = powerOf(absolute(units));
  return power === undefined ? `~${text}` : `${units < 0n ? '-' : ''}2^${power}`;
}

/** Any number: exact if it has no ~. */
export function numberText(x: number, significantDigits: number = enough): string {
  if (Number.isNaN(x)) return 'NaN';
  if (Object.is(x, -0)) return '-0';
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf';
  return exactText(toUnits(x), significantDigits);
}

/** A value of a format: a posit calls its NaN NaR. */
export const valueText = (x: number, format: Format): string =>
  format.kind === 'posit' && Number.isNaN(x) ? 'NaR' : numberText(x);

/** A number in short: a power of two as such unless it is a small integer, exact up to six digits, else four digits and a ~. */
export function shortText(x: number): string {
  if (!Number.isFinite(x)) return numberText(x);
  const power = powerOf(absolute(toUnits(x)));
  if (power !== undefined && (power < -3 || power > 10)) return `${x < 0 ? '-' : ''}2^${power}`;
  const six = numberText(x, 6);
  return six.includes('~') ? numberText(x, 4) : six;
}

/** A quotient with six significant digits: more where six would make it look like 0.5, 1 or 2, which it is not. */
export function ratioText(x: Rational): string {
  const { text, exact } = toDecimal(x, 6);
  if (exact) return text;
  const isPlain = /^(0\.5|[12])$/.test(text);
  return `~${isPlain ? toDecimal(x, enough).text : text}`;
}

/** A code in hexadecimal, all digits. */
export const hexCode = (code: Code, bits: number): string =>
  `0x${code.toString(16).padStart(Math.ceil(bits / 4), '0')}`;

/**
 * Exact values for printing: every finite binary64 number, and every neighbour of one, is a whole number of units of
 * 2^-1074, held in a bigint. Decimals and quotients are computed from those integers and rounded once, to nearest with
 * ties to even, so that no printed digit comes from binary64 arithmetic. What is printed where is not decided here.
 */

import { exponentOf, scaleByPowerOfTwo, toBigIntSignificand } from '../binary64.ts';
import { bitLength } from '../formats/integers.ts';

/** One is 2^1074 units. */
export const unitBits = 1074;
export const one: bigint = 1n << BigInt(unitBits);

/** A quotient of integers; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** A number in decimal, and whether that is all of it. */
interface Decimal {
  readonly text: string;
  readonly exact: boolean;
}

export const absolute = (x: bigint): bigint => (x < 0n ? -x : x);

/** A finite binary64 number in units. */
export function toUnits(x: number): bigint {
  const { significand, exponent } = toBigIntSignificand(x);
  const magnitude = significand << BigInt(exponent + unitBits);
  return x < 0 ? -magnitude : magnitude;
}

/** The binary64 number nearest to significand 2^exponent, ties to even; infinity beyond binary64. significand >= 0. */
function nearestBinary64(significand: bigint, exponent: number): number {
  const length = bitLength(significand);
  if (length === 0 || length + exponent < -unitBits) return 0;
  if (length + exponent > 1024) return Infinity;
  const dropped = Math.max(length - 53, -unitBits - exponent);
  if (dropped <= 0) return scaleByPowerOfTwo(Number(significand), exponent);
  const quotient = significand >> BigInt(dropped);
  const rest = significand - (quotient << BigInt(dropped));
  const half = 1n << BigInt(dropped - 1);
  const up = rest > half || (rest === half && (quotient & 1n) === 1n);
  return scaleByPowerOfTwo(Number(up ? quotient + 1n : quotient), exponent + dropped);
}

/** The binary64 number nearest to a quotient, and whether it is the quotient itself. */
export function toBinary64({ numerator, denominator }: Rational): { value: number; exact: boolean } {
  const magnitude = absolute(numerator);
  // 66 bits or more of the quotient, and one that says whether anything follows them.
  const shift = Math.max(0, 66 + bitLength(denominator) - bitLength(magnitude));
  const quotient = (magnitude << BigInt(shift)) / denominator;
  const rest = (magnitude << BigInt(shift)) - quotient * denominator;
  const value = nearestBinary64(2n * quotient + (rest === 0n ? 0n : 1n), -shift - 1);
  const exact = Number.isFinite(value) && toUnits(value) * denominator === magnitude * one;
  return { value: numerator < 0n ? -value : value, exact };
}

/** significand 2^exponent as a quotient. */
export function timesPowerOfTwo(significand: bigint, exponent: number): Rational {
  return exponent >= 0
    ? { numerator: significand << BigInt(exponent), denominator: 1n }
    : { numerator: significand, denominator: 1n << BigInt(-exponent) };
}

/** A power of ten as a factor of numerator or denominator. */
const timesPowerOfTen = ({ numerator, denominator }: Rational, exponent: number): Rational =>
  exponent >= 0
    ? { numerator: numerator * 10n ** BigInt(exponent), denominator }
    : { numerator, denominator: denominator * 10n ** BigInt(-exponent) };

const positional = (digits: string, exponent: number): string => {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? whole : `${whole}.${fraction}`;
};

const scientific = (digits: string, exponent: number): string =>
  `${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}e${exponent}`;

/** A quotient with at most so many significant digits, in positional notation where that is short. */
export function toDecimal(x: Rational, significantDigits: number): Decimal {
  if (x.numerator === 0n) return { text: '0', exact: true };
  const sign = x.numerator < 0n ? '-' : '';
  const magnitude = { numerator: absolute(x.numerator), denominator: x.denominator };
  // log10 2 is 0.30103; the estimate is at most one off, and the loop sets it right.
  let exponent = Math.floor(
    (bitLength(magnitude.numerator) - bitLength(magnitude.denominator) - 1) * 0.30103,
  );
  const isBelow = (power: number): boolean => {
    const { numerator, denominator } = timesPowerOfTen(magnitude, -power);
    return numerator < denominator;
  };
  while (!isBelow(exponent + 1)) exponent++;
  const { numerator, denominator } = timesPowerOfTen(magnitude, significantDigits - 1 - exponent);
  let quotient = numerator / denominator;
  const rest = numerator - quotient * denominator;
  if (2n * rest > denominator || (2n * rest === denominator && (quotient & 1n) === 1n)) quotient++;
  let digits = quotient.toString();
  if (digits.length > significantDigits) exponent++;
  digits = digits.replace(/0+$/, '');
  const isShort = exponent >= -4 && exponent < significantDigits;
  const text = isShort ? positional(digits, exponent) : scientific(digits, exponent);
  return { text: sign + text, exact: rest === 0n };
}

/** A finite number in the notation of C's %a, normalised: 0x1.8p-3. */
export function hexFloat(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  const sign = x < 0 || Object.is(x, -0) ? '-' : '';
  if (!Number.isFinite(x)) return `${sign}inf`;
  if (x === 0) return `${sign}0x0p+0`;
  const exponent = exponentOf(x);
  const units = absolute(toUnits(x));
  const last = unitBits + exponent; // bits below the leading one
  const fraction = units - (1n << BigInt(last));
  const digits = last === 0 ? '' : (fraction << BigInt((4 - (last % 4)) % 4)).toString(16);
  const hex = digits.padStart(Math.ceil(last / 4), '0').replace(/0+$/, '');
  return `${sign}0x1${hex === '' ? '' : `.${hex}`}p${exponent < 0 ? '' : '+'}${exponent}`;
}

/**
 * What a code means, from the definition of its format: the code's binary digits are cut into fields and the value is
 * computed in integers. Codebooks, being lists, are told by the tests of their constructions.
 *
 * Sources: IEEE 754-2019 section 3.4; OCP 8-bit Floating Point Specification v1.0; IEEE P3109 report v4.0; Standard for
 * Posit Arithmetic (2022) section 3.
 */
import type { FloatFormat, Format, LogarithmicFormat, PositFormat } from '../../src/formats/index.ts';
import { fromUnits, unitExponent } from './units.ts';

/** count 2^exponent as a binary64 number. */
function scaled(count: bigint, exponent: number): number {
  const shift = BigInt(exponent) + unitExponent;
  return fromUnits(shift >= 0n ? count << shift : count >> -shift);
}

const field = (digits: string): bigint => (digits === '' ? 0n : BigInt(`0b${digits}`));

/** The meaning of a float's magnitude code where it is not a number, by the rules of its special codes. */
function special(
  format: FloatFormat,
  negative: boolean,
  exponent: string,
  significand: string,
): number | undefined {
  const topExponent = !exponent.includes('0');
  const allOnes = topExponent && !significand.includes('0');
  const isZero = !`${exponent}${significand}`.includes('1');
  const infinity = negative ? -Infinity : Infinity;
  switch (format.specials) {
    case 'ieee':
      if (!topExponent) return undefined;
      return significand.includes('1') ? NaN : infinity;
    case 'fn':
      return allOnes ? NaN : undefined;
    case 'fnuz':
      return isZero && negative ? NaN : undefined;
    case 'finite':
      return undefined;
    case 'p3109': {
      // Signed: NaN in place of -0, infinities on top. Unsigned: NaN on top, infinity just below.
      const code = field(`${exponent}${significand}`);
      const top = (1n << BigInt(exponent.length + significand.length)) - 1n;
      if (format.isSigned ? isZero && negative : code === top) return NaN;
      const atInfinity = code === (format.isSigned ? top : top - 1n);
      return atInfinity && format.domain === 'extended' ? infinity : undefined;
    }
  }
}

function decodeFloat(format: FloatFormat, code: bigint): number {
  const { exponentBits, mantissaBits, bias, bits } = format;
  const digits = code.toString(2).padStart(bits, '0');
  const magnitudeDigits = digits.slice(bits - exponentBits - mantissaBits);
  const above = digits.slice(0, bits - exponentBits - mantissaBits);
  const padding = format.isSigned ? above.slice(0, -1) : above;
  if (padding.includes('1')) return NaN;
  const negative = format.isSigned && above.endsWith('1');
  const exponent = magnitudeDigits.slice(0, exponentBits);
  const significand = magnitudeDigits.slice(exponentBits);
  const notNumber = special(format, negative, exponent, significand);
  if (notNumber !== undefined) return notNumber;
  const E = Number(field(exponent));
  const M = field(significand);
  const hidden = 1n << BigInt(mantissaBits);
  let magnitude: number;
  if (E > 0) magnitude = scaled(hidden + M, E - bias - mantissaBits);
  else if (format.subnormals === true) magnitude = scaled(M, 1 - bias - mantissaBits);
  else if (format.subnormals === false || (M === 0n && format.hasZero)) magnitude = 0;
  else magnitude = scaled(hidden + M, -bias - mantissaBits);
  if (magnitude === 0) return negative && format.hasNegativeZero ? -0 : 0;
  return negative ? -magnitude : magnitude;
}

/** Two's complement of that many digits. */
function signedField(digits: string): bigint {
  const unsigned = field(digits);
  return digits.startsWith('1') ? unsigned - (1n << BigInt(digits.length)) : unsigned;
}

/** The magnitude of a positive posit from its digits after the sign; any number of digits. */
export function decodePositDigits(digits: string, es: number): number {
  const first = digits[0]!;
  const end = digits.indexOf(first === '1' ? '0' : '1');
  const run = end < 0 ? digits.length : end;
  const regime = first === '1' ? run - 1 : -run;
  const tail = digits.slice(run + 1);
  // Digits that are cut off count as zeros.
  const exponent = Number(field(tail.slice(0, es).padEnd(es, '0')));
  const fraction = tail.slice(es);
  return scaled(field(`1${fraction}`), regime * 2 ** es + exponent - fraction.length);
}

function decodePosit({ bits, es }: PositFormat, code: bigint): number {
  const digits = code.toString(2).padStart(bits, '0');
  if (!digits.includes('1')) return 0;
  if (!digits.slice(1).includes('1')) return NaN;
  if (digits.startsWith('0')) return decodePositDigits(digits.slice(1), es);
  const negated = ((1n << BigInt(bits)) - code).toString(2).padStart(bits, '0');
  return -decodePositDigits(negated.slice(1), es);
}

/** Sign and logarithm k of a logarithmic code; undefined for zero. */
export function logarithmOf(
  format: LogarithmicFormat,
  code: bigint,
): { negative: boolean; k: number } | undefined {
  const digits = code.toString(2).padStart(format.bits, '0');
  const logarithm = digits.slice(1);
  if (logarithm.startsWith('1') && !logarithm.slice(1).includes('1')) return undefined;
  return { negative: digits.startsWith('1'), k: Number(signedField(logarithm)) };
}

/** The value of a code by definition. Not for codebooks and logarithmic formats, whose values are lists. */
export function oracleDecode(format: Format, code: bigint): number {
  const digits = code.toString(2).padStart(format.bits, '0');
  switch (format.kind) {
    case 'float':
      return decodeFloat(format, code);
    case 'int': {
      const value = Number(format.isSigned ? signedField(digits) : code);
      return format.symmetric && value === -(2 ** (format.bits - 1)) ? NaN : value;
    }
    case 'fixed': {
      const count = format.isSigned ? signedField(digits) : code;
      const magnitude = scaled(count < 0n ? -count : count, -format.fractionBits);
      return count < 0n ? -magnitude : magnitude;
    }
    case 'posit':
      return decodePosit(format, code);
    default:
      throw new Error(`${format.kind}: its values are a list`);
  }
}

/**
 * The operations by definition: operands as integers in units of 2^-1300, the result as an exact ratio (a root: with a bit more
 * than any rounding looks at), rounded once by the rational oracle. What is given for zeros, infinities and NaN is written down
 * case by case. Sources: IEEE 754-2019 sections 5.4.1, 6 and 7; IEEE P3109 report v4.0; Posit Standard (2022) section 5.
 */
import { type FloatFormat, type Format, float } from '../../src/formats/index.ts';
import type { ResolvedRounding } from '../../src/rounding/index.ts';
import { oracleRound, oracleRoundRatio } from './index.ts';
import { bitLength, largestBelow, type Ratio, signedUnits, unitExponent, units } from './units.ts';

export const oracleOperations = ['add', 'sub', 'mul', 'div', 'sqrt', 'fma'] as const;
export type OracleOperation = (typeof oracleOperations)[number];

/** A result before it is rounded: a number that is no matter of rounding, a zero that the mode gives its sign, or a ratio. */
export type Unrounded =
  | { readonly kind: 'special'; readonly value: number; readonly invalid: boolean; readonly byZero: boolean }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'ratio'; readonly magnitude: Ratio; readonly negative: boolean };

const one = 1n << unitExponent;

function special(value: number): Unrounded {
  return { kind: 'special', value, invalid: false, byZero: false };
}

const invalid: Unrounded = { kind: 'special', value: NaN, invalid: true, byZero: false };

function ratio(numerator: bigint, denominator: bigint): Unrounded {
  if (numerator === 0n) return { kind: 'cancelled' };
  const negative = numerator < 0n !== denominator < 0n;
  const size = (n: bigint): bigint => (n < 0n ? -n : n);
  return {
    kind: 'ratio',
    magnitude: { numerator: size(numerator), denominator: size(denominator) },
    negative,
  };
}

const isInfinite = (x: number): boolean => x === Infinity || x === -Infinity;
const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);
const signed = (value: number, negative: boolean): number => (negative ? -value : value);

function sum(a: number, b: number): Unrounded {
  if (isInfinite(a) && isInfinite(b)) return a === b ? special(a) : invalid;
  if (isInfinite(a)) return special(a);
  if (isInfinite(b)) return special(b);
  if (a === 0 && b === 0) return isNegative(a) === isNegative(b) ? special(a) : { kind: 'cancelled' };
  return ratio(signedUnits(a) + signedUnits(b), 1n);
}

function product(a: number, b: number): Unrounded {
  const negative = isNegative(a) !== isNegative(b);
  if (isInfinite(a) || isInfinite(b))
    return a === 0 || b === 0 ? invalid : special(signed(Infinity, negative));
  if (a === 0 || b === 0) return special(signed(0, negative));
  return ratio(signedUnits(a) * signedUnits(b), one);
}

function quotient(a: number, b: number, format: Format): Unrounded {
  const zeroGivesNaN = format.kind === 'posit' || (format.kind === 'float' && format.specials === 'p3109');
  const negative = isNegative(a) !== isNegative(b);
  if (isInfinite(a) && isInfinite(b)) return invalid;
  if (b === 0) {
    if (a === 0 || (zeroGivesNaN && isInfinite(a))) return invalid;
    const value = zeroGivesNaN ? NaN : signed(Infinity, negative);
    return { kind: 'special', value, invalid: false, byZero: !isInfinite(a) };
  }
  if (isInfinite(a)) return special(signed(Infinity, negative));
  if (isInfinite(b) || a === 0) return special(signed(0, negative));
  return ratio(signedUnits(a) * one, signedUnits(b));
}

/** floor(sqrt(n)): Heron's means, each but the last above the root, and a proof of the last. */
function floorRoot(n: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(bitLength(n) / 2));
  for (let mean = (root + n / root) / 2n; mean < root; mean = (root + n / root) / 2n) root = mean;
  if (root * root > n || (root + 1n) * (root + 1n) <= n) throw new Error('oracle: not the root');
  return root;
}

// Bits of a root below the unit, more than fractions of 33 bits of a quantum need for numbers down to 2^-1074.
const rootBits = 128n;

function squareRoot(a: number): Unrounded {
  if (a === 0) return special(a);
  if (a < 0) return invalid;
  if (isInfinite(a)) return special(a);
  const square = (units(a) << unitExponent) << (2n * rootBits);
  const root = floorRoot(square);
  const sticky = root * root === square ? 0n : 1n;
  return ratio(2n * root + sticky, 2n << rootBits);
}

function multiplyAdd(a: number, b: number, c: number): Unrounded {
  const ab = product(a, b);
  if (ab.kind === 'special') return ab.invalid ? ab : Number.isNaN(c) ? special(NaN) : sum(ab.value, c);
  if (Number.isNaN(c)) return special(NaN);
  if (isInfinite(c)) return special(c);
  return ratio(signedUnits(a) * signedUnits(b) + signedUnits(c) * one, one);
}

/** The result before rounding. Operands that the operation does not have are 0. */
export function unrounded(name: OracleOperation, a: number, b: number, c: number, format: Format): Unrounded {
  if (Number.isNaN(a) || Number.isNaN(b)) return special(NaN);
  // Where there is no -0, an operand of -0 is 0.
  const [x, y, z] = [a, b, c].map((operand) => (operand === 0 && !format.hasNegativeZero ? 0 : operand)) as [
    number,
    number,
    number,
  ];
  switch (name) {
    case 'add':
      return sum(x, y);
    case 'sub':
      return sum(x, -y);
    case 'mul':
      return product(x, y);
    case 'div':
      return quotient(x, y, format);
    case 'sqrt':
      return squareRoot(x);
    case 'fma':
      return multiplyAdd(x, y, z);
  }
}

/** The zero that x - x gives. */
export function cancelledZero({ rounding }: ResolvedRounding): number {
  return rounding === 'toward-negative' ? -0 : 0;
}

/** An unrounded result rounded to a format. */
export function roundOnce(
  exact: Unrounded,
  format: Format,
  options: ResolvedRounding,
  random: number,
): number {
  if (exact.kind === 'special') return oracleRound(exact.value, format, options, random);
  if (exact.kind === 'cancelled') return oracleRound(cancelledZero(options), format, options, random);
  const { magnitude, negative } = exact;
  const { numerator, denominator } = magnitude;
  const isFar = format.kind === 'float' && 4n * numerator < units(format.minNormal) * denominator;
  // Flushed whatever the mode; the units of the rounding oracle do not reach so far down.
  if (isFar && options.subnormals === 'flush' && format.hasZero)
    return oracleRound(negative ? -0 : 0, format, options, random);
  return oracleRoundRatio(magnitude, negative, format, options, random);
}

/** The definition of an operation. */
export function oracleOperate(
  name: OracleOperation,
  operands: readonly number[],
  format: Format,
  options: ResolvedRounding,
  random: number,
): number {
  const [a = 0, b = 0, c = 0] = operands;
  return roundOnce(unrounded(name, a, b, c, format), format, options, random);
}

/**
 * A binary64 number that rounds to every format of few bits in every mode as the ratio does: its first 51 bits, and a 52nd that
 * tells whether more follow. For magnitudes in binary64's normal range.
 */
export function standInFor({ numerator, denominator }: Ratio): number {
  const excess = 56 - bitLength(numerator) + bitLength(denominator);
  const shift = BigInt(Math.max(excess, 0));
  const scaled = numerator << shift;
  const whole = scaled / denominator;
  const dropped = BigInt(bitLength(whole) - 51);
  const top = whole >> dropped;
  const sticky = (top << dropped) * denominator === scaled ? 0n : 1n;
  const places = dropped - 1n - shift;
  const bits = 2n * top + sticky;
  return largestBelow(places >= 0n ? bits << places : bits >> -places);
}

/** IEEE 754-2019 exceptions of a rounding to a float format, from a format with a wider exponent. */
export interface OracleFlags {
  readonly inexact: boolean;
  readonly overflow: boolean;
  readonly underflow: boolean;
  readonly invalid: boolean;
  readonly divideByZero: boolean;
}

const quietFlags: OracleFlags = {
  inexact: false,
  overflow: false,
  underflow: false,
  invalid: false,
  divideByZero: false,
};

/** For signed floats with zero, of at most 50 bits and exponents far inside binary64's. */
export function oracleFlags(
  exact: Unrounded,
  result: number,
  format: FloatFormat,
  options: ResolvedRounding,
  random: number,
): OracleFlags {
  if (exact.kind === 'special') return { ...quietFlags, invalid: exact.invalid, divideByZero: exact.byZero };
  if (exact.kind === 'cancelled') return quietFlags;
  const { magnitude, negative } = exact;
  const { numerator, denominator } = magnitude;
  if (Number.isFinite(result) && units(result) * denominator === numerator) return quietFlags;
  const wide = float({ exponentBits: 11, mantissaBits: format.mantissaBits });
  const plain: ResolvedRounding = { ...options, saturation: 'none', subnormals: 'keep' };
  const rounded = Math.abs(oracleRoundRatio(magnitude, negative, wide, plain, random));
  return {
    ...quietFlags,
    inexact: true,
    overflow: rounded > format.max,
    underflow: rounded < format.minNormal,
  };
}

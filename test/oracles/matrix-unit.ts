/**
 * Matrix units simulated on codes and integers: fields are cut out of the codes, terms are BigInt counts of units of 2^-700,
 * and alignment is integer division. Written from the descriptions in the papers, apart from `src/arithmetic/matrix-unit`.
 */
import type { FloatFormat } from '../../src/formats/index.ts';

const unit = 700n;

/** sign * significand * 2^(exponent - mantissaBits), the exponent being that of the field; a zero has exponent -126. */
interface Fields {
  readonly significand: bigint;
  readonly exponent: bigint;
  readonly mantissaBits: bigint;
  readonly special: number | undefined;
}

export function fieldsOf(code: number, format: FloatFormat): Fields {
  const mantissaBits = BigInt(format.mantissaBits);
  const value = format.decode(code);
  const mantissa = BigInt(code) & ((1n << mantissaBits) - 1n);
  const field = (BigInt(code) >> mantissaBits) & ((1n << BigInt(format.exponentBits)) - 1n);
  const negative =
    format.isSigned && BigInt(code) >> BigInt(format.exponentBits + format.mantissaBits) !== 0n;
  const isBelow = field === 0n && format.subnormals === true;
  const magnitude = isBelow ? mantissa : mantissa | (1n << mantissaBits);
  const exponent = (isBelow ? 1n : field) - BigInt(format.bias);
  return {
    significand: negative ? -magnitude : magnitude,
    exponent: magnitude === 0n ? -126n : exponent,
    mantissaBits,
    special: Number.isFinite(value) ? undefined : value,
  };
}

/** A term in units of 2^-700, and the exponent by which it is aligned. */
export interface AlignedTerm {
  readonly count: bigint;
  readonly exponent: bigint;
}

function shifted(n: bigint, by: bigint): bigint {
  if (by >= 0n) return n << by;
  const divisor = 1n << -by;
  if (n % divisor !== 0n) throw new Error('oracle: below the unit');
  return n / divisor;
}

export function productTerm(a: Fields, b: Fields, scaleExponent = 0n): AlignedTerm {
  const exponent = a.exponent + b.exponent + scaleExponent;
  return {
    count: shifted(a.significand * b.significand, exponent - a.mantissaBits - b.mantissaBits + unit),
    exponent,
  };
}

export function addendTerm(c: Fields): AlignedTerm {
  return { count: shifted(c.significand, c.exponent - c.mantissaBits + unit), exponent: c.exponent };
}

function largest(terms: readonly AlignedTerm[]): bigint {
  return terms.reduce((most, { exponent }) => (exponent > most ? exponent : most), terms[0]!.exponent);
}

/** Multiples of 2^(exponent - bits) not farther from zero; integer division truncates. */
function truncated(count: bigint, exponent: bigint, bits: bigint): bigint {
  const step = 1n << (exponent - bits + unit);
  return (count / step) * step;
}

/** The largest multiple of 2^(exponent - bits) that is not above. */
function floored(count: bigint, exponent: bigint, bits: bigint): bigint {
  const step = 1n << (exponent - bits + unit);
  const cut = (count / step) * step;
  return cut > count ? cut - step : cut;
}

/** The sum of terms aligned to the largest of their exponents and truncated. */
export function truncatedSum(terms: readonly AlignedTerm[], bits: bigint): AlignedTerm {
  const exponent = largest(terms);
  const count = terms.reduce((sum, term) => sum + truncated(term.count, exponent, bits), 0n);
  return { count, exponent };
}

/** CDNA3: the products' sum and the addend, aligned again and floored. */
export function flooredSum(products: readonly AlignedTerm[], c: AlignedTerm, halves: boolean): AlignedTerm {
  let sum: AlignedTerm;
  if (halves) {
    const parts = [0, 1].map((half) =>
      truncatedSum(
        products.filter((_, i) => i % 2 === half),
        24n,
      ),
    );
    const exponent = largest(parts);
    sum = { count: parts.reduce((total, part) => total + floored(part.count, exponent, 24n), 0n), exponent };
  } else sum = truncatedSum(products, 24n);
  const exponent = largest([sum, c]);
  const isLost = halves && c.exponent < exponent - 25n;
  const addend = isLost ? 0n : floored(c.count, exponent, 24n);
  return { count: floored(sum.count, exponent, 31n) + addend, exponent };
}

/** The count as a number of the result's format: toward zero or to nearest even, infinite beyond the range; zeros are +0. */
export function roundedCount(
  count: bigint,
  format: FloatFormat,
  rounding: 'toward-zero' | 'nearest-even',
): number {
  const magnitude = count < 0n ? -count : count;
  if (magnitude === 0n) return 0;
  const length = BigInt(magnitude.toString(2).length);
  const exponent = length - 1n - unit;
  const emin = BigInt(1 - format.bias);
  const step = 1n << ((exponent > emin ? exponent : emin) - BigInt(format.mantissaBits) + unit);
  let steps = magnitude / step;
  const twice = 2n * (magnitude - steps * step);
  if (rounding === 'nearest-even' && (twice > step || (twice === step && steps % 2n === 1n))) steps++;
  if (steps === 0n) return 0;
  const limit = (1n << (BigInt(format.emax) + 1n + unit)) / step;
  const size = steps >= limit ? Infinity : numberOf(steps * step);
  return count < 0n ? -size : size;
}

/** A count that is a binary64 number. */
function numberOf(count: bigint): number {
  const length = count.toString(2).length;
  const shift = Math.max(length - 53, 0);
  return Number(count >> BigInt(shift)) * 2 ** (shift - 350) * 2 ** (350 - Number(unit));
}

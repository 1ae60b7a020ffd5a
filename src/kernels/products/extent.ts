/**
 * What numbers are made of: their significant bits, and the powers of two between which they lie. From these it follows which
 * products and sums a lane type holds exactly.
 */
import { exponentOf } from '../../binary64.ts';
import type { Format } from '../../formats/format.ts';

export interface Extent {
  /** No number has more significant bits. */
  readonly bits: number;
  /** All numbers are multiples of 2^low and, if they are finite, below 2^(top + 1). */
  readonly low: number;
  readonly top: number;
  /** None but 0 is below 2^bottom. */
  readonly bottom: number;
  /** Whether no infinity or NaN is among them. */
  readonly finite: boolean;
}

/** What is known of numbers that have been looked at. */
export interface OperandExtent extends Extent {
  readonly hasNegativeZero: boolean;
  /** The largest finite magnitude. */
  readonly largest: number;
  /** The largest power of two of which all are multiples, if they are finite and between 2^-60 and 2^60; it takes a look at all. */
  grain(): number;
}

/** Of no numbers but +0: what sums begin with. */
export const nothing: OperandExtent = {
  bits: 0,
  low: Infinity,
  top: -Infinity,
  bottom: Infinity,
  finite: true,
  hasNegativeZero: false,
  largest: 0,
  grain: () => Infinity,
};

/** A lane type as such an extent, and as what it holds. */
export const binary32: Extent = { bits: 24, low: -149, top: 127, bottom: -149, finite: false };
export const binary64: Extent = { bits: 53, low: -1074, top: 1023, bottom: -1074, finite: false };

/** Whether a lane type holds all finite numbers of an extent. */
export function holds(lanes: Extent, { bits, low, top }: Extent): boolean {
  return bits <= lanes.bits && low >= lanes.low && top <= lanes.top;
}

export function extentOfProducts(a: Extent, b: Extent): Extent {
  return {
    bits: a.bits + b.bits,
    low: a.low + b.low,
    top: a.top + b.top + 1,
    bottom: a.bottom + b.bottom,
    finite: a.finite && b.finite,
  };
}

/** Of the numbers of a format; undefined where they have no common structure. */
export function extentOfFormat(format: Format): Extent | undefined {
  switch (format.kind) {
    case 'float': {
      const { precision, emin, emax, mantissaBits, exponentBits } = format;
      const low = exponentBits === Infinity ? -Infinity : emin - mantissaBits;
      return { bits: precision, low, top: emax, bottom: low, finite: false };
    }
    case 'int':
    case 'fixed':
      return extentOfGrid(format, format.kind === 'fixed' ? -format.fractionBits : 0);
    case 'codebook':
      return format.step > 0 && format.ties === 'even-multiple'
        ? extentOfGrid(format, exponentOf(format.step))
        : undefined;
    case 'posit': {
      // Most bits are about 1; every posit is a multiple of the smallest.
      const { bits, es, max, minPositive } = format;
      const low = exponentOf(minPositive);
      return { bits: Math.max(bits - 2 - es, 1), low, top: exponentOf(max), bottom: low, finite: false };
    }
    case 'logarithmic':
      return undefined;
  }
}

function extentOfGrid({ min, max }: Format, low: number): Extent {
  const top = exponentOf(Math.max(max, -min));
  return { bits: top - low + 1, low, top, bottom: low, finite: false };
}

/** The number of a bit pattern of 2^shift bytes. */
function numberOf(bits: bigint, shift: 2 | 3): number {
  const view = new DataView(new ArrayBuffer(8));
  if (shift === 2) view.setUint32(0, Number(bits));
  else view.setBigUint64(0, bits);
  return shift === 2 ? view.getFloat32(0) : view.getFloat64(0);
}

/** Of an operand, from the five words that the kernel `profile` writes. `shift` is log2 of an element's bytes. */
export function extentOfOperand(words: BigUint64Array, shift: 2 | 3, grain: () => number): OperandExtent {
  const lanes = shift === 2 ? binary32 : binary64;
  const mantissaBits = lanes.bits - 1;
  const [largest = 0n, least = 0n, fractions = 0n, specials = 0n, negativeZeros = 0n] = words;
  const finite = specials === 0n;
  const known = { finite, hasNegativeZero: negativeZeros !== 0n, largest: numberOf(largest, shift), grain };
  if (largest === 0n) return { bits: 0, low: 0, top: 0, bottom: 0, ...known };
  // Subnormals have field 0, the exponent of 1, and their last bits where its numbers have them.
  const field = (bits: bigint): number => Math.max(Number(bits >> BigInt(mantissaBits)), 1);
  const bias = lanes.top;
  let zeros = 0;
  while (zeros < mantissaBits && ((fractions >> BigInt(zeros)) & 1n) === 0n) zeros++;
  const bits = lanes.bits - zeros;
  const smallest = field(least) - bias;
  const isSubnormal = least >> BigInt(mantissaBits) === 0n;
  const low = smallest - (bits - 1);
  return { bits, low, top: field(largest) - bias, bottom: isSubnormal ? low : smallest, ...known };
}

/** Of the addend of sums: numbers of a format, and what a look at them tells. */
export function extentOfStart(operand: OperandExtent, format: Format): OperandExtent {
  const { finite, hasNegativeZero } = operand;
  if (operand.bits === 0) return { ...nothing, finite, hasNegativeZero };
  const members = extentOfFormat(format);
  if (members === undefined) return operand;
  const bits = Math.min(operand.bits, members.bits);
  return { ...operand, bits, low: Math.max(operand.low, members.low) };
}

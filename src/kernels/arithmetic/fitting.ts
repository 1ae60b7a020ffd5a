/**
 * When an intermediate of an operation may be rounded once more: what results and their errors can be, by the ranges and
 * precisions of a format and of the lanes. Conditions and sources: `operation-plan.ts`.
 */
import { exponentOf } from '../../binary64.ts';
import type { Format } from '../../formats/format.ts';
import { dropsHighBits, isStochastic, type ResolvedRounding } from '../../rounding/index.ts';
import type { RoundingPlan } from '../rounding-plan.ts';

export type OperationName = 'add' | 'sub' | 'mul' | 'div' | 'sqrt' | 'fma';

/** What a format's numbers are made of. */
interface Extent {
  /** Most significant bits of a number. */
  readonly precision: number;
  /** All numbers are multiples of 2^quantum and below 2^(top + 1). */
  readonly quantum: number;
  readonly top: number;
  /** Bits of the points at which a rounding changes its mind, but for the random integer's. */
  readonly decision: number;
}

/** A lane type: significant bits, exponent of its smallest number, largest exponent. */
interface Lanes {
  readonly precision: number;
  readonly quantum: number;
  readonly top: number;
}

export const binary32: Lanes = { precision: 24, quantum: -149, top: 127 };
export const binary64: Lanes = { precision: 53, quantum: -1074, top: 1023 };

/** Whether the format's products are exact in binary32, as long as they are not too small. */
export function isShort({ precision }: { readonly precision: number }): boolean {
  return 2 * precision <= binary32.precision;
}

export function extentOf(format: Format): Extent | undefined {
  switch (format.kind) {
    case 'float': {
      const { precision, emin, emax, mantissaBits } = format;
      const quantum = Math.max(format.exponentBits === Infinity ? -1074 : emin - mantissaBits, -1074);
      return { precision, quantum, top: emax, decision: precision + 2 };
    }
    case 'int':
    case 'fixed': {
      const quantum = format.kind === 'fixed' ? -format.fractionBits : 0;
      const top = exponentOf(Math.max(format.max, -format.min));
      const precision = top - quantum + 1;
      return { precision, quantum, top, decision: precision + 2 };
    }
    case 'posit': {
      const precision = Math.max(format.bits - 2 - format.es, 1);
      // At the ends neighbours are 2^(2^es) apart as a ratio, and their difference has as many bits.
      const decision = Math.max(precision, 2 ** format.es + 1) + 2;
      const quantum = exponentOf(format.minPositive);
      return { precision, quantum, top: exponentOf(format.max), decision };
    }
    case 'logarithmic':
    case 'codebook':
      return undefined;
  }
}

export interface OperationCase {
  readonly operation: OperationName;
  readonly format: Format;
  readonly options: ResolvedRounding;
  readonly extent: Extent;
}

/** All results are below 2^(this + 1). */
export function topOf({ operation, extent: { quantum, top } }: OperationCase): number {
  switch (operation) {
    case 'add':
    case 'sub':
      return top + 1;
    case 'mul':
      return 2 * top + 1;
    case 'fma':
      return Math.max(2 * top + 1, top) + 1;
    case 'div':
      return top - quantum;
    case 'sqrt':
      return Math.max(top, 0);
  }
}

function isProductExact({ precision, quantum, top }: Extent, lanes: Lanes): boolean {
  return 2 * precision <= lanes.precision && 2 * quantum >= lanes.quantum && 2 * top + 1 <= lanes.top;
}

/** Whether the lanes hold every result. */
export function isExact(given: OperationCase, lanes: Lanes): boolean {
  const { operation, extent } = given;
  const { quantum } = extent;
  const top = topOf(given);
  switch (operation) {
    case 'add':
    case 'sub':
      return top + 1 - quantum <= lanes.precision && top <= lanes.top && quantum >= lanes.quantum;
    case 'mul':
      return isProductExact(extent, lanes);
    case 'fma':
      return (
        isProductExact(extent, lanes) &&
        top + 1 - Math.min(2 * quantum, quantum) <= lanes.precision &&
        top <= lanes.top
      );
    case 'div':
    case 'sqrt':
      return false;
  }
}

/** Whether a result rounded to odd in the lanes has the bits that rounding looks at. */
export function hasBits(given: OperationCase, lanes: Lanes): boolean {
  const { format, options, extent } = given;
  const randomBits = options.rounding === 'stochastic' ? options.randomBits : 0;
  if (extent.decision + randomBits > lanes.precision) return false;
  // Wrapping looks at everything down to the step.
  return (
    !dropsHighBits(options) ||
    format.kind === 'float' ||
    topOf(given) - extent.quantum + 2 + randomBits <= lanes.precision
  );
}

/** Whether no result, no product and no error of one leaves the lanes' range. */
export function staysInRange(given: OperationCase, lanes: Lanes): boolean {
  const { operation, extent } = given;
  const { quantum, top } = extent;
  if (topOf(given) > lanes.top || quantum < lanes.quantum) return false;
  switch (operation) {
    case 'add':
    case 'sub':
      return true;
    case 'mul':
    case 'fma':
      return 2 * quantum >= lanes.quantum;
    case 'div':
      return 2 * quantum - top - lanes.precision - 1 >= lanes.quantum;
    case 'sqrt':
      return quantum - 2 * lanes.precision >= lanes.quantum;
  }
}

/** Whether a result rounded to nearest even in binary32 may be rounded again. */
export function isInnocuous(given: OperationCase, rounding: RoundingPlan): boolean {
  const { operation, format, options, extent } = given;
  const { precision, quantum } = extent;
  if (format.kind !== 'float' || options.rounding !== 'nearest-even') return false;
  if (rounding.path !== 'quick' && rounding.path !== 'pattern') return false;
  if (2 * precision + 2 > binary32.precision) return false;
  // A result that overflows in binary32 does so in the format, but is no infinite input.
  if (options.saturation === 'propagate' && topOf(given) > binary32.top) return false;
  switch (operation) {
    case 'add':
    case 'sub':
    case 'sqrt':
      return true;
    case 'mul':
      // Below half of the smallest number nothing matters; from there on products have no bits below binary32's.
      return quantum - 2 * precision >= binary32.quantum;
    case 'div':
      // Quotients are farther from middles than binary32's numbers are from each other.
      return quantum - 2 - precision >= binary32.quantum;
    case 'fma':
      return false;
  }
}

/** Whether binary32 lanes with a guard for results beyond binary32's range serve. */
export function fitsGuarded(given: OperationCase): boolean {
  const { operation, options, extent } = given;
  const { precision, quantum, top } = extent;
  const isShort = 2 * precision <= binary32.precision;
  // What is below the smallest number by two bits or more is told from it and from 0.
  const seesTail = quantum - 2 >= binary32.quantum;
  // The guard stops at binary32's largest number, from where a random integer may still lead back into the range.
  if (isStochastic(options.rounding)) return false;
  if (!hasBits(given, binary32) || quantum < binary32.quantum || top > binary32.top) return false;
  switch (operation) {
    case 'add':
    case 'sub':
      return true;
    case 'mul':
    case 'fma':
    case 'div':
      return isShort && seesTail;
    case 'sqrt':
      return true;
  }
}

/**
 * Scales that are powers of two: which exponent a block gets. Everything is read from the exact bits, so values next to
 * powers of two fall on the right side; a logarithm in binary32 does not see them (microxcaling's fault).
 *
 * Sources: OCP Microscaling Formats v1.0, section 6.3 (floor); the scale modes of TransformerEngine and torchao (ceil,
 * even, rceil).
 */
import { exponentOf, scaleByPowerOfTwo } from '../binary64.ts';
import type { Format } from '../formats/format.ts';

export const directions = ['floor', 'ceil', 'even', 'rceil'] as const;
export type Direction = (typeof directions)[number];

/** x 2^-exponentOf(x), in [1, 2). */
function significandOf(x: number): number {
  return scaleByPowerOfTwo(x, -exponentOf(x));
}

/**
 * Bits of an element's significand below its leading one, at the largest element; undefined where that is no fixed number.
 */
export function trailingBits(element: Format): number | undefined {
  switch (element.kind) {
    case 'float':
      return element.exponentBits === 0 ? element.mantissaBits - 1 : element.mantissaBits;
    case 'int':
      return exponentOf(element.max);
    case 'fixed':
      return exponentOf(element.max) + element.fractionBits;
    default:
      return undefined;
  }
}

/**
 * The exponent for a block whose largest magnitude is `amax` > 0, finite, where `target` is the largest element.
 *
 * floor: floor(log2 amax) - emax, emax being floor(log2 target); ceil: ceil(log2 amax) - emax; even: as floor, of amax
 * plus half an ulp of a significand with `trailing` bits; rceil: ceil(log2(amax / target)), no element clips.
 */
export function blockExponent(
  amax: number,
  target: number,
  direction: Direction,
  trailing: number | undefined,
): number {
  const exponent = exponentOf(amax);
  const significand = significandOf(amax);
  switch (direction) {
    case 'floor':
      return exponent - exponentOf(target);
    case 'ceil':
      return exponent + (significand > 1 ? 1 : 0) - exponentOf(target);
    case 'even':
      return exponent + (significand >= 2 - 2 ** (-trailing! - 1) ? 1 : 0) - exponentOf(target);
    case 'rceil':
      return quotientExponent(amax, target, 'ceil');
  }
}

/**
 * The exponent for the quotient of two positive numbers: floor, the next power of two below or at it; ceil and rceil, the
 * next above or at it; even, the nearer one in value (the upper one half-way).
 */
export function quotientExponent(numerator: number, denominator: number, direction: Direction): number {
  const below = significandOf(numerator) < significandOf(denominator);
  const floor = exponentOf(numerator) - exponentOf(denominator) - (below ? 1 : 0);
  // numerator / (denominator 2^floor) = reduced / divisor, in [1, 2).
  const reduced = significandOf(numerator) * (below ? 2 : 1);
  const divisor = significandOf(denominator);
  switch (direction) {
    case 'floor':
      return floor;
    case 'ceil':
    case 'rceil':
      return floor + (reduced > divisor ? 1 : 0);
    case 'even':
      return floor + (reduced >= 1.5 * divisor ? 1 : 0);
  }
}

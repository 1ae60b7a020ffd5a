/**
 * Terms of a sum that have not been rounded: a binary64 number where one carries the exact value (signed zeros, infinities and
 * NaN included), a `Real` otherwise. Zeros and specials behave as IEEE 754-2019 sections 6.1 to 6.3 say.
 */
import type { Format } from '../../formats/format.ts';
import type { ResolvedRounding } from '../../rounding/options.ts';
import { roundScalar } from '../../rounding/round.ts';
import { addReals, exactProduct } from '../exact.ts';
import { isZero, type Real, roundReal, toReal } from '../real.ts';

export type Term = number | Real;

/** What decides the sign of a sum that is exactly zero. */
export type ZeroRule = Pick<ResolvedRounding, 'rounding'>;

/** a b, exactly. */
export function product(a: number, b: number): Term {
  const rounded = a * b;
  if (a === 0 || b === 0 || !Number.isFinite(a) || !Number.isFinite(b)) return rounded;
  // Products of binary32 numbers have at most 48 bits and lie between 2^-298 and 2^256.
  if (Math.fround(a) === a && Math.fround(b) === b) return rounded;
  return exactProduct(a, b);
}

/** The zero that terms which are not all zeros of one sign add up to. */
export function cancelled({ rounding }: ZeroRule): number {
  return rounding === 'toward-negative' ? -0 : 0;
}

/** x + y, exactly, of terms that are not both numbers. */
export function sumOf(x: Term, y: Term, rule: ZeroRule): Term {
  if (typeof x === 'number') return sumOf(y, x, rule);
  if (typeof y !== 'number') return orZero(addReals(x, y), rule);
  if (!Number.isFinite(y)) return y;
  return y === 0 ? x : orZero(addReals(x, toReal(y)), rule);
}

function orZero(sum: Real, rule: ZeroRule): Term {
  return isZero(sum) ? cancelled(rule) : sum;
}

/** Rounds a term to a format, once. */
export function roundTerm(x: Term, format: Format, options: ResolvedRounding, random: number): number {
  return typeof x === 'number'
    ? roundScalar(x, format, options, random)
    : roundReal(x, format, options, random);
}

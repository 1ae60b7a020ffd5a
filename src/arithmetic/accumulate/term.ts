/**
 * Terms of a sum on their way to one rounding: a binary64 number where one carries the exact value (signed zeros,
 * infinities and NaN included), a `Real` otherwise. Zeros and specials behave as IEEE 754-2019 sections 6.1 to 6.3 say.
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

/** x + y for non-zero finite terms. */
function finiteSum(x: Term, y: Term, rule: ZeroRule): Term {
  if (typeof x === 'number' && typeof y === 'number') {
    const sum = x + y;
    // Knuth's two-sum: what the addition lost, itself exact; NaN next to overflow.
    const added = sum - x;
    if (x - (sum - added) + (y - added) === 0) return sum === 0 ? cancelled(rule) : sum;
  }
  const sum = addReals(typeof x === 'number' ? toReal(x) : x, typeof y === 'number' ? toReal(y) : y);
  return isZero(sum) ? cancelled(rule) : sum;
}

function isSpecial(x: Term): boolean {
  return typeof x === 'number' && !Number.isFinite(x);
}

/** x + y, exactly. */
export function sumOf(x: Term, y: Term, rule: ZeroRule): Term {
  if (isSpecial(x)) return isSpecial(y) ? Number(x) + Number(y) : x;
  if (isSpecial(y)) return y;
  if (x === 0) return y === 0 ? (Object.is(x, y) ? x : cancelled(rule)) : y;
  return y === 0 ? x : finiteSum(x, y, rule);
}

/** Rounds a term to a format, once. */
export function roundTerm(x: Term, format: Format, options: ResolvedRounding, random: number): number {
  return typeof x === 'number'
    ? roundScalar(x, format, options, random)
    : roundReal(x, format, options, random);
}

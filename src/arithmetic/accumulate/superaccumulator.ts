/**
 * A sum without any rounding: an integer in units of the lowest power of two met so far. What a quire is in hardware, and
 * what `accumulate: 'exact'` uses. Infinities and NaN add up as in IEEE 754.
 */
import { isZero, type Real, toReal } from '../real.ts';
import { cancelled, type Term, type ZeroRule } from './term.ts';

interface Superaccumulator {
  add(term: Term): void;
  negate(): void;
  /** Empties it: +0. */
  clear(): void;
  /** The sum. Zeros of one sign keep it; any other zero is as the rule says. */
  value(rule: ZeroRule): Term;
}

/** A new, empty sum. */
export function superaccumulator(): Superaccumulator {
  let integer = 0n;
  let exponent = 0;
  let specials = 0; // the sum of the infinities and NaNs
  let zero: number | 'cancelled' | undefined; // what the sum is while the integer is 0

  function addReal(real: Real): void {
    zero = 'cancelled';
    if (isZero(real)) return;
    if (real.exponent < exponent) {
      integer <<= BigInt(exponent - real.exponent);
      exponent = real.exponent;
    }
    const added = real.significand << BigInt(real.exponent - exponent);
    integer += real.negative ? -added : added;
  }

  function add(term: Term): void {
    if (typeof term !== 'number') addReal(term);
    else if (!Number.isFinite(term)) specials += term;
    else if (term !== 0) addReal(toReal(term));
    else zero = zero === undefined || Object.is(zero, term) ? term : 'cancelled';
  }

  return {
    add,
    negate(): void {
      integer = -integer;
      specials = -specials;
      if (typeof zero === 'number') zero = -zero;
    },
    clear(): void {
      integer = 0n;
      exponent = 0;
      specials = 0;
      zero = undefined;
    },
    value(rule): Term {
      if (specials !== 0) return specials;
      if (integer === 0n) return zero === 'cancelled' ? cancelled(rule) : (zero ?? 0);
      const negative = integer < 0n;
      return { negative, significand: negative ? -integer : integer, exponent, sticky: false };
    },
  };
}

/**
 * Exact results of the operations on finite numbers, as Reals: sums and products as they are, quotients and roots down to
 * where the format's rounding cannot tell the rest, which the sticky bit keeps.
 */
import type { Format } from '../formats/format.ts';
import { integerSquareRoot } from '../formats/integers.ts';
import { exponentOfReal, finestExponent, type Real, toReal } from './real.ts';

/** a + b. */
export function addReals(a: Real, b: Real): Real {
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.significand << BigInt(a.exponent - exponent);
  const right = b.significand << BigInt(b.exponent - exponent);
  const sum = (a.negative ? -left : left) + (b.negative ? -right : right);
  return { negative: sum < 0n, significand: sum < 0n ? -sum : sum, exponent, sticky: false };
}

export function exactSum(a: number, b: number): Real {
  return addReals(toReal(a), toReal(b));
}

/** a b. */
export function multiplyReals(a: Real, b: Real): Real {
  return {
    negative: a.negative !== b.negative,
    significand: a.significand * b.significand,
    exponent: a.exponent + b.exponent,
    sticky: false,
  };
}

export function exactProduct(a: number, b: number): Real {
  return multiplyReals(toReal(a), toReal(b));
}

export function exactMultiplyAdd(a: number, b: number, c: number): Real {
  return addReals(exactProduct(a, b), toReal(c));
}

/** a / b for Reals without sticky bits that are not 0. */
export function divideReals(a: Real, b: Real, format: Format): Real {
  const finest = finestExponent(format, exponentOfReal(a) - exponentOfReal(b) - 1);
  const shift = Math.max(a.exponent - b.exponent - finest, 0);
  const numerator = a.significand << BigInt(shift);
  const significand = numerator / b.significand;
  return {
    negative: a.negative !== b.negative,
    significand,
    exponent: a.exponent - b.exponent - shift,
    sticky: significand * b.significand !== numerator,
  };
}

/** a / b for numbers that are not 0. */
export function exactQuotient(a: number, b: number, format: Format): Real {
  return divideReals(toReal(a), toReal(b), format);
}

/** The square root of a positive Real without a sticky bit. */
export function rootOfReal(x: Real, format: Format): Real {
  const { significand, exponent } = x;
  const finest = finestExponent(format, Math.floor(exponentOfReal(x) / 2));
  const least = Math.max(exponent - 2 * finest, 0);
  const shift = (exponent - least) % 2 === 0 ? least : least + 1;
  const square = significand << BigInt(shift);
  const root = integerSquareRoot(square);
  return {
    negative: false,
    significand: root,
    exponent: (exponent - shift) / 2,
    sticky: root * root !== square,
  };
}

/** The square root of a positive number. */
export function exactRoot(a: number, format: Format): Real {
  return rootOfReal(toReal(a), format);
}

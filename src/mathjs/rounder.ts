/**
 * How numbers enter and leave the functions of this folder: operands become numbers of the format, exact results are rounded once.
 */
import type { Arithmetic } from '../arithmetic/arithmetic.ts';
import { addReals, divideReals, exactProduct, rootOfReal } from '../arithmetic/exact.ts';
import { compareReal, isZero, type Real, roundReal } from '../arithmetic/real.ts';
import { nextDown } from '../formats/neighbours.ts';
import { isStochastic, operandRounding } from '../rounding/options.ts';
import { randomInteger } from '../rounding/philox.ts';
import { roundScalar } from '../rounding/round.ts';

export interface Rounder {
  /** A number as the functions take it: a number of the format, or NaN. No random integer is drawn for it. */
  operand(x: number): number;
  /** An exact value, rounded; one draw, as for any operation. */
  real(x: Real): number;
  /** A sum of exact values: its rounding, or, where they cancel, the zero that x - x gives. */
  sum(x: Real): number;
  integer(n: bigint): number;
  /** n / d, d above 0. */
  fraction(n: bigint, d: bigint): number;
  /** The root of the sum of squares. */
  norm(...x: number[]): number;
  /** The greatest number of the format that is not above an exact value within its range. No draw. */
  below(x: Real): number;
}

export function realOfInteger(n: bigint): Real {
  return { negative: n < 0n, significand: n < 0n ? -n : n, exponent: 0, sticky: false };
}

export function rounderOf(arithmetic: Arithmetic): Rounder {
  const { format, options } = arithmetic;
  const undrawn = operandRounding(options);

  function real(x: Real): number {
    if (!isStochastic(options.rounding)) return roundReal(x, format, options, 0);
    const { offset, supplied } = arithmetic.state;
    if (options.random === undefined) {
      arithmetic.restore({ offset: offset + 1, supplied });
      return roundReal(x, format, options, randomInteger({ ...options, offset }));
    }
    const random = options.random[supplied];
    // The arithmetic says that there are too few.
    if (random === undefined) return arithmetic.convert(0);
    arithmetic.restore({ offset, supplied: supplied + 1 });
    return roundReal(x, format, options, random);
  }

  function fraction(n: bigint, d: bigint): number {
    if (n === 0n) return arithmetic.convert(0);
    return real(divideReals(realOfInteger(n), realOfInteger(d), format));
  }

  return {
    operand: (x) => (format.has(x) || Number.isNaN(x) ? x : roundScalar(x, format, undrawn, 0)),
    real,
    sum: (x) => {
      if (!isZero(x)) return real(x);
      return arithmetic.convert(options.rounding === 'toward-negative' ? -0 : 0);
    },
    integer: (n) => real(realOfInteger(n)),
    fraction,
    norm: (...x) => {
      if (x.some((value) => Math.abs(value) === Infinity)) return arithmetic.convert(Infinity);
      if (x.some(Number.isNaN)) return arithmetic.convert(Number.NaN);
      const squares = x.filter((value) => value !== 0).map((value) => exactProduct(value, value));
      if (squares.length === 0) return arithmetic.convert(0);
      return real(rootOfReal(squares.reduce(addReals), format));
    },
    below: (x) => {
      const near = roundReal(x, format, { ...undrawn, rounding: 'nearest-even' }, 0);
      return compareReal(x, near) < 0 ? nextDown(near, format) : near;
    },
  };
}

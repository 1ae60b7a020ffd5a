/**
 * Add, subtract, multiply, divide, square root and fused multiply-add of numbers: the readable reference. Each result is as if
 * computed exactly and rounded once, IEEE 754-2019 section 5.4.1. A binary64 intermediate rounded to odd serves where the
 * format and the mode see no more of it than 51 bits, else an exact Real.
 *
 * What operations on NaN, infinities and zeros give: IEEE 754-2019 sections 6 and 7; IEEE P3109 report v4.0 (x/0 is NaN);
 * Standard for Posit Arithmetic (2022) section 5 (NaR).
 */
import type { Format } from '../formats/format.ts';
import { dropsHighBits, isStochastic, type ResolvedRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import { exactMultiplyAdd, exactProduct, exactQuotient, exactRoot, exactSum } from './exact.ts';
import {
  isEven,
  nearestMultiplyAdd,
  oddMultiplyAdd,
  oddProduct,
  oddQuotient,
  oddRoot,
  oddSum,
} from './intermediate.ts';
import { isZero, type Real, roundReal } from './real.ts';

export const operationNames = ['add', 'sub', 'mul', 'div', 'sqrt', 'fma'] as const;
export type OperationName = (typeof operationNames)[number];

/** What an operation needs to know of its format and mode. */
export interface OperationPlan {
  readonly format: Format;
  readonly options: ResolvedRounding;
  /** An intermediate rounded to odd is good up to this magnitude; beyond it only if it is exact. */
  readonly oddLimit: number;
  /** Whether rounding is what binary64 arithmetic does by itself. */
  readonly isNative: boolean;
  readonly divisionByZeroIsNaN: boolean;
  /** Whether an operand of -0 is one: else it is 0. */
  readonly hasNegativeZeroOperands: boolean;
}

/** One operation on numbers. Operands that it does not have are 0. */
export interface Operation {
  readonly arity: 1 | 2 | 3;
  /** The result where it is no matter of rounding: NaN, an infinity, a zero that is not a difference; else undefined. */
  special(a: number, b: number, c: number, plan: OperationPlan): number | undefined;
  /** The result rounded to odd in binary64, or NaN. For operands that are not special. */
  odd(a: number, b: number, c: number): number;
  /** The binary64 operation, or NaN where there is none at hand. */
  native(a: number, b: number, c: number): number;
  exact(a: number, b: number, c: number, format: Format): Real;
}

function isFinitePair(a: number, b: number): boolean {
  // Infinities and NaN make the sum of differences NaN.
  return a - a + (b - b) === 0;
}

/** The zero that x - x gives. */
function cancelled({ rounding }: ResolvedRounding): number {
  return rounding === 'toward-negative' ? -0 : 0;
}

function specialSum(a: number, b: number, plan: OperationPlan): number | undefined {
  if (!isFinitePair(a, b)) return a + b;
  if (a !== 0 || b !== 0) return undefined;
  return Object.is(a, b) ? a : cancelled(plan.options);
}

const operations: { readonly [name in OperationName]: Operation } = {
  add: {
    arity: 2,
    special: (a, b, _, plan) => specialSum(a, b, plan),
    odd: oddSum,
    native: (a, b) => a + b,
    exact: exactSum,
  },
  sub: {
    arity: 2,
    special: (a, b, _, plan) => specialSum(a, -b, plan),
    odd: (a, b) => oddSum(a, -b),
    native: (a, b) => a - b,
    exact: (a, b) => exactSum(a, -b),
  },
  mul: {
    arity: 2,
    special: (a, b) => (a === 0 || b === 0 || !isFinitePair(a, b) ? a * b : undefined),
    odd: oddProduct,
    native: (a, b) => a * b,
    exact: exactProduct,
  },
  div: {
    arity: 2,
    special: (a, b, _, plan) => {
      if (b === 0 && plan.divisionByZeroIsNaN) return NaN;
      if (a !== 0 && b !== 0 && isFinitePair(a, b)) return undefined;
      // A -0 of a format that has none is 0.
      return plan.hasNegativeZeroOperands ? a / b : a / (b + 0);
    },
    odd: oddQuotient,
    native: (a, b) => a / b,
    exact: (a, b, _, format) => exactQuotient(a, b, format),
  },
  sqrt: {
    arity: 1,
    special: (a) => (a > 0 && a < Infinity ? undefined : Math.sqrt(a)),
    odd: oddRoot,
    native: Math.sqrt,
    exact: (a, _, __, format) => exactRoot(a, format),
  },
  fma: {
    arity: 3,
    special: (a, b, c, plan) => {
      // a b may overflow in binary64 for finite a and b: it is looked at only where it is exact.
      if (!isFinitePair(a, b)) return a * b + c;
      if (a === 0 || b === 0)
        return c === 0 ? specialSum(a * b, c, plan) : isFinitePair(c, 0) ? undefined : c;
      return isFinitePair(c, 0) ? undefined : c;
    },
    odd: (a, b, c) => (a === 0 || b === 0 ? c : oddMultiplyAdd(a, b, c)),
    native: (a, b, c) => (a === 0 || b === 0 ? c : nearestMultiplyAdd(a, b, c)),
    exact: exactMultiplyAdd,
  },
};

export function operationOf(name: OperationName): Operation {
  return operations[name];
}

/** Precision and step of the points at which a rounding to the format changes its mind, from which `oddLimit` follows. */
function oddLimitOf(format: Format, options: ResolvedRounding): number {
  // Half a unit decides in the deterministic modes, 2^-(N + 1) of one in the stochastic.
  const beyond = options.rounding === 'stochastic' ? options.randomBits + 1 : 1;
  switch (format.kind) {
    case 'float':
      return format.precision + beyond <= 52 ? Infinity : 0;
    case 'posit': {
      // At the ends neighbours are 2^(2^es) apart as a ratio, and their difference has as many bits.
      const longest = Math.max(format.bits - 2 - format.es, 1);
      const bits = isStochastic(options.rounding) ? Math.max(longest, 2 ** format.es + 1) : longest;
      return bits + beyond <= 52 ? Infinity : 0;
    }
    case 'int':
    case 'fixed': {
      const limit = 2 ** (52 - beyond) * (format.kind === 'fixed' ? format.step : 1);
      const clamps = !dropsHighBits(options) && Math.max(format.max, -format.min) < limit;
      return clamps ? Infinity : limit;
    }
    case 'logarithmic':
    case 'codebook':
      return 0;
  }
}

/** The plan of every operation in a format. */
export function planOperations(format: Format, options: ResolvedRounding): OperationPlan {
  return {
    format,
    options,
    oddLimit: oddLimitOf(format, options),
    isNative:
      format.name === 'binary64' && options.rounding === 'nearest-even' && options.subnormals === 'keep',
    hasNegativeZeroOperands: format.hasNegativeZero,
    divisionByZeroIsNaN: format.kind === 'posit' || (format.kind === 'float' && format.specials === 'p3109'),
  };
}

/**
 * The operation on values of the format, rounded once. Operands that it does not have are 0.
 *
 * @param random The random integer in [0, 2^randomBits); read by the stochastic modes only.
 */
export function operate(
  operation: Operation,
  a: number,
  b: number,
  c: number,
  plan: OperationPlan,
  random: number,
): number {
  const { format, options } = plan;
  const special = operation.special(a, b, c, plan);
  if (special !== undefined) return roundScalar(special, format, options, random);
  if (plan.isNative) {
    const result = operation.native(a, b, c);
    if (Math.abs(result) < Infinity) return result;
  }
  const odd = operation.odd(a, b, c);
  if (odd === 0) return roundScalar(cancelled(options), format, options, random);
  if (Math.abs(odd) <= plan.oddLimit || (isEven(odd) && !Number.isNaN(odd)))
    return roundScalar(odd, format, options, random);
  const exact = operation.exact(a, b, c, format);
  if (isZero(exact)) return roundScalar(cancelled(options), format, options, random);
  return roundReal(exact, format, options, random);
}

/**
 * What the functions of mathjs do with numbers, in a format: each result as if computed exactly and rounded once. Operands that
 * are not numbers of the format (constants of an expression, elements of a user's matrix) are rounded first.
 *
 * Correct rounding has two exceptions, which mathjs can only compute in binary64: `gamma`, `lgamma` and `zeta` round that.
 */
import type { BigNumber, MathJsInstance } from 'mathjs';
import type { Arithmetic } from '../arithmetic/arithmetic.ts';
import { addReals, exactProduct, rootOfReal } from '../arithmetic/exact.ts';
import { type Real, roundReal, toReal } from '../arithmetic/real.ts';
import { isStochastic, type ResolvedRounding } from '../rounding/options.ts';
import { randomInteger } from '../rounding/philox.ts';
import { roundScalar } from '../rounding/round.ts';
import { decimalValue } from './decimal.ts';
import type { Signatures } from './factories.ts';

type Unary = (x: number) => number;
type Binary = (x: number, y: number) => number;

/** Functions of one number that only decimal arithmetic gives exactly enough. */
const decimalUnary = [
  'acos',
  'acosh',
  'acot',
  'acoth',
  'acsc',
  'acsch',
  'asec',
  'asech',
  'asin',
  'asinh',
  'atanh',
  'cbrt',
  'cot',
  'coth',
  'csc',
  'csch',
  'expm1',
  'log10',
  'log1p',
  'sec',
  'sech',
] as const;
const decimalBinary = ['atan2', 'log', 'nthRoot'] as const;
const binary64Unary = ['gamma', 'lgamma', 'zeta'] as const;
const integral = { floor: Math.floor, ceil: Math.ceil, fix: Math.trunc } as const;

type Functions<F> = Record<string, F>;

/** A number as the functions take it: a number of the format. No random integer is drawn for it. */
export function operandOf({ format, options }: Arithmetic): Unary {
  const rounding: ResolvedRounding = isStochastic(options.rounding)
    ? { ...options, rounding: 'nearest-even' }
    : options;
  return (x) => (format.has(x) || Number.isNaN(x) ? x : roundScalar(x, format, rounding, 0));
}

/** Rounds an exact value; one draw, as for any operation. */
function realRounder(arithmetic: Arithmetic): (x: Real) => number {
  const { format, options } = arithmetic;
  return (x) => {
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
  };
}

/** x modulo y with the sign of y, before rounding if it is one remainder, else after adding y once. */
function modulo({ add, convert }: Arithmetic): Binary {
  return (x, y) => {
    // mathjs: x mod 0 is x.
    if (y === 0) return convert(x);
    const rest = x % y;
    return rest !== 0 && rest < 0 !== y < 0 ? add(convert(rest), y) : convert(rest);
  };
}

function cubed(x: number): Real {
  const { negative, significand, exponent } = toReal(x);
  return { negative, significand: significand ** 3n, exponent: 3 * exponent, sticky: false };
}

function euclideanNorm(arithmetic: Arithmetic, round: (x: Real) => number): (...x: number[]) => number {
  return (...x) => {
    if (x.some((value) => Math.abs(value) === Infinity)) return arithmetic.convert(Infinity);
    if (x.some(Number.isNaN)) return arithmetic.convert(Number.NaN);
    const squares = x.filter((value) => value !== 0).map((value) => exactProduct(value, value));
    if (squares.length === 0) return arithmetic.convert(0);
    return round(rootOfReal(squares.reduce(addReals), arithmetic.format));
  };
}

/** Signatures of numbers, by the names of the functions. `base` is mathjs in binary64. */
export function numberSignatures(arithmetic: Arithmetic, base: MathJsInstance): Record<string, Signatures> {
  const a = arithmetic;
  const operand = operandOf(a);
  const round = realRounder(a);
  const binary64 = base as unknown as Functions<(...x: number[]) => number>;

  /** The decimal value where binary64 says that there is one; else what binary64 says: NaN, infinity or a zero. */
  function byDecimals(name: string): (...x: number[]) => number {
    const apply = (math: MathJsInstance, ...x: BigNumber[]): BigNumber =>
      (math as unknown as Functions<(...x: BigNumber[]) => BigNumber>)[name]!(...x);
    return (...x) => {
      const near = binary64[name]!(...x);
      const isOrdinary = Number.isFinite(near) && x.every(Number.isFinite);
      const value = isOrdinary ? decimalValue(apply, ...x) : undefined;
      return value === undefined ? a.convert(near) : round(value);
    };
  }

  /** A function that gives numbers which need not be in the format. */
  const rounded =
    (name: string) =>
    (...x: number[]): number =>
      a.convert(binary64[name]!(...x));

  const unary: Functions<Unary> = {
    abs: a.abs,
    atan: a.atan,
    cos: a.cos,
    cosh: a.cosh,
    cube: (x) => (x === 0 || !Number.isFinite(x) ? a.convert(x) : round(cubed(x))),
    erf: a.erf,
    exp: a.exp,
    log: a.log,
    log2: a.log2,
    sign: rounded('sign'),
    sin: a.sin,
    sinh: a.sinh,
    sqrt: a.sqrt,
    square: (x) => a.mul(x, x),
    tan: a.tan,
    tanh: a.tanh,
    unaryMinus: a.neg,
    unaryPlus: a.convert,
    nthRoot: a.sqrt,
    round: rounded('round'),
    ...Object.fromEntries(decimalUnary.map((name) => [name, byDecimals(name)])),
    ...Object.fromEntries(binary64Unary.map((name) => [name, rounded(name)])),
    ...Object.fromEntries(
      Object.entries(integral).map(([name, f]) => [name, (x: number) => a.convert(f(x))]),
    ),
  };
  const binary: Functions<Binary> = {
    addScalar: a.add,
    subtractScalar: a.sub,
    multiplyScalar: a.mul,
    divideScalar: a.div,
    pow: a.pow,
    mod: modulo(a),
    gcd: rounded('gcd'),
    lcm: rounded('lcm'),
    ...Object.fromEntries(decimalBinary.map((name) => [name, byDecimals(name)])),
  };
  /** Comparisons are exact: those of mathjs take near numbers for equal, and small ones for 0. */
  const relations: Functions<(x: number, y: number) => boolean | number> = {
    equalScalar: (x, y) => x === y,
    larger: (x, y) => x > y,
    largerEq: (x, y) => x >= y,
    smaller: (x, y) => x < y,
    smallerEq: (x, y) => x <= y,
    compare: (x, y) => (x === y ? 0 : x > y ? 1 : -1),
  };
  const tests: Functions<(x: number) => boolean> = {
    isPositive: (x) => x > 0,
    isNegative: (x) => x < 0,
    isZero: (x) => x === 0,
  };

  const all: Record<string, Signatures> = {};
  const put = (name: string, types: string, f: Signatures[string]): void => {
    all[name] = { ...all[name], [types]: f };
  };
  for (const [name, f] of [...Object.entries(unary), ...Object.entries(tests)])
    put(name, 'number', (x: number) => f(operand(x)));
  for (const [name, f] of [...Object.entries(binary), ...Object.entries(relations)])
    put(name, 'number,number', (x: number, y: number) => f(operand(x), operand(y)));
  // Numbers of decimals are counts, not numbers of the format.
  for (const name of ['round', ...Object.keys(integral)])
    put(name, 'number,number', (x: number, decimals: number) => rounded(name)(operand(x), decimals));
  const norm = euclideanNorm(a, round);
  put('hypot', '...number', (x: number[]) => norm(...x.map(operand)));
  return all;
}

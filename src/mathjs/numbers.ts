/**
 * What the functions of mathjs do with numbers, in a format: each result as if computed exactly and rounded once. Operands that
 * are not numbers of the format (constants of an expression, elements of a user's matrix) are rounded first.
 *
 * Correct rounding has two exceptions, which mathjs can only compute in binary64: `gamma`, `lgamma` and `zeta` round that.
 */
import type { BigNumber, MathJsInstance } from 'mathjs';
import type { Arithmetic } from '../arithmetic/arithmetic.ts';
import { addReals, multiplyReals } from '../arithmetic/exact.ts';
import { toReal } from '../arithmetic/real.ts';
import { decimalValue } from './decimal.ts';
import type { Signatures } from './factories.ts';
import { extendedGcd } from './integers.ts';
import type { Rounder } from './rounder.ts';

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
/** Which way a fraction goes, of an integer towards 0: floor, ceil, fix (never away) and round (halves away from 0). */
const integral = ['floor', 'ceil', 'fix', 'round'] as const;
const bitwise = ['bitAnd', 'bitOr', 'bitXor', 'leftShift', 'rightArithShift', 'rightLogShift'] as const;

type Functions<F> = Record<string, F>;

/** x modulo y with the sign of y. */
function modulo({ convert, add }: Arithmetic, rounder: Rounder): Binary {
  return (x, y) => {
    // mathjs: x mod 0 is x.
    if (y === 0) return convert(x);
    const rest = x % y;
    if (rest === 0 || rest < 0 === y < 0 || !Number.isFinite(rest)) return convert(rest);
    return Number.isFinite(y) ? rounder.sum(addReals(toReal(rest), toReal(y))) : add(rest, y);
  };
}

/** A number times 10^decimals as an integer, over that power: [integer, power]. */
function inDecimals(name: (typeof integral)[number], x: number, decimals: number): [bigint, bigint] {
  const { negative, significand, exponent } = toReal(x);
  const power = 10n ** BigInt(decimals);
  const numerator = (significand << BigInt(Math.max(exponent, 0))) * power;
  const denominator = 1n << BigInt(Math.max(-exponent, 0));
  const whole = numerator / denominator;
  const rest = numerator % denominator;
  const outwards = name === (negative ? 'floor' : 'ceil') ? rest > 0n : false;
  const units = outwards || (name === 'round' && 2n * rest >= denominator) ? whole + 1n : whole;
  return [negative ? -units : units, power];
}

/** Functions of two integers that need not fit 53 bits; NaN where there is no inverse. */
const ofIntegers = {
  lcm: (x: bigint, y: bigint): bigint | number => {
    const product = x * y;
    const [divisor] = extendedGcd(x, y);
    return product === 0n ? 0n : (product < 0n ? -product : product) / divisor;
  },
  invmod: (x: bigint, y: bigint): bigint | number => {
    const [divisor, inverse] = extendedGcd(((x % y) + y) % y, y);
    return divisor === 1n ? ((inverse % y) + y) % y : Number.NaN;
  },
} as const;

/** Comparisons are exact: those of mathjs take near numbers for equal, and small ones for 0. */
const relations: Functions<(x: number, y: number) => boolean | number> = {
  equalScalar: (x, y) => x === y,
  larger: (x, y) => x > y,
  largerEq: (x, y) => x >= y,
  smaller: (x, y) => x < y,
  smallerEq: (x, y) => x <= y,
  compare: (x, y) => (x === y ? 0 : x > y ? 1 : -1),
  and: (x, y) => Boolean(x) && Boolean(y),
  or: (x, y) => Boolean(x) || Boolean(y),
  xor: (x, y) => Boolean(x) !== Boolean(y),
};

const tests: Functions<(x: number) => boolean> = {
  isPositive: (x) => x > 0,
  isNegative: (x) => x < 0,
  isZero: (x) => x === 0,
  isNaN: Number.isNaN,
  isFinite: Number.isFinite,
  isBounded: Number.isFinite,
  isInteger: Number.isInteger,
  not: (x) => !x,
};

/** Functions of which binary64 says where they are defined, and more than it says what their values are. */
function exactly(a: Arithmetic, rounder: Rounder, base: MathJsInstance) {
  const binary64 = base as unknown as Functions<(...x: number[]) => number>;

  /** The decimal value where binary64 says that there is one; else what binary64 says: NaN, infinity or a zero. */
  function byDecimals(name: string): (...x: number[]) => number {
    const apply = (math: MathJsInstance, ...x: BigNumber[]): BigNumber =>
      (math as unknown as Functions<(...x: BigNumber[]) => BigNumber>)[name]!(...x);
    return (...x) => {
      const near = binary64[name]!(...x);
      const isOrdinary = Number.isFinite(near) && x.every(Number.isFinite);
      const value = isOrdinary ? decimalValue(apply, ...x) : undefined;
      return value === undefined ? a.convert(near) : rounder.real(value);
    };
  }

  /** A function that gives numbers which need not be in the format. */
  const rounded =
    (name: string) =>
    (...x: number[]): number =>
      a.convert(binary64[name]!(...x));

  /** floor, ceil, fix and round, exactly; binary64 knows what is wrong with arguments, infinities and NaN. */
  function toDecimals(name: (typeof integral)[number], x: number, decimals: number): number {
    const near = binary64[name]!(x, decimals);
    if (!Number.isFinite(x) || x === 0) return a.convert(near);
    const [units, power] = inDecimals(name, x, decimals);
    return units === 0n ? a.convert(x < 0 ? -0 : 0) : rounder.fraction(units, power);
  }

  function integers(name: keyof typeof ofIntegers): Binary {
    return (x, y) => {
      const near = binary64[name]!(x, y);
      if (!Number.isInteger(x) || !Number.isInteger(y)) return a.convert(near);
      const value = ofIntegers[name](BigInt(x), BigInt(y));
      return typeof value === 'bigint' ? rounder.integer(value) : a.convert(value);
    };
  }

  return { byDecimals, rounded, toDecimals, integers };
}

type Exactly = ReturnType<typeof exactly>;

function unaryFunctions(
  a: Arithmetic,
  { real: round }: Rounder,
  { byDecimals, rounded, toDecimals }: Exactly,
): Functions<Unary> {
  const atan2 = byDecimals('atan2');
  return {
    abs: a.abs,
    atan: a.atan,
    cos: a.cos,
    cosh: a.cosh,
    arg: (x) => atan2(0, x),
    cube: (x) => {
      const exact = x === 0 || !Number.isFinite(x) ? undefined : toReal(x);
      return exact === undefined ? a.convert(x) : round(multiplyReals(exact, multiplyReals(exact, exact)));
    },
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
    norm: a.abs,
    bitNot: rounded('bitNot'),
    ...Object.fromEntries(decimalUnary.map((name) => [name, byDecimals(name)])),
    ...Object.fromEntries(binary64Unary.map((name) => [name, rounded(name)])),
    ...Object.fromEntries(integral.map((name) => [name, (x: number) => toDecimals(name, x, 0)])),
  };
}

function binaryFunctions(
  a: Arithmetic,
  rounder: Rounder,
  { byDecimals, rounded, integers }: Exactly,
): Functions<Binary> {
  return {
    addScalar: a.add,
    subtractScalar: a.sub,
    multiplyScalar: a.mul,
    divideScalar: a.div,
    pow: a.pow,
    mod: modulo(a, rounder),
    gcd: rounded('gcd'),
    lcm: integers('lcm'),
    invmod: integers('invmod'),
    ...Object.fromEntries(bitwise.map((name) => [name, rounded(name)])),
    ...Object.fromEntries(decimalBinary.map((name) => [name, byDecimals(name)])),
  };
}

/** Signatures of numbers, by the names of the functions. `base` is mathjs in binary64. */
export function numberSignatures(
  arithmetic: Arithmetic,
  rounder: Rounder,
  base: MathJsInstance,
): Record<string, Signatures> {
  const { operand, norm } = rounder;
  const exact = exactly(arithmetic, rounder, base);
  const unary = unaryFunctions(arithmetic, rounder, exact);
  const binary = binaryFunctions(arithmetic, rounder, exact);
  const isPrime = ['isPrime', base.isPrime as (x: number) => boolean] as const;

  const all: Record<string, Signatures> = {};
  const put = (name: string, types: string, f: Signatures[string]): void => {
    all[name] = { ...all[name], [types]: f };
  };
  for (const [name, f] of [...Object.entries(unary), ...Object.entries(tests), isPrime])
    put(name, 'number', (x: number) => f(operand(x)));
  for (const [name, f] of [...Object.entries(binary), ...Object.entries(relations)])
    put(name, 'number,number', (x: number, y: number) => f(operand(x), operand(y)));
  // Numbers of decimals are counts, not numbers of the format.
  for (const name of integral)
    put(name, 'number,number', (x: number, decimals: number) => exact.toDecimals(name, operand(x), decimals));
  put('hypot', '...number', (x: number[]) => norm(...x.map(operand)));
  return all;
}

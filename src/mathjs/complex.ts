/**
 * What the functions of mathjs do with complex numbers, in a format: both parts are numbers of the format, and each part of a sum,
 * difference, product, quotient, square root or exponential is as if computed exactly and rounded once. The other functions of
 * complex numbers exist in binary64 only; their parts are rounded from there.
 */
import type { BigNumber, Complex, MathJsInstance } from 'mathjs';
import type { Arithmetic } from '../arithmetic/arithmetic.ts';
import { addReals, divideReals, exactProduct } from '../arithmetic/exact.ts';
import { isZero, negative, type Real } from '../arithmetic/real.ts';
import { decimalValue } from './decimal.ts';
import type { Signatures } from './factories.ts';
import type { Rounder } from './rounder.ts';

type Decimals = (math: MathJsInstance, re: BigNumber, im: BigNumber) => BigNumber;

const isFinitePair = (x: Complex): boolean => Number.isFinite(x.re) && Number.isFinite(x.im);

/** The two parts of functions, by decimal arithmetic. */
const decimalParts: Readonly<Record<string, readonly [Decimals, Decimals]>> = {
  exp: [
    (math, re, im) => math.multiply(math.exp(re), math.cos(im)) as BigNumber,
    (math, re, im) => math.multiply(math.exp(re), math.sin(im)) as BigNumber,
  ],
  sqrt: [
    (math, re, im) => rootOfHalf(math, re, im),
    (math, re, im) => {
      const root = rootOfHalf(math, math.unaryMinus(re), im);
      return im.isNegative() ? math.unaryMinus(root) : root;
    },
  ],
};

/** sqrt((|z| + re) / 2); where that cancels, |im| over twice the other part's root. */
function rootOfHalf(math: MathJsInstance, re: BigNumber, im: BigNumber): BigNumber {
  const magnitude = math.hypot(re, im) as BigNumber;
  if (!re.isNegative() || im.isZero())
    return math.sqrt(math.divide(math.add(magnitude, re), 2) as BigNumber) as BigNumber;
  const other = math.sqrt(math.divide(math.subtract(magnitude, re), 2) as BigNumber) as BigNumber;
  return math.divide(math.divide(math.abs(im), 2), other) as BigNumber;
}

type Make = (re: number, im: number) => Complex;

/** What real functions of the parts do not make up. */
function complexFunctions(arithmetic: Arithmetic, rounder: Rounder, base: MathJsInstance, make: Make) {
  const { mul, format } = arithmetic;
  const { operand, sum } = rounder;
  const binary64 = base as unknown as Record<string, (...x: Complex[]) => Complex>;

  const inFormat = ({ re, im }: Complex): Complex => make(operand(re), operand(im));
  const fromBinary64 = (name: string, ...x: Complex[]): Complex => inFormat(binary64[name]!(...x));

  /** x.re y.re - x.im y.im and x.re y.im + x.im y.re; with the conjugate of y if `sign` is -1. */
  function products(x: Complex, y: Complex, sign: 1 | -1): [Real, Real] {
    const im = sign * y.im;
    return [
      addReals(exactProduct(x.re, y.re), negative(exactProduct(x.im, im))),
      addReals(exactProduct(x.re, im), exactProduct(x.im, y.re)),
    ];
  }

  function multiply(x: Complex, y: Complex): Complex {
    if (!isFinitePair(x) || !isFinitePair(y)) return fromBinary64('multiplyScalar', x, y);
    // As binary64 does it: no sum of zeros hides the sign of the real part.
    if (x.im === 0 && y.im === 0) return make(mul(x.re, y.re), 0);
    const [re, im] = products(x, y, 1);
    return make(sum(re), sum(im));
  }

  function divide(x: Complex, y: Complex): Complex {
    const isZeroDivisor = y.re === 0 && y.im === 0;
    if (!isFinitePair(x) || !isFinitePair(y) || isZeroDivisor) return fromBinary64('divideScalar', x, y);
    const square = addReals(exactProduct(y.re, y.re), exactProduct(y.im, y.im));
    const [re, im] = products(x, y, -1).map((part) =>
      isZero(part) ? sum(part) : rounder.real(divideReals(part, square, format)),
    ) as [number, number];
    return make(re, im);
  }

  function byDecimals(name: string): (x: Complex) => Complex {
    const [re, im] = decimalParts[name]!;
    return (x) => {
      const near = binary64[name]!(x);
      if (!isFinitePair(x) || !isFinitePair(near)) return inFormat(near);
      const part = (of: Decimals, binary64Value: number): number => {
        const value = decimalValue(of, x.re, x.im);
        return value === undefined ? arithmetic.convert(binary64Value) : rounder.real(value);
      };
      return make(part(re, near.re), part(im, near.im));
    };
  }

  /** On the axes the functions of real numbers, which are faster. */
  function exp(x: Complex): Complex {
    if (!isFinitePair(x)) return fromBinary64('exp', x);
    if (x.im === 0) return make(arithmetic.exp(x.re), x.im);
    return x.re === 0 ? make(arithmetic.cos(x.im), arithmetic.sin(x.im)) : byDecimals('exp')(x);
  }

  return { inFormat, multiply, divide, byDecimals, exp };
}

/** Signatures of complex numbers, by the names of the functions. `base` is mathjs in binary64; `make` a complex number of the instance. */
export function complexSignatures(
  arithmetic: Arithmetic,
  rounder: Rounder,
  base: MathJsInstance,
  make: Make,
): Record<string, Signatures> {
  const { add, sub, neg } = arithmetic;
  const { norm } = rounder;
  const { inFormat, multiply, divide, byDecimals, exp } = complexFunctions(arithmetic, rounder, base, make);
  const unary: Record<string, (x: Complex) => unknown> = {
    abs: (x) => norm(x.re, x.im),
    norm: (x) => norm(x.re, x.im),
    conj: (x) => make(x.re, neg(x.im)),
    re: (x) => x.re,
    im: (x) => x.im,
    unaryMinus: (x) => make(neg(x.re), neg(x.im)),
    square: (x) => multiply(x, x),
    exp,
    sqrt: byDecimals('sqrt'),
  };
  const binary: Record<string, (x: Complex, y: Complex) => unknown> = {
    addScalar: (x, y) => make(add(x.re, y.re), add(x.im, y.im)),
    subtractScalar: (x, y) => make(sub(x.re, y.re), sub(x.im, y.im)),
    multiplyScalar: multiply,
    divideScalar: divide,
    equalScalar: (x, y) => x.re === y.re && x.im === y.im,
  };
  return {
    ...Object.fromEntries(
      Object.entries(unary).map(([name, f]) => [name, { Complex: (x: Complex) => f(inFormat(x)) }]),
    ),
    ...Object.fromEntries(
      Object.entries(binary).map(([name, f]) => [
        name,
        { 'Complex,Complex': (x: Complex, y: Complex) => f(inFormat(x), inFormat(y)) },
      ]),
    ),
  };
}

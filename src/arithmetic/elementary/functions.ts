/**
 * The functions of one argument as enclosures: for a finite argument and a number of digits, an interval that holds the exact
 * result, about that narrow. Where the result is rational it is given exactly (by Lindemann's theorem, and Siegel's for erf,
 * these are all such cases): no number of digits would tell it from a tie. Infinities and poles: `specials.ts`.
 */
import { toBigIntSignificand } from '../../binary64.ts';
import { integerSquareRoot } from '../../formats/integers.ts';
import { add, type Ball, bitLength, divide, exactBall, multiply, negated, scaled } from './ball.ts';
import { exactly, huge, type Interval, inBall, justAbove, justBelow, tiny } from './interval.ts';
import { type InverseName, inverseEnclosures } from './inverse-functions.ts';
import { type Enclosure, fixedDigits, isSmall, near, nearOne, one, squareOf, withSign } from './near.ts';
import { type RelatedName, relatedEnclosures } from './related-functions.ts';
import {
  arctangent,
  complementaryErrorFunction,
  errorFunction,
  exponential,
  ln2Ball,
  logarithm,
  sineAndCosine,
} from './series.ts';
import { type TurnName, turnEnclosures } from './turn-functions.ts';

function exp(x: number, bits: number, limit: number): Interval | undefined {
  if (x === 0) return exactly(false, 1n, 0);
  if (Math.abs(x) < 2 ** (-bits - 1)) return nearOne(x > 0, bits);
  if (Math.abs(x) > limit * 0.7) return x > 0 ? huge(false) : tiny(false);
  return inBall(exponential(exactBall(x), bits + 8));
}

function exp2(x: number, bits: number, limit: number): Interval | undefined {
  if (Math.abs(x) > limit + 1) return x > 0 ? huge(false) : tiny(false);
  if (Number.isInteger(x)) return exactly(false, 1n, x);
  if (Math.abs(x) < 2 ** (-bits - 1)) return nearOne(x > 0, bits);
  const whole = Math.floor(x);
  const rest = multiply(add(exactBall(x), exactBall(-whole)), ln2Ball(bits + 16), bits + 16);
  return inBall(scaled(exponential(rest, bits + 8), whole));
}

/** x has at most 53 digits, so ln x is at least 2^-54 unless x = 1. */
function logarithmOf(x: number, bits: number): Ball {
  const { significand, exponent } = toBigIntSignificand(x);
  return logarithm(significand, exponent, bits + 56);
}

function log(x: number, bits: number): Interval | undefined {
  return inBall(logarithmOf(x, bits));
}

function log2(x: number, bits: number): Interval | undefined {
  const { significand, exponent } = toBigIntSignificand(x);
  const places = bitLength(significand) - 1;
  if (significand === 1n << BigInt(places)) {
    const power = exponent + places;
    return exactly(power < 0, BigInt(Math.abs(power)), 0);
  }
  return inBall(divide(logarithmOf(x, bits), ln2Ball(bits + 56), bits + 56));
}

function sin(x: number, bits: number): Interval | undefined {
  if (isSmall(x, bits)) return near(x, false, bits);
  return inBall(sineAndCosine(x, fixedDigits(bits)).sine);
}

function cos(x: number, bits: number): Interval | undefined {
  if (x === 0) return exactly(false, 1n, 0);
  if (isSmall(x, bits)) return nearOne(false, bits);
  return inBall(sineAndCosine(x, bits + 16).cosine);
}

function tan(x: number, bits: number): Interval | undefined {
  if (isSmall(x, bits)) return near(x, true, bits);
  const { sine, cosine } = sineAndCosine(x, fixedDigits(bits));
  if (inBall(cosine) === undefined) return undefined;
  return inBall(divide(sine, cosine, bits + 16));
}

function tanh(x: number, bits: number): Interval | undefined {
  if (isSmall(x, bits)) return near(x, false, bits);
  const magnitude = Math.abs(x);
  // 1 - tanh x < 2 e^(-2x)
  if (magnitude > (bits + 2) * 0.35) return withSign(x, nearOne(false, bits));
  const square = exponential(scaled(exactBall(magnitude), 1), 2 * bits);
  return withSign(x, inBall(divide(add(square, negated(one)), add(square, one), 2 * bits)));
}

function sinh(x: number, bits: number, limit: number): Interval | undefined {
  if (isSmall(x, bits)) return near(x, true, bits);
  const magnitude = Math.abs(x);
  if (magnitude > limit * 0.7) return huge(x < 0);
  const power = exponential(exactBall(magnitude), 2 * bits);
  return withSign(x, inBall(scaled(add(power, negated(divide(one, power, 2 * bits))), -1)));
}

function cosh(x: number, bits: number, limit: number): Interval | undefined {
  if (x === 0) return exactly(false, 1n, 0);
  if (isSmall(x, bits)) return nearOne(true, bits);
  const magnitude = Math.abs(x);
  if (magnitude > limit * 0.7) return huge(false);
  const power = exponential(exactBall(magnitude), bits + 16);
  return inBall(scaled(add(power, divide(one, power, bits + 16)), -1));
}

function atan(x: number, bits: number): Interval | undefined {
  if (isSmall(x, bits)) return near(x, false, bits);
  return withSign(x, inBall(arctangent(exactBall(Math.abs(x)), fixedDigits(bits))));
}

function sigmoid(x: number, bits: number, limit: number): Interval | undefined {
  if (x === 0) return exactly(false, 1n, -1);
  if (Math.abs(x) < 2 ** -bits) return (x > 0 ? justAbove : justBelow)(false, 1n, -1, bits);
  if (x > (bits + 1) * 0.7) return nearOne(false, bits);
  if (x < limit * -0.7) return tiny(false);
  const power = exponential(exactBall(-x), bits + 8);
  return inBall(divide(one, add(one, power), bits + 8));
}

function erf(x: number, bits: number): Interval | undefined {
  // 1 - erf x < e^(-x^2)
  if (x * x > (bits + 1) * 0.7) return withSign(x, nearOne(false, bits));
  return withSign(x, inBall(errorFunction(squareOf(x, 0), bits + 8)));
}

function gelu(x: number, bits: number, limit: number): Interval | undefined {
  // x/2 (1 + erf(x / sqrt 2)), and erf(x / sqrt 2) is less than x
  if (Math.abs(x) < 2 ** -bits) return near(x, x > 0, bits, -1);
  const halfSquare = squareOf(x, -1);
  // Phi(-x) < e^(-x^2 / 2)
  if (x > 0 && x * x > (bits + 1) * 1.4) return near(x, false, bits);
  if (x < 0 && x * x > (limit + 1100) * 1.4) return tiny(true);
  const digits = bits + 8;
  const half = scaled(exactBall(x), -1);
  if (x < 0) return inBall(multiply(half, complementaryErrorFunction(halfSquare, digits), digits));
  return inBall(multiply(half, add(one, errorFunction(halfSquare, digits)), digits));
}

/** Algebraic: the root of an integer, by integers. */
function rsqrt(x: number, bits: number): Interval {
  const { significand, exponent } = toBigIntSignificand(x);
  const zeros = bitLength(significand & -significand) - 1;
  // x = n 2^even
  const isOdd = (exponent + zeros) % 2 !== 0;
  const n = (significand >> BigInt(zeros)) << (isOdd ? 1n : 0n);
  const half = (exponent + zeros - (isOdd ? 1 : 0)) / 2;
  if (n === 1n) return exactly(false, 1n, -half);
  const shift = bits + bitLength(n);
  const root = integerSquareRoot((1n << BigInt(2 * shift)) / n);
  const scale = -half - shift;
  return {
    negative: false,
    low: { significand: root, exponent: scale, side: 'at' },
    high: { significand: root + 1n, exponent: scale, side: 'at' },
  };
}

type PlainName =
  | 'exp'
  | 'log'
  | 'exp2'
  | 'log2'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'tanh'
  | 'sinh'
  | 'cosh'
  | 'atan'
  | 'rsqrt'
  | 'sigmoid'
  | 'erf'
  | 'gelu';

export type UnaryName = PlainName | RelatedName | InverseName | TurnName;

const plainEnclosures: Readonly<Record<PlainName, Enclosure>> = {
  exp,
  log,
  exp2,
  log2,
  sin,
  cos,
  tan,
  tanh,
  sinh,
  cosh,
  atan,
  rsqrt,
  sigmoid,
  erf,
  gelu,
};

/** Every function of one argument. */
export const enclosures: Readonly<Record<UnaryName, Enclosure>> = {
  ...plainEnclosures,
  ...relatedEnclosures,
  ...inverseEnclosures,
  ...turnEnclosures,
};

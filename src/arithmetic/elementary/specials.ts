/**
 * What the elementary functions make of NaN, infinities, zeros, poles and arguments outside their domain. IEEE 754-2019 section
 * 9.2.1 (table 9.1 and the paragraphs after it); P3109 report v4.0 and Posit Standard (2022) section 5 where they differ: an
 * operand of NaN gives NaN, and so do 1/0 and what is built on it. The functions that IEEE 754 does not list, erf, sigmoid and
 * gelu, take their limits.
 */
import type { Format } from '../../formats/format.ts';
import type { UnaryName } from './functions.ts';
import { exactly, type Interval, inBall } from './interval.ts';
import { eighthTurns } from './inverse-functions.ts';
import { halfPi } from './series.ts';

/** A result that no rounding decides: NaN, an infinity or a zero, with the exceptions it raises. */
export interface Special {
  readonly value: number;
  readonly invalid: boolean;
  readonly divideByZero: boolean;
}

export function quiet(value: number): Special {
  return { value, invalid: false, divideByZero: false };
}

export const invalid: Special = { value: NaN, invalid: true, divideByZero: false };

function pole(value: number): Special {
  return { value, invalid: false, divideByZero: true };
}

function isNegative(x: number): boolean {
  return x < 0 || Object.is(x, -0);
}

/** 1/0: infinity with its sign, or NaN in P3109. (Posits make NaR of every infinity.) */
function reciprocalOfZero(format: Format, negative: boolean): Special {
  const isP3109 = format.kind === 'float' && format.specials === 'p3109';
  return pole(isP3109 ? NaN : negative ? -Infinity : Infinity);
}

/** Zeros and poles of the functions of pi x, with the signs of IEEE 754-2019 section 9.2.1. */
function turnSpecial(name: 'sinPi' | 'cosPi' | 'tanPi', x: number, format: Format): Special | undefined {
  const isInteger = Number.isInteger(x);
  const isHalf = !isInteger && Number.isInteger(2 * x);
  const isNegativeArgument = isNegative(x);
  switch (name) {
    case 'sinPi':
      return isInteger ? quiet(isNegativeArgument ? -0 : 0) : undefined;
    case 'cosPi':
      return isHalf ? quiet(0) : undefined;
    case 'tanPi': {
      // tanPi n is sinPi n / cosPi n; tanPi(n + 1/2) is positive for an even n.
      if (isInteger) return quiet(isNegativeArgument !== (Math.abs(x) % 2 === 1) ? -0 : 0);
      return isHalf ? reciprocalOfZero(format, Math.abs(Math.floor(x)) % 2 === 1) : undefined;
    }
  }
}

/** The result where the argument is not a finite number of the function's domain, or the result is zero. */
export function unarySpecial(name: UnaryName, x: number, format: Format): Special | undefined {
  if (Number.isNaN(x)) return quiet(NaN);
  const isInfinite = !Number.isFinite(x);
  switch (name) {
    case 'exp':
    case 'exp2':
    case 'exp10':
    case 'softplus':
      return isInfinite ? quiet(x > 0 ? Infinity : 0) : undefined;
    case 'log':
    case 'log2':
    case 'log10':
      if (x < 0) return invalid;
      if (x === 0) return pole(-Infinity);
      return isInfinite ? quiet(Infinity) : x === 1 ? quiet(0) : undefined;
    case 'sin':
    case 'tan':
      return isInfinite ? invalid : x === 0 ? quiet(x) : undefined;
    case 'cos':
      return isInfinite ? invalid : undefined;
    case 'log1p':
      if (x < -1) return invalid;
      if (x === -1) return pole(-Infinity);
      return isInfinite || x === 0 ? quiet(x) : undefined;
    case 'sinh':
    case 'asinh':
    case 'cbrt':
      return isInfinite || x === 0 ? quiet(x) : undefined;
    case 'expm1':
      return x === Infinity || x === 0 ? quiet(x) : undefined;
    case 'erfc':
      return x === Infinity ? quiet(0) : undefined;
    case 'asin':
      return Math.abs(x) > 1 ? invalid : x === 0 ? quiet(x) : undefined;
    case 'acos':
      return Math.abs(x) > 1 ? invalid : x === 1 ? quiet(0) : undefined;
    case 'acosh':
      if (x < 1) return invalid;
      return isInfinite ? quiet(x) : x === 1 ? quiet(0) : undefined;
    case 'atanh':
      if (Math.abs(x) > 1) return invalid;
      if (Math.abs(x) === 1) return pole(x * Infinity);
      return x === 0 ? quiet(x) : undefined;
    case 'sinPi':
    case 'cosPi':
    case 'tanPi':
      return isInfinite ? invalid : turnSpecial(name, x, format);
    case 'cosh':
      return isInfinite ? quiet(Infinity) : undefined;
    case 'tanh':
    case 'atan':
    case 'erf':
      return x === 0 ? quiet(x) : undefined;
    case 'sigmoid':
      return x === -Infinity ? quiet(0) : undefined;
    case 'gelu':
    case 'silu':
      return x === -Infinity ? quiet(-0) : isInfinite || x === 0 ? quiet(x) : undefined;
    case 'rsqrt':
      if (x < 0) return invalid;
      if (x === 0) return reciprocalOfZero(format, isNegative(x));
      return isInfinite ? quiet(0) : undefined;
  }
}

/** The finite limits at infinity: 1 of sigmoid, +-1 of tanh and erf, -1 of expm1, 2 of erfc, +-pi/2 of atan. */
export function limitAtInfinity(name: UnaryName, x: number, bits: number): Interval | undefined {
  if (name !== 'atan') return exactly(x < 0 && name !== 'erfc', 1n, name === 'erfc' ? 1 : 0);
  const angle = halfPi(bits);
  return inBall({ middle: x < 0 ? -angle : angle, radius: 2n, exponent: -bits });
}

/** Formats in which any NaN among the operands makes the result NaN: posits and P3109. */
function nanPrevails(format: Format): boolean {
  return format.kind === 'posit' || (format.kind === 'float' && format.specials === 'p3109');
}

export function hypotSpecial(x: number, y: number, format: Format): Special | undefined {
  const hasNaN = Number.isNaN(x) || Number.isNaN(y);
  if (hasNaN && nanPrevails(format)) return quiet(NaN);
  if (Math.abs(x) === Infinity || Math.abs(y) === Infinity) return quiet(Infinity);
  if (hasNaN) return quiet(NaN);
  return x === 0 && y === 0 ? quiet(0) : undefined;
}

/** pow(+-0, y) for y other than 0. */
function powerOfZero(x: number, y: number, format: Format): Special {
  const negative = Object.is(x, -0) && Math.abs(y) % 2 === 1;
  if (y === -Infinity) return quiet(Infinity);
  if (y < 0) return reciprocalOfZero(format, negative);
  return quiet(negative ? -0 : 0);
}

/** pow where x or y is infinite; neither is NaN, y is not 0 and x neither 0 nor 1. */
function powerAtInfinity(x: number, y: number): Special | Interval {
  if (Math.abs(y) === Infinity) {
    if (x === -1) return exactly(false, 1n, 0);
    return quiet(Math.abs(x) > 1 === y > 0 ? Infinity : 0);
  }
  const negative = x < 0 && Math.abs(y) % 2 === 1;
  const magnitude = y > 0 ? Infinity : 0;
  return quiet(negative ? -magnitude : magnitude);
}

/** The results of pow that need no digits, the ones that are 1 among them (as intervals, since 1 may have to be rounded). */
export function powSpecial(x: number, y: number, format: Format): Special | Interval | undefined {
  const hasNaN = Number.isNaN(x) || Number.isNaN(y);
  if (hasNaN && nanPrevails(format)) return quiet(NaN);
  if (y === 0 || x === 1) return exactly(false, 1n, 0);
  if (hasNaN) return quiet(NaN);
  if (x === 0) return powerOfZero(x, y, format);
  if (Math.abs(x) === Infinity || Math.abs(y) === Infinity) return powerAtInfinity(x, y);
  return x < 0 && !Number.isInteger(y) ? invalid : undefined;
}

/** atan2 where a direction is a multiple of pi / 4, or zero: IEEE 754-2019 section 9.2.1. `y` is the first operand. */
export function atan2Special(
  y: number,
  x: number,
): Special | ((bits: number) => Interval | undefined) | undefined {
  if (Number.isNaN(x) || Number.isNaN(y)) return quiet(NaN);
  const [down, left] = [isNegative(y), isNegative(x)];
  const turns = (eighths: number): ((bits: number) => Interval | undefined) => {
    const count = down ? -eighths : eighths;
    return (bits) => eighthTurns(count, bits);
  };
  const isFlat = y === 0 || (Math.abs(x) === Infinity && Math.abs(y) !== Infinity);
  if (isFlat) return left ? turns(4) : quiet(down ? -0 : 0);
  if (Math.abs(y) === Infinity) return turns(Math.abs(x) !== Infinity ? 2 : left ? 3 : 1);
  return x === 0 ? turns(2) : undefined;
}

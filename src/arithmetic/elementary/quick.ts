/**
 * The elementary functions in binary64, with a bound of the relative error of every result: most roundings are decided by the
 * two numbers that lie so far to either side. NaN where the bound is not kept; the digits of `functions.ts` decide there.
 * Only +, -, *, /, sqrt and exact scaling, whose bits IEEE 754 fixes, and the polynomials of `approximate.ts`.
 *
 * `docs/elementary-functions.md` has the error analysis, and the largest errors met in exhaustive comparison.
 */

import { cosineSeries, exp, exponentialSeries, log, polynomial, sineSeries } from '../../approximate.ts';
import { scaleByPowerOfTwo } from '../../binary64.ts';
import type { UnaryName } from './functions.ts';
import { reduceQuadrant } from './series.ts';

/** Relative error of every function below. The analysis gives 2^-47 at the most. */
export const quickError: number = 2 ** -44;

/** A value and the bound of its relative error. */
export interface Approximation {
  readonly value: number;
  readonly error: number;
}

const halfPiHigh = 1.5707963267341256; // the first 33 bits of pi/2
const halfPiLow = 6.077100506506192e-11; // the next 53
const twoOverRootPi = 1.1283791670955126;
const rootPi = 1.772453850905516;
const hyperbolicSineSeries = sineSeries.map(Math.abs);
const arctangentSeries = Array.from({ length: 22 }, (_, i) => (i % 2 === 0 ? 1 : -1) / (2 * i + 1));

function exponential(x: number): number {
  return Math.abs(x) <= 700 ? exp(x) : NaN;
}

function exp2(x: number): number {
  if (!(Math.abs(x) < 1000)) return NaN;
  const whole = Math.round(x);
  return scaleByPowerOfTwo(polynomial((x - whole) * Math.LN2, exponentialSeries), whole);
}

/** x - q pi/2 to a relative error of 2^-50, and q mod 4; NaN too near to a multiple. */
function reduce(x: number): { rest: number; quadrant: number } {
  if (Math.abs(x) <= 0.785) return { rest: x, quadrant: 0 };
  if (Math.abs(x) < 1e5) {
    const q = Math.round(x / (halfPiHigh + halfPiLow));
    const rest = x - q * halfPiHigh - q * halfPiLow;
    return { rest: Math.abs(rest) < 2 ** -16 ? NaN : rest, quadrant: ((q % 4) + 4) % 4 };
  }
  const digits = 128;
  const { rest, quadrant } = reduceQuadrant(x, digits);
  const reduced = Number(rest) * 2 ** -digits;
  return { rest: Math.abs(reduced) < 2 ** -60 ? NaN : reduced, quadrant };
}

function sine(rest: number): number {
  return rest * polynomial(rest * rest, sineSeries);
}

function cosine(rest: number): number {
  return polynomial(rest * rest, cosineSeries);
}

function sin(x: number): number {
  const { rest, quadrant } = reduce(x);
  const value = quadrant % 2 === 0 ? sine(rest) : cosine(rest);
  return quadrant < 2 ? value : -value;
}

function cos(x: number): number {
  const { rest, quadrant } = reduce(x);
  const value = quadrant % 2 === 0 ? cosine(rest) : sine(rest);
  return quadrant === 0 || quadrant === 3 ? value : -value;
}

function tan(x: number): number {
  const { rest, quadrant } = reduce(x);
  return quadrant % 2 === 0 ? sine(rest) / cosine(rest) : -cosine(rest) / sine(rest);
}

function sinh(x: number): number {
  if (Math.abs(x) < 0.7) return x * polynomial(x * x, hyperbolicSineSeries);
  const power = exponential(x);
  return (power - 1 / power) / 2;
}

function cosh(x: number): number {
  const power = exponential(x);
  return (power + 1 / power) / 2;
}

function tanh(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude > 20) return Math.sign(x); // 1 - tanh x < 2^-56
  if (magnitude < 0.7) return sinh(x) / cosh(x);
  const value = 1 - 2 / (exponential(2 * magnitude) + 1);
  return x < 0 ? -value : value;
}

function sigmoid(x: number): number {
  const power = exponential(-Math.abs(x));
  return x < 0 ? power / (1 + power) : 1 / (1 + power);
}

// arctan(c) for the centres around which |x - c| / (1 + x c) is at most 7/16 (as in fdlibm).
const centres = [
  [0.6875, 0.5, 0.46364760900080615],
  [1.1875, 1, 0.7853981633974483],
  [2.4375, 1.5, 0.982793723247329],
] as const;

function atan(x: number): number {
  const a = Math.abs(x);
  const arctangent = (t: number): number => t * polynomial(t * t, arctangentSeries);
  let angle: number;
  if (a <= 0.4375) angle = arctangent(a);
  else {
    const centre = centres.find(([end]) => a < end);
    angle =
      centre === undefined
        ? 1.5707963267948966 - arctangent(1 / a)
        : centre[2] + arctangent((a - centre[1]) / (1 + a * centre[1]));
  }
  return x < 0 ? -angle : angle;
}

/** erf t for t in (0, 3], given e^(-t^2) and t^2: a series of positive terms. */
function errorSeries(t: number, square: number, power: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 3; term > sum * 2 ** -60; n += 2) {
    term *= (2 * square) / n;
    sum += term;
  }
  return twoOverRootPi * t * power * sum;
}

/** erfc t for t^2 >= 1/2, given e^(-t^2) and t^2: the continued fraction. */
function complement(t: number, square: number, power: number): number {
  let tail = 1;
  for (let i = Math.ceil(170 / square) + 12; i > 0; i--) tail = 1 + i / (2 * square * tail);
  return power / (rootPi * t * tail);
}

function erf(x: number): number {
  const t = Math.abs(x);
  if (t > 6.5) return Math.sign(x); // erfc 6.5 < 2^-63
  const square = t * t;
  const power = exponential(-square);
  const value = t < 3 ? errorSeries(t, square, power) : 1 - complement(t, square, power);
  return x < 0 ? -value : value;
}

function gelu(x: number): number {
  const a = Math.abs(x);
  if (a > 37) return x > 0 ? x : NaN; // Phi(-37) < 2^-900
  // e^(-x^2 / 2) from a square in two parts: of that square, one rounding would cost 2^-43.
  const high = Math.fround(a);
  const low = a - high;
  const power = exponential((-high * high) / 2) * exponential((-low * (a + high)) / 2);
  const [t, square] = [a * Math.SQRT1_2, (a * a) / 2];
  if (a < 1) return (x / 2) * (1 + Math.sign(x) * errorSeries(t, square, power));
  const tail = complement(t, square, power) / 2;
  return x > 0 ? x * (1 - tail) : x * tail;
}

function log1p(x: number): number {
  if (Math.abs(x) < 2 ** -50) return NaN;
  const u = 1 + x;
  // What the sum lost comes back in the quotient.
  return (log(u) * x) / (u - 1);
}

function expm1(x: number): number {
  return Math.abs(x) < 0.7 ? x * polynomial(x, exponentialRest) : exponential(x) - 1;
}

const exponentialRest = exponentialSeries.slice(1);
const log10of2High = 0.301025390625;
const log10of2Low = 4.605038981195214e-6;

function exp10(x: number): number {
  if (!(Math.abs(x) < 300)) return NaN;
  const k = Math.round(x / (log10of2High + log10of2Low));
  const rest = x - k * log10of2High - k * log10of2Low;
  return scaleByPowerOfTwo(polynomial(rest * Math.LN10, exponentialSeries), k);
}

function asin(x: number): number {
  return 2 * atan(x / (1 + Math.sqrt((1 - x) * (1 + x))));
}

function acos(x: number): number {
  const a = Math.abs(x);
  const angle = 2 * atan(Math.sqrt((1 - a) / (1 + a)));
  return x < 0 ? Math.PI - angle : angle;
}

/** ln(2 x) for an x whose square hides 1. */
function logOfTwice(x: number): number {
  return log(x) + Math.LN2;
}

function asinh(x: number): number {
  const a = Math.abs(x);
  const value = a > 2 ** 28 ? logOfTwice(a) : log1p(a + (a * a) / (1 + Math.sqrt(1 + a * a)));
  return x < 0 ? -value : value;
}

function acosh(x: number): number {
  const t = x - 1;
  return x > 2 ** 28 ? logOfTwice(x) : log1p(t + Math.sqrt(2 * t + t * t));
}

function atanh(x: number): number {
  const a = Math.abs(x);
  const value = log1p((2 * a) / (1 - a)) / 2;
  return x < 0 ? -value : value;
}

/** The function of pi x by quadrants: x - q / 2 is exact. */
function ofTurn(x: number, functions: readonly ((angle: number) => number)[]): number {
  const turn = x % 2;
  const half = Math.round(2 * turn);
  return functions[((half % 4) + 4) % 4]!((turn - half / 2) * Math.PI);
}

const sineByQuadrant = [sine, cosine, (r: number): number => -sine(r), (r: number): number => -cosine(r)];
const cosineByQuadrant = [cosine, sineByQuadrant[2]!, sineByQuadrant[3]!, sine];

function sinPi(x: number): number {
  return ofTurn(x, sineByQuadrant);
}

function cosPi(x: number): number {
  return ofTurn(x, cosineByQuadrant);
}

function cbrt(x: number): number {
  const a = Math.abs(x);
  if (!(a > 2 ** -900)) return NaN; // a cube might lose bits
  const guess = exponential(log(a) / 3);
  const root = guess - (guess * guess * guess - a) / (3 * guess * guess);
  return x < 0 ? -root : root;
}

function softplus(x: number): number {
  const power = exponential(-Math.abs(x));
  // Without log1p where it has no digits.
  const small = power < 2 ** -40 ? power * (1 - power / 2) : log1p(power);
  return x > 0 ? x + small : small;
}

function erfc(x: number): number {
  if (x < 0.7) return 1 - erf(x);
  // e^(-x^2) from a square in two parts, as in gelu.
  const high = Math.fround(x);
  const low = x - high;
  const power = exponential(-high * high) * exponential(-low * (x + high));
  return complement(x, x * x, power);
}

export const quick: Readonly<Record<UnaryName, (x: number) => number>> = {
  exp: exponential,
  log,
  exp2,
  exp10,
  log2: (x) => log(x) / Math.LN2,
  log10: (x) => log(x) / Math.LN10,
  log1p,
  expm1,
  sin,
  cos,
  tan,
  tanh,
  sinh,
  cosh,
  atan,
  asin,
  acos,
  asinh,
  acosh,
  atanh,
  sinPi,
  cosPi,
  tanPi: (x) => sinPi(x) / cosPi(x),
  rsqrt: (x) => 1 / Math.sqrt(x),
  cbrt,
  sigmoid,
  softplus,
  silu: (x) => x * sigmoid(x),
  erf,
  erfc,
  gelu,
};

/** x^y. */
export function quickPow(x: number, y: number): Approximation {
  const power = y * log(Math.abs(x));
  const value = exponential(power);
  const isOdd = x < 0 && Math.abs(y) % 2 === 1;
  // The logarithm's relative error is the exponential's absolute one.
  return { value: isOdd ? -value : value, error: (Math.abs(power) + 4) * 2 ** -46 };
}

/** sqrt(x^2 + y^2), NaN where a square might overflow or lose bits. */
export function quickHypot(x: number, y: number): Approximation {
  const inRange = (a: number): boolean => a === 0 || (a > 2 ** -480 && a < 2 ** 500);
  const value = inRange(Math.abs(x)) && inRange(Math.abs(y)) ? Math.sqrt(x * x + y * y) : NaN;
  return { value, error: quickError };
}

/** The angle of (x, y), NaN where their quotient might overflow or lose bits. */
export function quickAtan2(y: number, x: number): Approximation {
  const quotient = Math.abs(y / x);
  const acute = quotient > 2 ** -900 && quotient < 2 ** 900 ? atan(quotient) : NaN;
  const angle = x < 0 ? Math.PI - acute : acute;
  return { value: y < 0 ? -angle : angle, error: quickError };
}

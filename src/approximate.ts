/**
 * Elementary functions with the same bits in every JavaScript engine: only +, -, *, /, sqrt and exact scaling by powers
 * of two are used, which IEEE 754 defines to the bit, never Math.exp and its kin, which engines may compute differently.
 * Accurate to a few units in the last place of binary64, which is what initialisation and schedules need; these are
 * not correctly rounded functions.
 */
import { exponentOf, scaleByPowerOfTwo } from './binary64.ts';

const ln2High = 0.6931471803691238; // the first 32 bits of ln 2
const ln2Low = 1.9082149292705877e-10; // ln 2 - ln2High
const halfPiHigh = 1.5707963267341256; // the first 33 bits of pi/2
const halfPiLow = 6.077100506506192e-11; // pi/2 - halfPiHigh

/** Sum of coefficient[i] x^i by Horner's rule. */
export function polynomial(x: number, coefficients: readonly number[]): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i]!;
  return sum;
}

function factorials(count: number): number[] {
  const list = [1];
  for (let i = 1; i < count; i++) list.push(list[i - 1]! * i);
  return list;
}

const factorial = factorials(24);
export const exponentialSeries: readonly number[] = factorial.slice(0, 16).map((f) => 1 / f);
// sin x = x P(x^2), cos x = Q(x^2): the Taylor series, enough terms for |x| <= pi/4.
export const sineSeries: readonly number[] = Array.from(
  { length: 10 },
  (_, i) => (i % 2 === 0 ? 1 : -1) / factorial[2 * i + 1]!,
);
export const cosineSeries: readonly number[] = Array.from(
  { length: 10 },
  (_, i) => (i % 2 === 0 ? 1 : -1) / factorial[2 * i]!,
);
// atanh(s) / s = sum s^(2i) / (2i + 1), for |s| <= 0.1716.
const arctanhSeries = Array.from({ length: 12 }, (_, i) => 1 / (2 * i + 1));

/** e^x. Overflow gives infinity, underflow zero. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x > 709.79) return Infinity;
  if (x < -745.2) return 0;
  const k = Math.round(x / (ln2High + ln2Low));
  const reduced = x - k * ln2High - k * ln2Low;
  return scaleByPowerOfTwo(polynomial(reduced, exponentialSeries), k);
}

/** Natural logarithm. NaN for negative x, -infinity for zero. */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return Infinity;
  let exponent = exponentOf(x);
  let significand = scaleByPowerOfTwo(x, -exponent);
  if (significand > Math.SQRT2) {
    significand /= 2;
    exponent++;
  }
  const s = (significand - 1) / (significand + 1);
  const logarithm = 2 * s * polynomial(s * s, arctanhSeries);
  return exponent * ln2High + (logarithm + exponent * ln2Low);
}

function sineOrCosine(x: number, quadrantShift: number): number {
  if (!Number.isFinite(x)) return NaN;
  const quadrant = Math.round(x / (halfPiHigh + halfPiLow));
  const reduced = x - quadrant * halfPiHigh - quadrant * halfPiLow;
  const square = reduced * reduced;
  const which = (((quadrant + quadrantShift) % 4) + 4) % 4;
  const value = which % 2 === 0 ? reduced * polynomial(square, sineSeries) : polynomial(square, cosineSeries);
  return which < 2 ? value : -value;
}

/** Sine of x radians, for |x| up to about 10^5 (the argument is reduced with 86 bits of pi). */
export function sin(x: number): number {
  return sineOrCosine(x, 0);
}

/** Cosine of x radians, for |x| up to about 10^5 (the argument is reduced with 86 bits of pi). */
export function cos(x: number): number {
  return sineOrCosine(x, 1);
}

/** cos(pi x), the reduction exact: cosPi(0.5) is 0 and cosPi(1) is -1. */
export function cosPi(x: number): number {
  const turn = Math.abs(x) % 2;
  const half = turn > 1 ? 2 - turn : turn;
  if (half === 0.5) return 0;
  const sign = half > 0.5 ? -1 : 1;
  const quarter = half > 0.5 ? 1 - half : half;
  return sign * (quarter <= 0.25 ? cos(Math.PI * quarter) : sin(Math.PI * (0.5 - quarter)));
}

// Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37(3), 1988, PPND16.
const central = {
  numerator: [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
    67265.7709270087, 33430.57558358813, 2509.0809287301227,
  ],
  denominator: [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
};
const middle = {
  numerator: [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  denominator: [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
};
const tail = {
  numerator: [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  denominator: [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
    1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15,
  ],
};

function rational(x: number, { numerator, denominator }: typeof central): number {
  return polynomial(x, numerator) / polynomial(x, denominator);
}

/** The standard normal quantile: x with Phi(x) = probability, for 0 < probability < 1. */
export function normalQuantile(probability: number): number {
  const q = probability - 0.5;
  if (Math.abs(q) <= 0.425) return q * rational(0.180625 - q * q, central);
  const r = Math.sqrt(-log(q < 0 ? probability : 1 - probability));
  const magnitude = r <= 5 ? rational(r - 1.6, middle) : rational(r - 5, tail);
  return q < 0 ? -magnitude : magnitude;
}

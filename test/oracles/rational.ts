/**
 * Rational numbers by BigInt, and what rounds them: to so many bits with an exponent without bounds, and to formats. Written apart
 * from the library.
 */
import type { FloatFormat } from '../../src/formats/index.ts';
import { resolveRounding } from '../../src/rounding/index.ts';
import { oracleRoundRatio } from './index.ts';
import { bitLength, signedUnits, unitExponent } from './units.ts';

/** n / d, d > 0. */
export interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

export const rational = (n: bigint, d = 1n): Rational => (d < 0n ? { n: -n, d: -d } : { n, d });

/** A finite number, exactly; its denominator is the least power of two. */
export function exactly(x: number): Rational {
  const count = signedUnits(x);
  if (count === 0n) return rational(0n);
  const zeros = BigInt(bitLength(count & -count) - 1);
  return zeros >= unitExponent
    ? rational(count >> unitExponent)
    : rational(count >> zeros, 1n << (unitExponent - zeros));
}

export const plus = (a: Rational, b: Rational): Rational => rational(a.n * b.d + b.n * a.d, a.d * b.d);
export const minus = (a: Rational, b: Rational): Rational => rational(a.n * b.d - b.n * a.d, a.d * b.d);
export const times = (a: Rational, b: Rational): Rational => rational(a.n * b.n, a.d * b.d);
export const over = (a: Rational, b: Rational): Rational => rational(a.n * b.d, a.d * b.n);
export const magnitude = ({ n, d }: Rational): Rational => ({ n: n < 0n ? -n : n, d });
/** The sign of a - b. */
export const compare = (a: Rational, b: Rational): number => {
  const difference = a.n * b.d - b.n * a.d;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
};
export const isZero = ({ n }: Rational): boolean => n === 0n;

/** 2^exponent. */
export const power = (exponent: number): Rational =>
  exponent >= 0 ? rational(1n << BigInt(exponent)) : rational(1n, 1n << BigInt(-exponent));

/** floor(log2 q) for q > 0, by counting digits and comparing. */
export function floorLog2(q: Rational): number {
  let exponent = bitLength(q.n) - bitLength(q.d);
  while (compare(power(exponent), q) > 0) exponent--;
  while (compare(power(exponent + 1), q) <= 0) exponent++;
  return exponent;
}

/** n / d to the nearest integer, ties to even, for n >= 0. */
function nearest(n: bigint, d: bigint, sticky = false): bigint {
  const floor = n / d;
  const twice = 2n * (n - floor * d);
  const isUp = twice > d || (twice === d && (sticky || floor % 2n === 1n));
  return isUp ? floor + 1n : floor;
}

/** The nearest integer, ties to even. */
export function nearestInteger({ n, d }: Rational): bigint {
  return n < 0n ? -nearest(-n, d) : nearest(n, d);
}

/** The nearest number of so many significant bits, ties to even, whatever its exponent. */
export function toBits(q: Rational, bits: number): Rational {
  if (isZero(q)) return q;
  const unit = power(floorLog2(magnitude(q)) - bits + 1);
  return times(rational(nearestInteger(over(q, unit))), unit);
}

export const to53 = (q: Rational): Rational => toBits(q, 53);

/** The square root of a number q >= 0, to 53 bits. */
export function root53(q: Rational): Rational {
  if (isZero(q)) return q;
  const half = Math.floor(floorLog2(q) / 2);
  // The root in units of 2^(half - 60), cut; whether there is more decides ties.
  const { n, d } = over(q, power(2 * (half - 60)));
  const whole = n / d;
  let low = 0n;
  let high = 1n << 70n;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle * middle <= whole) low = middle;
    else high = middle;
  }
  const sticky = low * low !== whole || whole * d !== n;
  const dropped = BigInt(bitLength(low) - 53);
  return times(rational(nearest(low, 1n << dropped, sticky) << dropped), power(half - 60));
}

/** Rounded to nearest even to a float format, at most its largest number; below 2^-1290 as if 0. */
export function toFloat(q: Rational, format: FloatFormat): number {
  const options = resolveRounding(format, { saturation: 'finite' });
  const { n, d } = magnitude(q);
  const ratio = { numerator: n << unitExponent, denominator: d };
  if (ratio.numerator < d * 1024n) return format.hasZero ? 0 : format.min;
  return oracleRoundRatio(ratio, q.n < 0n, format, options, 0);
}

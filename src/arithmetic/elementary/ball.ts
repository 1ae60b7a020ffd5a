/**
 * Ball arithmetic in BigInt: a real known to lie within a radius of a middle, every operation widening the radius by what it
 * loses, so that a chain of operations carries its own proof of error. Slow and exact; not for arrays.
 * Source: J. van der Hoeven, "Ball arithmetic", 2009; F. Johansson, "Arb", IEEE Trans. Computers 66(8), 2017.
 */
import { toBigIntSignificand } from '../../binary64.ts';
import { bitLength as digitsOf, integerSquareRoot } from '../../formats/integers.ts';

/** The reals in [middle - radius, middle + radius] 2^exponent. */
export interface Ball {
  readonly middle: bigint;
  readonly radius: bigint;
  readonly exponent: number;
}

export function absolute(n: bigint): bigint {
  return n < 0n ? -n : n;
}

/** Number of binary digits of |n|; 0 for 0. */
export function bitLength(n: bigint): number {
  return digitsOf(absolute(n));
}

/** n 2^shift, rounded down for negative shifts. */
export function shifted(n: bigint, shift: number): bigint {
  return shift >= 0 ? n << BigInt(shift) : n >> BigInt(-shift);
}

/** The ball of one binary64 number, finite. */
export function exactBall(x: number): Ball {
  const { significand, exponent } = toBigIntSignificand(x);
  return { middle: x < 0 ? -significand : significand, radius: 0n, exponent };
}

/** Drops digits beyond `bits`. */
function trimmed(ball: Ball, bits: number): Ball {
  const excess = bitLength(ball.middle) - bits;
  if (excess <= 0) return ball;
  // One unit for the middle, one for the radius, both rounded down.
  return {
    middle: shifted(ball.middle, -excess),
    radius: shifted(ball.radius, -excess) + 2n,
    exponent: ball.exponent + excess,
  };
}

/** ball 2^shift. */
export function scaled(ball: Ball, shift: number): Ball {
  return { ...ball, exponent: ball.exponent + shift };
}

export function add(a: Ball, b: Ball): Ball {
  const exponent = Math.min(a.exponent, b.exponent);
  const [s, t] = [a.exponent - exponent, b.exponent - exponent];
  return {
    middle: shifted(a.middle, s) + shifted(b.middle, t),
    radius: shifted(a.radius, s) + shifted(b.radius, t),
    exponent,
  };
}

export function negated(ball: Ball): Ball {
  return { ...ball, middle: -ball.middle };
}

export function multiply(a: Ball, b: Ball, bits: number): Ball {
  const radius = absolute(a.middle) * b.radius + absolute(b.middle) * a.radius + a.radius * b.radius;
  return trimmed({ middle: a.middle * b.middle, radius, exponent: a.exponent + b.exponent }, bits);
}

/** a / b to about `bits` digits, for a b that does not contain 0. */
export function divide(a: Ball, b: Ball, bits: number): Ball {
  const shift = BigInt(Math.max(0, bits + 2 + bitLength(b.middle) - bitLength(a.middle)));
  const divisor = absolute(b.middle);
  const nearest = divisor - b.radius;
  if (nearest <= 0n) throw new RangeError('division by a ball that contains 0');
  const numerator = (a.radius * divisor + absolute(a.middle) * b.radius) << shift;
  return {
    middle: (a.middle << shift) / b.middle,
    radius: a.radius === 0n && b.radius === 0n ? 1n : numerator / (divisor * nearest) + 2n,
    exponent: a.exponent - b.exponent - Number(shift),
  };
}

/** The square root of a ball of positive numbers, to about `bits` digits. */
export function squareRoot(a: Ball, bits: number): Ball {
  let shift = Math.max(0, 2 * bits + 4 - bitLength(a.middle));
  if ((a.exponent - shift) % 2 !== 0) shift++;
  const low = integerSquareRoot(shifted(a.middle - a.radius, shift));
  const high = integerSquareRoot(shifted(a.middle + a.radius, shift)) + 1n;
  return { middle: low, radius: high - low, exponent: (a.exponent - shift) / 2 };
}

/** The ball in units of 2^-digits: a fixed-point number and how far off it may be. */
export function toFixed(ball: Ball, digits: number): { value: bigint; radius: bigint } {
  const shift = ball.exponent + digits;
  if (shift >= 0) return { value: shifted(ball.middle, shift), radius: shifted(ball.radius, shift) };
  return { value: shifted(ball.middle, shift), radius: shifted(ball.radius, shift) + 2n };
}

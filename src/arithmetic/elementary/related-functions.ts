/**
 * Enclosures of the functions that are made of exp, log and erf: exp10, log10, log1p, expm1, cbrt, softplus, silu, erfc. As in
 * `functions.ts`, what is rational is given exactly: by Lindemann's theorem 10^x and log10 x are so for powers of ten alone, a cube
 * root of a number with finitely many binary digits only if it is one again, the others nowhere but at 0.
 */
import { toBigIntSignificand } from '../../binary64.ts';
import { add, type Ball, bitLength, divide, exactBall, multiply, negated, shifted } from './ball.ts';
import { exactly, huge, type Interval, inBall, justBelow, tiny } from './interval.ts';
import { type Enclosure, near, nearOne, one, squareOf } from './near.ts';
import {
  complementaryErrorFunction,
  errorFunction,
  exponential,
  logarithm,
  logarithmOfBall,
} from './series.ts';

export type RelatedName = 'exp10' | 'log10' | 'log1p' | 'expm1' | 'cbrt' | 'softplus' | 'silu' | 'erfc';

/** log2 10, rounded down. */
const bitsOfTen = 3.32;
/** Powers of ten are exact this much beyond the limit of other results. */
const exactDigits = 8;

function ln10Ball(digits: number): Ball {
  return logarithm(10n, 0, digits + 8);
}

function exp10(x: number, bits: number, limit: number): Interval | undefined {
  // 10^-n has no finite binary expansion; 10^x of other fractions is irrational.
  if (x >= 0 && Number.isInteger(x) && x * bitsOfTen < exactDigits * limit)
    return exactly(false, 5n ** BigInt(x), x);
  if (Math.abs(x) * bitsOfTen > limit) return x > 0 ? huge(false) : tiny(false);
  // |10^x - 1| < 3 |x|
  if (Math.abs(x) < 2 ** (-bits - 2)) return nearOne(x > 0, bits);
  return inBall(exponential(multiply(exactBall(x), ln10Ball(bits + 32), bits + 32), bits + 8));
}

function log10(x: number, bits: number): Interval | undefined {
  const { significand, exponent } = toBigIntSignificand(x);
  // 10^n is an integer with n factors of two.
  const integer = exponent >= 0 ? significand << BigInt(exponent) : shifted(significand, exponent);
  const digits = integer.toString();
  const isPower = x >= 1 && Number.isInteger(x) && /^10*$/.test(digits);
  if (isPower) return exactly(false, BigInt(digits.length - 1), 0);
  // |ln x| is at least 2^-54.
  const logarithmOfX = logarithm(significand, exponent, bits + 56);
  return inBall(divide(logarithmOfX, ln10Ball(bits + 56), bits + 56));
}

function log1p(x: number, bits: number): Interval | undefined {
  // x - x^2/2 + ...
  if (Math.abs(x) < 2 ** -bits) return near(x, x < 0, bits);
  const sum = add(exactBall(x), one);
  return inBall(logarithm(sum.middle, sum.exponent, 2 * bits + 8));
}

function expm1(x: number, bits: number, limit: number): Interval | undefined {
  // x + x^2/2 + ...
  if (Math.abs(x) < 2 ** -bits) return near(x, x > 0, bits);
  if (x > limit * 0.7) return huge(false);
  if (x < (bits + 1) * -0.7) return { ...nearOne(false, bits), negative: true };
  return inBall(add(exponential(exactBall(x), 2 * bits + 8), negated(one)));
}

/** floor(n^(1/3)), by Newton's iteration from above. */
function integerCubeRoot(n: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(bitLength(n) / 3));
  for (;;) {
    const next = (2n * root + n / (root * root)) / 3n;
    if (next >= root) return root;
    root = next;
  }
}

/** Algebraic: the root of an integer, by integers. */
function cbrt(x: number, bits: number): Interval {
  const { significand, exponent } = toBigIntSignificand(x);
  const lowest = ((exponent % 3) + 3) % 3;
  const integer = significand << BigInt(lowest);
  const shift = bits;
  const wide = integer << BigInt(3 * shift);
  const root = integerCubeRoot(wide);
  const scale = (exponent - lowest) / 3 - shift;
  const negative = x < 0;
  if (root ** 3n === wide) return exactly(negative, root, scale);
  return {
    negative,
    low: { significand: root, exponent: scale, side: 'at' },
    high: { significand: root + 1n, exponent: scale, side: 'at' },
  };
}

/** The ball, made to hold all that lies within a part in 2^bits of it. */
function widened(ball: Ball, bits: number): Ball {
  const length = bitLength(ball.middle);
  const spare = Math.max(0, bits + 2 - length);
  const fine = {
    middle: ball.middle << BigInt(spare),
    radius: ball.radius << BigInt(spare),
    exponent: ball.exponent - spare,
  };
  const part = (fine.middle < 0n ? -fine.middle : fine.middle) >> BigInt(bits);
  return { ...fine, radius: fine.radius + part + 1n };
}

function softplus(x: number, bits: number, limit: number): Interval | undefined {
  if (x < limit * -0.7) return tiny(false);
  // ln(1 + e^x) is x + ln(1 + e^-x) above, e^x (1 - e^x / 2 + ...) below.
  if (x > (bits + 1) * 0.7) return near(x, true, bits);
  const power = exponential(exactBall(x), 2 * bits + 8);
  if (x < (bits + 1) * -0.7) return inBall(widened(power, bits));
  return inBall(logarithmOfBall(add(power, one), 2 * bits + 8));
}

function silu(x: number, bits: number, limit: number): Interval | undefined {
  // x/2 (1 + x/2 - ...)
  if (Math.abs(x) < 2 ** -bits) return near(x, x > 0, bits, -1);
  // x (1 - e^-x + ...)
  if (x > (bits + 1) * 0.7) return near(x, false, bits);
  if (x < (limit + 60) * -0.7) return tiny(true);
  const power = exponential(exactBall(-x), bits + 16);
  return inBall(divide(exactBall(x), add(power, one), bits + 8));
}

function erfc(x: number, bits: number, limit: number): Interval | undefined {
  if (x === 0) return exactly(false, 1n, 0);
  // 1 - 2x / sqrt pi + ...
  if (Math.abs(x) < 2 ** (-bits - 1)) return nearOne(x < 0, bits);
  const square = x * x;
  // erfc(-x) = 2 - erfc x, and erfc x < e^(-x^2)
  if (x < 0)
    return square > (bits + 1) * 0.7
      ? justBelow(false, 1n, 1, bits)
      : inBall(add(one, errorFunction(squareOf(x, 0), bits + 8)));
  if (square > (limit + 1100) * 0.7) return tiny(false);
  return inBall(complementaryErrorFunction(squareOf(x, 0), bits + 8));
}

export const relatedEnclosures: Readonly<Record<RelatedName, Enclosure>> = {
  exp10,
  log10,
  log1p,
  expm1,
  cbrt,
  softplus,
  silu,
  erfc,
};

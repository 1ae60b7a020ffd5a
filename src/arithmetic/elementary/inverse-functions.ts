/**
 * Enclosures of the inverse functions asin, acos, asinh, acosh, atanh, and atan2. All are irrational but at 0 (and acos and acosh at 1),
 * by Lindemann's theorem.
 */
import { toBigIntSignificand } from '../../binary64.ts';
import {
  add,
  type Ball,
  bitLength,
  divide,
  exactBall,
  multiply,
  negated,
  scaled,
  squareRoot,
} from './ball.ts';
import { type Interval, inBall, justBelow } from './interval.ts';
import { type Enclosure, fixedDigits, isSmall, near, one, squareOf, withSign } from './near.ts';
import { arctangentOfBall, logarithm, logarithmOfBall, piBall } from './series.ts';

export type InverseName = 'asin' | 'acos' | 'asinh' | 'acosh' | 'atanh';

/** sqrt(1 - x^2) to about that many digits, for |x| < 1. */
function cofunction(x: number, digits: number): Ball {
  return squareRoot(add(one, negated(squareOf(x, 0))), digits);
}

/** asin |x| = 2 arctan(|x| / (1 + sqrt(1 - x^2))), whose argument is at most 1; the absolute error is about 2^-digits. */
function arcsine(x: number, digits: number): Ball {
  const magnitude = Math.abs(x);
  if (magnitude === 1) return scaled(piBall(digits + 8), -1);
  const t = divide(exactBall(magnitude), add(one, cofunction(x, digits + 8)), digits + 8);
  return scaled(arctangentOfBall(t, digits + 4), 1);
}

function asin(x: number, bits: number): Interval | undefined {
  if (isSmall(x, bits)) return near(x, true, bits);
  return withSign(x, inBall(arcsine(x, fixedDigits(bits))));
}

/** acos x = 2 arctan(sqrt((1 - x) / (1 + x))) for x >= 0, and pi less that for the others. */
function acos(x: number, bits: number): Interval | undefined {
  const digits = bits + 64;
  if (x === 0) return inBall(scaled(piBall(digits), -1));
  const magnitude = exactBall(Math.abs(x));
  if (x === -1) return inBall(piBall(digits));
  const ratio = divide(add(one, negated(magnitude)), add(one, magnitude), digits);
  const angle = scaled(arctangentOfBall(squareRoot(ratio, digits), digits), 1);
  return inBall(x < 0 ? add(piBall(digits), negated(angle)) : angle);
}

function asinh(x: number, bits: number): Interval | undefined {
  if (isSmall(x, bits)) return near(x, false, bits);
  const digits = fixedDigits(bits) + 16;
  const root = squareRoot(add(squareOf(x, 0), one), digits);
  return withSign(x, inBall(logarithmOfBall(add(exactBall(Math.abs(x)), root), digits)));
}

/** For x > 1. */
function acosh(x: number, bits: number): Interval | undefined {
  // x is at least 1 + 2^-52, so the result at least 2^-26.
  const digits = bits + 96;
  const root = squareRoot(add(squareOf(x, 0), negated(one)), digits);
  return inBall(logarithmOfBall(add(exactBall(x), root), digits));
}

/** For |x| < 1: (ln(1 + x) - ln(1 - x)) / 2. */
function atanh(x: number, bits: number): Interval | undefined {
  if (isSmall(x, bits)) return near(x, true, bits);
  const digits = fixedDigits(bits) + 16;
  const magnitude = exactBall(Math.abs(x));
  const [above, below] = [add(one, magnitude), add(one, negated(magnitude))].map(({ middle, exponent }) =>
    logarithm(middle, exponent, digits),
  ) as [Ball, Ball];
  return withSign(x, inBall(scaled(add(above, negated(below)), -1)));
}

export const inverseEnclosures: Readonly<Record<InverseName, Enclosure>> = {
  asin,
  acos,
  asinh,
  acosh,
  atanh,
};

/** q(1 - q^2) < arctan q < q for a small q = |y / x|: open above, where q has finitely many binary digits. */
function smallAngle(y: number, x: number, bits: number): Interval | undefined {
  const [a, b] = [toBigIntSignificand(y), toBigIntSignificand(x)];
  const zeros = bitLength(b.significand & -b.significand) - 1;
  const odd = b.significand >> BigInt(zeros);
  if (a.significand % odd === 0n)
    return justBelow(false, a.significand / odd, a.exponent - b.exponent - zeros, bits);
  const quotient = divide(exactBall(Math.abs(y)), exactBall(Math.abs(x)), bits + 8);
  const part = quotient.middle >> BigInt(bits);
  return inBall({ ...quotient, radius: quotient.radius + part + 1n });
}

/** The angle of the point (x, y), neither of them zero. */
export function atan2(y: number, x: number, bits: number): Interval | undefined {
  const [tall, wide] = [Math.abs(y), Math.abs(x)];
  const digits = bits + 64;
  if (x > 0 && exponentDifference(tall, wide) < -bits / 2 - 2) return withSign(y, smallAngle(y, x, bits));
  const isSteep = tall > wide;
  const quotient = isSteep
    ? divide(exactBall(wide), exactBall(tall), digits + bits)
    : divide(exactBall(tall), exactBall(wide), digits + bits);
  const angle = arctangentOfBall(quotient, digits + bits);
  const acute = isSteep ? add(scaled(piBall(digits + bits), -1), negated(angle)) : angle;
  return withSign(y, inBall(x < 0 ? add(piBall(digits + bits), negated(acute)) : acute));
}

/** log2(a / b), to one. */
function exponentDifference(a: number, b: number): number {
  const [s, t] = [toBigIntSignificand(a), toBigIntSignificand(b)];
  return s.exponent + bitLength(s.significand) - t.exponent - bitLength(t.significand);
}

/** The directions that IEEE 754-2019 gives exactly: multiples of pi / 4, as many as that. */
export function eighthTurns(count: number, bits: number): Interval | undefined {
  const quarter = scaled(piBall(bits + 8), -2);
  return inBall(multiply(quarter, exactBall(count), bits + 8));
}

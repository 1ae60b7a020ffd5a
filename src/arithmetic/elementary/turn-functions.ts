/**
 * Enclosures of sinPi, cosPi and tanPi: the functions of pi x, whose argument is reduced exactly. By Niven's theorem they are rational
 * only at multiples of 1/2 (tanPi: of 1/4), of the numbers with finitely many binary digits.
 */
import { toBigIntSignificand } from '../../binary64.ts';
import { type Ball, bitLength, divide, exactBall, multiply, negated } from './ball.ts';
import { exactly, type Interval, inBall } from './interval.ts';
import { type Enclosure, isSmall, nearOne } from './near.ts';
import { piBall, sineAndCosineOfBall } from './series.ts';

export type TurnName = 'sinPi' | 'cosPi' | 'tanPi';

/** x - q / 2 with |rest| <= 1/4, exactly, and q mod 4. */
function reduce(x: number): { rest: number; quadrant: number } {
  // Twice a binary64 number of 2^52 or more is an even integer.
  const turn = x % 2;
  const half = Math.round(2 * turn);
  return { rest: turn - half / 2, quadrant: ((half % 4) + 4) % 4 };
}

/** sin(pi r) and cos(pi r) for 0 < |r| <= 1/4, to a relative error of about 2^-bits. */
function sineAndCosineOfTurn(rest: number, bits: number): { sine: Ball; cosine: Ball } {
  const size = -(toBigIntSignificand(rest).exponent + bitLength(toBigIntSignificand(rest).significand));
  // A small sine has its first digit that far behind the point.
  const digits = bits + 16 + Math.max(0, size);
  return sineAndCosineOfBall(multiply(piBall(digits), exactBall(rest), digits + 8), digits);
}

function signed(ball: Ball, isNegative: boolean): Ball {
  return isNegative ? negated(ball) : ball;
}

/** sin(pi r) for a small r is pi r (1 - t), 0 < t < (pi r)^2 / 6. */
function smallSine(rest: number, bits: number): Ball {
  const product = multiply(piBall(bits + 16), exactBall(rest), bits + 16);
  const magnitude = product.middle < 0n ? -product.middle : product.middle;
  return { ...product, radius: product.radius + (magnitude >> BigInt(bits)) + 1n };
}

function sine(rest: number, bits: number): Ball {
  return isSmall(rest, bits + 4) ? smallSine(rest, bits) : sineAndCosineOfTurn(rest, bits).sine;
}

/** cos(pi r) with a sign, for a rest that is not 0. */
function cosine(rest: number, isNegative: boolean, bits: number): Interval | undefined {
  if (isSmall(rest, bits + 4)) return { ...nearOne(false, bits), negative: isNegative };
  return inBall(signed(sineAndCosineOfTurn(rest, bits).cosine, isNegative));
}

/** For x that is no integer. */
function sinPi(x: number, bits: number): Interval | undefined {
  const { rest, quadrant } = reduce(x);
  const isNegative = quadrant >= 2;
  if (quadrant % 2 === 0) return inBall(signed(sine(rest, bits), isNegative));
  return rest === 0 ? exactly(isNegative, 1n, 0) : cosine(rest, isNegative, bits);
}

/** For x that is no half of an odd integer. */
function cosPi(x: number, bits: number): Interval | undefined {
  const { rest, quadrant } = reduce(x);
  const isNegative = quadrant === 1 || quadrant === 2;
  if (quadrant % 2 === 1) return inBall(signed(sine(rest, bits), isNegative));
  return rest === 0 ? exactly(isNegative, 1n, 0) : cosine(rest, isNegative, bits);
}

/** For x that is no half of an integer. */
function tanPi(x: number, bits: number): Interval | undefined {
  const { rest, quadrant } = reduce(x);
  if (Math.abs(rest) === 0.25) return exactly(rest < 0 !== (quadrant % 2 === 1), 1n, 0);
  // tan(pi r) for a small r is pi r (1 + t), 0 < t < (pi r)^2, and so is its inverse.
  const { sine: s, cosine: c } = isSmall(rest, bits + 4)
    ? { sine: smallSine(rest, bits), cosine: exactBall(1) }
    : sineAndCosineOfTurn(rest, bits);
  return inBall(quadrant % 2 === 0 ? divide(s, c, bits + 8) : negated(divide(c, s, bits + 8)));
}

export const turnEnclosures: Readonly<Record<TurnName, Enclosure>> = { sinPi, cosPi, tanPi };

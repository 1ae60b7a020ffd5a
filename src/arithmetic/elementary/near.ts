/** The parts that enclosures share: results next to 1 or to their argument, signs, squares. */
import { toBigIntSignificand } from '../../binary64.ts';
import { type Ball, exactBall } from './ball.ts';
import { type Interval, justAbove, justBelow } from './interval.ts';

/**
 * @param x Finite.
 * @param bits Digits wanted.
 * @param limit Results beyond 2^limit, or below 2^-limit, need no digits. At least 4000.
 */
export type Enclosure = (x: number, bits: number, limit: number) => Interval | undefined;

export const one: Ball = exactBall(1);

/** 1 plus or minus less than a part in 2^bits. */
export function nearOne(above: boolean, bits: number): Interval {
  return above ? justAbove(false, 1n, 0, bits) : justBelow(false, 1n, 0, bits);
}

/** x times 2^shift, plus or minus less than a part in 2^bits. */
export function near(x: number, farther: boolean, bits: number, shift = 0): Interval {
  const { significand, exponent } = toBigIntSignificand(x);
  return (farther ? justAbove : justBelow)(x < 0, significand, exponent + shift, bits);
}

/** Whether x^2 is less than a part in 2^bits. Odd functions are x + O(x^3) with a constant below 1 there. */
export function isSmall(x: number, bits: number): boolean {
  return Math.abs(x) < 2 ** (-bits / 2 - 1);
}

/** Digits after the point with which a number of about 2^(-bits / 2) still has `bits`. */
export function fixedDigits(bits: number): number {
  return Math.ceil(1.5 * bits) + 16;
}

/** The interval with the sign of x, for functions that are odd. */
export function withSign(x: number, interval: Interval | undefined): Interval | undefined {
  return interval && { ...interval, negative: x < 0 };
}

/** x^2 2^shift, exactly. */
export function squareOf(x: number, shift: number): Ball {
  const { significand, exponent } = toBigIntSignificand(x);
  return { middle: significand * significand, radius: 0n, exponent: 2 * exponent + shift };
}

/** The remainder of IEEE 754-2019, section 5.3.1: x - y n, n the integer nearest to x / y, the even one of two. It is a binary64 number itself. */
import { invalid, quiet, type Special } from './specials.ts';

/** x - y n for positive x and y. Every step is exact. */
function ofMagnitudes(x: number, y: number): number {
  // The parity of n is in what is left of 2 y, where that is a number: else x is below it.
  const rest = 2 * y < Infinity ? x % (2 * y) : x;
  // Halves of numbers near the largest ones, doubles of all others.
  const isBeyondHalf = (part: number, orAt: boolean): boolean => {
    const [left, right] = y > 1 ? [part, y / 2] : [2 * part, y];
    return left > right || (orAt && left === right);
  };
  if (!isBeyondHalf(rest, false)) return rest;
  return isBeyondHalf(rest - y, true) ? rest - y - y : rest - y;
}

/** The remainder where an infinity, NaN or zero says it. */
export function remainderSpecial(x: number, y: number): Special | undefined {
  if (Number.isNaN(x) || Number.isNaN(y)) return quiet(NaN);
  if (Math.abs(x) === Infinity || y === 0) return invalid;
  const rest = remainder(x, y);
  // A zero has the sign of x.
  return rest === 0 ? quiet(x < 0 || Object.is(x, -0) ? -0 : 0) : undefined;
}

/** For a finite x and a y other than 0 and NaN. */
export function remainder(x: number, y: number): number {
  if (Math.abs(y) === Infinity) return x;
  const rest = ofMagnitudes(Math.abs(x), Math.abs(y));
  return x < 0 ? -rest : rest;
}

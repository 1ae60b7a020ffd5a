/**
 * `pow` and `hypot` as enclosures, like `functions.ts`. Both are rational for some arguments, found by integer roots; all else
 * is irrational, or has more digits than any number that a rounding compares with.
 */

import { log } from '../../approximate.ts';
import { toBigIntSignificand } from '../../binary64.ts';
import { integerSquareRoot } from '../../formats/integers.ts';
import { bitLength, exactBall, multiply, shifted } from './ball.ts';
import { exactly, huge, type Interval, inBall, justAbove, justBelow, tiny } from './interval.ts';
import { exponential, logarithm } from './series.ts';

// Integer powers are cheap: they are computed this much beyond the limit of other results.
const exactDigits = 8;

/** m 2^e with an odd m. */
interface OddForm {
  readonly m: bigint;
  readonly e: number;
}

function oddForm(x: number): OddForm {
  const { significand, exponent } = toBigIntSignificand(x);
  const zeros = bitLength(significand & -significand) - 1;
  return { m: significand >> BigInt(zeros), e: exponent + zeros };
}

/** The square root where it is rational. */
function rootOf({ m, e }: OddForm): OddForm | undefined {
  if (e % 2 !== 0) return undefined;
  const root = integerSquareRoot(m);
  return root * root === m ? { m: root, e: e / 2 } : undefined;
}

/**
 * |x|^y where it is m 2^e with m of at most `digits` digits; |x| is not 1. With y = n 2^-k, n odd, it is rational only if |x| is the 2^k-th
 * power of a rational; with y < 0 it has finitely many binary digits only if |x| is a power of two.
 */
function exactPower(x: number, y: number, digits: number): OddForm | undefined {
  let base: OddForm | undefined = oddForm(x);
  const exponent = oddForm(y);
  for (let k = exponent.e; k < 0; k++) {
    base = rootOf(base);
    if (base === undefined) return undefined;
  }
  const n = Number(exponent.m) * 2 ** Math.max(0, exponent.e) * (y < 0 ? -1 : 1);
  if (base.m === 1n) return Math.abs(base.e * n) <= digits ? { m: 1n, e: base.e * n } : undefined;
  if (n < 0 || n * bitLength(base.m) > digits) return undefined;
  return { m: base.m ** BigInt(n), e: base.e * n };
}

/** x^y for a non-zero x, and a non-zero y that is an integer if x < 0. */
export function pow(x: number, y: number, bits: number, limit: number): Interval | undefined {
  const negative = x < 0 && Math.abs(y) % 2 === 1;
  const magnitude = Math.abs(x);
  if (magnitude === 1) return exactly(negative, 1n, 0);
  // ln |x|^y, to a relative error of 2^-46
  const power = y * log(magnitude);
  const exact = exactPower(x, y, exactDigits * limit);
  if (exact !== undefined) return exactly(negative, exact.m, exact.e);
  if (Math.abs(power) > limit * 0.7) return power > 0 ? huge(negative) : tiny(negative);
  if (Math.abs(power) < 2 ** (-bits - 2)) {
    // The product may have vanished; its sign has not.
    const isAbove = magnitude > 1 === y > 0;
    return (isAbove ? justAbove : justBelow)(negative, 1n, 0, bits);
  }
  const { significand, exponent } = toBigIntSignificand(magnitude);
  // The absolute error of the product is what the exponential sees: more digits for a large one.
  const more = bits + 80 + bitLength(BigInt(Math.ceil(Math.abs(power))));
  const size = Math.max(0, bitLength(BigInt(Math.ceil(Math.abs(y)))));
  const product = multiply(exactBall(y), logarithm(significand, exponent, more + size), more + size);
  const ball = exponential(product, bits + 8);
  return inBall(negative ? { ...ball, middle: -ball.middle } : ball);
}

/** sqrt(x^2 + y^2), not both zero: the root of an integer, by integers. */
export function hypot(x: number, y: number, bits: number): Interval {
  const [a, b] = [toBigIntSignificand(x), toBigIntSignificand(y)];
  // A zero has no exponent of its own.
  const exponent = Math.min(x === 0 ? b.exponent : a.exponent, y === 0 ? a.exponent : b.exponent);
  const square = [a, b].reduce((sum, { significand, exponent: own }) => {
    const integer = significand === 0n ? 0n : shifted(significand, own - exponent);
    return sum + integer * integer;
  }, 0n);
  const shift = Math.max(0, bits - (bitLength(square) >> 1));
  const wide = square << BigInt(2 * shift);
  const root = integerSquareRoot(wide);
  const scale = exponent - shift;
  if (root * root === wide) return exactly(false, root, scale);
  return {
    negative: false,
    low: { significand: root, exponent: scale, side: 'at' },
    high: { significand: root + 1n, exponent: scale, side: 'at' },
  };
}

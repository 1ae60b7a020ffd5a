/** The remainder of IEEE 754-2019, section 5.3.1, by quotients of integers. */
import { exactly } from './rational.ts';

/** x - y n in integers of a common unit: a number of binary64, with the sign of x where it is 0. NaN where there is none. */
export function exactRemainder(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y) || Math.abs(x) === Infinity || y === 0) return NaN;
  if (Math.abs(y) === Infinity) return x;
  const [a, b] = [exactly(x), exactly(y)];
  const [p, q] = [a.n * b.d, b.n * a.d];
  const [magnitude, divisor] = [p < 0n ? -p : p, q < 0n ? -q : q];
  let n = magnitude / divisor;
  const twice = 2n * (magnitude - n * divisor);
  if (twice > divisor || (twice === divisor && n % 2n === 1n)) n++;
  const rest = magnitude - n * divisor;
  // Over a.d b.d, a power of two: exact as a quotient of numbers where both are small enough, else by shifts.
  const sign = p < 0n || Object.is(x, -0) ? -1 : 1;
  if (rest === 0n) return sign < 0 ? -0 : 0;
  const bits = a.d.toString(2).length + b.d.toString(2).length - 2;
  let [count, exponent] = [rest < 0n ? -rest : rest, -bits];
  while (count % 2n === 0n) [count, exponent] = [count / 2n, exponent + 1];
  const half = Math.trunc(exponent / 2);
  return sign * (rest < 0n ? -1 : 1) * Number(count) * 2 ** half * 2 ** (exponent - half);
}

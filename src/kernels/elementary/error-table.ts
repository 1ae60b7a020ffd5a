/**
 * The polynomials by which the kernel evaluates erf: Taylor's of erf x / x about the middles of short pieces of the axis, made in integers, so
 * that every coefficient is the nearest binary64 number. On a circle of radius 2 about a middle the function is below 32, so that
 * what is cut off is below 32 (1/32)^12 / (1 - 1/32), 2^-54 of the least value, 1 / 6.5.
 */
import { integerSquareRoot } from '../../formats/integers.ts';
import { coefficients, pieces, piecesPerUnit } from '../generated/layout-elementary.ts';

/** Numbers are integers in units of 2^-digits. The quotients by a middle of 1/16 lose 4 bits a coefficient. */
const digits = 256;
const unit = 1n << BigInt(digits);

const product = (a: bigint, b: bigint): bigint => (a * b) >> BigInt(digits);

/** arctan(1 / n). */
function arctangentOfInverse(n: bigint): bigint {
  let sum = 0n;
  let power = unit / n;
  for (let i = 1n; power !== 0n; i += 2n) {
    sum += i % 4n === 1n ? power / i : -power / i;
    power /= n * n;
  }
  return sum;
}

/** 2 / sqrt(pi), pi by Machin's formula. */
function twoOverRootPi(): bigint {
  const pi = 16n * arctangentOfInverse(5n) - 4n * arctangentOfInverse(239n);
  return (2n * unit * unit) / integerSquareRoot(pi * unit);
}

/** The sum of the terms, each the one before it times square / divisor(n). */
function sumOf(first: bigint, square: bigint, divisor: (n: bigint) => bigint): bigint {
  let sum = first;
  let term = first;
  for (let n = 1n; term !== 0n; n++) {
    term = product(term, square) / divisor(n);
    sum += term;
  }
  return sum;
}

/** The coefficients about the middle c, in rising order. */
function taylor(c: bigint, factor: bigint): bigint[] {
  const square = product(c, c);
  const density = product(factor, (unit * unit) / sumOf(unit, square, (n) => n));
  const value = product(
    density,
    sumOf(c, 2n * square, (n) => 2n * n + 1n),
  );
  // Of erf: y'' = -2 x y'.
  const own = [value, density];
  for (let n = 0; n + 2 < coefficients; n++) {
    const next = product(c, BigInt(n + 1) * own[n + 1]!) + BigInt(n) * own[n]!;
    own.push((-2n * next) / BigInt((n + 2) * (n + 1)));
  }
  // Divided by c + h.
  const quotients: bigint[] = [];
  for (const [n, each] of own.entries()) quotients.push(((each - (quotients[n - 1] ?? 0n)) * unit) / c);
  return quotients;
}

let made: Uint8Array | undefined;

/** Piece after piece, the highest coefficient first, as the bytes of binary64 numbers. Made once. */
export function errorTable(): Uint8Array {
  if (made !== undefined) return made;
  const factor = twoOverRootPi();
  const numbers = new Float64Array(pieces * coefficients);
  for (let i = 0; i < pieces; i++) {
    const middle = (BigInt(2 * i + 1) * unit) / BigInt(2 * piecesPerUnit);
    const rising = taylor(middle, factor);
    for (const [n, each] of rising.reverse().entries())
      numbers[i * coefficients + n] = Number(each) * 2 ** -digits;
  }
  made = new Uint8Array(numbers.buffer);
  return made;
}

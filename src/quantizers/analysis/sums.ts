/**
 * Sums of products of binary64 numbers, that neither overflow nor underflow: products beyond 2^900 and below 2^-900 are summed
 * apart, scaled by powers of two. Between these bounds the sums are those of plain binary64 arithmetic, bit for bit.
 * Source: Blue, "A Portable Fortran Program to Find the Euclidean Norm of a Vector", ACM TOMS 4, 1978.
 */
import { log } from '../../approximate.ts';
import { exponentOf, scaleByPowerOfTwo } from '../../binary64.ts';

/** A number m 2^exponent of any size: 0, or 1 <= |m| < 2. */
interface Scaled {
  readonly m: number;
  readonly exponent: number;
}

/** The exponents that factors of very large and of very small products are scaled by. */
const [down, up] = [-540, 600];
const [smallest, largest] = [2 ** -900, 2 ** 900];

function normalised(m: number, exponent: number): Scaled {
  if (m === 0 || !Number.isFinite(m)) return { m, exponent: 0 };
  const own = exponentOf(m);
  return { m: scaleByPowerOfTwo(m, -own), exponent: exponent + own };
}

export class SumOfProducts {
  private low = 0;
  private middle = 0;
  private high = 0;

  /** Adds a b. */
  add(a: number, b: number): void {
    const product = a * b;
    const size = Math.abs(product);
    if (size >= smallest && size <= largest) this.middle += product;
    else if (size > largest) this.high += a * 2 ** down * (b * 2 ** down);
    else if (a !== 0 && b !== 0) this.low += a * 2 ** up * (b * 2 ** up);
  }

  /** Adds another sum. */
  addSum({ low, middle, high }: SumOfProducts): void {
    this.low += low;
    this.middle += middle;
    this.high += high;
  }

  get total(): Scaled {
    if (this.high !== 0) return normalised(this.high + scaleByPowerOfTwo(this.middle, 2 * down), -2 * down);
    if (this.middle !== 0) return normalised(this.middle + scaleByPowerOfTwo(this.low, -2 * up), 0);
    return normalised(this.low, -2 * up);
  }
}

/** a / b for b other than 0. */
export function quotient(a: Scaled, b: Scaled): number {
  return scaleByPowerOfTwo(a.m / b.m, a.exponent - b.exponent);
}

/** The square root of a / b. */
export function rootOfQuotient(a: Scaled, b: Scaled): number {
  const exponent = a.exponent - b.exponent;
  const odd = Math.abs(exponent % 2);
  return scaleByPowerOfTwo(Math.sqrt((a.m / b.m) * 2 ** odd), (exponent - odd) / 2);
}

/** 10 log10(a / b). */
export function decibels(a: Scaled, b: Scaled): number {
  return (10 / Math.LN10) * (log(a.m / b.m) + (a.exponent - b.exponent) * Math.LN2);
}

/**
 * Functions that `src/arithmetic` does not have, by decimal arithmetic of high precision: the value to some 100 significant
 * digits, then one rounding. Slow (milliseconds) and correctly rounded.
 *
 * Why the digits suffice: the value of such a function at a number of at most 53 bits is either algebraic and a short binary
 * number itself, or lies apart from every midpoint and number of at most 53 bits by a part of about 2^-120 in the hardest
 * cases known (Muller, Elementary Functions, 3rd ed., chapter 12), far above 2^-320.
 */
import { all, type BigNumber, create, type MathJsInstance } from 'mathjs';
import type { Real } from '../arithmetic/real.ts';
import { bitLength } from '../formats/integers.ts';

/** Significant digits of the result. */
const digits = 110;
/** decimal.js knows ln 10 and pi to 1025 digits. */
const mostDigits = 1000;
/** Bits that are kept, and those below them that are all 0 or all 1 if and only if the value is a short number. */
const keptBits = 160;
const guardBits = 180;

let instance: MathJsInstance | undefined;

/** An instance with so many digits. Its big numbers know their precision by their constructor. */
function decimals(precision: number): MathJsInstance {
  instance ??= create(all!, { number: 'BigNumber', predictable: true, precision });
  if (instance.config({}).precision !== precision) instance.config({ precision });
  return instance;
}

/** Digits to compute with: sums that cancel lose as many as the exponent of the argument has. */
function precisionFor(numbers: readonly number[]): number {
  const exponents = numbers.map((x) => (x === 0 ? 0 : Math.abs(Math.round(Math.log10(Math.abs(x))))));
  return Math.min(digits + 2 * Math.max(...exponents), mostDigits);
}

/** A quotient of integers as a Real of `keptBits + guardBits` bits, or of few if it is a short binary number. */
function realOfQuotient(negative: boolean, numerator: bigint, denominator: bigint): Real {
  const width = keptBits + guardBits;
  const exponent = bitLength(numerator) - bitLength(denominator) - width;
  const significand =
    exponent < 0
      ? (numerator << BigInt(-exponent)) / denominator
      : numerator / (denominator << BigInt(exponent));
  // Short to within the error of the digits (some 2^-360), so short.
  const half = 1n << BigInt(guardBits - 1);
  const short = (significand + half) >> BigInt(guardBits);
  const distance = significand - (short << BigInt(guardBits));
  const isShort = (distance < 0n ? -distance : distance) < 1n << 16n;
  return isShort
    ? { negative, significand: short, exponent: exponent + guardBits, sticky: false }
    : { negative, significand, exponent, sticky: true };
}

function realOfDecimal(value: BigNumber): Real {
  const [mantissa, exponentText] = value.abs().toExponential().split('e') as [string, string];
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?];
  const numerator = BigInt(whole + fraction);
  const exponent = Number(exponentText) - fraction.length;
  const power = 10n ** BigInt(Math.abs(exponent));
  return exponent >= 0
    ? realOfQuotient(value.isNegative(), numerator * power, 1n)
    : realOfQuotient(value.isNegative(), numerator, power);
}

/**
 * The value of a mathjs function of big numbers at numbers, before rounding.
 *
 * @returns undefined where it is not finite, or 0.
 */
export function decimalValue(
  apply: (math: MathJsInstance, ...args: BigNumber[]) => BigNumber,
  ...args: number[]
): Real | undefined {
  const math = decimals(precisionFor(args));
  // Some functions give the number 0.
  const value = math.bignumber(apply(math, ...args.map((x) => math.bignumber(x))));
  return value.isFinite() && !value.isZero() ? realOfDecimal(value) : undefined;
}

/** Exact results and codes in text: binary, since they are about bits. */
import { exponentOfReal, type Real } from '../arithmetic/real.ts';
import type { Code, Format } from '../formats/format.ts';
import { bitLength } from '../formats/integers.ts';
import { codecOf, digitsOf } from './fields.ts';

const longestDigits = 32;

/** A Real in the notation of C's %a, normalised: 0x1.8p-3; `...` for what is not shown. */
export function realText({ negative, significand, exponent, sticky }: Real): string {
  if (significand === 0n) return sticky ? 'next to 0' : '0';
  const length = bitLength(significand);
  // One hexadecimal digit is the leading bit; the rest is filled up to whole digits.
  const filled = Math.ceil((length - 1) / 4) * 4;
  const digits = (significand << BigInt(filled - length + 1)).toString(16).slice(1);
  const isCut = digits.length > longestDigits;
  const shown = isCut ? digits.slice(0, longestDigits) : sticky ? digits : digits.replace(/0+$/, '');
  const power = exponentOfReal({ negative, significand, exponent, sticky });
  const point = shown === '' && !sticky ? '' : '.';
  return `${negative ? '-' : ''}0x1${point}${shown}${isCut || sticky ? '...' : ''}p${power < 0 ? '' : '+'}${power}`;
}

/** The code of a value as 0x and digits; words for what has none. */
export function codeText(value: number, format: Format): string {
  if (Number.isNaN(value) || !format.has(value)) return String(value);
  return hexText(codecOf(format).encode(value), format.bits);
}

export function hexText(code: Code, bits: number): string {
  return `0x${code.toString(16).toUpperCase().padStart(digitsOf(bits), '0')}`;
}

/** What all formats with codes share: the check of a code, and the ascending list of values. */
import { describe } from '../errors.ts';
import type { Code, Format } from './format.ts';

/** Returns the code as a bigint if it is an unsigned integer of the given width; throws RangeError otherwise. */
export function checkCode(code: Code, bits: number, name: string): bigint {
  if (bits === Infinity) throw new RangeError(`code: ${name} has no codes (unbounded exponent)`);
  const whole = typeof code === 'bigint' || Number.isSafeInteger(code);
  const value = whole ? BigInt(code) : -1n;
  if (value < 0n || value >> BigInt(bits) !== 0n)
    throw new RangeError(
      `code: got ${describe(code)}; accepted: an integer from 0 to 2^${bits} - 1 (${name})`,
    );
  return value;
}

/** The code in the carrier of its width: a number up to 32 bits, a bigint above. */
export function asCode(code: bigint, bits: number): Code {
  return bits <= 32 ? Number(code) : code;
}

/** The error of `encode` for a value that the format does not have. */
export function notInFormat(value: unknown, name: string): RangeError {
  return new RangeError(`value: got ${describe(value)}; accepted: a value of ${name} (encode never rounds)`);
}

/** Finite values of all codes, ascending, each once, -0 left out. Throws RangeError above 16 bits. */
export function collectValues(bits: number, name: string, decode: (code: number) => number): number[] {
  if (bits > 16)
    throw new RangeError(`values: ${name} has ${bits} bits; accepted: formats of at most 16 bits`);
  const found = new Set<number>();
  // A Set holds one zero: adding -0 stores +0.
  for (let code = 0; code < 2 ** bits; code++) {
    const value = decode(code);
    if (Number.isFinite(value)) found.add(value);
  }
  return [...found].sort((a, b) => a - b);
}

/** Arrays that hold codes: 8, 16, 32 bits, bigint codes above. */
export type CodeArray = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/** An array of the narrowest type that holds the format's codes. Throws RangeError where it has none. */
export function newCodes(format: Format, length: number): CodeArray {
  if (format.bits <= 8) return new Uint8Array(length);
  if (format.bits <= 16) return new Uint16Array(length);
  if (format.bits <= 32) return new Uint32Array(length);
  if (format.bits <= 64) return new BigUint64Array(length);
  throw new RangeError(`${format.name} has no codes (unbounded exponent)`);
}

/** What all formats with codes share: the check of a code, and the ascending list of values. */
import { asKind, kindOf } from '../array-kinds.ts';
import { pathOf } from '../check.ts';
import { ArgumentError, describe } from '../errors.ts';
import type { Code, Format } from './format.ts';

function outOfRange(path: string, code: unknown, bits: number, name: string): RangeError {
  return new RangeError(
    `${path}: got ${describe(code)}; accepted: an integer from 0 to 2^${bits} - 1 (${name})`,
  );
}

/** The error of a function of codes for a format that has none. */
export function noCodes(name: string, path = 'format'): RangeError {
  return new RangeError(`${path}: ${name} has no codes (unbounded exponent)`);
}

/**
 * Returns the code as a bigint.
 *
 * @throws RangeError for a number that is no unsigned integer of so many bits, or where there are no codes; ArgumentError for
 *   what is no number.
 */
export function checkCode(code: unknown, bits: number, name: string, path = 'code'): bigint {
  if (bits === Infinity) throw noCodes(name, path);
  if (typeof code !== 'bigint' && typeof code !== 'number')
    throw new ArgumentError(path, code, `an integer from 0 to 2^${bits} - 1 (${name})`);
  const value = typeof code === 'bigint' || Number.isSafeInteger(code) ? BigInt(code as Code) : -1n;
  if (value < 0n || value >> BigInt(bits) !== 0n) throw outOfRange(path, code, bits, name);
  return value;
}

/** A format whose codes are not too wide. Throws ArgumentError. */
export function checkCodeBits(path: string, format: Format, most: number): void {
  if (format.bits > most)
    throw new ArgumentError(path, format.name, `a format with codes of at most ${most} bits`);
}

/** The code in the carrier of its width: a number up to 32 bits, a bigint above. */
export function asCode(code: bigint, bits: number): Code {
  return bits <= 32 ? Number(code) : code;
}

/** The error of `encode` for a number that the format does not have; an ArgumentError for what is no number. */
export function notInFormat(value: unknown, name: string, path = 'value'): Error {
  if (typeof value !== 'number') return new ArgumentError(path, value, `a number of ${name}`);
  return new RangeError(
    `${path}: got ${describe(value)}; accepted: a value of ${name} (encode never rounds)`,
  );
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
  throw noCodes(format.name);
}

/** The kinds of arrays that hold codes, and the widest codes of each. */
const codeKinds = { Uint8Array: 8, Uint16Array: 16, Uint32Array: 32, BigUint64Array: 64 } as const;

function narrowestKind(format: Format): keyof typeof codeKinds {
  if (format.bits <= 8) return 'Uint8Array';
  if (format.bits <= 16) return 'Uint16Array';
  return format.bits <= 32 ? 'Uint32Array' : 'BigUint64Array';
}

/**
 * Codes as the narrowest ordinary array that holds the format's: an array of that kind as it is, its elements not looked at; a
 * wider one, or an array of integers, checked and copied. An array that is too narrow holds something else: parts of codes.
 *
 * @throws ArgumentError for anything else, and for an element that is no integer; RangeError for a code that has more bits than the format.
 */
export function codesOf(path: string, given: unknown, format: Format): CodeArray {
  const narrow = narrowestKind(format);
  const own = asKind(given, narrow);
  if (own !== undefined) return own;
  const width = codeKinds[kindOf(given) as keyof typeof codeKinds] ?? 0;
  if (!Array.isArray(given) && width < format.bits)
    throw new ArgumentError(path, given, `a ${narrow} of codes of ${format.name}, or an array of integers`);
  const list = given as ArrayLike<unknown>;
  const codes = newCodes(format, list.length);
  for (let i = 0; i < list.length; i++) {
    if (typeof list[i] === 'number' && !Number.isInteger(list[i]))
      throw new ArgumentError(pathOf(path, i), list[i], `integers, the codes of ${format.name}`);
    const code = checkCode(list[i], format.bits, format.name, pathOf(path, i));
    codes[i] = format.bits <= 32 ? Number(code) : code;
  }
  return codes;
}

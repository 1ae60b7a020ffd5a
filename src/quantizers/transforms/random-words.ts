/**
 * Seeds and streams of transforms: as options that JSON can hold (64-bit integers, those above 2^53 as decimal text), and what is
 * drawn for one purpose apart from all others under the same seed and stream. Rounding draws from the stream as it is.
 */
import { ArgumentError } from '../../errors.ts';
import { integerOf64Bits } from '../../rounding/options.ts';

/** An integer in [0, 2^53), a bigint in [0, 2^64), or the latter as decimal text, which is how JSON has it. */
export type Word = number | bigint | string;

/** The integer of an option, 0 for none. Throws ArgumentError. */
export function readWord(argument: string, given: Word | undefined): number | bigint {
  if (typeof given !== 'string') return integerOf64Bits(argument, given);
  if (!/^\d{1,20}$/.test(given)) throw new ArgumentError(argument, given, 'the digits of an integer');
  return integerOf64Bits(argument, BigInt(given));
}

/** What transforms draw numbers for: FNV-1a-32 of the name, by which the high word of a stream is changed. */
const purposes = { noise: 0x904416d1, signs: 0xe3d02375 } as const;

/**
 * The stream of a purpose: the given one with its high word XORed by the purpose's, plus `part` times 0x9e3779b9 modulo 2^32, which
 * is odd, so that every part has a stream of its own.
 */
export function streamFor(purpose: keyof typeof purposes, stream: number | bigint, part = 0): bigint {
  const tag = (purposes[purpose] + Math.imul(part, 0x9e3779b9)) >>> 0;
  return BigInt(stream) ^ (BigInt(tag) << 32n);
}

/** The option as JSON holds it. */
export function writeWord(word: number | bigint): number | string {
  if (typeof word === 'number') return word;
  return word <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(word) : word.toString();
}

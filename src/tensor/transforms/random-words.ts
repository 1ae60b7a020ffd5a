/** Seeds and streams as options that JSON can hold: 64-bit integers, those above 2^53 as decimal text. */
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

/** The option as JSON holds it. */
export function writeWord(word: number | bigint): number | string {
  if (typeof word === 'number') return word;
  return word <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(word) : word.toString();
}

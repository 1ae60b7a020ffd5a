/** Numbers and words of fields, as text; refused as the library refuses arguments. */
import { integerInRange, oneOf } from '../../src/check.ts';
import { readNumber } from '../../src/cli/formats/read-number.ts';
import { ArgumentError } from '../../src/index.ts';

/** An integer between two others. */
export function integerFrom(field: string, text: string, low: number, high: number): number {
  const trimmed = text.trim();
  if (!/^-?\d{1,16}$/.test(trimmed))
    throw new ArgumentError(field, text, `an integer from ${low} to ${high}`);
  return integerInRange(field, Number(trimmed), low, high);
}

/** One of a few words. */
export const wordFrom = <const T extends string>(field: string, text: string, words: readonly T[]): T =>
  oneOf(field, text as T, words);

/** Which of some names a field has; an empty field has the first. */
export function indexFrom(field: string, text: string, names: readonly string[]): number {
  const name = text.trim();
  return name === '' ? 0 : names.indexOf(wordFrom(field, name, names));
}

/** Numbers with blanks, commas or line ends between them. */
export function numbersFrom(field: string, text: string, most: number): number[] {
  const words = text.split(/[\s,;]+/).filter((word) => word !== '');
  if (words.length === 0) throw new ArgumentError(field, text, 'numbers with blanks or commas between them');
  if (words.length > most) throw new ArgumentError(field, `${words.length} numbers`, `at most ${most}`);
  return words.map((word) => readNumber(word, field).value);
}

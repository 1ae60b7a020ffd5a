/**
 * Readers for the values of command-line options. Each takes the text that the user typed and returns the value, or
 * throws an ArgumentError that names the option and what it accepts. They know nothing of any particular command.
 */

import { checkFileName, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';

/** What a numeric option was given, for the message: a number if it reads as one, otherwise the text. */
const asGiven = (text: string): unknown =>
  text.trim() !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;

/** A reader of integers from `min` to `max`, in decimal notation; `1e3` is one. */
export function integer(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+(e\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new ArgumentError(option, asGiven(text), `an integer from ${min} to ${max}`);
  };
}

/** A reader of integers from 0 to 2^64 - 1, as numbers where those are exact. */
export function integerOf64Bits(option: string): (text: string) => number | bigint {
  return (text) => {
    const value = /^\d{1,20}$/.test(text.trim()) ? BigInt(text) : -1n;
    if (value >= 0n && value >> 64n === 0n)
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
    throw new ArgumentError(option, asGiven(text), 'an integer from 0 to 2^64 - 1');
  };
}

/** A reader of finite decimal numbers above `above` and at most `max`. */
export function real(option: string, above: number, max: number): (text: string) => number {
  return (text) => {
    const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());
    const value = decimal ? Number(text) : Number.NaN;
    if (value > above && value <= max) return value;
    throw new ArgumentError(option, asGiven(text), `a number above ${above} and at most ${max}`);
  };
}

/** A reader of one of a few words. */
export function choice<T extends string>(option: string, words: readonly T[]): (text: string) => T {
  return (text) => oneOf(option, text, words);
}

/** A reader of names for a folder: one path segment, portable to every file system. */
export function folderName(option: string): (text: string) => string {
  return (text) => checkFileName(option, text);
}

/** The names of a list, each once: commas inside brackets are not between names. */
export function splitNames(option: string, text: string): string[] {
  const names = text.split(/,(?![^()]*\))/).map((name) => name.trim());
  if (names.some((name) => name === ''))
    throw new ArgumentError(option, text, 'names with commas between them');
  return [...new Set(names)];
}

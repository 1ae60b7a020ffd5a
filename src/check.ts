/**
 * The checks of arguments and options. Each takes the path of what it checks (`scale.size`), throws an ArgumentError that
 * names it, and returns the value with its type known. A string never passes as a number, null never as an object, and a
 * field that means nothing is refused, because a misspelt option would else do nothing.
 */
import { ArgumentError } from './errors.ts';
import { deepestJson } from './json.ts';
import { wordsFor } from './nearest-words.ts';

/** The path of a field below `path`: `a.b`, `a[0]`, `a['b c']`, or the field alone where `path` is empty. */
export function pathOf(path: string, field: string | number): string {
  if (typeof field === 'number') return `${path}[${field}]`;
  if (path === '') return field;
  return /^[\w$]+$/.test(field) ? `${path}.${field}` : `${path}['${field.replace(/['\\]/g, '\\$&')}']`;
}

/** Whether a value is an object of fields: a plain one, of whatever realm or class, but no array, Map, Date or Promise. */
export function isRecord(given: unknown): given is object {
  if (typeof given !== 'object' || given === null) return false;
  if (Object.getPrototypeOf(given) === Object.prototype) return true;
  const tag = Object.prototype.toString.call(given);
  return (tag === '[object Object]' || tag === '[object Module]') && !Array.isArray(given);
}

/** An object that has fields: no array, typed array, function, Map, Date or Promise. Throws ArgumentError. */
export function checkObject(path: string, given: unknown, accepted = 'an object'): object {
  if (!isRecord(given)) throw new ArgumentError(path, given, accepted);
  return given;
}

const none: Readonly<Record<string, never>> = Object.freeze({});

/**
 * An object of options, undefined standing for none: refuses what is no object, and fields beyond `names`. A field that
 * is undefined counts as absent. Inherited fields count: they would act too. Throws ArgumentError with the nearest right name.
 *
 * @param whole What a message calls the object where the path is empty.
 * @returns The object, {} for undefined.
 */
export function checkFields<T extends object>(
  path: string,
  given: T | undefined,
  names: readonly string[],
  whole?: string,
): Partial<T>;
export function checkFields(path: string, given: unknown, names: readonly string[], whole?: string): object;
export function checkFields(
  path: string,
  given: unknown,
  names: readonly string[],
  whole: string = path === '' ? 'options' : path,
): object {
  if (given === undefined) return none;
  const fields = given as Readonly<Record<string, unknown>>;
  let known = 0;
  let unknown: string | undefined;
  if (typeof given === 'object')
    for (const field in fields) {
      if (names.includes(field)) known++;
      else if (fields[field] !== undefined) unknown ??= field;
    }
  // What has nothing but right fields is no Map or Promise: the look at what it is costs a third of a scalar call.
  if (unknown === undefined && known > 0) return fields;
  const isEmpty = names.length === 0;
  if (!isRecord(given))
    throw new ArgumentError(whole, given, isEmpty ? 'no options' : `an object with ${names.join(', ')}`);
  if (unknown === undefined) return given;
  throw new ArgumentError(
    pathOf(path, unknown),
    fields[unknown],
    isEmpty ? 'no options' : `no such option; ${wordsFor(unknown, names)}`,
  );
}

/** The name that an object of options has, and its other fields, inherited ones too. */
export function named(object: object): [name: unknown, options: object] {
  const options: Record<string, unknown> = {};
  for (const field in object)
    if (field !== 'name') options[field] = (object as Readonly<Record<string, unknown>>)[field];
  return [(object as { readonly name?: unknown }).name, options];
}

/** One of a few values; `fallback`, where there is one, for undefined. Throws ArgumentError. */
export function oneOf<const T extends string | number | boolean>(
  path: string,
  given: unknown,
  accepted: readonly T[],
  fallback?: NoInfer<T>,
): T {
  if (given === undefined && fallback !== undefined) return fallback;
  if (!accepted.includes(given as T))
    throw new ArgumentError(path, given, wordsFor(given, accepted.map(String)));
  return given as T;
}

/** true or false; `fallback`, where there is one, for undefined. Throws ArgumentError. */
export function checkBoolean(path: string, given: unknown, fallback?: boolean): boolean {
  return oneOf(path, given, [true, false], fallback);
}

function describeIntegers(low: number, high: number): string {
  return high === Number.MAX_SAFE_INTEGER ? `an integer from ${low}` : `an integer from ${low} to ${high}`;
}

/** An integer in [low, high]; `fallback`, where there is one, for undefined. Throws ArgumentError. */
export function integerInRange(
  path: string,
  given: unknown,
  low: number,
  high: number,
  fallback?: number,
): number {
  if (given === undefined && fallback !== undefined) return fallback;
  if (!Number.isSafeInteger(given) || (given as number) < low || (given as number) > high)
    throw new ArgumentError(path, given, describeIntegers(low, high));
  return given as number;
}

/** Which ends of a range belong to it, and how a message calls it. */
export interface NumberRange {
  /** Least number. Default -Infinity. */
  readonly from?: number;
  /** Number that all must exceed. */
  readonly above?: number;
  /** Largest number. Default Infinity. */
  readonly to?: number;
  /** Number that all must stay below. */
  readonly below?: number;
}

/** A range in words: `a finite number from 0 to 1`. */
export function describeRange({ from, above, to, below }: NumberRange): string {
  const low = from !== undefined ? `from ${from}` : above !== undefined ? `above ${above}` : '';
  const high = to !== undefined ? `to ${to}` : below !== undefined ? `below ${below}` : '';
  return ['a finite number', low, low !== '' && to !== undefined ? high : high.replace(/^to/, 'up to')]
    .filter((part) => part !== '')
    .join(' ');
}

/** A finite number in a range; `fallback`, where there is one, for undefined. Throws ArgumentError. */
export function numberInRange(
  path: string,
  given: unknown,
  range: NumberRange = {},
  fallback?: number,
): number {
  if (given === undefined && fallback !== undefined) return fallback;
  const { from = -Infinity, above = -Infinity, to = Infinity, below = Infinity } = range;
  const value = given as number;
  const isInside = Number.isFinite(given) && value >= from && value > above && value <= to && value < below;
  if (!isInside) throw new ArgumentError(path, given, describeRange(range));
  return value;
}

/** A number, NaN and infinities included. Throws ArgumentError. */
export function checkNumber(path: string, given: unknown): number {
  if (typeof given !== 'number') throw new ArgumentError(path, given, 'a number');
  return given;
}

/** A string of at least one character; `fallback`, where there is one, for undefined. Throws ArgumentError. */
export function checkString(path: string, given: unknown, fallback?: string): string {
  if (given === undefined && fallback !== undefined) return fallback;
  if (typeof given !== 'string' || given === '') throw new ArgumentError(path, given, 'a string');
  return given;
}

/** Names that Windows keeps for devices, with any ending. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** What {@link isFileName} takes, in words. */
export const fileNameWords: string =
  '1 to 100 letters, digits and . _ @ + -, beginning with a letter or digit, not ending with a dot, no device of Windows';

/** Whether a text can name a file or folder: one segment of a path, the same on every file system. */
export function isFileName(given: unknown): given is string {
  if (typeof given !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/.test(given)) return false;
  return !given.endsWith('.') && !deviceName.test(given);
}

/** The name of a file or folder, see {@link isFileName}. Throws ArgumentError. */
export function checkFileName(path: string, given: unknown): string {
  if (!isFileName(given)) throw new ArgumentError(path, given, fileNameWords);
  return given;
}

/** A name that a format of one's own may have. Throws ArgumentError. */
export function checkFormatName(path: string, given: unknown): string {
  const name = checkString(path, given);
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name))
    throw new ArgumentError(path, name, 'a letter, then letters, digits, - or _');
  return name;
}

/** A function; undefined passes where it is optional. Throws ArgumentError. */
export function checkFunction(path: string, given: unknown): void {
  if (typeof given !== 'function') throw new ArgumentError(path, given, 'a function');
}

/** An array; its elements are for the caller to check. Throws ArgumentError. */
export function checkList(path: string, given: unknown, accepted = 'an array'): readonly unknown[] {
  if (!Array.isArray(given)) throw new ArgumentError(path, given, accepted);
  return given;
}

/** What has no meaning beside something else, and must be absent. Throws ArgumentError. */
export function checkAbsent(path: string, given: unknown, accepted: string): void {
  if (given !== undefined) throw new ArgumentError(path, given, accepted);
}

/** A list, array or text of one length; `given` is what a message shows of it. Throws ArgumentError. */
export function checkLength(
  path: string,
  list: { readonly length: number },
  length: number,
  accepted: string,
  given: unknown = list,
): void {
  if (list.length !== length) throw new ArgumentError(path, given, accepted);
}

/** A list, array or text that is not empty; `given` is what a message shows of it. Throws ArgumentError. */
export function checkSome(
  path: string,
  list: { readonly length: number },
  accepted: string,
  given: unknown = list,
): void {
  if (list.length === 0) throw new ArgumentError(path, given, accepted);
}

/** Two ends, the first not above the second; of a range with more than one number below it. Throws ArgumentError. */
export function checkAscending(
  path: string,
  [low, high]: readonly [number, number],
  given: unknown,
  isStrict = true,
): void {
  if (low > high || (isStrict && low === high))
    throw new ArgumentError(path, given, 'two numbers in ascending order');
}

/** A number of things that is not too large. Throws ArgumentError. */
export function atMost(path: string, count: number, most: number, things: string): void {
  if (count > most) throw new ArgumentError(path, `${count} ${things}`, `at most ${most}`);
}

/** Texts or numbers of which none is there twice; `given` is what a message shows of them. Throws ArgumentError. */
export function checkDistinct(
  path: string,
  list: readonly (string | number)[],
  accepted: string,
  given: unknown = list,
): void {
  if (new Set(list).size < list.length) throw new ArgumentError(path, given, accepted);
}

/** A list each of whose elements is as it should be; a message names the first that is not. Throws ArgumentError. */
export function checkEach<T>(
  path: string,
  list: ArrayLike<T>,
  holds: (element: T) => boolean,
  accepted: string,
): void {
  for (let i = 0; i < list.length; i++)
    if (!holds(list[i]!)) throw new ArgumentError(pathOf(path, i), list[i], accepted);
}

/** One number, or a list of at least one, one a group, each as `check` wants it. Throws ArgumentError. */
export function oneOrEach(
  path: string,
  given: unknown,
  check: (path: string, each: unknown) => number,
): number | readonly number[] {
  if (typeof given !== 'object') return check(path, given);
  if (!Array.isArray(given) || given.length === 0)
    throw new ArgumentError(path, given, 'a number, or an array of numbers, one a group');
  return Object.freeze(Array.from(given, (each, i) => check(pathOf(path, i), each)));
}

/** What JSON gives back as it was: no numbers that it has no words for, no functions, nothing within itself. Throws ArgumentError. */
export function checkJson(path: string, given: unknown, depth = 1): void {
  const accepted =
    'plain data: null, true, false, texts, finite numbers but -0, and arrays and objects of them';
  const isNumber = Number.isFinite(given) && !Object.is(given, -0);
  if (given === null || typeof given === 'boolean' || typeof given === 'string' || isNumber) return;
  const isPlain =
    Array.isArray(given) ||
    (typeof given === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(given)));
  if (!isPlain) throw new ArgumentError(path, given, accepted);
  if (depth > deepestJson)
    throw new ArgumentError(path, given, `at most ${deepestJson} arrays and objects within each other`);
  if (Object.hasOwn(given as object, '__proto__'))
    throw new ArgumentError(pathOf(path, '__proto__'), given, 'no such field');
  if (Array.isArray(given))
    for (let i = 0; i < given.length; i++) checkJson(pathOf(path, i), given[i], depth + 1);
  else
    for (const [key, field] of Object.entries(given as object))
      checkJson(pathOf(path, key), field, depth + 1);
}

/**
 * Runs a check; what it refuses is refused as `other` has it: under another name, as another error, or as it is for undefined.
 * Throws ArgumentError.
 */
export function refusedAs<T>(
  check: () => T,
  other: (refused: ArgumentError) => string | Error | undefined,
): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const instead = other(error);
    throw typeof instead === 'string'
      ? new ArgumentError(instead, error.given, error.accepted)
      : (instead ?? error);
  }
}

/** Runs a check of another module; an argument that it finds wrong is a field of `path`. */
export function within<T>(path: string, check: () => T): T {
  return refusedAs(check, ({ argument }) => (path === '' ? argument : `${path}.${argument}`));
}

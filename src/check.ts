/**
 * The checks of arguments and options. Each takes the path of what it checks (`scale.size`), throws an ArgumentError that
 * names it, and returns the value with its type known. A string never passes as a number, null never as an object, and a
 * field that means nothing is refused, because a misspelt option would else do nothing.
 */
import { ArgumentError } from './errors.ts';
import { deepestJson } from './json.ts';

/** The path of a field below `path`: `a.b`, `a[0]`, `a['b c']`, or the field alone where `path` is empty. */
export function pathOf(path: string, field: string | number): string {
  if (typeof field === 'number') return `${path}[${field}]`;
  if (path === '') return field;
  return /^[\w$]+$/.test(field) ? `${path}.${field}` : `${path}['${field.replace(/['\\]/g, '\\$&')}']`;
}

/** Number of insertions, deletions, changes and swaps of neighbours that turn one word into the other (Damerau). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + change);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** A word without what spelling does not distinguish: case, and the marks between parts of a name. */
export function bare(word: string): string {
  return word.toLowerCase().replace(/[-_. ]/g, '');
}

/** Whether words are forms of one: `saturate` and `saturation`. */
function haveOneStem(a: string, b: string): boolean {
  let common = 0;
  while (common < a.length && a[common] === b[common]) common++;
  return common >= 7 && common >= a.length - 2;
}

/** The accepted words nearest to the given one, best first: at most `count`, none that is another word altogether. */
export function nearestWords(given: unknown, accepted: Iterable<string>, count = 3): string[] {
  if (typeof given !== 'string' || given.length > 60) return [];
  const wanted = bare(given);
  if (wanted.length < 2) return [];
  const scored: { word: string; distance: number }[] = [];
  for (const word of accepted) {
    const candidate = bare(word);
    const at = wanted.length >= 3 ? candidate.indexOf(wanted) : -1;
    const goesOn = candidate.length >= 3 && wanted.startsWith(candidate);
    const part = at === 0 ? 0.5 : at > 0 || goesOn || haveOneStem(wanted, candidate) ? 1.5 : Infinity;
    const distance = Math.min(editDistance(wanted, candidate), part);
    if (distance <= Math.max(1.5, Math.floor(wanted.length / 3))) scored.push({ word, distance });
  }
  scored.sort((a, b) => a.distance - b.distance);
  return scored.slice(0, count).map(({ word }) => word);
}

/** The accepted words for a message: all, then the nearest one ("did you mean"). */
export function wordsFor(given: unknown, accepted: readonly string[]): string {
  const near = nearestWords(given, accepted, 1);
  return near.length === 0 ? accepted.join(', ') : `${accepted.join(', ')} (did you mean ${near[0]}?)`;
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

/** A function; undefined passes where it is optional. Throws ArgumentError. */
export function checkFunction(path: string, given: unknown): void {
  if (typeof given !== 'function') throw new ArgumentError(path, given, 'a function');
}

/** An array; its elements are for the caller to check. Throws ArgumentError. */
export function checkList(path: string, given: unknown, accepted = 'an array'): readonly unknown[] {
  if (!Array.isArray(given)) throw new ArgumentError(path, given, accepted);
  return given;
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

/** Runs a check of another module; an argument that it finds wrong is a field of `path`. */
export function within<T>(path: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const { argument, given, accepted } = error;
    throw new ArgumentError(path === '' ? argument : `${path}.${argument}`, given, accepted);
  }
}

/** A refusal that lists the nearest accepted names instead of a long catalogue. */
export function unknownName(
  path: string,
  given: unknown,
  accepted: readonly string[],
  where: string,
): ArgumentError {
  const near = nearestWords(given, accepted);
  const hint = near.length === 0 ? '' : `${near.join(', ')}; `;
  return new ArgumentError(path, given, `${hint}${where}`);
}

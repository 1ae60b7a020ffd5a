/**
 * The library's typed error for a wrong argument: it names the argument, what was given and what is accepted.
 * Values outside a format's range use the built-in RangeError instead, as `format.encode` documents.
 */

/** Characters of a value, of an argument's path and of what is accepted in a message: files may hold megabytes of each. */
const longestText = 60;
const longestPath = 200;
const longestAccepted = 1500;
/** Longer lists within an object are told by their length. */
const longestList = 8;

function bounded(text: string, longest: number = longestText): string {
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Control characters, and the marks that turn the direction of text, as escapes: they never reach a terminal raw. */
export function printable(text: string): string {
  return text.replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A field as JSON is to show it: what it has no word for in words, long lists by their length. */
function field(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  const isLong = ArrayBuffer.isView(value) || (Array.isArray(value) && value.length > longestList);
  return isLong ? describe(value) : value;
}

/** JSON of an object, or its kind where JSON has none (cycles, getters that throw). */
function describeObject(value: object): string {
  try {
    return JSON.stringify(value, field) ?? 'an object';
  } catch {
    return 'an object';
  }
}

function describeAny(value: unknown): string {
  if (typeof value === 'string') return `'${printable(bounded(value))}'`;
  if (typeof value === 'bigint') return bounded(`${value}n`);
  if (ArrayBuffer.isView(value))
    return printable(bounded(`${value.constructor?.name ?? 'a view'}(${value.byteLength} bytes)`));
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (typeof value === 'function') return 'a function';
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'object' && value !== null) return printable(bounded(describeObject(value)));
  return printable(bounded(String(value)));
}

/** A printable, bounded form of any value for one-line messages. Never throws. */
export function describe(value: unknown): string {
  try {
    return describeAny(value);
  } catch {
    return 'a value that cannot be read';
  }
}

/** Thrown when an argument is not one of the accepted values. `message` is one line. */
export class ArgumentError extends TypeError {
  /** Path of the argument, as the caller knows it: `scale.format`, `layers[2].match`. */
  readonly argument: string;
  /** What was given. */
  readonly given: unknown;
  /** What is accepted, in words. */
  readonly accepted: string;

  constructor(argument: string, given: unknown, accepted: string) {
    const place = printable(bounded(argument, longestPath));
    super(`${place}: got ${describe(given)}; accepted: ${printable(bounded(accepted, longestAccepted))}`);
    this.name = 'ArgumentError';
    this.argument = argument;
    this.given = given;
    this.accepted = accepted;
  }
}

/** Thrown for a file that is not what it should be. `message` is one line: which file, and where in it. */
export class DamagedFileError extends ArgumentError {
  constructor(file: string, place: string, state = '') {
    super(file, place, 'a whole file of its kind');
    const [name, where] = [printable(bounded(file, longestPath)), printable(bounded(place, longestAccepted))];
    this.message = `${name}${state === '' ? '' : ` ${state}`}: ${where}`;
  }
}

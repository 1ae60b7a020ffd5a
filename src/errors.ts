/**
 * The library's typed error for a wrong argument: it names the argument, what was given and what is accepted.
 * Values outside a format's range use the built-in RangeError instead, as `format.encode` documents.
 */

/** A printable, bounded form of any value for one-line messages. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}...` : value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength} bytes)`;
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (typeof value === 'function') return 'a function';
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'object' && value !== null) {
    const json = JSON.stringify(value) ?? 'an object';
    return json.length > 60 ? `${json.slice(0, 57)}...` : json;
  }
  return String(value);
}

/** Thrown when an argument is not one of the accepted values. `message` is one line. */
export class ArgumentError extends TypeError {
  /** Name of the argument, as the caller knows it. */
  readonly argument: string;
  /** What was given. */
  readonly given: unknown;
  /** What is accepted, in words. */
  readonly accepted: string;

  constructor(argument: string, given: unknown, accepted: string) {
    super(`${argument}: got ${describe(given)}; accepted: ${accepted}`);
    this.name = 'ArgumentError';
    this.argument = argument;
    this.given = given;
    this.accepted = accepted;
  }
}

/**
 * The walk over every function that takes options: what each must refuse, and a table's completeness. An entry has options that are
 * accepted, all of them with a value; everything that is tried is made of these.
 */
import { inspect } from 'node:util';
import { expect } from 'vitest';
import { ArgumentError } from '../src/errors.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface OptionsEntry {
  /** Calls the function with its other arguments right. */
  readonly call: (options: never) => unknown;
  /** Options that are accepted: between them every name with a value. */
  readonly accepted: readonly Fields[];
  /** Names whose value may be any text, or anything at all. */
  readonly free?: readonly string[];
  /** Values of another kind that are right too. */
  readonly also?: (option: string, value: unknown) => boolean;
  /** Whether no options at all are accepted. Default true. */
  readonly optional?: boolean;
  /** Whether a text or null may stand for the object. Default false. */
  readonly isSpec?: boolean;
  /** Whether it is a map by names, of which only its own are read. Default false. */
  readonly isMap?: boolean;
}

/** A function without options: calls that must be refused with an error of ours. */
export interface PlainEntry {
  readonly refused: readonly (() => unknown)[];
}

export type Entry = OptionsEntry | PlainEntry | readonly OptionsEntry[];

class Anything {
  readonly field = 1;
}

/** What is never an object of options. */
const noObjects: readonly unknown[] = [
  null,
  'toward-zero',
  '',
  1,
  0,
  NaN,
  true,
  false,
  1n,
  Symbol('options'),
  [],
  [{}],
  () => undefined,
  new Map([['rounding', 'toward-zero']]),
  new Set(),
  new Date(0),
  Promise.resolve({}),
  new Float32Array(2),
  new ArrayBuffer(8),
  new Number(1),
  new String('x'),
  /x/,
  new Anything(),
];

/** Values that cannot stand for an accepted one. */
function wrongFor(value: unknown): unknown[] {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return [`${value}`, NaN, null, true, [value], {}, new Number(value)];
    case 'boolean':
      return [`${value}`, Number(value), null, {}, []];
    case 'string':
      return ['no such value', '', 1, NaN, true, null, [value], {}, new String(value)];
    case 'function':
      return [null, 1, 'x', {}];
    default:
      return [null, 1, NaN, true, 'no such value', () => undefined];
  }
}

/** What stands for a number as JavaScript's own functions take it, and is none. */
export const noNumbers = (value: number): unknown[] => [
  ...[`${value}`, '', true, null, [value], {}, new Number(value), Symbol('number'), () => value],
  ...[{ valueOf: () => value }, new Date(value)],
];

/** The numbers and yes-or-nos within plain objects and lists, each with its path and the whole with another in its place. */
export function* leavesOf(
  value: unknown,
  path: readonly string[] = [],
): Generator<{ path: readonly string[]; leaf: number | boolean; replaced: (other: unknown) => unknown }> {
  if (typeof value === 'number' || typeof value === 'boolean')
    yield { path, leaf: value, replaced: (other) => other };
  // Objects with functions, such as formats, are what functions of ours make.
  const isPlain =
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).every((inner) => typeof inner !== 'function');
  if (!isPlain && !Array.isArray(value)) return;
  for (const [field, inner] of Object.entries(value as object))
    for (const { path: below, leaf, replaced } of leavesOf(inner, [...path, field])) {
      const whole = (other: unknown): unknown => {
        if (Array.isArray(value)) return value.map((old, i) => (`${i}` === field ? replaced(other) : old));
        return { ...(value as object), [field]: replaced(other) };
      };
      yield { path: below, leaf, replaced: whole };
    }
}

/** What is refused in place of a number or a yes-or-no there: seeds may be bigints. */
export function wrongLeaves(path: readonly string[], leaf: number | boolean): unknown[] {
  if (typeof leaf === 'boolean') return [`${leaf}`, Number(leaf), null, {}];
  const isSeed = /^(seed|stream)$/.test(path.at(-1) ?? '');
  return Number.isSafeInteger(leaf) && !isSeed ? [...noNumbers(leaf), BigInt(leaf)] : noNumbers(leaf);
}

/** The error of a call, of a promise too; undefined where there is none. */
export async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error ?? 'undefined was thrown';
  }
}

const short = (value: unknown): string =>
  `${Object.prototype.toString.call(value)} ${inspect(value, { depth: 1 })}`;

/** Complaints: an empty list for a function that refuses all that it should. */
async function complaints(name: string, entry: OptionsEntry): Promise<string[]> {
  const found: string[] = [];
  const { call, accepted, free = [], also = () => false, optional = true } = entry;
  const { isSpec = false, isMap = false } = entry;
  const attempt = (options: unknown): Promise<unknown> => errorOf(() => call(options as never));
  async function refuse(what: string, options: unknown, argument?: string): Promise<void> {
    const error = await attempt(options);
    if (error === undefined) found.push(`${name}: accepts ${what}`);
    else if (!(error instanceof ArgumentError)) found.push(`${name}: ${what} gives ${String(error)}`);
    else if (argument !== undefined && !`.${error.argument}`.replace(/\[.*$/, '').endsWith(`.${argument}`))
      found.push(`${name}: ${what} is called ${error.argument}, not ${argument}`);
    else if (/[\n\r]/.test(error.message)) found.push(`${name}: ${what} gives more than one line`);
  }

  if (optional) {
    const error = await attempt(undefined);
    if (error !== undefined) found.push(`${name}: does not accept undefined: ${String(error)}`);
  } else await refuse('nothing', undefined);
  for (const given of noObjects)
    if (!(isSpec && (given === null || given === ''))) await refuse(`${short(given)} for options`, given);
  for (const options of accepted) {
    const error = await attempt(options);
    if (error !== undefined) found.push(`${name}: refuses ${short(options)}: ${String(error)}`);
    await refuse('an unknown option', { ...options, saturate: true }, 'saturate');
    if (!isMap)
      await refuse(
        'an inherited unknown option',
        Object.assign(Object.create({ saturate: true }), options),
        'saturate',
      );
    for (const [option, value] of Object.entries(options)) {
      const { [option]: _, ...others } = options;
      const misspelt = `${option}s`;
      await refuse(`the option ${misspelt}`, { ...others, [misspelt]: value });
      if (free.includes(option)) continue;
      for (const wrong of wrongFor(value))
        if (!also(option, wrong)) await refuse(`${option}: ${short(wrong)}`, { ...options, [option]: wrong });
      for (const { path, leaf, replaced } of leavesOf(value, [option]))
        for (const wrong of wrongLeaves(path, leaf))
          if (!also(option, path.length === 1 ? wrong : replaced(wrong)))
            await refuse(`${path.join('.')}: ${short(wrong)}`, { ...options, [option]: replaced(wrong) });
    }
  }
  return found;
}

async function plainComplaints(name: string, { refused }: PlainEntry): Promise<string[]> {
  const found: string[] = [];
  for (const [i, call] of refused.entries()) {
    const error = await errorOf(call);
    if (error === undefined) found.push(`${name}: accepts wrong call ${i}: ${call}`);
    else if (!/: got [^\n]*; accepted: [^\n]*$/.test((error as Error).message))
      found.push(`${name}: wrong call ${i}, ${call}, gives ${String(error)}`);
  }
  return found;
}

/** Checks one function of the table. */
export async function walk(name: string, entry: Entry): Promise<void> {
  const entries = Array.isArray(entry)
    ? (entry as readonly OptionsEntry[])
    : [entry as OptionsEntry | PlainEntry];
  const found: string[] = [];
  for (const each of entries)
    found.push(...(await ('refused' in each ? plainComplaints(name, each) : complaints(name, each))));
  expect(found).toEqual([]);
}

/** The names of the functions of a module, or of an object. */
export function functionNames(module: object): string[] {
  return Object.entries(module)
    .filter(([, value]) => typeof value === 'function')
    .map(([name]) => name)
    .sort();
}

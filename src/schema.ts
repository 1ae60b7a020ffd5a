/**
 * Schemas of data that comes from files, on the npm package `valibot`: what the types say, with words for what is
 * accepted, so that a wrong field is an ArgumentError with its path. Rules that join several fields belong to the
 * modules that know them. The library's core does not load this file.
 */
import * as v from 'valibot';
import { describeRange, fileNameWords, isFileName, isRecord, type NumberRange, pathOf } from './check.ts';
import { ArgumentError, printable } from './errors.ts';
import { wordsFor } from './nearest-words.ts';

/** Any schema; its output is of type `T`. */
export type Schema<T = unknown> = v.GenericSchema<unknown, T>;

type Output<E extends v.ObjectEntries> = v.InferOutput<v.StrictObjectSchema<E, undefined>>;

/** What a schema accepts, in words. */
function wordsOf(schema: Schema): string {
  return v.safeParse(schema, undefined).issues?.[0].message ?? 'absent';
}

/** Refuses the fields of an object that have no name, inherited ones too; one that is undefined counts as absent. */
function only(names: readonly string[]) {
  return v.rawCheck<object>(({ dataset: { typed, value: input }, addIssue }) => {
    if (!typed) return;
    for (const key in input) {
      const given = input[key as never] as unknown;
      if (names.includes(key) || given === undefined) continue;
      const path: [v.IssuePathItem] = [
        { type: 'object', origin: 'key', input: input as never, key, value: given },
      ];
      return addIssue({ message: `no such field; ${wordsFor(key, names)}`, input: given, path });
    }
  });
}

/** The message for a field that is missing: what it accepts. */
const missing =
  (entries: v.ObjectEntries) =>
  ({ path }: v.ObjectIssue): string => {
    const key = String(path?.at(-1)?.key);
    return Object.hasOwn(entries, key) ? wordsOf(entries[key] as unknown as Schema) : 'an object';
  };

/** An object with these fields and no others; optional ones are `maybe`. */
export function fields<const E extends v.ObjectEntries>(entries: E): Schema<Output<E>> {
  const names = Object.keys(entries);
  const object = v.custom<object>(isRecord, `an object with ${names.join(', ')}`);
  return v.pipe(object, only(names), v.object(entries, missing(entries))) as unknown as Schema<Output<E>>;
}

/** An object of which these fields are looked at, others may be there: records that later versions add to. */
export function someFields<const E extends v.ObjectEntries>(entries: E): Schema<Output<E>> {
  const object = v.custom<object>(isRecord, `an object with ${Object.keys(entries).join(', ')}`);
  return v.pipe(object, v.object(entries, missing(entries))) as unknown as Schema<Output<E>>;
}

/** A field that may be absent. */
export function maybe<T>(schema: Schema<T>): v.OptionalSchema<Schema<T>, undefined> {
  return v.optional(schema);
}

/** A value, or null. */
export const orNull = <T>(schema: Schema<T>): Schema<T | null> => v.nullable(schema) as Schema<T | null>;

/** What passes a test. */
export function value<T>(test: (given: unknown) => boolean, words: string): Schema<T> {
  return v.custom<T>(test, words);
}

/** A Map, of whatever realm; what it holds is for the caller to check. */
export function map<K, V>(words: string): Schema<ReadonlyMap<K, V>> {
  return value(isMap, words);
}

export function isMap(given: unknown): given is ReadonlyMap<unknown, unknown> {
  return Object.prototype.toString.call(given) === '[object Map]';
}

/** What another check is for. */
export const anything: Schema<unknown> = v.unknown();

/** A finite number in a range. */
export function number(range: NumberRange = {}): Schema<number> {
  const { from = -Infinity, above = -Infinity, to = Infinity, below = Infinity } = range;
  return value((given) => {
    const x = given as number;
    return Number.isFinite(given) && x >= from && x > above && x <= to && x < below;
  }, describeRange(range));
}

/** An integer in [low, high]. */
export function integer(low: number, high: number): Schema<number> {
  return value(
    (given) => Number.isSafeInteger(given) && (given as number) >= low && (given as number) <= high,
    `an integer from ${low} to ${high}`,
  );
}

export const boolean: Schema<boolean> = v.boolean('true, false');

/** One of a few values. */
export function word<const T extends string | number | boolean>(accepted: readonly T[]): Schema<T> {
  return v.custom<T>(
    (given) => accepted.includes(given as T),
    ({ input }) => wordsFor(input, accepted.map(String)),
  );
}

/** A line of text without control characters, as tables and terminals show it. */
export function line(most = 1000, least = 1): Schema<string> {
  return value((given) => {
    if (typeof given !== 'string' || given.length < least || given.length > most) return false;
    return printable(given) === given;
  }, `a text of ${least} to ${most} characters, without line breaks and other control characters`);
}

/** The name of a file or folder. */
export const fileName: Schema<string> = value(isFileName, fileNameWords);

/** A list of like items. */
export function list<T>(item: Schema<T>, least = 0, most = 100_000): Schema<T[]> {
  const words = `a list of ${least} to ${most}${item === anything ? '' : `, each ${wordsOf(item)}`}`;
  const isList = (given: unknown): boolean =>
    Array.isArray(given) && given.length >= least && given.length <= most;
  return v.pipe(v.custom<unknown[]>(isList, words), v.array(item)) as unknown as Schema<T[]>;
}

/** An object with names of its own and like values. */
export function record<T>(value: Schema<T>, words = 'an object'): Schema<Record<string, T>> {
  return v.pipe(
    v.custom<Record<string, T>>(isRecord, words),
    v.rawCheck(({ dataset: { typed, value: input }, addIssue }) => {
      if (!typed) return;
      for (const [key, given] of Object.entries(input)) {
        const issue = v.safeParse(value, given, { abortEarly: true }).issues?.[0];
        if (issue === undefined) continue;
        const item = { type: 'object', origin: 'value', input, key, value: given } as const;
        return addIssue({ message: issue.message, input: issue.input, path: [item, ...(issue.path ?? [])] });
      }
    }),
  );
}

/** Lists of one schema, everything else as another. */
export function listOr<A, B>(item: Schema<A>, others: Schema<B>): Schema<A[] | B> {
  const items = list(item);
  return v.lazy((given) => (Array.isArray(given) ? items : others)) as Schema<A[] | B>;
}

/** One of several kinds of object, told apart by the field `kind`. */
export function kinds<const E extends Readonly<Record<string, v.ObjectEntries>>>(
  entries: E,
): Schema<{ [K in keyof E]: { kind: K } & Output<E[K]> }[keyof E]> {
  const kind = word(Object.keys(entries));
  const schemas = new Map(
    Object.entries(entries).map(([name, own]) => [name, fields({ kind, ...own }) as Schema]),
  );
  const any = someFields({ kind });
  return v.lazy((given) => {
    const name = isRecord(given) ? (given as { kind?: unknown }).kind : undefined;
    return schemas.get(name as string) ?? any;
  }) as never;
}

/** One of several kinds of object, told apart by the field that only it has. */
export function oneOfFields<const E extends Readonly<Record<string, v.ObjectEntries>>>(entries: E): Schema {
  const schemas = Object.entries(entries).map(([name, own]) => [name, fields(own) as Schema] as const);
  const none = value(() => false, `an object with ${wordsFor(undefined, Object.keys(entries))}`);
  return v.lazy((given) => {
    const isOne = ([name]: readonly [string, Schema]): boolean =>
      isRecord(given) && (given as Record<string, unknown>)[name] !== undefined;
    return schemas.find(isOne)?.[1] ?? none;
  }) as Schema;
}

/** Objects as one schema says, everything else as another: `'same'`, null or a quantiser. */
export function objectOr<A, B>(objects: Schema<A>, others: Schema<B>): Schema<A | B> {
  return v.lazy((given) => (typeof given === 'object' && given !== null ? objects : others)) as Schema<A | B>;
}

/** Objects that have a field as one schema says, all others as another. */
export function having<A, B>(field: string, withIt: Schema<A>, without: Schema<B>): Schema<A | B> {
  return v.lazy((given) => {
    const isThere = typeof given === 'object' && given !== null && Object.hasOwn(given, field);
    return isThere ? withIt : without;
  }) as Schema<A | B>;
}

/**
 * The same value, with its type known.
 *
 * @param path what the value is called; '' for options, whose names are enough
 * @throws ArgumentError naming the first field that is wrong
 */
export function checkSchema<T>(path: string, given: unknown, schema: Schema<T>): T {
  const result = v.safeParse(schema, given, { abortEarly: true });
  if (result.success) return given as T;
  const [issue] = result.issues;
  const place = (issue.path ?? []).reduce(
    (above, { key }) => pathOf(above, typeof key === 'number' ? key : String(key)),
    path,
  );
  throw new ArgumentError(
    place === '' ? 'options' : place,
    issue.path === undefined ? given : issue.path.at(-1)?.value,
    issue.message,
  );
}

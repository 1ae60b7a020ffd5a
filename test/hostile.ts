/** Data as strangers may write it: what is right with one or more places changed, and what to expect of a command then. */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { TestWorld } from './unit/cli-world.ts';

/** JSON texts of values that are wrong almost everywhere, and some that are right in places. */
const values: readonly string[] = [
  ...'null true false 0 -1 5 0.5 1e308 1e999 -0 9007199254740993 2147483648'.split(' '),
  ...'"" "x" "../x" "a/b" "0.5" "NaN" "same" "{bits}" "=1+1" "CON" "(a+)+$"'.split(' '),
  ...String.raw`"a\u0000b" "\u001b[31m" "\u202e" "constructor" "toString" "__proto__" "hasOwnProperty"`.split(
    ' ',
  ),
  ...'[] {} [null] [[]] [1,2] ["x"] {"a":1} {"toString":1} {"length":5} {"then":1}'.split(' '),
  ...'{"constructor":1} {"kind":"toString"} {"per":{}} {"__proto__":{"a":1}}'.split(' '),
  `${'['.repeat(70)}${']'.repeat(70)}`,
  JSON.stringify('y'.repeat(20_000)),
  JSON.stringify(Array(2000).fill(1)),
];
const keys: readonly string[] = [
  ...'x kind name grid seeds toString constructor length 0 of match'.split(' '),
  '',
  'match ',
];

/** A marker that no data has; the text in its place is put into the JSON as it is. */
const mark = (index: number): string => `\u0001${index}\u0001`;

type Node = { [key: string]: unknown } | unknown[];

/** All objects and lists of data, with their keys. */
function placesOf(data: unknown): { owner: Node; key: string | number }[] {
  if (typeof data !== 'object' || data === null) return [];
  const own = Object.keys(data).map((key) => ({ owner: data as Node, key }));
  return [...own, ...Object.values(data).flatMap(placesOf)];
}

const isPlain = (given: unknown): boolean =>
  typeof given === 'object' && given !== null && !Array.isArray(given);

interface Change {
  readonly kind: 'replace' | 'remove' | 'add' | 'repeat' | 'swap';
  readonly at: number;
  readonly with: number;
  readonly key: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'repeat', 'swap'),
  at: fc.nat(10_000),
  with: fc.nat(10_000),
  key: fc.nat(10_000),
});

function applied(data: unknown, changes: readonly Change[]): string {
  const copy = { root: structuredClone(data) };
  for (const { kind, at, with: index, key } of changes) {
    const places = placesOf(copy);
    const { owner, key: place } = places[at % places.length]!;
    const fields = owner as Record<string | number, unknown>;
    const other = places[index % places.length]!;
    if (kind === 'replace') fields[place] = mark(index % values.length);
    else if (kind === 'remove' && fields !== (copy as object)) {
      if (Array.isArray(owner)) owner.splice(Number(place), 1);
      else delete fields[place];
    } else if (kind === 'add' && isPlain(fields[place]))
      (fields[place] as Record<string, unknown>)[keys[key % keys.length]!] = mark(index % values.length);
    else if (kind === 'repeat' && Array.isArray(owner)) owner.push(structuredClone(fields[place]));
    else if (kind === 'swap')
      fields[place] = structuredClone((other.owner as Record<string | number, unknown>)[other.key]);
  }
  return JSON.stringify(copy.root ?? null).replace(
    /"\\u0001(\d+)\\u0001"/g,
    (_, index) => values[Number(index)]!,
  );
}

/** JSON of some data with one to four places changed, or with its text cut. */
export function hostileJson(...data: readonly unknown[]): fc.Arbitrary<string> {
  const changed = fc
    .tuple(fc.constantFrom(...data), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([right, changes]) => applied(right, changes));
  const cut = fc.tuple(changed, fc.nat(10_000)).map(([text, at]) => text.slice(0, at % (text.length + 1)));
  return fc.oneof({ weight: 9, arbitrary: changed }, { weight: 1, arbitrary: cut });
}

/** Bytes of some files with a few of them changed, put in or cut off. */
export function hostileBytes(...files: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    kind: fc.constantFrom('set', 'insert', 'remove', 'cut', 'double'),
    at: fc.nat(100_000),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 255, 39, 40, 44, 48, 57)),
  });
  return fc
    .tuple(fc.constantFrom(...files), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([file, edits]) => {
      let bytes = [...file];
      for (const { kind, at, byte } of edits) {
        // Most of what can go wrong is at the beginning.
        const where = (at % 3 === 0 ? at : at % 160) % (bytes.length + 1);
        if (kind === 'set') bytes[Math.min(where, Math.max(0, bytes.length - 1))] = byte;
        else if (kind === 'insert') bytes.splice(where, 0, byte);
        else if (kind === 'remove') bytes.splice(where, 1 + (byte % 4));
        else if (kind === 'cut') bytes = bytes.slice(0, where);
        else bytes.push(...bytes.slice(0, 64));
      }
      return Uint8Array.from(bytes);
    });
}

/** What an engine says of a program that met what it did not expect. */
export const engineWords =
  /Cannot (read|convert|set|destructure|access|mix)|is not (iterable|a function|defined|a constructor)|Maximum call stack|Invalid (array|typed|string|count|time)|(of|reading) (undefined|null)|out of memory|null bytes|Reduce of empty|ERR_[A-Z]|\bat .*:\d+:\d+/;

/** A refusal: an ArgumentError, or one of a line of vectors, in our words. Anything else fails the test. */
export function expectRefusal(error: unknown): void {
  expect(error).toMatchObject({ name: expect.stringMatching(/^(Argument|VectorLine)Error$/) });
  const { message } = error as Error;
  expect(message).not.toMatch(engineWords);
  expect(message.length).toBeLessThan(4000);
  expect(message).not.toMatch(/\p{Cc}/u);
}

/** A command did what it was asked for, or refused it in one line. */
export function expectDoneOrRefused(code: number, world: TestWorld): void {
  expect([world.stderr(), code]).toEqual([world.stderr(), code === 0 ? 0 : 2]);
  for (const text of [world.stdout(), world.stderr()]) {
    expect(text).not.toMatch(engineWords);
    expect([...text].find((unit) => unit !== '\n' && unit !== '\t' && /\p{Cc}/u.test(unit))).toBeUndefined();
  }
  if (code === 0) return;
  const lines = world.stderr().trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^halfulp: /);
  expect(lines.at(-1)!.length).toBeLessThan(2100);
}

/** Processor time that one case may take, in seconds, and memory that the process may, in bytes. */
const mostSeconds = 2;
const mostMemory = 1e9;

/** Does something that may take no longer than a case may: processor time, which other processes do not lengthen. */
export async function inTime<T>(work: () => T | Promise<T>): Promise<T> {
  const begin = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(begin);
  expect((user + system) / 1e6).toBeLessThan(mostSeconds);
  return result;
}

/** The process has at no time taken more memory than it may. */
export function expectBoundedMemory(): void {
  expect(process.resourceUsage().maxRSS * 1024).toBeLessThan(mostMemory);
}

/** Every file and folder below a folder. */
export const treeOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

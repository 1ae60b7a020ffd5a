/**
 * What oracles of recipes are written in: rows of numbers, binary32 one operation at a time, lists of values that are rounded to,
 * random integers, rotations. From the pages that define them (docs/quantizers.md, rounding.md, transforms.md, any-program.md), and
 * nothing of the library.
 */
import { oracleRandomInteger } from '../philox.ts';

export type Matrix = readonly (readonly number[])[];

export const f = Math.fround;
export const largest32 = (2 - 2 ** -23) * 2 ** 127;

export const mapped = (m: Matrix, fn: (x: number, row: number, column: number) => number): number[][] =>
  m.map((row, r) => row.map((x, c) => fn(x, r, c)));

export const transposed = (m: Matrix): number[][] => m[0]!.map((_, c) => m.map((row) => row[c]!));

/** One binary32 product and sum after the other; rows of both run along what is summed over. */
export const product = (rows: Matrix, columns: Matrix): number[][] =>
  rows.map((a) => columns.map((b) => a.reduce((sum, x, k) => f(sum + f(x * b[k]!)), 0)));

export const magnitude = (xs: readonly number[]): number => Math.max(0, ...xs.map(Math.abs));

/** The magnitudes of e2m1, by code. */
export const e2m1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
/** Magnitudes of a float with subnormals and no infinity, by code, up to `most`. */
export function floatMagnitudes(mantissaBits: number, bias: number, most: number): number[] {
  const values: number[] = [];
  for (let code = 0; (values.at(-1) ?? 0) < most; code++) {
    const [exponent, fraction] = [code >> mantissaBits, code % 2 ** mantissaBits];
    values.push(
      exponent === 0
        ? fraction * 2 ** (1 - bias - mantissaBits)
        : (2 ** mantissaBits + fraction) * 2 ** (exponent - bias - mantissaBits),
    );
  }
  return values;
}
export const e4m3 = floatMagnitudes(3, 7, 448);

/** The place of the last value at or below x >= 0. */
function placeOf(values: readonly number[], x: number): number {
  let [low, high] = [0, values.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= x) low = middle;
    else high = middle;
  }
  return low;
}

const signed = (x: number, value: number): number => (x < 0 || Object.is(x, -0) ? -value : value);

/** To the nearest magnitude, of two equally near the one with an even code; beyond the last: the last. */
export function nearest(values: readonly number[], x: number): number {
  const size = Math.abs(x);
  const at = placeOf(values, size);
  if (at === values.length - 1) return signed(x, values[at]!);
  const middle = (values[at]! + values[at + 1]!) / 2;
  const isUp = size > middle || (size === middle && at % 2 === 1);
  return signed(x, values[isUp ? at + 1 : at]!);
}

/** Up with the probability of the discarded fraction, as a random integer of 32 bits decides; beyond the last: the last. */
export function stochastic(values: readonly number[], x: number, random: number): number {
  const size = Math.abs(x);
  const at = placeOf(values, size);
  if (at === values.length - 1) return signed(x, values[at]!);
  const [low, high] = [values[at]!, values[at + 1]!];
  const fraction = (size - low) / (high - low);
  const isUp = Math.floor(fraction * 2 ** 32) + random >= 2 ** 32;
  return signed(x, values[isUp ? at + 1 : at]!);
}

/** FNV-1a of 32 bits, in BigInt. */
export function fnv(text: string): bigint {
  let hash = 0x811c9dc5n;
  for (const letter of text) hash = ((hash ^ BigInt(letter.charCodeAt(0))) * 0x01000193n) & 0xffffffffn;
  return hash;
}

/** A slot in a step, which random integers belong to. */
export interface Place {
  readonly seed: number;
  readonly step: number;
  /** `forward`, `inputGradient`, `weightGradient`. */
  readonly product: string;
  /** `x`, `w`, `g`. */
  readonly operand: string;
  readonly layer: string;
}

/** The random integers of a slot's elements, in the order in which the slot sees them. */
export function drawsOf({ seed, step, layer, product: of, operand }: Place): (index: number) => number {
  const stream = (fnv(`${layer}/${of}.${operand}`) << 32n) | BigInt(step);
  return (index) => oracleRandomInteger(BigInt(index), BigInt(seed), stream, 32);
}

/** Signs that both operands of a product share, drawn in each step. */
export function signsOf({ seed, step, layer, product: of }: Place, count: number): number[] {
  const stream = ((fnv(`${layer}/${of}/signs`) ^ 0xe3d02375n) << 32n) | BigInt(step);
  return Array.from({ length: count }, (_, j) =>
    oracleRandomInteger(BigInt(j), BigInt(seed), stream, 1) === 1 ? -1 : 1,
  );
}

/** The lengths of the blocks of a row: `size`, and what is left in powers of two. */
function blockLengths(length: number, size: number): number[] {
  const blocks: number[] = [];
  for (let left = length; left > 0; left -= blocks.at(-1)!) {
    let n = size;
    while (n > left) n /= 2;
    blocks.push(n);
  }
  return blocks;
}

function butterflies(block: readonly number[]): number[] {
  const values = [...block];
  const n = values.length;
  for (let h = 1; h < n; h *= 2)
    for (let i = 0; i < n; i++)
      if ((i & h) === 0) {
        const [a, b] = [values[i]!, values[i + h]!];
        values[i] = f(a + b);
        values[i + h] = f(a - b);
      }
  return values.map((x) => f(x * f(1 / Math.sqrt(n))));
}

/** Every row rotated in blocks, H D x / sqrt(n). */
export const turned = (m: Matrix, size: number, signs: readonly number[] = []): number[][] =>
  m.map((row) => {
    let at = 0;
    return blockLengths(row.length, size).flatMap((n) => {
      const block = row.slice(at, at + n);
      at += n;
      return butterflies(block.map((x, j) => x * (signs[j] ?? 1)));
    });
  });

/** The inverse, D H y / sqrt(n). */
export const turnedBack = (m: Matrix, size: number, signs: readonly number[] = []): number[][] =>
  m.map((row) => {
    let at = 0;
    return blockLengths(row.length, size).flatMap((n) => {
      const block = butterflies(row.slice(at, at + n));
      at += n;
      return block.map((x, j) => x * (signs[j] ?? 1));
    });
  });

/** Each row in blocks of neighbours, each block made anew by a function that is told its place in the matrix. */
export const inBlocks = (
  m: Matrix,
  size: number,
  fn: (block: readonly number[], index: number) => readonly number[],
): number[][] =>
  m.map((row, r) => {
    const made: number[] = [];
    for (let at = 0; at < row.length; at += size)
      made.push(...fn(row.slice(at, at + size), r * row.length + at));
    return made;
  });

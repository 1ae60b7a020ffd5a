/**
 * 8-bit floats (e4m3fn) of a power of each magnitude, chosen so that a group's values span the whole range of the format: element =
 * 448 (|x| / top)^k to nearest, ties to even, with the sign; x is read as top (element / 448)^(1 / k), rounded once to binary32. Of
 * each group its largest magnitude `top` and 16 k, a whole number, are held beside the codes: six bytes. The elements are those of the
 * paper's f(x) = (|x| / c)^k over its scale (top / c)^k / 448, as c cancels.
 *
 * k is constant over a group, so that codes and values come from a table of each k: |x| / top, a binary64 quotient, against the places
 * where the code changes. Powers are computed to 2^-44.
 * Source: Xi, Cai, Zhu et al., "COAT: compressing optimizer states and activation for memory-efficient FP8 training", arXiv
 * 2410.19313, section 4.2.
 */
import { formats } from '../../formats/index.ts';
import type { AdamConstants } from '../../kernels/block-codes.ts';
import { type ExpandedCodes, encodePowers, expanderOn, type PowerTable } from '../../kernels/expansion.ts';
import type { Heap } from '../../kernels/heap.ts';
import { log2Magnitude, powerOfTwoReal } from '../../quantizers/transforms/powers.ts';

/** Steps of k in 1. */
const steps = 16;
/** Bounds of 16 k. */
const [leastPower, mostPower] = [1, 1024];
/** The ratio that e4m3fn spans, as the source counts it. */
const logRange = log2Magnitude(448 ** 2 / 2);
/** Groups of one magnitude count as having this ratio. */
const leastLogRatio = log2Magnitude(1.0001);

/** The magnitudes of the format by code, 0 to 126. */
const magnitudes: readonly number[] = [...formats.e4m3fn.values()]
  .filter((value) => value >= 0)
  .slice(0, 127);

const number = new Float64Array(1);
const words = new Int32Array(number.buffer);

function upperWord(x: number): number {
  number[0] = x;
  return words[1]!;
}

function fromUpperWord(word: number): number {
  words[0] = 0;
  words[1] = word;
  return number[0]!;
}

/** The next larger binary64 number of a positive one. */
function nextAbove(x: number): number {
  number[0] = x;
  const low = words[0]!;
  words[0] = low + 1;
  if (low === -1) words[1] = words[1]! + 1;
  return number[0]!;
}

/** (x / 448)^(1 / k). */
const root = (x: number, power: number): number =>
  power === steps ? x / 448 : powerOfTwoReal(((log2Magnitude(x) - log2Magnitude(448)) * steps) / power);

/** Codes and values, (element / 448)^(1 / k) by code, for a power. */
function madeTable(power: number): PowerTable {
  // A quotient from changes[j] on has code j + 1 at least; one between two codes has the even one.
  const places = magnitudes.slice(1).map((value, j) => {
    const middle = root((value + magnitudes[j]!) / 2, power);
    return j % 2 === 1 ? middle : nextAbove(middle);
  });
  // The nearest places are further apart than one part in 15 k.
  const bits = Math.max(0, Math.ceil(Math.log2((15 * power) / steps)));
  const shift = 20 - bits;
  const first = (upperWord(places[0]!) >> shift) << shift;
  const buckets = ((upperWord(1) - first) >> shift) + 1;
  const codes = new Uint8Array(buckets);
  const changes = new Float64Array(buckets).fill(Infinity);
  let code = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const [begin, end] = [0, 1].map((after) => fromUpperWord(first + ((bucket + after) << shift)));
    while (places[code]! <= begin!) code++;
    codes[bucket] = code;
    if (places[code]! < end!) changes[bucket] = places[code]!;
  }
  const values = new Float64Array(256);
  magnitudes.forEach((value, i) => {
    values[i] = value === 0 ? 0 : root(value, power);
    values[128 + i] = -values[i]!;
  });
  return { first, shift, codes, changes, values };
}

const tables = new Map<number, PowerTable>();

function tableOf(power: number): PowerTable {
  const known = tables.get(power) ?? madeTable(power);
  tables.set(power, known);
  return known;
}

/** 16 k of a group whose least and largest magnitudes, 0 apart, are these. */
function powerOf(least: number, most: number): number {
  const ratio = Math.max(log2Magnitude(most) - log2Magnitude(least), leastLogRatio);
  return Math.min(Math.max(Math.floor((steps * logRange) / ratio), leastPower), mostPower);
}

/** Bytes that so many numbers in groups of `block` take. */
export function expandedBytes(count: number, block: number): number {
  return count + 6 * Math.ceil(count / block);
}

/** The parts of what is held. */
function partsOf(held: Uint8Array, count: number, block: number) {
  const groups = Math.ceil(count / block);
  const { buffer, byteOffset } = held;
  return {
    groups,
    tops: new Float32Array(buffer, byteOffset, groups),
    powers: new Uint16Array(buffer, byteOffset + 4 * groups, groups),
    codes: held.subarray(6 * groups),
  };
}

/** Finds the table of a group, and writes down what undoes its codes. */
const writesGroups =
  (tops: Float32Array, powers: Uint16Array) =>
  (least: number, most: number, index: number): PowerTable | undefined => {
    if (most === 0) return undefined;
    tops[index] = most;
    powers[index] = powerOf(least, most);
    return tableOf(powers[index]!);
  };

/** A state that is held so: `count` numbers in groups of `block`. */
export interface ExpandedState {
  readonly count: number;
  readonly block: number;
  readonly held: Uint8Array;
}

/** Moments of one number and size of groups, after a step of AdamW at pointers on a heap; undefined where something would not be finite. */
export function adamExpanded(
  heap: Heap,
  pointers: { readonly gradient: number; readonly variable: number; readonly updated: number },
  moments: readonly [ExpandedState, ExpandedState],
  constants: AdamConstants,
): readonly [Uint8Array, Uint8Array] | undefined {
  const [{ count, block }] = moments;
  const read = moments.map(({ held }): ExpandedCodes => {
    const { tops, powers, codes } = partsOf(held, count, block);
    const tables = Array.from(powers, (power, i) => (tops[i] === 0 ? undefined : tableOf(power)));
    return { codes, tops, tables };
  }) as [ExpandedCodes, ExpandedCodes];
  const next = moments.map(() => new Uint8Array(expandedBytes(count, block))) as [Uint8Array, Uint8Array];
  const parts = next.map((held) => partsOf(held, count, block));
  const [one, two] = parts.map(({ tops, powers }) => writesGroups(tops, powers));
  const coded = expanderOn(heap).adam(pointers, block, read, constants, [one!, two!], tableOf(steps));
  if (coded === undefined) return undefined;
  coded.forEach((codes, i) => {
    parts[i]!.codes.set(codes);
  });
  return next;
}

/** Codes with what undoes them. What is no finite number counts as 0. */
export function expandRange(values: Float32Array, block: number): Uint8Array {
  const held = new Uint8Array(expandedBytes(values.length, block));
  const { tops, powers, codes } = partsOf(held, values.length, block);
  encodePowers(values, block, writesGroups(tops, powers), codes);
  return held;
}

/** What was saved, if it is something that `expandRange` gives. Throws Error for anything else. */
export function checkedExpansion(held: Uint8Array, count: number, block: number): Uint8Array {
  const { groups, tops, powers } = partsOf(held, count, block);
  for (let group = 0; group < groups; group++) {
    const isPower = powers[group]! >= leastPower && powers[group]! <= mostPower;
    if (!(tops[group]! >= 0 && tops[group]! < Infinity && (isPower || tops[group] === 0)))
      throw new Error(`checkpoint: group ${group} of a state has no power`);
  }
  return held;
}

/** The numbers that codes stand for. */
export function shrinkRange(held: Uint8Array, count: number, block: number): Float32Array {
  const { groups, tops, powers, codes } = partsOf(held, count, block);
  const values = new Float32Array(count);
  for (let group = 0; group < groups; group++) {
    const begin = group * block;
    const end = Math.min(begin + block, count);
    const top = tops[group]!;
    // A group of zeros has no power.
    if (top === 0) continue;
    const power = powers[group]!;
    const { values: of } = tableOf(power);
    for (let i = begin; i < end; i++) values[i] = top * of[codes[i]!]!;
  }
  return values;
}

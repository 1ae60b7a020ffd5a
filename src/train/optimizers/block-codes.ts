/**
 * 8-bit states in blocks: codes of a table and a binary32 scale for each block, the bytes that the quantiser of `dynamic8` packs, made and
 * read by loops of their own, as every step does both with every state. The table is small: what a code is follows from the upper half
 * of a number's pattern, and one comparison with the middle between two values.
 */
import type { CodebookFormat } from '../../formats/index.ts';
import { decode, encode } from '../../operations/conversions.ts';

/** A table ready for use. */
interface Table {
  readonly values: Float32Array;
  /** By the upper 16 bits of a binary32 number: the code of the least number that has them. */
  readonly first: Uint8Array;
  /** By code: the least binary32 number that is the next code's. */
  readonly next: Float32Array;
  /** The code of 0. */
  readonly zero: number;
}

const word = new Uint32Array(1);
const number = new Float32Array(word.buffer);

/** The next binary32 number above a finite one. */
function nextAbove(x: number): number {
  number[0] = x;
  if (x === 0) word[0] = 1;
  else word[0] = x > 0 ? word[0]! + 1 : word[0]! - 1;
  return number[0]!;
}

function tableOf(format: CodebookFormat): Table {
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
  const values = Float32Array.from(decode(codes, format));
  const [least, largest] = [values[0]!, values[255]!];
  const starts = Float32Array.from({ length: 65536 }, (_, upper) => {
    // Numbers below 0 fall as their patterns rise.
    word[0] = upper < 32768 ? upper * 65536 : upper * 65536 + 65535;
    const x = number[0]!;
    return Number.isNaN(x) ? 0 : Math.max(least, Math.min(largest, x));
  });
  const next = Float32Array.from({ length: 256 }, (_, code) => {
    if (code === 255) return Infinity;
    const middle = Math.fround((values[code]! + values[code + 1]!) / 2);
    // Rounding decides for the middle itself, and for what lies beside it.
    let x = middle;
    while (encode(Float32Array.of(x), format)[0]! > code) x = -nextAbove(-x);
    while (encode(Float32Array.of(x), format)[0]! <= code) x = nextAbove(x);
    return x;
  });
  return {
    values,
    first: Uint8Array.from(encode(starts, format) as Uint8Array),
    next,
    zero: encode(Float32Array.of(0), format)[0] as number,
  };
}

const tables = new Map<CodebookFormat, Table>();

/** Numbers of one block in units of its scale, and their patterns. */
let scaled = new Float32Array(0);
let patterns = new Uint32Array(0);

/** Codes of numbers, those of a state between steps: `count` of them, then a scale for each block. */
export interface BlockCodes {
  readonly count: number;
  /** Numbers that share a scale. */
  readonly size: number;
  /** Bytes of all of them, packed. */
  readonly bytes: number;
  readonly table: Table;
  /** Whether a negative number that would become 0 has the code below. */
  readonly keepsSigns: boolean;
}

/** @param size numbers that share a scale */
export function blockCodes(
  format: CodebookFormat,
  count: number,
  size: number,
  keepsSigns: boolean,
): BlockCodes {
  const table = tables.get(format) ?? tableOf(format);
  tables.set(format, table);
  return { count, size, bytes: count + 4 * Math.ceil(count / size), table, keepsSigns };
}

/** The scales of packed codes. */
export const scalesOf = ({ count, bytes }: BlockCodes, held: Uint8Array): DataView =>
  new DataView(held.buffer, held.byteOffset + count, bytes - count);

/** The numbers of codes from `begin` on, from a place of an array on. */
export function readCodes(
  { values }: Table,
  held: Uint8Array,
  begin: number,
  end: number,
  scale: number,
  out: Float32Array,
  at: number,
): void {
  for (let i = begin, j = at; i < end; i++, j++) out[j] = values[held[i]!]! * scale;
}

/** Codes of a block's numbers, which lie in an array from a place on; gives their scale. Those that are not finite count as 0. */
export function writeCodes(
  { table, keepsSigns }: BlockCodes,
  values: Float32Array,
  at: number,
  held: Uint8Array,
  begin: number,
  end: number,
): number {
  const { first, next, zero } = table;
  const length = end - begin;
  if (scaled.length < length) {
    scaled = new Float32Array(length);
    patterns = new Uint32Array(scaled.buffer);
  }
  const largest = largestOf(values, at, length);
  if (largest === 0) scaled.fill(0, 0, length);
  else scaleBy(values, at, length, largest, scaled);
  const [units, words] = [scaled, patterns];
  for (let i = 0; i < length; i++) {
    const code = first[words[i]! >>> 16]!;
    held[begin + i] = units[i]! >= next[code]! ? code + 1 : code;
  }
  if (keepsSigns) keepSigns(values, at, length, held, begin, zero);
  return largest;
}

/** The numbers of packed codes. */
export function readBlocks(codes: BlockCodes, held: Uint8Array): Float32Array {
  const { count, size, table } = codes;
  const scales = scalesOf(codes, held);
  const out = new Float32Array(count);
  for (let begin = 0, block = 0; begin < count; begin += size, block++)
    readCodes(
      table,
      held,
      begin,
      Math.min(count, begin + size),
      scales.getFloat32(4 * block, true),
      out,
      begin,
    );
  return out;
}

/** Packs numbers. */
export function writeBlocks(codes: BlockCodes, values: Float32Array, held: Uint8Array): void {
  const { count, size } = codes;
  const scales = scalesOf(codes, held);
  for (let begin = 0, block = 0; begin < count; begin += size, block++) {
    const end = Math.min(count, begin + size);
    scales.setFloat32(4 * block, writeCodes(codes, values, begin, held, begin, end), true);
  }
}

/** The largest magnitude that is finite. */
function largestOf(values: Float32Array, at: number, length: number): number {
  let largest = 0;
  for (let i = at; i < at + length; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
  }
  return largest;
}

/** Numbers over a scale. */
function scaleBy(values: Float32Array, at: number, length: number, scale: number, out: Float32Array): void {
  for (let i = 0; i < length; i++) {
    const x = values[at + i]!;
    out[i] = x - x === 0 ? x / scale : 0;
  }
}

/** Negative numbers whose code is that of 0 have the code below. */
function keepSigns(
  values: Float32Array,
  at: number,
  length: number,
  held: Uint8Array,
  begin: number,
  zero: number,
): void {
  for (let i = 0; i < length; i++)
    if (held[begin + i] === zero && values[at + i]! < 0 && values[at + i]! > -Infinity)
      held[begin + i] = zero - 1;
}

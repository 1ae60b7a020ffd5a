/**
 * 8-bit states in blocks: codes of a table and a binary32 scale for each block, the bytes that the quantiser of `dynamic8` packs. Of a
 * table with signs a negative number never has the code of 0. What a code is follows from the upper half of a number's pattern and one
 * place in the lower half where the next code begins. What the kernels (`src/kernels/block-codes.ts`) do on a heap, the loops here do
 * elsewhere, bit for bit.
 */
import type { CodebookFormat } from '../../formats/index.ts';
import type { CodedBlocks, CodeTable } from '../../kernels/block-codes.ts';
import { decode, encode } from '../../operations/conversions.ts';

const word = new Uint32Array(1);
const number = new Float32Array(word.buffer);

function numberOf(pattern: number): number {
  word[0] = pattern;
  return number[0]!;
}

function patternOf(x: number): number {
  number[0] = x;
  return word[0]!;
}

/** The next binary32 number above a finite one. */
function nextAbove(x: number): number {
  if (x === 0) return numberOf(1);
  return numberOf(patternOf(x) + (x > 0 ? 1 : -1));
}

/** By code: the least binary32 number that is the next code's. */
function beginnings(format: CodebookFormat, values: Float32Array): Float32Array {
  const codeOf = (x: number): number => encode(Float32Array.of(x), format)[0] as number;
  return Float32Array.from(values, (value, code) => {
    if (code === 255) return Infinity;
    // Rounding decides for the middle itself, and for what lies beside it.
    let x = Math.fround((value + values[code + 1]!) / 2);
    while (codeOf(x) > code) x = -nextAbove(-x);
    while (codeOf(x) <= code) x = nextAbove(x);
    return x;
  });
}

function tableOf(format: CodebookFormat): CodeTable {
  const values = Float32Array.from(
    decode(
      Uint8Array.from({ length: 256 }, (_, code) => code),
      format,
    ),
  );
  const next = beginnings(format, values);
  const [least, largest] = [values[0]!, values[255]!];
  // Numbers below 0 fall as their patterns rise.
  const starts = Float32Array.from({ length: 65536 }, (_, upper) => {
    const x = numberOf(upper < 32768 ? upper * 65536 : upper * 65536 + 65535);
    return x - x === 0 ? Math.max(least, Math.min(largest, x)) : 0;
  });
  // What is no finite number counts as 0.
  const [zero] = encode(Float32Array.of(0), format) as Uint8Array;
  const places = Uint32Array.from(encode(starts, format) as Uint8Array, (code, upper) => {
    const isNegative = upper >= 32768;
    const isNumber = (upper & 0x7f80) !== 0x7f80;
    if (isNegative && isNumber && format.isSigned && code >= zero! - 1) return (zero! - 1) * 65536;
    const change = patternOf(next[code]!);
    if (change >>> 16 !== upper) return code * 65536;
    return (code + 1) * 65536 - ((isNegative ? ~change : change) & 65535);
  });
  return { values, places };
}

const tables = new Map<CodebookFormat, CodeTable>();

/** The codes of `count` zeros. @param size numbers that share a scale */
export function codedZeros(format: CodebookFormat, count: number, size: number): CodedBlocks {
  const table = tables.get(format) ?? tableOf(format);
  tables.set(format, table);
  const held = new Uint8Array(count + 4 * Math.ceil(count / size));
  held.fill(table.places[0]! >>> 16, 0, count);
  return { count, size, table, held };
}

const scalesOf = ({ count, held }: CodedBlocks): DataView =>
  new DataView(held.buffer, held.byteOffset + count);

/** The numbers of codes. */
export function readBlocks(codes: CodedBlocks): Float32Array {
  const { count, size, table, held } = codes;
  const scales = scalesOf(codes);
  const out = new Float32Array(count);
  for (let begin = 0, place = 0; begin < count; begin += size, place += 4) {
    const scale = scales.getFloat32(place, true);
    const end = Math.min(count, begin + size);
    for (let i = begin; i < end; i++) out[i] = table.values[held[i]!]! * scale;
  }
  return out;
}

/** Gives numbers codes. */
export function writeBlocks(codes: CodedBlocks, values: Float32Array): void {
  const { count, size, table, held } = codes;
  const scales = scalesOf(codes);
  for (let begin = 0, place = 0; begin < count; begin += size, place += 4) {
    const end = Math.min(count, begin + size);
    const scale = largestOf(values, begin, end);
    for (let i = begin; i < end; i++) {
      // 0 has no sign, and of a block of zeros any scale does.
      const bits = patternOf((values[i]! + 0) / (scale || 1));
      const lower = (bits ^ ((bits | 0) >> 31)) & 65535;
      held[i] = (table.places[bits >>> 16]! + lower) >>> 16;
    }
    scales.setFloat32(place, scale, true);
  }
}

/** The largest magnitude that is finite. */
function largestOf(values: Float32Array, begin: number, end: number): number {
  let largest = 0;
  for (let i = begin; i < end; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > largest && magnitude < Infinity) largest = magnitude;
  }
  return largest;
}

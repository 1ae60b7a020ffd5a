/**
 * 8-bit states in blocks: codes of a table and a binary32 scale for each block, the bytes that the quantiser of `dynamic8` packs. Of a
 * table with signs a negative number never has the code of 0. What a code is follows from the upper half of a number's pattern and one
 * place in the lower half where the next code begins. What the kernels (`src/kernels/block-codes.ts`) do on a heap, the loops here do
 * elsewhere, bit for bit.
 */
import type { CodebookFormat, Format } from '../../formats/index.ts';
import type { CodedBlocks, CodeTable } from '../../kernels/block-codes.ts';
import { decode, encode } from '../../operations/conversions.ts';
import type { QuantizerOptions } from '../../quantizers/index.ts';

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

/** By code: the least binary32 number that is the next code's; infinity where there is none. */
function beginnings(format: Format, values: Float32Array, hasNext: (code: number) => boolean): Float32Array {
  const roundedTo = (x: number): number => values[codeOf(x, format)]!;
  return Float32Array.from(values, (value, code) => {
    if (!hasNext(code)) return Infinity;
    // Rounding decides for the middle itself, and for what lies beside it.
    let x = Math.fround((value + values[(code + 1) & 255]!) / 2);
    while (roundedTo(x) > value) x = -nextAbove(-x);
    while (roundedTo(x) <= value) x = nextAbove(x);
    return x;
  });
}

const codesOf = (x: Float32Array, format: Format): Uint8Array =>
  Uint8Array.from(encode(x, format, { saturation: 'finite' }) as Uint8Array);

const codeOf = (x: number, format: Format): number => codesOf(Float32Array.of(x), format)[0]!;

/** A table of a format of 8 bits. Of floating-point formats negative numbers have the codes of their magnitudes, 128 more. */
function tableOf(format: Format): CodeTable {
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
  const values = Float32Array.from(decode(codes, format));
  const isFloat = format.kind === 'float';
  const [zero, largest] = [0, format.max].map((x) => codeOf(x, format)) as [number, number];
  const next = beginnings(format, values, (code) => (isFloat ? code < largest : code !== largest));
  const keepsSigns = format.kind === 'codebook' && format.isSigned;
  // Of each upper half the number that has the least code of its sign: those below 0 fall as their patterns rise.
  const least = Float32Array.from({ length: 65536 }, (_, upper) => {
    const x = numberOf(upper < 32768 ? upper * 65536 : upper * 65536 + 65535);
    return Number.isFinite(x) ? Math.max(format.min, Math.min(format.max, x)) : 0;
  });
  const leastCodes = codesOf(least, format);
  /** The code of the numbers of an upper half, where it does not change among them, or after it has; and the lower half where it does. */
  const place = (upper: number): readonly [code: number, change: number] => {
    const isNegative = upper >= 32768;
    // What is no finite number counts as 0.
    if ((upper & 0x7f80) === 0x7f80) return [zero, 0];
    const code = leastCodes[upper]!;
    if (keepsSigns && isNegative && code >= zero - 1) return [zero - 1, 0];
    const change = patternOf(next[code]!);
    if (change >>> 16 !== upper) return [code, 0];
    return [code + 1, (isNegative ? ~change : change) & 65535];
  };
  const places = Uint32Array.from({ length: 65536 }, (_, upper) => {
    const isNegative = isFloat && upper >= 32768 && (upper & 0x7f80) !== 0x7f80;
    const [code, change] = place(isNegative ? upper - 32768 : upper);
    // Codes go round: after 255 comes 0.
    return (((code + (isNegative ? 128 : 0)) & 255) - upper) * 65536 - change;
  });
  return { values, turned: isFloat ? 0 : 65535, places };
}

const tables = new Map<Format, CodeTable>();

/** The table of an 8-bit format: a codebook, integers, or floating-point numbers of 5 bits and fewer. */
export function codeTable(format: Format): CodeTable {
  const table = tables.get(format) ?? tableOf(format);
  tables.set(format, table);
  return table;
}

const coded: ReadonlySet<unknown> = new Set(['e4m3fn', 'e5m2', 'int8', 'uint8']);

/**
 * How many numbers of rows of `columns` share a scale, where a quantiser packs codes of a table and scales from largest magnitudes;
 * undefined: it does something else.
 * @param count of all numbers
 */
export function blockSize(
  { format, scale, ...others }: QuantizerOptions,
  columns: number,
  count: number,
): number | undefined {
  const { per, size, from, ...rest } = { size: undefined, ...scale } as Record<string, unknown>;
  const isPlain = from === 'absmax' && [others, rest].every((more) => Object.keys(more).length === 0);
  if (!isPlain || !coded.has(format)) return undefined;
  if (per === 'tensor') return count;
  const isWhole = columns === count || columns % (size as number) === 0;
  return per === 'block' && isWhole ? (size as number) : undefined;
}

/** The codes of `count` zeros. @param size numbers that share a scale */
export function codedZeros(format: CodebookFormat, count: number, size: number): CodedBlocks {
  const table = codeTable(format);
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
      const turned = bits ^ (((bits | 0) >> 31) & table.turned);
      held[i] = (table.places[bits >>> 16]! + turned) >>> 16;
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

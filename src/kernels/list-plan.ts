/**
 * Plans for the kernels of `assembly/rounding/list.ts`: codebooks and logarithmic formats, in every mode. The tables are made here:
 * the numbers that are searched, the values, and the buckets that a search begins in.
 */
import type { CodebookFormat, LogarithmicFormat } from '../formats/format.ts';
import { isStochastic, type ResolvedRounding, roundScalar } from '../rounding/index.ts';
import * as parameters from './generated/layout-rounding.ts';
import { BlockWriter, lanes64, writeRandom } from './rounding-block.ts';
import type { RoundingPlan } from './rounding-plan.ts';

export type ListFormat = CodebookFormat | LogarithmicFormat;

const float64 = new Float64Array(1);
const integer64 = new BigInt64Array(float64.buffer);

/** The next binary64 number above (1) or below (-1). */
function neighbour(x: number, direction: 1 | -1): number {
  if (x === 0) return direction * Number.MIN_VALUE;
  float64[0] = x;
  integer64[0] = integer64[0]! + BigInt(x > 0 ? direction : -direction);
  return float64[0];
}

/** The upper 32 bits of |x|. */
function highWord(x: number): number {
  float64[0] = Math.abs(x);
  return Number(integer64[0]! >> 32n);
}

function fromHighWord(word: number): number {
  integer64[0] = BigInt(word) << 32n;
  return float64[0]!;
}

/** The least binary64 number that goes to upper: in (lower, upper], or by jamming next to it. */
function thresholdBetween(lower: number, upper: number, goesUp: (x: number) => boolean): number {
  if (goesUp(lower)) return lower;
  if (!goesUp(upper)) return neighbour(upper, 1);
  const first = neighbour(lower, 1);
  if (first === upper || goesUp(first)) return first;
  if (!goesUp(neighbour(upper, -1))) return upper;
  // A nearest mode: the middle, or one of its neighbours.
  const middle = lower / 2 + upper / 2;
  const from = neighbour(neighbour(middle, -1), -1);
  for (let x = from, i = 0; i < 5; i++, x = neighbour(x, 1))
    if (goesUp(x)) return i > 0 || !goesUp(neighbour(x, -1)) ? x : Number.NaN;
  return Number.NaN;
}

function thresholdsOf(format: ListFormat, values: readonly number[], options: ResolvedRounding): number[] {
  return values.slice(1).map((upper, i) => {
    const threshold = thresholdBetween(values[i]!, upper, (x) => roundScalar(x, format, options, 0) >= upper);
    if (Number.isNaN(threshold))
      throw new Error(`${format.name}: no threshold found between ${values[i]} and ${upper}`);
    return threshold;
  });
}

/** How many of the ascending numbers are not above x. */
function countUpTo(numbers: readonly number[], x: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

const mostKeys = 4096;

interface SearchTables {
  /** Buckets, then the searched numbers, then what else was given; a multiple of 16 bytes. */
  readonly bytes: Uint8Array;
  readonly searchedOffset: number;
  readonly restOffset: number;
  readonly steps: number;
  readonly keyShift: number;
  readonly keyLow: number;
  readonly keyHigh: number;
}

/** Tables to search ascending numbers: a key of leading bits says how many of them come before its bucket. */
function searchTables(numbers: readonly number[], rest: Uint8Array): SearchTables {
  const words = numbers.filter((x) => x !== 0).map(highWord);
  const least = words.reduce((a, b) => Math.min(a, b), words[0] ?? 0);
  const most = words.reduce((a, b) => Math.max(a, b), words[0] ?? 0);
  let shift = 0;
  while (shift < 20 && (most >> shift) - (least >> shift) >= mostKeys) shift++;
  const keyLow = least >> shift;
  const keyHigh = most >> shift;
  const keys = keyHigh - keyLow + 1;
  const buckets = new Uint16Array(2 * keys);
  let largest = 0;
  for (let key = keyLow; key <= keyHigh; key++) {
    const from = key === keyLow ? 0 : fromHighWord(key * 2 ** shift);
    const to = key === keyHigh ? Infinity : fromHighWord((key + 1) * 2 ** shift);
    // 65536 does not fit in 16 bits; a search may begin too early.
    const [positiveStart, negativeStart] = [from, -to].map((x) => Math.min(countUpTo(numbers, x), 65535)) as [
      number,
      number,
    ];
    buckets[key - keyLow] = positiveStart;
    buckets[keys + key - keyLow] = negativeStart;
    largest = Math.max(
      largest,
      countUpTo(numbers, to) - positiveStart,
      countUpTo(numbers, -from) - negativeStart,
    );
  }
  let steps = largest === 0 ? 0 : 1;
  while (2 * steps - 1 < largest) steps *= 2;
  // A step may look beyond the end, where nothing compares.
  const searched = Float64Array.from({ length: numbers.length + 2 * steps }, (_, i) => numbers[i] ?? NaN);
  const searchedOffset = Math.ceil(buckets.byteLength / 16) * 16;
  const restOffset = searchedOffset + Math.ceil(searched.byteLength / 16) * 16;
  const bytes = new Uint8Array(restOffset + Math.ceil(rest.byteLength / 16) * 16);
  bytes.set(new Uint8Array(buckets.buffer));
  bytes.set(new Uint8Array(searched.buffer), searchedOffset);
  bytes.set(rest, restOffset);
  return { bytes, searchedOffset, restOffset, steps, keyShift: shift + 32, keyLow, keyHigh };
}

export function writeSearch(writer: BlockWriter, tables: SearchTables): void {
  writer.word(parameters.searchedSlot, tables.searchedOffset);
  writer.word(parameters.valuesSlot, tables.restOffset);
  writer.word(parameters.stepsSlot, tables.steps);
  writer.word(parameters.keyShiftSlot, tables.keyShift);
  writer.word(parameters.keyLowSlot, tables.keyLow);
  writer.word(parameters.keyHighSlot, tables.keyHigh);
}

/** The least binary32 number that is not below x. */
function binary32AtLeast(x: number): number {
  const rounded = Math.fround(x);
  if (rounded >= x) return rounded;
  const word = new Int32Array(Float32Array.of(rounded).buffer);
  word[0] = rounded === 0 ? 1 : word[0]! + (rounded > 0 ? 1 : -1);
  return new Float32Array(word.buffer)[0]!;
}

/** Where a plan's tables come from: they depend on less than the plan does, and formats keep them. */
interface ListTables {
  readonly bytes: Uint8Array;
  /** Missing for lists that are compared with every threshold. */
  readonly search?: SearchTables;
}

const kept = new WeakMap<ListFormat, Map<string, ListTables>>();

function keptTables(format: ListFormat, key: string, make: () => ListTables): ListTables {
  let ofFormat = kept.get(format);
  if (ofFormat === undefined) {
    ofFormat = new Map();
    kept.set(format, ofFormat);
  }
  let tables = ofFormat.get(key);
  if (tables === undefined) {
    tables = make();
    ofFormat.set(key, tables);
  }
  return tables;
}

/** The values, to be searched. */
function valueTables(format: ListFormat): ListTables {
  return keptTables(format, 'values', () => {
    const search = searchTables(format.values(), new Uint8Array(0));
    return { bytes: search.bytes, search };
  });
}

/** The thresholds of a deterministic mode, to be searched, and the values. */
function thresholdTables(format: ListFormat, options: ResolvedRounding): ListTables {
  return keptTables(format, options.rounding, () => {
    const values = format.values();
    const thresholds = thresholdsOf(format, values, options);
    const search = searchTables(thresholds, new Uint8Array(Float64Array.from(values).buffer));
    return { bytes: search.bytes, search };
  });
}

/**
 * What turns numbers into codes, which are 16-bit integers here: the thresholds of a deterministic mode, or the values
 * alone for numbers that have been rounded.
 */
export function codeTables(format: ListFormat, options: ResolvedRounding | undefined): SearchTables {
  const values = format.values();
  const numbers = options === undefined ? values : thresholdsOf(format, values, options);
  const codes = Uint16Array.from(values, (value) => Number(format.encode(value)));
  return searchTables(numbers, new Uint8Array(codes.buffer));
}

/** 16 thresholds and 16 values of binary32. */
function smallTables(format: ListFormat, options: ResolvedRounding): ListTables {
  return keptTables(format, `${options.rounding} in lanes`, () => {
    const values = format.values();
    const table = new Float32Array(32);
    table.set(thresholdsOf(format, values, options).map(binary32AtLeast));
    table.set(values, 16);
    return { bytes: new Uint8Array(table.buffer) };
  });
}

export function listPlan(elementShift: 2 | 3, format: ListFormat, options: ResolvedRounding): RoundingPlan {
  const length = format.values().length;
  const base = parameters.listBase + (elementShift === 2 ? 0 : parameters.lists);
  const isEqual = options.rounding === 'stochastic-equal';
  const readsRandom = isStochastic(options.rounding);
  const isSmall = elementShift === 2 && length <= parameters.smallList;
  const { bytes, search } = readsRandom
    ? valueTables(format)
    : isSmall
      ? smallTables(format, options)
      : thresholdTables(format, options);
  const writer = new BlockWriter(lanes64);
  writer.word(parameters.lastSlot, length - 1);
  writeRandom(writer, options);
  writer.number(parameters.randomScaleSlot, 2 ** options.randomBits);
  if (search !== undefined) writeSearch(writer, search);
  const kernel = readsRandom
    ? isEqual
      ? parameters.listEqual
      : parameters.listStochastic
    : isSmall
      ? parameters.listSmall
      : parameters.listThresholds;
  return {
    path: 'list',
    kernel: base + kernel,
    elementShift,
    readsRandom,
    block: writer.bytes,
    tables: bytes,
    ...(readsRandom && !isEqual && { deferred: format }),
  };
}

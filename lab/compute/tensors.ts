/** The tensor of a page: drawn from a distribution, pasted, or read from CSV, `.npy` or safetensors. */
import { distributionNames, distributions } from '../../src/cli/analyze/distributions.ts';
import { ArgumentError, decode, formats } from '../../src/index.ts';
import { FileFormatError, readNpy, type ShapedNumbers } from '../../src/model-files/npy.ts';
import { integerFrom, numbersFrom, wordFrom } from './read.ts';

/** A file that was dropped onto a page. */
export interface DroppedFile {
  readonly name: string;
  readonly bytes: ArrayBuffer;
}

export interface TensorInput {
  readonly source: string;
  readonly rows: string;
  readonly columns: string;
  readonly seed: string;
  readonly numbers: string;
  /** Name of the array in a safetensors file; empty for the largest. */
  readonly array: string;
  readonly file?: DroppedFile;
}

/** Elements of the largest tensor of a page. */
export const mostElements: number = 2 ** 22;
/** Numbers of the longest text that is pasted. */
const mostPasted = 100_000;

export const sourceNames: readonly string[] = [...distributionNames, 'pasted', 'file'];

/** Rows of a text with commas, semicolons, tabs or blanks between numbers; a first line without a number is a header. */
function readCsv(text: string): ShapedNumbers {
  const rows = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const cellsOf = (line: string): string[] => line.split(/[\s,;]+/).filter((cell) => cell !== '');
  const hasHeader = rows.length > 1 && cellsOf(rows[0]!).every((cell) => Number.isNaN(Number(cell)));
  const lines = hasHeader ? rows.slice(1) : rows;
  const columns = lines.length === 0 ? 0 : cellsOf(lines[0]!).length;
  if (columns === 0) throw new FileFormatError('no numbers');
  const values = new Float64Array(lines.length * columns);
  for (const [row, line] of lines.entries()) {
    const cells = cellsOf(line);
    if (cells.length !== columns)
      throw new FileFormatError(
        `line ${row + 1 + Number(hasHeader)}: ${cells.length} numbers, not ${columns}`,
      );
    for (const [column, cell] of cells.entries()) {
      const value = Number(cell);
      if (Number.isNaN(value))
        throw new FileFormatError(`line ${row + 1 + Number(hasHeader)}: '${cell.slice(0, 30)}' is no number`);
      values[row * columns + column] = value;
    }
  }
  return { values, shape: [lines.length, columns] };
}

const { binary16, bfloat16, e4m3fn, e5m2 } = formats;

/** How arrays of a safetensors file are read. Source: github.com/huggingface/safetensors, README, "Format". */
const readers: Readonly<Record<string, (bytes: ArrayBuffer) => Float32Array | Float64Array>> = {
  F64: (bytes) => new Float64Array(bytes),
  F32: (bytes) => new Float32Array(bytes),
  F16: (bytes) => decode(new Uint16Array(bytes), binary16),
  BF16: (bytes) => decode(new Uint16Array(bytes), bfloat16),
  F8_E4M3: (bytes) => decode(new Uint8Array(bytes), e4m3fn),
  F8_E5M2: (bytes) => decode(new Uint8Array(bytes), e5m2),
  I32: (bytes) => Float64Array.from(new Int32Array(bytes)),
  I16: (bytes) => Float32Array.from(new Int16Array(bytes)),
  I8: (bytes) => Float32Array.from(new Int8Array(bytes)),
  U8: (bytes) => Float32Array.from(new Uint8Array(bytes)),
};

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const isEntry = (given: unknown): given is Entry => {
  const { dtype, shape, data_offsets: place } = (given ?? {}) as Partial<Entry>;
  const areLengths = (list: unknown): boolean =>
    Array.isArray(list) && list.every((one) => Number.isSafeInteger(one) && one >= 0);
  return typeof dtype === 'string' && areLengths(shape) && areLengths(place) && place!.length === 2;
};

/** The arrays of a safetensors file by their names, and where their bytes begin. */
function entriesOf(bytes: ArrayBuffer): { entries: Map<string, Entry>; start: number } {
  if (bytes.byteLength < 8) throw new FileFormatError('byte 0: no header');
  const length = new DataView(bytes).getBigUint64(0, true);
  if (length > BigInt(bytes.byteLength - 8))
    throw new FileFormatError('byte 0: a header longer than the file');
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.slice(8, 8 + Number(length))));
  } catch {
    throw new FileFormatError('byte 8: a header that is no JSON');
  }
  const entries = new Map(
    Object.entries(header as object).filter(([name, entry]) => name !== '__metadata__' && isEntry(entry)),
  ) as Map<string, Entry>;
  return { entries, start: 8 + Number(length) };
}

function readSafetensors(bytes: ArrayBuffer, wanted: string): ShapedNumbers {
  const { entries, start } = entriesOf(bytes);
  const known = [...entries].filter(([, { dtype }]) => readers[dtype] !== undefined);
  const sizeOf = ({ data_offsets: [from, to] }: Entry): number => to - from;
  const largest = known.toSorted(([, a], [, b]) => sizeOf(b) - sizeOf(a))[0]?.[0];
  const name = wanted.trim() === '' ? largest : wanted.trim();
  const entry = name === undefined ? undefined : entries.get(name);
  if (entry === undefined)
    throw new ArgumentError(
      'array',
      wanted,
      `an array of the file: ${known
        .slice(0, 12)
        .map(([one]) => one)
        .join(', ')}`,
    );
  const reader = readers[entry.dtype];
  if (reader === undefined)
    throw new ArgumentError(
      'array',
      `${name} of ${entry.dtype}`,
      `arrays of ${Object.keys(readers).join(', ')}`,
    );
  const [from, to] = entry.data_offsets;
  const count = entry.shape.reduce((a, b) => a * b, 1);
  if (start + to > bytes.byteLength || from > to)
    throw new FileFormatError(`array ${name}: beyond the end of the file`);
  const values = reader(bytes.slice(start + from, start + to));
  if (values.length !== count)
    throw new FileFormatError(`array ${name}: ${values.length} numbers, not ${count}`);
  return { values, shape: entry.shape };
}

function readFile({ name, bytes }: DroppedFile, array: string): ShapedNumbers {
  try {
    if (/\.npy$/i.test(name)) return readNpy(new Uint8Array(bytes));
    if (/\.safetensors$/i.test(name)) return readSafetensors(bytes, array);
    if (/\.(csv|tsv|txt)$/i.test(name)) return readCsv(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof FileFormatError)
      throw new ArgumentError('file', `${name}, ${error.message}`, 'a whole file of its kind');
    throw error;
  }
  throw new ArgumentError('file', name, 'a file .csv, .npy or .safetensors');
}

/** The tensor that fields ask for, as rows and columns of binary32 where it holds them. */
export function tensorOf(given: TensorInput): ShapedNumbers {
  const source = wordFrom('source', given.source, sourceNames);
  if (source === 'file') {
    if (given.file === undefined)
      throw new ArgumentError('file', 'nothing', 'a file .csv, .npy or .safetensors');
    const read = readFile(given.file, given.array);
    if (read.values.length === 0 || read.values.length > mostElements)
      throw new ArgumentError('file', `${read.values.length} numbers`, `1 to ${mostElements}`);
    return read;
  }
  if (source === 'pasted') {
    const rows = given.numbers.split('\n').filter((line) => line.trim() !== '');
    const numbers = rows.map((row) => numbersFrom('numbers', row, mostPasted));
    if (numbers.length === 0)
      throw new ArgumentError('numbers', given.numbers, 'numbers, a row on each line');
    const odd = numbers.findIndex(({ length }) => length !== numbers[0]!.length);
    if (odd >= 0)
      throw new ArgumentError(
        'numbers',
        `${numbers[odd]!.length} numbers in line ${odd + 1}`,
        `${numbers[0]!.length}, as many as in line 1`,
      );
    return { values: Float32Array.from(numbers.flat()), shape: [numbers.length, numbers[0]!.length] };
  }
  const rows = integerFrom('rows', given.rows, 1, mostElements);
  const columns = integerFrom('columns', given.columns, 1, Math.floor(mostElements / rows));
  const seed = integerFrom('seed', given.seed, 0, 2 ** 48);
  return { values: distributions[source]!(rows * columns, columns, seed), shape: [rows, columns] };
}

/** The tensor of a page: drawn from a distribution, pasted, or read from CSV, `.npy` or safetensors. */
import { distributionNames, distributions } from '../../src/cli/analyze/distributions.ts';
import { ArgumentError, DamagedFileError } from '../../src/errors.ts';
import { type Dtype, type HeaderEntry, readHeader } from '../../src/files/safetensors.ts';
import { floatsFrom, integersFrom, isFloat, isInteger } from '../../src/model-files/dtypes.ts';
import { FileFormatError, readNpy, type ShapedNumbers } from '../../src/model-files/npy.ts';
import { numberIn } from '../../src/train/csv.ts';
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

/**
 * Rows of a text. Cells are parted by tabs, semicolons or commas, by whichever the first line has, or else by blanks; a first line
 * without a number is a header.
 */
function readCsv(text: string): ShapedNumbers {
  const lines = text
    .split(/\r?\n/)
    .map((line, i) => ({ line: line.trim(), number: i + 1 }))
    .filter(({ line }) => line !== '');
  const mark = ['\t', ';', ','].find((one) => lines[0]?.line.includes(one)) ?? /\s+/;
  const rows = lines.map(({ line, number }) => ({
    number,
    cells: line.split(mark).map((cell) => cell.trim()),
  }));
  if (rows.length > 1 && rows[0]!.cells.every((cell) => Number.isNaN(numberIn(cell)))) rows.shift();
  const columns = rows[0]?.cells.length ?? 0;
  if (columns === 0) throw new FileFormatError('no numbers');
  const values = new Float64Array(rows.length * columns);
  for (const [row, { cells, number }] of rows.entries()) {
    if (cells.length !== columns)
      throw new FileFormatError(`line ${number}: ${cells.length} numbers, not ${columns}`);
    for (const [column, cell] of cells.entries()) {
      const value = numberIn(cell);
      if (Number.isNaN(value))
        throw new FileFormatError(`line ${number}: '${cell.slice(0, 30)}' is no number`);
      values[row * columns + column] = value;
    }
  }
  return { values, shape: [rows.length, columns] };
}

/** Integers as numbers; those of 64 bits need not be binary64 numbers. */
function integers(bytes: Uint8Array, dtype: Dtype, name: string): Float64Array {
  const given = integersFrom(bytes, dtype);
  const values = new Float64Array(given.length);
  for (const [i, element] of given.entries()) {
    values[i] = dtype === 'BOOL' ? Number(element !== 0) : Number(element);
    if (typeof element === 'bigint' && BigInt(values[i]!) !== element)
      throw new FileFormatError(`array ${name}: ${element} is no binary64 number`);
  }
  return values;
}

/** An array of a safetensors file: the one that is wanted, or the largest. */
function readSafetensors(bytes: Uint8Array, wanted: string, path: string): ShapedNumbers {
  const part = (from: number, length: number): Uint8Array => bytes.slice(from, from + length);
  const { entries, start } = readHeader({ path, size: bytes.length, read: part });
  const arrays = entries.filter(([, { dtype }]) => isFloat(dtype) || isInteger(dtype));
  const sizeOf = ({ data_offsets: [from, to] }: HeaderEntry): number => to - from;
  const largest = arrays.toSorted(([, a], [, b]) => sizeOf(b) - sizeOf(a))[0]?.[0];
  const name = wanted.trim() === '' ? largest : wanted.trim();
  const entry = arrays.find(([one]) => one === name)?.[1];
  if (name === undefined || entry === undefined) {
    const names = arrays.slice(0, 12).map(([one]) => one);
    const more = arrays.length > names.length ? ', ...' : '';
    throw new ArgumentError('array', wanted, `an array of numbers of the file: ${names.join(', ')}${more}`);
  }
  const { dtype, shape } = entry;
  const own = part(start + entry.data_offsets[0], sizeOf(entry));
  const values = isFloat(dtype) ? floatsFrom(own, dtype) : integers(own, dtype, name);
  return { values, shape: shape.length === 0 ? [1] : shape };
}

function readFile({ name, bytes }: DroppedFile, array: string): ShapedNumbers {
  try {
    if (/\.npy$/i.test(name)) return readNpy(new Uint8Array(bytes));
    if (/\.safetensors$/i.test(name)) return readSafetensors(new Uint8Array(bytes), array, name);
    if (/\.(csv|tsv|txt)$/i.test(name)) return readCsv(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof FileFormatError || error instanceof DamagedFileError)
      throw new ArgumentError('file', name, `a whole file of its kind (${error.message})`);
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

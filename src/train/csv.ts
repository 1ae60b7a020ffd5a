/**
 * Tables of numbers as training data: CSV with one sample a line, one column of which names the class. The grammar of CSV
 * (quotes, line ends) is the npm package `csv-parse`, which is not bundled.
 */
import { byteArray } from '../array-kinds.ts';
import { atMost, checkBoolean, checkFields, checkString } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { optionalPackage } from '../optional.ts';
import { otherEncoding } from './encoding.ts';
import {
  checkLabelledOptions,
  type LabelledData,
  type LabelledOptions,
  labelledData,
  labelledOptionNames,
} from './labelled-data.ts';

export interface CsvOptions extends LabelledOptions {
  /** The column with the class: its name, or its number from 1. Default 1. */
  readonly label?: string | number;
  /** Whether the first line has names. Default: if no cell of it beside the label is a number, or `label` is a name. */
  readonly header?: boolean;
  /** Default: a tab or a semicolon if the first line has one, otherwise a comma. */
  readonly delimiter?: string;
  /** Default `'standard'`. */
  readonly scaling?: LabelledOptions['scaling'] & string;
}

/** Lines and cells of the largest table. */
const mostSamples = 2 ** 24;
const mostColumns = 2 ** 20;

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The value of a cell; NaN if it is no finite decimal number. */
export const numberIn = (cell: string): number => (number.test(cell) ? Number(cell) : Number.NaN);

/** Numbers that come one after the other, as binary32. */
class Growing {
  #values = new Float32Array(1024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float32Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  get values(): Float32Array {
    return this.#values.subarray(0, this.#length);
  }
}

/** Index of the label's column, or -1 where the first line must have a column of that name and has none. */
function labelColumn(label: string | number, first: readonly string[], header: boolean): number {
  if (header && typeof label === 'string' && first.includes(label)) return first.indexOf(label);
  const position = typeof label === 'number' || /^\d+$/.test(label) ? Number(label) : 0;
  return Number.isInteger(position) && position >= 1 && position <= first.length ? position - 1 : -1;
}

/** Gathers lines as they come: the first decides what the columns are. */
class Table {
  readonly inputs: Growing = new Growing();
  readonly labels: string[] = [];
  readonly #options: CsvOptions;
  #names: readonly string[] | undefined;
  #label = 0;

  constructor(options: CsvOptions) {
    this.#options = options;
  }

  add(cells: readonly string[], line: number): void {
    if (this.#names === undefined && this.#begin(cells)) return;
    cells.forEach((cell, column) => {
      if (column === this.#label) this.#addLabel(cell, line);
      else this.#addFeature(cell, column, line);
    });
  }

  /** Takes the first line; true if it is a header. */
  #begin(cells: readonly string[]): boolean {
    const { label = 1, header } = this.#options;
    const isName = typeof label === 'string' && cells.includes(label);
    const position = labelColumn(label, cells, false);
    const hasHeader =
      header ?? (isName || cells.every((cell, i) => i === position || Number.isNaN(numberIn(cell))));
    this.#label = labelColumn(label, cells, hasHeader);
    if (this.#label < 0)
      throw new ArgumentError(
        'label',
        label,
        `a column of the first line (${cells.slice(0, 8).join(', ')}${cells.length > 8 ? ', ...' : ''}), or its number from 1 to ${cells.length}`,
      );
    if (cells.length < 2)
      throw new ArgumentError('csv', `${cells.length} column`, 'the class and at least one number');
    atMost('csv', cells.length, mostColumns, 'columns');
    this.#names = hasHeader ? cells : cells.map((_, i) => `${i + 1}`);
    return hasHeader;
  }

  #addLabel(cell: string, line: number): void {
    if (cell === '')
      throw new ArgumentError('csv', `an empty class in line ${line}`, 'a class in every line');
    atMost('csv', this.labels.length + 1, mostSamples, 'samples');
    this.labels.push(cell);
  }

  #addFeature(cell: string, column: number, line: number): void {
    const value = numberIn(cell);
    if (Number.isNaN(value) || !Number.isFinite(Math.fround(value)))
      throw new ArgumentError(
        'csv',
        `'${cell.slice(0, 30)}' in line ${line}, column ${this.#names![column]}`,
        `a decimal number within the range of binary32; the class is taken from column ${this.#names![this.#label]}`,
      );
    this.inputs.push(value);
  }
}

/** The table as a text, or as bytes in UTF-8. */
function tableOf(csv: string | Uint8Array): string | Uint8Array {
  if (typeof csv === 'string') return csv;
  const bytes = byteArray('csv', csv, 'a text, or its bytes');
  const other = otherEncoding(bytes);
  if (other !== null) throw new ArgumentError('csv', other, 'a table in UTF-8');
  return bytes;
}

/** See {@link CsvOptions.delimiter}. */
function delimiterOf(csv: string | Uint8Array): string {
  const head = typeof csv === 'string' ? csv.slice(0, 65536) : new TextDecoder().decode(csv.slice(0, 65536));
  const line = head.split(/[\r\n]+/).find((text) => text.trim() !== '') ?? '';
  return ['\t', ';'].find((mark) => line.includes(mark)) ?? ',';
}

const loadParser = () =>
  optionalPackage('csv', 'csv-parse', async () => (await import('csv-parse/sync')).parse);

/**
 * Makes training data of a CSV table: the column `label` names the class, every other column is a number. Blank lines
 * are skipped, cells are trimmed. Samples are shuffled in an order that is fixed, the last part of them validates.
 * @param given The text, or its bytes in UTF-8.
 * @throws ArgumentError naming what the bytes seem to be if they are not UTF-8, the line and the column of a cell that is no number, a line with too few or too many
 * cells, `label` if there is no such column, or an option; also if the package `csv-parse` is not installed.
 * @example
 * const data = await csvData(await readFile('iris.csv'), { label: 'species' });
 */
export async function csvData(given: string | Uint8Array, options: CsvOptions = {}): Promise<LabelledData> {
  const csv = tableOf(given);
  checkFields('', options, ['label', 'header', 'delimiter', ...labelledOptionNames]);
  const { delimiter = delimiterOf(csv), header, label, scaling = 'standard', ...rest } = options;
  if (typeof delimiter !== 'string' || delimiter.length !== 1)
    throw new ArgumentError('delimiter', delimiter, 'one character');
  if (header !== undefined) checkBoolean('header', header);
  if (typeof label !== 'number' && label !== undefined) checkString('label', label);
  checkLabelledOptions(options);
  const parse = await loadParser();
  const table = new Table(options);
  // Only Node's parser takes bytes, of which a text may be too long to be one string.
  const source = typeof csv === 'string' || 'Buffer' in globalThis ? csv : new TextDecoder().decode(csv);
  try {
    parse(source, {
      bom: true,
      delimiter,
      skip_empty_lines: true,
      trim: true,
      on_record: (cells: string[], { lines }: { lines: number }) => {
        table.add(cells, lines);
        return null;
      },
    });
  } catch (error) {
    if (error instanceof ArgumentError || !(error instanceof Error && 'code' in error)) throw error;
    throw new ArgumentError('csv', error.message, 'CSV with the same number of cells in every line');
  }
  const { labels, inputs } = table;
  if (labels.length < 2)
    throw new ArgumentError('csv', `${labels.length} samples`, 'at least two lines of samples');
  return labelledData(inputs.values, labels, { name: 'csv', ...rest, scaling });
}

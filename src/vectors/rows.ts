/** Rows in and out: the answers to cases as chunks of a form's text or bytes, and such text or bytes as rows again. */
import { byteArray } from '../array-kinds.ts';
import { oneOf } from '../check.ts';
import { ArgumentError, printable } from '../errors.ts';
import type { Code } from '../formats/format.ts';
import { casesOf, type ResolvedCases } from './cases/index.ts';
import { NotARow, type Row, type TextForm } from './forms/form.ts';
import { npyHead, npyReader, npyWriter, readNpyStart } from './forms/npy.ts';
import { textForms } from './forms/text.ts';
import type { TestOperation } from './operation.ts';
import type { Verification } from './verification.ts';

/** The forms in which vectors are written and read. */
export const vectorForms = ['testfloat', 'csv', 'jsonl', 'readmemh', 'npy'] as const;
export type VectorForm = (typeof vectorForms)[number];

export function checkForm(given: unknown): VectorForm {
  return oneOf('form', given, vectorForms, 'testfloat');
}

/** Cases with their answers; those without one are left out. */
export function* rowsOf(operation: TestOperation, cases: ResolvedCases): Generator<Row> {
  for (const operands of casesOf(operation, cases)) {
    const answer = operation.answer(operands);
    if (answer !== undefined) yield { codes: [...operands, ...answer.results], flags: answer.flags };
  }
}

const rowsPerChunk = 1024;

function* chunked<T>(items: Iterable<T>): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length === rowsPerChunk) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}

/** How many rows there are. Whether one is left out is known from the answers alone, which are computed for it. */
function countRows(operation: TestOperation, cases: ResolvedCases): number {
  let rows = 0;
  const answersAll = operation.results.every(({ format }) => format === undefined || format.hasNaN);
  const each: Iterable<unknown> =
    answersAll && operation.name !== 'quantize' ? casesOf(operation, cases) : rowsOf(operation, cases);
  for (const _ of each) rows++;
  return rows;
}

/** The cases of an operation with their answers in a form, in chunks of some thousand rows. */
export function* writtenRows(
  operation: TestOperation,
  cases: ResolvedCases,
  form: VectorForm,
): Generator<string | Uint8Array> {
  if (form === 'npy') {
    yield npyHead(operation, countRows(operation, cases));
    const write = npyWriter(operation);
    for (const rows of chunked(rowsOf(operation, cases))) yield write(rows);
    return;
  }
  const { head, writer } = textForms[form];
  const write = writer(operation);
  yield head(operation);
  for (const rows of chunked(rowsOf(operation, cases))) yield rows.map(write).join('');
}

/** A line, or a row of a file, that is no case of the operation. */
export class VectorLineError extends ArgumentError {
  /** Number of the line, or of the row, from 1. */
  readonly line: number;
  /** What had been verified before it, where `verify` throws it. */
  verification: Verification | undefined;

  constructor(line: number, given: unknown, expected: string, place = 'line') {
    super(`${place} ${line}`, given, expected);
    this.name = 'VectorLineError';
    this.line = line;
  }
}

/** A row with the number of its line. */
export interface NumberedRow extends Row {
  readonly line: number;
}

/** Text or bytes in pieces of any size, as streams give them. */
export type VectorSource = AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

const pieceWords = 'pieces of text or bytes, one after the other: a stream, or an array of strings';

/** The pieces, checked as they come. Throws ArgumentError. */
async function* piecesOf(source: VectorSource): AsyncGenerator<string | Uint8Array> {
  const given = source as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  if (!given?.[Symbol.asyncIterator] && !given?.[Symbol.iterator])
    throw new ArgumentError('source', source, pieceWords);
  for await (const piece of source)
    if (typeof piece === 'string') yield piece;
    else yield byteArray('source', piece, pieceWords);
}

const longestLine = 2 ** 20;

/** The lines of pieces of text, those of one piece together; the last need not have a line break. */
async function* linesOf(source: VectorSource): AsyncGenerator<{ lines: string[]; isEnd: boolean }> {
  const decoder = new TextDecoder();
  let rest = '';
  let count = 0;
  for await (const piece of piecesOf(source)) {
    const text = typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    count += lines.length;
    if (rest.length > longestLine)
      throw new VectorLineError(count + 1, rest, `a line of at most ${longestLine} characters`);
    if (lines.length > 0) yield { lines, isEnd: false };
  }
  rest += decoder.decode();
  if (rest !== '') yield { lines: [rest], isEnd: true };
}

async function* textRows(
  operation: TestOperation,
  form: TextForm,
  source: VectorSource,
): AsyncGenerator<NumberedRow[]> {
  const read = form.reader(operation);
  let number = 0;
  for await (const { lines, isEnd } of linesOf(source)) {
    const rows: NumberedRow[] = [];
    for (const whole of lines) {
      number++;
      const line = whole.endsWith('\r') ? whole.slice(0, -1) : whole;
      try {
        const row = read(line);
        if (row !== undefined) rows.push({ line: number, codes: row.codes, flags: row.flags });
      } catch (error) {
        if (!(error instanceof NotARow)) throw error;
        yield rows;
        const end = isEnd ? `; the stream ends in the middle of this line` : '';
        throw new VectorLineError(number, printable(line), `${error.expected}${end}`);
      }
    }
    yield rows;
  }
}

/** The pieces as bytes, what is left of one put before the next. */
async function* npyRows(operation: TestOperation, source: VectorSource): AsyncGenerator<NumberedRow[]> {
  const { size, read } = npyReader(operation);
  let rest = new Uint8Array(0);
  let total: number | undefined;
  let row = 0;
  const encoder = new TextEncoder();
  for await (const piece of piecesOf(source)) {
    const own = typeof piece === 'string' ? encoder.encode(piece) : piece;
    const bytes = new Uint8Array(rest.length + own.length);
    bytes.set(rest);
    bytes.set(own, rest.length);
    let at = 0;
    if (total === undefined) {
      const start = readNpyStart(bytes, operation);
      if (start !== undefined && 'expected' in start)
        throw new VectorLineError(0, 'the header', start.expected, 'row');
      if (start !== undefined) {
        total = start.rows;
        at = start.data;
      }
    }
    const rows: NumberedRow[] = [];
    while (total !== undefined && row < total && at + size <= bytes.length) {
      const { codes, flags, tooLarge } = read(bytes, at);
      row++;
      at += size;
      if (tooLarge !== undefined) {
        yield rows;
        throw new VectorLineError(row, codes.join(' '), `${tooLarge.name} of ${tooLarge.bits} bits`, 'row');
      }
      rows.push({ line: row, codes, flags });
    }
    rest = bytes.slice(at);
    if (total !== undefined && row === total && rest.length > 0) {
      yield rows;
      throw new VectorLineError(row + 1, `${rest.length} more bytes`, `an end after ${total} rows`, 'row');
    }
    yield rows;
  }
  if (total === undefined)
    throw new VectorLineError(0, `${rest.length} bytes`, 'a .npy file with its header', 'row');
  if (row < total)
    throw new VectorLineError(
      row + 1,
      `${rest.length} of ${size} bytes`,
      `${total} rows; the stream ends in the middle`,
      'row',
    );
}

/** The rows of a source in a form, those of one piece together. Throws VectorLineError at the first that is none. */
export function readRows(
  operation: TestOperation,
  form: VectorForm,
  source: VectorSource,
): AsyncGenerator<NumberedRow[]> {
  return form === 'npy' ? npyRows(operation, source) : textRows(operation, textForms[form], source);
}

/** Operands and results of a row. */
export function splitRow({ codes }: Row, operands: number): [operands: Code[], results: Code[]] {
  return [codes.slice(0, operands), codes.slice(operands)];
}

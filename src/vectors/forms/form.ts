/** What a written form of test vectors is: how rows become text or bytes, and text or bytes rows. */
import type { Code } from '../../formats/format.ts';
import type { TestOperation } from '../operation.ts';

/** One case as it is written: the codes of all operands and results, and the flags. */
export interface Row {
  readonly codes: readonly Code[];
  readonly flags: number;
}

/** Why a line is no row: what was expected. The reader adds which line it is. */
export class NotARow extends Error {
  readonly expected: string;

  constructor(expected: string) {
    super(expected);
    this.expected = expected;
  }
}

/** A form of one row a line. */
export interface TextForm {
  /** Lines before the first row, each with its line break. */
  head(operation: TestOperation): string;
  /** A row as a line, with its line break. */
  writer(operation: TestOperation): (row: Row) => string;
  /** A reader of the lines of one file in turn: undefined for one that has no row. Throws NotARow. */
  reader(operation: TestOperation): (line: string) => Row | undefined;
}

/** Bits of the flags. */
export const flagBitCount = 5;

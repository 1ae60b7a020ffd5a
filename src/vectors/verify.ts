/** Verification: lines with the results of an implementation against ours, counted by kind of fault, the first ones kept. */
import { integerInRange } from '../check.ts';
import type { Code } from '../formats/format.ts';
import { isCode } from './cases/boundary.ts';
import { codecOf, columnsOf, type Field, widthOf } from './fields.ts';
import { type Mismatch, type MismatchKind, mismatchOf } from './mismatch.ts';
import { isRightNaN } from './nan.ts';
import { hexText } from './notation.ts';
import type { Answer, TestOperation } from './operation.ts';
import {
  type NumberedRow,
  readRows,
  splitRow,
  type VectorForm,
  VectorLineError,
  type VectorSource,
} from './rows.ts';
import type { Verification } from './verification.ts';

/** Reads rows and keeps account. */
export interface Verifier {
  /** Reads a source to its end. Throws VectorLineError at a line that is no case; what came before counts. */
  read(source: VectorSource): Promise<void>;
  /** What has been found so far. */
  found(): Verification;
}

const mostKept = 1_000_000;

/** Throws VectorLineError where an operand is no code of its format. */
function checkOperands(operands: readonly Code[], fields: readonly Field[], line: number): void {
  for (const [i, field] of fields.entries()) {
    if (isCode(operands[i]!, field)) continue;
    const accepted = `${field.name}, a code of ${field.format!.name}`;
    throw new VectorLineError(line, hexText(operands[i]!, field.bits), accepted);
  }
}

/** A verifier of an operation, that keeps so many differing lines. Throws ArgumentError. */
export function createVerifier(operation: TestOperation, form: VectorForm, first: unknown = 20): Verifier {
  const kept = integerInRange('first', first, 0, mostKept);
  const width = widthOf(operation.operands);
  const operandColumns = columnsOf(operation.operands);
  const checked = operandColumns.slice(0, width);
  const resultColumns = columnsOf(operation.results);
  const kinds: Partial<Record<MismatchKind, number>> = {};
  const mismatches: Mismatch[] = [];
  let [lines, differing, unspecified] = [0, 0, 0];

  function isRight(ours: Code, theirs: Code, { format }: Field, operands: readonly Code[]): boolean {
    if (ours === theirs) return true;
    if (format === undefined || !Number.isNaN(codecOf(format).decode(ours))) return false;
    const isNew = operation.makesNaN?.(operands) ?? false;
    return format.hasNaN && isRightNaN(theirs, operands, operandColumns, format, operation.nan, isNew);
  }

  function note(row: NumberedRow, operands: readonly Code[], results: readonly Code[], answer: Answer): void {
    differing++;
    const right = (i: number): boolean =>
      isRight(answer.results[i]!, results[i]!, resultColumns[i]!, operands);
    const theirs = { results, flags: row.flags };
    const mismatch = mismatchOf(operation, row.line, operands, answer, theirs, right);
    kinds[mismatch.kind] = (kinds[mismatch.kind] ?? 0) + 1;
    if (mismatches.length < kept) mismatches.push(mismatch);
  }

  function compare(row: NumberedRow): void {
    const [operands, results] = splitRow(row, width);
    checkOperands(operands, checked, row.line);
    const answer = operation.answer(operands);
    if (answer === undefined) {
      unspecified++;
      return;
    }
    lines++;
    const isSame =
      row.flags === answer.flags &&
      results.every((theirs, i) => isRight(answer.results[i]!, theirs, resultColumns[i]!, operands));
    if (!isSame) note(row, operands, results, answer);
  }

  return {
    read: async (source) => {
      for await (const rows of readRows(operation, form, source)) rows.forEach(compare);
    },
    found: () => ({
      title: operation.title,
      lines,
      differing,
      unspecified,
      kinds: { ...kinds },
      first: [...mismatches],
    }),
  };
}

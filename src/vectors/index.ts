/**
 * Test vectors for implementations of arithmetic in any format, and the verification of results: TestFloat's idea carried over to every
 * format, mode and operation here. `docs/verification.md` shows their use.
 *
 * Source of the idea, the line format and the flags' bits: J. Hauser, Berkeley TestFloat, release 3e.
 */
import { checkFields } from '../check.ts';
import type { Code } from '../formats/format.ts';
import { type CaseOptions, caseNames, type Level, levels, resolveCases } from './cases/index.ts';
import { widthOf } from './fields.ts';
import { type Mismatch, type MismatchKind, mismatchKinds } from './mismatch.ts';
import { missingNaNs, nanRules } from './nan.ts';
import type { TestOperation } from './operation.ts';
import type { VectorOperation } from './operation-names.ts';
import { operationNames } from './operation-names.ts';
import { testOperation } from './resolve.ts';
import {
  checkForm,
  rowsOf,
  splitRow,
  type VectorForm,
  VectorLineError,
  type VectorSource,
  vectorForms,
  writtenRows,
} from './rows.ts';
import { type OperationOptions, optionNames } from './vector-options.ts';
import type { Verification } from './verification.ts';
import { createVerifier, type Verifier } from './verify.ts';

export { columnsOf } from './fields.ts';
export { hexText } from './notation.ts';
export { flagWords } from './operation.ts';
export {
  type CaseOptions,
  type Level,
  levels,
  type Mismatch,
  type MismatchKind,
  mismatchKinds,
  missingNaNs,
  nanRules,
  type OperationOptions,
  type VectorForm,
  VectorLineError,
  type VectorOperation,
  type VectorSource,
  type Verification,
  vectorForms,
};

/** The names of the operations that there are vectors of. */
export const vectorOperations: readonly VectorOperation[] = Object.freeze(
  Object.keys(operationNames) as VectorOperation[],
);

/** What is tested, and by which cases. */
export interface VectorOptions extends OperationOptions, CaseOptions {}

/** Vectors in a written form. */
export interface VectorTextOptions extends VectorOptions {
  /** `'testfloat'` (default), `'csv'`, `'jsonl'`, `'readmemh'` or `'npy'`. */
  readonly form?: VectorForm;
}

/** What is verified, and how lines are written. */
export interface VerifyOptions extends OperationOptions {
  /** As of `vectorText`. */
  readonly form?: VectorForm;
  /** How many differing lines are kept. Default 20. */
  readonly first?: number;
}

/** One case and its right answer. */
export interface TestVector {
  /** The codes of all operands, random integers of stochastic rounding last; bigints where a code has more than 32 bits. */
  readonly operands: readonly Code[];
  readonly results: readonly Code[];
  /** Exceptions in TestFloat's bits: 1 inexact, 2 underflow, 4 overflow, 8 infinite (division by zero), 16 invalid. */
  readonly flags: number;
}

/** The operation of options that belong to several things, the others left over. */
function operationOf(
  name: VectorOperation,
  options: object | undefined,
  others: readonly string[],
): { operation: TestOperation; own: Readonly<Record<string, unknown>> } {
  const given = checkFields('', options, [...optionNames, ...others]) as Readonly<Record<string, unknown>>;
  const pick = (names: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(names.filter((key) => given[key] !== undefined).map((key) => [key, given[key]]));
  return { operation: testOperation(name, pick(optionNames)), own: pick(others) };
}

/**
 * Cases of an operation with their right answers, one after the other as they are asked for.
 *
 * @param name One of `vectorOperations`.
 * @throws ArgumentError, before the first case, for an option that is unknown or means nothing to the operation.
 *
 * @example
 * for await (const { operands, results } of vectors('mul', { format: 'e4m3fn', level: 'exhaustive' })) {
 *   // [0x3c, 0x3c], [0x41]: 1.5 * 1.5 = 2.25
 * }
 */
export function vectors(name: VectorOperation, options?: VectorOptions): AsyncGenerator<TestVector, void> {
  const { operation, own } = operationOf(name, options, caseNames);
  const cases = resolveCases(operation, own);
  const width = widthOf(operation.operands);
  return (async function* (): AsyncGenerator<TestVector, void> {
    for (const row of rowsOf(operation, cases)) {
      const [operands, results] = splitRow(row, width);
      yield { operands, results, flags: row.flags };
    }
  })();
}

/**
 * The same in a written form, in pieces of about a thousand lines: text, or bytes of a `.npy` file. A piece is made when it is asked for.
 *
 * @throws ArgumentError, before the first piece, as `vectors`.
 *
 * @example
 * await pipeline(Readable.from(vectorText('add', { format: 'bfloat16' })), createWriteStream('add.txt'));
 */
export function vectorText(
  name: VectorOperation,
  options?: VectorTextOptions,
): AsyncGenerator<string | Uint8Array, void> {
  const { operation, own } = operationOf(name, options, [...caseNames, 'form']);
  const { form, ...rest } = own;
  const cases = resolveCases(operation, rest);
  const pieces = writtenRows(operation, cases, checkForm(form));
  return (async function* (): AsyncGenerator<string | Uint8Array, void> {
    yield* pieces;
  })();
}

/** A verifier, which can be asked what it has found at any time. Throws ArgumentError for options as `vectors`. */
export function verifier(
  name: VectorOperation,
  options?: VerifyOptions,
): Verifier & { operation: TestOperation } {
  const { operation, own } = operationOf(name, options, ['form', 'first']);
  return { operation, ...createVerifier(operation, checkForm(own['form']), own['first']) };
}

/**
 * Compares the results of an implementation with ours: lines of operands, results and flags in any of the forms of `vectorText`, whose
 * operands may be any. The source is read as fast as it comes.
 *
 * @param source Text or bytes in pieces of any size: a stream, an array of strings.
 * @throws ArgumentError for options as `vectors`; VectorLineError at a line that is no case of the operation, with its
 *   `line` and the `verification` of what came before.
 *
 * @example
 * const { differing, kinds } = await verify('mul', createReadStream('mine.txt'), { format: 'e4m3fn' });
 */
export async function verify(
  name: VectorOperation,
  source: VectorSource,
  options?: VerifyOptions,
): Promise<Verification> {
  const { read, found } = verifier(name, options);
  try {
    await read(source);
  } catch (error) {
    if (error instanceof VectorLineError) error.verification = found();
    throw error;
  }
  return found();
}

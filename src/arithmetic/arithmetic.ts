/**
 * The object that `arithmetic(format, options)` gives: every operation in a format, with its options, its cursor over random
 * integers and its flags. It is put together here of pure functions that live in their own files; it holds no numerics.
 */
import { checkFields, oneOf } from '../check.ts';
import type { Format } from '../formats/format.ts';
import { type FormatSpelling, toFormat } from '../formats/names.ts';
import { type ResolvedRounding, type RoundOptions, roundingNames } from '../rounding/options.ts';
import { type Accumulations, accumulations } from './accumulate/index.ts';
import type { ArithmeticContext, ArithmeticKernels } from './context.ts';
import { createCursor } from './cursor.ts';
import { type ElementwiseMethods, elementwiseMethods } from './elementwise-methods.ts';
import type { Flags, Tininess } from './flags.ts';
import { type OperandTreatment, operandCheck, operandTreatments } from './operands.ts';
import { planOperations } from './operations.ts';
import { type Counted, defineCounted, settled } from './parts.ts';
import { type CodeMethods, defineSingle, type TracedMethods } from './single-operations.ts';

export interface ArithmeticOptions extends RoundOptions {
  /**
   * What becomes of an operand that is not a value of the format: `'error'` (default), or `'round'`: it is rounded first, as
   * the options say (to nearest even in the stochastic modes, without a draw). NaN is accepted in every format.
   */
  readonly operands?: OperandTreatment;
  /** Whether exceptions are counted in `flags`. Default false: counting computes each result exactly, which is slow. */
  readonly flags?: boolean;
  /** Whether the underflow that is counted looks at the result `'after'` rounding (default) or `'before'` it. */
  readonly tininess?: Tininess;
  /** Threads for arrays, 1 to 64, where a call does not say. Default 1. */
  readonly threads?: number;
}

/** Operations in one format. See `arithmetic`. */
export interface Arithmetic extends ElementwiseMethods, Accumulations, Counted {
  readonly format: Format;
  /** The options, defaults filled in. */
  readonly options: ResolvedRounding;
  /** Each operation on codes: `codes.fma(0x38, 0x40, 0x01)` is the code and value of the result, and the exceptions of this operation. */
  readonly codes: CodeMethods;
  /** Each operation on numbers, with all that there is to say of its rounding. */
  readonly traced: TracedMethods;
}

/** The same, of an object that counts. */
export interface CountingArithmetic extends Arithmetic {
  readonly flags: Readonly<Flags>;
}

const optionNames: readonly string[] = [...roundingNames, 'operands', 'flags', 'tininess', 'threads'];

/**
 * The object, with the fast loops that `src/operations` lends; without them everything runs in the scalar reference.
 *
 * @throws ArgumentError for an unknown format or option.
 */
export function createArithmetic(
  format: Format | FormatSpelling,
  options?: ArithmeticOptions,
  kernels?: ArithmeticKernels,
): Arithmetic {
  const target = toFormat(format);
  const given = checkFields('', options, optionNames);
  const { operands: treatment, ...rest } = given;
  const operands = oneOf('operands', treatment, operandTreatments, 'error');
  const { counter, resolved, threads, tininess } = settled(target, rest, kernels);
  const cursor = createCursor(resolved);
  const context: ArithmeticContext = {
    format: target,
    options: resolved,
    threads,
    kernels,
    accept: operandCheck(target, resolved, operands, kernels),
    take: cursor.take,
    cursor,
  };
  const plan = planOperations(target, resolved);
  const methods = {
    ...elementwiseMethods(context, plan, counter),
    ...accumulations(context, counter),
    format: target,
    options: resolved,
  };
  const whole = defineSingle(methods, {
    ...{ context, plan, counter, tininess, operands: [target, target, target] },
    elementwise: (own) => elementwiseMethods(context, plan, own),
  });
  return Object.freeze(defineCounted(whole, counter, cursor));
}

/**
 * The object that `arithmetic(format, options)` gives: every operation in a format, with its options, its cursor over random
 * integers and its flags. It is put together here of pure functions that live in their own files; it holds no numerics.
 */
import { isRealArray, type RealArray } from '../array-kinds.ts';
import { checkBoolean, checkFields, integerInRange, oneOf } from '../check.ts';
import type { Format } from '../formats/format.ts';
import { type FormatSpelling, toFormat } from '../formats/names.ts';
import {
  type ResolvedRounding,
  type RoundOptions,
  resolveRounding,
  roundingNames,
} from '../rounding/options.ts';
import { roundArrayReference, roundScalar } from '../rounding/round.ts';
import { type Accumulations, accumulations } from './accumulate/index.ts';
import type { ArithmeticContext, ArithmeticKernels, ScalarReference } from './context.ts';
import { type ArithmeticState, createCursor } from './cursor.ts';
import { type ElementaryMethods, elementaryMethods } from './elementary-methods.ts';
import {
  type BinaryMethod,
  binaryMethod,
  type Elementwise,
  type TernaryMethod,
  ternaryMethod,
  type UnaryMethod,
  unaryMethod,
} from './elementwise.ts';
import { countRounding, type Flags, noFlags, operateCounting, type Tininess, tininesses } from './flags.ts';
import { type OperandTreatment, operandCheck, operandTreatments } from './operands.ts';
import {
  type OperationName,
  type OperationPlan,
  operate,
  operationOf,
  planOperations,
} from './operations.ts';
import { toReal } from './real.ts';
import { changeSign, orderOf, zeroAddend } from './unrounded.ts';

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
export interface Arithmetic extends ElementaryMethods, Accumulations {
  readonly format: Format;
  /** The options, defaults filled in. */
  readonly options: ResolvedRounding;
  /** a + b, a - b, a b, a / b, the square root of a, and a b + c, each as if computed exactly and rounded once. */
  readonly add: BinaryMethod;
  readonly sub: BinaryMethod;
  readonly mul: BinaryMethod;
  readonly div: BinaryMethod;
  readonly sqrt: UnaryMethod;
  readonly fma: TernaryMethod;
  /** -a and |a|; rounded where the format does not have them (int8: -(-128)). */
  readonly neg: UnaryMethod;
  readonly abs: UnaryMethod;
  /** IEEE 754-2019 minimum and maximum: NaN if either operand is, and -0 is below +0. */
  readonly min: BinaryMethod;
  readonly max: BinaryMethod;
  /** -1, 0 or 1 as a is below, equal to or above b; NaN if they are unordered. Posits order NaR below everything. */
  readonly compare: BinaryMethod;
  /** Any number rounded to the format, as `round` does, with the object's options and draws. */
  readonly convert: UnaryMethod;
  /** How often each exception was raised; undefined unless `flags: true` was given. */
  readonly flags: Readonly<Flags> | undefined;
  /** Sets the counts to 0. */
  clearFlags(): void;
  /** Where the next draw is: plain data, for `restore` or a file. */
  readonly state: ArithmeticState;
  /** Goes to a place that `state` gave. Throws ArgumentError if it is none. */
  restore(state: ArithmeticState): void;
  /** Goes back to the first draw. */
  reset(): void;
}

const optionNames: readonly string[] = [...roundingNames, 'operands', 'flags', 'tininess', 'threads'];

/** What exceptions are counted in, and how; undefined where they are not. */
interface Counting {
  readonly counts: Flags;
  readonly tininess: Tininess;
}

function rounded(name: OperationName, plan: OperationPlan, counting: Counting | undefined): Elementwise {
  const operation = operationOf(name);
  if (counting === undefined)
    return {
      scalar: (a, b, c, random) => operate(operation, a, b, c, plan, random),
      draws: true,
      kernel: name,
    };
  const { counts, tininess } = counting;
  return {
    scalar: (a, b, c, random) => operateCounting(operation, a, b, c, plan, random, counts, tininess),
    draws: true,
  };
}

/** A function whose exact result is a number, with its exceptions counted. */
function counted(
  exact: (a: number) => number,
  scalar: ScalarReference,
  plan: OperationPlan,
  counting: Counting | undefined,
): ScalarReference {
  if (counting === undefined) return scalar;
  const { counts, tininess } = counting;
  return (a, b, c, random) => {
    const result = scalar(a, b, c, random);
    const unrounded = exact(a);
    if (Math.abs(unrounded) < Infinity)
      countRounding(toReal(unrounded), result, plan, random, counts, tininess);
    return result;
  };
}

/** The operations that are not elementary functions or accumulations. */
function operationMethods(context: ArithmeticContext, plan: OperationPlan, counting: Counting | undefined) {
  const { format, options, kernels } = context;
  const binary = (name: OperationName): BinaryMethod => binaryMethod(rounded(name, plan, counting), context);
  // Only a codebook may have a number and not its negative, so that it is rounded.
  const draws = format.kind === 'codebook';
  const signOperation = (apply: (a: number) => number): UnaryMethod =>
    unaryMethod(
      { scalar: counted(apply, changeSign(format, options, apply), plan, counting), draws },
      context,
    );
  const zero = zeroAddend(format);
  const extremum = (choose: (a: number, b: number) => number): BinaryMethod =>
    binaryMethod({ scalar: (a, b) => choose(a, b) + zero, draws: false }, context);
  const convert: Elementwise = {
    scalar: counted(
      (a) => a,
      (a, _b, _c, random) => roundScalar(a, format, options, random),
      plan,
      counting,
    ),
    draws: true,
    takesAnyNumber: true,
    quick: ([x], out, taken, team) => {
      if (counting !== undefined || !isRealArray(x)) return false;
      if (kernels === undefined) roundArrayReference(x, out, format, taken);
      else kernels.round<RealArray>(x, out, format, taken, team);
      return true;
    },
  };
  return {
    add: binary('add'),
    sub: binary('sub'),
    mul: binary('mul'),
    div: binary('div'),
    sqrt: unaryMethod(rounded('sqrt', plan, counting), context),
    fma: ternaryMethod(rounded('fma', plan, counting), context),
    neg: signOperation((a) => -a),
    abs: signOperation(Math.abs),
    min: extremum(Math.min),
    max: extremum(Math.max),
    compare: binaryMethod({ scalar: orderOf(format), draws: false }, context),
    convert: unaryMethod(convert, context),
  };
}

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
  const operands = oneOf('operands', given.operands, operandTreatments, 'error');
  const counts = checkBoolean('flags', given.flags, false) ? noFlags() : undefined;
  const tininess = oneOf('tininess', given.tininess, tininesses, 'after');
  const counting = counts === undefined ? undefined : { counts, tininess };
  const resolved = resolveRounding(target, given);
  const threads = kernels?.checkThreads(given.threads) ?? integerInRange('threads', given.threads, 1, 64, 1);
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
  return Object.freeze({
    ...elementaryMethods(context, plan, counts, tininess),
    ...accumulations(context),
    ...operationMethods(context, plan, counting),
    format: target,
    options: resolved,
    get flags(): Readonly<Flags> | undefined {
      return counts && { ...counts };
    },
    clearFlags: () => {
      if (counts !== undefined) Object.assign(counts, noFlags());
    },
    get state(): ArithmeticState {
      return cursor.read();
    },
    restore: cursor.restore,
    reset: cursor.reset,
  });
}

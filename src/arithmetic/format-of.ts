/**
 * formatOf operations, IEEE 754-2019 section 5.4.1: operands of several formats, one rounding, to another. The operations are those of
 * `operations.ts`; here is what an operand of each format may be, and where a kernel's wider result makes the second rounding innocent.
 */
import { checkFields, checkList, pathOf, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { type FormatArgument, type FormatSpelling, toFormat } from '../formats/names.ts';
import { type ResolvedRounding, resolveRounding, roundingNames } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import { type Accumulations, accumulations } from './accumulate/index.ts';
import type { ArithmeticOptions } from './arithmetic.ts';
import type { ArithmeticContext, ArithmeticKernels } from './context.ts';
import { createCursor } from './cursor.ts';
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
import type { Counter } from './flags.ts';
import { isWithin, quickLoop } from './format-of-loops.ts';
import { type Operand, operandCheck } from './operands.ts';
import { type OperationName, type OperationPlan, operationOf, planOperations } from './operations.ts';
import { type Counted, conversion, countedExact, defineCounted, scalarOperation, settled } from './parts.ts';
import { type CodeMethods, defineSingle, type TracedMethods } from './single-operations.ts';

/** The formats of operands: one for each, in order, or one for all. */
export type OperandFormats<F extends string = FormatSpelling> =
  | FormatArgument<F>
  | readonly FormatArgument<F>[];

/** Operand formats by place; the last of a list is not that of those after it: an operation that has more operands is refused. */
function operandFormats(given: OperandFormats): readonly Format[] {
  if (!Array.isArray(given)) {
    const all = refusedAs(
      () => toFormat(given as Format | FormatSpelling),
      () => 'operands',
    );
    return [all, all, all];
  }
  const list = checkList('operands', given, 'one to three formats, one an operand');
  if (list.length < 1 || list.length > 3)
    throw new ArgumentError('operands', given, 'one to three formats, one an operand');
  return list.map((one, i) =>
    refusedAs(
      () => toFormat(one as Format),
      () => pathOf('operands', i),
    ),
  );
}

/** What `arithmetic` takes for operands of several formats and a result of another. */
export interface FormatOfOptions<F extends string = FormatSpelling>
  extends Omit<ArithmeticOptions, 'operands'> {
  /** The formats of a, b and c; one by itself is that of all. An operation with more operands than formats is refused. */
  readonly operands: OperandFormats<F>;
  /** The format of results. */
  readonly result: FormatArgument<F>;
}

/** Operations on operands of their own formats, each as if computed exactly and rounded once to another. See `arithmetic`. */
export interface FormatOfArithmetic extends Omit<Accumulations, 'quire'>, ElementaryMethods, Counted {
  /** Of a, b and c, as many as were given. */
  readonly operands: readonly Format[];
  /** Of results. */
  readonly format: Format;
  readonly options: ResolvedRounding;
  /** a + b, a - b, a b, a / b, the square root of a, and a b + c. */
  readonly add: BinaryMethod;
  readonly sub: BinaryMethod;
  readonly mul: BinaryMethod;
  readonly div: BinaryMethod;
  readonly sqrt: UnaryMethod;
  readonly fma: TernaryMethod;
  /** -a, |a|, the lesser and the greater of a and b, in the result's format: rounded where that does not have them. */
  readonly neg: UnaryMethod;
  readonly abs: UnaryMethod;
  readonly min: BinaryMethod;
  readonly max: BinaryMethod;
  /** A number of the first operand's format in the result's. */
  readonly convert: UnaryMethod;
  /** Each operation on codes of the operands' formats; the code of the result is one of its format. */
  readonly codes: CodeMethods;
  /** Each operation on numbers, with all that there is to say of its rounding. */
  readonly traced: TracedMethods;
}

/** What a -0 is where there is none. */
function withoutNegativeZero(x: Operand): Operand {
  if (typeof x === 'number') return x + 0;
  return x.some((value) => Object.is(value, -0)) ? x.map((value) => value + 0) : x;
}

const names: readonly string[] = [
  ...roundingNames,
  ...['operands', 'result', 'flags', 'tininess', 'threads'],
];

/** The places of operands by their names, but for `x`. */
const places: Readonly<Record<string, number>> = { a: 0, b: 1, c: 2 };

/** Checks and rounds operands by their places and names. */
function acceptOf(operands: readonly Format[], kernels: ArithmeticKernels | undefined) {
  const checks = operands.map((one) => operandCheck(one, resolveRounding(one), 'error', kernels));
  return <X extends Operand>(place: number, name: string, value: X): X => {
    const check = checks[place];
    if (check === undefined)
      throw new ArgumentError(
        'operands',
        operands.map(String),
        `${place + 1} formats, as there is an operand ${name}`,
      );
    const read = check(name, value);
    return operands[place]!.hasNegativeZero ? read : (withoutNegativeZero(read) as X);
  };
}

/** Kernels of products take an addend for a number of the result's format. */
function productKernels(
  [, , addend]: readonly Format[],
  format: Format,
  kernels: ArithmeticKernels | undefined,
): ArithmeticKernels | undefined {
  if (kernels?.matmul === undefined || addend === undefined || isWithin(addend, format)) return kernels;
  const { matmul } = kernels;
  return { ...kernels, matmul: (...call) => call[7] === undefined && matmul(...call) };
}

/** What gives one of its operands, or that with another sign, rounded. */
function move(
  apply: (a: number, b: number) => number,
  plan: OperationPlan,
  own: Counter | undefined,
): Elementwise {
  const rounded = (a: number, b: number, random: number): number =>
    roundScalar(apply(a, b), plan.format, plan.options, random);
  const scalar: Elementwise['scalar'] = (a, b, c, random) =>
    countedExact(
      () => apply(a, b),
      () => rounded(a, b, random),
      plan,
      own,
    )(a, b, c, random);
  return { scalar, draws: true };
}

/** As `createArithmetic`, for operands of formats of their own. */
export function createFormatOf(given: FormatOfOptions, kernels?: ArithmeticKernels): FormatOfArithmetic {
  const { operands: formats, result, ...options } = checkFields('', given, names, 'format');
  if (result === undefined) throw new ArgumentError('result', result, 'the format of results');
  const format = refusedAs(
    () => toFormat(result),
    () => 'result',
  );
  const operands = operandFormats(formats as OperandFormats);
  const { counter, resolved, threads, tininess } = settled(format, options, kernels);
  const cursor = createCursor(resolved);
  const plan = { ...planOperations(format, resolved), hasNegativeZeroOperands: true };
  const accept = acceptOf(operands, kernels);
  /** `x` is the vector of `matvec`, the second operand, or all there is. */
  const contextWith = (x: number): ArithmeticContext => ({
    ...{ format, options: resolved, threads, take: cursor.take, cursor },
    kernels: productKernels(operands, format, kernels),
    accept: (name, value) => accept(name === 'x' ? x : places[name]!, name, value),
  });
  const context = contextWith(0);
  function operation(name: OperationName, own: Counter | undefined): Elementwise {
    const scalar = scalarOperation(name, plan, own);
    const { arity } = operationOf(name);
    if (own !== undefined || kernels === undefined || operands.length < arity) return { scalar, draws: true };
    return { scalar, draws: true, quick: quickLoop(name, plan, operands.slice(0, arity), kernels) };
  }

  // Kernels and tables of functions take arguments of the result's format.
  const isNarrow = operands.every((one) => isWithin(one, format));
  const ofFunctions: ArithmeticContext = isNarrow ? context : { ...context, kernels: undefined };

  const elementwise = (own: Counter | undefined) => ({
    ...elementaryMethods(ofFunctions, plan, own),
    add: binaryMethod(operation('add', own), context),
    sub: binaryMethod(operation('sub', own), context),
    mul: binaryMethod(operation('mul', own), context),
    div: binaryMethod(operation('div', own), context),
    sqrt: unaryMethod(operation('sqrt', own), context),
    fma: ternaryMethod(operation('fma', own), context),
    neg: unaryMethod(
      move((a) => -a, plan, own),
      context,
    ),
    abs: unaryMethod(move(Math.abs, plan, own), context),
    min: binaryMethod(move(Math.min, plan, own), context),
    max: binaryMethod(move(Math.max, plan, own), context),
    convert: unaryMethod(conversion(plan, own, kernels), context),
  });

  const { matvec } = accumulations(contextWith(1), counter);
  const { sum, dot, norm, mean, prod, cumsum, matmul } = accumulations(context, counter);
  const methods = {
    ...{ operands, format, options: resolved },
    ...{ sum, dot, norm, mean, prod, cumsum, matmul, matvec },
    ...elementwise(counter),
  };
  const whole = defineSingle(methods, { context, plan, counter, tininess, operands, elementwise });
  return Object.freeze(defineCounted(whole, counter, cursor));
}

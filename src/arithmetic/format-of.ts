/**
 * formatOf operations, IEEE 754-2019 section 5.4.1: operands of several formats, one rounding, to another. The operations are those of
 * `operations.ts`; here is what an operand of each format may be, and where a kernel's wider result makes the second rounding innocent.
 */
import { isFloat32Array, newLike, type RealArray } from '../array-kinds.ts';
import { checkFields, checkList, pathOf, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { scalarFormats } from '../formats/catalogue.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { type FormatSpelling, toFormat } from '../formats/names.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import {
  dropsHighBits,
  isStochastic,
  type ResolvedRounding,
  resolveRounding,
  roundingNames,
} from '../rounding/options.ts';
import { type Accumulations, accumulations } from './accumulate/index.ts';
import type { ArithmeticOptions } from './arithmetic.ts';
import type { ArithmeticContext, ArithmeticKernels } from './context.ts';
import { createCursor } from './cursor.ts';
import {
  type BinaryMethod,
  binaryMethod,
  type Elementwise,
  type TernaryMethod,
  ternaryMethod,
  type UnaryMethod,
  unaryMethod,
} from './elementwise.ts';
import { type Operand, operandCheck } from './operands.ts';
import {
  type OperationName,
  type OperationPlan,
  operate,
  operationOf,
  planOperations,
} from './operations.ts';
import { type Counted, conversion, defineCounted, scalarOperation, settled } from './parts.ts';

/** The formats of operands: one for each, in order, or one for all. */
export type OperandFormats = Format | FormatSpelling | readonly (Format | FormatSpelling)[];

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

/** Whether every number of one format, infinities and -0 too, is one of the other. */
function isWithin(inner: Format, outer: Format): boolean {
  if (inner === outer || inner.name === outer.name) return true;
  if (inner.hasNegativeZero && !outer.hasNegativeZero) return false;
  if (inner.kind === 'float' && outer.kind === 'float')
    return (
      (!inner.hasInfinity || outer.hasInfinity) &&
      (!inner.isSigned || outer.isSigned) &&
      (outer.hasZero || !inner.hasZero) &&
      inner.precision <= outer.precision &&
      inner.max <= outer.max &&
      inner.emin - inner.mantissaBits >= outer.emin - outer.mantissaBits &&
      (outer.hasSubnormals || inner.minNormal >= outer.minNormal) &&
      (outer.hasSubnormals || inner.minSubnormal >= outer.minNormal)
    );
  return inner.bits <= 8 && inner.values().every((value) => outer.has(value));
}

const { binary32, binary64 } = scalarFormats;

/** Bits below the last one of a result that its rounding looks at. */
const bitsBeyond = ({ rounding, randomBits }: ResolvedRounding): number =>
  rounding === 'stochastic' ? randomBits + 1 : 1;

/**
 * Whether a result in a wide format rounded to odd (exact, or with an odd last bit) rounds to the result's as the exact one does. Of floats: p
 * and the bits beyond, and two more, fit; steps reach as far down; nothing overflows the wide format that the narrow one would tell apart.
 */
function isInnocent(result: FloatFormat, options: ResolvedRounding, wide: FloatFormat): boolean {
  return (
    result.exponentBits !== Infinity &&
    result.precision + bitsBeyond(options) + 1 <= wide.precision &&
    result.emin - result.mantissaBits - bitsBeyond(options) - 1 >= wide.emin - wide.mantissaBits &&
    (result.emax < wide.emax || (result.emax === wide.emax && !isStochastic(options.rounding))) &&
    options.subnormals !== 'flush'
  );
}

/** The wide format that serves arrays of a kind; undefined: none. */
function wideFormat(
  plan: OperationPlan,
  operands: readonly Format[],
  isFloat32: boolean,
): FloatFormat | undefined {
  const { format, options } = plan;
  if (
    isFloat32 &&
    operands.every(fitsBinary32) &&
    format.kind === 'float' &&
    isInnocent(format, options, binary32)
  )
    return binary32;
  if (format.kind === 'float') return isInnocent(format, options, binary64) ? binary64 : undefined;
  return plan.oddLimit === Infinity && !dropsHighBits(options) ? binary64 : undefined;
}

/** Whether the sign of a zero, or of a quotient by zero, is another matter in the wide format. */
function isOdd(name: OperationName, { options, divisionByZeroIsNaN }: OperationPlan): boolean {
  if (name === 'div') return divisionByZeroIsNaN;
  return options.rounding === 'toward-negative' && name !== 'mul' && name !== 'sqrt';
}

/** How kernels and the reference round to odd in the wide formats. */
const toOdd: ReadonlyMap<Format, OperationPlan> = new Map(
  [binary32, binary64].map((format) => [
    format,
    planOperations(format, resolveRounding(format, { rounding: 'to-odd' })),
  ]),
);

/** The loop of the kernels: in the result's format where it has all operands, else in a wider one and rounded after. */
function quickLoop(
  name: OperationName,
  plan: OperationPlan,
  operands: readonly Format[],
  kernels: ArithmeticKernels,
): NonNullable<Elementwise['quick']> {
  const operation = operationOf(name);
  const run = (given: Operand[], out: RealArray, on: OperationPlan, taken: ResolvedRounding, team: number) =>
    kernels.operate(name, given, out, on.format, taken, team, (a, b, c, random) =>
      operate(operation, a, b, c, on, random),
    );
  if (operands.every((one) => isWithin(one, plan.format)))
    return (given, out, taken, threads) => run([...given], out, plan, taken, threads);
  if (isOdd(name, plan)) return () => false;
  return (given, out, taken, threads) => {
    const wide = wideFormat(plan, operands, isFloat32Array(out));
    if (wide === undefined) return false;
    const widens = isFloat32Array(out) && wide === binary64;
    const sources = given.map((x) => (widens && typeof x !== 'number' ? Float64Array.from(x) : x));
    const between = widens ? new Float64Array(out.length) : newLike(out);
    const odd = toOdd.get(wide)!;
    if (!run(sources, between, odd, odd.options, threads)) return false;
    kernels.round<RealArray>(between, between, plan.format, taken, threads);
    out.set(between);
    return true;
  };
}

/** What `arithmetic` takes for operands of several formats and a result of another. */
export interface FormatOfOptions extends Omit<ArithmeticOptions, 'operands'> {
  /** The formats of a, b and c; one by itself is that of all. An operation with more operands than formats is refused. */
  readonly operands: OperandFormats;
  /** The format of results. */
  readonly result: Format | FormatSpelling;
}

/** Operations on operands of their own formats, each as if computed exactly and rounded once to another. See `arithmetic`. */
export interface FormatOfArithmetic extends Omit<Accumulations, 'quire'>, Counted {
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
  /** A number of the first operand's format in the result's. */
  readonly convert: UnaryMethod;
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

/** As `createArithmetic`, for operands of formats of their own. */
export function createFormatOf(given: FormatOfOptions, kernels?: ArithmeticKernels): FormatOfArithmetic {
  const { operands: formats, result, ...options } = checkFields('', given, names, 'format');
  if (result === undefined) throw new ArgumentError('result', result, 'the format of results');
  const format = refusedAs(
    () => toFormat(result),
    () => 'result',
  );
  const operands = operandFormats(formats as OperandFormats);
  const { counter, resolved, threads } = settled(format, options, kernels);
  const cursor = createCursor(resolved);
  const plan = { ...planOperations(format, resolved), hasNegativeZeroOperands: true };
  const checks = operands.map((one) => operandCheck(one, resolveRounding(one), 'error', kernels));
  const places: Readonly<Record<string, number>> = { a: 0, b: 1, c: 2, x: 0 };

  /** Operands by their names; `x` is the vector of `matvec`, the second one, or all there is. */
  function contextWith(x: number): ArithmeticContext {
    function accept<X extends Operand>(name: string, value: X): X {
      const place = name === 'x' ? x : places[name]!;
      const check = checks[place];
      if (check === undefined)
        throw new ArgumentError(
          'operands',
          operands.map(String),
          `${place + 1} formats, as there is an operand ${name}`,
        );
      const read = check(name, value);
      return operands[place]!.hasNegativeZero ? read : (withoutNegativeZero(read) as X);
    }
    return {
      format,
      options: resolved,
      threads,
      kernels: productKernels(),
      accept,
      take: cursor.take,
      cursor,
    };
  }

  /** Kernels of products take an addend for a number of the result's format. */
  function productKernels(): ArithmeticKernels | undefined {
    const [, , addend] = operands;
    if (kernels?.matmul === undefined || addend === undefined || isWithin(addend, format)) return kernels;
    const { matmul } = kernels;
    return { ...kernels, matmul: (...call) => call[7] === undefined && matmul(...call) };
  }

  const context = contextWith(0);
  function operation(name: OperationName): Elementwise {
    const scalar = scalarOperation(name, plan, counter);
    const { arity } = operationOf(name);
    if (counter !== undefined || kernels === undefined || operands.length < arity)
      return { scalar, draws: true };
    return { scalar, draws: true, quick: quickLoop(name, plan, operands.slice(0, arity), kernels) };
  }

  const { matvec } = accumulations(contextWith(1), counter);
  const { sum, dot, norm, mean, prod, cumsum, matmul } = accumulations(context, counter);
  const methods = {
    ...{ operands, format, options: resolved },
    ...{ sum, dot, norm, mean, prod, cumsum, matmul, matvec },
    add: binaryMethod(operation('add'), context),
    sub: binaryMethod(operation('sub'), context),
    mul: binaryMethod(operation('mul'), context),
    div: binaryMethod(operation('div'), context),
    sqrt: unaryMethod(operation('sqrt'), context),
    fma: ternaryMethod(operation('fma'), context),
    convert: unaryMethod(conversion(plan, counter, kernels), context),
  };
  return Object.freeze(defineCounted(methods, counter, cursor));
}

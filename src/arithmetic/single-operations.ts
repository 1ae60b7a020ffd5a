/**
 * One operation at a time, on codes or on numbers, with what it raised and how it was rounded. The result is that of the object's own
 * methods, with their options and draws; here is only what is told of it.
 */
import { checkLength, checkNumber } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type Explanation, explain } from '../explained/explain.ts';
import { scalarFormats } from '../formats/catalogue.ts';
import { noCodes } from '../formats/codes.ts';
import type { Code, Format } from '../formats/format.ts';
import { isStochastic, resolveRounding } from '../rounding/options.ts';
import { drawIntegers } from '../rounding/philox.ts';
import type { ArithmeticContext } from './context.ts';
import { type ElementaryName, elementaryFunctions } from './elementary/index.ts';
import { type Counter, type Flags, noFlags, type Tininess } from './flags.ts';
import {
  type OperationName,
  type OperationPlan,
  operate,
  operationNames,
  operationOf,
  planOperations,
} from './operations.ts';
import { compareReal, type Real, roundReal } from './real.ts';

/** The methods that there are of each kind. */
type SingleName = OperationName | ElementaryName | 'neg' | 'abs' | 'min' | 'max' | 'convert';

/** What an operation on codes gives. */
export interface CodeResult {
  /** Undefined for NaN in a format without it. */
  readonly code: Code | undefined;
  readonly value: number;
  /** How often this operation raised each exception: 0 or 1. */
  readonly flags: Readonly<Flags>;
}

/** Operations on codes of the format; `convert` takes a number. */
export type CodeMethods = { readonly [name in SingleName]: (...operands: Code[]) => CodeResult };

/** All that there is to say of one operation: see `Explanation` for how the exact result was rounded. */
export interface Trace extends Omit<Explanation, 'input'> {
  readonly operation: string;
  readonly operands: readonly number[];
  /** Their codes, where they have any. */
  readonly operandCodes: readonly (Code | undefined)[];
  /**
   * The result before rounding: a binary64 number, rounded to odd where `isExact` is false, so that it lies on the right side of every
   * number of the format and of the middle between two.
   */
  readonly exact: number;
  readonly isExact: boolean;
  readonly flags: Readonly<Flags>;
}

/** Operations on numbers of the format; `convert` takes any. */
export type TracedMethods = { readonly [name in SingleName]: (...operands: number[]) => Trace };

const { binary64 } = scalarFormats;
const oddPlan = planOperations(binary64, resolveRounding(binary64, { rounding: 'to-odd' }));

/** A result before rounding, as `Trace` has it. */
type Exact = readonly [exact: number, isExact: boolean];

function ofReal(real: Real): Exact {
  const odd = roundReal(real, binary64, oddPlan.options, 0);
  return [odd, !real.sticky && compareReal(real, odd) === 0];
}

function exactOperation(
  name: OperationName,
  [a, b = 0, c = 0]: readonly number[],
  plan: OperationPlan,
): Exact {
  const operation = operationOf(name);
  const special = operation.special(a!, b, c, plan);
  if (special !== undefined) return [special, true];
  const odd = operate(operation, a!, b, c, oddPlan, 0);
  const exact = operation.exact(a!, b, c, binary64);
  return [odd, !exact.sticky && (odd === 0 || compareReal(exact, odd) === 0)];
}

function exactFunction(name: ElementaryName, [x, y = 0]: readonly number[], plan: OperationPlan): Exact {
  const { format, options, hasNegativeZeroOperands } = plan;
  const outcome = elementaryFunctions[name].outcome(x!, y, format, options, 0, hasNegativeZeroOperands);
  return 'special' in outcome ? [outcome.value, true] : ofReal(outcome.real);
}

const moves: Readonly<Record<string, (a: number, b: number) => number>> = {
  neg: (a) => -a,
  abs: (a) => Math.abs(a),
  min: Math.min,
  max: Math.max,
  convert: (a) => a,
};

const isOperation = (name: string): name is OperationName => operationNames.includes(name as OperationName);
const isFunction = (name: string): name is ElementaryName => Object.hasOwn(elementaryFunctions, name);

function exactOf(name: SingleName, operands: readonly number[], plan: OperationPlan): Exact {
  if (isOperation(name)) return exactOperation(name, operands, plan);
  if (isFunction(name)) return exactFunction(name, operands, plan);
  return [moves[name]!(operands[0]!, operands[1]!), true];
}

function arityOf(name: SingleName): number {
  if (isOperation(name)) return operationOf(name).arity;
  if (isFunction(name)) return elementaryFunctions[name].arity;
  return name === 'min' || name === 'max' ? 2 : 1;
}

const singleNames: readonly SingleName[] = [
  ...operationNames,
  ...(Object.keys(moves) as SingleName[]),
  ...(Object.keys(elementaryFunctions) as SingleName[]),
];

/** Where the exact result has more bits, below the format's, than a binary64 number tells. */
const untold: Omit<Explanation, 'result' | 'code'> = {
  ...{ input: NaN, below: undefined, above: undefined, goesTo: undefined, draw: undefined, error: undefined },
  ...{ reason: 'inexact, by bits that binary64 does not have' },
};

/** The code of a value; undefined where there is none. */
function codeOf(value: number, format: Format): Code | undefined {
  if (format.bits === Infinity || (Number.isNaN(value) && !format.hasNaN)) return undefined;
  return Number.isNaN(value) || format.has(value) ? format.encode(value) : undefined;
}

/** The random integer that the next draw is. */
function nextDraw({ options, cursor }: ArithmeticContext): number {
  if (!isStochastic(options.rounding)) return 0;
  const { offset, supplied } = cursor.read();
  return options.random === undefined
    ? drawIntegers(1, { ...options, offset })[0]!
    : (options.random[supplied] ?? 0);
}

/** What operations one at a time are made of. */
interface SingleParts {
  readonly context: ArithmeticContext;
  readonly plan: OperationPlan;
  /** That of the object: what an operation raises counts there too. */
  readonly counter: Counter | undefined;
  readonly tininess: Tininess;
  /** The formats of operands by their places. */
  readonly operands: readonly Format[];
  /** The methods of the object, counting where they are told. */
  elementwise(counter: Counter): object;
}

interface Single {
  readonly codes: CodeMethods;
  readonly traced: TracedMethods;
}

/** Adds `codes` and `traced` to an object, made at first use. */
export function defineSingle<T extends object>(object: T, parts: SingleParts): T & Single {
  let made: Single | undefined;
  const single = (): Single => {
    made ??= makeSingle(parts);
    return made;
  };
  return Object.defineProperties(object, {
    codes: { enumerable: true, get: () => single().codes },
    traced: { enumerable: true, get: () => single().traced },
  }) as T & Single;
}

function checkCount(name: SingleName, operands: readonly unknown[], formats: readonly Format[]): void {
  const arity = arityOf(name);
  checkLength('operands', operands, arity, `${arity} for ${name}`);
  if (formats.length < arity)
    throw new ArgumentError('operands', formats.map(String), `${arity} formats for ${name}`);
}

function makeSingle({
  context,
  plan,
  counter,
  tininess,
  operands: formats,
  elementwise,
}: SingleParts): Single {
  const { format, options } = plan;
  const own: Counter = { flags: noFlags(), tininess };
  const methods = elementwise(own) as Readonly<Record<string, (...operands: number[]) => number>>;

  /** One operation, with the exceptions of it alone. */
  function run(name: SingleName, operands: readonly number[]): { value: number; flags: Flags } {
    Object.assign(own.flags, noFlags());
    const value = methods[name]!(...operands);
    const flags = { ...own.flags };
    if (counter !== undefined)
      for (const flag of Object.keys(flags) as (keyof Flags)[]) counter.flags[flag] += flags[flag];
    return { value, flags };
  }

  function onCodes(name: SingleName): (...operands: Code[]) => CodeResult {
    return (...operands) => {
      if (format.bits === Infinity) throw noCodes(format.name);
      checkCount(name, operands, formats);
      const values = operands.map((code, i) =>
        name === 'convert' ? checkNumber('a', code) : formats[i]!.decode(code),
      );
      const { value, flags } = run(name, values);
      return { code: codeOf(value, format), value, flags };
    };
  }

  function traced(name: SingleName): (...operands: number[]) => Trace {
    return (...operands) => {
      checkCount(name, operands, formats);
      for (const [i, x] of operands.entries()) checkNumber('abc'[i]!, x);
      const random = nextDraw(context);
      const { value, flags } = run(name, operands);
      const read = name === 'convert' ? operands : operands.map((x, i) => context.accept('abc'[i]!, x));
      const [exact, isExact] = exactOf(name, read, plan);
      const isTold = isExact || plan.oddLimit === Infinity;
      const { input: _, ...how } = isTold ? explain(exact, format, options, random) : untold;
      return {
        ...how,
        operation: name,
        operands,
        operandCodes: operands.map((x, i) => codeOf(x, formats[i]!)),
        exact,
        isExact,
        result: value,
        code: codeOf(value, format),
        flags,
      };
    };
  }

  const all = <M>(method: (name: SingleName) => unknown): M =>
    Object.freeze(Object.fromEntries(singleNames.map((name) => [name, method(name)]))) as M;
  return { codes: all<CodeMethods>(onCodes), traced: all<TracedMethods>(traced) };
}

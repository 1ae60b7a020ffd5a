/** The element-wise methods of an `arithmetic` object: the operations, those that only move numbers, conversions, functions. */
import type { Format } from '../formats/format.ts';
import type { RealArray } from '../formats/real-arrays.ts';
import type { ArithmeticContext } from './context.ts';
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
import type { OperationName, OperationPlan } from './operations.ts';
import { conversion, countedExact, scalarOperation } from './parts.ts';
import { changeSign, orderOf, zeroAddend } from './unrounded.ts';

export interface ElementwiseMethods extends ElementaryMethods {
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
}

/** Loops of their own, many times as fast as calls of the reference. `zero`: see `zeroAddend`. */
function negateAll(x: RealArray, out: RealArray, zero: number): void {
  for (let i = 0; i < out.length; i++) out[i] = -x[i]! + zero;
}

function absoluteAll(x: RealArray, out: RealArray, zero: number): void {
  for (let i = 0; i < out.length; i++) out[i] = Math.abs(x[i]!) + zero;
}

/** Whether each number of a format has its negative there. */
function isSymmetric({ kind, min, max }: Format): boolean {
  return (kind === 'float' || kind === 'posit' || kind === 'int' || kind === 'fixed') && min === -max;
}

function signOperation(
  apply: (a: number) => number,
  applyAll: typeof negateAll,
  context: ArithmeticContext,
  plan: OperationPlan,
  counter: Counter | undefined,
): UnaryMethod {
  const { format, options } = plan;
  // Only a codebook may have a number and not its negative, so that it is rounded.
  const draws = format.kind === 'codebook';
  const scalar = countedExact(apply, changeSign(format, options, apply), plan, counter);
  const quick: Elementwise['quick'] = ([x], out) => {
    if (typeof x === 'number') return false;
    applyAll(x!, out, zeroAddend(format));
    return true;
  };
  const isQuick = counter === undefined && isSymmetric(format);
  return unaryMethod({ scalar, draws, ...(isQuick && { quick }) }, context);
}

function extremum(
  choose: (a: number, b: number) => number,
  format: Format,
  context: ArithmeticContext,
): BinaryMethod {
  const zero = zeroAddend(format);
  return binaryMethod({ scalar: (a, b) => choose(a, b) + zero, draws: false }, context);
}

/** The methods, their exceptions counted if there is a counter. */
export function elementwiseMethods(
  context: ArithmeticContext,
  plan: OperationPlan,
  counter: Counter | undefined,
): ElementwiseMethods {
  const { format } = plan;
  const rounded = (name: OperationName): Elementwise => ({
    scalar: scalarOperation(name, plan, counter),
    draws: true,
    ...(counter === undefined && { kernel: name }),
  });
  return {
    ...elementaryMethods(context, plan, counter),
    add: binaryMethod(rounded('add'), context),
    sub: binaryMethod(rounded('sub'), context),
    mul: binaryMethod(rounded('mul'), context),
    div: binaryMethod(rounded('div'), context),
    sqrt: unaryMethod(rounded('sqrt'), context),
    fma: ternaryMethod(rounded('fma'), context),
    neg: signOperation((a) => -a, negateAll, context, plan, counter),
    abs: signOperation(Math.abs, absoluteAll, context, plan, counter),
    min: extremum(Math.min, format, context),
    max: extremum(Math.max, format, context),
    compare: binaryMethod({ scalar: orderOf(format), draws: false }, context),
    convert: unaryMethod(conversion(plan, counter, context.kernels), context),
  };
}

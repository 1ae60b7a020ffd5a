/**
 * From a function of one element to a method for numbers, arrays and a number against an array: checks, draws, the result's
 * array, the kernel where there is one, the reference loop otherwise.
 */

import { integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { RealArray } from '../formats/real-arrays.ts';
import { isStochastic, type ResolvedRounding } from '../rounding/options.ts';
import { randomIntegers } from '../rounding/philox.ts';
import type { ArithmeticContext, ScalarReference } from './context.ts';
import type { Cursor } from './cursor.ts';
import { apartFrom, checkCarrier, commonArray, type Operand, resultArray } from './operands.ts';
import type { OperationName } from './operations.ts';

/** Options of one call on arrays. */
export interface ArithmeticCallOptions<A extends RealArray = RealArray> {
  /** Where the result goes: same kind and length as the operands; may be one of them. Default: a new array. */
  readonly out?: A;
  /** Threads that share the work, 1 to 64; default: those of the `arithmetic` object. The bits do not depend on it. */
  readonly threads?: number;
}

/** A method of one operand. */
export interface UnaryMethod {
  (a: number): number;
  <A extends RealArray>(a: A, options?: ArithmeticCallOptions<A>): A;
}

/** A method of two operands, of which either may be a number. */
export interface BinaryMethod {
  (a: number, b: number): number;
  <A extends RealArray>(a: A, b: A | number, options?: ArithmeticCallOptions<A>): A;
  <A extends RealArray>(a: number, b: A, options?: ArithmeticCallOptions<A>): A;
}

/** A method of three operands, of which any may be a number. */
export interface TernaryMethod {
  (a: number, b: number, c: number): number;
  <A extends RealArray>(a: A, b: A | number, c: A | number, options?: ArithmeticCallOptions<A>): A;
  <A extends RealArray>(a: number, b: A, c: A | number, options?: ArithmeticCallOptions<A>): A;
  <A extends RealArray>(a: number, b: number, c: A, options?: ArithmeticCallOptions<A>): A;
}

/** One element-wise operation. */
export interface Elementwise {
  readonly scalar: ScalarReference;
  /** Whether an element takes a draw slot. */
  readonly draws: boolean;
  /** Whether operands must be values of the format; `convert` takes any number. */
  readonly takesAnyNumber?: boolean;
  /** The operation of the kernels that is the same. */
  readonly kernel?: OperationName;
  /** Another fast loop; false where it has nothing for the case. For operands that are checked. */
  quick?(operands: readonly Operand[], out: RealArray, options: ResolvedRounding, threads: number): boolean;
}

/** What methods are made of, beside the operation. */
export interface Workshop {
  readonly context: ArithmeticContext;
  readonly cursor: Cursor;
}

function checkNumberCall(options: ArithmeticCallOptions | undefined): void {
  if (options?.out !== undefined)
    throw new ArgumentError('out', options.out, 'nothing when the operands are numbers');
}

function checkOptions(options: unknown): ArithmeticCallOptions {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null)
    throw new ArgumentError('options', options, 'an object { out, threads }');
  return options;
}

const names = ['a', 'b', 'c'];

function referenceLoop(
  scalar: ScalarReference,
  operands: readonly Operand[],
  out: RealArray,
  random: Uint32Array | undefined,
): void {
  const [a = 0, b = 0, c = 0] = operands;
  const at = (x: Operand, i: number): number => (typeof x === 'number' ? x : x[i]!);
  for (let i = 0; i < out.length; i++)
    out[i] = scalar(at(a, i), at(b, i), at(c, i), random === undefined ? 0 : random[i]!);
}

/** The operation on operands of which at least one is an array. */
function onArrays(
  operation: Elementwise,
  { context, cursor }: Workshop,
  operands: Operand[],
  options: ArithmeticCallOptions,
): RealArray {
  const { format, kernels } = context;
  const like = commonArray(names, operands);
  checkCarrier(names[operands.indexOf(like)]!, like, format);
  const out = resultArray(options.out, like);
  const threads =
    options.threads === undefined
      ? context.threads
      : (kernels?.checkThreads(options.threads) ?? integerInRange('threads', options.threads, 1, 64, 1));
  const accept = (x: Operand, i: number): Operand =>
    operation.takesAnyNumber ? x : context.accept(names[i]!, x);
  const slots = operation.draws && isStochastic(context.options.rounding) ? out.length : 0;
  const { scalar } = operation;
  const onKernels = (given: Operand[], taken: ResolvedRounding): boolean => {
    const { kernel } = operation;
    if (kernel === undefined || kernels === undefined) return false;
    return kernels.operate(kernel, given, out, format, taken, threads, scalar);
  };
  // The kernels check arrays on the way; where an element is wrong, the pass below finds it.
  const given = operands.map((x, i) => apartFrom(typeof x === 'number' ? accept(x, i) : x, out));
  const place = cursor.read();
  if (onKernels(given, context.take(slots))) return out;
  cursor.restore(place);
  const accepted = operands.map((x, i) => apartFrom(accept(x, i), out));
  const taken = context.take(slots);
  const someRounded = accepted.some((x, i) => typeof x !== 'number' && x !== operands[i] && x !== given[i]);
  if (someRounded && onKernels(accepted, taken)) return out;
  if (operation.quick?.(accepted, out, taken, threads)) return out;
  const random = slots > 0 ? (taken.random ?? randomIntegers(slots, taken)) : undefined;
  referenceLoop(scalar, accepted, out, random);
  return out;
}

export function unaryMethod(operation: Elementwise, workshop: Workshop): UnaryMethod {
  const { scalar, draws, takesAnyNumber = false } = operation;
  const { context, cursor } = workshop;
  function method(a: Operand, options?: ArithmeticCallOptions): Operand {
    if (typeof a !== 'number') return onArrays(operation, workshop, [a], checkOptions(options));
    checkNumberCall(options);
    const x = takesAnyNumber ? a : context.accept('a', a);
    return scalar(x, 0, 0, draws ? cursor.next() : 0);
  }
  return method as UnaryMethod;
}

export function binaryMethod(operation: Elementwise, workshop: Workshop): BinaryMethod {
  const { scalar, draws } = operation;
  const { context, cursor } = workshop;
  function method(a: Operand, b: Operand, options?: ArithmeticCallOptions): Operand {
    if (typeof a !== 'number' || typeof b !== 'number')
      return onArrays(operation, workshop, [a, b], checkOptions(options));
    checkNumberCall(options);
    const x = context.accept('a', a);
    const y = context.accept('b', b);
    return scalar(x, y, 0, draws ? cursor.next() : 0);
  }
  return method as BinaryMethod;
}

export function ternaryMethod(operation: Elementwise, workshop: Workshop): TernaryMethod {
  const { scalar, draws } = operation;
  const { context, cursor } = workshop;
  function method(a: Operand, b: Operand, c: Operand, options?: ArithmeticCallOptions): Operand {
    if (typeof a !== 'number' || typeof b !== 'number' || typeof c !== 'number')
      return onArrays(operation, workshop, [a, b, c], checkOptions(options));
    checkNumberCall(options);
    const x = context.accept('a', a);
    const y = context.accept('b', b);
    const z = context.accept('c', c);
    return scalar(x, y, z, draws ? cursor.next() : 0);
  }
  return method as TernaryMethod;
}

/**
 * From a function of one element to a method for numbers, arrays and a number against an array: checks, draws, the result's
 * array, the kernel where there is one, the reference loop otherwise.
 */

import {
  apartFrom,
  type HalfArray,
  type HalfResult,
  type Numbers,
  overlap,
  type RealArray,
  resultPlace,
} from '../array-kinds.ts';
import { checkAbsent, checkFields, integerInRange } from '../check.ts';
import { checkCarrier, fitsBinary16 } from '../formats/real-arrays.ts';
import { isStochastic, type ResolvedRounding } from '../rounding/options.ts';
import { drawIntegers } from '../rounding/philox.ts';
import type { ArithmeticContext, ScalarReference } from './context.ts';
import { commonArray, type Operand, readOperand } from './operands.ts';
import type { OperationName } from './operations.ts';

/** Options of one call on arrays. */
export interface ArithmeticCallOptions<A extends RealArray | HalfArray = RealArray | HalfArray> {
  /** Where the result goes: same kind and length as the operands; may be one of them. Default: a new array. */
  readonly out?: A;
  /** Threads that share the work, 1 to 64; default: those of the `arithmetic` object. The bits do not depend on it. */
  readonly threads?: number;
}

/**
 * What arrays give. In a call arrays of numbers count as Float64Arrays, and Float16Arrays as Float32Arrays unless all arrays are such.
 */
type Read<X> = X extends RealArray ? X : X extends HalfArray ? HalfResult<X> : Float64Array;

/** A method of one operand. */
export interface UnaryMethod {
  (a: number): number;
  <A extends RealArray>(a: A, options?: ArithmeticCallOptions<A>): A;
  <X extends Numbers>(a: X, options?: ArithmeticCallOptions<Read<X>>): Read<X>;
}

/** A method of two operands, of which either may be a number. */
export interface BinaryMethod {
  (a: number, b: number): number;
  <A extends RealArray>(a: A, b: A | number, options?: ArithmeticCallOptions<A>): A;
  <A extends RealArray>(a: number, b: A, options?: ArithmeticCallOptions<A>): A;
  <X extends Numbers>(a: X, b: Numbers | number, options?: ArithmeticCallOptions<Read<X>>): Read<X>;
  <X extends Numbers>(a: number, b: X, options?: ArithmeticCallOptions<Read<X>>): Read<X>;
}

/** A method of three operands, of which any may be a number. */
export interface TernaryMethod {
  (a: number, b: number, c: number): number;
  <A extends RealArray>(a: A, b: A | number, c: A | number, options?: ArithmeticCallOptions<A>): A;
  <A extends RealArray>(a: number, b: A, c: A | number, options?: ArithmeticCallOptions<A>): A;
  <A extends RealArray>(a: number, b: number, c: A, options?: ArithmeticCallOptions<A>): A;
  <X extends Numbers>(
    a: X,
    b: Numbers | number,
    c: Numbers | number,
    options?: ArithmeticCallOptions<Read<X>>,
  ): Read<X>;
  <X extends Numbers>(
    a: number,
    b: X,
    c: Numbers | number,
    options?: ArithmeticCallOptions<Read<X>>,
  ): Read<X>;
  <X extends Numbers>(a: number, b: number, c: X, options?: ArithmeticCallOptions<Read<X>>): Read<X>;
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

const callNames: readonly (keyof ArithmeticCallOptions)[] = ['out', 'threads'];

/** The options of a call, checked; `out` is for `resultArray`. */
function callOptions(
  options: ArithmeticCallOptions | undefined,
  { threads, kernels }: ArithmeticContext,
): { readonly out: RealArray | HalfArray | undefined; readonly threads: number } {
  const given = checkFields('', options, callNames);
  if (given.threads === undefined) return { out: given.out, threads };
  const team = kernels?.checkThreads(given.threads) ?? integerInRange('threads', given.threads, 1, 64);
  return { out: given.out, threads: team };
}

/** Numbers need no options, but wrong ones are refused. */
function checkNumberCall(options: ArithmeticCallOptions | undefined, context: ArithmeticContext): void {
  if (options === undefined) return;
  const { out } = callOptions(options, context);
  checkAbsent('out', out, 'nothing when the operands are numbers');
}

/** The operand where writing the result does not spoil it. */
function apart(x: Operand, out: RealArray): Operand {
  return typeof x === 'number' ? x : apartFrom(x, out);
}

const names = ['a', 'b', 'c'];

type Given = Numbers | number;

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
  context: ArithmeticContext,
  given: readonly Given[],
  options: ArithmeticCallOptions | undefined,
): RealArray | HalfArray {
  const { format, kernels, cursor } = context;
  const { out: target, threads } = callOptions(options, context);
  const operands = given.map((x, i) => readOperand(names[i]!, x));
  const like = commonArray(names, operands);
  checkCarrier(names[operands.indexOf(like)]!, like, format);
  const results = resultPlace(target, like, { given, fits: () => fitsBinary16(format) }, 'the operands');
  const out = results.array;
  const accept = (x: Operand, i: number): Operand =>
    operation.takesAnyNumber ? x : context.accept(names[i]!, x);
  const slots = operation.draws && isStochastic(context.options.rounding) ? out.length : 0;
  const { scalar } = operation;
  const onKernels = (sources: Operand[], taken: ResolvedRounding): boolean => {
    const { kernel } = operation;
    if (kernel === undefined || kernels === undefined) return false;
    return kernels.operate(kernel, sources, out, format, taken, threads, scalar);
  };
  const take = (): ResolvedRounding => {
    const taken = context.take(slots);
    const { random } = taken;
    return random !== undefined && overlap(random, out) ? { ...taken, random: random.slice() } : taken;
  };
  // The kernels check arrays on the way; where an element is wrong, the pass below finds it.
  const sources = operands.map((x, i) => apart(typeof x === 'number' ? accept(x, i) : x, out));
  const place = cursor.read();
  if (onKernels(sources, take())) return results.finish();
  cursor.restore(place);
  const accepted = operands.map((x, i) => apart(accept(x, i), out));
  const taken = take();
  const someRounded = accepted.some((x, i) => typeof x !== 'number' && x !== operands[i] && x !== sources[i]);
  if (someRounded && onKernels(accepted, taken)) return results.finish();
  if (operation.quick?.(accepted, out, taken, threads)) return results.finish();
  const random = slots > 0 ? (taken.random ?? drawIntegers(slots, taken)) : undefined;
  referenceLoop(scalar, accepted, out, random);
  return results.finish();
}

export function unaryMethod(operation: Elementwise, context: ArithmeticContext): UnaryMethod {
  const { scalar, draws, takesAnyNumber = false } = operation;
  const { cursor } = context;
  function method(a: Given, options?: ArithmeticCallOptions): Operand | HalfArray {
    if (typeof a !== 'number') return onArrays(operation, context, [a], options);
    checkNumberCall(options, context);
    const x = takesAnyNumber ? a : context.accept('a', a);
    return scalar(x, 0, 0, draws ? cursor.next() : 0);
  }
  return method as UnaryMethod;
}

export function binaryMethod(operation: Elementwise, context: ArithmeticContext): BinaryMethod {
  const { scalar, draws } = operation;
  const { cursor } = context;
  function method(a: Given, b: Given, options?: ArithmeticCallOptions): Operand | HalfArray {
    if (typeof a !== 'number' || typeof b !== 'number') return onArrays(operation, context, [a, b], options);
    checkNumberCall(options, context);
    const x = context.accept('a', a);
    const y = context.accept('b', b);
    return scalar(x, y, 0, draws ? cursor.next() : 0);
  }
  return method as BinaryMethod;
}

export function ternaryMethod(operation: Elementwise, context: ArithmeticContext): TernaryMethod {
  const { scalar, draws } = operation;
  const { cursor } = context;
  function method(a: Given, b: Given, c: Given, options?: ArithmeticCallOptions): Operand | HalfArray {
    if (typeof a !== 'number' || typeof b !== 'number' || typeof c !== 'number')
      return onArrays(operation, context, [a, b, c], options);
    checkNumberCall(options, context);
    const x = context.accept('a', a);
    const y = context.accept('b', b);
    const z = context.accept('c', c);
    return scalar(x, y, z, draws ? cursor.next() : 0);
  }
  return method as TernaryMethod;
}

/**
 * Sums, inner products, norms and matrix products of an `arithmetic` object: operands and shapes checked, random integers
 * taken, and the reference of `inner-product.ts` run for each output, or a kernel where the caller above has lent one.
 */
import {
  type HalfArray,
  type HalfResult,
  type Numbers,
  newLike,
  type RealArray,
  resultPlace,
} from '../../array-kinds.ts';
import { checkAbsent, checkFields } from '../../check.ts';
import { fitsBinary16 } from '../../formats/real-arrays.ts';
import { drawingParts } from '../../products/model.ts';
import type { ArithmeticContext } from '../context.ts';
import type { Counter } from '../flags.ts';
import { takeDraws } from './draws.ts';
import { matrixProduct } from './matrix-product.ts';
import {
  type AccumulatorModel,
  modelFor,
  modelNames,
  type ResolvedAccumulator,
  resolveAccumulator,
} from './model.ts';
import { type OperandReader, operandReader } from './operands.ts';
import { type Quire, quireOf } from './quire.ts';
import { checkRunning, roundQuotient, roundRoot, runningProduct, runningSums } from './running.ts';
import { checkMatrix, type MatmulShape, type MatvecShape, matvecShape, resolveShape } from './shape.ts';
import { singleSums } from './single-sum.ts';

/** A model, and what the sum starts from. */
export interface SumOptions extends AccumulatorModel {
  /** The addend, a value of the format. Default +0. */
  readonly c?: number;
}

/**
 * The methods that `arithmetic` gets from here. Arrays are Float32Array or Float64Array, of one kind in a call (a Float16Array counts as a
 * Float32Array unless all are such, an array of numbers as a Float64Array); matrices are row-major. Every method throws ArgumentError, before anything is
 * written or drawn, if an option is not accepted, a length does not fit, or an operand is not in the format.
 */
export interface Accumulations {
  /**
   * sum(x[k]) + c.
   *
   * @example
   * arithmetic('e4m3fn').sum(new Float32Array(40).fill(1)) // 16: from there on 1 is half a unit, a tie
   */
  sum(x: Numbers, options?: SumOptions): number;
  /** sum(a[k] b[k]) + c, for a and b of one length. */
  dot(a: Numbers, b: Numbers, options?: SumOptions): number;
  /** The 2-norm: the root of the accumulated sum of squares, rounded once to the format. Not scaled: squares may overflow. */
  norm(x: Numbers, model?: AccumulatorModel): number;
  /** sum(x[k]) divided by the number of terms: the quotient is rounded once, in place of the conversion. Of no terms NaN. */
  mean(x: Numbers, model?: AccumulatorModel): number;
  /** The product of all x[k], each step rounded in the accumulator's format: `accumulate` and `rounding` alone. Of no factors 1. */
  prod(x: Numbers, model?: AccumulatorModel): number;
  /** The partial sums x[0], x[0] + x[1], ...: each as `sum` of so many terms in sequential order. No matrix unit has them. */
  cumsum<A extends RealArray>(x: A, model?: AccumulatorModel): A;
  cumsum(x: Numbers, model?: AccumulatorModel): RealArray;
  /** a x + c, for a matrix of (m, k) and a vector of k. */
  matvec<A extends RealArray>(a: A, x: A, shape: MatvecShape<A>, model?: AccumulatorModel): A;
  matvec<X extends HalfArray>(
    a: X,
    x: X,
    shape: MatvecShape<HalfResult<X>>,
    model?: AccumulatorModel,
  ): HalfResult<X>;
  matvec(a: Numbers, x: Numbers, shape: MatvecShape<RealArray>, model?: AccumulatorModel): RealArray;
  /** a b + c, for matrices of (m, k) and (k, n), or for as many of them as `batch` says. */
  matmul<A extends RealArray>(a: A, b: A, shape: MatmulShape<A>, model?: AccumulatorModel): A;
  matmul<X extends HalfArray>(
    a: X,
    b: X,
    shape: MatmulShape<HalfResult<X>>,
    model?: AccumulatorModel,
  ): HalfResult<X>;
  matmul(a: Numbers, b: Numbers, shape: MatmulShape<RealArray>, model?: AccumulatorModel): RealArray;
  /** An empty exact accumulator. */
  quire(): Quire;
}

const sumNames: readonly string[] = [...modelNames, 'c'];

/** The accumulations of an arithmetic object. */
export function accumulations(context: ArithmeticContext, counter?: Counter): Accumulations {
  const reader = operandReader(context);
  return {
    ...sums(context, reader, counter),
    ...running(context, reader, counter),
    ...products(context, reader, counter),
    quire: () => quireOf(context),
  };
}

/** What an accumulator ends with: a number of the format. */
function sums(
  context: ArithmeticContext,
  { open, read, startOf, resolve }: OperandReader,
  counter: Counter | undefined,
): Pick<Accumulations, 'sum' | 'dot' | 'norm' | 'mean'> {
  const { one, held } = singleSums(context, counter);
  const { format, options } = context;
  const starting = (sumOptions: SumOptions | undefined): [SumOptions, ResolvedAccumulator] => {
    const given = checkFields('', sumOptions, sumNames, 'model');
    return [given, resolveAccumulator(format, options, given)];
  };
  return {
    sum(x, given): number {
      const [{ c }, model] = starting(given);
      return one({ a: read('x', open('x', x), model), b: undefined, start: startOf(c, model) }, model);
    },
    dot(a, b, given): number {
      const [{ c }, model] = starting(given);
      const [left, right] = [open('a', a), open('b', b)];
      checkMatrix('b', right, left.length, 1, left);
      const terms = { a: read('a', left, model), b: read('b', right, model) };
      return one({ ...terms, start: startOf(c, model) }, model);
    },
    norm(x, given): number {
      const resolved = resolve(given);
      const a = read('x', open('x', x), resolved);
      const { value, model, random } = held({ a, b: a, start: 0 }, resolved);
      return roundRoot(value, model.conversion, random, counter);
    },
    mean(x, given): number {
      const resolved = resolve(given);
      const a = read('x', open('x', x), resolved);
      const { value, model, random } = held({ a, b: undefined, start: 0 }, resolved);
      return roundQuotient(value, a.length, model.conversion, random, counter);
    },
  };
}

/** One step after the other along an array. */
function running(
  context: ArithmeticContext,
  { open, read, resolve }: OperandReader,
  counter: Counter | undefined,
): Pick<Accumulations, 'prod' | 'cumsum'> {
  return {
    prod(x, given): number {
      const model = resolve(given);
      checkRunning(model, false);
      checkAbsent('products', given?.products, 'nothing: a product has no sums');
      const a = read('x', open('x', x), model);
      const drawing = drawingParts({ ...model, converts: model.converts || a.length === 0 }, true);
      const withoutSums = drawing.filter((part) => part !== 'sums');
      return runningProduct(a, model, takeDraws(context, withoutSums, 1, a.length).of(0), counter);
    },
    cumsum: <A extends RealArray>(x: Numbers, given?: AccumulatorModel): A => {
      const model = resolve(given);
      checkRunning(model, true);
      checkAbsent('products', given?.products, 'nothing: a sum has no products');
      const a = read('x', open('x', x), model);
      const out = newLike(a);
      if (a.length > 0) {
        const draws = takeDraws(context, drawingParts(model, false), 1, a.length);
        runningSums(a, out, model, draws.of(0), counter);
      }
      return out as RealArray as A;
    },
  };
}

/** Matrices by vectors and by matrices. */
function products(
  context: ArithmeticContext,
  { open, read, addendOf, resolve }: OperandReader,
  counter: Counter | undefined,
): Pick<Accumulations, 'matvec' | 'matmul'> {
  /** `names`: what the caller calls the operands. */
  function product(
    a: Numbers,
    b: Numbers,
    shape: MatmulShape,
    given: AccumulatorModel | undefined,
    names: readonly [string, string],
  ): RealArray | HalfArray {
    // Kernels do not count.
    const kernels = counter === undefined ? context.kernels : undefined;
    const whole = resolveShape(shape);
    const { m, n, k, batch } = whole;
    const model = modelFor(k, resolve(given));
    const left = open(names[0], a);
    const right = b === a ? left : open(names[1], b);
    const batchStrideA = checkMatrix(names[0], left, m * k, batch);
    const batchStrideB = checkMatrix(names[1], right, k * n, batch, left);
    const x = read(names[0], left, model);
    const y = right === left ? x : read(names[1], right, model);
    const addend = addendOf(shape.c, m * n, batch, left, model);
    const outputs = batch * m * n;
    const half = { given: [a, b, shape.c], fits: () => fitsBinary16(context.format) };
    const place = resultPlace(shape.out, left, half, 'the first operand', outputs);
    const out = place.array;
    const draws = takeDraws(context, drawingParts(model, true), outputs, k);
    const placed = { ...whole, batchStrideA, batchStrideB };
    if (kernels?.matmul?.(x, y, out, placed, model, draws.call, context.threads, addend))
      return place.finish();
    // The result may be written over an operand.
    const results = shape.out === undefined ? out : newLike(left, outputs);
    matrixProduct(x, y, addend, results, placed, model, draws.of, counter);
    if (results !== out) out.set(results);
    return place.finish();
  }

  return {
    matvec: <A extends RealArray>(
      a: Numbers,
      x: Numbers,
      shape: MatvecShape<A>,
      given?: AccumulatorModel,
    ): A => product(a, x, matvecShape(shape), given, ['a', 'x']) as RealArray as A,
    matmul: <A extends RealArray>(
      a: Numbers,
      b: Numbers,
      shape: MatmulShape<A>,
      given?: AccumulatorModel,
    ): A => product(a, b, shape, given, ['a', 'b']) as RealArray as A,
  };
}

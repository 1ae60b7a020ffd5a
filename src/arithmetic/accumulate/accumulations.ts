/**
 * Sums, inner products, norms and matrix products of an `arithmetic` object: operands and shapes checked, random integers
 * taken, and the reference of `inner-product.ts` run for each output, or a kernel where the caller above has lent one.
 */
import {
  type HalfArray,
  type HalfResult,
  isRealArray,
  type Numbers,
  newLike,
  type RealArray,
  realArray,
  resultPlace,
} from '../../array-kinds.ts';
import { checkFields, checkNumber } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkCarrier, fitsBinary16 } from '../../formats/real-arrays.ts';
import { type Addend, drawingParts, type Part } from '../../products/model.ts';
import type { ResolvedRounding } from '../../rounding/options.ts';
import type { ArithmeticContext } from '../context.ts';
import { rootOfReal } from '../exact.ts';
import { type Counter, countTerm } from '../flags.ts';
import { checkAddends, isMatrixUnit, readOperands } from '../matrix-unit/matrix-unit.ts';
import { toReal } from '../real.ts';
import { drawsOf } from './draws.ts';
import { accumulated, type DrawTerm, innerProduct, type Terms } from './inner-product.ts';
import { matrixProduct } from './matrix-product.ts';
import {
  type AccumulatorModel,
  modelFor,
  modelNames,
  type ResolvedAccumulator,
  resolveAccumulator,
} from './model.ts';
import { type Quire, quireOf } from './quire.ts';
import { checkRunning, roundQuotient, runningProduct, runningSums } from './running.ts';
import { checkMatrix, type MatmulShape, type MatvecShape, matvecShape, resolveShape } from './shape.ts';
import { roundTerm, type Term } from './term.ts';

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

/** From this length on a single sum is given to a kernel. */
const kernelLength = 64;

/** The square root of what the accumulator holds, rounded once. */
export function roundRoot(
  value: Term,
  { conversion }: ResolvedAccumulator,
  random: number,
  counter?: Counter,
): number {
  const { format, options } = conversion;
  const isPositive = typeof value !== 'number' || (value > 0 && value < Infinity);
  if (!isPositive) return roundTerm(Math.sqrt(Number(value)), format, options, random);
  const real = typeof value === 'number' ? toReal(value) : value;
  const root = real.negative ? NaN : rootOfReal(real, format);
  const result = roundTerm(root, format, options, random);
  if (counter !== undefined) countTerm(root, result, conversion, random, counter);
  return result;
}

const vectorShape = { m: 1, n: 1, transposeA: false, transposeB: false, batch: 1 } as const;

/** The draws of one call: of each output, and as kernels take them. */
interface CallDraws {
  readonly call: ResolvedRounding;
  of(output: number): DrawTerm;
}

/** The accumulations of an arithmetic object. */
export function accumulations(context: ArithmeticContext, counter?: Counter): Accumulations {
  const { format, options, threads } = context;
  // Kernels do not count.
  const kernels = counter === undefined ? context.kernels : undefined;
  const find = context.kernels?.firstNonMember;
  const resolve = (model: AccumulatorModel | undefined): ResolvedAccumulator =>
    resolveAccumulator(format, options, checkFields('', model, modelNames, 'model'));

  /** Takes the draws of so many outputs of k terms; the cursor moves on. */
  function take(drawing: readonly Part[], outputs: number, k: number): CallDraws {
    if (drawing.length === 0) return { call: options, of: () => () => 0 };
    const slots = outputs * Math.max(k, 1);
    const taken = context.take(slots, slots * drawing.length);
    const draw = drawsOf(taken, drawing, slots);
    return { call: taken, of: (output) => (part, index) => draw(part, output * Math.max(k, 1) + index) };
  }

  /** The array that is given, before its elements are looked at. */
  function open(name: string, given: Numbers): RealArray {
    const x = realArray(name, given);
    checkCarrier(name, x, format);
    return x;
  }

  /** The operand as the accumulator reads it. */
  function read(name: string, x: RealArray, { accumulate }: ResolvedAccumulator): RealArray {
    const values = context.accept(name, x);
    return isMatrixUnit(accumulate) ? readOperands(accumulate, name, values, find) : values;
  }

  function startOf({ c }: SumOptions, { accumulate }: ResolvedAccumulator): number {
    if (c === undefined) return 0; // whether the format has a zero or not
    const start = context.accept('c', checkNumber('c', c));
    if (isMatrixUnit(accumulate)) checkAddends(accumulate, 'c', Float64Array.of(start));
    return start;
  }

  /** A long sum by a kernel; undefined where there is none. */
  function kernelSum(
    { a, b, start }: Terms,
    model: ResolvedAccumulator,
    draws: CallDraws,
  ): number | undefined {
    const k = a.length;
    if (kernels?.matmul === undefined || k < kernelLength || !isRealArray(a)) return undefined;
    const factors = isRealArray(b) ? b : newLike(a, k).fill(1);
    const whole = b === undefined ? { ...model, products: 'exact' as const } : model;
    // Any result and any addend is a number of binary64.
    const out = new Float64Array(1);
    const shape = { ...vectorShape, k, batchStrideA: k, batchStrideB: k };
    const addend = Object.is(start, 0) ? undefined : { values: Float64Array.of(start), stride: 1 };
    return kernels.matmul(a, factors, out, shape, whole, draws.call, threads, addend) ? out[0]! : undefined;
  }

  function addendOf(
    c: Numbers | undefined,
    elements: number,
    batch: number,
    like: RealArray,
    { accumulate }: ResolvedAccumulator,
  ): Addend | undefined {
    if (c === undefined) return undefined;
    const values = context.accept('c', open('c', c));
    if (isMatrixUnit(accumulate)) checkAddends(accumulate, 'c', values, find);
    return { values, stride: checkMatrix('c', values, elements, batch, like) };
  }

  function one(terms: Terms, given: ResolvedAccumulator): number {
    const model = modelFor(terms.a.length, given);
    const draws = take(drawingParts(model, terms.b !== undefined), 1, terms.a.length);
    return kernelSum(terms, model, draws) ?? innerProduct(terms, model, draws.of(0), counter);
  }

  /** What the accumulator holds after all terms, the random integer of what takes the place of the conversion, and the model. */
  function held(
    terms: Terms,
    given: ResolvedAccumulator,
  ): { value: Term; model: ResolvedAccumulator; random: number } {
    const { length } = terms.a;
    const model = { ...modelFor(length, given), converts: true };
    const { accumulate } = model;
    const draws = take(drawingParts(model, terms.b !== undefined), 1, length);
    const draw = draws.of(0);
    // A kernel gives what a number of the accumulator's format holds; integers that are supplied lie where the conversion has its own.
    const isNumber = accumulate !== 'exact' && !isMatrixUnit(accumulate) && draws.call.random === undefined;
    const unconverted = isNumber && { ...model, conversion: accumulate, converts: false };
    const quick = unconverted ? kernelSum(terms, unconverted, draws) : undefined;
    return {
      value: quick ?? accumulated(terms, model, draw, counter),
      model,
      random: draw('conversions', 0),
    };
  }

  /** `names`: what the caller calls the operands. */
  function product(
    a: Numbers,
    b: Numbers,
    shape: MatmulShape,
    given: AccumulatorModel | undefined,
    names: readonly [string, string],
  ): RealArray | HalfArray {
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
    const half = { given: [a, b, shape.c], fits: () => fitsBinary16(format) };
    const place = resultPlace(shape.out, left, half, 'the first operand', outputs);
    const out = place.array;
    const draws = take(drawingParts(model, true), outputs, k);
    const placed = { ...whole, batchStrideA, batchStrideB };
    if (kernels?.matmul?.(x, y, out, placed, model, draws.call, threads, addend)) return place.finish();
    // The result may be written over an operand.
    const results = shape.out === undefined ? out : newLike(left, outputs);
    matrixProduct(x, y, addend, results, placed, model, draws.of, counter);
    if (results !== out) out.set(results);
    return place.finish();
  }

  return {
    sum(x, sumOptions): number {
      const given = checkFields('', sumOptions, sumNames, 'model');
      const model = resolveAccumulator(format, options, given);
      return one({ a: read('x', open('x', x), model), b: undefined, start: startOf(given, model) }, model);
    },
    dot(a, b, sumOptions): number {
      const given = checkFields('', sumOptions, sumNames, 'model');
      const model = resolveAccumulator(format, options, given);
      const [left, right] = [open('a', a), open('b', b)];
      checkMatrix('b', right, left.length, 1, left);
      const terms = { a: read('a', left, model), b: read('b', right, model) };
      return one({ ...terms, start: startOf(given, model) }, model);
    },
    norm(x, given): number {
      const resolved = resolve(given);
      const a = read('x', open('x', x), resolved);
      const { value, model, random } = held({ a, b: a, start: 0 }, resolved);
      return roundRoot(value, model, random, counter);
    },
    mean(x, given): number {
      const resolved = resolve(given);
      const a = read('x', open('x', x), resolved);
      const { value, model, random } = held({ a, b: undefined, start: 0 }, resolved);
      return roundQuotient(value, a.length, model.conversion, random, counter);
    },
    prod(x, given): number {
      const model = resolve(given);
      checkRunning(model, false);
      if (given?.products !== undefined)
        throw new ArgumentError('products', given.products, 'nothing: a product has no sums');
      const a = read('x', open('x', x), model);
      const drawing = drawingParts({ ...model, converts: model.converts || a.length === 0 }, true);
      const draws = take(
        drawing.filter((part) => part !== 'sums'),
        1,
        a.length,
      );
      return runningProduct(a, model, draws.of(0), counter);
    },
    cumsum: <A extends RealArray>(x: Numbers, given?: AccumulatorModel): A => {
      const model = resolve(given);
      checkRunning(model, true);
      if (given?.products !== undefined)
        throw new ArgumentError('products', given.products, 'nothing: a sum has no products');
      const a = read('x', open('x', x), model);
      const out = newLike(a);
      if (a.length > 0) {
        const draws = take(drawingParts(model, false), 1, a.length);
        runningSums(a, out, model, draws.of(0), counter);
      }
      return out as RealArray as A;
    },
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
    quire: () => quireOf(context),
  };
}

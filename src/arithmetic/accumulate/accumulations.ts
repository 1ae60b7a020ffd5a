/**
 * Sums, inner products, norms and matrix products of an `arithmetic` object: operands and shapes checked, random integers
 * taken, and the reference of `inner-product.ts` run for each output, or a kernel where the caller above has lent one.
 */
import { ArgumentError } from '../../errors.ts';
import type { RealArray } from '../../formats/real-arrays.ts';
import type { ResolvedRounding } from '../../rounding/options.ts';
import type { ArithmeticContext } from '../context.ts';
import { rootOfReal } from '../exact.ts';
import { checkAddends, readOperands } from '../matrix-unit/matrix-unit.ts';
import { isRealArray } from '../operands.ts';
import { toReal } from '../real.ts';
import { drawsOf } from './draws.ts';
import { accumulated, type DrawTerm, innerProduct, type Terms } from './inner-product.ts';
import { type Addend, matrixProduct } from './matrix-product.ts';
import {
  type AccumulatorModel,
  drawingParts,
  isMatrixUnit,
  modelFor,
  type Part,
  type ResolvedAccumulator,
  resolveAccumulator,
} from './model.ts';
import { type Quire, quireOf } from './quire.ts';
import { checkMatrix, type MatmulShape, type MatvecShape, resolveShape } from './shape.ts';
import { roundTerm, type Term } from './term.ts';

/** A model, and what the sum starts from. */
export interface SumOptions extends AccumulatorModel {
  /** The addend, a value of the format. Default +0. */
  readonly c?: number;
}

/**
 * The methods that `arithmetic` gets from here. Arrays are Float32Array or Float64Array, of one kind in a call; matrices are
 * row-major. Every method throws ArgumentError, before anything is written or drawn, if an option is not accepted, a length
 * does not fit, or an operand is not in the format.
 */
export interface Accumulations {
  /**
   * sum(x[k]) + c.
   *
   * @example
   * arithmetic('e4m3fn').sum(new Float32Array(40).fill(1)) // 16: from there on 1 is half a unit, a tie
   */
  sum(x: RealArray, options?: SumOptions): number;
  /** sum(a[k] b[k]) + c, for a and b of one length. */
  dot(a: RealArray, b: RealArray, options?: SumOptions): number;
  /** The 2-norm: the root of the accumulated sum of squares, rounded once to the format. Not scaled: squares may overflow. */
  norm(x: RealArray, model?: AccumulatorModel): number;
  /** a x + c, for a matrix of (m, k) and a vector of k. */
  matvec<A extends RealArray>(a: A, x: A, shape: MatvecShape<A>, model?: AccumulatorModel): A;
  /** a b + c, for matrices of (m, k) and (k, n), or for as many of them as `batch` says. */
  matmul<A extends RealArray>(a: A, b: A, shape: MatmulShape<A>, model?: AccumulatorModel): A;
  /** An empty exact accumulator. */
  quire(): Quire;
}

/** From this length on a single sum is given to a kernel. */
const kernelLength = 64;

/** The square root of what the accumulator holds, rounded once. */
function roundRoot(value: Term, { conversion }: ResolvedAccumulator, random: number): number {
  const { format, options } = conversion;
  const isPositive = typeof value !== 'number' || (value > 0 && value < Infinity);
  if (!isPositive) return roundTerm(Math.sqrt(Number(value)), format, options, random);
  const real = typeof value === 'number' ? toReal(value) : value;
  return roundTerm(real.negative ? NaN : rootOfReal(real, format), format, options, random);
}

function newArray<A extends RealArray>(like: A, length: number): A {
  return (like instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)) as A;
}

const vectorShape = { m: 1, n: 1, transposeA: false, transposeB: false, batch: 1 } as const;

/** The draws of one call: of each output, and as kernels take them. */
interface CallDraws {
  readonly call: ResolvedRounding;
  of(output: number): DrawTerm;
}

/** The accumulations of an arithmetic object. */
export function accumulations(context: ArithmeticContext): Accumulations {
  const { format, options, kernels, threads } = context;
  const find = kernels?.firstNonMember;

  /** Takes the draws of so many outputs of k terms; the cursor moves on. */
  function take(drawing: readonly Part[], outputs: number, k: number): CallDraws {
    if (drawing.length === 0) return { call: options, of: () => () => 0 };
    const slots = outputs * Math.max(k, 1);
    const taken = context.take(slots, slots * drawing.length);
    const draw = drawsOf(taken, drawing, slots);
    return { call: taken, of: (output) => (part, index) => draw(part, output * Math.max(k, 1) + index) };
  }

  function accept<A extends RealArray>(name: string, x: A): A {
    if (!isRealArray(x)) throw new ArgumentError(name, x, 'a Float32Array or a Float64Array');
    return context.accept(name, x);
  }

  /** The operand as the accumulator reads it. */
  function read<A extends RealArray>(name: string, x: A, { accumulate }: ResolvedAccumulator): RealArray {
    const values = accept(name, x);
    return isMatrixUnit(accumulate) ? readOperands(accumulate, name, values, find) : values;
  }

  function startOf({ c }: SumOptions, { accumulate }: ResolvedAccumulator): number {
    if (c === undefined) return 0; // whether the format has a zero or not
    if (typeof c !== 'number') throw new ArgumentError('c', c, `a value of ${format.name}`);
    const start = context.accept('c', c);
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
    const factors = isRealArray(b) ? b : newArray(a, k).fill(1);
    const whole = b === undefined ? { ...model, products: 'exact' as const } : model;
    // Any result and any addend is a number of binary64.
    const out = new Float64Array(1);
    const shape = { ...vectorShape, k, batchStrideA: k, batchStrideB: k };
    const addend = Object.is(start, 0) ? undefined : { values: Float64Array.of(start), stride: 1 };
    return kernels.matmul(a, factors, out, shape, whole, draws.call, threads, addend) ? out[0]! : undefined;
  }

  function addendOf<A extends RealArray>(
    c: A | undefined,
    elements: number,
    batch: number,
    like: A,
    { accumulate }: ResolvedAccumulator,
  ): Addend | undefined {
    if (c === undefined) return undefined;
    const values = accept('c', c);
    if (isMatrixUnit(accumulate)) checkAddends(accumulate, 'c', values, find);
    return { values, stride: checkMatrix('c', values, elements, batch, like) };
  }

  function one(terms: Terms, given: ResolvedAccumulator): number {
    const model = modelFor(terms.a.length, given);
    const draws = take(drawingParts(model, terms.b !== undefined), 1, terms.a.length);
    return kernelSum(terms, model, draws) ?? innerProduct(terms, model, draws.of(0));
  }

  /** `names`: what the caller calls the operands. */
  function product<A extends RealArray>(
    a: A,
    b: A,
    shape: MatmulShape<A>,
    given: AccumulatorModel | undefined,
    names: readonly [string, string],
  ): A {
    const whole = resolveShape(shape);
    const { m, n, k, batch } = whole;
    const model = modelFor(k, resolveAccumulator(format, options, given));
    const left = read(names[0], a, model);
    const right = read(names[1], b, model);
    const batchStrideA = checkMatrix(names[0], a, m * k, batch);
    const batchStrideB = checkMatrix(names[1], b, k * n, batch, a);
    const addend = addendOf(shape.c, m * n, batch, a, model);
    const { out } = shape;
    const outputs = batch * m * n;
    if (out !== undefined) {
      if (!isRealArray(out)) throw new ArgumentError('out', out, 'a Float32Array or a Float64Array');
      checkMatrix('out', out, outputs, 1, a);
    }
    const draws = take(drawingParts(model, true), outputs, k);
    const placed = { ...whole, batchStrideA, batchStrideB };
    const target = out ?? newArray(a, outputs);
    if (kernels?.matmul?.(left, right, target, placed, model, draws.call, threads, addend)) return target;
    // The target may be an operand.
    const results = out === undefined ? target : newArray(a, outputs);
    matrixProduct(left, right, addend, results, placed, model, draws.of);
    if (out !== undefined) target.set(results);
    return target;
  }

  return {
    sum(x, given = {}): number {
      const model = resolveAccumulator(format, options, given);
      return one({ a: read('x', x, model), b: undefined, start: startOf(given, model) }, model);
    },
    dot(a, b, given = {}): number {
      const model = resolveAccumulator(format, options, given);
      const left = read('a', a, model);
      const right = read('b', b, model);
      checkMatrix('b', b, a.length, 1, a);
      return one({ a: left, b: right, start: startOf(given, model) }, model);
    },
    norm(x, given): number {
      const resolved = resolveAccumulator(format, options, given);
      const a = read('x', x, resolved);
      const model = { ...modelFor(a.length, resolved), converts: true };
      const draw = take(drawingParts(model, true), 1, a.length).of(0);
      const value = accumulated({ a, b: a, start: 0 }, model, draw);
      return roundRoot(value, model, draw('conversions', 0));
    },
    matvec(a, x, shape, given) {
      if (typeof shape !== 'object' || shape === null)
        throw new ArgumentError('shape', shape, 'an object { m, k, transpose, c, out }');
      const { m, k, transpose, c, out } = shape;
      const whole = {
        m,
        k,
        n: 1,
        ...(transpose !== undefined && { transposeA: transpose }),
        ...(c !== undefined && { c }),
        ...(out !== undefined && { out }),
      };
      return product(a, x, whole, given, ['a', 'x']);
    },
    matmul: (a, b, shape, given) => product(a, b, shape, given, ['a', 'b']),
    quire: () => quireOf(context),
  };
}

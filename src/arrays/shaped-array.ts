/**
 * Arrays with a shape in the arithmetic of a format: views without copies, broadcasting, element-wise operations, reductions, products.
 * An array is memory, shape, strides and offset, as those of NumPy and `ndarray` are. What its methods compute is in the files beside.
 */
import type { AccumulatorModel, Arithmetic as FlatArithmetic, SumOptions } from '../arithmetic/index.ts';
import { newArray, type RealArray } from '../array-kinds.ts';
import { checkFields, checkNumber, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { CompileOptions } from '../expressions/index.ts';
import type { Format } from '../formats/format.ts';
import type { FormatSpelling } from '../formats/names.ts';
import { sizeOf } from '../shape.ts';
import {
  type ArrayInput,
  acceptOperand,
  carrierFor,
  type EntryOptions,
  enter,
  type Nested,
  plainView,
} from './entry.ts';
import type { Expression, ExpressionOperand } from './expression-types.ts';
import {
  broadcastStride,
  checkAxis,
  checkPlace,
  checkRank,
  checkShape,
  reshapedStride,
  rowMajor,
  sameShape,
  strideIn,
} from './layout.ts';
import type { ElementwiseMethods } from './method-types.ts';
import { copied, flat, isSpoiltBy, scatter, type View } from './moves.ts';
import { matmul, productShape } from './products.ts';
import { checkMatrix, placeOf, type Range, readReshape, sliced } from './ranges.ts';
import {
  type Axes,
  type AxisOptions,
  cumsum,
  extremum,
  mean,
  norm,
  prod,
  type Reduction,
  type ReductionOptions,
  readReduction,
  type SumReductionOptions,
  sum,
} from './reductions.ts';
import { textOf } from './text.ts';

/** Operations in one format. See `arithmetic`. */
export interface Arithmetic extends FlatArithmetic {
  /**
   * A shaped array in this arithmetic: of a number, nested arrays, a typed array, another shaped array, a matrix of mathjs, a tensor of
   * TensorFlow.js or an `ndarray`. What is not in the format is rounded as the options say, to nearest even in the stochastic modes, without
   * a draw; with `operands: 'error'` it is refused.
   *
   * @param shape The shape, where it is not that of the values; a number fills it.
   * @throws ArgumentError
   *
   * @example
   * const f = arithmetic('binary16');
   * f.array([[1, 2], [3, 4]]).matmul([1, 1]).toArray() // [3, 7]
   * f.array(new Float32Array(6), [2, 3])
   * f.array(0, [2, 3])
   */
  array(values: ArrayInput, shape?: number | readonly number[], options?: EntryOptions): ShapedArray;
  /** The identity matrix of n rows. */
  identity(n: number): ShapedArray;
  /**
   * An expression as a function of its variables, each operation rounded: numbers, typed arrays and shaped arrays, in one pass over
   * memory. Parsed by mathjs, an optional peer. As a template, its values are variables that have theirs.
   *
   * @throws ArgumentError for what no arithmetic has, with the nearest name; Error where mathjs is missing and no `parse` is given.
   *
   * @example
   * arithmetic('binary16').compile('a * b + c')({ a: 0.5, b: 3, c: 1 }) // 2.5
   */
  compile<const F extends FormatSpelling>(text: string, options?: CompileOptions<F>): Expression<ShapedArray>;
  compile(
    parts: TemplateStringsArray,
    ...values: readonly ExpressionOperand<ShapedArray>[]
  ): Expression<ShapedArray>;
}

/** A shaped array: see `ArrayCore`, and `ElementwiseMethods` for the operations of the arithmetic. */
export interface ShapedArray extends ArrayCore, ElementwiseMethods<ShapedArray, ArrayOperand> {}

/** What a second operand may be: an array of any kind that `array` takes, or a number. */
export type ArrayOperand = ShapedArray | ArrayInput;

/** Options of a product. */
export interface ProductOptions extends AccumulatorModel {
  /** The addend, of the product's shape or broadcast to it. Default +0. */
  readonly c?: ArrayOperand;
  /** Where the result goes; may be an operand. Default: a new array. */
  readonly out?: ShapedArray;
}

/** The methods that every shaped array has; those of the arithmetic's operations are in `ElementwiseMethods`. */
export class ArrayCore implements View {
  /** The object whose operations the methods are. */
  readonly arithmetic: Arithmetic;
  /**
   * The memory, which views share: a Float32Array where the format's values are binary32 numbers, else a Float64Array. What is written to
   * it without `set` or `assign` is not checked; operations refuse it if it is not in the format.
   */
  readonly data: RealArray;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
  /** Number of elements. */
  readonly size: number;

  constructor(arithmetic: Arithmetic, { data, shape, stride, offset }: View) {
    this.arithmetic = arithmetic;
    this.data = data;
    this.shape = Object.freeze(shape);
    this.stride = Object.freeze(stride);
    this.offset = offset;
    this.size = sizeOf(shape);
    Object.freeze(this);
  }

  get format(): Format {
    return this.arithmetic.format;
  }

  /** An element by its indices; negative ones count from the end. Throws ArgumentError. */
  at(...index: readonly number[]): number {
    return this.data[placeOf(this, index)]!;
  }

  /**
   * Sets an element: its indices, then the value, which is rounded as `array` rounds.
   *
   * @example
   * A.set(0, 1, 2.5) // row 0, column 1
   */
  set(...indexAndValue: readonly number[]): this {
    const place = placeOf(this, indexAndValue.slice(0, -1));
    const value = checkNumber('value', indexAndValue.at(-1));
    this.data[place] = enter('value', value, undefined, this.arithmetic).data[0]!;
    return this;
  }

  /** Writes numbers over all elements, broadcast to the shape; they are rounded as `array` rounds. */
  assign(values: ArrayOperand): this {
    const f = this.arithmetic;
    const source = isOfFormat(values, f) ? values : enter('values', values, undefined, f);
    const stride = strideIn('values', source, this.shape);
    const seen = { ...source, shape: this.shape, stride };
    if (this.size > 0) scatter(this, 0, isSpoiltBy(seen, this) ? copied(seen) : flat(seen));
    return this;
  }

  /** A row of a matrix, as a view. */
  row(i: number): ShapedArray {
    checkMatrix(this, 'row');
    return this.slice(checkPlace('i', i, this.shape[0]!));
  }

  /** A column of a matrix, as a view. */
  column(j: number): ShapedArray {
    checkMatrix(this, 'column');
    return this.slice(null, checkPlace('j', j, this.shape[1]!));
  }

  /**
   * A part of the array, as a view: for each axis a range, a place (that axis goes), or null (all of it); axes not named are whole.
   *
   * @example
   * A.slice([1, 3], [null, null, 2]) // rows 1 and 2, every second column: A[1:3, ::2]
   */
  slice(...ranges: readonly Range[]): ShapedArray {
    return view(this, sliced(this, ranges));
  }

  /** The array with its axes in the opposite order, as a view: the transpose of a matrix. */
  get T(): ShapedArray {
    return view(this, { shape: this.shape.toReversed(), stride: this.stride.toReversed() });
  }

  /** The array with its axes in another order, as a view. */
  transpose(...axes: readonly number[]): ShapedArray {
    const count = this.shape.length;
    const order = axes.map((axis, i) => checkAxis(pathOf('axes', i), axis, count));
    if (order.length !== count || new Set(order).size !== count)
      throw new ArgumentError('axes', axes, `each of the ${count} axes once`);
    const pick = (list: readonly number[]): number[] => order.map((axis) => list[axis]!);
    return view(this, { shape: pick(this.shape), stride: pick(this.stride) });
  }

  /** The elements, in row-major order, in another shape; one extent may be -1. A view where the memory allows it, else a copy. */
  reshape(...shape: readonly number[] | readonly [readonly number[]]): ShapedArray {
    const wanted = readReshape(shape, this.size);
    const stride = reshapedStride(this, wanted);
    if (stride !== undefined) return view(this, { shape: wanted, stride });
    return shaped(this.arithmetic, {
      ...{ data: copied(this), shape: wanted, stride: rowMajor(wanted), offset: 0 },
    });
  }

  /** The array repeated along axes that it lacks or has one element of, as a view of the same elements. */
  broadcastTo(shape: readonly number[]): ShapedArray {
    const wanted = checkShape('shape', shape);
    const stride = broadcastStride(this, wanted);
    if (stride === undefined)
      throw new ArgumentError('shape', wanted, `a shape that [${this.shape.join(', ')}] broadcasts to`);
    return view(this, { shape: wanted, stride });
  }

  /** The same elements in memory of their own, in row-major order. */
  copy(): ShapedArray {
    const { shape } = this;
    return shaped(this.arithmetic, { data: copied(this), shape, stride: rowMajor(shape), offset: 0 });
  }

  /** The sum of the elements, `c` added, with an accumulator model: a number, or an array where axes are named. */
  sum(options?: SumOptions & { readonly axis?: undefined; readonly keepDims?: false }): number;
  sum(options: Axes | SumReductionOptions): ShapedArray;
  sum(options?: unknown): ShapedArray | number {
    return reduced(this, options, sum);
  }

  /** The mean of the elements: the accumulated sum divided by their number, rounded once. */
  mean(options?: AccumulatorModel & { readonly axis?: undefined; readonly keepDims?: false }): number;
  mean(options: Axes | ReductionOptions): ShapedArray;
  mean(options?: unknown): ShapedArray | number {
    return reduced(this, options, mean);
  }

  /** The product of the elements, each step rounded in the accumulator's format. */
  prod(options?: AccumulatorModel & { readonly axis?: undefined; readonly keepDims?: false }): number;
  prod(options: Axes | ReductionOptions): ShapedArray;
  prod(options?: unknown): ShapedArray | number {
    return reduced(this, options, prod);
  }

  /** The 2-norm of the elements; of a matrix that of Frobenius. */
  norm(options?: AccumulatorModel & { readonly axis?: undefined; readonly keepDims?: false }): number;
  norm(options: Axes | ReductionOptions): ShapedArray;
  norm(options?: unknown): ShapedArray | number {
    return reduced(this, options, norm);
  }

  /** The largest element: NaN if one is, and +0 above -0. There must be one. */
  max(): number;
  max(options: Axes | AxisOptions): ShapedArray;
  max(options?: unknown): ShapedArray | number {
    return reduced(this, options, (f, x, reduction) => extremum(f, x, reduction, 'max'));
  }

  /** The least element: NaN if one is, and -0 below +0. There must be one. */
  min(): number;
  min(options: Axes | AxisOptions): ShapedArray;
  min(options?: unknown): ShapedArray | number {
    return reduced(this, options, (f, x, reduction) => extremum(f, x, reduction, 'min'));
  }

  /** Partial sums along an axis; without one, of all elements in row-major order. */
  cumsum(options?: number | (AccumulatorModel & { readonly axis?: number })): ShapedArray {
    const reduction = readReduction(options, this.shape.length);
    const isAlongAxis = typeof options === 'number' || options?.axis !== undefined;
    if (reduction.keepDims || 'keepDims' in reduction.model)
      throw new ArgumentError('keepDims', true, 'nothing: no axis goes');
    return shaped(this.arithmetic, cumsum(this.arithmetic, this, reduction, isAlongAxis));
  }

  /**
   * The matrix product, by NumPy's rules: of vectors a number (an array without axes), of more than two axes a batch of products, whose
   * axes broadcast.
   */
  matmul(b: ArrayOperand, options?: ProductOptions): ShapedArray {
    const { arithmetic } = this;
    const { c, out, ...model } = checkFields<ProductOptions>('', options, productNames);
    const right = operandIn(arithmetic, b, 'b');
    const { shape } = productShape(this, right);
    const result = resultFor(arithmetic, out, shape);
    let addend: View | undefined;
    if (c !== undefined) {
      const given = operandIn(arithmetic, c, 'c');
      addend = { ...given, shape, stride: strideIn('c', given, shape) };
    }
    matmul(arithmetic, this, right, addend, result, model);
    return result;
  }

  /** The inner product of vectors of one length, a number, with an accumulator model. */
  dot(b: ArrayOperand, options?: SumOptions): number {
    const right = operandIn(this.arithmetic, b, 'b');
    for (const [name, { shape }] of Object.entries({ a: this, b: right }))
      checkRank(name, shape, 1, 'a vector');
    return this.arithmetic.dot(flat(this), flat(right), options);
  }

  /** Whether another array has the same shape and the same numbers: -0 is not +0 here, and NaN is NaN. */
  equals(b: ArrayOperand): boolean {
    const other = isShaped(b) ? b : plainView('b', b);
    if (!sameShape(other.shape, this.shape)) return false;
    const [mine, others] = [flat(this), flat(other)];
    return mine.every((value, i) => Object.is(value, others[i]));
  }

  /** The only element. Throws ArgumentError if there is not one. */
  item(): number {
    if (this.size !== 1) throw new ArgumentError('array', `${this.size} elements`, 'one element');
    return this.data[this.offset]!;
  }

  /** Nested arrays of numbers; of an array without axes its number. */
  toArray(): Nested | number {
    const values = flat(this);
    const stride = rowMajor(this.shape);
    const part = (axis: number, from: number): Nested | number =>
      axis === this.shape.length
        ? values[from]!
        : Array.from({ length: this.shape[axis]! }, (_, i) => part(axis + 1, from + i * stride[axis]!));
    return part(0, 0);
  }

  /** What the first axis has: the elements of a vector, the rows of a matrix as views. Throws ArgumentError without axes. */
  *[Symbol.iterator](): Generator<ShapedArray | number> {
    if (this.shape.length === 0) throw new ArgumentError('array', 'a number', 'an array with an axis');
    for (let i = 0; i < this.shape[0]!; i++) yield this.shape.length === 1 ? this.at(i) : this.slice(i);
  }

  /** What `JSON.stringify` writes: nested arrays, in which JSON has null for what is not finite. */
  toJSON(): Nested | number {
    return this.toArray();
  }

  /** The elements in row-major order, in memory of their own. */
  toTypedArray(): RealArray {
    return copied(this);
  }

  /** A matrix of mathjs, of the instance that is given. */
  toMatrix<M>(math: { matrix(values: never): M }): M {
    return math.matrix(this.toArray() as never);
  }

  /** A float32 tensor of TensorFlow.js. Throws ArgumentError where the format's values are not all binary32 numbers. */
  toTensor<T>(tf: { tensor(values: Float32Array, shape: number[], dtype: 'float32'): T }): T {
    const values = copied(this);
    if (!(values instanceof Float32Array))
      throw new ArgumentError('format', this.format.name, 'a format whose values are binary32 numbers');
    return tf.tensor(values, [...this.shape], 'float32');
  }

  /** As NumPy prints arrays. */
  toString(): string {
    return textOf(this, this.format);
  }
}

const productNames: readonly (keyof ProductOptions)[] = [
  ...(['products', 'accumulate', 'order', 'rounding', 'c', 'out'] as const),
];

/** An array of given memory and layout. */
export function shaped(arithmetic: Arithmetic, view: View): ShapedArray {
  return new ArrayCore(arithmetic, view) as ShapedArray;
}

function view(of: ArrayCore, layout: Partial<View>): ShapedArray {
  const { data, shape, stride, offset } = of;
  return shaped(of.arithmetic, { data, shape, stride, offset, ...layout });
}

type ReductionFunction = (f: FlatArithmetic, x: View, reduction: Reduction) => View;

/** A number where nothing says that axes stay or which go. */
function reduced(x: ArrayCore, options: unknown, reduce: ReductionFunction): ShapedArray | number {
  const reduction = readReduction(options, x.shape.length);
  const result = shaped(x.arithmetic, reduce(x.arithmetic, x, reduction));
  const isWhole =
    typeof options === 'number' ||
    Array.isArray(options) ||
    reduction.keepDims ||
    (options as AxisOptions | undefined)?.axis !== undefined;
  return isWhole ? result : result.item();
}

export function isShaped(x: unknown): x is ShapedArray {
  return x instanceof ArrayCore;
}

/** Whether values of one array are values of another's format as they are. */
function isOfFormat(x: unknown, f: FlatArithmetic): x is ShapedArray {
  return isShaped(x) && (x.format === f.format || String(x.format) === String(f.format));
}

/** An operand as the operations of an arithmetic take it: refused or rounded where it is not in the format. */
export function operandIn(f: FlatArithmetic, x: ArrayOperand, path: string): View {
  return isOfFormat(x, f) ? x : acceptOperand(path, x, f);
}

/** The array that a result goes to: a new one, or `out`, of the result's shape and format. Throws ArgumentError. */
export function resultFor(f: Arithmetic, out: unknown, shape: readonly number[]): ShapedArray {
  if (out === undefined) {
    const data = newArray(carrierFor(f.format), sizeOf(shape));
    return shaped(f, { data, shape: [...shape], stride: rowMajor(shape), offset: 0 });
  }
  if (!isOfFormat(out, f) || !sameShape(out.shape, shape))
    throw new ArgumentError(
      'out',
      out,
      `a shaped array of ${f.format.name} and of shape [${shape.join(', ')}]`,
    );
  const isRepeated = out.shape.some((extent, axis) => extent > 1 && out.stride[axis] === 0);
  if (isRepeated) throw new ArgumentError('out', out, 'an array with memory for each of its elements');
  return out;
}

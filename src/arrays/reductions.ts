/**
 * Sums, means, products, norms, extremes and partial sums along axes: each output by the accumulation of `src/arithmetic` over the elements
 * along the axes that vanish, in row-major order; outputs one after the other, in row-major order of the axes that stay.
 */
import type { AccumulatorModel, Arithmetic, SumOptions } from '../arithmetic/index.ts';
import { newArray, newLike, type RealArray } from '../array-kinds.ts';
import { checkBoolean, checkFields, checkNumber, pathOf, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { carrierFor } from './entry.ts';
import { checkAxis, isContiguous, rowMajor } from './layout.ts';
import { flat, scatter, type View } from './moves.ts';

/** Which axes vanish. */
export interface AxisOptions {
  /** An axis or several, negative ones counting from the end. Default: all. */
  readonly axis?: number | readonly number[];
  /** Whether the axes stay, with one element each. Default false. */
  readonly keepDims?: boolean;
}

export type ReductionOptions = AxisOptions & AccumulatorModel;
export type SumReductionOptions = AxisOptions & SumOptions;

/** What is given in place of options: axes alone. */
export type Axes = number | readonly number[];

const axisNames = ['axis', 'keepDims'] as const;

function fieldsOf(given: unknown): object {
  if (typeof given === 'number' || Array.isArray(given)) return { axis: given };
  return checkFields('', given, [...axisNames, 'products', 'accumulate', 'order', 'rounding', 'c']);
}

/** The axes that vanish, whether they stay with one element each, and the options of the accumulation. */
export interface Reduction {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
  readonly model: SumOptions;
}

/** Throws ArgumentError. Fields of the accumulation are checked there. */
export function readReduction(given: unknown, axes: number): Reduction {
  const { axis, keepDims, ...model } = fieldsOf(given) as AxisOptions & SumOptions;
  const list = axis === undefined ? Array.from({ length: axes }, (_, i) => i) : [axis].flat();
  const path = (i: number): string => (Array.isArray(axis) ? pathOf('axis', i) : 'axis');
  const chosen = list.map((each, i) => checkAxis(path(i), each, axes));
  chosen.forEach((each, i) => {
    if (chosen.indexOf(each) !== i) throw new ArgumentError(path(i), list[i], 'each axis once');
  });
  return { axes: chosen, keepDims: checkBoolean('keepDims', keepDims, false), model };
}

/** An array seen as outputs, one after the other, of so many terms each. */
interface Grouped {
  readonly shape: readonly number[];
  readonly outputs: number;
  readonly terms: number;
  /** Outputs and terms as a matrix, by rows. */
  readonly rows: View;
  /** Terms and outputs as a matrix: the same elements by columns. */
  readonly columns: View;
}

function grouped(view: View, { axes, keepDims }: Reduction): Grouped {
  const { shape, stride, data, offset } = view;
  const all = shape.map((_, axis) => axis);
  const kept = all.filter((axis) => !axes.includes(axis));
  const gone = all.filter((axis) => axes.includes(axis));
  const permuted = (order: readonly number[]): View => ({
    ...{ data, offset },
    shape: order.map((axis) => shape[axis]!),
    stride: order.map((axis) => stride[axis]!),
  });
  const extents = (list: readonly number[]): number[] => list.map((axis) => shape[axis]!);
  return {
    shape: keepDims ? shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)) : extents(kept),
    outputs: sizeOf(extents(kept)),
    terms: sizeOf(extents(gone)),
    rows: permuted([...kept, ...gone]),
    columns: permuted([...gone, ...kept]),
  };
}

function result(data: RealArray, shape: readonly number[]): View {
  return { data, shape, stride: rowMajor(shape), offset: 0 };
}

/** One output after the other. */
function eachOutput(
  f: Arithmetic,
  { shape, outputs, terms, rows }: Grouped,
  one: (x: RealArray) => number,
): View {
  const elements = flat(rows);
  const out = newArray(carrierFor(f.format), outputs);
  const place = f.state;
  try {
    for (let o = 0; o < outputs; o++) out[o] = one(elements.subarray(o * terms, (o + 1) * terms));
  } catch (error) {
    f.restore(place);
    throw error;
  }
  return result(out, shape);
}

/** Sums as products with ones, which the kernels make together: the same bits and draws as one `sum` after the other. */
function sumsAsProduct(f: Arithmetic, group: Grouped, { c, ...model }: SumOptions): View {
  const { shape, outputs, terms, rows, columns } = group;
  const transposeA = !isContiguous(rows) && isContiguous(columns);
  const elements = flat(transposeA ? columns : rows);
  const ones = newLike(elements, terms).fill(1);
  const isUnit = typeof model.accumulate === 'object' && model.accumulate.kind === 'matrix-unit';
  // The larger of c and c is c, as operations take it.
  const start =
    c === undefined
      ? undefined
      : refusedAs(
          () => f.max(checkNumber('c', c), c),
          () => 'c',
        );
  const addend = start === undefined ? {} : { c: newLike(elements, outputs).fill(start) };
  const whole = isUnit ? model : { ...model, products: 'exact' as const };
  return result(
    f.matmul(elements, ones, { m: outputs, k: terms, n: 1, transposeA, ...addend }, whole),
    shape,
  );
}

export function sum(f: Arithmetic, view: View, reduction: Reduction): View {
  const group = grouped(view, reduction);
  const { model } = reduction;
  // Integers that are supplied lie output by output in the one, kind by kind in the other.
  const asProduct = group.outputs > 1 && f.format.has(1) && f.options.random === undefined;
  const isPlain = model.products === undefined;
  return asProduct && isPlain ? sumsAsProduct(f, group, model) : eachOutput(f, group, (x) => f.sum(x, model));
}

export function mean(f: Arithmetic, view: View, reduction: Reduction): View {
  return eachOutput(f, grouped(view, reduction), (x) => f.mean(x, reduction.model));
}

export function prod(f: Arithmetic, view: View, reduction: Reduction): View {
  return eachOutput(f, grouped(view, reduction), (x) => f.prod(x, reduction.model));
}

export function norm(f: Arithmetic, view: View, reduction: Reduction): View {
  return eachOutput(f, grouped(view, reduction), (x) => f.norm(x, reduction.model));
}

/** The largest or least of the elements, by the arithmetic's maximum or minimum; there must be one. */
export function extremum(f: Arithmetic, view: View, reduction: Reduction, name: 'max' | 'min'): View {
  checkFields('', reduction.model, []);
  const group = grouped(view, reduction);
  if (group.terms === 0 && group.outputs > 0)
    throw new ArgumentError(name, `an array of shape [${view.shape.join(', ')}]`, 'at least one element');
  // Those of IEEE 754-2019: NaN if any element is, and -0 below +0.
  const choose = Math[name];
  return eachOutput(f, group, (x) => {
    let most = x[0]!;
    for (let i = 1; i < x.length; i++) most = choose(most, x[i]!);
    return most;
  });
}

/** Partial sums along an axis, or of all elements in row-major order. */
export function cumsum(f: Arithmetic, view: View, reduction: Reduction, isAlongAxis: boolean): View {
  const { model, axes } = reduction;
  if (!isAlongAxis) {
    const elements = flat(view);
    return result(f.cumsum(elements, model), [elements.length]);
  }
  if (axes.length !== 1) throw new ArgumentError('axis', [...axes], 'one axis');
  const group = grouped(view, reduction);
  const out = result(newArray(carrierFor(f.format), sizeOf(view.shape)), view.shape);
  const order = group.rows.shape.length - 1;
  const permutation = view.shape.map((_, axis) => axis).filter((axis) => axis !== axes[0]);
  const lines: View = {
    ...{ data: out.data, offset: 0, shape: group.rows.shape },
    stride: [...permutation.map((axis) => out.stride[axis]!), out.stride[axes[0]!]!].slice(0, order + 1),
  };
  const elements = flat(group.rows);
  const place = f.state;
  try {
    for (let o = 0; o < group.outputs; o++) {
      const line = elements.subarray(o * group.terms, (o + 1) * group.terms);
      scatter(lines, o * group.terms, f.cumsum(line, model));
    }
  } catch (error) {
    f.restore(place);
    throw error;
  }
  return out;
}

/**
 * Layers whose oracles are slots: what each product's operands and results become, by rows along what the product sums over, on the net of
 * net.ts. Every product and sum is one binary32 operation, in the order of what is summed over.
 */
import { type Layer, pass } from './net.ts';
import type { Matrix as Rows } from './numbers.ts';

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  /** Of elements times a unit: the unit, the least exponent of their format, and the rounding to it. */
  readonly grid?: { readonly unit: number; readonly emin: number; readonly round: (x: number) => number };
}

/** What a slot does to a matrix of rows along what its product sums over, and to a result, whose rows are those of the first operand. */
export type Change = (matrix: Matrix) => Matrix;

/** A matrix product a bᵀ of rows along what is summed over. */
export type Product = (a: Matrix, b: Matrix) => Matrix;

/** The slots of a layer; absent: as it is. `'same'`: the forward product's image, transposed. */
export interface LayerSlots {
  readonly x?: Change;
  readonly w?: Change;
  readonly y?: Change;
  readonly dg?: Change;
  readonly dw?: Change | 'same';
  readonly dx?: Change;
  readonly wg?: Change;
  readonly wx?: Change | 'same';
  readonly ww?: Change;
  readonly product?: Product;
  /** What the results of all operations are rounded to. */
  readonly rest?: (x: number) => number;
}

export const matrix = (rows: number, columns: number, values: ArrayLike<number>): Matrix => ({
  rows,
  columns,
  values: Float32Array.from(values),
});

export function transposed({ rows, columns, values, ...rest }: Matrix): Matrix {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j]!;
  return { rows: columns, columns: rows, values: turned, ...rest };
}

export function mapped(m: Matrix, change: (x: number, i: number) => number): Matrix {
  return { ...m, values: m.values.map((x, i) => change(x, i)) };
}

/** Binary32, in order. */
export function plainProduct(a: Matrix, b: Matrix): Matrix {
  const values = new Float32Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < b.rows; j++) {
      let sum = 0;
      for (let k = 0; k < a.columns; k++)
        sum = Math.fround(sum + Math.fround(a.values[i * a.columns + k]! * b.values[j * b.columns + k]!));
      values[i * b.rows + j] = sum;
    }
  return { rows: a.rows, columns: b.rows, values };
}

const same: Change = (m) => m;

const flat = (rows: Rows): Matrix => matrix(rows.length, rows[0]!.length, rows.flat());

const rowsOf = ({ rows, columns, values }: Matrix): number[][] =>
  Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * columns, (i + 1) * columns)));

/** What the forward product read. */
interface Images {
  readonly x: Matrix;
  readonly w: Matrix;
}

/** A layer with slots. */
function layerOf({ product = plainProduct, rest = (v) => v, ...slots }: LayerSlots): Layer<Images> {
  const made = (result: Matrix, change = same): Rows => rowsOf(mapped(change(result), rest));
  return {
    forward({ x, w }) {
      const kept = { x: (slots.x ?? same)(flat(x)), w: (slots.w ?? same)(flat(w)) };
      return { y: made(product(kept.x, kept.w), slots.y), kept };
    },
    inputGradient({ w }, kept, g) {
      const weight = slots.dw === 'same' ? transposed(kept.w) : (slots.dw ?? same)(transposed(flat(w)));
      return made(product((slots.dg ?? same)(flat(g)), weight), slots.dx);
    },
    weightGradient({ x }, kept, g) {
      const input = slots.wx === 'same' ? transposed(kept.x) : (slots.wx ?? same)(transposed(flat(x)));
      return rowsOf(
        transposed(flat(made(product(input, (slots.wg ?? same)(transposed(flat(g)))), slots.ww))),
      );
    },
  };
}

export interface Net {
  readonly x: Matrix;
  /** (inputs, outputs). */
  readonly a: Matrix;
  readonly b: Matrix;
  /** The gradient of y. */
  readonly t: Matrix;
}

/** The result, the gradients and the weights after a step of gradient descent at a rate. */
export function step({ x, a, b, t }: Net, [first, second]: readonly [LayerSlots, LayerSlots], rate: number) {
  const layers = [layerOf(first), layerOf(second)] as const;
  const place = { seed: 0, step: 0, names: ['', ''] } as const;
  const passed = pass(layers, [rowsOf(a), rowsOf(b)], rowsOf(x), () => rowsOf(t), place);
  const [da, db] = passed.gradients.map(flat) as [Matrix, Matrix];
  const moved = (w: Matrix, d: Matrix): Matrix =>
    mapped(w, (v, i) => Math.fround(v - Math.fround(rate * d.values[i]!)));
  return { y: flat(passed.y), da, db, a: moved(a, da), b: moved(b, db) };
}

/** Each row by itself through a change of an array. */
export function byRows(change: (row: Float32Array) => ArrayLike<number>): Change {
  return ({ rows, columns, values }) => {
    const changed = new Float32Array(values.length);
    for (let i = 0; i < rows; i++)
      changed.set(change(values.slice(i * columns, (i + 1) * columns)), i * columns);
    return { rows, columns, values: changed };
  };
}

/** All elements together through a change of an array. */
export function whole(change: (all: Float32Array) => ArrayLike<number>): Change {
  return (m) => ({ ...m, values: Float32Array.from(change(m.values)) });
}

/** Reproducible numbers about 0 of several magnitudes, by a linear congruential generator. */
export function numbers(count: number, seed: number, spread = 1): Float32Array {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => (next() - 0.5) * 2 ** (spread * (next() * 8 - 6)));
}

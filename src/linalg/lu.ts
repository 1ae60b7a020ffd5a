/**
 * LU factors: a_ij = fl(a_ij + fl((-l_ik) u_kj)) for k = 0, 1, ..., and l_ik = fl(a_ik / u_kk). With partial or no pivoting the columns are
 * factored in panels and the rest is updated by products, in which each element meets its terms in the same order.
 *
 * Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., 2013, section 3.4.
 */

import type { RealArray } from '../array-kinds.ts';
import { type Arithmetic, type ShapedArray, shaped } from '../arrays/index.ts';
import { checkBoolean, checkFields, oneOf } from '../check.ts';
import { factorError } from './measures.ts';
import { checkRightHandSide, checkSquare, columnsOf, largest, permuted } from './operands.ts';
import { reversed, substitute } from './triangular.ts';

export interface LuOptions {
  /** How the next pivot is chosen: the largest of its column (`'partial'`, default), of all that is left (`'complete'`), or as it comes. */
  readonly pivoting?: 'partial' | 'complete' | 'none';
}

/** P A Q = L U. */
export interface LuFactors {
  /** Unit lower triangular. */
  readonly L: ShapedArray;
  readonly U: ShapedArray;
  /** Row i of P A is row `rows[i]` of A. */
  readonly rows: readonly number[];
  /** Column j of A Q is column `columns[j]` of A. */
  readonly columns: readonly number[];
  /** Determinant of P Q: 1 or -1. */
  readonly sign: 1 | -1;
  /** Whether a pivot is zero or not finite: a solution has infinities or NaN then. */
  readonly isSingular: boolean;
  /** |L U - P A Q| / |A| in the infinity norm. */
  readonly backwardError: number;
  /** The largest magnitude in U over that in A. */
  readonly growthFactor: number;
  /** Solves A X = B by the factors, or A^T X = B. */
  solve(b: unknown, options?: { readonly transpose?: boolean }): ShapedArray;
}

/** The factors alone, in whatever arithmetic they are to be used. */
export type Triangles = Pick<LuFactors, 'L' | 'U' | 'rows' | 'columns'>;

/** Columns of a panel. */
const panelWidth = 32;

interface Work {
  readonly f: Arithmetic;
  readonly n: number;
  /** The matrix by rows, becoming L below the diagonal and U from it on. */
  readonly data: RealArray;
  readonly rows: number[];
  readonly columns: number[];
  swaps: number;
}

function swapRows({ data, n, rows }: Work, i: number, k: number): void {
  const row = data.slice(i * n, (i + 1) * n);
  data.copyWithin(i * n, k * n, (k + 1) * n);
  data.set(row, k * n);
  [rows[i], rows[k]] = [rows[k]!, rows[i]!];
}

function swapColumns({ data, n, columns }: Work, j: number, k: number): void {
  for (let at = 0; at < n * n; at += n) [data[at + j], data[at + k]] = [data[at + k]!, data[at + j]!];
  [columns[j], columns[k]] = [columns[k]!, columns[j]!];
}

/** Brings the largest magnitude of rows from k on and columns from k to `to` to place (k, k). Ties: the first, column by column. */
function pivot(work: Work, k: number, to: number): void {
  const { data, n } = work;
  let [row, column] = [k, k];
  let most = Math.abs(data[k * n + k]!);
  for (let j = k; j < to; j++)
    for (let i = k; i < n; i++) {
      const magnitude = Math.abs(data[i * n + j]!);
      if (magnitude > most) [most, row, column] = [magnitude, i, j];
    }
  if (row !== k) swapRows(work, row, k);
  if (column !== k) swapColumns(work, column, k);
  work.swaps += Number(row !== k) + Number(column !== k);
}

/** A part of the matrix as a view of its memory. */
function partOf({ f, n, data }: Work, i: number, j: number, rows: number, columns: number): ShapedArray {
  return shaped(f, { data, shape: [rows, columns], stride: [n, 1], offset: i * n + j });
}

/** Column k becomes multipliers, and columns up to `to` of the rows below lose their multiples of row k. */
function eliminate(work: Work, k: number, to: number): void {
  const { f, n, data } = work;
  const below = n - k - 1;
  const diagonal = data[k * n + k]!;
  // A column of zeros has nothing to eliminate.
  if (below === 0 || diagonal === 0) return;
  const column = data.slice(0, below);
  for (let i = 0; i < below; i++) column[i] = data[(k + 1 + i) * n + k]!;
  f.div(column, diagonal, { out: column });
  for (let i = 0; i < below; i++) data[(k + 1 + i) * n + k] = column[i]!;
  const width = to - k - 1;
  if (width === 0) return;
  const rest = partOf(work, k + 1, k + 1, below, width);
  const c = rest.toTypedArray();
  const row = data.subarray(k * n + k + 1, k * n + to);
  f.matmul(f.neg(column, { out: column }), row, { m: below, k: 1, n: width, c, out: c });
  for (let i = 0; i < below; i++) data.set(c.subarray(i * width, (i + 1) * width), (k + 1 + i) * n + k + 1);
}

function factorInPanels(work: Work, pivots: boolean): void {
  const { n } = work;
  for (let from = 0; from < n; from += panelWidth) {
    const to = Math.min(from + panelWidth, n);
    for (let k = from; k < to; k++) {
      if (pivots) pivot(work, k, k + 1);
      eliminate(work, k, to);
    }
    if (to === n) return;
    const width = to - from;
    const l = partOf(work, from, from, width, width);
    const right = partOf(work, from, to, width, n - to);
    const solved = right.copy();
    substitute(l, l.neg(), solved, true);
    right.assign(solved);
    const rest = partOf(work, to, to, n - to, n - to);
    partOf(work, to, from, n - to, width)
      .neg()
      .matmul(solved, { c: rest, out: rest });
  }
}

/** The triangle of a matrix: beyond it zeros, and ones on the diagonal where it is a unit one. */
function triangle({ f, n, data }: Work, isLower: boolean): ShapedArray {
  const values = data.slice();
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) if (isLower ? j >= i : j < i) values[i * n + j] = isLower && i === j ? 1 : 0;
  return f.array(values, [n, n]);
}

/**
 * LU factors of a square matrix in its arithmetic. A pivot of zero eliminates nothing and `isSingular` says so; nothing is thrown.
 *
 * @throws ArgumentError
 *
 * @example
 * const { L, U, rows } = lu(arithmetic('binary16').array([[1, 2], [3, 4]]));
 */
export function lu(a: ShapedArray, options?: LuOptions): LuFactors {
  const matrix = checkSquare('a', a);
  const given = checkFields<LuOptions>('', options, ['pivoting']);
  const pivoting = oneOf('pivoting', given.pivoting, ['partial', 'complete', 'none'], 'partial');
  const f = matrix.arithmetic as Arithmetic;
  const [n] = matrix.shape as [number];
  const all = (): number[] => Array.from({ length: n }, (_, i) => i);
  const work: Work = { f, n, data: matrix.toTypedArray(), rows: all(), columns: all(), swaps: 0 };
  if (pivoting === 'complete')
    for (let k = 0; k < n; k++) {
      pivot(work, k, n);
      eliminate(work, k, n);
    }
  else factorInPanels(work, pivoting === 'partial');
  const [L, U] = [triangle(work, true), triangle(work, false)];
  const pivots = all().map((i) => U.at(i, i));
  const { rows, columns } = work;
  return Object.freeze({
    ...{ L, U, rows: Object.freeze(rows), columns: Object.freeze(columns) },
    sign: work.swaps % 2 === 0 ? 1 : -1,
    isSingular: pivots.some((value) => value === 0 || !Number.isFinite(value)),
    get backwardError(): number {
      return factorError(L, U, permuted(matrix, rows, columns));
    },
    get growthFactor(): number {
      return largest(U.toTypedArray()) / largest(matrix.toTypedArray());
    },
    solve(b: unknown, options?: { readonly transpose?: boolean }): ShapedArray {
      const { transpose } = checkFields<{ readonly transpose?: boolean }>('', options, ['transpose']);
      const right = checkRightHandSide('b', b, matrix);
      const isTransposed = checkBoolean('transpose', transpose, false);
      return solveTriangles({ L, U, rows, columns }, right, isTransposed);
    },
  });
}

/** Rows in the order of a list, or back from it. */
function reordered(x: ShapedArray, order: readonly number[], back: boolean): ShapedArray {
  const result = x.copy();
  order.forEach((place, i) => {
    result.slice(back ? place : i).assign(x.slice(back ? i : place));
  });
  return result;
}

/** Solves L U = P A Q for right-hand sides in the arithmetic of L and U. */
export function solveTriangles(
  { L, U, rows, columns }: Triangles,
  b: ShapedArray,
  transpose: boolean,
): ShapedArray {
  const { x, shapeOf } = columnsOf(b);
  const [first, second] = transpose ? [U.T, L.T] : [L, U];
  const start = reordered(x, transpose ? columns : rows, false);
  substitute(first, first.neg(), start, !transpose);
  const upper = reversed(second, true);
  substitute(upper, upper.neg(), reversed(start, false), transpose);
  return shapeOf(reordered(start, transpose ? rows : columns, true));
}

/**
 * LU factors: a_ij = fl(a_ij + fl((-l_ik) u_kj)) for k = 0, 1, ..., and l_ik = fl(a_ik / u_kk). With partial or no pivoting the columns are
 * factored in panels and the rest is updated by products, in which each element meets its terms in the same order.
 *
 * Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., 2013, section 3.4.
 */

import type { RealArray } from '../array-kinds.ts';
import { type Arithmetic, type ShapedArray, shaped } from '../arrays/index.ts';
import { checkBoolean, checkFields, oneOf } from '../check.ts';
import type { Eliminator, MatrixPart, PlacedMatrix } from '../kernels/eliminations.ts';
import { withEliminator } from './eliminator.ts';
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

/** What is done between pivots. */
interface Steps {
  /** Divides what is below the diagonal in column k by the pivot: multipliers. */
  divide(k: number): void;
  /** Rows below lose their multiples of row k, in some columns. */
  eliminate(k: number, from: number, to: number): void;
  /** The same for all rows of a panel, one after the other, in the columns behind it. */
  eliminatePanel(from: number, to: number): void;
}

function factor(work: Work, pivoting: NonNullable<LuOptions['pivoting']>, steps: Steps): void {
  const { n, data } = work;
  const width = pivoting === 'complete' ? n : panelWidth;
  for (let from = 0; from < n; from += width) {
    const to = Math.min(from + width, n);
    // A column whose pivot is zero has nothing to eliminate.
    const eliminating: number[] = [];
    for (let k = from; k < to; k++) {
      if (pivoting !== 'none') pivot(work, k, pivoting === 'complete' ? n : k + 1);
      if (data[k * n + k] === 0 || k + 1 === n) continue;
      eliminating.push(k);
      steps.divide(k);
      if (k + 1 < to) steps.eliminate(k, k + 1, to);
    }
    if (to === n) return;
    if (eliminating.length === width) steps.eliminatePanel(from, to);
    else for (const k of eliminating) steps.eliminate(k, to, n);
  }
}

/** A part of the matrix as a view of its memory. */
function partOf({ f, n, data }: Work, i: number, j: number, rows: number, columns: number): ShapedArray {
  return shaped(f, { data, shape: [rows, columns], stride: [n, 1], offset: i * n + j });
}

/** By operations on arrays. */
function stepsOf(work: Work): Steps {
  const { f, n, data } = work;

  function belowIn(k: number): RealArray {
    const below = n - k - 1;
    const column = data.slice(0, below);
    for (let i = 0; i < below; i++) column[i] = data[(k + 1 + i) * n + k]!;
    return column;
  }

  return {
    divide(k): void {
      const column = belowIn(k);
      f.div(column, data[k * n + k]!, { out: column });
      column.forEach((x, i) => {
        data[(k + 1 + i) * n + k] = x;
      });
    },
    eliminate(k, from, to): void {
      const [below, width] = [n - k - 1, to - from];
      const c = partOf(work, k + 1, from, below, width).toTypedArray();
      const row = data.subarray(k * n + from, k * n + to);
      f.matmul(f.neg(belowIn(k)), row, { m: below, k: 1, n: width, c, out: c });
      for (let i = 0; i < below; i++)
        data.set(c.subarray(i * width, (i + 1) * width), (k + 1 + i) * n + from);
    },
    eliminatePanel(from, to): void {
      const width = to - from;
      const l = partOf(work, from, from, width, width);
      const right = partOf(work, from, to, width, n - to);
      const solved = right.copy();
      substitute(l, solved, true);
      right.assign(solved);
      const rest = partOf(work, to, to, n - to, n - to);
      partOf(work, to, from, n - to, width)
        .neg()
        .matmul(solved, { c: rest, out: rest });
    },
  };
}

/** By the kernels, on a matrix in their memory. */
function stepsOnKernels(eliminator: Eliminator, matrix: PlacedMatrix, n: number): Steps {
  const part = (i: number, j: number): MatrixPart => ({ matrix, at: i * n + j, stride: n });
  const { subtractProduct, divide } = eliminator;
  return {
    divide: (k) => divide(part(k + 1, k), n - k - 1, 1, matrix.elements()[k * n + k]!),
    eliminate: (k, from, to) =>
      subtractProduct(part(k + 1, from), part(k + 1, k), part(k, from), n - k - 1, to - from, 1),
    eliminatePanel(from, to): void {
      for (let i = from + 1; i < to; i++)
        subtractProduct(part(i, to), part(i, from), part(from, to), 1, n - to, i - from);
      subtractProduct(part(to, to), part(to, from), part(from, to), n - to, n - to, to - from);
    },
  };
}

function factorAll(work: Work, pivoting: NonNullable<LuOptions['pivoting']>): void {
  const isDone = withEliminator(work.f, (eliminator) => {
    const matrix = eliminator.place(work.data);
    const onKernels = { ...work, data: matrix.elements() };
    factor(onKernels, pivoting, stepsOnKernels(eliminator, matrix, work.n));
    work.data.set(onKernels.data);
    work.swaps = onKernels.swaps;
  });
  if (!isDone) factor(work, pivoting, stepsOf(work));
}

/** The triangle of a matrix: beyond it zeros, and ones on the diagonal where it is a unit one. */
function triangle({ f, n, data }: Work, isLower: boolean): ShapedArray {
  const values = data.slice();
  for (let i = 0; i < n; i++) {
    if (isLower) values.fill(0, i * n + i, (i + 1) * n)[i * n + i] = 1;
    else values.fill(0, i * n, i * n + i);
  }
  return shaped(f, { data: values, shape: [n, n], stride: [n, 1], offset: 0 });
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
  factorAll(work, pivoting);
  const [L, U] = [triangle(work, true), triangle(work, false)];
  const pivots = all().map((i) => U.data[i * n + i]!);
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
  substitute(first, start, !transpose);
  const upper = reversed(second, true);
  substitute(upper, reversed(start, false), transpose);
  return shapeOf(reordered(start, transpose ? rows : columns, true));
}

/**
 * Cholesky factors: A = L L^T for a symmetric positive definite matrix, of which the lower triangle is read. s_ij = fl(s_ij + fl((-l_ik) l_jk))
 * for k = 0, 1, ..., l_jj = fl(sqrt(s_jj)), l_ij = fl(s_ij / l_jj). Columns by panels, the rest by products, in the same order of terms.
 */
import type { Arithmetic, ShapedArray } from '../arrays/index.ts';
import type { Eliminator, MatrixPart } from '../kernels/eliminations.ts';
import { withEliminator } from './eliminator.ts';
import { factorError } from './measures.ts';
import { checkRightHandSide, checkSquare, columnsOf } from './operands.ts';
import { reversed, substitute } from './triangular.ts';

/** Thrown by `cholesky` where a pivot is not positive. */
export class NotPositiveDefiniteError extends RangeError {
  /** Number of the column. */
  readonly column: number;
  /** What was left of its diagonal. */
  readonly pivot: number;

  constructor(column: number, pivot: number) {
    super(`the matrix is not positive definite in this arithmetic: pivot ${column} is ${pivot}`);
    this.name = 'NotPositiveDefiniteError';
    this.column = column;
    this.pivot = pivot;
  }
}

export interface CholeskyFactors {
  /** Lower triangular. */
  readonly L: ShapedArray;
  /** |L L^T - A| / |A| in the infinity norm. */
  readonly backwardError: number;
  /** Solves A X = B by the factors. */
  solve(b: unknown): ShapedArray;
}

const panelWidth = 32;

/** The root of what is left of a diagonal. Throws NotPositiveDefiniteError. */
function rootOf({ sqrt }: Pick<Arithmetic, 'sqrt'>, pivot: number, column: number): number {
  const root = pivot > 0 ? sqrt(pivot) : Number.NaN;
  if (root > 0 && root < Infinity) return root;
  throw new NotPositiveDefiniteError(column, pivot);
}

/** Factors columns of a panel, whose rows begin at its own diagonal. */
function factorPanel(panel: ShapedArray, first: number): void {
  const [rows, width] = panel.shape as [number, number];
  for (let k = 0; k < width; k++) {
    const root = rootOf(panel.arithmetic, panel.at(k, k), first + k);
    panel.data[panel.offset + k * (panel.stride[0]! + panel.stride[1]!)] = root;
    const below = panel.slice([k + 1], [k, k + 1]);
    below.div(root, { out: below });
    if (k + 1 === width) break;
    const rest = panel.slice([k + 1, rows], [k + 1]);
    rest.assign(below.neg().matmul(below.slice([0, width - k - 1]).T, { c: rest }));
  }
}

/** By operations on arrays. */
function factorInPanels(L: ShapedArray): void {
  const [n] = L.shape as [number];
  for (let from = 0; from < n; from += panelWidth) {
    const to = Math.min(from + panelWidth, n);
    factorPanel(L.slice([from, n], [from, to]), from);
    const below = L.slice([to, n], [from, to]);
    const rest = L.slice([to, n], [to, n]);
    if (to < n) below.neg().matmul(below.T, { c: rest, out: rest });
  }
}

/** By the kernels: columns that are done are rows of the other triangle, too. */
function factorOnKernels({ place, subtractProduct, divide }: Eliminator, L: ShapedArray): void {
  const [n] = L.shape as [number];
  const matrix = place(L.data);
  const part = (i: number, j: number): MatrixPart => ({ matrix, at: i * n + j, stride: n });
  for (let from = 0; from < n; from += panelWidth) {
    const to = Math.min(from + panelWidth, n);
    for (let k = from; k < to; k++) {
      const root = rootOf(L.arithmetic, matrix.elements()[k * n + k]!, k);
      const data = matrix.elements();
      data[k * n + k] = root;
      divide(part(k + 1, k), n - k - 1, 1, root);
      for (let i = k + 1; i < n; i++) data[k * n + i] = data[i * n + k]!;
      subtractProduct(part(k + 1, k + 1), part(k + 1, k), part(k, k + 1), n - k - 1, to - k - 1, 1);
    }
    for (let row = to; row < n; row += panelWidth) {
      const below = Math.min(row + panelWidth, n);
      const [c, a, b] = [part(row, to), part(row, from), part(from, to)];
      subtractProduct(c, a, b, below - row, below - to, to - from);
    }
  }
  L.data.set(matrix.elements());
}

/**
 * The Cholesky factor of a symmetric positive definite matrix in its arithmetic.
 *
 * @throws NotPositiveDefiniteError where a pivot is not a positive finite number; ArgumentError
 *
 * @example
 * cholesky(arithmetic('binary16').array([[4, 2], [2, 5]])).L.toArray() // [[2, 0], [1, 2]]
 */
export function cholesky(a: ShapedArray): CholeskyFactors {
  const matrix = checkSquare('a', a);
  const [n] = matrix.shape as [number];
  const L = matrix.copy();
  if (!withEliminator(L.arithmetic, (eliminator) => factorOnKernels(eliminator, L))) factorInPanels(L);
  for (let i = 0; i < n; i++) L.data.fill(0, i * n + i + 1, (i + 1) * n);
  return Object.freeze({
    L,
    get backwardError(): number {
      // The other triangle is not read: the lower one says what it is.
      const whole = matrix.copy();
      for (let i = 0; i < n; i++) whole.slice(i, [i + 1, n]).assign(matrix.slice([i + 1, n], i));
      return factorError(L, L.T, whole);
    },
    solve(b: unknown): ShapedArray {
      const { x, shapeOf } = columnsOf(checkRightHandSide('b', b, matrix));
      substitute(L, x, false);
      const upper = reversed(L.T, true);
      substitute(upper, reversed(x, false), false);
      return shapeOf(x);
    },
  });
}

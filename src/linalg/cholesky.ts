/**
 * Cholesky factors: A = L L^T for a symmetric positive definite matrix, of which the lower triangle is read. s_ij = fl(s_ij + fl((-l_ik) l_jk))
 * for k = 0, 1, ..., l_jj = fl(sqrt(s_jj)), l_ij = fl(s_ij / l_jj). Columns by panels, the rest by products, in the same order of terms.
 */
import type { ShapedArray } from '../arrays/index.ts';
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

/** Factors columns of a panel, whose rows begin at its own diagonal. */
function factorPanel(panel: ShapedArray, first: number): void {
  const [rows, width] = panel.shape as [number, number];
  const f = panel.arithmetic;
  for (let k = 0; k < width; k++) {
    const pivot = panel.at(k, k);
    const root = pivot > 0 ? f.sqrt(pivot) : Number.NaN;
    if (!(root > 0 && root < Infinity)) throw new NotPositiveDefiniteError(first + k, pivot);
    panel.data[panel.offset + k * (panel.stride[0]! + panel.stride[1]!)] = root;
    const below = panel.slice([k + 1], [k, k + 1]);
    below.div(root, { out: below });
    if (k + 1 === width) break;
    const rest = panel.slice([k + 1, rows], [k + 1]);
    rest.assign(below.neg().matmul(below.slice([0, width - k - 1]).T, { c: rest }));
  }
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
  for (let from = 0; from < n; from += panelWidth) {
    const to = Math.min(from + panelWidth, n);
    factorPanel(L.slice([from, n], [from, to]), from);
    const below = L.slice([to, n], [from, to]);
    const rest = L.slice([to, n], [to, n]);
    if (to < n) below.neg().matmul(below.T, { c: rest, out: rest });
  }
  for (let i = 0; i < n; i++) L.slice(i, [i + 1, n]).assign(0);
  // The other triangle is not read: the lower one says what it is.
  const whole = matrix.copy();
  for (let i = 0; i < n; i++) whole.slice(i, [i + 1, n]).assign(matrix.slice([i + 1, n], i));
  return Object.freeze({
    L,
    get backwardError(): number {
      return factorError(L, L.T, whole);
    },
    solve(b: unknown): ShapedArray {
      const { x, shapeOf } = columnsOf(checkRightHandSide('b', b, matrix));
      substitute(L, L.neg(), x, false);
      const upper = reversed(L.T, true);
      substitute(upper, upper.neg(), reversed(x, false), false);
      return shapeOf(x);
    },
  });
}

/**
 * QR factors by Householder reflections or by the modified Gram-Schmidt process, every operation rounded in the arithmetic. Inner products
 * are sequential; a column meets the reflections (projections) one after the other.
 *
 * Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., 2013, sections 5.1 and 5.2.
 */
import type { ShapedArray } from '../arrays/index.ts';
import { checkFields, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { factorError, infinityNorm, productMinus } from './measures.ts';
import { checkMatrix, checkRightHandSide, columnsOf } from './operands.ts';
import { reversed, substitute } from './triangular.ts';

export interface QrOptions {
  /** Reflections (default), or the modified Gram-Schmidt process. */
  readonly method?: 'householder' | 'gram-schmidt';
}

/** A = Q R for a matrix of at least as many rows (m) as columns (n). */
export interface QrFactors {
  /** (m, n), with columns that are orthonormal but for rounding. */
  readonly Q: ShapedArray;
  /** (n, n), upper triangular. */
  readonly R: ShapedArray;
  /** |Q R - A| / |A| in the infinity norm. */
  readonly backwardError: number;
  /** |Q^T Q - I| in the infinity norm. */
  readonly orthogonality: number;
  /** The solution of least squares of A X = B: R X = Q^T B. */
  solve(b: unknown): ShapedArray;
}

/** A vector v and a number beta such that x - beta v (v^T x) lies along the first axis; beta is 0 where x does already. */
function reflection(x: ShapedArray): { readonly v: ShapedArray; readonly beta: number } {
  const f = x.arithmetic;
  const v = x.copy();
  const length = f.norm(v.toTypedArray());
  if (length === 0) return { v, beta: 0 };
  const first = v.at(0);
  // The sign that does not cancel.
  v.data[0] = first > 0 ? f.add(first, length) : f.sub(first, length);
  return { v, beta: f.div(2, v.dot(v)) };
}

/** Columns of a become (I - beta v v^T) times themselves: fl(a - fl(v fl(beta fl(v^T a)))). */
function reflect(a: ShapedArray, v: ShapedArray, beta: number): void {
  if (beta === 0 || a.shape[1] === 0) return;
  const factors = v.matmul(a).mul(beta);
  a.sub(v.reshape(-1, 1).mul(factors), { out: a });
}

function householder(a: ShapedArray): { Q: ShapedArray; R: ShapedArray } {
  const [, n] = a.shape as [number, number];
  const work = a.copy();
  const reflections: { v: ShapedArray; beta: number }[] = [];
  for (let k = 0; k < n; k++) {
    const { v, beta } = reflection(work.slice([k], k));
    reflections.push({ v, beta });
    reflect(work.slice([k], [k]), v, beta);
    // What the reflection makes zero is zero.
    work.slice([k + 1], k).assign(0);
  }
  const Q = work.copy().assign(0);
  for (let i = 0; i < n; i++) Q.set(i, i, 1);
  for (let k = n - 1; k >= 0; k--) reflect(Q.slice([k], [k]), reflections[k]!.v, reflections[k]!.beta);
  return { Q, R: work.slice([0, n]).copy() };
}

function gramSchmidt(a: ShapedArray): { Q: ShapedArray; R: ShapedArray } {
  const [, n] = a.shape as [number, number];
  const f = a.arithmetic;
  const Q = a.copy();
  const R = Q.slice([0, n]).copy().assign(0);
  for (let k = 0; k < n; k++) {
    const column = Q.slice(null, k);
    const length = f.norm(column.toTypedArray());
    R.data[k * n + k] = length;
    column.div(length, { out: column });
    if (k + 1 === n) break;
    const rest = Q.slice(null, [k + 1]);
    const factors = column.matmul(rest);
    R.slice(k, [k + 1]).assign(factors);
    rest.sub(column.reshape(-1, 1).mul(factors), { out: rest });
  }
  return { Q, R };
}

/**
 * QR factors of a matrix of at least as many rows as columns. Columns that depend on each other leave a diagonal element of R that is about 0:
 * Gram-Schmidt divides by it.
 *
 * @throws ArgumentError
 */
export function qr(a: ShapedArray, options?: QrOptions): QrFactors {
  const matrix = checkMatrix('a', a);
  const [m, n] = matrix.shape as [number, number];
  if (m < n)
    throw new ArgumentError('a', `shape [${m}, ${n}]`, 'a matrix of at least as many rows as columns');
  const given = checkFields<QrOptions>('', options, ['method']);
  const method = oneOf('method', given.method, ['householder', 'gram-schmidt'], 'householder');
  const { Q, R } = method === 'householder' ? householder(matrix) : gramSchmidt(matrix);
  return Object.freeze({
    ...{ Q, R },
    get backwardError(): number {
      return factorError(Q, R, matrix);
    },
    get orthogonality(): number {
      return n === 0 ? 0 : infinityNorm(productMinus(Q.T, Q, matrix.arithmetic.identity(n)), n);
    },
    solve(b: unknown): ShapedArray {
      const right = checkRightHandSide('b', b, matrix);
      const { x, shapeOf } = columnsOf(Q.T.matmul(right));
      const upper = reversed(R, true);
      substitute(upper, upper.neg(), reversed(x, false), false);
      return shapeOf(x);
    },
  });
}

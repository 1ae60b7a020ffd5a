/**
 * Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations, every operation rounded in the arithmetic. An element is
 * rotated away where it exceeds u times the Frobenius norm of the matrix over its number of rows (measured in binary64).
 *
 * Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., 2013, section 8.5.
 */
import { arithmetic, type ShapedArray } from '../arrays/index.ts';
import { checkFields, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { infinityNorm, productMinus } from './measures.ts';
import { checkSquare, numbersOf, permuted } from './operands.ts';
import { rotate, rotationOf, unitRoundoffOf } from './rotations.ts';
import type { JacobiOptions } from './svd.ts';

/** A V = V diag(values). */
export interface SymmetricEigen {
  /** Ascending. */
  readonly values: ShapedArray;
  /** Column k belongs to value k. */
  readonly vectors: ShapedArray;
  readonly sweeps: number;
  /** Whether a sweep rotated nothing any more. */
  readonly converged: boolean;
  /** |A V - V diag(values)| / |A| in the infinity norm. */
  readonly backwardError: number;
}

/** Rotates a_pq away: rows, then columns, then the four elements where they cross by the formulas of the angle. */
function eliminate(a: ShapedArray, v: ShapedArray, p: number, q: number): void {
  const f = a.arithmetic;
  const [x, y, z] = [a.at(p, p), a.at(q, q), a.at(p, q)];
  const rotation = rotationOf(f, x, y, z);
  const shift = f.mul(rotation.tangent, z);
  rotate(a.row(p), a.row(q), rotation);
  a.column(p).assign(a.row(p));
  a.column(q).assign(a.row(q));
  a.set(p, p, f.sub(x, shift)).set(q, q, f.add(y, shift)).set(p, q, 0).set(q, p, 0);
  rotate(v.column(p), v.column(q), rotation);
}

/**
 * Eigenvalues and eigenvectors of a symmetric matrix in its arithmetic. What has not converged after all sweeps says so.
 *
 * @throws ArgumentError, for a matrix that is not symmetric too
 *
 * @example
 * eigSymmetric(arithmetic('binary16').array([[2, 1], [1, 2]])).values.toArray() // [1, 3]
 */
export function eigSymmetric(a: ShapedArray, options?: JacobiOptions): SymmetricEigen {
  const matrix = checkSquare('a', a);
  if (!matrix.equals(matrix.T))
    throw new ArgumentError('a', 'a matrix that differs from its transpose', 'a symmetric matrix');
  const given = checkFields<JacobiOptions>('', options, ['sweeps']);
  const most = integerInRange('sweeps', given.sweeps, 1, 1000, 30);
  const f = matrix.arithmetic;
  const [n] = matrix.shape as [number];
  const [work, v] = [matrix.copy(), f.identity(n)];
  const size = Math.sqrt(numbersOf(matrix).reduce((sum, value) => sum + value * value, 0));
  const tolerance = (unitRoundoffOf(f.format) * size) / Math.max(n, 1);
  let sweeps = 0;
  let rotated = true;
  while (sweeps < most && rotated) {
    sweeps++;
    rotated = false;
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) {
        if (!(Math.abs(work.at(p, q)) > tolerance)) continue;
        eliminate(work, v, p, q);
        rotated = true;
      }
  }
  const all = Array.from({ length: n }, (_, i) => i);
  const order = [...all].sort((i, j) => work.at(i, i) - work.at(j, j));
  const values = f.array(Float64Array.from(order, (i) => work.at(i, i)));
  const vectors = permuted(v, all, order);
  return Object.freeze({
    ...{ values, vectors, sweeps, converged: !rotated },
    get backwardError(): number {
      const exact = arithmetic('binary64');
      const scaled = exact.array(vectors).mul(exact.array(values));
      const rest = infinityNorm(productMinus(matrix, vectors, scaled), n);
      return rest === 0 ? 0 : rest / infinityNorm(numbersOf(matrix), n);
    },
  });
}

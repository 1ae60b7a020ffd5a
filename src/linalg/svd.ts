/**
 * Singular values and vectors by one-sided Jacobi rotations (Hestenes): columns of A are rotated in pairs until they are orthogonal to each
 * other, every operation rounded in the arithmetic. Which pairs are rotated, and when it ends, is decided on inner products of the arithmetic,
 * compared in binary64. Squares of lengths are not scaled: they overflow as the format does.
 *
 * Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., 2013, section 8.6.3.
 */
import { arithmetic, type ShapedArray } from '../arrays/index.ts';
import { checkFields, integerInRange } from '../check.ts';
import { infinityNorm, productMinus } from './measures.ts';
import { checkMatrix, numbersOf, permuted } from './operands.ts';
import { rotate, rotationOf, unitRoundoffOf } from './rotations.ts';

export interface JacobiOptions {
  /** Sweeps over all pairs at most. Default 30. */
  readonly sweeps?: number;
}

/** A = U diag(values) V^T, with as many values as the smaller extent of A. */
export interface SingularValues {
  readonly U: ShapedArray;
  /** Descending. */
  readonly values: ShapedArray;
  readonly V: ShapedArray;
  readonly sweeps: number;
  /** Whether a sweep rotated nothing any more. */
  readonly converged: boolean;
  /** |U diag(values) V^T - A| / |A| in the infinity norm. */
  readonly backwardError: number;
}

/** One sweep; whether it rotated anything. */
function sweep(work: ShapedArray, v: ShapedArray, tolerance: number): boolean {
  const [, n] = work.shape as [number, number];
  let rotated = false;
  for (let p = 0; p < n - 1; p++)
    for (let q = p + 1; q < n; q++) {
      const [x, y] = [work.slice(null, p), work.slice(null, q)];
      const [xx, yy, xy] = [x.dot(x), y.dot(y), x.dot(y)];
      if (xy === 0 || !(Math.abs(xy) > tolerance * Math.sqrt(xx) * Math.sqrt(yy))) continue;
      const rotation = rotationOf(work.arithmetic, xx, yy, xy);
      if (rotation.sine === 0) continue;
      rotate(x, y, rotation);
      rotate(v.slice(null, p), v.slice(null, q), rotation);
      rotated = true;
    }
  return rotated;
}

/**
 * The singular value decomposition of a matrix in its arithmetic. What has not converged after all sweeps says so.
 *
 * @throws ArgumentError
 *
 * @example
 * svd(arithmetic('binary16').array([[3, 0], [0, -4]])).values.toArray() // [4, 3]
 */
export function svd(a: ShapedArray, options?: JacobiOptions): SingularValues {
  const matrix = checkMatrix('a', a);
  const given = checkFields<JacobiOptions>('', options, ['sweeps']);
  const most = integerInRange('sweeps', given.sweeps, 1, 1000, 30);
  const [m, n] = matrix.shape as [number, number];
  const isWide = m < n;
  const work = (isWide ? matrix.T : matrix).copy();
  const f = matrix.arithmetic;
  const count = Math.min(m, n);
  const v = f.identity(count);
  const tolerance = Math.max(m, n) * unitRoundoffOf(f.format);
  let sweeps = 0;
  let converged = false;
  while (sweeps < most && !converged) {
    sweeps++;
    converged = !sweep(work, v, tolerance);
  }
  const lengths = work.norm(0);
  const order = Array.from({ length: count }, (_, i) => i).sort((i, j) => lengths.at(j) - lengths.at(i));
  const rows = Array.from({ length: work.shape[0]! }, (_, i) => i);
  const u = permuted(work, rows, order);
  const values = permuted(lengths.reshape(-1, 1), order).reshape(-1);
  for (let k = 0; k < count; k++) {
    const column = u.slice(null, k);
    // A column of zeros has no direction.
    if (values.at(k) !== 0) column.div(values.at(k), { out: column });
  }
  const other = permuted(
    v,
    Array.from({ length: count }, (_, i) => i),
    order,
  );
  const [U, V] = isWide ? [other, u] : [u, other];
  return Object.freeze({
    ...{ U, values, V, sweeps, converged },
    get backwardError(): number {
      const exact = arithmetic('binary64');
      const scaled = exact.array(U).mul(exact.array(values));
      const norm = infinityNorm(numbersOf(matrix), n);
      const rest = infinityNorm(productMinus(scaled, V.T, matrix), n);
      return rest === 0 ? 0 : rest / norm;
    },
  });
}

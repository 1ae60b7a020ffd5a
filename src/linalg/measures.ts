/**
 * Measures of results, computed in binary64 from the numbers as they are, not in the arithmetic that is judged: they say what an algorithm
 * has done and take no part in it.
 *
 * Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, chapters 7 and 9.
 */
import type { ShapedArray } from '../arrays/index.ts';
import { largest, numbersOf } from './operands.ts';

/** The largest sum of magnitudes of a row. */
export function infinityNorm(a: ArrayLike<number>, columns: number): number {
  let most = 0;
  for (let i = 0; i < a.length; i += columns) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += Math.abs(a[i + j]!);
    most = Math.max(most, sum);
  }
  return most;
}

/** a b - c in binary64, for matrices by rows. */
export function productMinus(a: ShapedArray, b: ShapedArray, c: ShapedArray): Float64Array {
  const [x, y, result] = [numbersOf(a), numbersOf(b), numbersOf(c).map((value) => -value)];
  const [m, k] = a.shape as [number, number];
  const n = b.size / Math.max(k, 1);
  for (let i = 0; i < m; i++)
    for (let l = 0; l < k; l++) {
      const factor = x[i * k + l]!;
      if (factor !== 0) for (let j = 0; j < n; j++) result[i * n + j]! += factor * y[l * n + j]!;
    }
  return result;
}

/** The infinity norm of a b - c over that of c: how well factors give their matrix back. 0 where c is 0 and met. */
export function factorError(a: ShapedArray, b: ShapedArray, c: ShapedArray): number {
  const columns = c.shape[1] ?? 1;
  const rest = infinityNorm(productMinus(a, b, c), columns);
  return rest === 0 ? 0 : rest / infinityNorm(numbersOf(c), columns);
}

/** The normwise backward error of a solution (Rigal and Gaches): |b - A x| / (|A| |x| + |b|), the largest over the columns. */
export function solutionError(a: ShapedArray, x: ShapedArray, b: ShapedArray): number {
  const rest = productMinus(a, x, b);
  const normA = infinityNorm(numbersOf(a), a.shape[1]!);
  const columns = x.shape[1] ?? 1;
  const [solution, right] = [numbersOf(x), numbersOf(b)];
  let most = 0;
  for (let j = 0; j < columns; j++) {
    const of = (values: Float64Array): number => largest(values.filter((_, i) => i % columns === j));
    const residual = of(rest);
    if (residual !== 0) most = Math.max(most, residual / (normA * of(solution) + of(right)));
  }
  return most;
}

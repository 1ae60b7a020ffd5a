/** Solutions, inverses, determinants, norms and condition numbers, by LU factors with partial pivoting. */
import type { ShapedArray } from '../arrays/index.ts';
import { oneOf } from '../check.ts';
import { type LuFactors, lu } from './lu.ts';
import { infinityNorm, solutionError } from './measures.ts';
import { checkMatrix, checkRightHandSide, checkSquare, largest, numbersOf } from './operands.ts';
import { svd } from './svd.ts';

export interface Solution {
  readonly x: ShapedArray;
  readonly factors: LuFactors;
  /** Normwise, in the infinity norm: |b - A x| / (|A| |x| + |b|), of several right-hand sides the largest. */
  readonly backwardError: number;
}

/**
 * Solves A X = B in the arithmetic of A. A singular matrix gives infinities or NaN, and `factors.isSingular`.
 *
 * @throws ArgumentError
 *
 * @example
 * solve(arithmetic('binary16').array([[2, 1], [1, 3]]), [3, 4]).x.toArray() // [1, 1]
 */
export function solve(a: ShapedArray, b: unknown): Solution {
  const matrix = checkSquare('a', a);
  const right = checkRightHandSide('b', b, matrix);
  const factors = lu(matrix);
  const x = factors.solve(right);
  return Object.freeze({
    ...{ x, factors },
    get backwardError(): number {
      return solutionError(matrix, x, right);
    },
  });
}

/** The inverse: the solutions for the columns of the identity. Throws ArgumentError. */
export function inverse(a: ShapedArray): ShapedArray {
  const matrix = checkSquare('a', a);
  return lu(matrix).solve(matrix.arithmetic.identity(matrix.shape[0]!));
}

/** The determinant: the product of the pivots, one after the other, with the sign of the permutation. Throws ArgumentError. */
export function det(a: ShapedArray): number {
  const { U, sign } = lu(checkSquare('a', a));
  const f = U.arithmetic;
  const pivots = Float64Array.from({ length: U.shape[0]! }, (_, i) => U.at(i, i));
  const product = f.prod(pivots);
  return sign < 0 ? f.neg(product) : product;
}

export type NormName = 1 | 2 | 'infinity' | 'frobenius';
const norms = [1, 2, 'infinity', 'frobenius'] as const;

/**
 * A norm of a matrix or a vector, in its arithmetic: the largest sum of magnitudes of a column (1) or a row ('infinity'), or the root of
 * the sum of squares ('frobenius'; of a vector 2 too). The 2-norm of a matrix is its largest singular value: see `svd`.
 *
 * @throws ArgumentError
 */
export function norm(a: ShapedArray, which: NormName = 'frobenius'): number {
  const name = oneOf('which', which, norms);
  const isVector = a.shape.length === 1;
  const matrix = isVector ? a.reshape(-1, 1) : checkMatrix('a', a);
  if (name === 'frobenius' || (name === 2 && isVector)) return matrix.norm();
  if (matrix.size === 0) return 0;
  if (name === 2) return svd(matrix).values.at(0);
  return matrix
    .abs()
    .sum(name === 1 ? 0 : 1)
    .max();
}

/**
 * An estimate of the condition number |A| |A^-1| in the 1-norm, from below and mostly close: the factors are solved with a few right-hand
 * sides, in the arithmetic; norms are measured in binary64. Infinity for a singular matrix,
 * NaN where an element is NaN.
 *
 * Source: N. J. Higham, FORTRAN codes for estimating the one-norm of a real or complex matrix, ACM Trans. Math. Softw. 14, 1988.
 *
 * @throws ArgumentError
 */
export function conditionEstimate(a: ShapedArray): number {
  const matrix = checkSquare('a', a);
  const [n] = matrix.shape as [number];
  if (n === 0) return 0;
  if (numbersOf(matrix).some(Number.isNaN)) return NaN;
  const factors = lu(matrix);
  if (factors.isSingular) return Infinity;
  const f = matrix.arithmetic;
  const sumOf = (x: ArrayLike<number>): number =>
    Array.from(x).reduce((sum, value) => sum + Math.abs(value), 0);
  let x = f.array(1 / n, [n]);
  let scale = sumOf(x.toTypedArray());
  let estimate = 0;
  let last = -1;
  for (let step = 0; step < 5; step++) {
    const y = factors.solve(x).toTypedArray();
    estimate = Math.max(estimate, sumOf(y) / scale);
    const signs = f.array(Float64Array.from(y, (value) => (value < 0 ? -1 : 1)));
    const z = factors.solve(signs, { transpose: true }).toTypedArray();
    const place = z.findIndex((value) => Math.abs(value) === largest(z));
    if (place < 0 || place === last) break;
    last = place;
    x = f.array(0, [n]).set(place, 1);
    scale = 1;
  }
  return estimate * infinityNorm(numbersOf(matrix.T), n);
}

/**
 * QR factors by Householder reflections or by the modified Gram-Schmidt process, every operation rounded in the arithmetic. Inner products
 * are sequential; a column meets the reflections (projections) one after the other.
 *
 * Source: G. H. Golub and C. F. Van Loan, Matrix Computations, 4th ed., 2013, sections 5.1 and 5.2.
 */
import type { Arithmetic, ShapedArray } from '../arrays/index.ts';
import { checkFields, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { Eliminator, MatrixPart, PlacedMatrix } from '../kernels/eliminations.ts';
import { withEliminator } from './eliminator.ts';
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

/** A matrix whose columns lose what they have along vectors. */
interface Columns {
  /** A copy of a column from a row on. */
  column(row: number, column: number): ShapedArray;
  /** fl(a - fl(v fl(scale fl(v^T a)))) for a part of it, from this row and column on; without a scale fl(a - fl(v fl(v^T a))). Gives the factors of v. */
  subtract(row: number, column: number, v: ShapedArray, scale?: number): ShapedArray;
  /** x / length, in one column. */
  divide(column: number, length: number): void;
  matrix(): ShapedArray;
}

/** By operations on arrays. */
function columnsOfArray(a: ShapedArray): Columns {
  return {
    column: (row, column) => a.slice([row], column).copy(),
    subtract(row, column, v, scale): ShapedArray {
      const part = a.slice([row], [column]);
      const sums = v.matmul(part);
      const factors = scale === undefined ? sums : sums.mul(scale);
      part.sub(v.reshape(-1, 1).mul(factors), { out: part });
      return factors;
    },
    divide(column, length): void {
      const part = a.slice(null, column);
      part.div(length, { out: part });
    },
    matrix: () => a,
  };
}

/** By the kernels. `a` is in order. */
function columnsOnKernels({ place, subtractProduct, divide }: Eliminator, a: ShapedArray): Columns {
  const [m, n] = a.shape as [number, number];
  const f = a.arithmetic as Arithmetic;
  const [matrix, vector, negated] = [place(a.data), place(a.data.slice(0, m)), place(a.data.slice(0, m))];
  const row = place(a.data.slice(0, n));
  const list = (matrix: PlacedMatrix, stride: number): MatrixPart => ({ matrix, at: 0, stride });
  return {
    column(first, column): ShapedArray {
      const data = a.data.slice(0, m - first);
      const elements = matrix.elements();
      for (let i = first; i < m; i++) data[i - first] = elements[i * n + column]!;
      return f.array(data);
    },
    subtract(first, column, v, scale): ShapedArray {
      const [rows, columns] = [m - first, n - column];
      const part: MatrixPart = { matrix, at: first * n + column, stride: n };
      vector.elements().set(v.data);
      negated.elements().set(v.data.map((x) => -x));
      row.elements().fill(0);
      // Sums begin with +0, as those of products do.
      subtractProduct(list(row, n), list(negated, m), part, 1, columns, rows);
      const data = a.data.slice(0, columns);
      data.set(row.elements().subarray(0, columns));
      const factors = scale === undefined ? f.array(data) : f.array(data).mul(scale);
      row.elements().set(factors.data);
      subtractProduct(part, list(vector, 1), list(row, n), rows, columns, 1);
      return factors;
    },
    divide: (column, length) => divide({ matrix, at: column, stride: n }, m, 1, length),
    matrix(): ShapedArray {
      a.data.set(matrix.elements());
      return a;
    },
  };
}

type MakeColumns = (a: ShapedArray) => Columns;

/** The unit matrix of the shape of another. */
function identityLike(a: ShapedArray): ShapedArray {
  const Q = a.copy().assign(0);
  for (let i = 0; i < a.shape[1]!; i++) Q.set(i, i, 1);
  return Q;
}

function householder(a: ShapedArray, make: MakeColumns): { Q: ShapedArray; R: ShapedArray } {
  const [, n] = a.shape as [number, number];
  const work = make(a.copy());
  const reflections: { v: ShapedArray; beta: number }[] = [];
  for (let k = 0; k < n; k++) {
    const made = reflection(work.column(k, k));
    reflections.push(made);
    if (made.beta !== 0) work.subtract(k, k, made.v, made.beta);
  }
  const R = work.matrix().slice([0, n]).copy();
  // What a reflection makes zero is zero.
  for (let i = 1; i < n; i++) R.data.fill(0, i * n, i * n + i);
  const columns = make(identityLike(a));
  for (let k = n - 1; k >= 0; k--) {
    const { v, beta } = reflections[k]!;
    if (beta !== 0) columns.subtract(k, k, v, beta);
  }
  return { Q: columns.matrix(), R };
}

function gramSchmidt(a: ShapedArray, make: MakeColumns): { Q: ShapedArray; R: ShapedArray } {
  const [, n] = a.shape as [number, number];
  const R = a.slice([0, n]).copy().assign(0);
  const columns = make(a.copy());
  for (let k = 0; k < n; k++) {
    const length = a.arithmetic.norm(columns.column(0, k).toTypedArray());
    R.data[k * n + k] = length;
    columns.divide(k, length);
    if (k + 1 < n) R.slice(k, [k + 1]).assign(columns.subtract(0, k + 1, columns.column(0, k)));
  }
  return { Q: columns.matrix(), R };
}

function factorColumns(a: ShapedArray, by: typeof householder): { Q: ShapedArray; R: ShapedArray } {
  let factors: ReturnType<typeof householder> | undefined;
  withEliminator(a.arithmetic, (eliminator) => {
    factors = by(a, (matrix) => columnsOnKernels(eliminator, matrix));
  });
  return factors ?? by(a, columnsOfArray);
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
  const { Q, R } = factorColumns(matrix, method === 'householder' ? householder : gramSchmidt);
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
      substitute(upper, reversed(x, false), false);
      return shapeOf(x);
    },
  });
}

/** What the functions of linear algebra are given, and the small steps that they share. */
import { isShaped, type ShapedArray } from '../arrays/index.ts';
import { refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';

/** A matrix. Throws ArgumentError. */
export function checkMatrix(name: string, given: unknown): ShapedArray {
  const a = given as ShapedArray;
  if (a?.arithmetic !== undefined && a.shape?.length === 2) return a;
  throw new ArgumentError(
    name,
    given,
    'a shaped array that is a matrix: arithmetic(format).array([[1, 2], [3, 4]])',
  );
}

/** A square matrix. Throws ArgumentError. */
export function checkSquare(name: string, given: unknown): ShapedArray {
  const a = checkMatrix(name, given);
  if (a.shape[0] === a.shape[1]) return a;
  throw new ArgumentError(name, `shape [${a.shape.join(', ')}]`, 'a square matrix');
}

/** A right-hand side, rounded as `array` rounds: a vector or a matrix of as many rows as a. Throws ArgumentError. */
export function checkRightHandSide(name: string, given: unknown, a: ShapedArray): ShapedArray {
  const f = a.arithmetic;
  const isIn = isShaped(given) && given.format === f.format;
  const b = isIn
    ? given
    : refusedAs(
        () => f.array(given as ShapedArray),
        ({ argument }) => argument.replace('values', name),
      );
  const [rows] = a.shape;
  if ((b.shape.length === 1 || b.shape.length === 2) && b.shape[0] === rows) return b;
  throw new ArgumentError(
    name,
    `shape [${b.shape.join(', ')}]`,
    `a vector of ${rows} elements, or a matrix of as many rows`,
  );
}

/** The right-hand side as a matrix in memory of its own, and what gives the solution its shape again. */
export function columnsOf(b: ShapedArray): { readonly x: ShapedArray; shapeOf(x: ShapedArray): ShapedArray } {
  const isVector = b.shape.length === 1;
  const x = b.copy();
  return {
    x: isVector ? x.reshape(-1, 1) : x,
    shapeOf: (solution) => (isVector ? solution.reshape(-1) : solution),
  };
}

/** The elements as binary64 numbers, by rows: measures of error are computed on them. */
export function numbersOf(a: ShapedArray): Float64Array {
  return Float64Array.from(a.toTypedArray());
}

/** The largest magnitude; NaN if an element is. */
export function largest(x: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i]!));
  return most;
}

/** The matrix in memory of its own, its rows (and columns) in the order of lists. */
export function permuted(a: ShapedArray, rows: readonly number[], columns?: readonly number[]): ShapedArray {
  const result = a.copy();
  rows.forEach((from, to) => {
    result.slice(to).assign(a.slice(from));
  });
  if (columns === undefined) return result;
  const turned = result.copy();
  columns.forEach((from, to) => {
    turned.slice(null, to).assign(result.slice(null, from));
  });
  return turned;
}

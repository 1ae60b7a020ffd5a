/** Shapes of matrix products as users write them: what is accepted, and the checks. */

import { type HalfArray, isFloat32Array, type Numbers, type RealArray } from '../../array-kinds.ts';
import { checkBoolean, checkFields, checkObject, integerInRange } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { MatrixShape } from '../../products/shape.ts';

/** a b + c with a of (m, k), b of (k, n), c and the result of (m, n), all row-major; an array of one matrix serves a whole batch. */
export interface MatmulShape<A extends RealArray | HalfArray = RealArray | HalfArray> extends MatrixShape {
  /** The addend: values of the arithmetic's format. Default +0. */
  readonly c?: A | Numbers;
  /** Where the result goes; may be an operand. Default: a new array. */
  readonly out?: A;
}

/** a x + c with a of (m, k), x of k, c and the result of m. */
export interface MatvecShape<A extends RealArray | HalfArray = RealArray | HalfArray> {
  readonly m: number;
  readonly k: number;
  /** a is stored as (k, m). Default false. */
  readonly transpose?: boolean;
  /** The addend: values of the arithmetic's format. Default +0. */
  readonly c?: A | Numbers;
  /** Where the result goes; may be an operand. Default: a new array. */
  readonly out?: A;
}

const matmulNames: readonly (keyof MatmulShape)[] = [
  ...(['m', 'k', 'n', 'transposeA', 'transposeB', 'batch', 'c', 'out'] as const),
];
const matvecNames: readonly (keyof MatvecShape)[] = ['m', 'k', 'transpose', 'c', 'out'];

function extent(name: string, given: unknown, fallback?: number): number {
  return integerInRange(name, given, 0, 2 ** 32 - 1, fallback);
}

/** Fills in the defaults of a shape. Throws ArgumentError. */
export function resolveShape(shape: MatmulShape): Required<MatrixShape> {
  checkObject('shape', shape, `an object with ${matmulNames.join(', ')}`);
  const { m, k, n, transposeA, transposeB, batch } = checkFields('', shape, matmulNames, 'shape');
  return {
    m: extent('m', m),
    k: extent('k', k),
    n: extent('n', n),
    transposeA: checkBoolean('transposeA', transposeA, false),
    transposeB: checkBoolean('transposeB', transposeB, false),
    batch: extent('batch', batch, 1),
  };
}

/** The shape of the product of matrices that is one of a matrix and a vector. Throws ArgumentError. */
export function matvecShape<A extends RealArray | HalfArray>(shape: MatvecShape<A>): MatmulShape<A> {
  checkObject('shape', shape, `an object with ${matvecNames.join(', ')}`);
  const { m, k, transpose, c, out } = checkFields('', shape, matvecNames, 'shape');
  return {
    m: m!,
    k: k!,
    n: 1,
    transposeA: checkBoolean('transpose', transpose, false),
    ...(c !== undefined && { c }),
    ...(out !== undefined && { out }),
  };
}

/**
 * Checks that an array holds `batch` matrices of so many elements, or one for all, and is of the kind of another.
 *
 * @returns Elements from one matrix to the next: 0 if one serves them all.
 * @throws ArgumentError
 */
export function checkMatrix(
  name: string,
  x: RealArray,
  elements: number,
  batch: number,
  like: RealArray = x,
): number {
  const whole = elements * batch;
  const kind = isFloat32Array(like) ? 'Float32Array' : 'Float64Array';
  if (isFloat32Array(x) !== isFloat32Array(like))
    throw new ArgumentError(name, x, `a ${kind}, as the first operand`);
  if (x.length === whole) return elements;
  if (batch > 1 && x.length === elements) return 0;
  const shared = batch > 1 ? `, or ${elements} for all` : '';
  throw new ArgumentError(name, x, `a ${kind} of length ${whole}${shared}`);
}

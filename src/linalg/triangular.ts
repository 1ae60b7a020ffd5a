/**
 * Triangular systems by substitution: x_i = fl(s_i / t_ii), where s_i starts as b_i and s_i = fl(s_i + fl((-t_ij) x_j)) for the unknowns x_j in
 * the order in which they are found. Blocks of them are products: each element meets its terms in the same order.
 */
import { type Arithmetic, type ShapedArray, shaped } from '../arrays/index.ts';
import { checkBoolean, checkFields } from '../check.ts';
import { withEliminator } from './eliminator.ts';
import { checkRightHandSide, checkSquare, columnsOf } from './operands.ts';

export interface TriangularOptions {
  /** Whether the triangle is the lower one; what lies beyond it is not read. Default false. */
  readonly lower?: boolean;
  /** Whether the diagonal counts as ones and is not read. Default false. */
  readonly unitDiagonal?: boolean;
  /** Whether the transpose of the triangle is meant. Default false. */
  readonly transpose?: boolean;
}

/** Rows that are solved one by one; above, halves are. */
const fewRows = 16;

/** The matrix with the order of its rows and columns reversed: an upper triangle becomes a lower one. */
export function reversed(t: ShapedArray, columnsToo: boolean): ShapedArray {
  return columnsToo ? t.slice([null, null, -1], [null, null, -1]) : t.slice([null, null, -1]);
}

/** Solves L X = B in place. */
export function substitute(l: ShapedArray, x: ShapedArray, unitDiagonal: boolean): void {
  const [n, columns] = x.shape as [number, number];
  const isDone = withEliminator(x.arithmetic, ({ place, subtractProduct, divide }) => {
    const [triangle, solution] = [place(l.toTypedArray()), place(x.toTypedArray())];
    const whole = { matrix: solution, at: 0, stride: columns };
    for (let i = 0; i < n; i++) {
      const row = { ...whole, at: i * columns };
      subtractProduct(row, { matrix: triangle, at: i * n, stride: n }, whole, 1, columns, i);
      if (!unitDiagonal) divide(row, 1, columns, triangle.elements()[i * n + i]!);
    }
    const data = x.toTypedArray();
    data.set(solution.elements());
    x.assign(
      shaped(x.arithmetic as Arithmetic, { data, shape: [n, columns], stride: [columns, 1], offset: 0 }),
    );
  });
  if (!isDone) substituteHalves(l, l.neg(), x, unitDiagonal);
}

/** By products of halves. `negated`: -L, which the updates multiply by. */
function substituteHalves(l: ShapedArray, negated: ShapedArray, x: ShapedArray, unitDiagonal: boolean): void {
  const [n] = l.shape as [number];
  if (n <= fewRows) {
    for (let i = 0; i < n; i++) {
      const row = x.slice([i, i + 1]);
      if (i > 0) negated.slice([i, i + 1], [0, i]).matmul(x.slice([0, i]), { c: row, out: row });
      if (!unitDiagonal) row.div(l.at(i, i), { out: row });
    }
    return;
  }
  const half = Math.ceil(n / 2);
  const part = (a: ShapedArray, from: number, to: number): ShapedArray => a.slice([from, to], [from, to]);
  const [top, bottom] = [x.slice([0, half]), x.slice([half])];
  substituteHalves(part(l, 0, half), part(negated, 0, half), top, unitDiagonal);
  negated.slice([half], [0, half]).matmul(top, { c: bottom, out: bottom });
  substituteHalves(part(l, half, n), part(negated, half, n), bottom, unitDiagonal);
}

/**
 * Solves T X = B for a triangular matrix, by substitution in its arithmetic. A zero on the diagonal divides: the solution has infinities or
 * NaN, as the arithmetic has it.
 *
 * @param b A vector, or a matrix of right-hand sides.
 * @throws ArgumentError
 *
 * @example
 * triangularSolve(arithmetic('binary16').array([[2, 1], [0, 4]]), [4, 8]).toArray() // [1, 2]
 */
export function triangularSolve(t: ShapedArray, b: unknown, options?: TriangularOptions): ShapedArray {
  const matrix = checkSquare('t', t);
  const given = checkFields<TriangularOptions>('', options, ['lower', 'unitDiagonal', 'transpose']);
  const isLower = checkBoolean('lower', given.lower, false);
  const unit = checkBoolean('unitDiagonal', given.unitDiagonal, false);
  const transposes = checkBoolean('transpose', given.transpose, false);
  const { x, shapeOf } = columnsOf(checkRightHandSide('b', b, matrix));
  const whole = transposes ? matrix.T : matrix;
  const isForward = isLower !== transposes;
  const l = isForward ? whole : reversed(whole, true);
  substitute(l, isForward ? x : reversed(x, false), unit);
  return shapeOf(x);
}

/**
 * Iterative refinement in up to three precisions: factors in one, the solution in another, residuals and substitutions in a third. A correction
 * solves A d = r by the factors alone, or by GMRES that they precondition.
 *
 * Source: E. Carson and N. J. Higham, Accelerating the solution of linear systems by iterative refinement in three precisions,
 * SIAM J. Sci. Comput. 40, 2018; scaling into a narrow range: Higham, Pranesh and Zounon, SIAM J. Sci. Comput. 41, 2019.
 */

import { type Arithmetic, arithmetic, type ShapedArray } from '../arrays/index.ts';
import { checkRank } from '../arrays/layout.ts';
import { checkFields, integerInRange, numberInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { gmres } from './krylov.ts';
import { type LuFactors, lu, solveTriangles, type Triangles } from './lu.ts';
import { solutionError } from './measures.ts';
import { checkRightHandSide, checkSquare, largest, numbersOf } from './operands.ts';
import { unitRoundoffOf } from './rotations.ts';

export interface RefineOptions {
  /** What the matrix is factored in, scaled by a power of two to a tenth of the range. Default: that of the matrix. */
  readonly factor?: Arithmetic;
  /** What the solution is held and corrected in. Default: that of the matrix. */
  readonly working?: Arithmetic;
  /** What residuals, substitutions and GMRES are computed in. Default binary64. */
  readonly residual?: Arithmetic;
  /** How a correction is found. Default `'factors'`. */
  readonly method?: 'factors' | 'gmres';
  /** The backward error at which it ends. Default the unit roundoff of the working format. */
  readonly tolerance?: number;
  /** Corrections at most. Default 30. */
  readonly steps?: number;
  /** What GMRES reduces its residual to. Default 1e-4. */
  readonly innerTolerance?: number;
}

export interface Refinement {
  readonly x: ShapedArray;
  /** Corrections. */
  readonly steps: number;
  /** Steps of GMRES, all together. */
  readonly innerSteps: number;
  readonly converged: boolean;
  /** Normwise backward error before each correction, and after the last. */
  readonly errors: readonly number[];
  readonly backwardError: number;
  readonly factors: LuFactors;
}

function checkArithmetic(name: string, given: unknown, fallback: Arithmetic): Arithmetic {
  if (given === undefined) return fallback;
  if (typeof given === 'object' && given !== null && 'array' in given) return given as Arithmetic;
  throw new ArgumentError(name, given, 'what arithmetic(format) gives');
}

/** The power of two that brings the largest element to at most a tenth of the format's range: room for growth. */
function scaleFor(a: ShapedArray, { format }: Arithmetic): number {
  const most = largest(a.toTypedArray());
  if (!(most > 0 && most < Infinity)) return 1;
  return 2 ** Math.floor(Math.log2((0.1 * Math.min(format.max, 2 ** 60)) / most));
}

/**
 * Solves A x = b by refinement. Ends when the backward error has come to the tolerance, when it is no number or beyond 10^6, or after all
 * corrections: `converged` says which.
 *
 * @throws ArgumentError
 *
 * @example
 * const A = arithmetic('binary32').array([[4, 1], [2, 3]]);
 * refine(A, [1, 2], { factor: arithmetic('e4m3fn') }).converged // true
 */
export function refine(a: ShapedArray, b: unknown, options?: RefineOptions): Refinement {
  const matrix = checkSquare('a', a);
  const right = checkRightHandSide('b', b, matrix);
  checkRank('b', right.shape, 1, 'a vector');
  const names: readonly (keyof RefineOptions)[] = [
    ...(['factor', 'working', 'residual', 'method', 'tolerance', 'steps', 'innerTolerance'] as const),
  ];
  const given = checkFields<RefineOptions>('', options, names);
  const factor = checkArithmetic('factor', given.factor, matrix.arithmetic);
  const working = checkArithmetic('working', given.working, matrix.arithmetic);
  const residual = checkArithmetic('residual', given.residual, arithmetic('binary64'));
  const method = oneOf('method', given.method, ['factors', 'gmres'], 'factors');
  const tolerance = numberInRange('tolerance', given.tolerance, { from: 0 }, unitRoundoffOf(working.format));
  const innerTolerance = numberInRange('innerTolerance', given.innerTolerance, { above: 0, below: 1 }, 1e-4);
  const most = integerInRange('steps', given.steps, 0, 1e6, 30);

  const scale = scaleFor(matrix, factor);
  const factors = lu(
    factor.array(
      Float64Array.from(numbersOf(matrix), (value) => value * scale),
      matrix.shape,
    ),
  );
  const { rows, columns } = factors;
  const lifted: Triangles = { L: residual.array(factors.L), U: residual.array(factors.U), rows, columns };
  const byFactors = (r: ShapedArray): ShapedArray =>
    solveTriangles(lifted, r, false).mul(residual.array(scale));
  const [wide, target] = [residual.array(matrix), residual.array(right)];
  const negated = wide.neg();
  let x = working.array(byFactors(target));
  let innerSteps = 0;
  const errors = [solutionError(matrix, x, right)];
  const goesOn = (error: number): boolean => error > tolerance && error < 1e6;
  while (errors.length <= most && goesOn(errors.at(-1)!)) {
    const r = negated.matmul(residual.array(x), { c: target });
    let correction = byFactors;
    if (method === 'gmres')
      correction = (rest) => {
        const inner = gmres(wide, rest, { tolerance: innerTolerance, preconditioner: byFactors });
        innerSteps += inner.steps;
        return inner.x;
      };
    x = x.add(working.array(correction(r)));
    errors.push(solutionError(matrix, x, right));
  }
  const backwardError = errors.at(-1)!;
  return Object.freeze({
    ...{
      x,
      steps: errors.length - 1,
      innerSteps,
      converged: backwardError <= tolerance,
      backwardError,
      factors,
    },
    errors: Object.freeze(errors),
  });
}

/**
 * Iterations for linear systems, every operation rounded in the arithmetic of the right-hand side: GMRES with modified Gram-Schmidt and
 * Givens rotations, and conjugate gradients. When they end is decided on residuals of the recurrences, compared in binary64.
 *
 * Sources: Y. Saad and M. H. Schultz, SIAM J. Sci. Stat. Comput. 7, 1986; M. R. Hestenes and E. Stiefel, J. Res. Nat. Bur. Standards 49, 1952.
 */

import { type Arithmetic, isShaped, type ShapedArray } from '../arrays/index.ts';
import { checkRank } from '../arrays/layout.ts';
import { checkFields, checkFunction, integerInRange, numberInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { solutionError } from './measures.ts';
import { checkRightHandSide, checkSquare } from './operands.ts';
import { unitRoundoffOf } from './rotations.ts';

/** A matrix, or what a matrix does to a vector. */
export type Operator = ShapedArray | ((x: ShapedArray) => ShapedArray);

export interface IterationOptions {
  /** The residual, relative to the first one, at which the iteration ends. Default the unit roundoff of the format. */
  readonly tolerance?: number;
  /** Steps at most. Default the number of unknowns. */
  readonly steps?: number;
  /** What approximates the inverse of the matrix. Default nothing. */
  readonly preconditioner?: (x: ShapedArray) => ShapedArray;
  /** Called with the solution after each step of conjugate gradients. */
  readonly onStep?: (x: ShapedArray, step: number) => void;
}

export interface Iteration {
  readonly x: ShapedArray;
  readonly steps: number;
  /** Norms of the residuals as the recurrence has them (of preconditioned ones in GMRES), the first included. */
  readonly residuals: readonly number[];
  /** `'converged'`; `'steps'`: there were not enough; `'breakdown'`: a divisor was zero or a number was not finite. */
  readonly ending: 'converged' | 'steps' | 'breakdown';
  /** Normwise, in the infinity norm; undefined where the matrix is a function. */
  readonly backwardError: number | undefined;
}

interface Problem {
  readonly f: Arithmetic;
  readonly b: ShapedArray;
  readonly matrix: ShapedArray | undefined;
  readonly tolerance: number;
  readonly steps: number;
  readonly onStep: ((x: ShapedArray, step: number) => void) | undefined;
  apply(x: ShapedArray): ShapedArray;
  precondition(x: ShapedArray): ShapedArray;
}

function readProblem(a: Operator, b: unknown, options: IterationOptions | undefined): Problem {
  const names: readonly (keyof IterationOptions)[] = ['tolerance', 'steps', 'preconditioner', 'onStep'];
  const given = checkFields<IterationOptions>('', options, names);
  const matrix = typeof a === 'function' ? undefined : checkSquare('a', a);
  if (matrix === undefined && !isShaped(b))
    throw new ArgumentError('b', b, 'a shaped array where the matrix is a function');
  const right = matrix === undefined ? (b as ShapedArray) : checkRightHandSide('b', b, matrix);
  checkRank('b', right.shape, 1, 'a vector');
  for (const name of ['preconditioner', 'onStep'] as const)
    if (given[name] !== undefined) checkFunction(name, given[name]);
  const f = right.arithmetic;
  return {
    ...{ f, b: right, matrix, onStep: given.onStep },
    tolerance: numberInRange('tolerance', given.tolerance, { from: 0 }, unitRoundoffOf(f.format)),
    steps: integerInRange('steps', given.steps, 0, Number.MAX_SAFE_INTEGER, right.size),
    apply: typeof a === 'function' ? a : (x) => a.matmul(x),
    precondition: given.preconditioner ?? ((x) => x),
  };
}

function outcome(
  { matrix, b }: Problem,
  x: ShapedArray,
  residuals: readonly number[],
  ending: Iteration['ending'],
): Iteration {
  return Object.freeze({
    ...{ x, ending, steps: residuals.length - 1, residuals: Object.freeze(residuals) },
    get backwardError(): number | undefined {
      return matrix && solutionError(matrix, x, b);
    },
  });
}

/**
 * Conjugate gradients from x = 0 for a symmetric positive definite matrix.
 *
 * @throws ArgumentError
 */
export function conjugateGradients(a: Operator, b: unknown, options?: IterationOptions): Iteration {
  const problem = readProblem(a, b, options);
  const { f, tolerance, steps, apply, precondition, onStep } = problem;
  let x = f.array(0, [problem.b.size]);
  let r = problem.b;
  let z = precondition(r);
  let p = z;
  let rho = r.dot(z);
  const residuals = [f.norm(r.toTypedArray())];
  for (let step = 1; step <= steps; step++) {
    if (residuals.at(-1)! <= tolerance * residuals[0]!) return outcome(problem, x, residuals, 'converged');
    const q = apply(p);
    const alpha = f.div(rho, p.dot(q));
    if (!Number.isFinite(alpha)) return outcome(problem, x, residuals, 'breakdown');
    x = x.add(p.mul(alpha));
    r = r.sub(q.mul(alpha));
    residuals.push(f.norm(r.toTypedArray()));
    onStep?.(x, step);
    z = precondition(r);
    const next = r.dot(z);
    const beta = f.div(next, rho);
    if (!Number.isFinite(beta)) {
      const ending = residuals.at(-1)! <= tolerance * residuals[0]! ? 'converged' : 'breakdown';
      return outcome(problem, x, residuals, ending);
    }
    p = z.add(p.mul(beta));
    rho = next;
  }
  const isDone = residuals.at(-1)! <= tolerance * residuals[0]!;
  return outcome(problem, x, residuals, isDone ? 'converged' : 'steps');
}

/** The orthonormal basis so far, and the triangular factor of the Hessenberg matrix by columns. */
interface Arnoldi {
  readonly basis: ShapedArray[];
  readonly columns: number[][];
  readonly rotations: { cosine: number; sine: number }[];
  /** The right-hand side, rotated. */
  readonly g: number[];
}

/** One more vector of the basis. Returns the length of what was left of it. */
function extend(f: Arithmetic, w: ShapedArray, { basis, columns, rotations, g }: Arnoldi): number {
  let rest = w;
  const h = basis.map((v) => {
    const product = rest.dot(v);
    rest = rest.sub(v.mul(product));
    return product;
  });
  const length = f.norm(rest.toTypedArray());
  if (length > 0) basis.push(rest.div(length));
  h.push(length);
  rotations.forEach(({ cosine, sine }, i) => {
    const [x, y] = [h[i]!, h[i + 1]!];
    h[i] = f.add(f.mul(cosine, x), f.mul(sine, y));
    h[i + 1] = f.sub(f.mul(cosine, y), f.mul(sine, x));
  });
  const k = h.length - 2;
  const size = f.hypot(h[k]!, h[k + 1]!);
  const [cosine, sine] = [f.div(h[k]!, size), f.div(h[k + 1]!, size)];
  rotations.push({ cosine, sine });
  h[k] = size;
  h.pop();
  columns.push(h);
  g.push(f.neg(f.mul(sine, g[k]!)));
  g[k] = f.mul(cosine, g[k]!);
  return length;
}

/** The combination of basis vectors that solves the triangle. */
function combination(f: Arithmetic, n: number, { basis, columns, g }: Arnoldi): ShapedArray {
  const y = new Array<number>(columns.length).fill(0);
  for (let i = y.length - 1; i >= 0; i--) {
    let sum = g[i]!;
    for (let j = y.length - 1; j > i; j--) sum = f.sub(sum, f.mul(columns[j]![i]!, y[j]!));
    y[i] = f.div(sum, columns[i]![i]!);
  }
  return y.reduce((x, factor, j) => x.add(basis[j]!.mul(factor)), f.array(0, [n]));
}

/**
 * GMRES without restarts from x = 0, the preconditioner on the left.
 *
 * @throws ArgumentError
 */
export function gmres(a: Operator, b: unknown, options?: IterationOptions): Iteration {
  const problem = readProblem(a, b, options);
  const { f, tolerance, steps, apply, precondition } = problem;
  const { size } = problem.b;
  const r = precondition(problem.b);
  const beta = f.norm(r.toTypedArray());
  const residuals = [beta];
  if (beta === 0) return outcome(problem, f.array(0, [size]), residuals, 'converged');
  const arnoldi: Arnoldi = { basis: [r.div(beta)], columns: [], rotations: [], g: [beta] };
  let ending: Iteration['ending'] = 'steps';
  for (let k = 0; k < steps && ending === 'steps'; k++) {
    const length = extend(f, precondition(apply(arnoldi.basis[k]!)), arnoldi);
    const residual = Math.abs(arnoldi.g.at(-1)!);
    residuals.push(residual);
    if (residual <= tolerance * beta) ending = 'converged';
    else if (!(length > 0 && Number.isFinite(residual))) ending = 'breakdown';
  }
  return outcome(problem, combination(f, size, arnoldi), residuals, ending);
}

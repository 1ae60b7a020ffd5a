/**
 * Eigenvalues and eigenvectors of a symmetric matrix in a format: cyclic Jacobi rotations, each operation rounded once.
 * Source: Golub and Van Loan, Matrix Computations, section 8.5; the rotation in the form of Rutishauser, "The Jacobi Method for
 * Real Symmetric Matrices", Numerische Mathematik 9, 1966.
 *
 * mathjs computes these in binary64 whatever its numbers are.
 */
import type { Matrix } from 'mathjs';
import type { Arithmetic } from '../arithmetic/arithmetic.ts';
import { ArgumentError } from '../errors.ts';
import { ulp } from '../formats/neighbours.ts';
import { type AnyFunction, forCollections, type Signatures } from './factories.ts';
import type { Rounder } from './rounder.ts';

interface Eigen {
  /** By magnitude, ascending. */
  readonly values: readonly number[];
  /** The vector of each value. */
  readonly vectors: readonly (readonly number[])[];
}

/** Sweeps over all pairs. Some six suffice where rounding does not stir the small elements up again. */
const mostSweeps = 60;
/** After so many sweeps, what is below a unit of the largest element counts for 0. */
const strictSweeps = 12;

/** A rotation by an angle of at most 45 degrees: its tangent, sine, and sine over 1 + cosine. */
interface Rotation {
  readonly tangent: number;
  readonly sine: number;
  readonly half: number;
}

/** The rotation that makes the element x between the diagonal elements p and q zero. */
function rotationFor(
  p: number,
  q: number,
  x: number,
  arithmetic: Arithmetic,
  norm: Rounder['norm'],
): Rotation {
  const { add, sub, div, mul, neg, format } = arithmetic;
  const difference = sub(q, p);
  // Of twice the angle. Where 1 is nothing beside it, the tangent is half of its inverse, and no sum overflows.
  const cotangent = div(div(difference, x), 2);
  const isLarge = !(Math.abs(cotangent) * ulp(1, format) < 1);
  const size = isLarge ? div(x, difference) : div(1, add(Math.abs(cotangent), norm(1, cotangent)));
  const tangent = !Number.isFinite(difference) ? NaN : !isLarge && cotangent < 0 ? neg(size) : size;
  const cosine = div(1, norm(1, tangent));
  const sine = mul(tangent, cosine);
  return { tangent, sine, half: div(sine, add(1, cosine)) };
}

/** The diagonal, by magnitude, and the columns of the vectors that go with it. */
function ascending(a: readonly (readonly number[])[], vectors: readonly (readonly number[])[]): Eigen {
  const order = a.map((_, i) => i).sort((i, j) => Math.abs(a[i]![i]!) - Math.abs(a[j]![j]!));
  return { values: order.map((i) => a[i]![i]!), vectors: order.map((i) => vectors.map((row) => row[i]!)) };
}

/**
 * The eigenvalues and vectors of a symmetric matrix of numbers of the format; only its upper triangle is read. NaN throughout
 * where an element is not finite.
 *
 * @param precision Elements off the diagonal of at most this count for 0. Default: those that change neither diagonal element.
 * @throws Error where rounding keeps the elements off the diagonal from vanishing.
 */
function symmetricEigen(
  rows: readonly (readonly number[])[],
  arithmetic: Arithmetic,
  { norm }: Rounder,
  precision?: number,
): Eigen {
  const { format, add, sub, mul } = arithmetic;
  const n = rows.length;
  if (rows.flat().some((x) => !Number.isFinite(x)))
    return { values: new Array(n).fill(NaN), vectors: rows.map(() => new Array(n).fill(NaN)) };
  // Both triangles are kept, so that a row has all that a rotation needs.
  const a = rows.map((row, i) => row.map((x, j) => (j < i ? rows[j]![i]! : x)));
  const vectors = a.map((_, i) => a.map((__, j) => arithmetic.convert(i === j ? 1 : 0)));
  const unit = ulp(Math.max(...a.flat().map(Math.abs), 0), format);

  function isNegligible(p: number, q: number, sweep: number): boolean {
    const x = Math.abs(a[p]![q]!);
    if (precision !== undefined) return x <= precision;
    const beside = Math.min(Math.abs(a[p]![p]!), Math.abs(a[q]![q]!));
    return 2 * x < ulp(beside, format) || (sweep > strictSweeps && x <= unit);
  }

  /** Turns two elements of a row. */
  function turn(row: number[], p: number, q: number, { sine, half }: Rotation): void {
    const [x, y] = [row[p]!, row[q]!];
    row[p] = sub(x, mul(sine, add(y, mul(x, half))));
    row[q] = add(y, mul(sine, sub(x, mul(y, half))));
  }

  function rotate(p: number, q: number): void {
    const x = a[p]![q]!;
    const rotation = rotationFor(a[p]![p]!, a[q]![q]!, x, arithmetic, norm);
    const shift = mul(rotation.tangent, x);
    a[p]![p] = sub(a[p]![p]!, shift);
    a[q]![q] = add(a[q]![q]!, shift);
    for (let r = 0; r < n; r++) {
      if (r !== p && r !== q) {
        turn(a[r]!, p, q, rotation);
        a[p]![r] = a[r]![p]!;
        a[q]![r] = a[r]![q]!;
      }
      turn(vectors[r]!, p, q, rotation);
    }
    a[p]![q] = 0;
    a[q]![p] = 0;
  }

  for (let sweep = 1; ; sweep++) {
    let rotations = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (a[p]![q] === 0 || isNegligible(p, q, sweep)) continue;
        rotate(p, q);
        rotations++;
      }
    if (rotations === 0) break;
    if (sweep === mostSweeps) throw new Error(`eigs: the eigenvalues failed to converge in ${format.name}`);
  }
  return ascending(a, vectors);
}

interface EigsOptions {
  readonly precision?: number;
  readonly eigenvectors?: boolean;
}

/** The numbers of a square matrix of real numbers in the format, or undefined. */
function realRows(x: unknown, toNumber: (value: unknown) => number): number[][] | undefined {
  const isReal = (value: unknown): boolean =>
    typeof value === 'number' || (value as { isFraction?: boolean } | null)?.isFraction === true;
  const rows = (Array.isArray(x) ? x : (x as Matrix).toArray()) as unknown[][];
  const isSquare = rows.every((row) => Array.isArray(row) && row.length === rows.length && row.every(isReal));
  return isSquare ? rows.map((row) => row.map(toNumber)) : undefined;
}

interface Needs {
  readonly config: { readonly relTol: number };
  readonly matrix: (x: unknown) => Matrix;
  readonly number: (x: unknown) => number;
}

/** Symmetric matrices by rotations in the format, others by mathjs' own iteration, which draws their vectors at random. */
export function eigsSignatures(
  original: AnyFunction,
  needs: Needs,
  arithmetic: Arithmetic,
  rounder: Rounder,
): Signatures {
  const iterate = original as (x: unknown, options: EigsOptions) => object;
  const { config, matrix, number } = needs;

  function eigs(x: unknown, { precision: given, eigenvectors = true }: EigsOptions): object {
    const rows = realRows(x, (value) => rounder.operand(number(value)));
    const precision = given === undefined ? undefined : Number(given);
    if (rows === undefined)
      return iterate(x, { ...(precision !== undefined && { precision }), eigenvectors });
    const make = (list: readonly unknown[]): unknown => (Array.isArray(x) ? list : matrix(list));
    const largest = Math.max(...rows.flat().map(Math.abs), 0);
    const skew = rows.flatMap((row, i) =>
      row.map((value, j) => Math.abs(arithmetic.sub(value, rows[j]![i]!))),
    );
    const asymmetry = Math.max(...skew, 0);
    if (asymmetry > (precision ?? config.relTol * largest)) {
      if (eigenvectors)
        throw new ArgumentError(
          'eigs',
          x,
          'a symmetric matrix, or { eigenvectors: false }: mathjs draws the vectors of other matrices at random',
        );
      // mathjs takes what is symmetric up to the precision for symmetric, and no number of more than 15 digits.
      const unit = Math.min(ulp(largest, arithmetic.format), asymmetry / 2);
      return iterate(make(rows), { precision: precision ?? Number(unit.toPrecision(12)), eigenvectors });
    }
    const least = precision === undefined ? undefined : Math.abs(precision / rows.length);
    const { values, vectors } = symmetricEigen(rows, arithmetic, rounder, least);
    if (!eigenvectors) return { values: make(values) };
    return {
      values: make(values),
      eigenvectors: vectors.map((vector, i) => ({ value: values[i], vector: make(vector) })),
    };
  }

  const precise = (x: unknown, precision: number): object => eigs(x, { precision });
  return forCollections({
    '': (x: unknown) => eigs(x, {}),
    ',number': precise,
    ',BigNumber': precise,
    ',Object': eigs,
  });
}

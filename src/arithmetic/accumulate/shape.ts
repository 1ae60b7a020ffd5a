/** Shapes of matrix products: what is accepted, and the checks. */

import { integerInRange } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { RealArray } from '../../formats/real-arrays.ts';

/** a b + c with a of (m, k), b of (k, n), c and the result of (m, n), all row-major. */
export interface MatmulShape<A extends RealArray = RealArray> {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** a is stored as (k, m). Default false. */
  readonly transposeA?: boolean;
  /** b is stored as (n, k). Default false. */
  readonly transposeB?: boolean;
  /** Number of products, one after the other in each array; an array of one matrix serves them all. Default 1. */
  readonly batch?: number;
  /** The addend: values of the arithmetic's format. Default +0. */
  readonly c?: A;
  /** Where the result goes; may be an operand. Default: a new array. */
  readonly out?: A;
}

/** a x + c with a of (m, k), x of k, c and the result of m. */
export interface MatvecShape<A extends RealArray = RealArray> {
  readonly m: number;
  readonly k: number;
  /** a is stored as (k, m). Default false. */
  readonly transpose?: boolean;
  /** The addend: values of the arithmetic's format. Default +0. */
  readonly c?: A;
  /** Where the result goes; may be an operand. Default: a new array. */
  readonly out?: A;
}

export interface ResolvedShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly batch: number;
}

function extent(name: 'm' | 'k' | 'n' | 'batch', given: unknown, fallback?: number): number {
  if (given === undefined && fallback === undefined)
    throw new ArgumentError(name, given, 'a whole number from 0');
  return integerInRange(name, given, 0, 2 ** 32 - 1, fallback ?? 0);
}

function flag(name: string, given: unknown): boolean {
  if (given !== undefined && typeof given !== 'boolean')
    throw new ArgumentError(name, given, 'true or false');
  return given === true;
}

/** Fills in the defaults of a shape. Throws ArgumentError. */
export function resolveShape(shape: MatmulShape): ResolvedShape {
  if (typeof shape !== 'object' || shape === null)
    throw new ArgumentError('shape', shape, 'an object { m, k, n, transposeA, transposeB, batch, c, out }');
  return {
    m: extent('m', shape.m),
    k: extent('k', shape.k),
    n: extent('n', shape.n),
    transposeA: flag('transposeA', shape.transposeA),
    transposeB: flag('transposeB', shape.transposeB),
    batch: extent('batch', shape.batch, 1),
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
  if (x.constructor !== like.constructor)
    throw new ArgumentError(name, x, `a ${like.constructor.name}, as the first operand`);
  if (x.length === whole) return elements;
  if (batch > 1 && x.length === elements) return 0;
  const shared = batch > 1 ? `, or ${elements} for all` : '';
  throw new ArgumentError(name, x, `a ${like.constructor.name} of length ${whole}${shared}`);
}

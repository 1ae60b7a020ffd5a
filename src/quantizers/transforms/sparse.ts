/** What transforms with a sparse residue share: collecting elements, the exact gradient at their places, the side product's term. */
import { ArgumentError } from '../../errors.ts';
import type { RealArray } from '../../operations/conversions.ts';
import { checkResidue, type InnerPullback, newLike, type Residue } from './transform.ts';

/** The elements of x at the indices. */
export function gather<A extends RealArray>(x: A, indices: Uint32Array): A {
  const values = newLike(x, indices.length);
  for (let i = 0; i < indices.length; i++) values[i] = x[indices[i]!]!;
  return values;
}

/**
 * `inner` for the elements that are quantised; those of the residue get the gradient unchanged. A kept outlier hides what the
 * quantiser made of its 0, so `inner` sees no gradient there; a clamped one carries the quantiser's error at the bound.
 */
export function aroundSparse<A extends RealArray>(
  gradient: A,
  _shape: readonly number[],
  residue: Residue,
  inner: InnerPullback<A>,
): A {
  if (residue.kind !== 'sparse' && residue.kind !== 'clamped')
    throw new ArgumentError('residue', residue, 'the sparse residue that forward gave of this tensor');
  const visible = newLike(gradient);
  visible.set(gradient);
  if (residue.kind === 'sparse') for (const i of residue.indices) visible[i] = 0;
  const result = newLike(gradient);
  result.set(inner(visible));
  for (const i of residue.indices) result[i] = gradient[i]!;
  return result;
}

/** The gradient without that of elements whose place holds something else. */
export function withoutSparse<A extends RealArray>(gradient: A, indices: Uint32Array): A {
  checkIndices(indices, gradient.length);
  const result = gradient.slice() as A;
  for (const i of indices) result[i] = 0;
  return result;
}

/** Checks that a residue's indices lie in the array. Throws ArgumentError. */
export function checkIndices(indices: Uint32Array, length: number): void {
  const last = indices.at(-1);
  if (last !== undefined && last >= length)
    throw new ArgumentError('residue', indices, `indices below ${length}, the length of the values`);
}

/** What a sparse residue adds to the transformed values, element by element. */
export interface SparseTerm {
  readonly indices: Uint32Array;
  readonly values: RealArray;
}

/**
 * The sparse term r of a residue: x = transformed values + r. A product with x is the one with the quantised values plus the one
 * with r, in high precision. For outliers r is exact; for clamped elements x - bound, rounded to the precision of the array.
 *
 * @throws ArgumentError for a residue that is not sparse.
 */
export function sparseTerm(residue: Residue): SparseTerm {
  checkResidue(residue);
  if (residue.kind === 'sparse') return { indices: residue.indices, values: residue.values };
  if (residue.kind !== 'clamped')
    throw new ArgumentError('residue', residue, 'that of clampResidual or keepOutliers');
  const { indices, values: kept, low, high } = residue;
  const values = newLike(kept);
  for (let i = 0; i < kept.length; i++) values[i] = kept[i]! - (kept[i]! > high ? high : low);
  return { indices, values };
}

/** Transforms one after the other, as one transform. */

import type { RealArray } from '../../array-kinds.ts';
import { pathOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import {
  checkedTransform,
  checkTransform,
  type InnerPullback,
  type InProduct,
  type Residue,
  residueOf,
  type Transform,
  type TransformContext,
  type TransformData,
  type Transformed,
} from './transform.ts';

/** The composition cancels or scales if every part does; a sparse term of one part does not pass through another. */
function inProductOf(parts: readonly Transform[]): InProduct {
  if (parts.length === 1) return parts[0]!.inProduct;
  const all = new Set(parts.map(({ inProduct }) => inProduct));
  if (all.has('never') || all.has('adds')) return 'never';
  return all.has('scales') ? 'scales' : 'cancels';
}

/**
 * Applies the transforms in the order given; the inverse undoes them in the opposite order.
 *
 * @example
 * compose(keepOutliers({ count: 2 }), hadamard({ size: 16 })); // outliers first, then the rotation of the rest
 *
 * @throws ArgumentError without a transform.
 */
export function compose(...parts: readonly Transform[]): Transform {
  if (parts.length === 0) throw new ArgumentError('parts', parts, 'one transform or more');
  parts.forEach((part, i) => {
    checkTransform(pathOf('parts', i), part);
  });
  const residues = (residue: Residue): readonly Residue[] => {
    const given = residueOf(residue, 'composed').parts;
    if (given.length !== parts.length)
      throw new ArgumentError('residue', residue, `the residues of ${parts.length} transforms`);
    return given;
  };

  return checkedTransform({
    name: 'compose',
    inProduct: inProductOf(parts),
    forward: <A extends RealArray>(
      x: A,
      shape: readonly number[],
      context?: TransformContext,
    ): Transformed<A> => {
      let values = x;
      const kept: Residue[] = [];
      for (const part of parts) {
        const step = part.forward(values, shape, context);
        values = step.values;
        kept.push(step.residue);
      }
      return { values, residue: { kind: 'composed', parts: kept } };
    },
    inverse: <A extends RealArray>(
      values: A,
      shape: readonly number[],
      residue: Residue,
      context?: TransformContext,
    ): A => {
      const kept = residues(residue);
      return parts.reduceRight((x, part, i) => part.inverse(x, shape, kept[i]!, context), values);
    },
    pullback: <A extends RealArray>(
      gradient: A,
      shape: readonly number[],
      residue: Residue,
      inner: InnerPullback<A>,
      context?: TransformContext,
    ): A => {
      const kept = residues(residue);
      const nested = parts.reduceRight<InnerPullback<A>>(
        (within, part, i) => (g) => part.pullback(g, shape, kept[i]!, within, context),
        inner,
      );
      return nested(gradient);
    },
    toJSON: (): TransformData => ({ name: 'compose', parts: parts.map((part) => part.toJSON()) }),
  } satisfies Transform);
}

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
  const drawn = parts.map(({ draws = 0 }) => draws);
  const draws = drawn.reduce((all, each) => all + each, 0);
  /** What part i is told: the transforms that draw are counted on. */
  const contextOf = (context: TransformContext | undefined, i: number): TransformContext | undefined => {
    const before = drawn.slice(0, i).reduce((all, each) => all + each, context?.part ?? 0);
    return before === 0 ? context : { ...context, part: before };
  };
  const residues = (residue: Residue): readonly Residue[] => {
    const given = residueOf(residue, 'composed').parts;
    if (given.length !== parts.length)
      throw new ArgumentError('residue', residue, `the residues of ${parts.length} transforms`);
    return given;
  };

  return checkedTransform({
    name: 'compose',
    inProduct: inProductOf(parts),
    draws,
    forward: <A extends RealArray>(
      x: A,
      shape: readonly number[],
      context?: TransformContext,
    ): Transformed<A> => {
      let values = x;
      const kept: Residue[] = [];
      for (const [i, part] of parts.entries()) {
        const step = part.forward(values, shape, contextOf(context, i));
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
      return parts.reduceRight(
        (x, part, i) => part.inverse(x, shape, kept[i]!, contextOf(context, i)),
        values,
      );
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
        (within, part, i) => (g) => part.pullback(g, shape, kept[i]!, within, contextOf(context, i)),
        inner,
      );
      return nested(gradient);
    },
    forwardGradient: <A extends RealArray>(
      gradient: A,
      x: RealArray,
      shape: readonly number[],
      residue: Residue,
      context?: TransformContext,
    ): A => {
      const kept = residues(residue);
      // What each part was given.
      const given = [x];
      for (let i = 0; i + 1 < parts.length; i++)
        given.push(parts[i]!.forward(given[i]!, shape, contextOf(context, i)).values);
      return parts.reduceRight(
        (g, part, i) => part.forwardGradient(g, given[i]!, shape, kept[i]!, contextOf(context, i)),
        gradient,
      );
    },
    inverseGradient: <A extends RealArray>(
      gradient: A,
      values: RealArray,
      shape: readonly number[],
      residue: Residue,
      context?: TransformContext,
    ): A => {
      const kept = residues(residue);
      // What the inverse of each part was given, the last part first.
      const given: RealArray[] = [];
      parts.reduceRight((each, part, i) => {
        given[i] = each;
        return part.inverse(each, shape, kept[i]!, contextOf(context, i));
      }, values);
      return parts.reduce(
        (g, part, i) => part.inverseGradient(g, given[i]!, shape, kept[i]!, contextOf(context, i)),
        gradient,
      );
    },
    toJSON: (): TransformData => ({ name: 'compose', parts: parts.map((part) => part.toJSON()) }),
  } satisfies Transform);
}

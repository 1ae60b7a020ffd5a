/** Transforms one after the other, as one transform. */

import type { RealArray } from '../../array-kinds.ts';
import { checkLength, checkSome, pathOf } from '../../check.ts';
import {
  checkedTransform,
  checkTransform,
  type InProduct,
  type Residue,
  residueOf,
  type Transform,
  type TransformContext,
  type TransformData,
} from './transform.ts';

/** The composition cancels or scales if every part does; a sparse term of one part does not pass through another. */
function inProductOf(parts: readonly Transform[]): InProduct {
  if (parts.length === 1) return parts[0]!.inProduct;
  const all = new Set(parts.map(({ inProduct }) => inProduct));
  if (all.has('never') || all.has('adds')) return 'never';
  return all.has('scales') ? 'scales' : 'cancels';
}

/** How many numbers an element all parts draw, and what each part is told: those that draw are counted on. */
function drawsIn(parts: readonly Transform[]) {
  const drawn = parts.map(({ draws = 0 }) => draws);
  const before = (i: number): number => drawn.slice(0, i).reduce((all, each) => all + each, 0);
  return {
    draws: before(parts.length),
    contextOf: (context: TransformContext | undefined, i: number): TransformContext | undefined => {
      const part = (context?.part ?? 0) + before(i);
      return part === 0 ? context : { ...context, part };
    },
  };
}

/** The residues of so many transforms. */
function residuesOf(residue: Residue, count: number): readonly Residue[] {
  const { parts } = residueOf(residue, 'composed');
  checkLength('residue', parts, count, `the residues of ${count} transforms`, residue);
  return parts;
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
  checkSome('parts', parts, 'one transform or more');
  for (const [i, part] of parts.entries()) checkTransform(pathOf('parts', i), part);
  const { draws, contextOf } = drawsIn(parts);
  const residues = (residue: Residue) => residuesOf(residue, parts.length);
  return checkedTransform({
    name: 'compose',
    inProduct: inProductOf(parts),
    draws,
    forward: (x, shape, context) => {
      const kept: Residue[] = [];
      const values = parts.reduce((before, part, i) => {
        const step = part.forward(before, shape, contextOf(context, i));
        kept.push(step.residue);
        return step.values;
      }, x);
      return { values, residue: { kind: 'composed', parts: kept } };
    },
    inverse: (values, shape, residue, context) => {
      const kept = residues(residue);
      return parts.reduceRight(
        (x, part, i) => part.inverse(x, shape, kept[i]!, contextOf(context, i)),
        values,
      );
    },
    pullback: (gradient, shape, residue, inner, context) => {
      const kept = residues(residue);
      return parts.reduceRight<typeof inner>(
        (within, part, i) => (g) => part.pullback(g, shape, kept[i]!, within, contextOf(context, i)),
        inner,
      )(gradient);
    },
    forwardGradient: (gradient, x, shape, residue, context) => {
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
    inverseGradient: (gradient, values, shape, residue, context) => {
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

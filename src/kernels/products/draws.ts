/**
 * Which roundings of a product draw random integers, and where supplied ones lie: the kernels' side of
 * `src/arithmetic/accumulate/draws.ts`.
 */
import { isStochastic, type ResolvedRounding } from '../../rounding/index.ts';
import type { ProductModel, Target } from './model.ts';

/** The kinds of roundings that draw, in the order of their streams and of supplied integers. */
export const parts = ['products', 'sums', 'conversions', 'chunks'] as const;
export type Part = (typeof parts)[number];

/** Where the random integers of a call come from: its counter, or pointers by part (0 for none). */
export interface Draws {
  readonly call: ResolvedRounding;
  supplied(part: Part): number;
}

/** The parts of a model that draw. */
function drawingParts({ products, accumulate, order, conversion, converts }: ProductModel): readonly Part[] {
  const draws = ({ options }: Target): boolean => isStochastic(options.rounding);
  const sums = accumulate !== 'exact' && !('kind' in accumulate) && draws(accumulate);
  const drawing: Readonly<Record<Part, boolean>> = {
    products: products !== 'exact' && draws(products),
    sums,
    conversions: converts && draws(conversion),
    chunks: sums && typeof order === 'object',
  };
  return parts.filter((part) => drawing[part]);
}

/** Where the parts' integers are, from a pointer on: one part's behind the other's, `count` of each. */
export function suppliedParts(
  model: ProductModel,
  random: number | undefined,
  count: number,
): Draws['supplied'] {
  if (random === undefined) return () => 0;
  const drawing = drawingParts(model);
  return (part) => (drawing.includes(part) ? random + 4 * count * drawing.indexOf(part) : 0);
}

/** How many random integers a product takes in all. */
export function integersTaken(model: ProductModel, slots: number): number {
  return drawingParts(model).length * slots;
}

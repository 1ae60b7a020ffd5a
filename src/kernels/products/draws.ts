/** Where the random integers of a product lie: the kernels' side of `src/arithmetic/accumulate/draws.ts`. */
import { drawingParts, type Part, type ProductModel } from '../../products/model.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';

/** Where the random integers of a call come from: its counter, or pointers by part (0 for none). */
export interface Draws {
  readonly call: ResolvedRounding;
  supplied(part: Part): number;
}

/** Where the parts' integers are, from a pointer on: one part's behind the other's, `count` of each. */
export function suppliedParts(
  model: ProductModel,
  random: number | undefined,
  count: number,
): Draws['supplied'] {
  if (random === undefined) return () => 0;
  const drawing = drawingParts(model, true);
  return (part) => (drawing.includes(part) ? random + 4 * count * drawing.indexOf(part) : 0);
}

/** How many random integers a product takes in all. */
export function integersTaken(model: ProductModel, slots: number): number {
  return drawingParts(model, true).length * slots;
}

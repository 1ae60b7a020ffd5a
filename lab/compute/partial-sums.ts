/** Every partial sum of an inner product, as the accumulator holds them one after the other: see `inner-product.ts` of the library. */
import { drawsOf } from '../../src/arithmetic/accumulate/draws.ts';
import { resolveAccumulator } from '../../src/arithmetic/accumulate/index.ts';
import { innerProduct } from '../../src/arithmetic/accumulate/inner-product.ts';
import { modelFor } from '../../src/arithmetic/accumulate/model.ts';
import type { AccumulatorModel, Format, RoundOptions } from '../../src/index.ts';
import { drawingParts } from '../../src/products/model.ts';
import { resolveRounding } from '../../src/rounding/index.ts';

/** The sum of the terms `from` up to `to`, that one not included, as an accumulator holds it. */
export interface PartialSum {
  readonly from: number;
  readonly to: number;
  readonly sum: number;
}

/**
 * The sum of values of the format, or their inner product with others, as `arithmetic(format, options)` gives it under the model, and its
 * partial sums in the order in which they are made; of exact accumulators, which round none, there are none.
 */
export function partialSums(
  x: Float64Array,
  y: Float64Array | undefined,
  format: Format,
  options: RoundOptions,
  given: AccumulatorModel,
): { readonly result: number; readonly partials: readonly PartialSum[] } {
  const resolved = resolveRounding(format, options);
  const model = modelFor(x.length, resolveAccumulator(format, resolved, given));
  const draw = drawsOf(resolved, drawingParts(model, y !== undefined), Math.max(x.length, 1));
  // What has been held of the same terms before is the same number, before it joins an empty sum.
  const partials = new Map<string, PartialSum>();
  const result = innerProduct({ a: x, b: y, start: 0 }, model, draw, undefined, (from, to, sum) => {
    partials.set(`${from} ${to}`, { from, to, sum });
  });
  return { result, partials: [...partials.values()] };
}

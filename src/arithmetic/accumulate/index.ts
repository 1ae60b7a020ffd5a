/** Sums, inner products, matrix products and quires with an accumulator model: the exact reference. */
export type { AccumulationOrder } from '../../products/model.ts';
export { type Accumulations, accumulations, type SumOptions } from './accumulations.ts';
export {
  type AccumulatorModel,
  type ResolvedAccumulator,
  resolveAccumulator,
} from './model.ts';
export type { Quire } from './quire.ts';
export type { MatmulShape, MatvecShape } from './shape.ts';

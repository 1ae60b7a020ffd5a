/**
 * How the inner products of a matrix product are made, with every default filled in: what the reference of
 * `src/arithmetic/accumulate` and its kernels both take. Options, defaults and checks of users' models are in the former.
 */
import type { RealArray } from '../array-kinds.ts';
import type { Format } from '../formats/format.ts';
import { isStochastic, type ResolvedRounding } from '../rounding/options.ts';
import type { MatrixUnitDescription } from './matrix-units.ts';

/** A format with the rounding to it. */
export interface Target {
  readonly format: Format;
  readonly options: ResolvedRounding;
}

/**
 * Chunks of so many terms. `sums`: how those of a chunk are added: each partial sum rounded to the accumulator's format (`'rounded'`, the
 * default), or exactly, the whole chunk's sum being rounded to it (`'exact'`), as integer units do that flush to a float.
 */
export interface Chunks {
  readonly chunk: number;
  readonly sums?: 'rounded' | 'exact';
}

/** In which order terms are added up: one after the other, as a balanced tree, or in chunks of n. */
export type AccumulationOrder = 'sequential' | 'pairwise' | Chunks;

/** Whether chunks are summed exactly. */
export function sumsChunksExactly(order: AccumulationOrder): order is Chunks {
  return typeof order === 'object' && order.sums === 'exact';
}

/** An accumulator model. The reference knows more of its targets and units than kernels need. */
export interface ProductModel<
  T extends Target = Target,
  U extends MatrixUnitDescription = MatrixUnitDescription,
> {
  readonly products: 'exact' | T;
  readonly accumulate: 'exact' | T | U;
  readonly order: AccumulationOrder;
  /** The last rounding, to the result's format. */
  readonly conversion: Target;
  /** Whether the last rounding can change anything: not where the accumulator has the result's format, unless it jams. */
  readonly converts: boolean;
}

/** The addend: matrices of (m, n), `stride` elements apart (0: one for all). */
export interface Addend {
  readonly values: RealArray;
  readonly stride: number;
}

/** The kinds of roundings of an accumulation, in the order of their streams: `stream`, `stream` + 1, ... */
export const parts = ['products', 'sums', 'conversions', 'chunks'] as const;
export type Part = (typeof parts)[number];

/** The parts that draw random integers. `isProduct`: whether the terms are products at all. */
export function drawingParts(model: ProductModel, isProduct: boolean): readonly Part[] {
  const { products, accumulate, order, conversion, converts } = model;
  const draws = ({ options }: Target): boolean => isStochastic(options.rounding);
  const sums = accumulate !== 'exact' && !('kind' in accumulate) && draws(accumulate);
  const drawing: Readonly<Record<Part, boolean>> = {
    products: isProduct && products !== 'exact' && draws(products),
    sums,
    conversions: converts && draws(conversion),
    chunks: sums && typeof order === 'object',
  };
  return parts.filter((part) => drawing[part]);
}

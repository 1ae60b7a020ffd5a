/** What the plans of matrix products are made from, and what they are. */
import type { FloatFormat, Format } from '../../formats/format.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import type { RoundingPlan } from '../rounding-plan.ts';

/** A format with the rounding to it. */
export interface Target {
  readonly format: Format;
  readonly options: ResolvedRounding;
}

/** A matrix unit as `src/arithmetic/matrix-unit` describes it; its scales are 1. */
export interface UnitModel {
  readonly kind: 'matrix-unit';
  readonly k: number;
  readonly operands: FloatFormat;
  readonly addend: FloatFormat;
  readonly result: FloatFormat;
  readonly step: 'aligned' | 'aligned-blocks' | 'floored' | 'floored-halves' | 'pairwise';
  readonly group: number;
  readonly fractionBits: number;
  readonly rounding: 'toward-zero' | 'nearest-even';
  readonly flushes: boolean;
}

/** How an inner product is made: the accumulator model of `arithmetic`, resolved. */
export interface ProductModel {
  readonly products: 'exact' | Target;
  readonly accumulate: 'exact' | Target | UnitModel;
  readonly order: 'sequential' | 'pairwise' | { readonly chunk: number };
  /** The last rounding, to the result's format, and whether it can change anything. */
  readonly conversion: Target;
  readonly converts: boolean;
}

/** The kernel of sums. */
export interface SumPlan {
  readonly kernel: number;
  /** log2 of the bytes of a lane, and so of a sum. */
  readonly shift: 2 | 3;
  readonly sums: number;
  readonly roundsProducts: boolean;
  readonly rounding?: RoundingPlan;
  /** Steps of k that go together, the last filled up with zeros: those of a matrix unit's instruction. */
  readonly instruction?: number;
  /** Bits of a draw, 0 for none. */
  readonly drawBits: number;
  readonly randomBits: number;
  /** Writes what the kernel needs beyond that. */
  write?(block: DataView): void;
}

/** The kernel that rounds numbers one by one, or sums of two. */
export interface FinishPlan {
  readonly sums: number;
  /** None for a mere change of type. */
  readonly rounding: RoundingPlan | undefined;
  readonly drawBits: number;
  readonly randomBits: number;
}

/** A rounding of whole arrays of numbers of 2^shift bytes, in a mode without random integers. */
export interface ArrayRounding {
  readonly plan: RoundingPlan;
  readonly shift: 2 | 3;
}

export interface ProductPlan {
  readonly sum: SumPlan;
  /** Adds chunks' sums up. */
  readonly chunks: FinishPlan | undefined;
  /** Rounds what the accumulator holds. */
  readonly conversion: FinishPlan | ArrayRounding | undefined;
}

/** What the plans of matrix products are. */
import type { RoundingPlan } from '../rounding-plan.ts';

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
  /** Rounds a chunk's sum before it is added, where it was made exactly. */
  readonly flush?: FinishPlan;
  /** Adds chunks' sums up. */
  readonly chunks: FinishPlan | undefined;
  /** Rounds what the accumulator holds. */
  readonly conversion: FinishPlan | ArrayRounding | undefined;
}

/** What a sweep trains: arms, each with every seed. */
import type { Recipe } from '../../train/index.ts';
import type { DataOptions } from '../data-options.ts';

/** One way of training, with every seed. */
export interface SweepArm {
  readonly name: string;
  readonly recipe: Recipe;
  readonly learningRate: number | undefined;
  /** In place of the sweep's. */
  readonly model?: string;
  readonly steps?: number;
  readonly data?: DataOptions;
  /** Of recipes with a teacher: a run, or its checkpoint, that all seeds are taught by. Default: each run trains its own first. */
  readonly teacher?: string;
  /** The sweep's, or its own. */
  readonly seeds: readonly number[];
}

/** What decides the numbers of a run beside its settings. */
export interface RunBasis {
  /** Versions, as `numericsVersion` says them. */
  readonly numerics: string;
  /** Hash of the training and validation data, with the names of characters or classes. */
  readonly data: string;
  /** Hash of the weights of a teacher that is given. */
  readonly teacher?: string;
}

/** One arm with one seed. */
export interface SweepRun {
  readonly arm: SweepArm;
  readonly seed: number;
  readonly basis: RunBasis;
  /** Name of its folder: the same for the same run of the same numerics on the same data, whatever else the file says. */
  readonly id: string;
  /** The same for runs that differ in numerics and data alone. */
  readonly key: string;
  /** What versions that looked at neither numerics nor data called it. */
  readonly formerId: string;
}

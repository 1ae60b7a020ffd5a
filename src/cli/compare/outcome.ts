/**
 * The outcome of a comparison as one value, which table, plot and report are views of, and its machine-readable form.
 */

import type { RunConfig } from './config.ts';
import type { Run } from './runs.ts';
import type { ArmSummary } from './summary.ts';

/** A comparison that has ended, with all or with some of its runs done. */
export interface Comparison {
  readonly name: string;
  /** Steps that each run was to take. */
  readonly steps: number;
  readonly runs: readonly Run[];
  readonly summaries: readonly ArmSummary[];
  /** Whether every run went to its last step, or to the one at which it diverged. */
  readonly complete: boolean;
  readonly config: RunConfig;
}

/** The comparison as plain data for `--json`: one entry for each arm, with its runs. */
export function comparisonJson(comparison: Comparison): object {
  const { name, steps, complete, summaries } = comparison;
  return {
    name,
    steps,
    complete,
    arms: summaries.map(({ arm, runs, ...numbers }) => ({
      arm: arm.name,
      description: arm.description,
      transition: arm.transition,
      ...numbers,
      runs: runs.map(({ seed, status, steps: done, result }) => ({
        seed,
        status,
        stepsDone: done.length,
        result,
      })),
    })),
  };
}

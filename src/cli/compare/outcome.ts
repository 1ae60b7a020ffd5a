/**
 * The outcome of a comparison as one value, which table, plot and report are views of, and its machine-readable form.
 */

import type { Environment } from '../environment.ts';
import type { TextIdentity } from '../training-text.ts';
import type { Run } from './runs.ts';
import type { ArmSummary } from './summary.ts';

/** What `config.json` holds: everything needed to repeat the run, and nothing about where it ran but the machine's kind. */
export interface RunConfig {
  /** The command line that repeats it. */
  readonly command: string;
  /** ISO 8601. */
  readonly started: string;
  readonly options: {
    readonly steps: number;
    readonly seeds: readonly number[];
    readonly backend: string;
    readonly kernels: string;
  };
  /** Model, data and optimiser as the trainer resolved them. */
  readonly training: Readonly<Record<string, unknown>>;
  readonly text: TextIdentity;
  readonly arms: readonly { readonly name: string; readonly description: string; readonly recipe: object }[];
  readonly environment: Environment;
}

/** A comparison that has ended, with all or with some of its runs done. */
export interface Comparison {
  readonly name: string;
  /** Steps that each run was to take. */
  readonly steps: number;
  readonly runs: readonly Run[];
  readonly summaries: readonly ArmSummary[];
  /** Whether every run went to its last step. */
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

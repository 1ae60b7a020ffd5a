/**
 * What the runs of a comparison amount to, arm by arm: means over seeds, spread, and the difference to the baseline of
 * the same seed. Table, report and JSON all show this one summary; it does no formatting.
 */

import { pairedDifference, type Spread, spread } from '../statistics.ts';
import { type Arm, baselineName } from './arms.ts';
import type { Run } from './runs.ts';

/** One arm over all its seeds. Numbers of an arm with unfinished runs are over its finished ones, if it has any. */
export interface ArmSummary {
  readonly arm: Arm;
  readonly runs: readonly Run[];
  /** How many of the runs went to their last step. */
  readonly finished: number;
  /** Set if no run finished but one began: steps done by the furthest, whose numbers are shown instead. */
  readonly stoppedAt: number | null;
  /** Nats per character on the validation text. */
  readonly validationLoss: Spread | null;
  /** Validation loss minus the baseline's of the same seed; finished runs only. */
  readonly difference: Spread | null;
  /** exp of the mean validation loss. */
  readonly perplexity: number | null;
  readonly bitsPerWeight: number | null;
  /** Height of the loss spike after the transition, in nats per character. */
  readonly spike: Spread | null;
  /** Steps from the transition until the loss is back; over the runs that recovered. */
  readonly recoverySteps: Spread | null;
  /** Runs with a spike whose loss was not back at the end. */
  readonly notRecovered: number;
  readonly predictionsPerSecond: Spread | null;
  readonly seconds: Spread | null;
}

const finishedLosses = (runs: readonly Run[], name: string): Map<number, number> =>
  new Map(
    runs
      .filter((run) => run.arm.name === name && run.status === 'finished' && run.result !== null)
      .map((run) => [run.seed, run.result!.validationLoss]),
  );

function summariseArm(arm: Arm, all: readonly Run[]): ArmSummary {
  const runs = all.filter((run) => run.arm === arm);
  const finished = runs.filter(({ status }) => status === 'finished');
  const begun = runs.filter(({ steps }) => steps.length > 0);
  const furthest = begun.reduce<Run | null>(
    (best, run) => (best === null || run.steps.length > best.steps.length ? run : best),
    null,
  );
  const shown = finished.length > 0 ? finished : furthest === null ? [] : [furthest];
  const results = shown.flatMap(({ result }) => (result === null ? [] : [result]));
  const spikes = results.flatMap(({ spike }) => (spike === null ? [] : [spike]));
  const recovered = spikes.flatMap(({ recoverySteps }) => (recoverySteps === null ? [] : [recoverySteps]));
  // A run that failed has no result, but perhaps evaluations.
  const losses = shown.flatMap(
    ({ result, evaluations }) => result?.validationLoss ?? evaluations.at(-1)?.loss ?? [],
  );
  const validationLoss = spread(losses);

  return {
    arm,
    runs,
    finished: finished.length,
    stoppedAt: finished.length === 0 && furthest !== null ? furthest.steps.length : null,
    validationLoss,
    difference:
      arm.name === baselineName
        ? null
        : pairedDifference(finishedLosses(all, arm.name), finishedLosses(all, baselineName)),
    perplexity: validationLoss === null ? null : Math.exp(validationLoss.mean),
    bitsPerWeight: results[0]?.bitsPerWeight ?? null,
    spike: spread(spikes.map(({ height }) => height)),
    recoverySteps: spread(recovered),
    notRecovered: spikes.length - recovered.length,
    predictionsPerSecond: spread(results.map(({ predictionsPerSecond }) => predictionsPerSecond)),
    seconds: spread(results.map(({ seconds }) => seconds)),
  };
}

/** Summarises the runs of the arms, in the order of the arms. */
export function summarise(arms: readonly Arm[], runs: readonly Run[]): ArmSummary[] {
  return arms.map((arm) => summariseArm(arm, runs));
}

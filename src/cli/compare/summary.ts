/**
 * What the runs of a comparison amount to, arm by arm: means over seeds, spread, and the difference to the baseline of
 * the same seed. Table, report and JSON all show this one summary; it does no formatting.
 */

import type { Divergence } from '../../train/index.ts';
import { type DivergedSeed, divergenceOf } from '../diverged.ts';
import { pairedDifference, type Spread, spread } from '../statistics.ts';
import { type Arm, baselineName } from './arms.ts';
import { isEnded, type Run } from './runs.ts';

/**
 * One arm over all its seeds. Numbers of an arm with unfinished runs are over those that ended, if it has any; where one of
 * these diverged, what it has no number of is NaN, never the mean of the others.
 */
export interface ArmSummary {
  readonly arm: Arm;
  readonly runs: readonly Run[];
  /** How many of the runs went to their last step, or to the one at which they diverged. */
  readonly finished: number;
  /** Those that diverged. */
  readonly diverged: readonly DivergedSeed[];
  /** Set if no run ended but one began: steps done by the furthest, whose numbers are shown instead. */
  readonly stoppedAt: number | null;
  /** Nats per character on the validation text. */
  readonly validationLoss: Spread | null;
  /** Validation loss minus the baseline's of the same seed; of runs that ended, NaN if one diverged. */
  readonly difference: Spread | null;
  /** exp of the mean validation loss. */
  readonly perplexity: number | null;
  readonly bitsPerWeight: number | null;
  /** Height of the loss spike after the transition, in nats per character. */
  readonly spike: Spread | null;
  /** Steps from the transition until the loss is back; over the runs that recovered. */
  readonly recoverySteps: Spread | null;
  /** Runs with a spike whose loss was not back at the end, though they did not diverge. */
  readonly notRecovered: number;
  readonly predictionsPerSecond: Spread | null;
  readonly seconds: Spread | null;
}

/** Where a run that ended diverged; null for others. */
const divergenceIn = (run: Run): Divergence | null =>
  isEnded(run) && run.result !== null ? divergenceOf(run.result, run.steps) : null;

/** Final validation loss of a run; NaN where it diverged. */
const lossOf = (run: Run): number => (divergenceIn(run) === null ? run.result!.validationLoss : Number.NaN);

/** Final validation losses of the runs of an arm that ended, by seed. */
const endedLosses = (runs: readonly Run[], name: string): Map<number, number> =>
  new Map(
    runs
      .filter((run) => run.arm.name === name && isEnded(run) && run.result !== null)
      .map((run) => [run.seed, lossOf(run)]),
  );

/**
 * What runs say of a transition: heights of spikes, steps to recovery of those that recovered, and how many did not. A run
 * that diverged has NaN where it did not come to the transition, or to the end of its recovery: that is no reason to leave
 * it out of a mean.
 */
function transitionsOf(arm: Arm, runs: readonly Run[]) {
  const heights: number[] = [];
  const recoveries: number[] = [];
  let notRecovered = 0;
  for (const run of runs) {
    const spike = run.result?.spike ?? null;
    const hasDiverged = divergenceIn(run) !== null;
    if (spike === null && !(hasDiverged && arm.transition !== null)) continue;
    heights.push(spike?.height ?? Number.NaN);
    if (spike?.recoverySteps != null) recoveries.push(spike.recoverySteps);
    else if (hasDiverged) recoveries.push(Number.NaN);
    else notRecovered++;
  }
  return { heights, recoveries, notRecovered };
}

function summariseArm(arm: Arm, all: readonly Run[]): ArmSummary {
  const runs = all.filter((run) => run.arm === arm);
  const finished = runs.filter(isEnded);
  const begun = runs.filter(({ steps }) => steps.length > 0);
  const furthest = begun.reduce<Run | null>(
    (best, run) => (best === null || run.steps.length > best.steps.length ? run : best),
    null,
  );
  const shown = finished.length > 0 ? finished : furthest === null ? [] : [furthest];
  const results = shown.flatMap(({ result }) => (result === null ? [] : [result]));
  // One that diverged may not have come to the last phase.
  const whole = shown.find((run) => run.result !== null && divergenceIn(run) === null)?.result ?? results[0];
  const { heights, recoveries, notRecovered } = transitionsOf(arm, shown);
  // A run that failed has no result, but perhaps evaluations.
  const losses = shown.flatMap((run) =>
    run.result === null ? (run.evaluations.at(-1)?.loss ?? []) : lossOf(run),
  );
  const validationLoss = spread(losses);

  return {
    arm,
    runs,
    finished: finished.length,
    diverged: finished.flatMap((run): DivergedSeed[] => {
      const divergence = divergenceIn(run);
      return divergence === null ? [] : [{ seed: run.seed, ...divergence }];
    }),
    stoppedAt: finished.length === 0 && furthest !== null ? furthest.steps.length : null,
    validationLoss,
    difference:
      arm.name === baselineName
        ? null
        : pairedDifference(endedLosses(all, arm.name), endedLosses(all, baselineName)),
    perplexity: validationLoss === null ? null : Math.exp(validationLoss.mean),
    bitsPerWeight: whole?.bitsPerWeight ?? null,
    spike: spread(heights),
    recoverySteps: spread(recoveries),
    notRecovered,
    predictionsPerSecond: spread(results.map(({ predictionsPerSecond }) => predictionsPerSecond)),
    seconds: spread(results.map(({ seconds }) => seconds)),
  };
}

/** Summarises the runs of the arms, in the order of the arms. */
export function summarise(arms: readonly Arm[], runs: readonly Run[]): ArmSummary[] {
  return arms.map((arm) => summariseArm(arm, runs));
}

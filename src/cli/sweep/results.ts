/**
 * What a sweep found: one row for each arm and each contrast, over the seeds that finished. Tables, CSV and JSON of it
 * are tables.ts.
 */
import { halfInterval, pairedDifference, type Spread, spread } from '../statistics.ts';
import { type ContrastResult, contrastResults } from './contrasts.ts';
import type { Sweep, SweepArm, SweepRun } from './definition.ts';
import { type FinishedRun, finishedRun, type MeasureName, measureNames, measureOf } from './measures.ts';

export interface SweepRow {
  readonly arm: SweepArm;
  /** Seeds that have a result. */
  readonly seeds: readonly number[];
  /** Seeds without a result, and why. */
  readonly failures: readonly { readonly seed: number; readonly reason: string }[];
  /** Over the arm's own seeds; null where no run has the measure. */
  readonly measures: Readonly<Record<MeasureName, Spread | null>>;
  /** Of the validation loss to the baseline's of the same seed, over the seeds that both have. */
  readonly difference: Spread | null;
  /** Half the 95 % interval of the difference. */
  readonly interval: number | null;
  readonly bitsPerWeight: number | null;
  /** Runs with a transition after which the loss did not come back. */
  readonly notRecovered: number;
}

export interface SweepResults {
  readonly sweep: Sweep;
  readonly planned: number;
  readonly finished: readonly FinishedRun[];
  readonly rows: readonly SweepRow[];
  readonly contrasts: readonly ContrastResult[];
}

/** Whether every run that the sweep asks for has its result. */
export const isComplete = ({ planned, finished }: SweepResults): boolean => finished.length === planned;

/** Whether arms have results of different seeds, so that their means are not of like things. */
export const isUneven = ({ rows }: SweepResults): boolean =>
  new Set(rows.map(({ seeds }) => [...seeds].sort((a, b) => a - b).join())).size > 1;

/** `unfinished: 17 of 24 runs`, or how many there are. */
export const statusOf = (results: SweepResults): string =>
  isComplete(results)
    ? `finished: all ${results.planned} runs`
    : `UNFINISHED: ${results.finished.length} of ${results.planned} runs`;

function rowOf(
  arm: SweepArm,
  own: readonly FinishedRun[],
  baseline: ReadonlyMap<number, number>,
  failures: SweepRow['failures'],
): SweepRow {
  const measures = Object.fromEntries(
    measureNames.map((name) => [name, spread(own.flatMap((finished) => measureOf(finished, name) ?? []))]),
  ) as SweepRow['measures'];
  const losses = new Map(own.map(({ run, result }) => [run.seed, result.validationLoss]));
  const difference = pairedDifference(losses, baseline);
  return {
    arm,
    seeds: own.map(({ run }) => run.seed),
    failures,
    measures,
    difference,
    interval: difference === null ? null : halfInterval(difference),
    bitsPerWeight: own[0]?.result.bitsPerWeight ?? null,
    notRecovered: own.filter(({ result: { spike } }) => spike !== null && spike.recoverySteps === null)
      .length,
  };
}

/**
 * Summarises what has finished.
 *
 * @param folder of the run folders
 * @param failures reasons by run id
 */
export function sweepResults(
  sweep: Sweep,
  runs: readonly SweepRun[],
  folder: string,
  failures: ReadonlyMap<string, string>,
): SweepResults {
  const finished = runs.flatMap((run) => finishedRun(folder, run) ?? []);
  const ofArm = (name: string): FinishedRun[] => finished.filter(({ run }) => run.arm.name === name);
  const baseline = new Map(ofArm(sweep.baseline).map(({ run, result }) => [run.seed, result.validationLoss]));
  const none = new Map<number, number>();
  return {
    sweep,
    planned: runs.length,
    finished,
    rows: sweep.arms.map((arm) =>
      rowOf(
        arm,
        ofArm(arm.name),
        arm.name === sweep.baseline ? none : baseline,
        runs.flatMap(({ arm: { name }, seed, id }) =>
          name === arm.name && failures.has(id) ? [{ seed, reason: failures.get(id)! }] : [],
        ),
      ),
    ),
    contrasts: contrastResults(
      sweep.contrasts,
      finished,
      new Map(sweep.arms.map(({ name, seeds }) => [name, seeds])),
    ),
  };
}

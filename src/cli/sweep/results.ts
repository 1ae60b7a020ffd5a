/**
 * What a sweep found: one row for each arm and each contrast, over the seeds that finished. A seed that diverged has
 * finished, without a loss: numbers over it are NaN, never those of the other seeds. Tables, CSV and JSON are tables.ts.
 */
import type { DivergedSeed } from '../diverged.ts';
import { halfInterval, pairedDifference, type Spread, spread } from '../statistics.ts';
import { baselineOf } from './baselines.ts';
import { type ContrastResult, contrastResults } from './contrasts.ts';
import type { Sweep } from './definition.ts';
import { type FinishedRun, finishedRun } from './finished-run.ts';
import { type MeasureName, measureNames, measuresOf } from './measures.ts';
import type { SweepArm, SweepRun } from './sweep-run.ts';

export interface SweepRow {
  readonly arm: SweepArm;
  /** Seeds that have a result. */
  readonly seeds: readonly number[];
  /** Of those, the ones whose run diverged. */
  readonly diverged: readonly DivergedSeed[];
  /** Seeds without a result, and why. */
  readonly failures: readonly { readonly seed: number; readonly reason: string }[];
  /** Over the arm's own seeds; null where no run has the measure, NaN where it has none since it diverged. */
  readonly measures: Readonly<Record<MeasureName, Spread | null>>;
  /** Of the validation loss to the baseline's of the same seed, over the seeds that both have; NaN if one diverged. */
  readonly difference: Spread | null;
  /** Half the 95 % interval of the difference. */
  readonly interval: number | null;
  readonly bitsPerWeight: number | null;
  /** Runs with a transition after which the loss did not come back, though they did not diverge. */
  readonly notRecovered: number;
}

export interface SweepResults {
  readonly sweep: Sweep;
  /** Why runs that are not finished have results that do not count, in sentences. */
  readonly stale: readonly string[];
  readonly planned: number;
  /** Where they are of a part of the sweep: which, as `3/16`, and whether every run of the sweep has its result. */
  readonly part?: { readonly name: string; readonly isSweepFinished: boolean };
  readonly finished: readonly FinishedRun[];
  readonly rows: readonly SweepRow[];
  readonly contrasts: readonly ContrastResult[];
}

/** Whether every run that was asked for has its result. */
const isFinished = ({ planned, finished }: SweepResults): boolean => finished.length === planned;

/** Whether every run of the sweep has its result. */
export const isComplete = (results: SweepResults): boolean =>
  isFinished(results) && results.part?.isSweepFinished !== false;

/** Whether arms have results of different seeds, so that their means are not of like things. */
export const isUneven = ({ rows }: SweepResults): boolean =>
  new Set(rows.map(({ seeds }) => [...seeds].sort((a, b) => a - b).join())).size > 1;

/** `unfinished: 17 of 24 runs`, or how many there are. */
export const statusOf = (results: SweepResults): string =>
  (isFinished(results)
    ? `finished: all ${results.planned} runs`
    : `UNFINISHED: ${results.finished.length} of ${results.planned} runs`) +
  (results.part === undefined ? '' : ` of part ${results.part.name}`) +
  divergedPart(results);

function divergedPart({ finished }: SweepResults): string {
  const count = finished.filter(({ divergence }) => divergence !== null).length;
  return count === 0 ? '' : `, ${count} of them diverged`;
}

function rowOf(
  arm: SweepArm,
  own: readonly FinishedRun[],
  baseline: ReadonlyMap<number, number>,
  failures: SweepRow['failures'],
): SweepRow {
  const measures = Object.fromEntries(
    measureNames.map((name) => [name, spread([...measuresOf(own, name).values()])]),
  ) as SweepRow['measures'];
  const difference = pairedDifference(measuresOf(own, 'validationLoss'), baseline);
  return {
    arm,
    seeds: own.map(({ run }) => run.seed),
    failures,
    diverged: own.flatMap(({ run: { seed }, divergence }) =>
      divergence === null ? [] : { seed, ...divergence },
    ),
    measures,
    difference,
    interval: difference === null ? null : halfInterval(difference),
    // One that diverged may not have come to the last phase.
    bitsPerWeight:
      (own.find(({ divergence }) => divergence === null) ?? own[0])?.result.bitsPerWeight ?? null,
    notRecovered: own.filter(
      ({ result: { spike }, divergence }) =>
        spike !== null && spike.recoverySteps === null && divergence === null,
    ).length,
  };
}

/**
 * Summarises what has finished.
 *
 * @param folder of the run folders
 * @param failures reasons by run id
 * @param stale sentences on results that do not count
 * @param known runs that were read before, by their ids: the files of finished runs do not change
 */
export function sweepResults(
  sweep: Sweep,
  runs: readonly SweepRun[],
  folder: string,
  failures: ReadonlyMap<string, string>,
  stale: readonly string[] = [],
  known: Map<string, FinishedRun> = new Map(),
): SweepResults {
  const finished = runs.flatMap((run) => {
    const found = known.get(run.id) ?? finishedRun(folder, run);
    if (found === null) return [];
    known.set(run.id, found);
    return [{ ...found, run }];
  });
  const ofArm = (name: string): FinishedRun[] => finished.filter(({ run }) => run.arm.name === name);
  return {
    sweep,
    stale,
    planned: runs.length,
    finished,
    rows: sweep.arms.map((arm) =>
      rowOf(
        arm,
        ofArm(arm.name),
        measuresOf(ofArm(baselineOf(arm, sweep) ?? ''), 'validationLoss'),
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

/**
 * What a sweep found: one row for each arm, over the seeds that finished; as a table, CSV and JSON.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationRecord, StepRecord, TrainResult } from '../../train/index.ts';
import { decimals, formatSpread } from '../compare/table.ts';
import { readRecords } from '../run-folder.ts';
import { halfInterval, pairedDifference, type Spread, spread } from '../statistics.ts';
import { absent, type Column } from '../text-table.ts';
import type { Sweep, SweepArm, SweepRun } from './definition.ts';
import { isFinished } from './workers.ts';

export interface SweepRow {
  readonly arm: SweepArm;
  readonly finished: number;
  /** Seeds without a result, and why. */
  readonly failures: readonly { readonly seed: number; readonly reason: string }[];
  readonly validationLoss: Spread | null;
  /** To the baseline of the same seed. */
  readonly difference: Spread | null;
  /** Half the 95 % interval of the difference. */
  readonly interval: number | null;
  readonly bitsPerWeight: number | null;
  readonly bytesPerParameter: number | null;
  readonly spike: Spread | null;
  readonly excess10: Spread | null;
  readonly excess50: Spread | null;
  readonly recoverySteps: Spread | null;
  /** Validation loss with the first of the recipe's `inference` weights. */
  readonly inference: Spread | null;
  /** Means over the probed steps. */
  readonly flipRate: Spread | null;
  readonly stepRatio: Spread | null;
  readonly zeroFraction: Spread | null;
  readonly secondsPerStep: Spread | null;
}

type Result = Omit<TrainResult, 'recipe'>;

const resultOf = (folder: string, { id }: SweepRun): Result =>
  JSON.parse(readFileSync(join(folder, id, 'result.json'), 'utf8')) as Result;

/** The records of a run's metrics. */
export function recordsOf(
  folder: string,
  { id }: SweepRun,
): { readonly steps: StepRecord[]; readonly evaluations: EvaluationRecord[] } {
  const records = readRecords(join(folder, id, 'metrics.jsonl')) as ({ type: string } & StepRecord &
    EvaluationRecord)[];
  return {
    steps: records.filter(({ type }) => type === 'step'),
    evaluations: records.filter(({ type }) => type === 'evaluation'),
  };
}

/** Summarises what has finished. `failures`: reasons by run id. */
export function sweepRows(
  sweep: Sweep,
  runs: readonly SweepRun[],
  folder: string,
  failures: ReadonlyMap<string, string>,
): SweepRow[] {
  const finished = runs.filter((run) => isFinished(folder, run));
  const results = new Map(finished.map((run) => [run.id, resultOf(folder, run)]));
  const lossesOf = (name: string): Map<number, number> =>
    new Map(
      finished
        .filter(({ arm }) => arm.name === name)
        .map(({ id, seed }) => [seed, results.get(id)!.validationLoss]),
    );
  const baseline = lossesOf(sweep.baseline);
  return sweep.arms.map((arm) => {
    const own = finished.filter((run) => run.arm === arm);
    const all = own.map(({ id }) => results.get(id)!);
    const of = (value: (result: Result) => number | null | undefined): Spread | null =>
      spread(all.flatMap((result) => value(result) ?? []));
    const difference = arm.name === sweep.baseline ? null : pairedDifference(lossesOf(arm.name), baseline);
    const probes = own.map((run) =>
      recordsOf(folder, run).steps.flatMap(({ probes: seen }) => seen?.weights ?? []),
    );
    const probed = (field: 'flipRate' | 'stepRatio' | 'zeroFraction'): Spread | null =>
      spread(probes.flatMap((seen) => spread(seen.map((measure) => measure[field]))?.mean ?? []));
    return {
      arm,
      finished: own.length,
      failures: runs.flatMap((run) =>
        run.arm === arm && failures.has(run.id) ? [{ seed: run.seed, reason: failures.get(run.id)! }] : [],
      ),
      validationLoss: of(({ validationLoss }) => validationLoss),
      difference,
      interval: difference === null ? null : halfInterval(difference),
      bitsPerWeight: all[0]?.bitsPerWeight ?? null,
      bytesPerParameter: all[0]?.memory.bytesPerParameter ?? null,
      spike: of(({ spike }) => spike?.height),
      excess10: of(({ spike }) => spike?.excess10),
      excess50: of(({ spike }) => spike?.excess50),
      recoverySteps: of(({ spike }) => spike?.recoverySteps),
      inference: of(({ inference }) => inference[0]?.loss),
      flipRate: probed('flipRate'),
      stepRatio: probed('stepRatio'),
      zeroFraction: probed('zeroFraction'),
      secondsPerStep: of(({ seconds, steps }) => seconds / steps),
    };
  });
}

interface Field {
  readonly column: Column;
  readonly cell: (row: SweepRow) => string;
  /** Left out where no arm has one. */
  readonly optional: boolean;
}

const field = (first: string, second: string, cell: Field['cell'], optional = true): Field => ({
  column: {
    heading: [first, second],
    name: `${first} ${second}`.trim(),
    align: first === 'arm' ? 'left' : 'right',
  },
  cell,
  optional,
});

const fields: readonly Field[] = [
  field('arm', '', ({ arm }) => arm.name, false),
  field('seeds', '', ({ finished }) => String(finished), false),
  field('validation', 'nats/char', ({ validationLoss }) => formatSpread(validationLoss, 4), false),
  field('vs', 'baseline', ({ difference }) => formatSpread(difference, 4, true)),
  field('95 %', '+-', ({ interval }) => (interval === null ? absent : decimals(interval, 4))),
  field('bits/', 'weight', ({ bitsPerWeight }) =>
    bitsPerWeight === null ? absent : decimals(bitsPerWeight, 2),
  ),
  field('bytes/', 'parameter', ({ bytesPerParameter }) =>
    bytesPerParameter === null ? absent : decimals(bytesPerParameter, 2),
  ),
  field('spike', 'nats', ({ spike }) => formatSpread(spike, 3, true)),
  field('excess', '10 steps', ({ excess10 }) => formatSpread(excess10, 3, true)),
  field('excess', '50 steps', ({ excess50 }) => formatSpread(excess50, 3, true)),
  field('recovery', 'steps', ({ recoverySteps }) => formatSpread(recoverySteps, 0)),
  field('other', 'inference', ({ inference }) => formatSpread(inference, 4)),
  field('flips', '/step', ({ flipRate }) => formatSpread(flipRate, 5)),
  field('lr u', '/grid', ({ stepRatio }) => formatSpread(stepRatio, 4)),
  field('zeros', '', ({ zeroFraction }) => formatSpread(zeroFraction, 3)),
  field('s', '/step', ({ secondsPerStep }) => formatSpread(secondsPerStep, 3)),
];

/** The table: columns that no arm fills are left out. */
export function sweepTable(rows: readonly SweepRow[]): { columns: Column[]; rows: string[][] } {
  const shown = fields.filter(({ cell, optional }) => !optional || rows.some((row) => cell(row) !== absent));
  return {
    columns: shown.map(({ column }) => column),
    rows: rows.map((row) => shown.map(({ cell }) => cell(row))),
  };
}

/** Numbers of a row in full, by name. */
export function rowJson({ arm, ...rest }: SweepRow): object {
  return { arm: arm.name, title: arm.recipe.title, learningRate: arm.learningRate ?? null, ...rest };
}

/** One line for each arm: means and standard deviations in full. */
export function sweepCsv(rows: readonly SweepRow[]): string {
  const spreads = [
    ...([
      'validationLoss',
      'difference',
      'spike',
      'excess10',
      'excess50',
      'recoverySteps',
      'inference',
    ] as const),
    ...(['flipRate', 'stepRatio', 'zeroFraction', 'secondsPerStep'] as const),
  ];
  const quote = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = ['arm', 'finished', 'bitsPerWeight', 'bytesPerParameter', 'interval95'];
  const lines = rows.map((row) => [
    quote(row.arm.name),
    row.finished,
    row.bitsPerWeight ?? '',
    row.bytesPerParameter ?? '',
    row.interval ?? '',
    ...spreads.flatMap((name) => [row[name]?.mean ?? '', row[name]?.deviation ?? '']),
  ]);
  const columns = [...head, ...spreads.flatMap((name) => [name, `${name}Deviation`])];
  return `${[columns, ...lines].map((line) => line.join(',')).join('\n')}\n`;
}

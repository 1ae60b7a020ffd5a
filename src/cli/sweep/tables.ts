/**
 * A sweep's results as tables, CSV and JSON. Rounding to a few digits is for the tables; CSV and JSON have numbers in
 * full.
 */
import { isLanguageModel, models } from '../../train/model-config.ts';
import { decimals, formatSpread } from '../compare/table.ts';
import { divergedInWords, divergedWord } from '../diverged.ts';
import type { Spread } from '../statistics.ts';
import { absent, type Column } from '../text-table.ts';
import type { ContrastResult } from './contrasts.ts';
import type { Sweep } from './definition.ts';
import { type MeasureName, measureNames, measureOf } from './measures.ts';
import { isComplete, isUneven, type SweepResults, type SweepRow } from './results.ts';

/** Columns and cells. */
export interface SweepTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

interface Field<T> {
  readonly column: Column;
  readonly cell: (row: T) => string;
  /** Left out where no row has one. */
  readonly optional: boolean;
}

function field<T>(
  first: string,
  second: string,
  cell: Field<T>['cell'],
  { optional = true, align = 'right' as Column['align'] } = {},
): Field<T> {
  return { column: { heading: [first, second], name: `${first} ${second}`.trim(), align }, cell, optional };
}

function tableOf<T>(fields: readonly Field<T>[], rows: readonly T[]): SweepTable {
  const shown = fields.filter(({ cell, optional }) => !optional || rows.some((row) => cell(row) !== absent));
  return {
    columns: shown.map(({ column }) => column),
    rows: rows.map((row) => shown.map(({ cell }) => cell(row))),
  };
}

const left = { optional: false, align: 'left' } as const;

/** What a row says in place of a mean that is no number. */
const unsettled = ({ diverged }: SweepRow): string | undefined =>
  diverged.length > 0 ? divergedWord : undefined;

const measured =
  (name: MeasureName, digits: number, signed = false) =>
  (row: SweepRow): string =>
    formatSpread(row.measures[name], digits, signed, unsettled(row));

/** A part of 1 in per cent. */
const percent =
  (name: MeasureName) =>
  (row: SweepRow): string => {
    const value = row.measures[name];
    const hundredfold = value && {
      ...value,
      mean: 100 * value.mean,
      deviation: value.deviation === null ? null : 100 * value.deviation,
    };
    return formatSpread(hundredfold, 2, false, unsettled(row));
  };

/** A difference to the baseline, or its interval, which divergence on either side takes away. */
const compared = (row: SweepRow, text: (difference: Spread) => string): string => {
  const { difference } = row;
  if (difference === null) return absent;
  return Number.isFinite(difference.mean) ? text(difference) : (unsettled(row) ?? `baseline ${divergedWord}`);
};

const part = (done: number, planned: number): string =>
  done === planned ? `${done}` : `${done} of ${planned}`;

const megabytes =
  (name: 'totalMemory' | 'peakMemory') =>
  ({ measures }: SweepRow): string => {
    const value = measures[name];
    return value === null ? absent : decimals(value.mean / 2 ** 20, 1);
  };

const armFields: readonly Field<SweepRow>[] = [
  field('arm', '', ({ arm }) => arm.name, left),
  field('seeds', '', ({ seeds, arm }) => part(seeds.length, arm.seeds.length), { optional: false }),
  field('diverged', 'at step', ({ diverged, seeds }) =>
    diverged.length === 0
      ? absent
      : `${diverged.length} of ${seeds.length}: ${diverged.map(({ step }) => step).join(', ')}`,
  ),
  field('validation', 'nats', measured('validationLoss', 4), { optional: false }),
  field('vs', 'baseline', (row) => compared(row, (difference) => formatSpread(difference, 4, true))),
  field('95 %', '±', (row) =>
    row.interval === null ? absent : compared(row, () => decimals(row.interval!, 4)),
  ),
  field('pairs', '', ({ difference, seeds }) =>
    difference === null || difference.count === seeds.length ? absent : String(difference.count),
  ),
  field('right', '%', percent('accuracy')),
  field('bits/', 'weight', ({ bitsPerWeight }) =>
    bitsPerWeight === null ? absent : decimals(bitsPerWeight, 2),
  ),
  field('bytes/', 'parameter', ({ measures: { bytesPerParameter } }) =>
    bytesPerParameter === null ? absent : decimals(bytesPerParameter.mean, 2),
  ),
  field('spike', 'nats', measured('spike', 3, true)),
  field('excess', '10 steps', measured('excess10', 3, true)),
  field('excess', '50 steps', measured('excess50', 3, true)),
  field('recovery', 'steps', (row) => {
    const { notRecovered } = row;
    const steps = measured('recoverySteps', 0)(row);
    return notRecovered === 0 ? steps : `${steps} (${notRecovered} not)`;
  }),
  field('other', 'inference', measured('inference', 4)),
  field('right', 'other, %', percent('inferenceAccuracy')),
  field('flips', '/step', measured('flipRate', 5)),
  field('r', 'step/grid', measured('stepRatio', 4)),
  field('r below', '1/2', measured('frozen', 3)),
  field('entropy', 'bits', measured('entropy', 3)),
  field('zeros', '', measured('zeroFraction', 3)),
  field('SQNR', 'forward, dB', measured('forwardSqnr', 2)),
  field('SQNR', 'gradients, dB', measured('gradientSqnr', 2)),
  field('underflow', 'forward', measured('forwardUnderflow', 4)),
  field('underflow', 'gradients', measured('gradientUnderflow', 4)),
  field('bias', 'of dw', measured('gradientBias', 4)),
  field('cosine', 'of dw', measured('gradientCosine', 4)),
  field('alignment', 'of dw', measured('gradientAlignment', 4)),
  field('sharpness', 'at the end', measured('sharpness', 4)),
  field('|w| / |g|', 'log10', measured('weightOverGradient', 3)),
  field('SQNR', 'of m, dB', measured('firstSqnr', 2)),
  field('SQNR', 'of √v, dB', measured('secondSqnr', 2)),
  field('learned', 'bits', measured('learnedBits', 3)),
  field('model', 'MiB', megabytes('totalMemory')),
  field('peak', 'MiB', megabytes('peakMemory')),
  field('s', '/step', measured('secondsPerStep', 3)),
];

/** One row for each arm: columns that no arm fills are left out. */
export const sweepTable = ({ rows }: SweepResults): SweepTable => tableOf(armFields, rows);

/** How many runs of each recipe lost what they had learned, rate by rate; null where no recipe has several rates. */
export function stabilityTable({ rows, sweep }: SweepResults): SweepTable | null {
  const rateOf = ({ arm: { learningRate, model = sweep.model } }: SweepRow): number =>
    learningRate ?? models[model]!.learningRate;
  const rates = [...new Set(rows.map(rateOf))].sort((a, b) => a - b);
  const named = [...new Set(rows.map(({ arm }) => arm.recipe.name))];
  const isSwept = named.some(
    (name) => new Set(rows.filter(({ arm }) => arm.recipe.name === name).map(rateOf)).size > 1,
  );
  if (!isSwept) return null;
  const count = (name: string, rate: number): string => {
    const own = rows.filter((row) => row.arm.recipe.name === name && rateOf(row) === rate);
    const seeds = own.reduce((sum, row) => sum + row.seeds.length, 0);
    const lost = own.reduce((sum, row) => sum + (row.measures.unstablePart?.mean ?? 0) * row.seeds.length, 0);
    return seeds === 0 ? absent : `${Math.round(lost)} of ${seeds}`;
  };
  return tableOf(
    [
      field<string>('recipe', '', (name) => name, left),
      ...rates.map((rate) => field<string>(`${rate}`, '', (name) => count(name, rate))),
    ],
    named,
  );
}

/** What a measure is called in words, with its unit. */
export const measureTitles: Readonly<Record<MeasureName, string>> = {
  validationLoss: 'validation loss, nats',
  trainLoss: 'training loss, nats',
  accuracy: 'accuracy',
  inference: 'validation loss with other weights',
  inferenceAccuracy: 'accuracy with other weights',
  spike: 'spike height, nats',
  excess10: 'mean excess of 10 steps, nats',
  excess50: 'mean excess of 50 steps, nats',
  recoverySteps: 'recovery, steps',
  flipRate: 'flips per weight and step',
  stepRatio: 'step over grid',
  frozen: 'part of steps below half of the grid',
  entropy: 'entropy of codes, bits',
  zeroFraction: 'part of zeros',
  forwardSqnr: 'signal over error of forward operands, dB',
  gradientSqnr: 'signal over error of gradients that are read, dB',
  forwardUnderflow: 'part of forward operands that became zero',
  gradientUnderflow: 'part of gradients that became zero',
  gradientBias: 'bias of weight gradients, relative',
  gradientCosine: 'cosine of a weight gradient and the exact one',
  gradientAlignment: 'length of weight gradients along the exact ones, relative',
  sharpness: 'sharpness at the last probe',
  largestGradientNorm: 'largest norm of the gradient',
  gradientNormRatio: 'largest norm of the gradient over the median',
  weightOverGradient: 'norm of weights over that of gradients, log10',
  firstSqnr: 'signal over error of held first moments, dB',
  secondSqnr: 'signal over error of roots of held second moments, dB',
  learnedBits: 'learned bits at the last probe',
  unstablePart: 'part of runs that lost what they had learned',
  divergedPart: 'part of runs that diverged',
  divergenceStep: 'step of divergence',
  bytesPerParameter: 'bytes per parameter',
  totalMemory: 'bytes of weights, state, gradients and saved activations',
  peakMemory: 'peak memory of the process, bytes',
  secondsPerStep: 'seconds per step',
};

const contrastDigits = ({ contrast: { measure, as } }: ContrastResult): number =>
  as === 'difference' && measure === 'recoverySteps' ? 1 : 4;

/** What a contrast says in place of a value that is no number. */
const contrastWord = ({ diverged }: ContrastResult): string =>
  diverged.length > 0 ? divergedWord : 'not finite';

/** Where an interval lies: of 0 for a difference, of 1 for a ratio. */
function placeOf(result: ContrastResult): string {
  const {
    value,
    interval,
    contrast: { as },
  } = result;
  if (value === null || interval === null) return absent;
  if (!Number.isFinite(value.mean) || !Number.isFinite(interval)) return contrastWord(result);
  const neutral = as === 'ratio' ? 1 : 0;
  if (value.mean - interval > neutral) return `above ${neutral}`;
  return `${value.mean + interval < neutral ? 'below' : 'covers'} ${neutral}`;
}

const contrastFields: readonly Field<ContrastResult>[] = [
  field('contrast', '', ({ contrast }) => contrast.name, left),
  field('of', '', ({ contrast }) => measureTitles[contrast.measure], left),
  field('seeds', '', ({ seeds, planned }) => part(seeds.length, planned), { optional: false }),
  field('diverged', '', ({ diverged, seeds }) =>
    diverged.length === 0 ? absent : part(diverged.length, seeds.length),
  ),
  field(
    'difference',
    'or ratio',
    (result) => {
      const { value, contrast } = result;
      if (value === null) return absent;
      if (!Number.isFinite(value.mean)) return contrastWord(result);
      const text = decimals(value.mean, contrastDigits(result));
      if (contrast.as === 'ratio') return `×${text}`;
      return value.mean >= 0 ? `+${text}` : text;
    },
    { optional: false },
  ),
  field(
    '95 %',
    'interval',
    (result) => {
      const { value, interval } = result;
      if (value === null || interval === null) return absent;
      if (!Number.isFinite(value.mean) || !Number.isFinite(interval)) return contrastWord(result);
      const digits = contrastDigits(result);
      return `${decimals(value.mean - interval, digits)} to ${decimals(value.mean + interval, digits)}`;
    },
    { optional: false },
  ),
  field('interval', 'is', placeOf, { optional: false }),
];

/** One row for each contrast. */
export const contrastTable = ({ contrasts }: SweepResults): SweepTable => tableOf(contrastFields, contrasts);

/** What a loss is of. */
export const lossUnit = ({ model }: Sweep): string =>
  isLanguageModel(models[model]!) ? 'character' : 'sample';

/** What differences are to, in words. */
export const baselineWords = ({ baselines }: Sweep): string =>
  baselines.length === 1
    ? baselines[0]!
    : `the one of ${baselines.join(', ')} that has the model, data and steps of the arm,`;

/** What a reader of the tables has to know. */
export function notesOf(results: SweepResults): string[] {
  return [
    `Losses are in nats per ${lossUnit(results.sweep)}. ± is the standard deviation over seeds. Differences are to ${baselineWords(results.sweep)} of the same seed, with 95 % intervals by Student's t, each for itself.`,
    ...(isUneven(results)
      ? ['Arms have different seeds: compare differences, which are over common seeds, not means.']
      : []),
    ...divergedNotes(results),
    ...results.stale,
  ];
}

/** How many seeds of which arms diverged, and at which steps. */
function divergedNotes({ rows }: SweepResults): string[] {
  const arms = rows.filter(({ diverged }) => diverged.length > 0);
  if (arms.length === 0) return [];
  const list = arms.map(
    ({ arm, diverged, seeds }) => `${arm.name}: ${divergedInWords(diverged, seeds.length)}`,
  );
  return [
    `Diverged: a loss, gradient, update or state was not finite, which ended the run. Where a seed did, there is no mean of the others, no difference and no interval. ${list.join('; ')}.`,
  ];
}

/** Everything in full: the sweep, its arms, its contrasts and each finished run. Numbers are NaN where runs diverged. */
export function sweepJson(results: SweepResults): object {
  const { sweep, rows, contrasts, finished, planned, part } = results;
  const { name, title, claim, model, steps, baselines } = sweep;
  return {
    ...{ name, title, claim, model, steps, baselines },
    ...(part && { shard: part.name }),
    ...{ complete: isComplete(results), finishedRuns: finished.length, plannedRuns: planned },
    stale: results.stale,
    arms: rows.map(({ arm, measures, seeds, ...rest }) => ({
      arm: arm.name,
      title: arm.recipe.title,
      ...{ model: arm.model, steps: arm.steps, data: arm.data },
      learningRate: arm.learningRate ?? null,
      plannedSeeds: arm.seeds,
      finishedSeeds: seeds,
      ...measures,
      ...rest,
    })),
    contrasts: contrasts.map(({ contrast, value, ...rest }) => ({
      ...contrast,
      ...rest,
      value,
    })),
    runs: finished.map((one) => ({
      arm: one.run.arm.name,
      seed: one.run.seed,
      id: one.run.id,
      divergence: one.divergence,
      // Gradients are in binary32, one for each parameter.
      parameters: one.result.memory.gradients / 4,
      tokens: Math.round(one.result.seconds * one.result.predictionsPerSecond),
      ...Object.fromEntries(measureNames.map((measure) => [measure, measureOf(one, measure)])),
    })),
  };
}

/** A text as a cell: in quotes where it has to be, and no formula where a spreadsheet opens it. */
function quote(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** One line for each arm: means and standard deviations in full, NaN where a seed diverged. */
export function sweepCsv({ rows }: SweepResults): string {
  const head = ['arm', 'finished', 'planned', 'bitsPerWeight'];
  const differences = ['difference', 'differenceDeviation', 'differencePairs', 'interval95'];
  const divergence = ['diverged', 'divergedAtSteps'];
  const lines = rows.map(({ arm, seeds, bitsPerWeight, measures, difference, interval, diverged }) => [
    quote(arm.name),
    seeds.length,
    arm.seeds.length,
    bitsPerWeight ?? '',
    difference?.mean ?? '',
    difference?.deviation ?? '',
    difference?.count ?? '',
    interval ?? '',
    ...measureNames.flatMap((name) => [measures[name]?.mean ?? '', measures[name]?.deviation ?? '']),
    ...[diverged.length, diverged.map(({ step }) => step).join(' ')],
  ]);
  const ofMeasures = measureNames.flatMap((name) => [name, `${name}Deviation`]);
  const columns = [...head, ...differences, ...ofMeasures, ...divergence];
  return `${[columns, ...lines].map((line) => line.join(',')).join('\n')}\n`;
}

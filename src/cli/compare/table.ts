/**
 * The table of a comparison as plain data (columns and cells), for the terminal and for the report. Rounding to a few
 * digits happens here and nowhere else; machine-readable output has the full numbers.
 */

import { divergedInWords, divergedWord } from '../diverged.ts';
import type { Spread } from '../statistics.ts';
import { absent, type Column } from '../text-table.ts';
import { baselineName } from './arms.ts';
import type { ArmSummary } from './summary.ts';

/** Columns, one row of cells for each arm, and remarks to print below. */
interface ComparisonTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** A number with `digits` decimals; NaN and infinities as words. */
export function decimals(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'infinite' : '-infinite';
  return value.toFixed(digits);
}

/**
 * Mean, and ± standard deviation if there are several values; `signed` puts a plus before positive means.
 * @param unsettled what stands for a mean that is no finite number; default: NaN or infinite
 */
export function formatSpread(
  value: Spread | null,
  digits: number,
  signed = false,
  unsettled?: string,
): string {
  if (value === null) return absent;
  const mean = decimals(value.mean, digits);
  if (!Number.isFinite(value.mean)) return unsettled ?? mean;
  const text = signed && value.mean >= 0 ? `+${mean}` : mean;
  return value.deviation === null ? text : `${text} ± ${decimals(value.deviation, digits)}`;
}

/** An integer with its digits in groups of three. */
export const grouped = (value: number): string =>
  Number.isFinite(value) ? String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ') : decimals(value, 0);

/** What an arm says in place of a mean that is no number. */
const unsettled = ({ diverged }: ArmSummary): string | undefined =>
  diverged.length > 0 ? divergedWord : undefined;

function recovery(summary: ArmSummary): string {
  const { spike, recoverySteps, notRecovered } = summary;
  if (spike === null) return absent;
  if (recoverySteps === null) return 'not yet';
  const steps = formatSpread(recoverySteps, 0, false, unsettled(summary));
  return notRecovered === 0 ? steps : `${steps} (${notRecovered} not)`;
}

/** Marks an arm that a remark below the table is about. */
const remarked = ({ arm, runs, finished, diverged }: ArmSummary): string =>
  finished === runs.length && diverged.length === 0 ? arm.name : `${arm.name} *`;

function remarks(summaries: readonly ArmSummary[], steps: number): string[] {
  const notBegun = summaries.filter(({ finished, stoppedAt }) => finished === 0 && stoppedAt === null);
  const unfinished = summaries.flatMap(({ arm, runs, finished, diverged, stoppedAt }) => {
    if (stoppedAt !== null) return [`${arm.name}: stopped at step ${stoppedAt} of ${steps}, not comparable`];
    const some = finished > 0 && finished < runs.length ? [`${finished} of ${runs.length} seeds`] : [];
    const lost = diverged.length > 0 ? [divergedInWords(diverged, finished)] : [];
    return some.length + lost.length > 0 ? [`${arm.name}: ${[...some, ...lost].join(', ')}`] : [];
  });
  if (notBegun.length > 0) unfinished.push(`${notBegun.map(({ arm }) => arm.name).join(', ')}: not begun`);
  const several = summaries.some(({ runs }) => runs.length > 1);
  return [
    ...(unfinished.length > 0 ? [`* ${unfinished.join('; ')}.`] : []),
    ...(several ? ['± is the standard deviation over seeds; differences are paired by seed.'] : []),
  ];
}

/** A column and what it shows of an arm. */
interface Field {
  readonly column: Column;
  readonly cell: (summary: ArmSummary) => string;
}

const field = (
  first: string,
  second: string,
  name: string,
  cell: Field['cell'],
  align: Column['align'] = 'right',
): Field => ({ column: { heading: [first, second], name, align }, cell });

const orAbsent = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? absent : format(value);

const fields: readonly Field[] = [
  field('arm', '', 'arm', remarked, 'left'),
  field('validation', 'nats/char', 'validation loss, nats per character', (summary) =>
    formatSpread(summary.validationLoss, 4, false, unsettled(summary)),
  ),
  field('vs', baselineName, `difference to ${baselineName}`, (summary) =>
    formatSpread(summary.difference, 4, true, unsettled(summary) ?? `${baselineName} ${divergedWord}`),
  ),
  field('perplexity', 'per char', 'perplexity per character', (summary) =>
    orAbsent(summary.perplexity, (value) =>
      Number.isNaN(value) ? (unsettled(summary) ?? 'NaN') : decimals(value, 3),
    ),
  ),
  field('bits/', 'weight', 'bits per weight', ({ bitsPerWeight }) =>
    orAbsent(bitsPerWeight, (value) => decimals(value, 2)),
  ),
  field('spike', 'nats', 'loss spike, nats', (summary) =>
    formatSpread(summary.spike, 3, true, unsettled(summary)),
  ),
  field('recovery', 'steps', 'recovery, steps', recovery),
  field('characters', '/s', 'characters per second', ({ predictionsPerSecond }) =>
    orAbsent(predictionsPerSecond?.mean, grouped),
  ),
  field('time', 's', 'seconds', ({ seconds }) => orAbsent(seconds?.mean, (value) => decimals(value, 1))),
];

/** The table of the summaries; `steps` is how many each run was to take. */
export function comparisonTable(summaries: readonly ArmSummary[], steps: number): ComparisonTable {
  return {
    columns: fields.map(({ column }) => column),
    rows: summaries.map((summary) => fields.map(({ cell }) => cell(summary))),
    notes: remarks(summaries, steps),
  };
}

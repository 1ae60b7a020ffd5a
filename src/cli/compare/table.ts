/**
 * The table of a comparison as plain data (columns and cells), for the terminal and for the report. Rounding to a few
 * digits happens here and nowhere else; machine-readable output has the full numbers.
 */

import type { Spread } from '../statistics.ts';
import type { Column } from '../text-table.ts';
import { baselineName } from './arms.ts';
import type { ArmSummary } from './summary.ts';

/** Columns, one row of cells for each arm, and remarks to print below. */
export interface ComparisonTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

const absent = '-';

/** A number with `digits` decimals; NaN and infinities as words. */
export function decimals(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'infinite' : '-infinite';
  return value.toFixed(digits);
}

/** Mean, and ± standard deviation if there are several values; `signed` puts a plus before positive means. */
export function formatSpread(value: Spread | null, digits: number, signed = false): string {
  if (value === null) return absent;
  const mean = decimals(value.mean, digits);
  const text = signed && !mean.startsWith('-') ? `+${mean}` : mean;
  return value.deviation === null ? text : `${text} ± ${decimals(value.deviation, digits)}`;
}

/** Digits in groups of three with a narrow gap that survives every terminal: a plain space. */
export const grouped = (value: number): string =>
  Number.isFinite(value) ? String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ') : decimals(value, 0);

function recovery(summary: ArmSummary): string {
  if (summary.spike === null) return absent;
  if (summary.recoverySteps === null) return 'not yet';
  const steps = formatSpread(summary.recoverySteps, 0);
  return summary.notRecovered === 0 ? steps : `${steps} (${summary.notRecovered} not)`;
}

function armCell(summary: ArmSummary): string {
  const { arm, runs, finished, stoppedAt } = summary;
  if (finished === runs.length) return arm.name;
  if (finished > 0) return `${arm.name} (${finished} of ${runs.length} seeds)`;
  return stoppedAt === null ? `${arm.name} (not begun)` : `${arm.name} (stopped at ${stoppedAt})`;
}

function remarks(summaries: readonly ArmSummary[], steps: number): string[] {
  const notes: string[] = [];
  const stopped = summaries.filter(({ stoppedAt }) => stoppedAt !== null);
  if (stopped.length > 0) {
    notes.push(
      `Not finished: ${stopped.map(({ arm, stoppedAt }) => `${arm.name} stopped at step ${stoppedAt} of ${steps}`).join(', ')}; not comparable with finished arms.`,
    );
  }
  const seeds = Math.max(...summaries.map(({ runs }) => runs.length));
  if (seeds > 1) notes.push('± is the standard deviation over seeds; differences are paired by seed.');
  return notes;
}

/** The table of the summaries; `steps` is how many each run was to take. */
export function comparisonTable(summaries: readonly ArmSummary[], steps: number): ComparisonTable {
  const compared = summaries.some(({ difference }) => difference !== null);
  const left = (heading: string, unit = ''): Column => ({ heading, unit, align: 'left' });
  const right = (heading: string, unit = ''): Column => ({ heading, unit, align: 'right' });
  const columns = [
    left('arm'),
    right('validation', 'nats/char'),
    ...(compared ? [right(`vs ${baselineName}`, 'nats/char')] : []),
    right('perplexity', 'per char'),
    right('bits per', 'weight'),
    right('spike', 'nats'),
    right('recovery', 'steps'),
    right('speed', 'tokens/s'),
    right('time', 's'),
  ];
  const rows = summaries.map((summary) => [
    armCell(summary),
    formatSpread(summary.validationLoss, 4),
    ...(compared ? [formatSpread(summary.difference, 4, true)] : []),
    summary.perplexity === null ? absent : decimals(summary.perplexity, 3),
    summary.bitsPerWeight === null ? absent : decimals(summary.bitsPerWeight, 2),
    formatSpread(summary.spike, 3, true),
    recovery(summary),
    summary.tokensPerSecond === null ? absent : grouped(summary.tokensPerSecond.mean),
    summary.seconds === null ? absent : decimals(summary.seconds.mean, 1),
  ]);
  return { columns, rows, notes: remarks(summaries, steps) };
}

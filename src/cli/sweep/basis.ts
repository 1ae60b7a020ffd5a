/**
 * What a sweep's runs rest on beside their settings: the version of the numerics and the content of the data. A result of
 * another version, or of other data, is none of these runs': here it is found, so that a sweep can say why it trains again.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { numericsVersion } from '../../train/index.ts';
import type { Task } from '../../train/task.ts';
import { describeEnvironment } from '../environment.ts';
import { hasResult, readBasis } from '../run-files.ts';
import type { RunBasis, SweepRun } from './sweep-run.ts';

/** Versions of what decides the bits of runs, here and now. */
export function ownNumerics(): string {
  const { packages } = describeEnvironment(['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm']);
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return [`numerics ${numericsVersion()}`, ...versions].join(', ');
}

/** What runs on this task rest on, here and now. */
export const basisOf = (task: Task): RunBasis => ({ numerics: ownNumerics(), data: task.dataHash() });

/** How what a result rests on differs from what a run does. */
function difference(found: RunBasis, wanted: RunBasis): string {
  return [
    ...(found.numerics === wanted.numerics ? [] : [`of ${found.numerics}; now ${wanted.numerics}`]),
    ...(found.data === wanted.data ? [] : [`of data ${found.data}; now ${wanted.data}`]),
    ...(found.teacher === wanted.teacher
      ? []
      : [`of teacher ${found.teacher ?? 'trained first'}; now ${wanted.teacher ?? 'trained first'}`]),
  ].join(', and ');
}

/** Why a run without a result has one that does not count: null if it has none. */
function reasonOf(
  folder: string,
  { key, formerId, basis }: SweepRun,
  known: ReadonlyMap<string, RunBasis>,
): string | null {
  const found = known.get(key);
  if (found !== undefined) return difference(found, basis);
  return hasResult(join(folder, formerId)) ? 'of a version that did not record its numerics and data' : null;
}

/**
 * What a sweep says of runs without a result of which there is one that does not count: the same settings, but another
 * version of the numerics or other data. A sentence for each reason.
 *
 * @param folder of the run folders
 * @param all runs of the sweep: their results count, for them
 */
export function staleResults(
  folder: string,
  runs: readonly SweepRun[],
  all: readonly SweepRun[] = runs,
): string[] {
  const lacking = runs.filter(({ id }) => !hasResult(join(folder, id)));
  if (lacking.length === 0 || !existsSync(folder)) return [];
  const known = new Map<string, RunBasis>();
  const counted = new Set(all.map(({ id }) => id));
  for (const name of readdirSync(folder)) {
    if (counted.has(name)) continue;
    const found = readBasis(join(folder, name));
    if (found !== null && hasResult(join(folder, name))) known.set(found.key, found);
  }
  const counts = new Map<string, number>();
  for (const run of lacking) {
    const reason = reasonOf(folder, run, known);
    if (reason !== null) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) =>
    count === 1
      ? `1 run has a result that does not count: it is ${reason}.`
      : `${count} runs have results that do not count: they are ${reason}.`,
  );
}

/**
 * Results of a sweep that were trained elsewhere, put into this one's run folders: of folders as `--out` names them, or of
 * run folders themselves. Runs that two of them have must say the same to the bit.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, DamagedFileError } from '../../errors.ts';
import { isFolder } from '../../files/read.ts';
import { makeFolders, writeWholeFile } from '../../files/write.ts';
import { canonicalJson } from '../../train/hash.ts';
import { basisFile, hasResult, readRecords, readResult } from '../run-files.ts';
import { isWholeLog } from '../run-records.ts';
import { staleResults } from './basis.ts';
import { trainedFolder } from './finished-run.ts';
import type { SweepRun } from './sweep-run.ts';

/** The files of a run that is done; the result last, so that a run without it is not done. */
const files = ['recipe.json', basisFile, 'config.json', 'metrics.jsonl', 'result.json'] as const;

/** What of a result is the machine's and the hour's, not the run's. */
const incidental = ['seconds', 'predictionsPerSecond', 'peakMemory'];

/** The part of a result that equal runs have in common. */
function bitsOf(folder: string): string {
  const result = readResult(folder) as Record<string, unknown>;
  return canonicalJson(
    Object.fromEntries(Object.entries(result).filter(([name]) => !incidental.includes(name))),
  );
}

/** Whether a run folder has all records of its run. Throws DamagedFileError. */
const isLogWhole = (folder: string): boolean => isWholeLog(readRecords(join(folder, 'metrics.jsonl')));

/** The same of a folder whose damage is no reason to stop: what is whole may take its place. */
function isIntact(folder: string): boolean {
  try {
    return isLogWhole(folder);
  } catch (error) {
    if (error instanceof DamagedFileError) return false;
    throw error;
  }
}

/** Names of the run folders in a folder. */
const runFoldersIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) =>
    ['config.json', 'result.json'].some((file) => existsSync(join(folder, name, file))),
  );

/** Where run folders lie: a sweep that has trained nothing yet has the place for them. Throws ArgumentError naming `--merge`. */
function placeOfRuns(path: string): string {
  const inside = join(path, trainedFolder);
  if (isFolder(inside)) return inside;
  if (isFolder(path) && runFoldersIn(path).length > 0) return path;
  throw new ArgumentError(
    '--merge',
    path,
    `a folder with run folders, or with ${trainedFolder}/ that has them`,
  );
}

/** What somebody can mend: such runs are named. */
const faults = ['with a result.json that is damaged or cannot be read', 'without the end of its records'];

/** Why a run of a folder is left out, as it is counted; null: it is to be copied. Throws ArgumentError, DamagedFileError. */
function reasonToLeave(from: string, to: string): string | null {
  if (!existsSync(join(from, 'result.json'))) return existsSync(from) ? 'unfinished' : 'not there';
  if (!hasResult(from)) return faults[0]!;
  if (hasResult(to) && bitsOf(from) !== bitsOf(to))
    throw new ArgumentError('--merge', from, `the same result as ${to}: runs of one name have the same bits`);
  if (hasResult(to) && isIntact(to)) return 'here already';
  return isLogWhole(from) ? null : faults[1]!;
}

function copyRun(from: string, to: string): void {
  makeFolders(to);
  for (const file of files)
    if (existsSync(join(from, file))) writeWholeFile(join(to, file), readFileSync(join(from, file)));
}

/**
 * Copies finished runs into `target`, and says of each folder what came and what did not, and why.
 *
 * @returns how many runs came
 * @throws ArgumentError naming `--merge` where there is no such folder, or a run differs between two; DamagedFileError
 */
export function mergeRuns(
  folders: readonly string[],
  runs: readonly SweepRun[],
  target: string,
  onNote: (text: string) => void = () => {},
): number {
  const ids = new Set(runs.map((run) => run.id));
  const places = folders.map(placeOfRuns);
  let all = 0;
  for (const folder of places) {
    const counts = new Map<string, number>();
    const add = (what: string, count = 1): unknown => counts.set(what, (counts.get(what) ?? 0) + count);
    for (const id of ids) {
      const [from, to] = [join(folder, id), join(target, id)];
      const reason = reasonToLeave(from, to);
      if (reason === null) copyRun(from, to);
      else if (faults.includes(reason)) onNote(`${from}: left out, ${reason}`);
      add(reason ?? 'taken');
    }
    add('of other settings, data or versions', runFoldersIn(folder).filter((name) => !ids.has(name)).length);
    all += counts.get('taken') ?? 0;
    const said = [...counts].filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`);
    onNote(`${folder}: ${said.join(', ')}`);
  }
  const lacking = runs.filter(({ id }) => !hasResult(join(target, id)));
  for (const folder of places)
    for (const reason of staleResults(folder, lacking, runs)) onNote(`${folder}: ${reason}`);
  return all;
}

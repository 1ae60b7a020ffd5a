/**
 * Results of a sweep that were trained elsewhere, put into this one's run folders: of folders as `--out` names them, or of
 * run folders themselves. Runs that two of them have must say the same to the bit.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../../errors.ts';
import { isFolder } from '../../files/read.ts';
import { makeFolders, writeWholeFile } from '../../files/write.ts';
import { canonicalJson } from '../../train/hash.ts';
import { basisFile, hasResult, readRecords, readResult } from '../run-files.ts';
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

/** Where run folders lie. Throws ArgumentError naming `--merge`. */
function runFoldersOf(path: string): string {
  const inside = join(path, trainedFolder);
  for (const folder of [inside, path]) if (isFolder(folder)) return folder;
  throw new ArgumentError(
    '--merge',
    path,
    `a folder with run folders, or with ${trainedFolder}/ that has them`,
  );
}

/**
 * Copies finished runs into `target`.
 *
 * @returns how many runs came
 * @throws ArgumentError naming `--merge` where there is no such folder, or a run differs between two; DamagedFileError
 */
export function mergeRuns(folders: readonly string[], runs: readonly SweepRun[], target: string): number {
  let count = 0;
  for (const folder of folders.map(runFoldersOf)) {
    for (const id of new Set(runs.map((run) => run.id))) {
      const [from, to] = [join(folder, id), join(target, id)];
      if (!hasResult(from)) continue;
      if (hasResult(to)) {
        if (bitsOf(from) !== bitsOf(to))
          throw new ArgumentError(
            '--merge',
            from,
            `the same result as ${to}: runs of one name have the same bits`,
          );
        continue;
      }
      readRecords(join(from, 'metrics.jsonl'));
      makeFolders(to);
      for (const file of files)
        if (existsSync(join(from, file))) writeWholeFile(join(to, file), readFileSync(join(from, file)));
      count++;
    }
  }
  return count;
}

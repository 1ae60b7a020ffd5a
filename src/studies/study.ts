/**
 * A study of docs/studies/: a sweep file of this project whose results stand on a page beside it. Training is `halfulp sweep`;
 * this is what comes after, and no part of the package.
 */
import { join } from 'node:path';
import { readJson } from '../cli/read-file.ts';
import { staleResults } from '../cli/sweep/basis.ts';
import { readSweep, sweepRuns } from '../cli/sweep/definition.ts';
import { trainedFolder } from '../cli/sweep/finished-run.ts';
import { openData } from '../cli/sweep/open-data.ts';
import { sweepResults } from '../cli/sweep/results.ts';
import { writeStudyPage } from './study-page.ts';

/**
 * Writes the page of a sweep file from what is finished, of the arms and seeds that the file names.
 *
 * @param file of the sweep
 * @param page `NAME.md`; pictures and data go into `figures/` and `data/` beside it
 * @param out folder that `halfulp sweep --out` was given
 */
export async function reportStudy(file: string, page: string, out: string): Promise<void> {
  const sweep = readSweep(readJson(file, '<sweep.json>'));
  const { basis, own } = await openData(sweep);
  const runs = sweepRuns(sweep, basis, own);
  const folder = join(out, trainedFolder);
  const results = sweepResults(sweep, runs, folder, new Map(), staleResults(folder, runs));
  writeStudyPage(results, page, folder, `halfulp sweep ${file} --out ${out}`);
}

/** What a sweep writes and shows: the folder of its name, the table, and the table while results come. */
import { join } from 'node:path';
import { writeWholeFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import { isNotFound } from '../../optional.ts';
import type { Io, Output } from '../io.ts';
import { formatTable, wrapText } from '../text-table.ts';
import type { SweepOptions } from './options.ts';
import type { SweepResults } from './results.ts';

/** Writes what came out of the whole sweep as data, to the folder of its name in `out`. */
export async function writeData(results: SweepResults, out: string): Promise<void> {
  const tables = await import('./tables.ts');
  const target = join(out, results.sweep.name);
  writeWholeFile(join(target, 'results.json'), `${jsonText(tables.sweepJson(results), 2)}\n`);
  writeWholeFile(join(target, 'results.csv'), tables.sweepCsv(results));
}

/** Writes the page beside the data, without pictures where the packages that draw them are not installed. */
export async function writePage(
  results: SweepResults,
  out: string,
  { stderr }: Pick<Io, 'stderr'>,
  draw: () => Promise<Pick<typeof import('./figures.ts'), 'sweepFigures'>> = () => import('./figures.ts'),
): Promise<void> {
  const [{ sweepPage }, figures] = await Promise.all([
    import('./page.ts'),
    draw().catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      stderr.write(
        'The report has no pictures without the packages @observablehq/plot and linkedom: npm install @observablehq/plot linkedom\n',
      );
      return null;
    }),
  ]);
  const target = join(out, results.sweep.name, 'report.html');
  writeWholeFile(target, sweepPage(results, figures?.sweepFigures(results) ?? []));
  stderr.write(`Report: ${target}\n`);
}

/** Shows what came out as tables. */
async function showTables(results: SweepResults, output: Output): Promise<void> {
  const [tables, { statusOf }] = await Promise.all([import('./tables.ts'), import('./results.ts')]);
  const width = output.isTTY ? (output.columns ?? 80) : Number.POSITIVE_INFINITY;
  const table = ({ columns, rows }: ReturnType<typeof tables.sweepTable>): string =>
    formatTable(columns, rows, { width, emphasise: (words) => words });
  const notes = [statusOf(results), ...tables.notesOf(results)].map((note) => wrapText(note, 120));
  output.write(`${table(tables.sweepTable(results))}\n${notes.join('')}`);
  if (results.contrasts.length > 0) output.write(`\n${table(tables.contrastTable(results))}`);
}

/** Shows what came out, as tables or as JSON. */
export async function showResults(
  results: SweepResults,
  { json }: SweepOptions,
  { stdout }: Io,
): Promise<void> {
  if (!json) return showTables(results, stdout);
  const { sweepJson } = await import('./tables.ts');
  stdout.write(`${jsonText(sweepJson(results), 2)}\n`);
}

/** Milliseconds between two tables while results come. */
const tableEvery = 10_000;

/** While results come: the table on standard error, again when some have come, though not all the time. */
interface LiveTable {
  changed(failures: ReadonlyMap<string, string>): void;
  close(): void;
}

export function liveTable(
  { stderr }: Io,
  resultsOf: (failures: ReadonlyMap<string, string>) => SweepResults,
): LiveTable {
  let timer: NodeJS.Timeout | undefined;
  let hasFailed = false;
  const show = async (failures: ReadonlyMap<string, string>): Promise<void> => {
    timer = undefined;
    try {
      await showTables(resultsOf(failures), stderr);
    } catch (error) {
      // Runs go on; in the end it is an error.
      if (!hasFailed) stderr.write(`No table while results come: ${(error as Error).message}\n`);
      hasFailed = true;
    }
  };
  return {
    changed(failures) {
      timer ??= setTimeout(() => void show(failures), tableEvery);
    },
    close: () => clearTimeout(timer),
  };
}

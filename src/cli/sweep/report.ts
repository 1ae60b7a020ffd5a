/** What a sweep writes and shows: the folder of its name, the table, and the table while results come. */
import { join } from 'node:path';
import { writeWholeFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import type { Io, Output } from '../io.ts';
import { formatTable, wrapText } from '../text-table.ts';
import type { SweepOptions } from './options.ts';
import type { SweepResults } from './results.ts';

/** Writes what came out of the whole sweep, to the folder of its name in `out`. */
export async function writeReport(results: SweepResults, out: string): Promise<void> {
  const [{ sweepPage }, tables] = await Promise.all([import('./page.ts'), import('./tables.ts')]);
  const target = join(out, results.sweep.name);
  writeWholeFile(join(target, 'results.json'), `${jsonText(tables.sweepJson(results), 2)}\n`);
  writeWholeFile(join(target, 'results.csv'), tables.sweepCsv(results));
  writeWholeFile(join(target, 'report.html'), sweepPage(results));
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
  return {
    changed(failures) {
      timer ??= setTimeout(() => {
        timer = undefined;
        void showTables(resultsOf(failures), stderr);
      }, tableEvery);
    },
    close: () => clearTimeout(timer),
  };
}

/** Runs that a law is fitted to: from a table in CSV, a list in JSON, or the results of a sweep. */
import { join } from 'node:path';
import { checkList, checkObject, isRecord, pathOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { isFolder } from '../../files/read.ts';
import type { LawRow } from '../../laws/index.ts';
import { numberIn } from '../../train/csv.ts';
import { readJson, readText } from '../read-file.ts';

/** Runs, and how many were left out since they have no finite loss. */
interface LawRows {
  readonly rows: readonly LawRow[];
  readonly diverged: number;
}

type Fields = Readonly<Record<string, unknown>>;

async function fromCsv(file: string): Promise<Fields[]> {
  const { parse } = await import('csv-parse/sync').catch(() => {
    throw new ArgumentError('runs', file, 'JSON; tables need the package csv-parse: npm install csv-parse');
  });
  try {
    const lines = parse(readText(file, 'runs'), { columns: true, trim: true, skip_empty_lines: true });
    return (lines as Record<string, string>[]).map((line) =>
      Object.fromEntries(
        Object.entries(line).map(([name, text]) => {
          const number = numberIn(text);
          return [name, Number.isNaN(number) ? text : number];
        }),
      ),
    );
  } catch (error) {
    if (error instanceof ArgumentError) throw error;
    throw new ArgumentError('runs', file, `a table in CSV (${(error as Error).message})`);
  }
}

/** A list of runs, or those of a sweep's results. */
function fromJson(file: string, data: unknown): Fields[] {
  const runs = isRecord(data) ? (data as Fields)['runs'] : data;
  return checkList(`${file}: runs`, runs, 'a list of runs, or the results of a sweep').map(
    (run, i) => checkObject(pathOf(`${file}: runs`, i), run) as Fields,
  );
}

/** What tables and JSON have in place of a loss that is no finite number. */
const notFinite = /^([+-]?(nan|inf|infinity))?$/i;

/** The row with its loss, the validation's where it has no `loss`: NaN where there is no finite one. What is no number at all stays. */
function rowOf(fields: Fields): LawRow {
  const { loss = fields['validationLoss'] } = fields;
  const isLost = loss === null || (typeof loss === 'string' && notFinite.test(loss));
  return { ...fields, ...(loss !== undefined && { loss: isLost ? Number.NaN : loss }) } as unknown as LawRow;
}

/**
 * Reads runs. Those with a loss that is no finite number diverged: they are counted, and no law is fitted to them.
 *
 * @param path A file, or the folder of a sweep.
 * @param arms Names of a sweep's arms; all where undefined.
 * @throws ArgumentError naming `runs` or `--arms`.
 */
export async function readRows(path: string, arms: readonly string[] | undefined): Promise<LawRows> {
  const file = isFolder(path) ? join(path, 'results.json') : path;
  const all = /\.json$/i.test(file) ? fromJson(file, readJson(file, 'runs')) : await fromCsv(file);
  const names = [...new Set(all.map(({ arm }) => arm).filter((arm) => typeof arm === 'string'))];
  const missing = arms?.find((arm) => !names.includes(arm));
  if (missing !== undefined)
    throw new ArgumentError(
      '--arms',
      missing,
      names.length > 0 ? names.join(', ') : 'nothing: runs have no arm',
    );
  const chosen = arms === undefined ? all : all.filter(({ arm }) => arms.includes(arm as string));
  const rows = chosen.map(rowOf);
  const finite = rows.filter(({ loss }) => typeof loss !== 'number' || Number.isFinite(loss));
  return { rows: finite, diverged: rows.length - finite.length };
}

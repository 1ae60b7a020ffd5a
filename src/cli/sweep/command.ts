/**
 * `halfulp sweep` on the command line. What a sweep file holds is definition.ts, who trains is workers.ts, what comes
 * out is results.ts, tables.ts, page.ts and study-page.ts.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { within } from '../../check.ts';
import { prepareFolder, writeWholeFile } from '../../files/write.ts';
import { jsonText } from '../../json.ts';
import { type NamePattern, namePattern } from '../../train/name-pattern.ts';
import type { TrainResult } from '../../train/records.ts';
import type { Task } from '../../train/task.ts';
import {
  addDataOptions,
  checkDataFor,
  type DataOptions,
  dataArguments,
  dataOptions,
} from '../data-options.ts';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { integer } from '../options.ts';
import { readJson } from '../read-file.ts';
import { readResult } from '../run-files.ts';
import { formatTable, wrapText } from '../text-table.ts';
import type { RunBasis, Sweep } from './definition.ts';
import type { SweepResults } from './results.ts';
import type { SweepRun } from './sweep-run.ts';
import type { WorkerOptions } from './workers.ts';

const help = `
The file names arms, seeds and contrasts; docs/training.md describes it, docs/studies/ has examples. Run folders are
OUT/trained/ID, shared by all sweeps of OUT: equal runs are trained once, finished ones are skipped and stopped ones go
on, so the same command again completes a sweep. Writes OUT/NAME/results.json, results.csv and report.html, also when
stopped by Ctrl-C.

  halfulp sweep bits.json --seeds 1,2,3,4,5 --arms '^(float32|dqt8)'   two more seeds for some arms
  halfulp sweep bits.json --report --page bits.md                      a page of what is finished`;

interface Given extends DataOptions {
  readonly workers: number;
  readonly out: string;
  readonly json?: boolean;
  readonly estimate?: boolean;
  readonly report?: boolean;
  readonly seeds?: string;
  readonly arms: NamePattern;
  readonly page?: string;
}

/** How a run with a result ended, in words. */
function endOf(folder: string): string {
  const result = readResult(folder) as Partial<TrainResult> | null;
  return result?.divergence ? `diverged at step ${result.divergence.step}` : 'done';
}

/** Trains what is asked for; gives the reasons of what failed, by run id, and the signal that ended it. */
async function trainRuns(
  what: Pick<WorkerOptions, 'sweep' | 'basis' | 'folder'>,
  runs: readonly SweepRun[],
  workers: number,
  io: Io,
) {
  const { folder } = what;
  const { isFinished, launchHalfulp, runAll } = await import('./workers.ts');
  const left = new Set(runs.filter((run) => !isFinished(folder, run)).map(({ id }) => id)).size;
  const failures = new Map<string, string>();
  const stop = listenForStop(io, {
    onStop: () => io.stderr.write('Stopping: runs finish their step and leave a checkpoint\n'),
    onQuit: () => {},
  });
  const began = performance.now();
  let ended = 0;
  try {
    const onEnd = ({ arm, seed, id }: SweepRun, failure: string | null): void => {
      ended++;
      if (failure !== null) failures.set(id, failure);
      const minutes = (performance.now() - began) / 60_000;
      const rest = (minutes / ended) * (left - ended);
      io.stderr.write(
        `[${ended}/${left}] ${arm.name} seed ${seed}: ${failure ?? endOf(join(folder, id))} (${minutes.toFixed(1)} min, about ${rest.toFixed(0)} left)\n`,
      );
    };
    const { signal } = stop;
    await runAll({ ...what, workers, launch: launchHalfulp, signal, onEnd }, runs);
  } finally {
    stop.close();
  }
  return { failures, signal: stop.stoppedBy() };
}

/** Writes what came out, and shows it. */
async function report(results: SweepResults, file: string, folder: string, given: Given, io: Io) {
  const [{ sweepPage }, tables, { statusOf }] = await Promise.all([
    import('./page.ts'),
    import('./tables.ts'),
    import('./results.ts'),
  ]);
  const target = join(given.out, results.sweep.name);
  const text = `${jsonText(tables.sweepJson(results), 2)}\n`;
  writeWholeFile(join(target, 'results.json'), text);
  writeWholeFile(join(target, 'results.csv'), tables.sweepCsv(results));
  writeWholeFile(join(target, 'report.html'), sweepPage(results));
  if (given.page !== undefined) {
    const { writeStudyPage } = await import('./study-page.ts');
    const words = ['halfulp sweep', file, ...dataArguments(dataOptions(given)), '--out', given.out];
    writeStudyPage(results, given.page, folder, words.join(' '));
  }
  if (given.json) {
    io.stdout.write(text);
  } else {
    const width = io.stdout.isTTY ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
    const show = ({ columns, rows }: ReturnType<typeof tables.sweepTable>): string =>
      formatTable(columns, rows, { width, emphasise: (words) => words });
    const notes = [statusOf(results), ...tables.notesOf(results)].map((note) => wrapText(note, 120));
    io.stdout.write(`${show(tables.sweepTable(results))}\n${notes.join('')}`);
    if (results.contrasts.length > 0) io.stdout.write(`\n${show(tables.contrastTable(results))}`);
  }
  io.stderr.write(`Report: ${join(target, 'report.html')}\n`);
}

/** What the sweep's model is trained on, and what its runs rest on. */
async function openData({ model, data }: Sweep): Promise<{ task: Task; basis: RunBasis }> {
  const [{ loadData }, { modelConfig }, { taskOf }, { basisOf }] = await Promise.all([
    import('../training-data.ts'),
    import('../../train/model-config.ts'),
    import('../../train/tasks.ts'),
    import('./basis.ts'),
  ]);
  const task = taskOf(modelConfig(model), await loadData(model, data));
  return { task, basis: basisOf(task) };
}

async function sweep(file: string, given: Given, io: Io): Promise<number> {
  const [definitions, { isFinished }, { sweepResults }, { trainedFolder }, fit, stale] = await Promise.all([
    import('./definition.ts'),
    import('./workers.ts'),
    import('./results.ts'),
    import('./finished-run.ts'),
    import('../../train/recipe-fit.ts'),
    import('./basis.ts'),
  ]);
  const seeds =
    given.seeds === undefined
      ? undefined
      : definitions.seedsOf(
          given.seeds.split(',').map((word) => (/^\d+$/.test(word.trim()) ? Number(word) : Number.NaN)),
          '--seeds',
        );
  const named = definitions.readSweep(readJson(file, '<sweep.json>'));
  const data = dataOptions(given);
  checkDataFor(named.model, data);
  const whole = Object.keys(data).length === 0 ? named : { ...named, data };
  const chosen = definitions.withSeeds(whole, seeds, given.arms);
  // Refused before hours of training, not after.
  const pages = given.page === undefined ? undefined : await import('./study-page.ts');
  pages?.checkPage(given.page!);
  const { task, basis } = await openData(chosen);
  const runs = definitions.sweepRuns(chosen, basis);
  const asked = given.report ? [] : runs.filter(({ arm }) => given.arms.test(arm.name));
  for (const { recipe, name } of new Set(asked.map(({ arm }) => arm)))
    within(name, () => fit.checkFit(recipe, task.shapes, task.predictions));
  const folder = join(given.out, trainedFolder);
  const left = asked.filter((run) => !isFinished(folder, run)).length;
  const hours = definitions.estimatedHours(chosen, left, given.workers);
  io.stderr.write(
    `${chosen.title}: ${runs.length} runs, ${left} to do, about ${hours.toFixed(1)} h on ${given.workers} cores\n`,
  );
  for (const reason of stale.staleResults(folder, asked, basis)) io.stderr.write(`${reason}\n`);
  if (given.estimate) {
    const { name, title } = chosen;
    if (given.json)
      io.stdout.write(
        `${jsonText({ name, title, runs: runs.length, left, hours, workers: given.workers }, 2)}\n`,
      );
    return exitCodes.done;
  }
  for (const part of [trainedFolder, chosen.name]) prepareFolder(join(given.out, part), '--out');
  pages?.preparePage(given.page!);
  const { failures, signal } = await trainRuns({ sweep: chosen, basis, folder }, asked, given.workers, io);
  const results = sweepResults(chosen, runs, folder, failures, stale.staleResults(folder, runs, basis));
  await report(results, file, folder, given, io);
  if (signal !== null) return signalExitCodes[signal];
  return failures.size > 0 ? exitCodes.failure : exitCodes.done;
}

/** The command; its action hands the exit code to `done`. */
export function sweepCommand(io: Io, done: (code: number) => void): Command {
  const command = new Command('sweep')
    .description('Train a grid of recipes, seeds and learning rates in worker processes, and compare them.')
    .argument('<sweep.json>', 'file with arms, seeds and steps')
    .option('--workers <n>', 'processes at a time', integer('--workers', 1, 1024), availableParallelism())
    .option('--out <folder>', 'where run folders and the folder of the sweep go', 'runs')
    .option('--seeds <list>', "seeds separated by commas, in place of the file's")
    .addOption(
      new Option(
        '--arms <pattern>',
        'regular expression (RE2): train these arms only, and give --seeds to them',
      )
        .default(namePattern('^', '--arms'), 'all')
        .argParser((text: string) => namePattern(text, '--arms')),
    )
    .option('--report', 'train nothing: report what is finished')
    .option('--page <file.md>', 'also write a page with pictures and data beside it; its verdict is kept')
    .option('--estimate', 'say how long it takes, and train nothing')
    .option('--json', 'print the results, or the estimate, as JSON instead of a table');
  return addDataOptions(command)
    .addHelpText('after', help)
    .action(async (file: string, given: Given) => done(await sweep(file, given, io)));
}

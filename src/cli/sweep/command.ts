/**
 * `halfulp sweep` on the command line. What a sweep file holds is definition.ts, who trains is workers.ts, what comes
 * out is results.ts and page.ts.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { integer } from '../options.ts';
import { readJson } from '../read-json.ts';
import { formatTable } from '../text-table.ts';
import { writeWholeFile } from '../write-file.ts';

const help = `
The file names arms and seeds; docs/training.md describes it, docs/studies/ has examples. Runs go into OUT/NAME/, one
folder each; finished ones are skipped and stopped ones go on, so the same command again completes a sweep.
Writes results.json, results.csv and report.html there, also when stopped by Ctrl-C.`;

interface Given {
  readonly workers: number;
  readonly out: string;
  readonly text?: string;
  readonly json?: boolean;
  readonly estimate?: boolean;
}

async function sweep(file: string, given: Given, io: Io): Promise<number> {
  const [{ readSweep, sweepRuns, estimatedHours }, { isFinished, launchHalfulp, runAll }, results] =
    await Promise.all([import('./definition.ts'), import('./workers.ts'), import('./results.ts')]);
  const definition = readSweep(readJson(file, '<sweep.json>'));
  const runs = sweepRuns(definition, given.text);
  const folder = join(given.out, definition.name);
  const left = runs.filter((run) => !isFinished(folder, run)).length;
  const hours = estimatedHours(definition, left, given.workers);
  io.stderr.write(
    `${definition.title}: ${runs.length} runs, ${left} to do, about ${hours.toFixed(1)} h on ${given.workers} cores\n`,
  );
  if (given.estimate) return exitCodes.done;
  const failures = new Map<string, string>();
  const stop = listenForStop(io, {
    onStop: () => io.stderr.write('Stopping: runs finish their step and leave a checkpoint\n'),
    onQuit: () => {},
  });
  const began = performance.now();
  let ended = 0;
  try {
    await runAll(
      {
        ...{ sweep: definition, folder, workers: given.workers, text: given.text },
        launch: launchHalfulp,
        signal: stop.signal,
        onEnd({ arm, seed, id }, failure) {
          ended++;
          if (failure !== null) failures.set(id, failure);
          const minutes = (performance.now() - began) / 60_000;
          const rest = (minutes / ended) * (left - ended);
          io.stderr.write(
            `[${ended}/${left}] ${arm.name} seed ${seed}: ${failure ?? 'done'} (${minutes.toFixed(1)} min, about ${rest.toFixed(0)} left)\n`,
          );
        },
      },
      runs,
    );
  } finally {
    stop.close();
  }
  const rows = results.sweepRows(definition, runs, folder, failures);
  const json = { name: definition.name, steps: definition.steps, arms: rows.map(results.rowJson) };
  const text = `${JSON.stringify(json, null, 2)}\n`;
  writeWholeFile(join(folder, 'results.json'), text);
  writeWholeFile(join(folder, 'results.csv'), results.sweepCsv(rows));
  const { sweepPage } = await import('./page.ts');
  writeWholeFile(join(folder, 'report.html'), sweepPage(definition, runs, rows, folder));
  const table = results.sweepTable(rows);
  const width = io.stdout.isTTY ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  io.stdout.write(
    given.json ? text : formatTable(table.columns, table.rows, { width, emphasise: (words) => words }),
  );
  io.stderr.write(`Report: ${join(folder, 'report.html')}\n`);
  const signal = stop.stoppedBy();
  if (signal !== null) return signalExitCodes[signal];
  return failures.size > 0 ? exitCodes.failure : exitCodes.done;
}

/** The command; its action hands the exit code to `done`. */
export function sweepCommand(io: Io, done: (code: number) => void): Command {
  return new Command('sweep')
    .description('Train a grid of recipes, seeds and learning rates in worker processes, and compare them.')
    .argument('<sweep.json>', 'file with arms, seeds and steps')
    .option('--workers <n>', 'processes at a time', integer('--workers', 1, 1024), availableParallelism())
    .option('--out <folder>', 'where the folder of the sweep goes', 'runs')
    .option('--text <file>', 'text to train on, UTF-8 (default: Moby-Dick)')
    .option('--estimate', 'say how long it takes, and train nothing')
    .option('--json', 'print the results as JSON instead of a table')
    .addHelpText('after', help)
    .action(async (file: string, given: Given) => done(await sweep(file, given, io)));
}

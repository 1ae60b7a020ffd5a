/**
 * The main job: train every arm with every seed, show progress, and leave a table and a run folder. Everything that
 * can be wrong with the request is found before the folder is made; from then on whatever happens - an interrupt, a
 * failing arm, a full disk - what was measured is kept and shown.
 */

import { jsonText } from '../../json.ts';
import { divergenceInWords } from '../../train/divergence.ts';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import { allowsStyle, type Io } from '../io.ts';
import { loadProgress } from '../open-progress.ts';
import type { Part, Progress } from '../progress.ts';
import { freeName, makeRunFolder, openRecordLog, type RunFolder } from '../run-folder.ts';
import { bold, formatTable, wrapText } from '../text-table.ts';
import { loadText } from '../training-text.ts';
import { runConfig } from './config.ts';
import type { CompareOptions } from './options.ts';
import { type Comparison, comparisonJson } from './outcome.ts';
import { isEnded, planRuns, type Run, type RunObserver, trainRuns } from './runs.ts';
import { summarise } from './summary.ts';
import { comparisonTable, decimals } from './table.ts';
import type { OpenTrainer } from './trainer.ts';

/** What the job takes from outside, so that tests can replace it. */
interface CompareDependencies {
  readonly openTrainer: OpenTrainer;
  /** Clock in seconds. */
  now(): number;
  date(): Date;
}

function outcomeInWords({ status, result, steps: done }: Run, steps: number): string {
  if (result?.divergence) return `diverged at ${divergenceInWords(result.divergence)}`;
  const loss = result === null ? 'no result' : `validation ${decimals(result.validationLoss, 4)} nats/char`;
  if (status !== 'finished') return `${loss}, stopped at step ${done.length} of ${steps}`;
  return result === null ? loss : `${loss}, ${decimals(result.seconds, 1)} s`;
}

function partsOf(runs: readonly Run[], { seeds, steps }: CompareOptions): Part[] {
  return runs.map(({ arm, seed }) => ({
    label: seeds === 1 ? arm.name : `${arm.name} seed ${seed}`,
    kind: arm.name,
    steps,
    unit: 'characters' as const,
  }));
}

/** Runs the comparison and returns the exit code. */
export async function compare(
  options: CompareOptions,
  io: Io,
  dependencies: CompareDependencies,
): Promise<number> {
  const { now } = dependencies;
  const started = dependencies.date();
  const name = freeName(options.out, options.name, options.model, started);
  const data = await loadText(options.text);
  const [openProgress, { lossPlot }, { reportPage }, trainer] = await Promise.all([
    loadProgress(options.quiet, io, now),
    import('../report/loss-plot.ts'),
    import('../report/page.ts'),
    dependencies.openTrainer({
      ...options,
      data,
      evaluateEvery: options.evaluateEvery ?? Math.max(10, Math.round(options.steps / 20)),
    }),
  ]);

  const config = runConfig(options, trainer, data, started);
  const runs = planRuns(options.arms, options.seed, options.seeds);
  const folder = makeRunFolder(options.out, name);
  const progress = openProgress(partsOf(runs, options));
  const stop = listenForStop(io, { onStop: () => progress.stopping(), onQuit: () => progress.close() });

  let failure: unknown = null;
  try {
    folder.write('config.json', `${JSON.stringify(config, null, 2)}\n`);
    await recordRuns(runs, folder, progress, options.steps, (observer) =>
      trainRuns(runs, trainer, stop.signal, observer),
    );
  } catch (error) {
    failure = error;
  } finally {
    progress.close();
  }
  const summaries = summarise(options.arms, runs);
  const comparison: Comparison = {
    name,
    steps: options.steps,
    summaries,
    runs,
    complete: runs.every(isEnded),
    config,
  };
  try {
    if (!options.quiet) io.stderr.write('\n');
    show(comparison, options, io);
    folder.write('loss.svg', lossPlot(comparison));
    folder.write('report.html', reportPage(comparison));
    io.stderr.write(`\nReport: ${folder.path}/report.html\n`);
  } catch (error) {
    failure ??= error;
  } finally {
    stop.close();
  }
  if (failure !== null) throw failure;
  const signal = stop.stoppedBy();
  return signal === null ? exitCodes.done : signalExitCodes[signal];
}

/** Trains with every record going to `metrics.jsonl` and to the progress display. */
async function recordRuns(
  runs: readonly Run[],
  folder: RunFolder,
  progress: Progress,
  steps: number,
  train: (observer: RunObserver) => Promise<void>,
): Promise<void> {
  const log = openRecordLog(folder, 'metrics.jsonl');
  const record = (type: string, { arm, seed }: Run, values: object): void =>
    log.append({ type, arm: arm.name, seed, ...values });
  try {
    await train({
      runStarted: (run) => progress.partStarted(runs.indexOf(run)),
      step(run, values) {
        record('step', run, values);
        progress.step({
          step: run.steps.length,
          loss: values.loss,
          predictionsPerSecond: recentSpeed(run),
        });
      },
      evaluation: (run, values) => record('evaluation', run, values),
      phase: (run, values) => record('phase', run, values),
      runEnded(run) {
        record('result', run, { status: run.status, ...run.result });
        progress.partEnded(outcomeInWords(run, steps));
      },
    });
  } finally {
    log.close();
  }
}

/** Characters per second over the last ten steps; a single step varies too much to read. */
function recentSpeed({ steps }: Run): number {
  const recent = steps.slice(-10);
  const predictions = recent.reduce((sum, step) => sum + step.predictions, 0);
  return predictions / recent.reduce((sum, step) => sum + step.seconds, 0);
}

/** Writes the table, or JSON if asked for, to stdout. */
function show(comparison: Comparison, options: CompareOptions, io: Io): void {
  if (options.json) {
    io.stdout.write(`${jsonText(comparisonJson(comparison), 2)}\n`);
    return;
  }
  const { columns, rows, notes } = comparisonTable(comparison.summaries, options.steps);
  const width = io.stdout.isTTY ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  const emphasise = allowsStyle(io.stdout, io.environment) ? bold : (text: string): string => text;
  io.stdout.write(formatTable(columns, rows, { width, emphasise }));
  for (const note of notes) io.stdout.write(wrapText(note, width));
}

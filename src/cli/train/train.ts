/**
 * `halfulp train`: one run into one folder, with checkpoints, from the beginning or from where it stopped. The loop
 * is `train`; here are files, progress and signals.
 */
import { join } from 'node:path';
import { refusedAs } from '../../check.ts';
import { jsonText } from '../../json.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { readCheckpoint as readCheckpointFile } from '../../train/files.ts';
import {
  type Checkpoint,
  checkTraining,
  divergenceInWords,
  isLabelled,
  type Recipe,
  type TrainingData,
  type TrainResult,
  train,
} from '../../train/index.ts';
import { openBackend } from '../backend.ts';
import { claimFolder } from '../claim.ts';
import type { DataOptions } from '../data-options.ts';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import { isAbort, listenForStop, type StopListener } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { loadProgress, type OpenProgress } from '../open-progress.ts';
import type { Progress } from '../progress.ts';
import { checkpointPath } from '../run-checkpoint.ts';
import { readRecords, readResult } from '../run-files.ts';
import {
  continueRecordLog,
  continueRunFolder,
  freeName,
  makeRunFolder,
  type RunFolder,
} from '../run-folder.ts';
import { describeData, loadData } from '../training-data.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-files.ts';
import { configOf, type RunOptions, trainingOf } from './settings.ts';
import { teachersIn } from './teacher-files.ts';

export interface TrainCommandOptions extends RunOptions {
  readonly data: DataOptions;
  readonly out: string;
  readonly name: string | undefined;
  /** A run whose weights are the teacher's, or its checkpoint. */
  readonly teacher: string | undefined;
  readonly resume: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Steps that one checkpoint's record keeps: what came after it is done again. */
function isBefore(record: { type?: string; step?: number }, step: number): boolean {
  const { type, step: at = 0 } = record;
  return type === 'step' ? at <= step : (type === 'evaluation' || type === 'phase') && at < step;
}

/** Loss, and accuracy where there is one, in words. */
function measured(loss: number, accuracy: number | undefined): string {
  return accuracy === undefined
    ? `${loss.toFixed(4)} nats/char`
    : `${loss.toFixed(4)} nats, ${(100 * accuracy).toFixed(2)} % right`;
}

/** What came of a run in words: its validation, or where it diverged. */
function outcome({ divergence, validationLoss, validationAccuracy, inference }: TrainResult): string {
  if (divergence !== null) return `diverged at ${divergenceInWords(divergence)}`;
  const other = inference.map((one) => `; with ${one.name} weights ${measured(one.loss, one.accuracy)}`);
  return `validation ${measured(validationLoss, validationAccuracy)}${other.join('')}`;
}

function report({ name }: Recipe, seed: number, result: TrainResult): string {
  const { steps, bitsPerWeight, memory, seconds, interrupted } = result;
  const ending = interrupted ? ', stopped early' : '';
  return (
    `${name}, seed ${seed}: ${steps} steps in ${seconds.toFixed(1)} s${ending}\n` +
    (result.teacher === undefined ? '' : `taught by a float32 teacher that was ${result.teacher}\n`) +
    `${outcome(result)}; ${bitsPerWeight.toFixed(2)} bits a weight; ` +
    `${memory.bytesPerParameter.toFixed(2)} bytes a parameter for weights, state and gradients\n`
  );
}

const settingsOf = (options: TrainCommandOptions, data: TrainingData) => ({
  training: trainingOf(options),
  config: configOf(options, data),
});

/** The teacher that is given. */
function teacherOf(path: string | undefined): { readonly teacher?: Checkpoint } {
  if (path === undefined) return {};
  const accepted = 'the folder of a run with a checkpoint, or a checkpoint file';
  return { teacher: readCheckpointFile(checkpointPath('--teacher', path, accepted)) };
}

/** Runs the command and returns the exit code. */
export async function trainCommandRun(options: TrainCommandOptions, io: Io): Promise<number> {
  const { recipe, resume } = options;
  const data = await loadData(options.model, options.data);
  const settings = settingsOf(options, data);
  // Refused before there is a folder.
  const teacher = teacherOf(options.teacher);
  refusedAs(
    () => checkTraining({ ...settings.training, data, ...teacher }),
    ({ argument }) => argument.replace(/^teacher(?=$|\.)/, '--teacher'),
  );
  const name = resume ? options.name! : freeName(options.out, options.name, recipe.name, new Date());
  const [openProgress, tf] = await Promise.all([
    loadProgress(options.quiet, io, () => performance.now() / 1000),
    openBackend(options.backend),
  ]);
  const folder = resume ? continueRunFolder(options.out, name) : makeRunFolder(options.out, name);
  const isFinished = (): boolean => {
    const finished = resume ? readResult(folder.path) : null;
    if (finished !== null)
      io.stdout.write(options.json ? `${jsonText(finished, 2)}\n` : `${folder.path} is finished\n`);
    return finished !== null;
  };
  if (isFinished()) return exitCodes.done;
  let shown: Progress | null = null;
  const show: OpenProgress = (parts) => {
    shown = openProgress(parts);
    return shown;
  };
  // Before the claim, so that none is left behind.
  const stop = listenForStop(io, { onStop: () => shown?.stopping(), onQuit: () => shown?.close() });
  try {
    const claim = claimFolder(folder.path);
    try {
      // Whoever had the folder until now may have finished the run.
      if (isFinished()) return exitCodes.done;
      return await trainInto(
        folder,
        { tf, data, openProgress: show, stop, teacher, ...settings },
        options,
        io,
      );
    } finally {
      claim.release();
    }
  } finally {
    stop.close();
  }
}

interface Prepared extends ReturnType<typeof settingsOf> {
  readonly tf: TensorFlow;
  readonly data: TrainingData;
  readonly openProgress: OpenProgress;
  readonly stop: StopListener;
  readonly teacher: { readonly teacher?: Checkpoint };
}

/** Trains into a claimed folder, from its newest checkpoint if it is to go on. */
async function trainInto(
  folder: RunFolder,
  { tf, data, openProgress, stop, teacher, training, config }: Prepared,
  options: TrainCommandOptions,
  io: Io,
): Promise<number> {
  const { recipe, seed, steps, resume } = options;
  const checkpoint: Checkpoint | null = resume ? readCheckpoint(folder) : null;
  const from = checkpoint?.state.step ?? 0;
  const metrics = join(folder.path, 'metrics.jsonl');
  const kept = readRecords(metrics).filter((record) => isBefore(record, from));
  const written = { ...config, ...(teacher.teacher && { teacher: 'given' }) };
  if (checkpoint === null) folder.write('config.json', `${JSON.stringify(written, null, 2)}\n`);
  if (!options.quiet) io.stderr.write(`${describeData(data)}\n`);
  const unit = isLabelled(data) ? 'samples' : 'characters';
  const progress = openProgress([{ label: `${recipe.name} seed ${seed}`, kind: recipe.name, steps, unit }]);
  const records: { log: ReturnType<typeof continueRecordLog> | null } = { log: null };
  // Opened by the first record: a checkpoint of another run is refused before anything is written.
  const append = (record: object): void => {
    records.log ??= continueRecordLog(folder, 'metrics.jsonl', kept);
    records.log.append(record);
  };
  try {
    progress.partStarted(0);
    const result = await train({
      ...training,
      ...teacher,
      ...(recipe.teacher && !teacher.teacher && { teachers: teachersIn(options.out) }),
      tf,
      data,
      signal: stop.signal,
      ...(checkpoint === null ? {} : { resume: checkpoint }),
      onCheckpoint: (made) => writeCheckpoint(folder, made),
      onStep(record) {
        append({ type: 'step', ...record });
        progress.step({
          step: record.step,
          loss: record.loss,
          predictionsPerSecond: record.predictions / record.seconds,
        });
      },
      onEvaluation: (record) => append({ type: 'evaluation', ...record }),
      onPhase: (record) => append({ type: 'phase', ...record }),
      onTeacher({ recipe: name, steps: count, from: done }) {
        if (options.quiet) return;
        const rest = done > 0 ? `, of which ${done} are done` : '';
        io.stderr.write(`no teacher is given: training one first, ${name}, ${count} steps${rest}\n`);
      },
    });
    const { recipe: _recipe, ...numbers } = result;
    append({ type: 'result', ...numbers });
    // Of this process: of a run that was resumed, since it was taken up.
    const peakMemory = 1024 * process.resourceUsage().maxRSS;
    const text = `${jsonText({ ...numbers, peakMemory }, 2)}\n`;
    if (!result.interrupted) folder.write('result.json', text);
    progress.partEnded(outcome(result));
    progress.close();
    io.stdout.write(options.json ? text : report(recipe, seed, result));
  } catch (error) {
    // Before the run's first step there is nothing to report.
    if (!isAbort(error, stop.signal)) throw error;
    io.stderr.write(`${folder.path}: ${(error as Error).message}; --name ${folder.name} --resume goes on\n`);
  } finally {
    progress.close();
    records.log?.close();
  }
  const signal = stop.stoppedBy();
  return signal === null ? exitCodes.done : signalExitCodes[signal];
}

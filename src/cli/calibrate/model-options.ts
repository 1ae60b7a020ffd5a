/** What users say of a layers model that `calibrate` and `evaluate` run: its samples, and a loss. */
import type { Command } from 'commander';
import { checkAbsent } from '../../check.ts';
import { isFolder } from '../../files/read.ts';
import { type DataOptions, dataOptions } from '../data-options.ts';
import { choice } from '../options.ts';

/** The losses, under the names that TensorFlow.js and Keras have for them. */
export const lossNames = [
  'meanSquaredError',
  'meanAbsoluteError',
  'binaryCrossentropy',
  'categoricalCrossentropy',
  'sparseCategoricalCrossentropy',
  'softmaxCrossEntropy',
] as const;
export type LossName = (typeof lossNames)[number];

/** What is said of the samples. */
export interface ModelData {
  readonly inputs?: string;
  readonly targets?: string;
  readonly loss?: LossName;
}

export function addModelOptions(command: Command): Command {
  return command
    .option('--inputs <file>', 'of a model.json: .npy, .npz or safetensors with its inputs, samples first')
    .option('--targets <file>', 'of a model.json: file with what it should give for each of them')
    .option(
      '--loss <name>',
      `of a model.json: ${lossNames.join(', ')} (default: that of its trainingConfig)`,
      choice('--loss', lossNames),
    );
}

/** Whether a path is a model's file, not a run's. */
export const isModelFile = (path: string): boolean => path.endsWith('.json') && !isFolder(path);

/** Refuses options of models for a run. */
export function refuseModelData({ inputs, targets, loss }: ModelData): void {
  for (const [option, value] of Object.entries({ inputs, targets, loss }))
    checkAbsent(`--${option}`, value, 'nothing for a run, which has data of its own');
}

/** Refuses options of runs' data for a model. */
export function refuseRunData(given: DataOptions): void {
  for (const [option, value] of Object.entries(dataOptions(given)))
    checkAbsent(`--${option}`, value, 'nothing for a model file, whose samples are --inputs');
}

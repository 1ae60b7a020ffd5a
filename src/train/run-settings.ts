/**
 * The options of a run, checked and with their defaults, and what of them must be the same for a run to go on from a
 * checkpoint.
 */

import { integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { RunIdentity } from './checkpoint.ts';
import { hashData } from './hash.ts';
import { modelConfig } from './model-config.ts';
import { numericsVersion } from './numerics.ts';
import type { Recipe } from './recipe.ts';
import { checkRecipe } from './recipe-check.ts';
import { checkFit } from './recipe-fit.ts';
import { withCanonicalNames } from './recipe-names.ts';
import type { TrainOptions } from './records.ts';
import { type Task, taskOf } from './task.ts';

export interface Settings
  extends Required<Pick<TrainOptions, 'seed' | 'steps' | 'learningRate' | 'evaluateEvery'>> {
  readonly task: Task;
  /** With each format by its canonical name. */
  readonly recipe: Recipe;
  /** Windows or samples. */
  readonly evaluationSize: number;
  readonly probeEvery: number;
  readonly gradientDraws: number;
  readonly checkpointEvery: number;
}

/**
 * Checks the options of a run as `train` does before its first step: the recipe by itself and against the model, too.
 * @throws ArgumentError naming the option or the recipe's field that is wrong
 */
export function checkTraining(options: Omit<TrainOptions, 'tf'>): void {
  settingsOf(options);
}

/** Throws ArgumentError naming the option or the recipe's field that is wrong. */
export function settingsOf(options: Omit<TrainOptions, 'tf'>): Settings {
  const task = taskOf(modelConfig(options.model, options.batch), options.data);
  checkRecipe(options.recipe);
  checkFit(options.recipe, task.shapes, task.predictions);
  const learningRate = options.learningRate ?? task.config.learningRate;
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    throw new ArgumentError('learningRate', learningRate, 'a positive number');
  return {
    task,
    recipe: withCanonicalNames(options.recipe),
    learningRate,
    steps: integerInRange('steps', options.steps ?? Number.NaN, 1, 2 ** 21 - 1, 1),
    seed: integerInRange('seed', options.seed ?? Number.NaN, 0, Number.MAX_SAFE_INTEGER, 0),
    evaluateEvery: integerInRange('evaluateEvery', options.evaluateEvery, 0, 2 ** 32 - 1, 50),
    probeEvery: integerInRange('probeEvery', options.probeEvery, 0, 2 ** 32 - 1, 0),
    gradientDraws: integerInRange('gradientDraws', options.gradientDraws, 0, 65536, 0),
    checkpointEvery: integerInRange('checkpointEvery', options.checkpointEvery, 0, 2 ** 32 - 1, 0),
    evaluationSize: integerInRange(
      'evaluationWindows',
      options.evaluationWindows,
      1,
      2 ** 32 - 1,
      task.evaluationSize,
    ),
  };
}

/** What tells one run from another. */
export function identityOf({ tf, kernels = 'own' }: TrainOptions, settings: Settings): RunIdentity {
  const {
    task,
    recipe,
    seed,
    steps,
    learningRate,
    evaluateEvery,
    evaluationSize,
    probeEvery,
    gradientDraws,
  } = settings;
  return {
    recipe: hashData(recipe),
    model: task.config,
    seed,
    steps,
    learningRate,
    evaluateEvery,
    evaluationWindows: evaluationSize,
    probeEvery,
    gradientDraws,
    backend: `${tf.getBackend()}, ${kernels} kernels`,
    numerics: `${numericsVersion()}, TensorFlow.js ${tf.version_core}`,
    data: task.dataHash(),
  };
}

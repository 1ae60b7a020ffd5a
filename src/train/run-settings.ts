/**
 * The options of a run, checked and with their defaults, and what of them must be the same for a run to go on from a
 * checkpoint.
 */

import { checkAbsent, checkFields, checkFunction, integerInRange, numberInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { checkTensorFlow } from '../tfjs/check-tensorflow.ts';
import type { RunIdentity } from './checkpoint.ts';
import { hashData } from './hash.ts';
import { blocksOfModel, type ModelConfig, modelConfig } from './model-config.ts';
import { numericsVersion } from './numerics.ts';
import { type Recipe, settledRecipe } from './recipe.ts';
import { checkRecipe } from './recipe-check.ts';
import { checkFit } from './recipe-fit.ts';
import { withCanonicalNames } from './recipe-names.ts';
import type { TrainOptions } from './records.ts';
import type { Task } from './task.ts';
import { taskOf } from './tasks.ts';
import { hashOfTeacher, type TeacherWeights, weightsOfCheckpoint } from './teacher.ts';

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
  /** The weights of a teacher that was given. */
  readonly teacher: TeacherWeights | undefined;
}

const dataOptionNames: readonly (keyof TrainOptions)[] = [
  ...(['model', 'data', 'recipe', 'steps', 'seed', 'batch', 'learningRate', 'evaluateEvery'] as const),
  ...(['evaluationWindows', 'kernels', 'probeEvery', 'gradientDraws', 'resume', 'checkpointEvery'] as const),
  ...(['onCheckpoint', 'signal', 'onStep', 'onEvaluation', 'onPhase'] as const),
  ...(['teacher', 'teachers', 'onTeacher'] as const),
];

/** Whether it can stop a run: an AbortSignal, of whatever realm. */
const isSignal = (given: unknown): boolean =>
  typeof given === 'object' && typeof (given as AbortSignal | null)?.aborted === 'boolean';

/** Throws ArgumentError for what is no option, and for functions and signals that are none. */
function checkOptions(options: Omit<TrainOptions, 'tf'>, names: readonly string[]): void {
  checkFields('', options ?? null, names);
  const { signal, kernels, teachers } = options;
  oneOf('kernels', kernels, ['own', 'stock'], 'own');
  if (signal !== undefined && !isSignal(signal)) throw new ArgumentError('signal', signal, 'an AbortSignal');
  for (const name of ['onCheckpoint', 'onStep', 'onEvaluation', 'onPhase', 'onTeacher'] as const)
    if (options[name] !== undefined) checkFunction(name, options[name]);
  if (teachers !== undefined) {
    checkFields('teachers', teachers, ['read', 'write']);
    for (const name of ['read', 'write'] as const) checkFunction(`teachers.${name}`, teachers[name]);
  }
}

/**
 * Checks the options of a run as `train` does before its first step: the recipe by itself and against the model, too.
 * @throws ArgumentError naming the option or the recipe's field that is wrong
 */
export function checkTraining(options: Omit<TrainOptions, 'tf'>): void {
  checkOptions(options, dataOptionNames);
  resolve(options);
}

/** Throws ArgumentError naming the option or the recipe's field that is wrong. */
export function settingsOf(options: TrainOptions): Settings {
  checkOptions(options, ['tf', ...dataOptionNames]);
  checkTensorFlow(options.tf);
  return resolve(options);
}

/** Throws ArgumentError naming an objective for a block that the model has not. */
function checkBlocks({ phases }: Recipe, config: ModelConfig): void {
  const blocks = blocksOfModel(config);
  phases.forEach(({ objective }, i) => {
    const { features = 0, intervenes = false, block } = objective ?? {};
    const path = `recipe.phases[${i}].objective`;
    if (blocks === 0 && (features > 0 || intervenes))
      throw new ArgumentError(`${path}.features`, features, `nothing: ${config.name} has no blocks`);
    if (block !== undefined) integerInRange(`${path}.block`, block, 0, blocks - 1);
  });
}

function resolve(options: Omit<TrainOptions, 'tf'>): Settings {
  const task = taskOf(modelConfig(options.model, options.batch), options.data);
  checkRecipe(options.recipe);
  const steps = integerInRange('steps', options.steps ?? Number.NaN, 1, 2 ** 21 - 1, 1);
  checkFit(settledRecipe(options.recipe), task.shapes, task.predictions, steps);
  checkBlocks(settledRecipe(options.recipe), task.config);
  const { config } = task;
  if (config.kind === 'conv' && config.norm === 'batch' && options.recipe.teacher !== undefined)
    throw new ArgumentError(
      'recipe.teacher',
      options.recipe.teacher,
      `nothing: a teacher has no averages of ${config.name}'s batch norms`,
    );
  if (options.recipe.teacher === undefined)
    checkAbsent('teacher', options.teacher, 'nothing: the recipe has no teacher');
  if (options.recipe.teacher === undefined || options.teacher !== undefined)
    checkAbsent('teachers', options.teachers, 'nothing: no teacher is trained first');
  return {
    task,
    recipe: withCanonicalNames(settledRecipe(options.recipe)),
    learningRate: numberInRange('learningRate', options.learningRate, { above: 0 }, task.config.learningRate),
    steps,
    teacher: options.teacher && weightsOfCheckpoint('teacher', options.teacher, task),
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
    ...(settings.teacher && { teacher: hashOfTeacher(settings.teacher) }),
  };
}

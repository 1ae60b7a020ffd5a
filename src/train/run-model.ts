/** The model of a run, with the weights of its checkpoint: asked for losses, and calibrated on windows of its own data. */
import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import type { Calibration } from './calibration.ts';
import type { Checkpoint } from './checkpoint.ts';
import { crossEntropy } from './cross-entropy.ts';
import { type EngineParameter, parametersOf } from './engine/parameters.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { inRecipe } from './measured-layers.ts';
import type { Model } from './model.ts';
import { isLanguageModel, type ModelConfig, modelConfig } from './model-config.ts';
import { oneHot } from './one-hot.ts';
import { normOf } from './phases.ts';
import type { Recipe } from './recipe.ts';
import { float32 } from './recipes/baselines.ts';
import { restoreAverages } from './run-checkpoint.ts';
import type { Batch, Task } from './task.ts';
import { type TrainingData, taskOf } from './tasks.ts';
import { type TeacherWeights, weightsOfCheckpoint } from './teacher.ts';

/** A run and its data. */
export interface RunSource {
  readonly checkpoint: Checkpoint;
  /** Of the run: it says which norms the model has. */
  readonly recipe: Recipe;
  readonly data: TrainingData;
}

/** A run's model at work. `dispose` frees it. */
interface RunModel {
  readonly task: Task;
  readonly model: Model;
  readonly weights: TeacherWeights;
  dispose(): void;
}

/** The task of a run, and the weights of its checkpoint. Throws ArgumentError for other data, or weights that are not held in float32. */
function readTask({ checkpoint, data }: RunSource): Pick<RunModel, 'task' | 'weights'> {
  const { identity } = checkpoint.state;
  const task = taskOf(modelConfig(identity.model as never), data);
  if (task.dataHash() !== identity.data)
    throw new ArgumentError('data', data.name, 'the data that the run was trained on');
  return { task, weights: weightsOfCheckpoint('checkpoint', checkpoint, task) };
}

/** The model of a task with a run's weights. */
function modelWith(
  tf: TensorFlow,
  task: Task,
  { checkpoint, recipe }: RunSource,
  weights: TeacherWeights,
): Model {
  const { identity, phase } = checkpoint.state;
  const model = task.createModel(tf, identity.seed, normOf(recipe, phase));
  for (const one of model.parameters) model.load(one, weights.get(one.name)!);
  restoreAverages(model, checkpoint.arrays);
  return model;
}

/** Opens the model of a run. Throws ArgumentError for other data, or weights that are not held in float32. */
export function openRunModel(tf: TensorFlow, source: RunSource): RunModel {
  const { task, weights } = readTask(source);
  const model = modelWith(tf, task, source, weights);
  return { task, model, weights, dispose: () => model.dispose() };
}

/** Which windows of a run's data there are. */
interface Windows {
  /** Characters of a sequence. Default: those that the model sees at once. */
  readonly length?: number | undefined;
  /** Decides which they are. */
  readonly seed: number;
}

/** A run's model asked window by window: sequences of a text, or samples. `dispose` frees it. */
interface WindowProgram {
  readonly parameters: readonly EngineParameter[];
  /** By the names of parameters. */
  readonly weights: Map<string, Calibration>;
  answers(window: number): Tensor;
  loss(window: number): Scalar;
  dispose(): void;
}

/** The same model on so many sequences of a length, or samples, at once. */
function configOf(config: ModelConfig, count: number, length: number | undefined): ModelConfig {
  if (!isLanguageModel(config)) {
    if (length !== undefined)
      throw new ArgumentError('length', length, 'nothing for a model that classifies samples');
    return { ...config, samples: count };
  }
  return { ...config, sequences: count, context: length ?? config.context };
}

/** Opens the model of a run on windows of its training data. Throws ArgumentError. */
export function openRunWindows(tf: TensorFlow, source: RunSource, { length, seed }: Windows): WindowProgram {
  const { weights } = readTask(source);
  const config = configOf(modelConfig(source.checkpoint.state.identity.model as never), 1, length);
  const task = taskOf(config, source.data);
  const model = modelWith(tf, task, source, weights);
  const answersTo = (batch: Batch) => model.forward(batch.inputs(tf));
  return {
    parameters: parametersOf(model),
    weights: new Map(
      model.parameters.map(({ name, shape }) => [name, { shape, values: weights.get(name)! }]),
    ),
    answers: (window) => answersTo(task.trainingBatch(window, seed)),
    loss: (window) => {
      const batch = task.trainingBatch(window, seed);
      return crossEntropy(tf, answersTo(batch), oneHot(tf, batch.targets, task.outputs));
    },
    dispose: () => model.dispose(),
  };
}

/** What a run's model loses on the validation part, or so many windows or samples of it, with some weights replaced, read as a recipe says. */
export async function runLoss(
  tf: TensorFlow,
  { task, model, weights }: RunModel,
  {
    replaced = new Map(),
    limit,
    recipe = float32(),
  }: {
    readonly replaced?: TeacherWeights | undefined;
    readonly limit?: number | undefined;
    readonly recipe?: Recipe | undefined;
  } = {},
): Promise<Evaluation> {
  for (const one of model.parameters) model.load(one, replaced.get(one.name) ?? weights.get(one.name)!);
  const part = task.validation(limit);
  const call = { batchNorm: { folded: false, statistics: 'moving' } } as const;
  const parameters = parametersOf(model);
  const within = <T>(_: number, fn: () => T): T => inRecipe(tf, parameters, recipe, fn);
  return (await evaluate(tf, task, model, part, { call, within }))!;
}

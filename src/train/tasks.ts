/** The tasks that there are, by model and data: text-task.ts and classification-task.ts. */
import { atMost, checkObject, integerInRange } from '../check.ts';
import { sizeOf } from '../shape.ts';
import { classificationTask } from './classification-task.ts';
import { convNetShapes, imageOf, stagesOf } from './conv-net.ts';
import type { LabelledData } from './labelled-data.ts';
import { languageModelShapes } from './language-model.ts';
import { mlpShapes } from './mlp.ts';
import type { Parameter, ParameterShape } from './model.ts';
import { type ModelConfig, modelConfig } from './model-config.ts';
import type { Task } from './task.ts';
import type { TextData } from './text-data.ts';
import { textTask } from './text-task.ts';

/** What a model can be trained on: a text, or samples with classes. */
export type TrainingData = TextData | LabelledData;

const dataWords = 'a text (textData), or samples with classes (labelledData)';

/** Whether data are samples with classes. */
export function isLabelled(data: TrainingData): data is LabelledData {
  return 'classes' in checkObject('data', data, dataWords);
}

/** Parameters of the largest model: with gradients and two moments they take 1 GiB of the 4 GiB that wasm backends have. */
const mostParameters = 2 ** 26;
/** Characters, features or classes. */
const mostEnds = 2 ** 24;
/** Numbers of a step's activations, 1 GiB of them too. */
const mostActivations = 2 ** 28;

/** Numbers that a step keeps for its backward pass for each row, about. */
function activationsOfRow(config: ModelConfig, inputs: number, outputs: number): number {
  const ends = inputs + 2 * outputs;
  if (config.kind === 'mlp') return config.hidden.reduce((sum, width) => sum + 2 * width, ends);
  if (config.kind === 'conv')
    return stagesOf(config, imageOf(config, inputs)).stages.reduce(
      (sum, stage) => sum + stage.height * stage.width * (stage.inputs + 3 * stage.outputs),
      ends,
    );
  const { layers, width, hidden, heads, context, experts } = config;
  const mixed = (experts?.count ?? 0) * (3 * hidden + 3 * width);
  return ends + layers * (7 * width + 3 * hidden + heads * context + mixed);
}

/** Throws ArgumentError naming what of a task's model or batch is too large to be held. */
function checkExtent({ config, predictions, inputs, outputs, shapes }: Task): void {
  const parameters = shapes.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  atMost('model', parameters, mostParameters, `parameters of ${config.name}`);
  const activations = predictions * activationsOfRow(config, inputs, outputs);
  atMost('batch', activations, mostActivations, `activations, of ${predictions} rows`);
}

/**
 * The task of a model and its data.
 * @throws ArgumentError naming `model` if it is not for such data or too large, `batch` if that is too large, or `data` if
 * they are too few.
 */
export function taskOf(config: ModelConfig, data: TrainingData): Task {
  const task = isLabelled(data) ? classificationTask(config, data) : textTask(config, data);
  checkExtent(task);
  return task;
}

/** Every parameter of a model before it is made; inputs and outputs as of {@link parameterCounts}. */
export function parameterShapes(
  config: ModelConfig,
  inputs: number,
  outputs: number = inputs,
): ParameterShape[] {
  if (config.kind === 'mlp') return mlpShapes(config, inputs, outputs);
  return config.kind === 'conv'
    ? convNetShapes(config, inputs, outputs)
    : languageModelShapes(config, inputs);
}

/**
 * Sizes of every parameter: for reports, without making a model.
 * @param inputs Different characters of the text, or features of a sample.
 * @param outputs Different characters, or classes.
 * @throws ArgumentError naming `model` or its field, `inputs` or `outputs`.
 */
export function parameterCounts(
  config: ModelConfig,
  inputs: number,
  outputs: number = inputs,
): { name: string; role: Parameter['role']; size: number }[] {
  modelConfig(config);
  integerInRange('inputs', inputs, 1, mostEnds);
  integerInRange('outputs', outputs, 1, mostEnds);
  if (config.kind === 'conv') imageOf(config, inputs);
  return parameterShapes(config, inputs, outputs).map(({ name, role, shape }) => ({
    name,
    role,
    size: sizeOf(shape),
  }));
}

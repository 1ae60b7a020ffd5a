/** Classification: a multilayer perceptron or a convolutional net, and samples with classes. */
import { ArgumentError } from '../errors.ts';
import { convNetShapes, createConvNet, imageOf } from './conv-net.ts';
import { hashArrays } from './hash.ts';
import { checkLabelled, gatherRows, type LabelledData, type LabelledPart } from './labelled-data.ts';
import { createMlp, mlpShapes } from './mlp.ts';
import { type ConvNetConfig, isLanguageModel, type MlpConfig, type ModelConfig } from './model-config.ts';
import { randomIndices } from './random.ts';
import type { Batch, Task } from './task.ts';

/** The samples of a part at `indices`, in that order. */
function gather({ inputs, labels }: LabelledPart, indices: Int32Array, features: number): Batch {
  return {
    targets: Int32Array.from(indices, (index) => labels[index]!),
    inputs: (tf) => tf.tensor2d(gatherRows(inputs, indices, features), [indices.length, features]),
  };
}

/** How the model of a configuration is made for samples of so many numbers and so many classes. */
function makerOf(
  config: MlpConfig | ConvNetConfig,
  inputs: number,
  outputs: number,
): Pick<Task, 'shapes' | 'createModel'> {
  if (config.kind === 'mlp')
    return {
      shapes: mlpShapes(config, inputs, outputs),
      createModel: (tf, ...rest) => createMlp(tf, config, { inputs, outputs }, ...rest),
    };
  const image = imageOf(config, inputs);
  return {
    shapes: convNetShapes(config, inputs, outputs),
    createModel: (tf, ...rest) => createConvNet(tf, config, { image, outputs }, ...rest),
  };
}

/** See {@link Task}; throws ArgumentError naming `model` or a field of `data`. */
export function classificationTask(config: ModelConfig, data: LabelledData): Task {
  checkLabelled(data);
  if (isLanguageModel(config))
    throw new ArgumentError('model', config.name, `mlp or conv for the labelled data ${data.name}`);
  const { samples } = config;
  const { features, classes, training, validation } = data;
  return {
    config,
    inputs: features,
    outputs: classes.length,
    ...makerOf(config, features, classes.length),
    predictions: samples,
    hasAccuracy: true,
    evaluationSize: 2000,
    dataHash: () =>
      hashArrays(classes, [training.inputs, training.labels, validation.inputs, validation.labels]),
    trainingBatch: (step, seed) =>
      gather(training, randomIndices(samples, training.labels.length, seed, step, 'data/batch'), features),
    validation(limit = Number.POSITIVE_INFINITY) {
      const all = validation.labels.length;
      const count = Math.min(all, limit);
      const chosen = Int32Array.from({ length: count }, (_, i) => Math.floor((i * all) / count));
      return {
        predictions: count,
        *batches() {
          for (let first = 0; first < count; first += samples)
            yield gather(validation, chosen.subarray(first, first + samples), features);
        },
      };
    },
  };
}

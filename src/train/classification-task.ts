/** Classification: a multilayer perceptron and samples with classes. */
import { ArgumentError } from '../errors.ts';
import { hashArrays } from './hash.ts';
import { checkLabelled, gatherRows, type LabelledData, type LabelledPart } from './labelled-data.ts';
import { createMlp, mlpShapes } from './mlp.ts';
import type { ModelConfig } from './model-config.ts';
import { randomIndices } from './random.ts';
import type { Batch, Task } from './task.ts';

/** The samples of a part at `indices`, in that order. */
function gather({ inputs, labels }: LabelledPart, indices: Int32Array, features: number): Batch {
  return {
    targets: Int32Array.from(indices, (index) => labels[index]!),
    inputs: (tf) => tf.tensor2d(gatherRows(inputs, indices, features), [indices.length, features]),
  };
}

/** See {@link Task}; throws ArgumentError naming `model` or a field of `data`. */
export function classificationTask(config: ModelConfig, data: LabelledData): Task {
  checkLabelled(data);
  if (config.kind !== 'mlp')
    throw new ArgumentError('model', config.name, `mlp for the labelled data ${data.name}`);
  const { samples } = config;
  const { features, classes, training, validation } = data;
  const sizes = { inputs: features, outputs: classes.length };
  return {
    config,
    outputs: classes.length,
    shapes: mlpShapes(config, features, classes.length),
    predictions: samples,
    hasAccuracy: true,
    evaluationSize: 2000,
    dataHash: () =>
      hashArrays(classes, [training.inputs, training.labels, validation.inputs, validation.labels]),
    createModel: (tf, seed, extraNorm) => createMlp(tf, config, sizes, seed, extraNorm),
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

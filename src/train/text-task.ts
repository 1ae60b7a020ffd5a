/** Next-character prediction: a language model and a text. */
import { ArgumentError } from '../errors.ts';
import { hashArrays } from './hash.ts';
import { createLanguageModel, languageModelShapes } from './language-model.ts';
import { isLanguageModel, type ModelConfig } from './model-config.ts';
import { oneHot } from './one-hot.ts';
import type { Batch, Task } from './task.ts';
import {
  checkLength,
  checkText,
  type TextData,
  trainingWindows,
  validationStarts,
  validationWindows,
  type Windows,
} from './text-data.ts';

/** See {@link Task}; throws ArgumentError naming `model` or `data`. */
export function textTask(config: ModelConfig, data: TextData): Task {
  checkText(data);
  if (!isLanguageModel(config))
    throw new ArgumentError('model', config.name, `a language model for the text ${data.name}`);
  const { context, sequences } = config;
  checkLength(data, context);
  const vocabulary = data.vocabulary.length;
  const batchOf = ({ inputs, targets }: Windows): Batch => ({
    targets,
    inputs: (tf) => oneHot(tf, inputs, vocabulary),
  });
  return {
    config,
    inputs: vocabulary,
    outputs: vocabulary,
    shapes: languageModelShapes(config, vocabulary),
    predictions: sequences * context,
    hasAccuracy: false,
    evaluationSize: 128,
    dataHash: () => hashArrays(data.vocabulary, [data.training, data.validation]),
    createModel: (tf, seed, extraNorm) => createLanguageModel(tf, config, vocabulary, seed, extraNorm),
    trainingBatch: (step, seed) => batchOf(trainingWindows(data, step, { seed, sequences, context })),
    validation(limit) {
      const starts = validationStarts(data, context, limit);
      return {
        predictions: starts.length * context,
        *batches() {
          for (let first = 0; first < starts.length; first += sequences)
            yield batchOf(validationWindows(data, starts.subarray(first, first + sequences), context));
        },
      };
    },
  };
}

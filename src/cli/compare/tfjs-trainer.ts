/**
 * The trainer of the real comparison: TensorFlow.js on the chosen backend, models and loop from `train`. It resolves
 * the settings to what `train` takes and contains no training of its own.
 */

import { refusedAs } from '../../check.ts';
import { type ModelConfig, modelConfig, parameterCounts, train } from '../../train/index.ts';
import { taskOf } from '../../train/tasks.ts';
import { openBackend } from '../backend.ts';
import type { OpenTrainer, TrainerSettings } from './trainer.ts';

/** The preset with the user's changes. */
function resolveModel({ model, batch, learningRate }: TrainerSettings): ModelConfig {
  const preset = modelConfig(model, batch);
  return { ...preset, learningRate: learningRate ?? preset.learningRate };
}

/** Starts TensorFlow.js; see {@link OpenTrainer}. */
export const openTrainer: OpenTrainer = async (settings) => {
  const { data, steps, evaluateEvery, backend, kernels } = settings;
  const model = resolveModel(settings);
  refusedAs(
    () => taskOf(model, data),
    () => '--text',
  );
  const tf = await openBackend(backend);
  const counts = parameterCounts(model, data.vocabulary.length);
  return {
    description: {
      model,
      parameters: counts.reduce((sum, { size }) => sum + size, 0),
      evaluateEvery,
    },
    train: (request) => train({ tf, model, data, steps, evaluateEvery, kernels, ...request }),
  };
};

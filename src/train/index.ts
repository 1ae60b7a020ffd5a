/**
 * `halfulp/train`: train a small language model under a low-precision recipe, with TensorFlow.js. The recipes are data;
 * the loop, the model and the optimiser are here.
 */

export { type TextData, type TextDataOptions, textData } from './data.ts';
export type { Evaluation } from './evaluate.ts';
export { linear } from './linear.ts';
export { mobyDick } from './moby-dick.ts';
export { parameterCounts } from './model.ts';
export { type ModelConfig, models } from './model-config.ts';
export { type AdamW, type AdamWSettings, adamW } from './optimizer.ts';
export {
  bitsPerWeight,
  checkRecipe,
  type EmulationSpec,
  type ExtraNorm,
  type LinearSlots,
  type Phase,
  plainSlots,
  type QuantizerSpec,
  type Recipe,
} from './recipe.ts';
export * as recipes from './recipes.ts';
export {
  type EvaluationRecord,
  type PhaseRecord,
  type StepRecord,
  type TrainOptions,
  type TrainResult,
  train,
} from './run.ts';
export { type Schedule, scheduleFactor } from './schedule.ts';
export { lossSpike, type Spike } from './spike.ts';

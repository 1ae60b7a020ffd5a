/**
 * `halfulp/train`: train a small language model or a classifier under a low-precision recipe, with TensorFlow.js. The recipes are data;
 * the loop, the models and the optimisers are here.
 */

export * as laws from '../laws/index.ts';
export {
  type Assignment,
  type AssignOptions,
  assignFormats,
  type Candidate,
  formatFront,
  type SensitiveLayer,
} from './assign-formats.ts';
export { assignXrNpe } from './assign-xr-npe.ts';
export { bitsPerWeight, type WeightReading } from './bits-per-weight.ts';
export {
  type Calibration,
  type CalibrationKind,
  type CalibrationOptions,
  calibrate,
} from './calibration.ts';
export {
  type Checkpoint,
  type CheckpointState,
  decodeCheckpoint,
  encodeCheckpoint,
  type RunIdentity,
} from './checkpoint.ts';
export type { AdaptSpec } from './controllers/adapt.ts';
export { type CsvOptions, csvData } from './csv.ts';
export type { Curve } from './curve.ts';
export { type Divergence, DivergenceError, divergenceInWords } from './divergence.ts';
export { type ApplyRecipeOptions, applyRecipe, type RecipeRun } from './engine/apply-recipe.ts';
export { decodeState, encodeState, type RecipeState } from './engine/state.ts';
export type { Evaluation } from './evaluate.ts';
export { canonicalJson, hashData } from './hash.ts';
export { type IdxArray, type IdxPair, idxData, readIdx } from './idx.ts';
export {
  type LabelledData,
  type LabelledOptions,
  type LabelledPart,
  labelledData,
  type Scaling,
} from './labelled-data.ts';
export {
  type LearnBits,
  type LearnSpec,
  type LinearSlots,
  type OperandForm,
  type OperandSpec,
  type OutputSpec,
  type PartialSlots,
  plainSlots,
  type QuantizerSpec,
} from './linear-slots.ts';
export { type MeasureOptions, measuredLayers } from './measured-layers.ts';
export { mnist } from './mnist.ts';
export { mobyDick } from './moby-dick.ts';
export {
  type ConvNetConfig,
  type LanguageModelConfig,
  type MlpConfig,
  type ModelConfig,
  modelConfig,
  models,
} from './model-config.ts';
export { numericsVersion } from './numerics.ts';
export {
  type AdafactorSettings,
  type AdamWSettings,
  adafactor,
  adamW,
  defaultAdafactor,
  defaultLion,
  defaultOptimizer,
  defaultSgd,
  type LionSettings,
  lion,
  type OptimizerOptions,
  type OptimizerSettings,
  type SgdSettings,
  type StateCodecSpec,
  sgd,
  type TrainingOptimizer,
} from './optimizers/index.ts';
export type { GradientProbe, OperandProbe, StepProbes, WeightProbes } from './probes.ts';
export type {
  EmulationSpec,
  EventAction,
  ExtraNorm,
  GivenRecipe,
  Inference,
  ObjectiveSpec,
  Phase,
  Recipe,
  RecipeEvent,
  Rule,
  RuleSet,
  RuleWhere,
  TeacherSpec,
} from './recipe.ts';
export { checkRecipe } from './recipe-check.ts';
export { recipeFrom } from './recipe-data.ts';
export * as recipes from './recipes/index.ts';
export type {
  EvaluationRecord,
  MemoryUse,
  PhaseRecord,
  StepRecord,
  TeacherRecord,
  TeacherStore,
  TrainOptions,
  TrainResult,
} from './records.ts';
export { type PhaseRoles, roleColumns, roleTable } from './role-table.ts';
export { rolesAsText } from './role-text.ts';
export { train } from './run.ts';
export { checkTraining } from './run-settings.ts';
export { type Schedule, scheduleFactor } from './schedule.ts';
export { type Sensitivity, sensitiveLayers } from './sensitive-layers.ts';
export type { Measure } from './sensitivity-kinds.ts';
export { logitSharpness, type SharpnessOptions } from './sharpness.ts';
export { lossSpike, type Spike } from './spike.ts';
export { ratioEdges, type SavedArray, type WeightStoreSpec, type WriteMeasure } from './stores/index.ts';
export { type PhaseIn, strengthAt } from './strength.ts';
export { isLabelled, parameterCounts, type TrainingData } from './tasks.ts';
export { type TextData, type TextDataOptions, textData } from './text-data.ts';
export type { GradientOperatorSpec, StepOperatorSpec, UpdateSpec } from './update/spec.ts';

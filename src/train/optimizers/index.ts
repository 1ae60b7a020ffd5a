/** Optimisers with state codecs, and gradient operators. */
import type { TensorFlow } from '../../tfjs/index.ts';
import { AdafactorRule } from './adafactor.ts';
import { AdamWRule } from './adamw.ts';
import { LionRule } from './lion.ts';
import type { Governor, OptimizerOptions, Rule, TrainingOptimizer } from './optimizer.ts';
import { optimizerFrom } from './rule-optimizer.ts';
import type { OptimizerSettings } from './settings.ts';
import { SgdRule } from './sgd.ts';

export { adafactor } from './adafactor.ts';
export { adamW } from './adamw.ts';
export { clipByGlobalNorm, globalNorm } from './clip.ts';
export { lion } from './lion.ts';
export type {
  Governor,
  OptimizerOptions,
  OptimizerState,
  StepLook,
  TrainingOptimizer,
  WriteBack,
} from './optimizer.ts';
export {
  type AdafactorSettings,
  type AdamWSettings,
  checkFedMomentum,
  checkFeedback,
  checkOptimizer,
  checkStateFit,
  checkValues,
  defaultAdafactor,
  defaultLion,
  defaultOptimizer,
  defaultSettings,
  defaultSgd,
  type LionSettings,
  momentsOf,
  type OptimizerSettings,
  type SgdSettings,
} from './settings.ts';
export { sgd } from './sgd.ts';
export { checkStateCodec, type HeldState, holdState, type StateCodecSpec } from './state-codec.ts';
export type { MomentCodecs } from './states.ts';

function ruleOf(tf: TensorFlow, settings: OptimizerSettings): Rule {
  switch (settings.kind) {
    case 'adamw':
      return new AdamWRule(tf, settings);
    case 'adafactor':
      return new AdafactorRule(tf, settings);
    case 'sgd':
      return new SgdRule(tf, settings);
    case 'lion':
      return new LionRule(tf, settings);
  }
}

/** Makes the optimiser that checked settings describe. */
export function optimizerOf(
  tf: TensorFlow,
  settings: OptimizerSettings,
  options: OptimizerOptions & { readonly governor?: Governor } = {},
): TrainingOptimizer {
  return optimizerFrom(tf, ruleOf(tf, settings), settings, options);
}

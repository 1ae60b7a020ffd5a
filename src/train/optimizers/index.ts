/** Optimisers with state codecs, and gradient operators. */
import type { TensorFlow } from '../../tfjs/index.ts';
import { adafactor } from './adafactor.ts';
import { adamW } from './adamw.ts';
import type { OptimizerDraws, TrainingOptimizer } from './optimizer.ts';
import type { OptimizerSettings } from './settings.ts';

export { adafactor } from './adafactor.ts';
export { adamW } from './adamw.ts';
export { clipByGlobalNorm } from './clip.ts';
export type { OptimizerDraws, OptimizerState, TrainingOptimizer } from './optimizer.ts';
export {
  type AdafactorSettings,
  type AdamWSettings,
  checkOptimizer,
  checkStateFit,
  defaultAdafactor,
  defaultOptimizer,
  type OptimizerSettings,
} from './settings.ts';
export { checkStateCodec, type HeldState, holdState, type StateCodecSpec } from './state-codec.ts';

/** Makes the optimiser that the settings describe. */
export function optimizerOf(
  tf: TensorFlow,
  settings: OptimizerSettings,
  draws: OptimizerDraws = {},
): TrainingOptimizer {
  return settings.kind === 'adamw' ? adamW(tf, settings, draws) : adafactor(tf, settings, draws);
}

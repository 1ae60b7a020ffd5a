/** The published recipes. Each function here is one that files name: `{ "recipe": "dqt", "bits": 8 }`. */
export { type AdaPTOptions, adaPT } from './adapt.ts';
export {
  type EfficientDmOptions,
  efficientDm,
  type L4qOptions,
  l4q,
  type QvgenOptions,
  qvgen,
} from './adapters.ts';
export type { RecipeOptions } from './base.ts';
export { bfloat16, float32 } from './baselines.ts';
export {
  type BitnetOptions,
  bitnet,
  bitnetSlots,
  bitnetTransition,
  type TransitionOptions,
} from './bitnet.ts';
export { type CoatOptions, coat } from './coat.ts';
export { type Dfp16Options, dfp16 } from './dfp.ts';
export {
  type DistillationOptions,
  distillation,
  type TeacherInterventionOptions,
  teacherIntervention,
} from './distillation.ts';
export { type EfficientQatOptions, efficientQat } from './efficient-qat.ts';
export { type Fp4DesignOptions, fp4Design } from './fp4-design.ts';
export { type Fp4DgeOptions, fp4Dge } from './fp4-dge.ts';
export { type Fp8HybridOptions, fp8Hybrid } from './fp8.ts';
export { type GaloreOptions, galore, type QGaloreOptions, qGalore } from './galore.ts';
export { type GaqatOptions, gaqat } from './gaqat.ts';
export { type GetaOptions, geta } from './geta.ts';
export { type HaloOptions, halo } from './halo.ts';
export { type IFairyOptions, ifairy } from './ifairy.ts';
export { type LsqOptions, lsq } from './lsq.ts';
export { type MantissaMaskOptions, mantissaMask } from './mantissa-mask.ts';
export { type MesaOptions, mesa } from './mesa.ts';
export { type MoteOptions, mote } from './mote.ts';
export { type Mxfp4Options, mxfp4 } from './mxfp4.ts';
export { type Nvfp4Options, nvfp4 } from './nvfp4.ts';
export { type QasOptions, qas } from './qas.ts';
export { type QuartetOptions, quartet } from './quartet.ts';
export { type QuestOptions, quest } from './quest.ts';
export { type S2fp8Options, s2fp8 } from './s2fp8.ts';
export { type ShiftQuantOptions, shiftQuant } from './shift-quant.ts';
export { type SpamOptions, type StableSpamOptions, spam, stableSpam } from './stable-spam.ts';
export { type Adam8bitOptions, adam8bit } from './states.ts';
export { bfloat16Weights, type DqtOptions, dqt, groupInt8Weights } from './stored-weights.ts';
export { type SwitchBackOptions, switchBack } from './switch-back.ts';
export {
  type DiffQOptions,
  diffQ,
  type GaussianWeightSamplingOptions,
  gaussianWeightSampling,
} from './weight-noise.ts';
export { type WhitepaperQatOptions, whitepaperQat } from './whitepaper-qat.ts';
export { type XrNpeFormat, type XrNpeOptions, xrNpe } from './xr-npe.ts';

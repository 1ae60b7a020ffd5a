/** Quantisers: scales, blocks and codes of tensors; the transforms around them, their gradients, their analysis. */
export {
  type Analysis,
  type AnalyzeOptions,
  analyze,
  type CodeCount,
  type ErrorPoint,
  errorAgainstBits,
} from './analysis/analyze.ts';
export {
  type BlockOptions,
  type BlockQuantizerOptions,
  blockQuantizerOptions,
} from './block-options.ts';
export {
  blend,
  blendGradient,
  differentiableFactor,
  type GradientData,
  type GradientName,
  type GradientRule,
  type Gradients,
  gradientNames,
  gradientRule,
  type Quantization,
} from './gradients/index.ts';
export type { Grouping } from './grouping.ts';
export { type QuantizedMatmulOptions, quantizedMatmul } from './matmul.ts';
export { canonicalQuantizerName, namedQuantizerOptions, roundingOrQuantizer, standsAlone } from './named.ts';
export { callRounding, kernelLayout, kernelPlan } from './on-kernels.ts';
export { type Direction, directions } from './power-of-two.ts';
export type { Explained } from './pullback.ts';
export { quantize } from './quantize.ts';
export { dequantize, type Quantized } from './quantized.ts';
export { type NamedOptions, namedQuantizer, type Quantizer, quantizer } from './quantizer.ts';
export {
  type CallOptions,
  checkCall,
  checkMemoryOptions,
  type NaNInGroups,
  nanTreatments,
  type QuantizerOptions,
  type ResolvedQuantizer,
} from './quantizer-options.ts';
export {
  type BlockError,
  leastStatistic,
  type ResolvedScale,
  type ScaleOptions,
  type Statistic,
  statistics,
} from './scale-options.ts';
export type { QuantizerState } from './tracking.ts';
export {
  type ClampResidualOptions,
  cancelInProduct,
  clampResidual,
  compose,
  type HadamardOptions,
  hadamard,
  type InProduct,
  keepOutliers,
  type LogShiftOptions,
  logShift,
  type NoiseOptions,
  type NoiseTransform,
  noise,
  type OutlierOptions,
  type PowerExpansionOptions,
  type PrescaleOptions,
  powerExpansion,
  prescale,
  type Residue,
  residueBytes,
  type ShiftGroupOptions,
  type SparseTerm,
  shiftGroups,
  sparseTerm,
  type Transform,
  type TransformContext,
  type TransformData,
  type Transformed,
  transform,
  transformerEngineSigns,
  transformNames,
} from './transforms/index.ts';

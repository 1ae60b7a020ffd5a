/** Quantisers: scales, blocks and codes of tensors. */
export {
  type BlockOptions,
  type BlockQuantizerOptions,
  blockQuantizerOptions,
  quantize,
} from './blocks.ts';
export { type QuantizedMatmulOptions, quantizedMatmul } from './matmul.ts';
export { callRounding, kernelLayout, kernelPlan } from './on-kernels.ts';
export {
  type CallOptions,
  checkCall,
  type NaNInGroups,
  nanTreatments,
  type QuantizerOptions,
  type ResolvedQuantizer,
} from './options.ts';
export { type Direction, directions } from './power-of-two.ts';
export type { Explained } from './pullback.ts';
export { dequantize, type Quantized } from './quantized.ts';
export { type Quantizer, quantizer } from './quantizer.ts';
export {
  type BlockError,
  leastStatistic,
  type ResolvedScale,
  type ScaleOptions,
  type Statistic,
  statistics,
} from './scale-options.ts';
export type { QuantizerState } from './tracking.ts';

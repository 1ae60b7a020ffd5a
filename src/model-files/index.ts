/**
 * `halfulp/model-files`: model files of others, in Node. Tensors of safetensors, TensorFlow.js, ONNX and NumPy files are quantised a part
 * at a time, written as codes and scales or as values in the file's own layout, read back to the same bits, and looked at.
 *
 * Files are read as if anybody had written them. A file is written under a temporary name, flushed and renamed.
 */
export {
  type ActivationRange,
  type ActivationRangeOptions,
  activationRange,
  type ChannelMaskOptions,
  type ChannelMaskResult,
  channelMask,
  type KmeansOptions,
  type KmeansResult,
  kmeansCodebooks,
  type LowRankOptions,
  type LowRankResult,
  lowRankError,
  type MatrixShape,
  type MinifloatCandidate,
  type MinifloatOptions,
  type MinifloatResult,
  type RangeName,
  type SecondOrderOptions,
  type SecondOrderResult,
  searchMinifloat,
  secondOrder,
} from '../after/index.ts';
export type { Dtype } from '../files/safetensors.ts';
export {
  type DequantizedTensor,
  type DequantizeModelOptions,
  dequantizeModel,
} from './dequantize-model.ts';
export {
  type InspectModelOptions,
  type IntegerFigures,
  inspectModel,
  type ModelFigures,
  type NumberFigures,
  type QuantizedFigures,
  type TensorFigures,
} from './inspect-model.ts';
export type { Errors } from './measures.ts';
export type { AfterMethod } from './method-names.ts';
export type { ModelFile, ModelFileKind, StoredTensor } from './model-file.ts';
export { openModel } from './open-model.ts';
export { type ModelReport, quantizeModel, type TensorReport } from './quantize-model.ts';
export type { ModelProgress, QuantizeModelOptions } from './quantize-options.ts';
export type { ModelRule } from './rules.ts';

/**
 * halfulp: bit-exact emulation of low-precision arithmetic. Formats, rounding, arrays and quantisers; TensorFlow.js is
 * in `halfulp/tfjs`, training in `halfulp/train`.
 */
export { ArgumentError } from './errors.ts';
export {
  type Code,
  type CodebookFormat,
  type CodebookParameters,
  codebook,
  type FloatFormat,
  type FloatParameters,
  type Format,
  type FormatName,
  float,
  formats,
  type IntFormat,
  type IntParameters,
  int,
  type P3109Parameters,
  p3109,
  parseFormat,
  type Specials,
  type SubnormalEncoding,
} from './formats/index.ts';
export { allocateFloat32, allocateFloat64 } from './kernels/index.ts';
export {
  philox4x32,
  type RandomOptions,
  type RoundingMode,
  type RoundOptions,
  randomIntegers,
  roundingModes,
  type Saturation,
  type StochasticVariant,
  type SubnormalTreatment,
  saturations,
  stochasticVariants,
  subnormalTreatments,
} from './rounding/index.ts';
export {
  type CodeArray,
  decode,
  type EncodeOptions,
  encode,
  type Quantizer,
  type QuantizerOptions,
  quantizer,
  type RealArray,
  type RoundArrayOptions,
  round,
} from './tensor/index.ts';

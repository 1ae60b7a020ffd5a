/** Arrays in simulated precision: rounding, encoding, quantisers. */
export {
  type CodeArray,
  decode,
  type EncodeOptions,
  encode,
  fitsBinary32,
  type RealArray,
  type RoundArrayOptions,
  round,
} from './arrays.ts';
export { type FlipOptions, flipBits, significantDigits } from './faults.ts';
export {
  type BlockError,
  type BlockOptions,
  blockQuantizerOptions,
  type CallOptions,
  type Direction,
  dequantize,
  type Explained,
  type NaNInGroups,
  type Quantized,
  type Quantizer,
  type QuantizerOptions,
  type QuantizerState,
  quantize,
  quantizer,
  type ScaleOptions,
  type Statistic,
} from './quantizers/index.ts';

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
export { groupScale, leastStatistic, type Quantizer, type QuantizerOptions, quantizer } from './quantizer.ts';

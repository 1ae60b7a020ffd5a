/** Numbers and typed arrays in simulated precision, as users call them: rounding, codes, arithmetic, faults. */

export { arithmetic } from './arithmetic.ts';
export {
  type CodeArray,
  type CodesOf,
  type DecodeOptions,
  decode,
  type EncodeOptions,
  encode,
  fitsBinary32,
  type HalfArray,
  type HalfResult,
  type Numbers,
  type RealArray,
  type RoundArrayOptions,
  round,
  type ValuesOf,
} from './conversions.ts';
export { type FlipOptions, flipBits, significantDigits } from './faults.ts';

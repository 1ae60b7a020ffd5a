/** Which numbers exist: formats, the catalogue, names. */

export {
  type BlockFloatingPointParameters,
  type BlockFormat,
  type BlockFormatName,
  bfp,
} from './block.ts';
export { type BlockParameters, block } from './block-parameters.ts';
export {
  type AnyFormat,
  type FormatName,
  formats,
  type P3109Parameters,
  p3109,
  scalarFormats,
} from './catalogue.ts';
export { type CodebookParameters, codebook } from './codebook.ts';
export { type ComplexCodebook, type ComplexNumber, roundToFourthRoots } from './complex.ts';
export { type FixedParameters, fixed } from './fixed.ts';
export { float } from './float.ts';
export type { FieldParameters, FloatParameters, LimitParameters } from './float-parameters.ts';
export type {
  Code,
  CodebookFormat,
  FixedFormat,
  FloatFormat,
  Format,
  IntFormat,
  LogarithmicFormat,
  PositFormat,
  Specials,
  SubnormalEncoding,
} from './format.ts';
export { type IntParameters, int } from './int.ts';
export { type LogarithmicParameters, logarithmic } from './logarithmic.ts';
export {
  type AnyFormatName,
  type BlockFormatSpelling,
  type CheckedFormat,
  canonicalName,
  type FormatArgument,
  type FormatOf,
  type FormatSpelling,
  findBlockFormat,
  isBlockFormat,
  isFormat,
  parseFormat,
  type QuantizerText,
  toFormat,
} from './names.ts';
export { classify, type NumberClass, nextDown, nextUp, ulp } from './neighbours.ts';
export { type PackOptions, pack, unpack } from './packing.ts';
export { type PositParameters, posit } from './posit.ts';
export { registerFormat } from './register.ts';
export type { NamedFormat } from './registered.ts';

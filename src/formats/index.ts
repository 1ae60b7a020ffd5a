/** Which numbers exist: formats, the catalogue, names. */

export { type FormatName, formats, type P3109Parameters, p3109, parseFormat, toFormat } from './catalogue.ts';
export { type CodebookParameters, codebook } from './codebook.ts';
export { float } from './float.ts';
export type { FloatParameters } from './float-parameters.ts';
export type {
  Code,
  CodebookFormat,
  FloatFormat,
  Format,
  IntFormat,
  Specials,
  SubnormalEncoding,
} from './format.ts';
export { type IntParameters, int } from './int.ts';

/** `quantize` in one call: a quantiser by its name, a tensor, and what is said of both. */
import { type Numbers, realArray } from '../array-kinds.ts';
import { checkAbsent, checkFields } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { BlockFormat } from '../formats/block.ts';
import { type BlockFormatSpelling, findBlockFormat, type QuantizerText } from '../formats/names.ts';
import {
  type BlockOptions,
  type BlockQuantizerOptions,
  blockFormatOptions,
  passedOn,
  picked,
  quantizerNames,
} from './block-options.ts';
import { namedQuantizerOptions } from './named.ts';
import type { Quantized } from './quantized.ts';
import { checkCall, type QuantizerOptions, resolveQuantizer, withoutParts } from './quantizer-options.ts';
import { QuantizerSteps } from './steps.ts';

const callNames = ['shape', 'random', 'update', 'threads'] as const;

/** What is said of block formats alone. */
const ofBlocks = ['tile', 'symmetric', 'rowScaled', 'fourOverSix', 'scaleMax'] as const;

/** The options of a quantiser with parts, and what is said beside its name. */
function optionsOfText(text: string, given: BlockQuantizerOptions): QuantizerOptions {
  const { scale, ...base } = namedQuantizerOptions(text);
  for (const field of ofBlocks)
    if (given[field] !== undefined && given[field] !== false)
      throw new ArgumentError(field, given[field], 'nothing but for block formats');
  const { axis } = given;
  if (scale.per !== 'block') checkAbsent('axis', axis, `nothing, with scales per ${scale.per}`);
  const more = { ...(axis !== undefined && { axis }), ...picked(given, ['direction']) };
  return { ...base, scale: { ...scale, ...more }, ...picked(given, passedOn) };
}

/**
 * Puts numbers into few bits.
 *
 * @param x A Float32Array, a Float64Array, a Float16Array or an array of numbers.
 * @param by A block format or its name (mxfp8e4m3, mxfp8e5m2, mxfp6e2m3, mxfp6e3m2, mxfp4, mxint8, nvfp4, bfp(...)), or the name of a
 *   quantiser with parts: `'int4/row'`, `'int8/block:32'` (`namedQuantizer`).
 * @returns Codes, scales, exact bytes, values: see `Quantized`. `dequantize` gives the values from codes and scales.
 * @throws ArgumentError for a wrong option; RangeError for NaN into a format without NaN, unless `nan` says otherwise.
 *
 * @example
 * const q = quantize(new Float32Array([1, 2.6, -7, 0]), 'mxfp4');
 * [...q.values]; // [1, 3, -6, 0]
 * q.scaleCodes[0]; // 127: the scale is 2^0
 * q.bytes; // 3: four codes of 4 bits and a scale of 8
 */
export function quantize<const T extends BlockFormatSpelling>(
  x: Numbers,
  by: BlockFormat | QuantizerText<T>,
  options?: BlockOptions,
): Quantized {
  const given = checkFields('', options, [...quantizerNames, ...callNames]);
  const own = picked(given, quantizerNames);
  const isText = typeof by === 'string' && findBlockFormat(by) === undefined;
  const made = isText ? optionsOfText(by, own) : blockFormatOptions(by, own);
  const steps = new QuantizerSteps(resolveQuantizer(made, withoutParts));
  const { shape, ...call } = picked(given, callNames);
  const numbers = realArray('x', x);
  return steps.quantize(numbers, shape === undefined ? [numbers.length] : shape, checkCall(call));
}

/**
 * 1.61 bits a weight: a mask of one bit for each column says which inputs matter; their weights have 4 bits, all others a sign and a scale for each
 * row. Source: Zhao et al., "PTQ1.61: Push the Real Limit of Extremely Low-Bit Post-Training Quantization Methods for Large Language
 * Models", arXiv 2502.13179; the scales here are the least-squares ones, not trained.
 */
import { checkAbsent, checkFields, integerInRange, numberInRange } from '../check.ts';
import { namedQuantizer, type Quantized, type Quantizer } from '../quantizers/index.ts';
import { checkActivations, checkMatrix, type MatrixShape } from './matrix.ts';

export interface ChannelMaskOptions {
  /** Inputs of the layer, samples x columns, by which columns are judged. Default: all alike. */
  readonly activations?: Float32Array;
  /** How many parts the rows have that read columns of their own; inputs are those of each after those of the one before. Default 1. */
  readonly groups?: number;
  /** The part of the columns that are kept in more bits. Default 0.2. */
  readonly part?: number;
  /** The quantiser of these columns: itself or its name. Default `'int4/row/mse'`. */
  readonly quantizer?: Quantizer | string;
}

export interface ChannelMaskResult {
  readonly values: Float32Array;
  /** 1 for columns that matter. */
  readonly mask: Uint8Array;
  /** The scale of each row's signs, binary32. */
  readonly scales: Float32Array;
  /** Of the other columns, row by row: 1 for weights below 0. */
  readonly signs: Uint8Array;
  /** The columns that matter, rows x their number; none: undefined. */
  readonly kept?: Quantized;
  /** Bits of mask, codes and scales. */
  readonly bits: number;
}

/** The mean square of each input of each group; 1 where there are none. */
function powerOf(activations: Float32Array | undefined, shape: MatrixShape, groups: number): Float64Array {
  const [, columns] = shape;
  const power = new Float64Array(groups * columns).fill(activations === undefined ? 1 : 0);
  if (activations === undefined) return power;
  checkActivations(activations, shape, groups);
  const read = activations.length / groups;
  for (let i = 0; i < activations.length; i++)
    power[Math.floor(i / read) * columns + (i % columns)]! += activations[i]! ** 2;
  return power.map((sum) => sum / (read / columns));
}

/** The weights that mask, signs and scales, and the values of the columns that matter, stand for. */
export function fromChannelMask(
  {
    mask,
    scales,
    signs,
    kept,
  }: Pick<ChannelMaskResult, 'mask' | 'scales' | 'signs'> & { readonly kept: ArrayLike<number> },
  [rows, columns]: MatrixShape,
): Float32Array {
  const values = new Float32Array(rows * columns);
  let [sign, own] = [0, 0];
  for (let at = 0; at < values.length; at++) {
    const scale = scales[Math.floor(at / columns)]!;
    values[at] = mask[at % columns] === 1 ? kept[own++]! : signs[sign++] === 1 ? -scale : scale;
  }
  return values;
}

/** The scale of a row's signs that makes its outputs' squared error least; where its inputs are all 0, the squared error of its weights. */
function signScale(row: Float32Array, mask: Uint8Array, power: Float64Array): number {
  let [sum, total, plain, count] = [0, 0, 0, 0];
  for (let j = 0; j < row.length; j++) {
    if (mask[j] === 1) continue;
    const size = Math.abs(row[j]!);
    sum += power[j]! * size;
    total += power[j]!;
    plain += size;
    count++;
  }
  return total > 0 ? sum / total : count > 0 ? plain / count : 0;
}

/**
 * Columns that matter in 4 bits, all others as signs.
 *
 * @param w The matrix, row by row.
 * @throws ArgumentError for what does not fit.
 * @example
 * const { values, bits } = channelMask(w, [256, 256], { activations });
 */
export function channelMask(
  w: Float32Array,
  shape: MatrixShape,
  given?: ChannelMaskOptions,
): ChannelMaskResult {
  const options = checkFields('', given, ['activations', 'groups', 'part', 'quantizer']);
  const { activations, quantizer = 'int4/row/mse' } = options;
  checkMatrix('w', w, shape);
  const [rows, columns] = shape;
  const part = numberInRange('part', options.part, { from: 0, to: 1 }, 0.2);
  const by = typeof quantizer === 'string' ? namedQuantizer(quantizer) : quantizer;
  const groups = integerInRange('groups', options.groups, 1, rows, 1);
  if (activations === undefined) checkAbsent('groups', options.groups, 'nothing without activations');
  const powers = powerOf(activations, shape, groups);
  const each = rows / groups;
  // What a column brings to the outputs' squares.
  const matter = new Float64Array(columns);
  for (let g = 0; g < groups; g++)
    for (let j = 0; j < columns; j++) {
      let squares = 0;
      for (let i = g * each; i < (g + 1) * each; i++) squares += w[i * columns + j]! ** 2;
      matter[j]! += powers[g * columns + j]! * squares;
    }
  const order = Array.from(matter.keys()).sort((a, b) => matter[b]! - matter[a]! || a - b);
  const chosen = order.slice(0, Math.round(part * columns)).sort((a, b) => a - b);
  const mask = new Uint8Array(columns);
  for (const j of chosen) mask[j] = 1;
  let bits = columns;
  let kept: Quantized | undefined;
  if (chosen.length > 0) {
    const own = Float32Array.from({ length: rows * chosen.length }, (_, at) => {
      const row = Math.floor(at / chosen.length);
      return w[row * columns + chosen[at % chosen.length]!]!;
    });
    kept = by.quantize(own, [rows, chosen.length]);
    bits += 8 * kept.bytes;
  }
  const scales = new Float32Array(rows);
  const signs = new Uint8Array(rows * (columns - chosen.length));
  let next = 0;
  for (let i = 0; i < rows; i++) {
    const power = powers.subarray(Math.floor(i / each) * columns);
    scales[i] = signScale(w.subarray(i * columns, (i + 1) * columns), mask, power);
    for (let j = 0; j < columns; j++) if (mask[j] === 0) signs[next++] = Number(w[i * columns + j]! < 0);
  }
  bits += rows * (columns - chosen.length) + (chosen.length < columns ? 32 * rows : 0);
  const values = fromChannelMask({ mask, scales, signs, kept: kept?.values ?? [] }, shape);
  return { values, mask, scales, signs, ...(kept !== undefined && { kept }), bits };
}

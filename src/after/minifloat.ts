/**
 * The float of so many bits that loses least of a tensor: search of exponent bits, significand bits and bias, against integers of the same bits.
 * Source: Aggarwal et al., "Post-Training Quantization with Low-precision Minifloats and Integers on FPGAs", arXiv 2311.12359.
 */

import { exponentOf } from '../binary64.ts';
import { checkFields, checkSome, integerInRange } from '../check.ts';
import { float } from '../formats/index.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { type QuantizerOptions, quantizer } from '../quantizers/index.ts';
import { checkFinite } from './matrix.ts';

export interface MinifloatOptions {
  /** Bits, with the sign: 3 to 8. Default 4. */
  readonly bits?: number;
  /** How far the bias may be from the one that just holds the largest number. Default 3. */
  readonly reach?: number;
}

/** A format that was tried. */
export interface MinifloatCandidate {
  readonly quantizer: QuantizerOptions;
  readonly name: string;
  /** Squared error over squared numbers. */
  readonly error: number;
}

export interface MinifloatResult {
  /** The best one: of equals the first. */
  readonly best: MinifloatCandidate;
  /** All that were tried, those with the most exponent bits first, integers last. */
  readonly tried: readonly MinifloatCandidate[];
  readonly values: Float32Array;
  readonly bits: number;
}

/**
 * Searches the best float or integer of some bits for the numbers of a tensor. The scale of a float is its bias, a power of two; that
 * of integers is binary32.
 *
 * @throws ArgumentError for what does not fit.
 * @example
 * const { best } = searchMinifloat(w, { bits: 6 });
 */
export function searchMinifloat(w: Float32Array, given?: MinifloatOptions): MinifloatResult {
  const options = checkFields('', given, ['bits', 'reach']);
  checkSome('w', w, 'an array with numbers');
  checkFinite('w', w);
  const bits = integerInRange('bits', options.bits, 3, 8, 4);
  const reach = integerInRange('reach', options.reach, 0, 20, 3);
  let [most, squares] = [0, 0];
  for (const x of w) {
    most = Math.max(most, Math.abs(x));
    squares += x * x;
  }
  const top = most > 0 ? exponentOf(most) : 0;
  const plans: QuantizerOptions[] = [];
  const unscaled = { per: 'tensor', from: 'constant', value: 1 } as const;
  for (let exponentBits = bits - 1; exponentBits >= 2; exponentBits--)
    for (let shift = -reach; shift <= reach; shift++) {
      // The top exponent code stands for numbers, 2^top among them when shift is 0.
      const bias = 2 ** exponentBits - 1 - top - shift;
      const mantissaBits = bits - 1 - exponentBits;
      const format = float({ exponentBits, mantissaBits, bias, specials: 'finite' });
      // Near the ends of binary32 some have numbers beyond it.
      if (fitsBinary32(format)) plans.push({ format, scale: unscaled });
    }
  plans.push({ format: `int${bits}` as 'int4', scale: { per: 'tensor', from: 'absmax' } });
  plans.push({ format: `int${bits}` as 'int4', scale: { per: 'tensor', from: 'mse' } });
  let best = { at: -1, error: Infinity, values: w, bytes: 0 };
  const tried = plans.map((plan, at): MinifloatCandidate => {
    const made = quantizer(plan);
    const { values, bytes } = made.quantize(w);
    let error = 0;
    for (let i = 0; i < w.length; i++) error += (values[i]! - w[i]!) ** 2;
    const { format, scale } = made.toJSON();
    const name = scale.from === 'constant' ? String(format) : `${String(format)}/tensor/${scale.from}`;
    const relative = squares === 0 ? 0 : error / squares;
    if (relative < best.error) best = { at, error: relative, values: values as Float32Array, bytes };
    return { quantizer: made.toJSON(), name, error: relative };
  });
  const { at, values, bytes } = best;
  return { best: tried[at]!, tried, values, bits: 8 * bytes };
}

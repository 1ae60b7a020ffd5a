/**
 * A quantiser of one scale for the activations of a layer, found from what a calibration has seen of them: their range, a percentile of it, the
 * range of least squared error, or the float or integer of so many bits that loses least.
 * Sources: Jacob et al., arXiv 1712.05877, section 3 (affine ranges); Wu et al., "Integer quantization for deep learning inference",
 * arXiv 2004.09602, section 4.2 (percentiles); Aggarwal et al., arXiv 2311.12359 (minifloats).
 */
import { checkAbsent, checkFields, checkSome, numberInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type FormatSpelling, toFormat } from '../formats/index.ts';
import { type QuantizerOptions, quantizer } from '../quantizers/index.ts';
import { searchMinifloat } from './minifloat.ts';

export const rangeNames = ['minmax', 'percentile', 'mse'] as const;
export type RangeName = (typeof rangeNames)[number];

export interface ActivationRangeOptions {
  /** Of the elements: unsigned integers have a zero point, all others are symmetric. Default `'uint8'`. */
  readonly format?: FormatSpelling;
  /** All that was seen (default), a percentile of it, or what makes the squared error least. */
  readonly range?: RangeName;
  /** Of magnitudes, or of each end of an affine range: above 50, to 100. Default 99.9. */
  readonly percentile?: number;
  /** In place of a format: 3 to 8 bits of a float or an integer, exponent bits and bias searched for the least squared error. */
  readonly bits?: number;
}

export interface ActivationRange {
  /** A quantiser whose scale is a constant. */
  readonly quantizer: QuantizerOptions;
  /** Squared error over squared numbers. */
  readonly error: number;
}

/** Numbers that a search of affine ranges looks at, at most, evenly spread. */
const mostSearched = 2 ** 17;

/** The same quantiser with the scale, and the zero point, that it takes from some numbers. */
function constantOf(options: QuantizerOptions, x: Float32Array): QuantizerOptions {
  const made = quantizer(options);
  const { format, scale } = made.toJSON();
  if (scale.from === 'constant') return { format, scale };
  const { scales, zeroPoints, stored } = made.quantize(x);
  const [value] = scales;
  // Of zeros alone nothing is known.
  const known = value! > 0 && value! < Infinity ? value! : 1;
  const zeroPoint = zeroPoints?.[0];
  return {
    format,
    scale: {
      ...{ per: 'tensor', from: 'constant', value: known, stored },
      ...(zeroPoint !== undefined && { zeroPoint }),
    },
  };
}

/** Squared error over squared numbers. */
function errorOf(options: QuantizerOptions, x: Float32Array): number {
  const values = quantizer(options).fakeQuantize(x);
  let [error, squares] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    error += (values[i]! - x[i]!) ** 2;
    squares += x[i]! ** 2;
  }
  return squares === 0 ? 0 : error / squares;
}

/** The ends of what lies between two percentiles. */
function endsOf(x: Float32Array, percentile: number): [low: number, high: number] {
  const sorted = x.slice().sort();
  const at = (part: number): number => sorted[Math.round((part / 100) * (sorted.length - 1))]!;
  return [Math.min(at(100 - percentile), 0), Math.max(at(percentile), 0)];
}

function affine(
  format: FormatSpelling,
  x: Float32Array,
  range: RangeName,
  percentile: number,
): QuantizerOptions {
  const options: QuantizerOptions = { format, scale: { per: 'tensor', from: 'minmax' } };
  const [low, high] = endsOf(x, range === 'percentile' ? percentile : 100);
  const within = (part: number): QuantizerOptions =>
    constantOf(options, Float32Array.of(part * low, part * high));
  if (range !== 'mse') return within(1);
  const step = Math.ceil(x.length / mostSearched);
  const some = x.filter((_, i) => i % step === 0);
  let best = { options: within(1), error: Infinity };
  for (let percent = 100; percent >= 20; percent--) {
    const tried = within(percent / 100);
    const error = errorOf(tried, some);
    if (error < best.error) best = { options: tried, error };
  }
  return best.options;
}

/**
 * The quantiser for some activations.
 *
 * @throws ArgumentError for what does not fit.
 * @example
 * const { quantizer: x } = activationRange(activations, { format: 'uint8', range: 'percentile', percentile: 99.99 });
 */
export function activationRange(x: Float32Array, given?: ActivationRangeOptions): ActivationRange {
  const options = checkFields('', given, ['format', 'range', 'percentile', 'bits']);
  checkSome('x', x, 'an array with numbers');
  const wrong = x.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw new ArgumentError('x', wrong, 'finite numbers');
  const { bits, format: spelled = 'uint8' } = options;
  if (bits !== undefined) {
    for (const name of ['format', 'range', 'percentile'] as const)
      checkAbsent(name, options[name], 'nothing beside bits');
    const { best } = searchMinifloat(x, { bits });
    return { quantizer: constantOf(best.quantizer, x), error: best.error };
  }
  const range = oneOf('range', options.range, rangeNames, 'minmax');
  if (range !== 'percentile')
    checkAbsent('percentile', options.percentile, 'nothing, unless range is percentile');
  const percentile = numberInRange('percentile', options.percentile, { above: 50, to: 100 }, 99.9);
  const format = toFormat(spelled);
  const isAffine = format.kind === 'int' && !format.isSigned;
  const from = { minmax: 'absmax', percentile: 'percentile', mse: 'mse' } as const;
  const found = isAffine
    ? affine(spelled, x, range, percentile)
    : constantOf(
        {
          format: spelled,
          scale: { per: 'tensor', from: from[range], ...(range === 'percentile' && { percentile }) },
        },
        x,
      );
  return { quantizer: found, error: errorOf(found, x) };
}

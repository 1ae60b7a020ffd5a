/**
 * Quantisers: a format and a rounding with a scale taken from the tensor. This file is the reference, in value domain;
 * the WASM kernels and the TensorFlow.js op are its twins.
 *
 * Source: BitNet b1.58 (Ma et al., arXiv 2402.17764, section 2): absmean ternary weights, absmax 8-bit activations per
 * token.
 */
import { ArgumentError } from '../errors.ts';
import { toFormat } from '../formats/catalogue.ts';
import type { CodebookFormat, Format, IntFormat } from '../formats/format.ts';
import { type ResolvedRounding, type RoundingMode, resolveRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';

/** Plain data: a quantiser can be written to JSON and back. */
export interface QuantizerOptions {
  /** An integer format, or `ternary`. */
  readonly format: Format | string;
  /** Default `'nearest-even'`. */
  readonly rounding?: RoundingMode;
  readonly scale: {
    /** One scale for the whole tensor, or one for each row: the last axis of the shape. */
    readonly per: 'tensor' | 'row';
    /** The largest magnitude of the group, or the mean magnitude. */
    readonly from: 'absmax' | 'absmean';
  };
}

/** Element formats that a scale can serve: they are symmetric about 0 up to their largest value. */
type ElementFormat = IntFormat | CodebookFormat;

function elementFormat(given: Format | string): ElementFormat {
  const format = toFormat(given);
  const isList = format.kind === 'int' || format.kind === 'codebook';
  if (!isList || !format.has(0) || !format.has(-format.max))
    throw new ArgumentError('format', String(format), 'a signed int format or ternary');
  return format;
}

export interface Quantizer {
  readonly format: ElementFormat;
  readonly rounding: ResolvedRounding;
  readonly per: 'tensor' | 'row';
  readonly from: 'absmax' | 'absmean';
  /**
   * x quantised and dequantised: value = code / scale.
   *
   * @param shape Row-major shape of x; the last axis is a row. Default: one row.
   * @param out Where the values go; may be x. Default: a new array.
   * @throws ArgumentError if the shape does not fit x, or out is of another length.
   */
  fakeQuantize(x: Float32Array, shape?: readonly number[], out?: Float32Array): Float32Array;
  toJSON(): QuantizerOptions;
}

/** The least magnitude statistic that a scale is taken from, binary32: a group of zeros gets a finite scale. */
export const leastStatistic: number = Math.fround(1e-5);

/**
 * A quantiser. Every operation on scales and elements is one binary32 operation, rounded once:
 * scale = max / statistic; code = clamp(round(x scale)) to +-max; value = code / scale. The statistic is at least 1e-5
 * (rounded to binary32). `absmean` is the binary32-rounded quotient of a sum in binary64, four interleaved partial sums
 * (index mod 4) combined as (s0 + s1) + (s2 + s3). A group that holds a NaN or an infinity becomes NaN throughout.
 *
 * @example
 * const weights = quantizer({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } });
 * weights.fakeQuantize(new Float32Array([0.1, -0.4, 0.25, 0])); // [0.1875, -0.1875, 0.1875, 0]
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function quantizer(options: QuantizerOptions): Quantizer {
  const format = elementFormat(options.format);
  const { per, from } = options.scale ?? {};
  if (per !== 'tensor' && per !== 'row') throw new ArgumentError('scale.per', per, 'tensor, row');
  if (from !== 'absmax' && from !== 'absmean') throw new ArgumentError('scale.from', from, 'absmax, absmean');
  if (options.rounding === 'stochastic' || options.rounding === 'stochastic-equal')
    throw new ArgumentError('rounding', options.rounding, 'a deterministic mode');
  const rounding = resolveRounding(format, {
    rounding: options.rounding ?? 'nearest-even',
    saturation: 'finite',
  });

  function fakeQuantize(x: Float32Array, shape?: readonly number[], out?: Float32Array): Float32Array {
    const rowLength = checkShape(x, shape ?? [x.length]);
    const result = out ?? new Float32Array(x.length);
    if (result.length !== x.length) throw new ArgumentError('out', result, `${x.length} elements, as x`);
    const groupLength = per === 'row' ? rowLength : x.length;
    for (let start = 0; start < x.length; start += groupLength) {
      const end = start + groupLength;
      quantizeGroup(x.subarray(start, end), result.subarray(start, end), format, from, rounding);
    }
    return result;
  }

  return Object.freeze({
    format,
    rounding,
    per,
    from,
    fakeQuantize,
    toJSON: (): QuantizerOptions => ({
      format: format.name,
      rounding: rounding.rounding,
      scale: { per, from },
    }),
  });
}

function checkShape(x: Float32Array, shape: readonly number[]): number {
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== x.length) throw new ArgumentError('shape', shape, `lengths whose product is ${x.length}`);
  return shape[shape.length - 1] ?? 1;
}

/** The scale of a group (binary32): NaN if the group holds a NaN or an infinity. */
export function groupScale(group: Float32Array, from: 'absmax' | 'absmean', largest: number): number {
  const statistic = from === 'absmax' ? largestMagnitude(group) : meanMagnitude(group);
  if (!Number.isFinite(statistic)) return NaN;
  return Math.fround(largest / Math.max(statistic, leastStatistic));
}

function largestMagnitude(group: Float32Array): number {
  let largest = 0;
  // Math.max hands a NaN on.
  for (const value of group) largest = Math.max(largest, Math.abs(value));
  return largest;
}

function meanMagnitude(group: Float32Array): number {
  const sums: [number, number, number, number] = [0, 0, 0, 0];
  group.forEach((value, i) => {
    sums[(i % 4) as 0 | 1 | 2 | 3] += Math.abs(value);
  });
  return Math.fround((sums[0] + sums[1] + (sums[2] + sums[3])) / group.length);
}

function quantizeGroup(
  group: Float32Array,
  out: Float32Array,
  format: ElementFormat,
  from: 'absmax' | 'absmean',
  rounding: ResolvedRounding,
): void {
  const scale = groupScale(group, from, format.max);
  for (let i = 0; i < group.length; i++) {
    const code = roundScalar(Math.fround(group[i]! * scale), format, rounding, 0);
    // The asymmetric extra code of two's complement is left out: the range is +-max.
    out[i] = Math.max(code, -format.max) / scale;
  }
}

/**
 * A quantised tensor: codes, scales, exact bytes, packed storage, and back to values. No quantising happens here.
 */

import { byteArray } from '../array-kinds.ts';
import { checkLength } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { formats } from '../formats/catalogue.ts';
import type { CodeArray } from '../formats/codes.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { pack, unpack } from '../formats/packing.ts';
import { toBinary32 } from '../operations/carrier.ts';
import { decode, encode, type RealArray } from '../operations/conversions.ts';
import { axisIndex, countGroups, type Grouping, groupShape, lengthOf } from './grouping.ts';
import { loopsFor } from './on-kernels.ts';
import type { ResolvedQuantizer } from './quantizer-options.ts';
import { newScales, type Scales, useScale } from './scales.ts';
import { type Residue, residueBytes, type Transform, type TransformContext } from './transforms/transform.ts';

/** Codes, scales and values of one tensor. */
export interface Quantized {
  /** Row-major shape of the tensor. */
  readonly shape: readonly number[];
  /** One code an element, in the element format. Zero throughout a group whose scale is NaN. */
  readonly codes: CodeArray;
  readonly format: Format;
  /** The scales as numbers, one a group in row-major order of `scaleShape`. `stored` says how they are used. */
  readonly scales: Float32Array;
  /**
   * Decode scales, one a group, whatever is stored: `scales` where they are decode scales, their reciprocals
   * in binary32 (at most its largest number) where they are encode factors. This is what file formats keep: value = element * decode scale
   * (* tensor scale), but for that rounding (and for `prescale` and `gain`).
   */
  readonly decodeScales: Float32Array;
  /** The codes of the scales in their format. */
  readonly scaleCodes: CodeArray;
  readonly scaleFormat: FloatFormat;
  /** [] for one scale; the shape with blocks in place of elements along the axis; and so on. */
  readonly scaleShape: readonly number[];
  readonly grouping: Grouping;
  /** 'decode': value = element * scale (* tensorScale); 'encode': value = element / scale. */
  readonly stored: 'encode' | 'decode';
  /** The binary32 scale of the whole tensor, or one of each row. */
  readonly tensorScale?: number | Float32Array;
  /** The element that stands for 0, one a group: value = (element - zeroPoint) * scale. */
  readonly zeroPoints?: Float64Array;
  /** The dequantised tensor, of the kind that was given (numbers: Float64Array), rounded to it once. */
  readonly values: RealArray;
  /** Exact size of what must be stored: codes and scales densely packed, and what a transform keeps. */
  readonly bytes: number;
  /** What a transform keeps to be undone; stored apart from `pack`. */
  readonly residue: Residue;
  /**
   * Codes, scale codes, tensor scales (binary32, little-endian) and zero points, each packed densely from a whole byte on.
   * `bytes` less those of the residue.
   */
  pack(): Uint8Array;
}

/** What is stored, before it has bytes and values. */
interface Stored {
  readonly options: ResolvedQuantizer;
  readonly shape: readonly number[];
  readonly codes: CodeArray;
  readonly scales: Float32Array;
  readonly tensorScales: Float32Array | undefined;
  readonly zeroPoints: Float64Array | undefined;
  readonly residue: Residue;
}

/** Where dequantising goes back to. */
interface Restore {
  readonly transform: Transform | undefined;
  readonly context: TransformContext;
  /** The kind of array that values are. */
  readonly isFloat32: boolean;
}

const packedBytes = (count: number, bits: number): number => Math.ceil((count * bits) / 8);

// What dequantize reads beside the public fields, for each quantised tensor.
const hidden = new WeakMap<Quantized, Stored & Restore>();

/** The number of tensor scales: none, one, or one a row. */
function countTensorScales({ scale }: ResolvedQuantizer, shape: readonly number[]): number {
  if (scale.tensorScale === false) return 0;
  return scale.tensorScale === 'tensor' ? 1 : countGroups({ per: 'row' }, shape);
}

/** The row, or 0, whose tensor scale a group has: groups lie within rows. */
function tensorScaleOf(group: number, groups: number, count: number): number {
  return Math.floor((group * count) / groups);
}

/** The factors of the way out, from what is stored. */
function scalesOf({ options, scales, tensorScales }: Stored): Scales {
  const { scale } = options;
  const made = newScales(scales.length, scale);
  scales.forEach((stored, group) => {
    if (tensorScales === undefined) useScale(scale, made, group, stored, 1);
    else made.out[group] = stored * tensorScales[tensorScaleOf(group, scales.length, tensorScales.length)]!;
  });
  return made;
}

/**
 * The values of a quantised tensor, from its codes and scales alone: bit for bit its `values`.
 *
 * Each is the exact product (or, of a stored encode factor, quotient) of element and scales, rounded once to the array's kind,
 * and then transformed back.
 *
 * @throws ArgumentError for what `quantize` did not make.
 * @example
 * dequantize(quantize(new Float32Array([1, 2.6]), 'mxfp4')) // Float32Array [1, 3]
 */
export function dequantize(quantized: Quantized): RealArray {
  const known = hidden.get(quantized);
  if (known === undefined) throw new ArgumentError('quantized', quantized, 'a result of quantize or unpack');
  const { options, shape, codes, zeroPoints, residue, transform, context, isFloat32 } = known;
  const elements = decode(codes, options.format);
  const values = isFloat32 ? new Float32Array(elements.length) : new Float64Array(elements.length);
  const layout = { grouping: options.scale.grouping, shape };
  loopsFor(values, shape).outOfUnits(elements, values, layout, scalesOf(known), zeroPoints);
  return transform === undefined || !options.invert
    ? values
    : transform.inverse(values, shape, residue, context);
}

/** Completes what is stored; `values` are made from it where they are not known. */
export function quantized(stored: Stored, restore: Restore, values?: RealArray): Quantized {
  const { options, shape, codes, scales, tensorScales, zeroPoints, residue } = stored;
  const { format, scale } = options;
  const scaleCodes = encode(scales, scale.format);
  const zeroBytes = zeroPoints === undefined ? 0 : packedBytes(zeroPoints.length, format.bits);
  const own =
    packedBytes(codes.length, format.bits) +
    packedBytes(scales.length, scale.format.bits) +
    4 * (tensorScales?.length ?? 0) +
    zeroBytes;
  let made: RealArray | undefined = values;
  let decoding: Float32Array | undefined = scale.stored === 'decode' ? scales : undefined;
  const result: Quantized = Object.freeze({
    shape,
    codes,
    format,
    scales,
    get decodeScales(): Float32Array {
      decoding ??= scales.map((factor) => toBinary32(1 / factor));
      return decoding;
    },
    scaleCodes,
    scaleFormat: scale.format,
    scaleShape: groupShape(scale.grouping, shape),
    grouping: scale.grouping,
    stored: scale.stored,
    ...(tensorScales === undefined
      ? {}
      : { tensorScale: scale.tensorScale === 'tensor' ? tensorScales[0]! : tensorScales }),
    ...(zeroPoints === undefined ? {} : { zeroPoints }),
    get values(): RealArray {
      made ??= dequantize(result);
      return made;
    },
    bytes: own + residueBytes(residue),
    residue,
    pack(): Uint8Array {
      const parts = [pack(codes, format), pack(scaleCodes, scale.format)];
      if (tensorScales !== undefined)
        parts.push(pack(encode(tensorScales, formats.binary32), formats.binary32));
      if (zeroPoints !== undefined) parts.push(pack(encode(zeroPoints, format), format));
      const bytes = new Uint8Array(own);
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      return bytes;
    },
  });
  hidden.set(result, { ...stored, ...restore });
  return result;
}

/**
 * The inverse of `pack`.
 *
 * @throws ArgumentError for a number of bytes that does not fit the shape.
 */
export function unpackQuantized(
  bytes: Uint8Array,
  options: ResolvedQuantizer,
  shape: readonly number[],
  residue: Residue,
  restore: Restore,
): Quantized {
  const { format, scale } = options;
  const length = lengthOf(shape);
  if (scale.grouping.per === 'block') axisIndex(scale.grouping.axis ?? -1, shape);
  const groups = countGroups(scale.grouping, shape);
  const counts: [number, Format][] = [
    [length, format],
    [groups, scale.format],
    [countTensorScales(options, shape), formats.binary32],
    [scale.hasZeroPoint ? groups : 0, format],
  ];
  const expected = counts.reduce((sum, [count, { bits }]) => sum + packedBytes(count, bits), 0);
  const accepted = `a Uint8Array of ${expected} bytes for shape [${shape}]`;
  const whole = byteArray('bytes', bytes, accepted);
  checkLength('bytes', whole, expected, accepted, bytes);
  let at = 0;
  const [codes, scaleCodes, tensorCodes, zeroCodes] = counts.map(([count, of]) => {
    const size = packedBytes(count, of.bits);
    const part = unpack(whole.subarray(at, at + size), of, count);
    at += size;
    return part;
  }) as [CodeArray, CodeArray, CodeArray, CodeArray];
  const stored: Stored = {
    options,
    shape,
    codes,
    scales: Float32Array.from(decode(scaleCodes, scale.format)),
    tensorScales:
      scale.tensorScale === false ? undefined : Float32Array.from(decode(tensorCodes, formats.binary32)),
    zeroPoints: scale.hasZeroPoint ? Float64Array.from(decode(zeroCodes, format)) : undefined,
    residue,
  };
  return quantized(stored, restore);
}

/** Codes and factors of a quantised tensor, for products over codes. Throws ArgumentError for what `quantize` did not make. */
export function storedOf(given: Quantized): { stored: Stored; scales: Scales; restore: Restore } {
  const known = hidden.get(given);
  if (known === undefined) throw new ArgumentError('quantized', given, 'a result of quantize or unpack');
  return { stored: known, scales: scalesOf(known), restore: known };
}

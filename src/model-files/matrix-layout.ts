/**
 * How what methods after training make of a tensor lies in a safetensors file: beside codes and scales, codebooks, outliers, masks, signs and
 * factors. The tensor is a matrix, a row for each output. `docs/model-files.md` is the description for other programs.
 */
import { fromChannelMask, fromCodebooks, type MatrixShape, withErrorTerm } from '../after/index.ts';
import { bytesOf, type Dtype, dtypeNames } from '../files/safetensors.ts';
import type { CodeArray } from '../formats/codes.ts';
import { type Format, int } from '../formats/index.ts';
import { pack, unpack } from '../formats/packing.ts';
import { encode } from '../operations/index.ts';
import type { Quantized, Quantizer, QuantizerOptions } from '../quantizers/index.ts';
import { fields, integer, list, maybe, type Schema, word } from '../schema.ts';
import { sizeOf } from '../shape.ts';
import { bytesFrom, floatsFrom, integersFrom } from './dtypes.ts';
import { codesHeading, type Heading, layoutOf, nameSchema, quantizerSchema } from './layout.ts';

/** Methods that give more than codes and scales of the tensor as it is. */
export const matrixMethods = ['kmeans', 'lowRankError', 'bitmask', 'secondOrder'] as const;
export type MatrixMethod = (typeof matrixMethods)[number];

/** What is stored of a tensor beside what lies under its own name. */
export type PartKind =
  | ('scale' | 'tensorScale' | 'zeroPoint' | 'codebook' | 'outlierIndex' | 'outlier')
  | ('u' | 'v' | 'mask' | 'signScale' | 'kept');

/** The endings of their names. */
export const partEndings: Readonly<Record<PartKind, string>> = {
  ...{ scale: '_scale', tensorScale: '_tensor_scale', zeroPoint: '_zero_point' },
  ...{ codebook: '_codebook', outlierIndex: '_outlier_index', outlier: '_outlier' },
  ...{ u: '_u', v: '_v', mask: '_mask', signScale: '_sign_scale', kept: '_kept' },
};
export const partKinds: readonly PartKind[] = Object.keys(partEndings) as PartKind[];

/** What the metadata say of such a tensor, under its name. */
export type MatrixDescription = {
  readonly method: MatrixMethod;
  /** All but kmeans: of the matrix, or of its columns that matter. */
  readonly quantizer?: string | QuantizerOptions;
  /** 0: the outputs are the tensor's last axis. Default: they are its first. */
  readonly axis?: 0;
  /** In place of `axis`: all axes that are outputs, in the order of the rows. */
  readonly outputs?: readonly number[];
  readonly shape: readonly number[];
  /** The type of the tensor before. */
  readonly dtype: Dtype;
  readonly values: 'F32';
  /** kmeans: bits of a code, and how many weights are kept apart. */
  readonly bits?: number;
  readonly outliers?: number;
  /** lowRankError. */
  readonly rank?: number;
  /** bitmask: how many columns matter. */
  readonly columns?: number;
} & { readonly [kind in PartKind]?: string };

const size = maybe(integer(0, Number.MAX_SAFE_INTEGER));

export const matrixSchema: Schema<MatrixDescription> = fields({
  method: word(matrixMethods),
  quantizer: maybe(quantizerSchema),
  axis: maybe(word([0])),
  outputs: maybe(list(integer(0, 63), 0, 64)),
  shape: list(integer(1, Number.MAX_SAFE_INTEGER), 0, 64),
  dtype: word(dtypeNames),
  values: word(['F32']),
  ...{ bits: maybe(integer(1, 8)), outliers: size, rank: size, columns: size },
  ...(Object.fromEntries(partKinds.map((kind) => [kind, maybe(nameSchema)])) as Record<
    PartKind,
    ReturnType<typeof maybe<string>>
  >),
}) as unknown as Schema<MatrixDescription>;

/** What is said of each method beside its quantiser. */
const saidOf = {
  kmeans: ['bits', 'outliers'],
  lowRankError: ['quantizer', 'rank'],
  bitmask: ['quantizer', 'columns'],
  secondOrder: ['quantizer'],
} as const satisfies Record<MatrixMethod, readonly string[]>;

/** Elements of the largest tensor that is held whole. */
export const mostElements: number = 2 ** 28;

type Placed = Pick<MatrixDescription, 'shape' | 'axis' | 'outputs'>;

/** The axes of a tensor that are a matrix's rows, and those that are its columns. */
function axesOf({ shape, axis, outputs }: Placed): { readonly rows: number[]; readonly columns: number[] } {
  const all = shape.map((_, i) => i);
  const rows = outputs ?? (shape.length < 2 ? [] : axis === 0 ? all.slice(-1) : all.slice(0, 1));
  return { rows: [...rows], columns: all.filter((i) => !rows.includes(i)) };
}

/** A tensor as a matrix: outputs are its first axis, or its last where inputs come first (axis 0), or some axes that are named. */
export function matrixShape(placed: Placed): MatrixShape {
  const rows = sizeOf(axesOf(placed).rows.map((axis) => placed.shape[axis]!));
  return [rows, sizeOf(placed.shape) / rows];
}

/** A matrix in the order of its tensor, or the other way. */
export function turned(x: Float32Array, placed: Placed, to: 'matrix' | 'tensor'): Float32Array {
  const { shape } = placed;
  const { rows, columns } = axesOf(placed);
  const order = [...rows, ...columns];
  if (order.every((axis, i) => axis === i)) return x;
  const strides = order.map((axis) => sizeOf(shape.slice(axis + 1)));
  const extents = order.map((axis) => shape[axis]!);
  const result = new Float32Array(x.length);
  const index = new Array<number>(order.length).fill(0);
  let place = 0;
  for (let at = 0; at < x.length; at++) {
    if (to === 'matrix') result[at] = x[place]!;
    else result[place] = x[at]!;
    for (let i = order.length - 1; i >= 0; i--) {
      place += strides[i]!;
      if (++index[i]! < extents[i]!) break;
      place -= strides[i]! * extents[i]!;
      index[i] = 0;
    }
  }
  return result;
}

const bit: Format = int({ bits: 1, signed: false });
const codesOfBits = (bits: number): Format => int({ bits, signed: false });

/** The tensors of a file that hold it, in their order: what lies under its own name is `codes`. */
export type Headings = { readonly codes: Heading } & { readonly [kind in PartKind]?: Heading | undefined };

/**
 * How a tensor lies in a file.
 *
 * @param quantizer Of methods that have one.
 * @throws Error, whose message says what is wrong, for a description that is none.
 */
export function matrixHeadings(description: MatrixDescription, quantizer: Quantizer | undefined): Headings {
  const { method, bits = 0, outliers = 0, rank = 0, columns = 0 } = description;
  const own: readonly string[] = saidOf[method];
  for (const field of ['quantizer', 'bits', 'outliers', 'rank', 'columns'] as const)
    if ((description[field] !== undefined) !== own.includes(field))
      throw new RangeError(`${field} is ${own.includes(field) ? 'missing' : `nothing of ${method}`}`);
  const { outputs = [], axis, shape: axes } = description;
  if (outputs.length > 0 && axis !== undefined) throw new RangeError('axis is nothing beside outputs');
  if (outputs.some((one, i) => one >= axes.length || outputs.indexOf(one) < i))
    throw new RangeError(`outputs [${outputs}] are no axes of [${axes}]`);
  const shape = matrixShape(description);
  const [rows, all] = shape;
  if (rows * all > mostElements) throw new RangeError(`it has more than ${mostElements} elements`);
  const f32 = (...own: number[]): Heading => ({ dtype: 'F32', shape: own });
  switch (method) {
    case 'kmeans':
      if (outliers > rows * all) throw new RangeError(`${outliers} outliers of ${rows * all} weights`);
      return {
        codes: codesHeading(codesOfBits(bits), shape),
        codebook: f32(rows, 2 ** bits),
        outlierIndex: { dtype: 'U32', shape: [outliers] },
        outlier: f32(outliers),
      };
    case 'lowRankError':
      if (rank < 1 || rank > Math.min(rows, all)) throw new RangeError(`rank ${rank} of ${rows} x ${all}`);
      return { ...layoutOf(quantizer!, shape), u: f32(rows, rank), v: f32(rank, all) };
    case 'secondOrder':
      return layoutOf(quantizer!, shape);
    case 'bitmask': {
      if (columns > all) throw new RangeError(`${columns} columns of ${all}`);
      const signs = {
        codes: codesHeading(bit, [rows, all - columns]),
        ...{ mask: codesHeading(bit, [all]), signScale: columns < all ? f32(rows) : undefined },
      };
      if (columns === 0) return signs;
      const { codes: kept, ...rest } = layoutOf(quantizer!, [rows, columns]);
      return { ...signs, kept, ...rest };
    }
  }
}

/** Bytes of all that is stored. */
export const bytesOfHeadings = (headings: Headings): number =>
  Object.values(headings).reduce(
    (sum, heading) => sum + (heading === undefined ? 0 : bytesOf(sizeOf(heading.shape), heading.dtype)),
    0,
  );

/** What is stored of a tensor: bytes by what they are. */
export type Stored = { readonly codes: Uint8Array } & { readonly [kind in PartKind]?: Uint8Array };

/** Codes and scales, each packed from a whole byte on. */
export function storedQuantized(
  { codes, scaleCodes, tensorScale, zeroPoints }: Quantized,
  { format, scale }: Quantizer,
): Stored {
  const tensorScales = typeof tensorScale === 'number' ? Float32Array.of(tensorScale) : tensorScale;
  return {
    codes: pack(codes, format),
    scale: pack(scaleCodes, scale.format),
    ...(tensorScales !== undefined && { tensorScale: bytesFrom(tensorScales, 'F32') }),
    ...(zeroPoints !== undefined && { zeroPoint: pack(encode(zeroPoints, format), format) }),
  };
}

/** Bits, packed. */
export const storedBits = (bits: Uint8Array): Uint8Array => pack(bits, bit);
/** Codes of so many bits, packed. */
export const storedCodes = (codes: Uint8Array, bits: number): Uint8Array => pack(codes, codesOfBits(bits));

/** The values of codes and scales. */
function quantizedValues(
  { codes, scale, tensorScale, zeroPoint }: { readonly [kind in 'codes' | PartKind]?: Uint8Array },
  quantizer: Quantizer,
  shape: readonly number[],
): Float32Array {
  const own = quantizer.scale.format;
  const one = pack(encode(Float64Array.of(1), own), own);
  const parts = [codes!, scale ?? one, tensorScale, zeroPoint].filter((part) => part !== undefined);
  return quantizer.unpack(new Uint8Array(Buffer.concat(parts)), shape).values as Float32Array;
}

/**
 * The values of a tensor, in its own order.
 *
 * @throws Error, whose message says what is wrong, for bytes that are of no such matrix.
 */
export function matrixValues(
  description: MatrixDescription,
  quantizer: Quantizer | undefined,
  stored: Stored,
): Float32Array {
  const shape = matrixShape(description);
  const [rows, columns] = shape;
  const f32 = (kind: PartKind): Float32Array => floatsFrom(stored[kind]!, 'F32') as Float32Array;
  const bits = (bytes: Uint8Array, count: number): Uint8Array => unpack(bytes, bit, count) as Uint8Array;
  return turned(matrix(), description, 'tensor');

  function matrix(): Float32Array {
    switch (description.method) {
      case 'kmeans': {
        const codes = unpack(stored.codes, codesOfBits(description.bits!), rows * columns) as CodeArray;
        const indices = integersFrom(stored.outlierIndex!, 'U32') as Uint32Array;
        for (const [i, index] of indices.entries())
          if (index >= rows * columns || (i > 0 && index <= indices[i - 1]!))
            throw new RangeError(`outlier ${i} is at ${index}`);
        const outliers = { indices, values: f32('outlier') };
        return fromCodebooks({ codes: codes as Uint8Array, codebooks: f32('codebook'), outliers }, shape);
      }
      case 'lowRankError': {
        const image = quantizedValues(stored, quantizer!, shape);
        return withErrorTerm(image, { u: f32('u'), v: f32('v') }, shape);
      }
      case 'secondOrder':
        return quantizedValues(stored, quantizer!, shape);
      case 'bitmask': {
        const { columns: count = 0 } = description;
        const mask = bits(stored.mask!, columns);
        const ones = mask.reduce((sum, each) => sum + each, 0);
        if (ones !== count) throw new RangeError(`the mask is of ${ones} columns, not ${count}`);
        return fromChannelMask(
          {
            mask,
            scales: stored.signScale === undefined ? new Float32Array(rows) : f32('signScale'),
            signs: bits(stored.codes, rows * (columns - count)),
            kept:
              count === 0
                ? []
                : quantizedValues({ ...stored, codes: stored.kept! }, quantizer!, [rows, count]),
          },
          shape,
        );
      }
    }
  }
}

/**
 * How quantised tensors lie in a safetensors file, and what its metadata say of them: codes under the tensor's own name, scales, tensor
 * scales and zero points beside it. `docs/model-files.md` is the description for other programs.
 */
import { checkFields, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type Dtype, dtypeNames } from '../files/safetensors.ts';
import type { CodeArray } from '../formats/codes.ts';
import type { Format } from '../formats/format.ts';
import { pack, unpack } from '../formats/packing.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { countGroups, groupShape } from '../quantizers/grouping.ts';
import {
  namedQuantizerOptions,
  type Quantizer,
  type QuantizerOptions,
  quantizer,
} from '../quantizers/index.ts';
import { fields, integer, list, maybe, type Schema, value, word } from '../schema.ts';
import { sizeOf } from '../shape.ts';
import { dtypeOf } from './dtypes.ts';

/** The metadata that hold the descriptions of quantised tensors. */
export const metadataKey = 'halfulp.quantized';

/** What the metadata say of a tensor, under its name. */
export interface TensorDescription {
  /** The quantiser: its name, or its options. */
  readonly quantizer: string | QuantizerOptions;
  /** The axis along which blocks lie, where the name of a quantiser does not say it. Default: the last. */
  readonly axis?: number;
  readonly shape: readonly number[];
  /** The type of the tensor before. */
  readonly dtype: Dtype;
  /** The type of the values that codes and scales stand for, which are rounded to it once. */
  readonly values: 'F32' | 'F64';
  /** Names of the tensors with the scales, the scales above them and the zero points. */
  readonly scale?: string;
  readonly tensorScale?: string;
  readonly zeroPoint?: string;
}

export const nameSchema: Schema<string> = value<string>(
  (given) => typeof given === 'string' && given !== '',
  'a text',
);
const isQuantizer = (given: unknown): boolean =>
  (typeof given === 'string' && given !== '') || (typeof given === 'object' && given !== null);

export const quantizerSchema: Schema<string | QuantizerOptions> = value(
  isQuantizer,
  'the name or the options of a quantiser',
);

export const tensorSchema: Schema<TensorDescription> = fields({
  quantizer: quantizerSchema,
  axis: maybe(integer(-64, 63)),
  shape: list(integer(0, Number.MAX_SAFE_INTEGER), 0, 64),
  dtype: word(dtypeNames),
  values: word(['F32', 'F64']),
  scale: maybe(nameSchema),
  tensorScale: maybe(nameSchema),
  zeroPoint: maybe(nameSchema),
}) as unknown as Schema<TensorDescription>;

/** What is said of the quantiser of a tensor: all that decides about codes and scales, and nothing about gradients. */
const optionNames: readonly (keyof QuantizerOptions)[] = [
  ...(['format', 'rounding', 'scale', 'saturation', 'subnormals', 'range', 'nan'] as const),
  ...(['seed', 'stream', 'randomBits', 'variant'] as const),
];

/**
 * The quantiser of a tensor.
 *
 * @param more Options that take the place of those that a name stands for.
 * @throws ArgumentError naming what is wrong, below `path`.
 */
export function tensorQuantizer(
  { quantizer: given, axis }: Pick<TensorDescription, 'quantizer' | 'axis'>,
  path: string,
  more: Pick<QuantizerOptions, 'rounding' | 'nan' | 'seed' | 'stream'> = {},
): Quantizer {
  return refusedAs(
    () => {
      const options = typeof given === 'string' ? namedQuantizerOptions(given) : given;
      checkFields('', options, optionNames);
      const { scale } = options;
      if (axis !== undefined && scale?.per !== 'block')
        throw new ArgumentError('axis', axis, 'nothing, unless the scales are of blocks along an axis');
      const placed = axis === undefined ? scale : { ...scale, axis };
      const made = quantizer({ ...options, scale: placed as QuantizerOptions['scale'], ...more });
      if (made.format.bits === Infinity)
        throw new ArgumentError('format', made.format.name, 'a format with codes');
      return made;
    },
    ({ argument }) => (argument === 'quantizer' || argument === 'format' ? path : `${path}, ${argument}`),
  );
}

/** The type of the values of a quantised tensor: as wide as its numbers, or as its format needs. */
export const valuesOf = ({ format }: Quantizer, dtype: Dtype): 'F32' | 'F64' =>
  dtype === 'F64' || !fitsBinary32(format) ? 'F64' : 'F32';

/** A tensor of a file, but for its name. */
export interface Heading {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

const codeTypes: Readonly<Record<number, readonly [unsigned: Dtype, signed: Dtype]>> = {
  8: ['U8', 'I8'],
  16: ['U16', 'I16'],
  32: ['U32', 'I32'],
  64: ['U64', 'I64'],
};

/** How codes of a shape are stored: elements of their own type where there is one, else bytes that are filled densely. */
export function codesHeading(format: Format, shape: readonly number[]): Heading {
  const { bits, kind, isSigned } = format;
  const own = kind === 'float' ? dtypeOf(format) : undefined;
  if (own !== undefined) return { dtype: own, shape };
  const types = codeTypes[bits];
  if (types !== undefined)
    return { dtype: types[(kind === 'int' || kind === 'fixed') && isSigned ? 1 : 0], shape };
  const row = ((shape.at(-1) ?? 1) * bits) / 8;
  const fits = shape.length > 0 && Number.isInteger(row);
  return {
    dtype: 'U8',
    shape: fits ? [...shape.slice(0, -1), row] : [Math.ceil((sizeOf(shape) * bits) / 8)],
  };
}

/** The tensors that hold a quantised tensor: undefined where there is none of a kind. */
interface TensorLayout {
  readonly codes: Heading;
  readonly scale: Heading | undefined;
  readonly tensorScale: Heading | undefined;
  readonly zeroPoint: Heading | undefined;
}

/** Whether there is one scale and that is 1, which need not be stored. */
const isUnscaled = ({ scale }: Quantizer): boolean =>
  scale.grouping.per === 'tensor' && scale.from === 'constant' && scale.value === 1;

export function layoutOf(quantizer: Quantizer, shape: readonly number[]): TensorLayout {
  const { format, scale } = quantizer;
  const groups = groupShape(scale.grouping, shape);
  const tensorShape = scale.tensorScale === 'tensor' ? [] : shape.slice(0, -1);
  return {
    codes: codesHeading(format, shape),
    scale: isUnscaled(quantizer) ? undefined : codesHeading(scale.format, groups),
    tensorScale: scale.tensorScale === false ? undefined : { dtype: 'F32', shape: tensorShape },
    zeroPoint: scale.hasZeroPoint ? codesHeading(format, groups) : undefined,
  };
}

/** The packed codes from one on, of those that are packed from a whole byte on. */
export function packedSlice(bytes: Uint8Array, format: Format, from: number, count: number): Uint8Array {
  const { bits } = format;
  const [begin, end] = [(from * bits) / 8, ((from + count) * bits) / 8];
  if (Number.isInteger(begin) && Number.isInteger(end)) return bytes.subarray(begin, end);
  const codes: CodeArray = unpack(bytes, format, Math.floor((bytes.length * 8) / bits));
  return pack(codes.subarray(from, from + count), format);
}

/** The number of scales, and of scales above them, of a tensor. */
export function countScales(
  { scale }: Quantizer,
  shape: readonly number[],
): { readonly groups: number; readonly tensorScales: number } {
  const tensorScales =
    scale.tensorScale === false ? 0 : scale.tensorScale === 'tensor' ? 1 : countGroups({ per: 'row' }, shape);
  return { groups: countGroups(scale.grouping, shape), tensorScales };
}

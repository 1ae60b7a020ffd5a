/** Numbers in the elements that model files hold: bytes are little-endian. */
import { bitsOfDtypes, type Dtype, dtypeNames } from '../files/safetensors.ts';
import type { CodeArray } from '../formats/codes.ts';
import { type FloatFormat, formats } from '../formats/index.ts';
import { pack, unpack } from '../formats/packing.ts';
import { decode, encode, type RealArray } from '../operations/index.ts';

const { binary64, binary32, binary16, bfloat16, e4m3fn, e5m2, e4m3fnuz, e5m2fnuz } = formats;
const { e8m0, e2m3, e3m2, e2m1 } = formats;

/** Floats: the format whose codes the elements are. */
const floats: Readonly<Partial<Record<Dtype, FloatFormat>>> = {
  ...{ F64: binary64, F32: binary32, F16: binary16, BF16: bfloat16 },
  ...{ F8_E4M3: e4m3fn, F8_E5M2: e5m2, F8_E4M3FNUZ: e4m3fnuz, F8_E5M2FNUZ: e5m2fnuz },
  ...{ F8_E8M0: e8m0, F6_E2M3: e2m3, F6_E3M2: e3m2, F4: e2m1 },
};

/** Whether quantisers take such elements. */
export const isFloat = (dtype: Dtype): boolean => floats[dtype] !== undefined;

/** Whether such elements are integers, or truth values. */
export const isInteger = (dtype: Dtype): boolean => Object.hasOwn(integerArrays, dtype);

/**
 * The type of safetensors whose bytes are the codes of a float format, if there is one that every reader has: not the later ones of 4 and
 * 6 bits and of scales.
 */
export const dtypeOf = (format: FloatFormat): Dtype | undefined =>
  format.bits < 8 || format.name === e8m0.name
    ? undefined
    : dtypeNames.find((name) => floats[name]?.name === format.name);

/** The least number of elements that fill whole bytes. */
export function elementsOfBytes(bits: number): number {
  let elements = 1;
  while ((elements * bits) % 8 !== 0) elements *= 2;
  return elements;
}

type IntegerArray =
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

const integerArrays = {
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/** A view of bytes as wider elements, of a copy where the bytes lie at an odd place. */
function viewed<A>(
  bytes: Uint8Array,
  kind: { new (buffer: ArrayBufferLike, offset: number, length: number): A; BYTES_PER_ELEMENT: number },
): A {
  const size = kind.BYTES_PER_ELEMENT;
  const whole = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new kind(whole.buffer, whole.byteOffset, Math.floor(whole.byteLength / size));
}

/** The format of floats. */
function floatOf(dtype: Dtype): FloatFormat {
  const format = floats[dtype];
  if (format === undefined) throw new TypeError(`${dtype} elements are no floats`);
  return format;
}

/** The numbers of floats: a Float64Array of F64, a Float32Array of others. It may be a view of the bytes. */
export function floatsFrom(bytes: Uint8Array, dtype: Dtype): RealArray {
  const format = floatOf(dtype);
  const bits = bitsOfDtypes[dtype];
  if (bits === 64) return viewed(bytes, Float64Array);
  if (bits === 32) return viewed(bytes, Float32Array);
  if (bits === 16) return decode(viewed(bytes, Uint16Array), format) as RealArray;
  const codes = bits === 8 ? bytes : unpack(bytes, format, Math.floor((bytes.length * 8) / bits));
  return decode(codes, format) as RealArray;
}

/** The integers of integer elements. */
export function integersFrom(bytes: Uint8Array, dtype: Dtype): IntegerArray {
  const kind = integerArrays[dtype as keyof typeof integerArrays];
  return viewed<IntegerArray>(bytes, kind as never);
}

/** Numbers as elements, rounded to the nearest; finite ones beyond the range become its ends. */
export function bytesFrom(values: RealArray, dtype: Dtype): Uint8Array {
  const format = floatOf(dtype);
  const isOwn = values.BYTES_PER_ELEMENT * 8 === format.bits;
  // Of formats without 0 (e8m0) the least number is an end too.
  const within = format.min > 0 ? values.map((x) => Math.max(x, format.min)) : values;
  const codes = isOwn ? values : encode(within, format, { saturation: 'propagate' });
  if (format.bits < 8) return pack(codes as CodeArray, format);
  return new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
}

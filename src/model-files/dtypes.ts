/**
 * Types of the elements that model files hold, by their names in safetensors, and numbers in them: bytes are little-endian.
 * Source: github.com/huggingface/safetensors, `Dtype` of safetensors/src/tensor.rs.
 */
import { type FloatFormat, formats } from '../formats/index.ts';
import { decode, encode, type RealArray } from '../operations/index.ts';

/** The type of a tensor's elements, as safetensors calls it. */
export type Dtype =
  | ('F64' | 'F32' | 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ')
  | ('I64' | 'U64' | 'I32' | 'U32' | 'I16' | 'U16' | 'I8' | 'U8' | 'BOOL')
  | ('C64' | 'F8_E8M0' | 'F6_E2M3' | 'F6_E3M2' | 'F4');

interface ElementType {
  readonly bits: number;
  /** Floats: the format whose codes the elements are. */
  readonly format?: FloatFormat;
  readonly isInteger?: boolean;
}

const { binary64, binary32, binary16, bfloat16, e4m3fn, e5m2, e4m3fnuz, e5m2fnuz } = formats;

const types: Readonly<Record<Dtype, ElementType>> = {
  F64: { bits: 64, format: binary64 },
  F32: { bits: 32, format: binary32 },
  F16: { bits: 16, format: binary16 },
  BF16: { bits: 16, format: bfloat16 },
  F8_E4M3: { bits: 8, format: e4m3fn },
  F8_E5M2: { bits: 8, format: e5m2 },
  F8_E4M3FNUZ: { bits: 8, format: e4m3fnuz },
  F8_E5M2FNUZ: { bits: 8, format: e5m2fnuz },
  I64: { bits: 64, isInteger: true },
  U64: { bits: 64, isInteger: true },
  I32: { bits: 32, isInteger: true },
  U32: { bits: 32, isInteger: true },
  I16: { bits: 16, isInteger: true },
  U16: { bits: 16, isInteger: true },
  I8: { bits: 8, isInteger: true },
  U8: { bits: 8, isInteger: true },
  BOOL: { bits: 8, isInteger: true },
  C64: { bits: 64 },
  F8_E8M0: { bits: 8 },
  F6_E2M3: { bits: 6 },
  F6_E3M2: { bits: 6 },
  F4: { bits: 4 },
};

export const dtypeNames: readonly Dtype[] = Object.keys(types) as Dtype[];

export const elementType = (dtype: Dtype): ElementType => types[dtype];

/** Whether quantisers take such elements. */
export const isFloat = (dtype: Dtype): boolean => elementType(dtype).format !== undefined;

/** Whether such elements are integers, or truth values. */
export const isInteger = (dtype: Dtype): boolean => elementType(dtype).isInteger === true;

/** The type of safetensors whose bytes are the codes of a float format, if there is one. */
export const dtypeOf = (format: FloatFormat): Dtype | undefined =>
  dtypeNames.find((name) => elementType(name).format?.name === format.name);

/** Bytes of so many elements; not a whole number where elements of less than a byte do not fill the last one. */
export const bytesOf = (elements: number, dtype: Dtype): number => (elements * elementType(dtype).bits) / 8;

/** The number of elements of a shape; not exact, or infinite, where no file could hold them. */
export const elementsOf = (shape: readonly number[]): number =>
  shape.includes(0) ? 0 : shape.reduce((product, extent) => product * extent, 1);

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
  const whole = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new kind(whole.buffer, whole.byteOffset, Math.floor(whole.byteLength / size));
}

/** The numbers of floats: a Float64Array of F64, a Float32Array of others. It may be a view of the bytes. */
export function floatsFrom(bytes: Uint8Array, dtype: Dtype): RealArray {
  const { bits, format } = elementType(dtype);
  if (format === undefined) throw new TypeError(`${dtype} elements are no floats`);
  if (bits === 64) return viewed(bytes, Float64Array);
  if (bits === 32) return viewed(bytes, Float32Array);
  return decode(bits === 16 ? viewed(bytes, Uint16Array) : bytes, format) as RealArray;
}

/** The integers of integer elements. */
export function integersFrom(bytes: Uint8Array, dtype: Dtype): IntegerArray {
  const kind = integerArrays[dtype as keyof typeof integerArrays];
  return viewed<IntegerArray>(bytes, kind as never);
}

/** Numbers as elements, rounded to the nearest; finite ones beyond the range become its ends. */
export function bytesFrom(values: RealArray, dtype: Dtype): Uint8Array {
  const { format } = elementType(dtype);
  if (format === undefined) throw new TypeError(`${dtype} elements are no floats`);
  const isOwn = values.BYTES_PER_ELEMENT * 8 === format.bits;
  const codes = isOwn ? values : encode(values, format, { saturation: 'propagate' });
  return new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
}

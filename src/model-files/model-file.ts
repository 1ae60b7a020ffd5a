/** A model file of whatever kind, as a list of tensors that are read piece by piece. */

import { bitsOfDtypes, bytesOf, type Dtype } from '../files/safetensors.ts';
import type { RealArray } from '../operations/index.ts';
import { sizeOf } from '../shape.ts';
import { elementsOfBytes, floatsFrom, integersFrom, isFloat } from './dtypes.ts';
import type { RandomAccess } from './random-access.ts';

/** The kinds of model files. */
export type ModelFileKind = 'safetensors' | 'tfjs' | 'onnx' | 'npy' | 'npz';

/** Where the bytes of a tensor lie, one after the other: pieces of files. */
export interface Extent {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** A tensor of a file. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Integers that stand for numbers: code scale + min, rounded to binary32 or to an integer (weights that tfjs has quantised). */
  readonly affine?: { readonly scale: number; readonly min: number; readonly isInteger: boolean };
  /** Where its bytes lie as they are, if they do: little-endian and row-major. */
  readonly extents?: readonly Extent[];
  /** Its bytes, little-endian and row-major, so many elements at a time, or as many as fill whole bytes. */
  pieces(elements: number): AsyncGenerator<Uint8Array, void, void>;
}

/** An open model file. */
export interface ModelFile {
  readonly kind: ModelFileKind;
  /** The file that was named. */
  readonly path: string;
  /** All the files that it consists of. */
  readonly files: readonly string[];
  /** Tensors in the order of the file. */
  readonly tensors: readonly StoredTensor[];
  /** Names of tensors whose elements are not read: texts, integers of less than a byte in ONNX, sparse tensors. */
  readonly unread: readonly string[];
  /** What the file says of itself: safetensors' `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Of tfjs: the files of each group of weights, and the file's JSON. */
  readonly groups?: readonly (readonly string[])[];
  readonly json?: unknown;
  /** Of `.npz`: the tensors that are compressed. */
  readonly compressed?: ReadonlySet<StoredTensor>;
  close(): void;
}

/** Lets timers and signals in between pieces of long work. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A part of the bytes that extents are. */
export function sliceExtents(extents: readonly Extent[], from: number, length: number): Extent[] {
  const parts: Extent[] = [];
  let begin = 0;
  for (const { file, offset, length: own } of extents) {
    const low = Math.max(from, begin);
    const high = Math.min(from + length, begin + own);
    if (high > low) parts.push({ file, offset: offset + low - begin, length: high - low });
    begin += own;
  }
  return parts;
}

/** A tensor whose bytes lie in files as they are. */
export interface PlainTensor extends StoredTensor {
  readonly extents: readonly Extent[];
  /** So many of its bytes from a place on. */
  read(from: number, length: number): Uint8Array;
}

/** A tensor whose bytes lie in files as they are. */
export function plainTensor(
  tensor: Pick<PlainTensor, 'name' | 'dtype' | 'shape' | 'affine' | 'extents'>,
  open: (file: string) => RandomAccess,
): PlainTensor {
  const { extents, dtype } = tensor;
  const total = extents.reduce((sum, { length }) => sum + length, 0);
  const read = (from: number, length: number): Uint8Array => {
    const parts = sliceExtents(extents, from, length).map((part) =>
      open(part.file).read(part.offset, part.length),
    );
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  };
  return {
    ...tensor,
    read,
    async *pieces(elements) {
      const least = elementsOfBytes(bitsOfDtypes[dtype]);
      const piece = bytesOf(least * Math.ceil(elements / least), dtype);
      for (let at = 0; at < total; at += piece) {
        yield read(at, Math.min(piece, total - at));
        await breathe();
      }
    },
  };
}

/** Whether a tensor's numbers are floats, which quantisers take. */
export const isReal = ({ dtype, affine }: StoredTensor): boolean =>
  affine === undefined ? isFloat(dtype) : !affine.isInteger;

/** The type of a tensor's numbers: F32 for integers that stand for them. */
export const dtypeOfNumbers = ({ dtype, affine }: StoredTensor): Dtype =>
  affine === undefined ? dtype : affine.isInteger ? 'I32' : 'F32';

/** The numbers of a piece of a tensor. */
function numbersOf({ dtype, affine }: StoredTensor, piece: Uint8Array): RealArray {
  if (affine === undefined) return floatsFrom(piece, dtype);
  const { scale, min, isInteger } = affine;
  const codes = integersFrom(piece, dtype) as Uint8Array | Uint16Array;
  // Integers beyond 2^24 are no binary32 numbers.
  return isInteger
    ? Float64Array.from(codes, (code) => Math.round(code * scale + min))
    : Float32Array.from(codes, (code) => code * scale + min);
}

/** The numbers of a tensor, so many at a time: those alone that its shape says, where more lie in its last byte. */
export async function* numbersIn(
  tensor: StoredTensor,
  elements: number,
): AsyncGenerator<RealArray, void, void> {
  let left = sizeOf(tensor.shape);
  for await (const piece of tensor.pieces(elements)) {
    const x = numbersOf(tensor, piece);
    yield x.length > left ? x.subarray(0, left) : x;
    left -= x.length;
  }
}

/** A piece of a tensor as it is kept: integers that stand for numbers become these. */
export function keptBytes(tensor: StoredTensor, piece: Uint8Array): Uint8Array {
  if (tensor.affine === undefined) return piece;
  const numbers = numbersOf(tensor, piece);
  const kept = tensor.affine.isInteger ? Int32Array.from(numbers) : numbers;
  return new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength);
}

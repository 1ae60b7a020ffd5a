/**
 * Arrays of numbers in NumPy's `.npy` files, format versions 1 to 3. Source: numpy.lib.format of the NumPy manual. Reads only; objects,
 * strings, complex numbers and integers that are no binary64 numbers are refused.
 */

import { formats } from '../formats/index.ts';
import type { RealArray } from '../operations/index.ts';
import { sizeOf } from '../shape.ts';

/** Numbers in row-major order and their shape. */
export interface ShapedNumbers {
  readonly values: RealArray;
  readonly shape: readonly number[];
}

/** Thrown for a damaged or unknown file; the message says where. */
export class FileFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FileFormatError';
  }
}

interface ElementType {
  readonly bytes: number;
  /** The element as its type has it; a bigint need not be a binary64 number. */
  read(view: DataView, offset: number, littleEndian: boolean): number | bigint;
  /** Whether binary32 holds all its numbers. */
  readonly narrow: boolean;
}

const { binary16 } = formats;

const elementTypes: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ['f2', { bytes: 2, read: (v, o, e) => binary16.decode(v.getUint16(o, e)), narrow: true }],
  ['f4', { bytes: 4, read: (v, o, e) => v.getFloat32(o, e), narrow: true }],
  ['f8', { bytes: 8, read: (v, o, e) => v.getFloat64(o, e), narrow: false }],
  ['i1', { bytes: 1, read: (v, o) => v.getInt8(o), narrow: true }],
  ['u1', { bytes: 1, read: (v, o) => v.getUint8(o), narrow: true }],
  // As NumPy reads them: every byte but 0 is true.
  ['b1', { bytes: 1, read: (v, o) => Number(v.getUint8(o) !== 0), narrow: true }],
  ['i2', { bytes: 2, read: (v, o, e) => v.getInt16(o, e), narrow: true }],
  ['u2', { bytes: 2, read: (v, o, e) => v.getUint16(o, e), narrow: true }],
  ['i4', { bytes: 4, read: (v, o, e) => v.getInt32(o, e), narrow: false }],
  ['u4', { bytes: 4, read: (v, o, e) => v.getUint32(o, e), narrow: false }],
  ['i8', { bytes: 8, read: (v, o, e) => v.getBigInt64(o, e), narrow: false }],
  ['u8', { bytes: 8, read: (v, o, e) => v.getBigUint64(o, e), narrow: false }],
]);

/** Bytes of the longest header; NumPy reads 10 000 characters of one that it does not trust. */
const longestHeader = 65536;
/** As many axes as NumPy's arrays can have. */
export const mostAxes = 64;
/** Elements of the largest array: as binary64 they take 2 GiB. */
export const mostElements: number = 2 ** 28;

/** The lengths of a Python tuple: `2, 3` or `2,`; undefined for other text. */
function lengthsOf(tuple: string): number[] | undefined {
  const words = tuple.split(',').map((word) => word.trim());
  if (words.at(-1) === '') words.pop();
  if (words.length > mostAxes || !words.every((word) => /^\d{1,15}L?$/.test(word))) return undefined;
  return words.map((word) => Number.parseInt(word, 10));
}

/** The Python dictionary of the header, as far as files have it: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. */
function readHeader(text: string): { descr: string; fortran: boolean; shape: number[] } {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = lengthsOf(/'shape'\s*:\s*\(([^)]*)\)/.exec(text)?.[1] ?? '-');
  if (descr === undefined || fortran === undefined || shape === undefined)
    throw new FileFormatError(
      `header ${JSON.stringify(text.slice(0, 200))}: not that of one array of numbers`,
    );
  return { descr, fortran: fortran === 'True', shape };
}

/** The index of the i-th element that is stored: `[1, 0]`. */
function indexOf(i: number, shape: readonly number[], fortran: boolean): string {
  const axes = shape.map((side, axis) => ({ side, axis }));
  const index = new Array<number>(shape.length).fill(0);
  let rest = i;
  for (const { side, axis } of fortran ? axes : axes.reverse()) {
    index[axis] = rest % side;
    rest = Math.floor(rest / side);
  }
  return `[${index.join(', ')}]`;
}

/** Elements of column-major order in row-major order. */
export function toRowMajor<A extends { [index: number]: unknown; readonly length: number; slice(): A }>(
  values: A,
  shape: readonly number[],
): void {
  const given = values.slice();
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  for (let i = 0; i < values.length; i++) {
    values[i] = given[index.reduce((sum, place, axis) => sum + place * strides[axis]!, 0)]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Bytes that the beginning of a file, with its header, has at most. */
export const longestNpyStart: number = 12 + longestHeader;

/** What the beginning of a file says. */
export interface NpyStart {
  /** Type of the elements as NumPy has it, without the order of their bytes: `f4`. */
  readonly type: string;
  readonly isBigEndian: boolean;
  /** Whether the first index varies fastest. */
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin, and how many bytes each has. */
  readonly data: number;
  readonly elementBytes: number;
}

/**
 * Reads the beginning of a file: all of it, or at least {@link longestNpyStart} bytes; `size` is that of the whole file.
 *
 * @throws FileFormatError for bytes that are no such file, or cut short.
 */
export function readNpyStart(bytes: Uint8Array, size: number = bytes.length): NpyStart {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 10 || bytes[0] !== 0x93 || new TextDecoder().decode(bytes.subarray(1, 6)) !== 'NUMPY')
    throw new FileFormatError('byte 0: not the beginning of a .npy file');
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw new FileFormatError(`byte 6: version ${version}, not 1, 2 or 3`);
  const isShort = version === 1;
  const start = isShort ? 10 : 12;
  const headerBytes = isShort
    ? view.getUint16(8, true)
    : bytes.length < 12
      ? Infinity
      : view.getUint32(8, true);
  if (start + headerBytes > size) throw new FileFormatError(`byte ${size}: ends in its header`);
  if (headerBytes > longestHeader)
    throw new FileFormatError(`byte 8: a header of ${headerBytes} bytes, more than ${longestHeader}`);
  const { descr, fortran, shape } = readHeader(
    new TextDecoder().decode(bytes.subarray(start, start + headerBytes)),
  );
  const type = /^[<>|=]/.test(descr) ? elementTypes.get(descr.slice(1)) : undefined;
  if (type === undefined)
    throw new FileFormatError(
      `elements ${descr.slice(0, 40)}: not one of ${[...elementTypes.keys()].join(', ')}`,
    );
  const data = start + headerBytes;
  const count = sizeOf(shape);
  if (data + count * type.bytes > size)
    throw new FileFormatError(
      `byte ${size}: ends after ${Math.floor((size - data) / type.bytes)} of ${count} numbers`,
    );
  const elements = { type: descr.slice(1), isBigEndian: descr[0] === '>', elementBytes: type.bytes };
  return { ...elements, fortran, shape, data };
}

/**
 * The array of a `.npy` file: a Float32Array for elements that binary32 holds (f2, f4, 8- and 16-bit integers, booleans), else a
 * Float64Array (f8, 32- and 64-bit integers).
 *
 * @throws FileFormatError for bytes that are no such file, or cut short, and for an integer that is no binary64 number.
 */
export function readNpy(bytes: Uint8Array): ShapedNumbers {
  const { type: name, isBigEndian, fortran, shape, data } = readNpyStart(bytes);
  const type = elementTypes.get(name)!;
  const count = sizeOf(shape);
  if (count > mostElements) throw new FileFormatError(`shape ${shape.join(' x ')}: more than 2^28 numbers`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = type.narrow ? new Float32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const element = type.read(view, data + i * type.bytes, !isBigEndian);
    values[i] = Number(element);
    if (typeof element === 'bigint' && BigInt(values[i]!) !== element)
      throw new FileFormatError(
        `element ${indexOf(i, shape, fortran)}, at byte ${data + i * type.bytes}: ${element} is no binary64 number`,
      );
  }
  if (fortran) toRowMajor(values, shape);
  return { values, shape: shape.length === 0 ? [1] : [...shape] };
}

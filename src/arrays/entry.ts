/**
 * What becomes a shaped array: numbers, nested arrays, typed arrays, matrices of mathjs, tensors of TensorFlow.js, `ndarray`s, shaped
 * arrays. Values that are not in the format are rounded to it, or refused.
 */
import type { Arithmetic } from '../arithmetic/arithmetic.ts';
import { isFloat32Array, kindOf, type RealArray, realArray } from '../array-kinds.ts';
import {
  checkLength,
  checkList,
  checkNumber,
  integerInRange,
  isRecord,
  pathOf,
  refusedAs,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { firstNonMember } from '../kernels/arithmetic/operation-arrays.ts';
import { roundArray } from '../kernels/rounding-arrays.ts';
import { operandRounding } from '../rounding/options.ts';
import { sizeOf } from '../shape.ts';
import { checkShape, type Layout, rowMajor } from './layout.ts';
import { flat, type View } from './moves.ts';

/** A matrix of mathjs, dense or sparse. */
export interface MatrixLike {
  readonly isMatrix: boolean;
  toArray(): unknown;
}

/** A tensor of TensorFlow.js. */
export interface TensorLike {
  readonly shape: readonly number[];
  dataSync(): ArrayLike<number>;
}

/** An array of the package `ndarray`; shaped arrays look so too. */
export interface StridedLike {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
}

/** Arrays within each other, all of one extent at a depth. */
export type Nested = readonly (number | Nested)[];

/** All that `array` takes. */
export type ArrayInput = number | ArrayLike<number> | Nested | MatrixLike | TensorLike | StridedLike;

const accepted =
  'a number, a typed array, nested arrays of numbers, a shaped array, a matrix of mathjs, a tensor of TensorFlow.js, or { data, shape, stride, offset }';

/** Numbers in order with their shape, not yet of any format. */
interface Plain {
  readonly values: RealArray;
  readonly shape: readonly number[];
}

function fromNested(path: string, given: readonly unknown[]): Plain {
  const shape: number[] = [];
  for (let level: unknown = given; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values = new Float64Array(sizeOf(shape));
  let at = 0;
  const read = (where: string, part: unknown, depth: number): void => {
    if (depth === shape.length) {
      values[at++] = checkNumber(where, part);
      return;
    }
    const accepted = `an array of length ${shape[depth]}`;
    const list = checkList(where, part, accepted);
    checkLength(where, list, shape[depth]!, accepted);
    for (let i = 0; i < list.length; i++) read(pathOf(where, i), list[i], depth + 1);
  };
  read(path, given, 0);
  return { values, shape };
}

const integerKinds: readonly (string | undefined)[] = [
  ...(['Int8Array', 'Uint8Array', 'Uint8ClampedArray'] as const),
  ...(['Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array'] as const),
];

/** A flat array of numbers. Arrays of integers may be codes: only what says that they are numbers, a tensor or an `ndarray`, brings them in. */
function numbersOf(path: string, given: unknown, areNumbers = false): RealArray {
  if (areNumbers && integerKinds.includes(kindOf(given)))
    return Float64Array.from(given as ArrayLike<number>);
  return realArray(path, given, accepted);
}

function isStrided(given: object): given is StridedLike {
  return 'data' in given && 'shape' in given && 'stride' in given && 'offset' in given;
}

/** The layout of an `ndarray`, all of whose elements are there. Throws ArgumentError. */
function checkLayout(path: string, given: StridedLike, length: number): Layout {
  const shape = checkShape(`${path}.shape`, given.shape);
  const strides = checkList(`${path}.stride`, given.stride);
  checkLength(`${path}.stride`, strides, shape.length, `${shape.length} strides, one an axis`);
  const stride = Array.from(strides, (each, axis) =>
    integerInRange(pathOf(`${path}.stride`, axis), each, -(2 ** 53 - 1), Number.MAX_SAFE_INTEGER),
  );
  const offset = integerInRange(`${path}.offset`, given.offset, 0, Number.MAX_SAFE_INTEGER);
  const reach = (sign: number): number =>
    shape.reduce(
      (sum, extent, axis) => sum + sign * Math.max(sign * stride[axis]! * (extent - 1), 0),
      offset,
    );
  if (sizeOf(shape) > 0 && (reach(-1) < 0 || reach(1) >= length))
    throw new ArgumentError(path, given, `elements within the ${length} of its data`);
  return { shape, stride, offset };
}

function read(path: string, given: unknown): Plain {
  if (typeof given === 'number') return { values: Float64Array.of(given), shape: [] };
  if (Array.isArray(given)) return fromNested(path, given);
  if (typeof given !== 'object' || given === null) throw new ArgumentError(path, given, accepted);
  if ('isMatrix' in given && given.isMatrix === true) {
    const list = (given as MatrixLike).toArray();
    return fromNested(path, checkList(path, list, accepted));
  }
  if (isStrided(given)) {
    const data = numbersOf(`${path}.data`, given.data, true);
    const layout = checkLayout(path, given, data.length);
    return { values: flat({ data, ...layout }), shape: layout.shape };
  }
  if ('dataSync' in given && typeof given.dataSync === 'function') {
    const { shape } = given as TensorLike;
    return { values: numbersOf(path, (given as TensorLike).dataSync(), true), shape: [...shape] };
  }
  if (isRecord(given)) throw new ArgumentError(path, given, accepted);
  const values = numbersOf(path, given);
  return { values, shape: [values.length] };
}

/** Numbers as they are, of whatever format. Throws ArgumentError. */
export function plainView(path: string, given: unknown): View {
  const { values, shape } = read(path, given);
  return { data: values, shape, stride: rowMajor(shape), offset: 0 };
}

/** The array that carries values of a format: Float32Array where all of them are binary32 numbers, else Float64Array. */
export function carrierFor(format: Format): new (length: number) => RealArray {
  return fitsBinary32(format) ? Float32Array : Float64Array;
}

function inCarrier(values: RealArray, format: Format): RealArray {
  if (isFloat32Array(values) === fitsBinary32(format)) return values;
  return fitsBinary32(format) ? new Float32Array(values) : new Float64Array(values);
}

/** Where an element lies, as the user wrote it. */
function pathOfElement(path: string, at: number, shape: readonly number[]): string {
  const stride = rowMajor(shape);
  return shape.reduce((text, extent, axis) => pathOf(text, Math.floor(at / stride[axis]!) % extent), path);
}

export interface EntryOptions {
  /** What becomes of a number that is not in the format: `'round'` (default) it, or `'error'`. */
  readonly operands?: 'round' | 'error';
  /**
   * Whether the array has memory of its own (default). `false`: a Float32Array (Float64Array for formats that need it) is used as it is;
   * its elements must be in the format.
   */
  readonly copy?: boolean;
}

/**
 * Elements in order, in the carrier of the format and in memory of their own, with their shape. What is not in the format is rounded as
 * the arithmetic says, to nearest even in the stochastic modes, without a draw.
 *
 * @throws ArgumentError
 */
export function enter(
  path: string,
  given: unknown,
  shape: unknown,
  { format, options }: Arithmetic,
  { operands = 'round', copy = true }: EntryOptions = {},
): View {
  const plain = read(path, given);
  const wanted = shape === undefined ? plain.shape : checkShape('shape', shape);
  const isFill = plain.shape.length === 0 && shape !== undefined;
  if (!isFill && sizeOf(wanted) !== plain.values.length)
    throw new ArgumentError('shape', shape, `extents whose product is ${plain.values.length}`);
  const { values } = plain;
  if (operands === 'error' || !copy) {
    const wrong = firstNonMember(values, format);
    if (wrong >= 0) {
      const where = pathOfElement(path, wrong, plain.shape);
      throw new ArgumentError(where, values[wrong], `a value of ${format.name}`);
    }
  }
  const view = (data: RealArray): View => ({ data, shape: wanted, stride: rowMajor(wanted), offset: 0 });
  if (!copy) {
    if (kindOf(given) === carrierFor(format).name) return view(values);
    throw new ArgumentError(path, given, `a ${carrierFor(format).name} where copy is false`);
  }
  // Numbers of a format that binary32 does not carry are rounded in binary64.
  const wide = isFloat32Array(values) && !fitsBinary32(format) ? new Float64Array(values) : values;
  const rounded = wide === values ? wide.slice() : wide;
  roundArray(wide, rounded, format, operandRounding(options), 1);
  const data = inCarrier(rounded, format);
  return view(isFill ? new (carrierFor(format))(sizeOf(wanted)).fill(data[0]!) : data);
}

/**
 * An operand of an operation in another array's arithmetic, as that takes its operands: refused or rounded where it is not in the
 * format. Throws ArgumentError.
 */
export function acceptOperand(path: string, given: unknown, f: Arithmetic): View {
  const { values, shape } = read(path, given);
  const wide = isFloat32Array(values) ? new Float64Array(values) : values;
  // The least of x and x draws nothing and is x, as operations take it.
  const taken = refusedAs(
    () => (wide.length === 0 ? wide : f.min(wide, wide)),
    ({ argument }) => pathOfElement(path, Number(/\d+/.exec(argument)), shape),
  );
  return { data: inCarrier(taken, f.format), shape, stride: rowMajor(shape), offset: 0 };
}

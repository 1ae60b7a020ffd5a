/**
 * Which arrays carry numbers, codes, bytes and random integers, and how they come in: the one home of that rule.
 *
 * A kind is the brand of a typed array, which the getter of %TypedArray%.prototype[@@toStringTag] tells (ECMAScript 2024 section
 * 23.2.3.38): arrays of another realm (a frame, a vm context, a test runner) and of subclasses have it too. All that comes in is
 * used as an ordinary array of this realm over the same memory, so that no method of a subclass is ever called.
 */
import { pathOf } from './check.ts';
import { ArgumentError } from './errors.ts';

/** Arrays that hold real numbers. */
export type RealArray = Float32Array | Float64Array;

/** A Float16Array, whether the compiler knows that type or not. */
export interface HalfArray extends ArrayLike<number>, ArrayBufferView {
  readonly [Symbol.toStringTag]: 'Float16Array';
}

/** What a call whose arrays are Float16Arrays gives: one of them, or a Float32Array for formats that go beyond binary16. */
export type HalfResult<X extends HalfArray> = X | Float32Array;

/** All that is read as an array of numbers: `realArray` says how. */
export type Numbers = RealArray | HalfArray | readonly number[];

interface Kinds {
  readonly Float32Array: Float32Array;
  readonly Float64Array: Float64Array;
  readonly Uint8Array: Uint8Array;
  readonly Uint16Array: Uint16Array;
  readonly Uint32Array: Uint32Array;
  readonly BigUint64Array: BigUint64Array;
  readonly Float16Array: HalfArray & { set(numbers: ArrayLike<number>): void };
}

/** The kinds of typed arrays that are taken as they are. */
type ArrayKind = keyof Kinds;

interface View<A> {
  new (length: number): A;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
}

const views: { readonly [K in ArrayKind]: View<Kinds[K]> } = {
  // Undefined in engines without it, where no array has that brand.
  Float16Array: (globalThis as unknown as { Float16Array: View<Kinds['Float16Array']> }).Float16Array,
  Float32Array,
  Float64Array,
  Uint8Array,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
};

const brandOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get! as (this: unknown) => string | undefined;

/** Arrays of numbers, codes or random integers. */
export type Elements = Kinds[ElementKind];
type ElementKind = Exclude<ArrayKind, 'Float16Array'>;

/** An ordinary array of the kind of another, over a buffer. */
export function viewLike(
  like: Elements,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): Elements {
  const View: View<Elements> = views[kindOf(like) as ElementKind];
  return new View(buffer, byteOffset, length);
}

/** Copies between arrays of one kind, which their types do not say. */
export function copyElements(to: Elements, from: Elements, at = 0): void {
  (to as Float32Array).set(from as Float32Array, at);
}

/** The kind of a typed array, of whatever realm and class; undefined for everything else. */
export function kindOf(x: unknown): string | undefined {
  return brandOf.call(x);
}

export function isFloat32Array(x: unknown): x is Float32Array {
  return kindOf(x) === 'Float32Array';
}

/** Whether x is a typed array that holds real numbers. Plain arrays and Float16Arrays become one by `realArray`. */
export function isRealArray(x: unknown): x is RealArray {
  const kind = kindOf(x);
  return kind === 'Float32Array' || kind === 'Float64Array';
}

/** The typed array as an ordinary one of this realm: itself, or a view of the same memory. undefined for another kind. */
export function asKind<K extends ArrayKind>(x: unknown, kind: K): Kinds[K] | undefined {
  if (kindOf(x) !== kind) return undefined;
  const array = x as Kinds[K];
  const View = views[kind];
  const isOrdinary = Object.getPrototypeOf(array) === View.prototype;
  return isOrdinary ? array : new View(array.buffer, array.byteOffset, array.length);
}

const numbersAccepted = 'a Float32Array, a Float64Array, a Float16Array or an array of numbers';

/**
 * What is given as numbers, as an array of this realm: a Float32Array or Float64Array over the same memory; a Float16Array, whose
 * numbers are all of binary32, as a new Float32Array; an array of numbers as a new Float64Array. Arrays of integers are refused: they may be
 * codes. Throws ArgumentError that names the element that is no number.
 *
 * @param accepted What a message says is accepted.
 */
export function realArray(path: string, given: unknown, accepted: string = numbersAccepted): RealArray {
  switch (kindOf(given)) {
    case 'Float32Array':
      return asKind(given, 'Float32Array')!;
    case 'Float64Array':
      return asKind(given, 'Float64Array')!;
    case 'Float16Array':
      return new Float32Array(given as HalfArray);
  }
  if (!Array.isArray(given)) throw new ArgumentError(path, given, accepted);
  for (let i = 0; i < given.length; i++)
    if (typeof given[i] !== 'number') throw new ArgumentError(pathOf(path, i), given[i], 'a number');
  return new Float64Array(given as number[]);
}

/** A new array of so many numbers. Throws RangeError where there is no memory for it. */
export function newArray<A>(kind: new (length: number) => A, length: number): A {
  try {
    return new kind(length);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`no memory for an array of ${length} numbers`);
  }
}

/** A new array of the same kind, of the same length or another. Throws RangeError where there is no memory for it. */
export function newLike<A extends RealArray>(x: A, length: number = x.length): A {
  return newArray<RealArray>(isFloat32Array(x) ? Float32Array : Float64Array, length) as A;
}

/**
 * Where a result goes: `out` as an ordinary array, where it has the kind and length of another; a new one where it is undefined.
 * Throws ArgumentError; `as` says like what it must be.
 */
export function resultArray<A extends RealArray>(
  out: unknown,
  like: A,
  as = 'x',
  length: number = like.length,
): A {
  if (out === undefined) return newLike(like, length);
  const kind = isFloat32Array(like) ? 'Float32Array' : 'Float64Array';
  const array = asKind(out, kind);
  if (array?.length !== length)
    throw new ArgumentError('out', out, `a ${kind} of length ${length}, as ${as}`);
  return array as RealArray as A;
}

/** Where results are computed, and how they get to where they belong. */
interface ResultPlace {
  /** Of the kind of the operands as they are read. */
  readonly array: RealArray;
  /** Takes them there when all are computed, and gives `out`, or the new array. */
  finish(): RealArray | HalfArray;
}

/**
 * As `resultArray`, for a call that takes Float16Arrays as such: if its arrays are nothing else and every result is a number of
 * binary16, results go to a Float16Array, unless `out` is a Float32Array. They are computed as binary32 numbers, so none is rounded again.
 *
 * @param given All arrays of the call, numbers and undefined among them.
 * @param fits Whether every result is a number of binary16.
 */
export function resultPlace(
  out: unknown,
  like: RealArray,
  { given, fits }: { readonly given: readonly unknown[]; fits(): boolean },
  as = 'x',
  length: number = like.length,
): ResultPlace {
  const arrays = given.filter((x) => typeof x === 'object');
  const areHalf = arrays.length > 0 && arrays.every((x) => kindOf(x) === 'Float16Array');
  if (!areHalf || !fits() || (out !== undefined && kindOf(out) !== 'Float16Array')) {
    const array = resultArray(out, like, as, length);
    return { array, finish: () => (out === undefined ? array : (out as RealArray)) };
  }
  const half = out === undefined ? newArray(views.Float16Array, length) : asKind(out, 'Float16Array')!;
  if (half.length !== length)
    throw new ArgumentError('out', out, `a Float16Array or Float32Array of length ${length}, as ${as}`);
  const array = newArray(Float32Array, length);
  return {
    array,
    finish(): HalfArray {
      half.set(array);
      return out === undefined ? half : (out as HalfArray);
    },
  };
}

/** Integers below 2^32 as an ordinary array. Throws ArgumentError. */
export function wordArray(path: string, given: unknown, accepted = 'a Uint32Array'): Uint32Array {
  const words = asKind(given, 'Uint32Array');
  if (words === undefined) throw new ArgumentError(path, given, accepted);
  return words;
}

/** Bytes (a Buffer of Node too) as an ordinary array. Throws ArgumentError. */
export function byteArray(path: string, given: unknown, accepted = 'a Uint8Array'): Uint8Array {
  const bytes = asKind(given, 'Uint8Array');
  if (bytes === undefined) throw new ArgumentError(path, given, accepted);
  return bytes;
}

/** Whether a buffer is a SharedArrayBuffer, of whatever realm. */
export function isSharedBuffer(buffer: ArrayBufferLike): boolean {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}

/** Whether two arrays may share bytes. Different objects may stand for one shared memory, as when it has grown. */
export function overlap(x: ArrayBufferView, y: ArrayBufferView): boolean {
  const doMeet = x.byteOffset < y.byteOffset + y.byteLength && y.byteOffset < x.byteOffset + x.byteLength;
  return doMeet && (x.buffer === y.buffer || (isSharedBuffer(x.buffer) && isSharedBuffer(y.buffer)));
}

/** Whether the arrays share memory without beginning at the same place: writing one from its beginning spoils the other. */
export function overlapsAskew(x: ArrayBufferView, out: ArrayBufferView): boolean {
  return x.byteOffset !== out.byteOffset && overlap(x, out);
}

/** x, copied where writing `out` from its beginning, element by element, would spoil it. */
export function apartFrom<A extends RealArray | Uint32Array>(x: A, out: ArrayBufferView): A {
  return overlapsAskew(x, out) ? (x.slice() as A) : x;
}

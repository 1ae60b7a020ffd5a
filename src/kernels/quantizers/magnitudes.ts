/**
 * Magnitudes of float32 numbers with kernels: what the mean of their logarithms is made of, powers of them, and functions that are
 * constant between bounds. What they are for: `src/quantizers/transforms/log-shift.ts`, `src/quantizers/stepped.ts`.
 */
import { apartFrom } from '../../array-kinds.ts';
import { type Heap, isInSharedHeap, perHeap, privateHeap, sharedHeap } from '../heap.ts';
import { transformsModule } from '../transforms-module.ts';
import { streamInPlace, streamStaged } from './quantizer-arrays.ts';
import type { Stream } from './quantizer-pass.ts';
import { cached } from './quantizer-pieces.ts';

/** What the mean and the largest logarithm of finite numbers are made of. Zeros do not count. */
export interface LogarithmSums {
  readonly count: number;
  /** The sum of floor(log2 |x|). */
  readonly exponents: number;
  /** Products of the significands, 512 together and the rest, in their order. */
  readonly products: readonly number[];
  /** The largest magnitude. */
  readonly largest: number;
}

/** A function of magnitudes, by patterns of binary32 numbers. */
export interface StepTable {
  /** The least pattern of each step but the first, ascending; at most 255. */
  readonly bounds: Int32Array;
  /** What the numbers of a step become, with the sign that they have; one more than there are bounds. */
  readonly images: Int32Array;
}

/** The kernels on a heap of any owner, whose memory they take when it is first needed. */
export interface Magnitudes {
  /** Undefined where a number is not finite. */
  sums(length: number, stream: Stream): LogarithmSums | undefined;
  /** Of finite numbers. */
  place(length: number, stream: Stream, table: StepTable): void;
  /** |x|^power 2^shift, or (|x| 2^-shift)^(1 / power), with the sign of x; zeros, infinities and NaN stay. */
  shift(length: number, stream: Stream, power: number, shift: number, inverts: boolean): void;
  /** Allocates now what the others would, so that views of the memory stay good. */
  prepare(): void;
  release(): void;
}

/** Patterns that differ in their upper 16 bits have places of their own to begin at: few places have a bound in them. */
const placeShift = 16;
const placeCount = 1 << (31 - placeShift);
const mostBounds = 255;
/** Beyond all patterns of numbers. */
const beyond = 0x7fffffff;

const stateBytes = 32;
const productBytes = 8 * (cached.length / 512 + 1);
const tableBytes = 4 * (mostBounds + 1);

/** How many bounds lie at or below the first pattern of each place. */
function writePlaces(places: Uint8Array, bounds: Int32Array): void {
  let from = 0;
  bounds.forEach((bound, i) => {
    const to = Math.ceil(bound / 2 ** placeShift);
    places.fill(i, from, to);
    from = to;
  });
  places.fill(bounds.length, from);
}

/** Runs a kernel on a chunk after the other. */
function eachChunk(
  length: number,
  stream: Stream,
  run: (source: number, target: number, count: number) => void,
): void {
  for (let start = 0; start < length; start += cached.length) {
    const count = Math.min(cached.length, length - start);
    run(stream.load(start, count), stream.target(start), count);
    stream.store(start, count);
  }
}

function logarithmSums(
  heap: Heap,
  state: number,
  products: number,
  length: number,
  stream: Stream,
): LogarithmSums | undefined {
  const kernels = transformsModule.on(heap.memory);
  const { buffer } = heap.memory;
  const numbers = new Float64Array(buffer, state, stateBytes / 8);
  numbers.set([0, 0, 1, 0]);
  const closed: number[] = [];
  for (let start = 0; start < length; start += cached.length) {
    const count = Math.min(cached.length, length - start);
    const written = kernels.logarithmSums(stream.load(start, count), count, state, products);
    if (written < 0) return undefined;
    closed.push(...new Float64Array(buffer, products, written));
  }
  const [count, exponents, product] = numbers as unknown as [number, number, number];
  const isOpen = new Int32Array(buffer, state + 24, 1)[0] !== 0;
  const [largest] = new Float32Array(buffer, state + 28, 1) as unknown as [number];
  return { count, exponents, products: isOpen ? [...closed, product] : closed, largest };
}

export function magnitudesOn(heap: Heap): Magnitudes {
  const kernels = transformsModule.on(heap.memory);
  let allocated: number | undefined;

  function room() {
    allocated ??= heap.allocate(stateBytes + productBytes + 2 * tableBytes + placeCount);
    const products = allocated + stateBytes;
    const bounds = products + productBytes;
    return {
      state: allocated,
      products,
      bounds,
      images: bounds + tableBytes,
      places: bounds + 2 * tableBytes,
    };
  }

  return {
    sums(length, stream): LogarithmSums | undefined {
      const { state, products } = room();
      return logarithmSums(heap, state, products, length, stream);
    },
    place(length, stream, table): void {
      const { bounds, images, places } = room();
      const { buffer } = heap.memory;
      const limits = new Int32Array(buffer, bounds, mostBounds + 1);
      limits.set(table.bounds);
      limits[table.bounds.length] = beyond;
      new Int32Array(buffer, images, mostBounds + 1).set(table.images);
      writePlaces(new Uint8Array(buffer, places, placeCount), table.bounds);
      eachChunk(length, stream, (source, target, count) =>
        kernels.placeSteps(source, target, count, bounds, images, places, placeShift),
      );
    },
    shift(length, stream, power, shift, inverts): void {
      eachChunk(length, stream, (source, target, count) =>
        kernels.shiftMagnitudes(source, target, count, power, shift, inverts ? 1 : 0),
      );
    },
    prepare(): void {
      room();
    },
    release(): void {
      if (allocated !== undefined) heap.free(allocated);
      allocated = undefined;
    },
  };
}

/** The kernels for an array and its result, which may be the same, and the way there. */
interface ArrayMagnitudes {
  readonly kernels: Magnitudes;
  readonly stream: Stream;
}

const magnitudesOf = perHeap(magnitudesOn);

/** In place where both lie in the library's shared memory, through a buffer in its private memory otherwise. */
export function magnitudesFor(x: Float32Array, out: Float32Array): ArrayMagnitudes {
  const source = apartFrom(x, out);
  const isShared = isInSharedHeap(source) && isInSharedHeap(out);
  const kernels = magnitudesOf(isShared ? sharedHeap() : privateHeap());
  kernels.prepare();
  const stream = isShared ? streamInPlace(source.byteOffset, out.byteOffset) : streamStaged(source, out);
  return { kernels, stream };
}

/**
 * Arrays that kernels work on, element by element. Where all of them lie in the library's shared memory, they are used in place. Others
 * are copied through buffers in its private memory, a chunk at a time; with threads, through buffers of the workers. The result
 * does not depend on which.
 */
import { copyElements, type Elements, viewLike } from '../array-kinds.ts';
import { type Heap, isInSharedHeap, privateHeap, sharedHeap } from './heap.ts';
import type { KernelModule, PieceExports } from './module.ts';
import { commonPiece, divideCommon, divideStaged } from './thread-division.ts';
import { threadPool } from './threads.ts';

/** Does elements that lie at `places` on a heap, the first of which has the index `start`. false: the rest is not wanted any more. */
type Run = (places: readonly number[], start: number, length: number) => boolean;

/** Element-wise work on arrays of one length: what a family of kernels says of a call. */
export interface ElementWork {
  readonly inputs: readonly Elements[];
  /** What is written; undefined where the inputs are looked at only. */
  readonly out: Elements | undefined;
  /** Whether results may go where the first input lies: it has their kind, and nothing reads it afterwards. */
  readonly isInPlace?: boolean;
  /** What does elements on a heap, in the calling thread. All memory that it needs is allocated before it is given. */
  on(heap: Heap): Run;
  /** For other threads; a call with one thread needs none. */
  readonly job?: {
    readonly module: KernelModule<PieceExports>;
    /** Bytes of a block with what goes with it. */
    readonly roomBytes: number;
    /** Writes a block into a room: elements that lie at `places`, the inputs' and the result's, the first with the index `start`. */
    write(heap: Heap, room: number, places: readonly number[], start: number): void;
  };
}

/** Bytes of an array's chunk: far below the second-level cache. A quarter of this is a tenth slower at 10^7 elements. */
const chunkBytes = 2 ** 16;
/**
 * Bytes of a chunk where the result is longer than any cache. The copy out of it is so long that the system's `memmove` writes past the caches,
 * which saves reading what is overwritten: 1.3 times the rate at 10^7 elements.
 */
const longChunkBytes = 2 ** 20;
const leastLong = 2 ** 23;

/** Kernels may read and write so much more than the elements, to fill vectors up. */
const slackBytes = 256;

interface Buffer {
  readonly pointer: number;
  readonly bytes: number;
  /** The view that was wanted last. */
  view: Elements | undefined;
}

const buffers: Buffer[] = [];

/** The buffer of this number in the private memory, at least so large. The pointer holds until a larger one is wanted. */
function bufferOf(i: number, bytes: number): Buffer {
  let buffer = buffers[i];
  if (buffer === undefined || buffer.bytes < bytes) {
    if (buffer !== undefined) privateHeap().free(buffer.pointer);
    buffer = { pointer: privateHeap().allocate(bytes + slackBytes), bytes, view: undefined };
    buffers[i] = buffer;
  }
  return buffer;
}

/** The first elements of a buffer, as an array of a kind. Growth of the memory detaches older views. */
function viewOf(buffer: Buffer, like: Elements, length: number): Elements {
  const { buffer: bytes } = privateHeap().memory;
  const { view } = buffer;
  const fits = view?.buffer === bytes && view.length === length;
  if (fits && view.BYTES_PER_ELEMENT === like.BYTES_PER_ELEMENT && view.constructor === like.constructor)
    return view;
  buffer.view = viewLike(like, bytes, buffer.pointer, length);
  return buffer.view;
}

/** Something of each of the arrays of some work. By loops, as most calls are short: a microsecond is a quarter of one. */
function ofEach<T>({ inputs, out }: ElementWork, what: (array: Elements, i: number) => T): T[] {
  const all: T[] = [];
  for (let i = 0; i < inputs.length; i++) all.push(what(inputs[i]!, i));
  if (out !== undefined) all.push(what(out, inputs.length));
  return all;
}

/** Elements of a chunk: a multiple of 16. */
function chunkOf({ inputs, out }: ElementWork): number {
  let widest = out?.BYTES_PER_ELEMENT ?? 1;
  for (let i = 0; i < inputs.length; i++) widest = Math.max(widest, inputs[i]!.BYTES_PER_ELEMENT);
  // What is written where it was read lies in the cache.
  const isLong = out !== undefined && out.byteLength >= leastLong && !inputs.includes(out);
  return (isLong ? longChunkBytes : chunkBytes) / widest;
}

/** Does a stretch of ordinary arrays in the calling thread. */
function throughBuffers(work: ElementWork): (from: number, to: number) => boolean {
  const { inputs, out, isInPlace = false } = work;
  const size = chunkOf(work);
  const held = ofEach(work, (x, i) => bufferOf(isInPlace ? 0 : i, size * x.BYTES_PER_ELEMENT));
  const run = work.on(privateHeap());
  const places = ofEach(work, (_, i) => held[i]!.pointer);
  return (from, to) => {
    for (let start = from; start < to; start += size) {
      const length = Math.min(size, to - start);
      for (let i = 0; i < inputs.length; i++) {
        const x = inputs[i]!;
        copyElements(
          viewOf(held[i]!, x, length),
          length === x.length ? x : x.subarray(start, start + length),
        );
      }
      if (!run(places, start, length)) return false;
      if (out !== undefined) copyElements(out, viewOf(held[inputs.length]!, out, length), start);
    }
    return true;
  };
}

/** Arrays of the shared memory, where they are. */
function inPlace(work: ElementWork, length: number, threads: number): boolean {
  const { job } = work;
  const run = work.on(sharedHeap());
  const places = ofEach(work, ({ byteOffset }) => byteOffset);
  if (threads === 1 || job === undefined) return run(places, 0, length);
  const widths = ofEach(work, ({ BYTES_PER_ELEMENT }) => BYTES_PER_ELEMENT);
  const result = divideCommon(threadPool(), threads, {
    ...{ module: job.module, length, piece: commonPiece },
    blockOf(slot): number {
      const room = slot.room(job.roomBytes);
      job.write(sharedHeap(), room, places, 0);
      return room;
    },
    ownPiece(from, to): number {
      const own = places.map((place, i) => place + from * widths[i]!);
      return run(own, from, to - from) ? -1 : from;
    },
  });
  return result < 0;
}

/**
 * Does all elements.
 *
 * @param threads As `usefulThreads` gives them.
 * @returns false if a run or a piece of a thread said so: `out` is incomplete then
 * @throws Error if a worker fails; `out` is incomplete then.
 */
export function runElements(work: ElementWork, threads: number): boolean {
  const { inputs, out, isInPlace = false, job } = work;
  const { length } = (out ?? inputs[0])!;
  if ((out === undefined || isInSharedHeap(out)) && inputs.every(isInSharedHeap))
    return inPlace(work, length, threads);
  // Allocates what is missing, so that nothing can fail while other threads work.
  const ownPiece = throughBuffers(work);
  if (threads === 1 || out === undefined || job === undefined) return ownPiece(0, length);
  return divideStaged(threadPool(), threads, { ...{ inputs, out, isInPlace }, ...job, ownPiece });
}

/** Rows of binary32 numbers through the first buffer. */
export interface RowBuffer {
  readonly pointer: number;
  /** Copies rows of `length` elements, `stride` apart in x, beside each other into it. */
  load(x: Float32Array, start: number, length: number, rows?: number, stride?: number): void;
  /** Copies them back. */
  store(out: Float32Array, start: number, length: number, rows?: number, stride?: number): void;
}

/** @param length The most elements that lie there at a time. */
export function rowBuffer(length: number): RowBuffer {
  // Asked for each time: in between, other work may have wanted a larger one, or made the memory grow.
  const place = (): number => bufferOf(0, 4 * length).pointer;
  // Now, so that the memory does not grow at the first load.
  place();
  let made: Float32Array | undefined;
  const whole = (): Float32Array => {
    const pointer = place();
    const { buffer } = privateHeap().memory;
    if (made?.buffer !== buffer || made.byteOffset !== pointer)
      made = new Float32Array(buffer, pointer, length);
    return made!;
  };
  const part = (start: number, count: number): Float32Array =>
    start === 0 && count === length ? whole() : whole().subarray(start, start + count);
  return {
    get pointer() {
      return place();
    },
    load(x, start, count, rows = 1, stride = count): void {
      const view = whole();
      if (count === stride) view.set(x.subarray(start, start + rows * count));
      else
        for (let row = 0; row < rows; row++)
          view.set(x.subarray(start + row * stride, start + row * stride + count), row * count);
    },
    store(out, start, count, rows = 1, stride = count): void {
      if (count === stride) out.set(part(0, rows * count), start);
      else for (let row = 0; row < rows; row++) out.set(part(row * count, count), start + row * stride);
    },
  };
}

/** Whole arrays on a heap, as long as some work lasts. */
export interface WholeArrays {
  /** Where an array lies; a copy of it, unless the heap is the shared one and it lies there already (and `copies` is not set). */
  place(x: Elements, copies?: boolean): number;
  /** Copies to an array what lies where `place` had put it, unless that is the array itself. */
  read(pointer: number, to: Elements): void;
  /** Frees the copies. */
  free(): void;
}

export function wholeArraysOn(heap: Heap): WholeArrays {
  const held = new Set<number>();
  const isShared = (x: Elements): boolean => isInSharedHeap(x) && heap === sharedHeap();
  return {
    place(x, copies = false): number {
      // An array of the shared memory keeps its place, even if that memory has grown since.
      if (!copies && isShared(x)) return x.byteOffset;
      // Kernels may read one element more.
      const pointer = heap.allocate(x.byteLength + 8);
      held.add(pointer);
      copyElements(viewLike(x, heap.memory.buffer, pointer, x.length), x);
      return pointer;
    },
    read(pointer, to): void {
      if (held.has(pointer)) copyElements(to, viewLike(to, heap.memory.buffer, pointer, to.length));
    },
    free(): void {
      for (const pointer of held) heap.free(pointer);
      held.clear();
    },
  };
}

/**
 * Arrays that kernels work on, element by element. Where all of them lie in the library's shared memory, they are used in place. Others
 * are copied through buffers in its private memory, a chunk at a time; with threads, through buffers of the workers. The result
 * does not depend on which.
 */
import { copyElements, type Elements, isFloat32Array, kindOf, viewLike } from '../array-kinds.ts';
import { type Heap, isInSharedHeap, privateHeap, sharedHeap, viewsOf } from './heap.ts';
import type { KernelModule, PieceExports } from './module.ts';
import { commonPiece, divideCommon, divideStaged } from './thread-division.ts';
import { usefulThreads } from './thread-rule.ts';
import { threadPool } from './threads.ts';

/** Element-wise work on arrays of one length: what a family of kernels says of a call. */
export interface ElementWork {
  /** The inputs, and behind them the result if there is one. */
  readonly arrays: readonly Elements[];
  /** What is written, the last of the arrays; undefined where they are looked at only. */
  readonly out: Elements | undefined;
  /** Whether results may go where the first input lies: it has their kind, and nothing reads it afterwards. */
  readonly isInPlace: boolean;
  /** How long an element takes, of `paces`. */
  readonly pace: number;
  /** What other threads do it by. */
  readonly module: KernelModule<PieceExports>;
  /** Bytes of a block with what goes with it, for another thread. */
  readonly roomBytes: number;
  /** The calling thread is to do elements on a heap. Allocates all memory that this needs. */
  prepare(heap: Heap): void;
  /**
   * Does elements that lie at `places` on that heap, the arrays' in turn, the first of which has the index `start`. false: the rest is
   * not wanted any more.
   */
  run(places: readonly number[], start: number, length: number): boolean;
  /** Writes a block into a room, for another thread: elements that lie at `places`, the first with the index `start`. */
  write(heap: Heap, room: number, places: readonly number[], start: number): void;
}

/** Bytes of an array's chunk: those of three arrays are in the second-level cache. Half of this is up to a tenth slower, twice is not faster. */
const chunkBytes = 2 ** 17;
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

const pointerOf = ({ pointer }: Buffer): number => pointer;

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

/** All of the private memory as an array of a kind. */
function memoryLike(like: Elements): Elements {
  const views = viewsOf(privateHeap().memory);
  switch (like.BYTES_PER_ELEMENT) {
    case 1:
      return views.bytes;
    case 2:
      return views.halves;
    case 4:
      return isFloat32Array(like) ? views.floats : views.words;
    default:
      return kindOf(like) === 'Float64Array' ? views.doubles : views.longs;
  }
}

/** Copies elements of x from `start` on into a buffer. */
function load(x: Elements, start: number, length: number, { pointer }: Buffer): void {
  const part = length === x.length ? x : x.subarray(start, start + length);
  copyElements(memoryLike(x), part, pointer / x.BYTES_PER_ELEMENT);
}

/** Copies the first elements of a buffer to `out`, from `start` on. */
function store(out: Elements, start: number, length: number, buffer: Buffer): void {
  const whole = memoryLike(out);
  // Calls are mostly alike. Growth of the memory detaches older views.
  let { view } = buffer;
  if (view?.buffer !== whole.buffer || view.length !== length || view.constructor !== whole.constructor) {
    const first = buffer.pointer / out.BYTES_PER_ELEMENT;
    view = whole.subarray(first, first + length);
    buffer.view = view;
  }
  copyElements(out, view, start);
}

/** Elements of a chunk: a multiple of 16. */
function chunkOf({ arrays, out }: ElementWork): number {
  let widest = 1;
  for (let i = 0; i < arrays.length; i++) widest = Math.max(widest, arrays[i]!.BYTES_PER_ELEMENT);
  return (out !== undefined && out.byteLength >= leastLong ? longChunkBytes : chunkBytes) / widest;
}

/** Ordinary arrays in the calling thread. All memory is allocated when it is made, so that nothing can fail while other threads work. */
class Staged {
  private readonly work: ElementWork;
  private readonly chunk: number;
  private readonly held: readonly Buffer[];
  private readonly places: readonly number[];

  constructor(work: ElementWork) {
    const { arrays, out, isInPlace } = work;
    const chunk = chunkOf(work);
    this.work = work;
    this.chunk = chunk;
    this.held = arrays.map((x, i) => bufferOf(isInPlace && x === out ? 0 : i, chunk * x.BYTES_PER_ELEMENT));
    work.prepare(privateHeap());
    this.places = this.held.map(pointerOf);
  }

  /** Does a stretch of them. */
  piece(from: number, to: number): boolean {
    const { work, held, places, chunk } = this;
    const { arrays, out } = work;
    const inputs = out === undefined ? arrays.length : arrays.length - 1;
    for (let start = from; start < to; start += chunk) {
      const length = Math.min(chunk, to - start);
      for (let i = 0; i < inputs; i++) load(arrays[i]!, start, length, held[i]!);
      if (!work.run(places, start, length)) return false;
      if (out !== undefined) store(out, start, length, held[inputs]!);
    }
    return true;
  }
}

/** Arrays of the shared memory, where they are. */
function inPlace(work: ElementWork, length: number, threads: number): boolean {
  const { arrays, module, roomBytes } = work;
  work.prepare(sharedHeap());
  const places = arrays.map(({ byteOffset }) => byteOffset);
  if (threads === 1) return work.run(places, 0, length);
  const result = divideCommon(threadPool(), threads, {
    ...{ module, length, piece: commonPiece },
    blockOf(slot): number {
      const room = slot.room(roomBytes);
      work.write(sharedHeap(), room, places, 0);
      return room;
    },
    ownPiece(from, to): number {
      const own = places.map((place, i) => place + from * arrays[i]!.BYTES_PER_ELEMENT);
      return work.run(own, from, to - from) ? -1 : from;
    },
  });
  return result < 0;
}

/** Whether all arrays lie in the shared memory. */
function areShared(arrays: readonly Elements[]): boolean {
  for (let i = 0; i < arrays.length; i++) if (!isInSharedHeap(arrays[i]!)) return false;
  return true;
}

/**
 * Does all elements.
 *
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
 * @returns false if a run or a piece of a thread said so: `out` is incomplete then
 * @throws Error if a worker fails; `out` is incomplete then.
 */
export function runElements(work: ElementWork, threads: number): boolean {
  const { arrays, out, isInPlace, module, roomBytes } = work;
  const { length } = arrays[0]!;
  const isShared = areShared(arrays);
  const team = usefulThreads(threads, length, work.pace, isShared);
  if (isShared) return inPlace(work, length, team);
  const staged = new Staged(work);
  if (team === 1 || out === undefined) return staged.piece(0, length);
  return divideStaged(threadPool(), team, {
    ...{ inputs: arrays.slice(0, -1), out, isInPlace, module, roomBytes },
    write: (heap, room, places, start) => work.write(heap, room, places, start),
    ownPiece: (from, to) => staged.piece(from, to),
  });
}

/** Rows of binary32 numbers through the first buffer. */
export class RowBuffer {
  private readonly bytes: number;

  /** @param length The most elements that lie there at a time. */
  constructor(length: number) {
    this.bytes = 4 * length;
    // Now, so that the memory does not grow at the first load.
    bufferOf(0, this.bytes);
  }

  /** Asked for each time: in between, other work may have wanted a larger buffer. */
  get pointer(): number {
    return bufferOf(0, this.bytes).pointer;
  }

  /** Copies rows of `length` elements, `stride` apart in x, beside each other into it. */
  load(x: Float32Array, start: number, length: number, rows: number = 1, stride: number = length): void {
    if (length === stride) {
      load(x, start, rows * length, bufferOf(0, this.bytes));
      return;
    }
    const { floats } = viewsOf(privateHeap().memory);
    let at = this.pointer >>> 2;
    for (let row = 0, from = start; row < rows; row++, at += length, from += stride)
      floats.set(x.subarray(from, from + length), at);
  }

  /** Copies them back. */
  store(out: Float32Array, start: number, length: number, rows: number = 1, stride: number = length): void {
    if (length === stride) {
      store(out, start, rows * length, bufferOf(0, this.bytes));
      return;
    }
    const { floats } = viewsOf(privateHeap().memory);
    let at = this.pointer >>> 2;
    for (let row = 0, to = start; row < rows; row++, at += length, to += stride)
      out.set(floats.subarray(at, at + length), to);
  }
}

/** Whole arrays on a heap, as long as some work lasts. */
interface WholeArrays {
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

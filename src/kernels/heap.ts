/**
 * Memory that kernels work on. A heap is a WebAssembly memory plus an allocator; the allocator here is a first-fit list
 * of free spans, kept in JavaScript, for memories that this library owns. tfjs-wasm's memory is a heap by its own malloc.
 *
 * Two memories are owned here. The shared one holds arrays that users allocate in it (they are used in place, and workers
 * can see them). The private one stages ordinary arrays: it is unshared, because engines copy to and from a
 * SharedArrayBuffer word by word, several times slower than a memmove.
 */
import { integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';

export interface Heap {
  readonly memory: WebAssembly.Memory;
  /** Byte offset of `bytes` fresh bytes, at least 16-byte aligned. Throws RangeError when memory runs out. */
  allocate(bytes: number): number;
  free(pointer: number): void;
}

interface Span {
  start: number;
  end: number;
}

const pageBytes = 65536;
/** A cache line: arrays never share one, and vector loads never straddle two. */
const alignment = 64;
/** 2 GiB, of which only what is used gets committed. */
const sharedMaximumPages = 32768;

/** 4 GiB, all that a memory with 32-bit addresses can have. */
const privateMaximumPages = 65536;

/** Grows a memory by at least so many bytes; returns where the new ones lie. Throws RangeError. */
function grow(memory: WebAssembly.Memory, maximumPages: number, bytes: number): Span {
  const present = memory.buffer.byteLength / pageBytes;
  const least = Math.ceil(bytes / pageBytes);
  // At least an eighth of the present size, so that many small arrays do not grow it page by page.
  const pages = Math.min(Math.max(least, Math.ceil(present / 8)), maximumPages - present);
  const refusal = (): RangeError =>
    new RangeError(
      `no room for ${bytes} bytes: the memory has ${present} of ${maximumPages} pages of 64 KiB`,
    );
  if (pages < least) throw refusal();
  try {
    const start = memory.grow(pages) * pageBytes;
    return { start, end: start + pages * pageBytes };
  } catch {
    throw refusal();
  }
}

/** A heap over a memory that nobody else allocates from. The first bytes stay unused: no pointer is 0. */
function createHeap(memory: WebAssembly.Memory, maximumPages: number): Heap {
  const free: Span[] = [{ start: alignment, end: memory.buffer.byteLength }];
  const sizes = new Map<number, number>();

  function release(start: number, end: number): void {
    let at = free.findIndex((span) => span.start > start);
    if (at < 0) at = free.length;
    free.splice(at, 0, { start, end });
    for (const left of [at, at - 1]) {
      const span = free[left];
      const next = free[left + 1];
      if (span !== undefined && next !== undefined && span.end === next.start) {
        span.end = next.end;
        free.splice(left + 1, 1);
      }
    }
  }

  function take(bytes: number): number | undefined {
    const at = free.findIndex((span) => span.end - span.start >= bytes);
    const span = free[at];
    if (span === undefined) return undefined;
    const pointer = span.start;
    span.start += bytes;
    if (span.start === span.end) free.splice(at, 1);
    sizes.set(pointer, bytes);
    return pointer;
  }

  return {
    memory,
    allocate(bytes: number): number {
      integerInRange('bytes', bytes, 0, Number.MAX_SAFE_INTEGER);
      const whole = Math.max(1, Math.ceil(bytes / alignment)) * alignment;
      const pointer = take(whole);
      if (pointer !== undefined) return pointer;
      const { start, end } = grow(memory, maximumPages, whole);
      release(start, end);
      return take(whole)!;
    },
    free(pointer: number): void {
      const bytes = sizes.get(pointer);
      if (bytes === undefined) throw new ArgumentError('pointer', pointer, 'a pointer that allocate gave');
      sizes.delete(pointer);
      release(pointer, pointer + bytes);
    },
  };
}

/** All of a memory's bytes as arrays, by their kinds. What lies at an address is found by a shift: `words[pointer >>> 2]`. */
export interface Views {
  readonly memory: WebAssembly.Memory;
  readonly buffer: ArrayBufferLike;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;
  readonly longs: BigUint64Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
}

const viewsMade = new WeakMap<WebAssembly.Memory, Views>();
/** What was wanted last: mostly the next ones too. */
let lastViews: Views | undefined;

/**
 * The views of a memory, valid until it grows. Making one takes as long as a kernel takes for some hundred elements: what a short
 * call writes and reads goes by these.
 */
export function viewsOf(memory: WebAssembly.Memory): Views {
  const { buffer } = memory;
  let views = lastViews?.memory === memory ? lastViews : viewsMade.get(memory);
  if (views?.buffer !== buffer) {
    views = {
      memory,
      buffer,
      bytes: new Uint8Array(buffer),
      halves: new Uint16Array(buffer),
      words: new Uint32Array(buffer),
      longs: new BigUint64Array(buffer),
      floats: new Float32Array(buffer),
      doubles: new Float64Array(buffer),
    };
    viewsMade.set(memory, views);
  }
  lastViews = views;
  return views;
}

/** What is made once for each heap, when it is first wanted there, and lasts as long. */
export function perHeap<T>(make: (heap: Heap) => T): (heap: Heap) => T {
  const made = new WeakMap<Heap, T>();
  return (heap) => {
    let one = made.get(heap);
    if (one === undefined) {
      one = make(heap);
      made.set(heap, one);
    }
    return one;
  };
}

let privateHeapMade: Heap | undefined;

/** The library's own unshared memory, for staging. */
export function privateHeap(): Heap {
  privateHeapMade ??= createHeap(new WebAssembly.Memory({ initial: 16 }), privateMaximumPages);
  return privateHeapMade;
}

let sharedHeapMade: Heap | undefined;

/**
 * The library's own shared memory, made on first use; it grows to 2 GiB at most, and arrays in it stay valid when it does.
 *
 * @throws RangeError where the engine gives no shared memory (a web page that is not cross-origin isolated).
 */
export function sharedHeap(): Heap {
  if (sharedHeapMade === undefined) {
    if (typeof SharedArrayBuffer === 'undefined')
      throw new RangeError('shared memory is not available: the page is not cross-origin isolated');
    const memory = new WebAssembly.Memory({ initial: 16, maximum: sharedMaximumPages, shared: true });
    sharedHeapMade = createHeap(memory, sharedMaximumPages);
  }
  return sharedHeapMade;
}

/** Pointers of the arrays that `allocateFloat32` and `allocateFloat64` made and `release` has not taken back. */
const allocated = new WeakMap<ArrayBufferView, number>();
/** Gives back the memory of arrays that nothing can reach any more. */
const dropped = new FinalizationRegistry<number>((pointer) => sharedHeap().free(pointer));
/** On a view of an allocated array: that array, so that its memory lasts as long as the view. */
const owner = Symbol('owner');

type Allocated = (Float32Array | Float64Array) & { [owner]?: Allocated };

function ownedSubarray(this: Allocated, begin?: number, end?: number): Allocated {
  const view: Allocated = Object.getPrototypeOf(this).subarray.call(this, begin, end);
  return withOwnedViews(Object.defineProperty(view, owner, { value: this[owner] ?? this }));
}

/** The array; those that its `subarray` gives keep it alive. */
function withOwnedViews<T extends Allocated>(array: T): T {
  return Object.defineProperty(array, 'subarray', { value: ownedSubarray });
}

/** Every buffer object that the shared memory has had: growth makes a new one over the same bytes. */
const sharedBuffers = new WeakSet<ArrayBufferLike>();

function allocateIn<T extends Float32Array | Float64Array>(
  length: number,
  make: (buffer: ArrayBufferLike, pointer: number, length: number) => T,
  bytesPerElement: number,
): T {
  integerInRange('length', length, 0, Number.MAX_SAFE_INTEGER);
  const heap = sharedHeap();
  const pointer = heap.allocate(length * bytesPerElement);
  sharedBuffers.add(heap.memory.buffer);
  const array = make(heap.memory.buffer, pointer, length);
  array.fill(0);
  allocated.set(array, pointer);
  dropped.register(array, pointer, array);
  return withOwnedViews(array);
}

/**
 * A zero-filled Float32Array in the library's shared memory: kernels use it in place, without the copy that an ordinary
 * array needs. Its memory is given back by `release`, or some time after neither it nor what its `subarray` gave can be
 * reached; views made of its `buffer` do not keep it.
 *
 * @example
 * const x = allocateFloat32(1_000_000);
 * x.fill(1 / 3);
 * round(x, 'e4m3fn', { out: x });
 * release(x);
 *
 * @throws ArgumentError for a bad length; RangeError when memory runs out or cannot be shared.
 */
export function allocateFloat32(length: number): Float32Array {
  return allocateIn(length, (buffer, pointer, count) => new Float32Array(buffer, pointer, count), 4);
}

/** As `allocateFloat32`, for Float64Array. */
export function allocateFloat64(length: number): Float64Array {
  return allocateIn(length, (buffer, pointer, count) => new Float64Array(buffer, pointer, count), 8);
}

/**
 * Gives back an array of `allocateFloat32` or `allocateFloat64`; neither it nor a view of it may be used afterwards.
 *
 * @throws ArgumentError if the array is not one of those, or has been released.
 */
export function release(array: Float32Array | Float64Array): void {
  const pointer = allocated.get(array);
  if (pointer === undefined)
    throw new ArgumentError(
      'array',
      array,
      'an array of allocateFloat32 or allocateFloat64, not yet released',
    );
  allocated.delete(array);
  dropped.unregister(array);
  sharedHeap().free(pointer);
}

/** Whether an array (or a view of one) lies in the library's shared memory. */
export function isInSharedHeap(array: ArrayBufferView): boolean {
  // Nothing lies at the start of that memory; and short arrays get a buffer of their own only when somebody looks at it, which takes long.
  return array.byteOffset > 0 && sharedBuffers.has(array.buffer);
}

/**
 * Hadamard transforms with the kernel: of numbers on a heap; of Float32Arrays in place where source and result lie in the library's
 * shared memory, through a buffer in its private memory otherwise. The same bits as the reference in `src/quantizers/transforms/hadamard.ts`.
 */
import { type Heap, isInSharedHeap, privateHeap, sharedHeap } from './heap.ts';
import { type TransformsModuleExports, transformsModule } from './transforms-module.ts';

/** Blocks of `size` elements, a power of two, along the middle one of three axes. */
export interface HadamardLayout {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly size: number;
}

/** Bytes staged of rows: within the first-level cache together with the arrays that come and go. */
const stagedBytes = 16384;
/** Bytes staged of columns, within the second-level cache: mostly a block with all its columns, which is one copy. */
const stagedColumnBytes = 262144;
/** The largest block that has a kernel. */
const mostElements = 1024;

/** The kernel on a heap, with room for signs: words of them, and as many zeros. */
interface Rotator {
  readonly heap: Heap;
  readonly kernels: TransformsModuleExports;
  readonly signs: number;
  readonly none: number;
}

interface Linked extends Rotator {
  /** Staging; in the shared memory only for remainders below 4. */
  readonly buffer: number;
}

function rotatorOn(heap: Heap): Rotator {
  const kernels = transformsModule.on(heap.memory);
  const [signs, none] = [heap.allocate(mostElements * 4), heap.allocate(mostElements * 4)];
  new Int32Array(heap.memory.buffer, none, mostElements).fill(0);
  return { heap, kernels, signs, none };
}

function link(heap: Heap): Linked {
  return { ...rotatorOn(heap), buffer: heap.allocate(stagedColumnBytes) };
}

/** Writes the signs down; where those before the butterflies are, and those after the factor. */
function placeSigns(
  { heap, signs: words, none }: Rotator,
  { size }: HadamardLayout,
  signs: ArrayLike<number> | undefined,
  signsFirst: boolean,
): Signs {
  const view = new Int32Array(heap.memory.buffer, words, size);
  for (let i = 0; i < size; i++) view[i] = signs !== undefined && signs[i]! < 0 ? 1 << 31 : 0;
  return signsFirst ? { before: words, after: none } : { before: none, after: words };
}

interface Signs {
  readonly before: number;
  readonly after: number;
}

/** Transforms of numbers that lie on a heap. */
export interface HeapRotator {
  /**
   * As `rotateArray`, from pointer to pointer.
   * @returns false, and nothing is written, where there is no kernel for blocks so large.
   */
  rotate(
    source: number,
    destination: number,
    layout: HadamardLayout,
    signs: ArrayLike<number> | undefined,
    signsFirst: boolean,
  ): boolean;
  /** Frees the room for signs; it may be used again. */
  release(): void;
}

/** Rotates on a heap of any owner; takes memory of it when it is first needed. */
export function rotatesOn(heap: Heap): HeapRotator {
  let rotator: Rotator | undefined;
  return {
    rotate(source, destination, layout, signs, signsFirst): boolean {
      if (layout.size > mostElements) return false;
      rotator ??= rotatorOn(heap);
      const around = placeSigns(rotator, layout, signs, signsFirst);
      for (const piece of piecesOf(layout))
        if (layout.inner === 1 && piece.n >= 4)
          rotateRows(rotator, source, destination, layout, around, piece);
        else rotateBlocks(rotator, source, destination, layout, around, piece);
      return true;
    },
    release(): void {
      if (rotator === undefined) return;
      heap.free(rotator.signs);
      heap.free(rotator.none);
      rotator = undefined;
    },
  };
}

let privateLinked: Linked | undefined;
let sharedLinked: Linked | undefined;

/** The pieces of an axis: as many whole blocks as fit, then the powers of two of the remainder, largest first. */
function* piecesOf({
  length,
  size,
}: HadamardLayout): Generator<{ begin: number; blocks: number; n: number }> {
  let begin = 0;
  for (let n = size; n >= 1 && begin < length; n /= 2) {
    const blocks = Math.floor((length - begin) / n);
    if (blocks > 0) yield { begin, blocks, n };
    begin += blocks * n;
  }
}

/**
 * Transforms x into out, which may be x. Both of outer * length * inner elements.
 *
 * @param signs 1 or -1 for each place in a block; undefined: all 1.
 * @param signsFirst Before the transform, or after it (the inverse).
 * @returns false, and nothing is written, where there is no kernel for blocks so large.
 */
export function rotateArray(
  x: Float32Array,
  out: Float32Array,
  layout: HadamardLayout,
  signs: ArrayLike<number> | undefined,
  signsFirst: boolean,
): boolean {
  if (layout.size > mostElements) return false;
  const isShared = layout.inner === 1 && isInSharedHeap(x) && isInSharedHeap(out);
  if (isShared) sharedLinked ??= link(sharedHeap());
  else privateLinked ??= link(privateHeap());
  const linked = isShared ? sharedLinked! : privateLinked!;
  const around = placeSigns(linked, layout, signs, signsFirst);
  const job = { x, out, layout, linked, ...around };
  for (const piece of piecesOf(layout)) {
    if (layout.inner > 1 || piece.n < 4) rotateColumns(job, piece);
    else if (isShared) rotateRows(linked, x.byteOffset, out.byteOffset, layout, around, piece);
    else rotateStaged(job, piece);
  }
  return true;
}

interface Job extends Signs {
  readonly x: Float32Array;
  readonly out: Float32Array;
  readonly layout: HadamardLayout;
  readonly linked: Linked;
}

interface Piece {
  readonly begin: number;
  readonly blocks: number;
  readonly n: number;
}

const factorOf = (n: number): number => Math.fround(Math.sqrt(1 / n));

/** Rows on a heap; all at once where no remainder is between them. */
function rotateRows(
  { kernels }: Rotator,
  source: number,
  destination: number,
  { outer, length }: HadamardLayout,
  { before, after }: Signs,
  { begin, blocks, n }: Piece,
): void {
  const isWhole = blocks * n === length;
  const [rows, each] = isWhole ? [1, outer * blocks] : [outer, blocks];
  for (let row = 0; row < rows; row++) {
    const offset = 4 * (row * length + begin);
    kernels.hadamardRows(source + offset, destination + offset, each, n, factorOf(n), before, after);
  }
}

/** Any layout on a heap: a copy of each block with all its columns is transformed in place. */
function rotateBlocks(
  { heap, kernels }: Rotator,
  source: number,
  destination: number,
  { outer, length, inner }: HadamardLayout,
  { before, after }: Signs,
  { begin, blocks, n }: Piece,
): void {
  const bytes = new Uint8Array(heap.memory.buffer);
  const step = 4 * n * inner;
  for (let o = 0; o < outer; o++) {
    const first = 4 * (o * length + begin) * inner;
    bytes.copyWithin(destination + first, source + first, source + first + blocks * step);
    for (let block = 0; block < blocks; block++)
      kernels.hadamardColumns(destination + first + block * step, n, inner, factorOf(n), before, after);
  }
}

/** Ordinary arrays: as many blocks at a time as the buffer holds. */
function rotateStaged({ x, out, layout, linked, before, after }: Job, { begin, blocks, n }: Piece): void {
  const { heap, kernels, buffer } = linked;
  const staged = new Float32Array(heap.memory.buffer, buffer, stagedBytes / 4);
  const isWhole = blocks * n === layout.length;
  const [rows, each] = isWhole ? [1, layout.outer * blocks] : [layout.outer, blocks];
  const most = Math.floor(staged.length / n);
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < each; block += most) {
      const count = Math.min(most, each - block);
      const start = row * layout.length + begin + block * n;
      staged.set(x.subarray(start, start + count * n));
      kernels.hadamardRows(buffer, buffer, count, n, factorOf(n), before, after);
      out.set(count === most && most * n === staged.length ? staged : staged.subarray(0, count * n), start);
    }
  }
}

/** Any layout: blocks with all their columns, or strips of them so wide that the buffer holds them. */
function rotateColumns({ x, out, layout, linked, before, after }: Job, { begin, blocks, n }: Piece): void {
  const { heap, kernels, buffer } = linked;
  const { outer, length, inner } = layout;
  const staged = new Float32Array(heap.memory.buffer, buffer, stagedColumnBytes / 4);
  const widest = Math.min(Math.floor(staged.length / n), inner);
  // Where the strip is all columns, its rows follow each other in the array.
  const rows = widest === inner ? 1 : n;
  for (let o = 0; o < outer; o++) {
    for (let block = 0; block < blocks; block++) {
      const top = (o * length + begin + block * n) * inner;
      for (let left = 0; left < inner; left += widest) {
        const width = Math.min(widest, inner - left);
        const piece = rows === 1 ? n * inner : width;
        for (let row = 0, start = top + left; row < rows; row++, start += inner)
          staged.set(x.subarray(start, start + piece), row * piece);
        kernels.hadamardColumns(buffer, n, width, factorOf(n), before, after);
        for (let row = 0, start = top + left; row < rows; row++, start += inner)
          out.set(staged.subarray(row * piece, (row + 1) * piece), start);
      }
    }
  }
}

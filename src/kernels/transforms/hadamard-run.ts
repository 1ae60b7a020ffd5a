/**
 * Hadamard transforms with the kernel, of numbers on a heap: the same bits as the reference in `src/quantizers/transforms/hadamard.ts`.
 */
import * as slots from '../generated/layout-transforms.ts';
import { type Heap, viewsOf } from '../heap.ts';
import { transformsModule } from '../transforms-module.ts';

/** Blocks of `size` elements, a power of two, along the middle one of three axes. */
export interface HadamardLayout {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly size: number;
}

/** The largest block that has a kernel. */
export const mostElements = 1024;

/** 1 or -1 for each place in a block (undefined: all 1), before the transform, or after it (the inverse). */
export interface Signs {
  readonly signs: ArrayLike<number> | undefined;
  readonly signsFirst: boolean;
}

/** Whole blocks of n elements that lie in an axis from `begin` on. */
export interface BlockRun {
  readonly begin: number;
  readonly blocks: number;
  readonly n: number;
}

/** The runs of an axis: as many whole blocks as fit, then the powers of two of the remainder, largest first. */
export function runsOf({ length, size }: HadamardLayout): readonly BlockRun[] {
  const runs: BlockRun[] = [];
  let begin = 0;
  for (let n = size; n >= 1 && begin < length; n /= 2) {
    const blocks = Math.floor((length - begin) / n);
    if (blocks > 0) runs.push({ begin, blocks, n });
    begin += blocks * n;
  }
  return runs;
}

/** Blocks of n elements on a heap. Pointers and strides are those of `scripts/kernels/transforms.js`. */
interface Blocks {
  readonly source: number;
  readonly destination: number;
  readonly n: number;
  readonly perRow: number;
  readonly rowBytes: number;
  /** Elements from one of a block to the next, and how many of their columns a unit has; 1 and undefined for rows. */
  readonly columns: number;
  readonly strip: number | undefined;
}

/** The kernel on a heap. */
interface Rotator {
  /** Writes signs down: those of the blocks to come. */
  setSigns(signs: Signs, size: number): void;
  /** Writes blocks down and says where; kernels only read that. */
  describe(blocks: Blocks): number;
  piece(block: number, from: number, count: number): number;
  release(): void;
}

/** Columns of a unit: whole cache lines, and no more than lie in the second-level cache with all rows of a block. */
function stripOf(n: number, columns: number): number {
  return Math.min(columns, Math.max(16, Math.floor(32768 / n / 16) * 16));
}

export function rotatorOn(heap: Heap): Rotator {
  const { piece } = transformsModule.on(heap.memory);
  let allocated: number | undefined;
  let signsFirst = true;

  /** The block, then the signs, then as many zeros. */
  function room(): number {
    if (allocated === undefined) {
      allocated = heap.allocate(slots.blockBytes + 8 * mostElements);
      const first = (allocated + slots.blockBytes) >>> 2;
      viewsOf(heap.memory).words.fill(0, first, first + 2 * mostElements);
    }
    return allocated;
  }

  return {
    setSigns({ signs, signsFirst: areFirst }, size): void {
      const first = (room() + slots.blockBytes) >>> 2;
      const { words } = viewsOf(heap.memory);
      for (let i = 0; i < size; i++) words[first + i] = signs !== undefined && signs[i]! < 0 ? 2 ** 31 : 0;
      signsFirst = areFirst;
    },
    describe({ source, destination, n, perRow, rowBytes, columns, strip }): number {
      const block = room();
      const signs = block + slots.blockBytes;
      const none = signs + 4 * mostElements;
      const { words, floats } = viewsOf(heap.memory);
      words[(block + slots.axisSlot) >>> 2] = strip === undefined ? slots.alongRows : slots.alongColumns;
      words[(block + slots.sourceSlot) >>> 2] = source;
      words[(block + slots.destinationSlot) >>> 2] = destination;
      words[(block + slots.sizeSlot) >>> 2] = n;
      floats[(block + slots.factorSlot) >>> 2] = Math.sqrt(1 / n);
      words[(block + slots.beforeSlot) >>> 2] = signsFirst ? signs : none;
      words[(block + slots.afterSlot) >>> 2] = signsFirst ? none : signs;
      words[(block + slots.perRowSlot) >>> 2] = perRow;
      words[(block + slots.rowBytesSlot) >>> 2] = rowBytes;
      words[(block + slots.columnsSlot) >>> 2] = columns;
      words[(block + slots.stripSlot) >>> 2] = strip ?? 1;
      return block;
    },
    piece,
    release(): void {
      if (allocated !== undefined) heap.free(allocated);
      allocated = undefined;
    },
  };
}

/** Elements that a thread takes at a time. */
const pieceElements = 16384;

/** Does units of a block, `each` of them at a time where threads share them. */
type Share = (block: number, units: number, each: number) => void;

/** Rotates what lies whole on the rotator's heap, blocks of at most `mostElements`. */
export function rotateOn(
  rotator: Rotator,
  source: number,
  destination: number,
  layout: HadamardLayout,
  signs: Signs,
  share: Share = (block, units) => rotator.piece(block, 0, units),
): void {
  const { outer, length, inner } = layout;
  rotator.setSigns(signs, layout.size);
  for (const { begin, blocks, n } of runsOf(layout)) {
    const offset = 4 * begin * inner;
    const strip = inner === 1 ? undefined : stripOf(n, inner);
    const block = rotator.describe({
      source: source + offset,
      destination: destination + offset,
      n,
      perRow: blocks,
      rowBytes: 4 * length * inner,
      columns: inner,
      strip,
    });
    const units = outer * blocks * (strip === undefined ? 1 : Math.ceil(inner / strip));
    share(block, units, Math.max(1, Math.floor(pieceElements / (n * (strip ?? 1)))));
  }
}

/** Rotates on a heap of any owner; takes memory of it when it is first needed. */
export interface HeapRotator {
  /**
   * As `rotateArray`, from pointer to pointer.
   * @returns false, and nothing is written, where there is no kernel for blocks so large
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

export function rotatesOn(heap: Heap): HeapRotator {
  const rotator = rotatorOn(heap);
  return {
    rotate(source, destination, layout, signs, signsFirst): boolean {
      if (layout.size > mostElements) return false;
      rotateOn(rotator, source, destination, layout, { signs, signsFirst });
      return true;
    },
    release: rotator.release,
  };
}

/** 8-bit codes of tables in blocks, and AdamW's step on moments that are held so, by the kernels, of numbers on a heap of any owner. */
import type { Heap } from './heap.ts';
import { rangesModule } from './ranges-module.ts';

/** A table of codes. What its numbers mean is said in `assembly/ranges/blocks.ts`. */
export interface CodeTable {
  /** By code. */
  readonly values: Float32Array;
  /** What turns the lower half of a negative number's pattern: 65535, or 0 where codes rise with magnitudes. */
  readonly turned: number;
  /** By the upper half of a number's pattern: what added to the turned pattern gives the code in the upper half of the sum. */
  readonly places: Uint32Array;
}

/** Packed codes of `count` numbers, a scale for each `size` of them after the codes. */
export interface CodedBlocks {
  readonly count: number;
  readonly size: number;
  readonly table: CodeTable;
  /**
   * Of the scales: target over the largest magnitude, at most the largest binary32 number, which numbers are multiplied by. Undefined:
   * the largest magnitude, which numbers are divided by.
   */
  readonly target?: number;
  /** Codes and scales. */
  readonly held: Uint8Array;
}

/** Codes that lie on a heap, where its kernels read and write them without a copy. Their bytes are a view that holds until the memory grows. */
class HeapBlocks implements CodedBlocks {
  readonly count: number;
  readonly size: number;
  readonly table: CodeTable;
  readonly #heap: Heap;
  readonly #length: number;
  #pointer: number;

  constructor(heap: Heap, { count, size, table, held }: CodedBlocks) {
    this.count = count;
    this.size = size;
    this.table = table;
    this.#heap = heap;
    this.#length = held.length;
    this.#pointer = heap.allocate(held.length);
    this.held.set(held);
  }

  get held(): Uint8Array {
    return new Uint8Array(this.#heap.memory.buffer, this.#pointer, this.#length);
  }

  /** Where they lie on this heap, if they do. */
  pointerOn(heap: Heap): number | undefined {
    return heap === this.#heap ? this.#pointer : undefined;
  }

  /** Takes other bytes in place of its own, which are freed. */
  replace(pointer: number): void {
    this.dispose();
    this.#pointer = pointer;
  }

  dispose(): void {
    this.#heap.free(this.#pointer);
  }
}

/** A step of AdamW, in binary32. */
export interface AdamConstants {
  readonly keep1: number;
  readonly take1: number;
  readonly keep2: number;
  readonly take2: number;
  /** What is added to the root of the second moment. */
  readonly added: number;
  /** The rate, corrected for the bias of both moments. */
  readonly rate: number;
  /** What is left of a weight that decays. */
  readonly left: number;
  readonly decaysAfter: boolean;
}

/** Numbers are binary32, at pointers. */
export interface BlockCodec {
  /** The same codes, moved to the heap. They are to be disposed. */
  moved(codes: CodedBlocks): CodedBlocks & { dispose(): void };
  encode(source: number, into: CodedBlocks): void;
  decode(from: CodedBlocks, destination: number): void;
  /**
   * Writes what a variable is to be.
   * @returns what gives both moments, of blocks of one size, their next codes; undefined where a moment or a number of the variable
   *   would not be finite. It is to be called before anything else is asked of the codec.
   */
  adam(
    gradient: number,
    variable: number,
    updated: number,
    first: CodedBlocks,
    second: CodedBlocks,
    constants: AdamConstants,
  ): (() => void) | undefined;
  /** Frees the memory for codes and tables; it may be used again. */
  release(): void;
}

/** Bytes that the kernels want beside numbers and codes; `adamBytes`: and for each run of sixteen numbers of a block. */
const codingBytes = 336;
const [adamBytes, adamRunBytes] = [2624, 128];

export function blockCodesOn(heap: Heap): BlockCodec {
  const kernel = rangesModule.on(heap.memory);
  const placed = new Map<CodeTable, number>();
  let scratch = { pointer: 0, bytes: 0 };

  function roomFor(bytes: number): number {
    if (scratch.bytes < bytes) {
      if (scratch.bytes > 0) heap.free(scratch.pointer);
      scratch = { pointer: heap.allocate(bytes), bytes };
    }
    return scratch.pointer;
  }

  function place(table: CodeTable): number {
    const known = placed.get(table);
    if (known !== undefined) return known;
    const { values, turned, places } = table;
    const pointer = heap.allocate(values.byteLength + 16 + places.byteLength);
    new Float32Array(heap.memory.buffer, pointer).set(values);
    new Uint32Array(heap.memory.buffer, pointer + values.byteLength, 1)[0] = turned;
    new Uint32Array(heap.memory.buffer, pointer + values.byteLength + 16).set(places);
    placed.set(table, pointer);
    return pointer;
  }

  const bytesAt = (pointer: number, length: number): Uint8Array =>
    new Uint8Array(heap.memory.buffer, pointer, length);
  const pointerOf = (codes: CodedBlocks): number | undefined =>
    codes instanceof HeapBlocks ? codes.pointerOn(heap) : undefined;

  /** Next codes that nobody has taken. */
  let untaken: number[] = [];
  function dropUntaken(): void {
    for (const pointer of untaken) heap.free(pointer);
    untaken = [];
  }

  /** Where the kernel finds a moment's codes, and where it puts the next ones: a place of their own, which they keep if they are taken. */
  function placesOf(codes: CodedBlocks): { from: number; to: number; take(): void } {
    const { held } = codes;
    const to = heap.allocate(held.length);
    untaken.push(to);
    const own = pointerOf(codes);
    if (own !== undefined) return { from: own, to, take: () => (codes as HeapBlocks).replace(to) };
    bytesAt(to, held.length).set(held);
    const take = (): void => {
      codes.held.set(bytesAt(to, held.length));
      heap.free(to);
    };
    return { from: to, to, take };
  }

  return {
    moved: (codes) => new HeapBlocks(heap, codes),
    encode(source, into): void {
      const { count, size, target = 0, held } = into;
      const table = place(into.table);
      const room = roomFor(codingBytes + held.length);
      const own = pointerOf(into);
      const packed = own ?? room + codingBytes;
      kernel.encodeBlocks(source, packed, count, size, table, target, room);
      if (own === undefined) into.held.set(bytesAt(packed, held.length));
    },
    decode(from, destination): void {
      const { count, size, table, target, held } = from;
      const values = place(table);
      const own = pointerOf(from);
      const packed = own ?? roomFor(held.length);
      if (own === undefined) bytesAt(packed, held.length).set(from.held);
      kernel.decodeBlocks(packed, destination, count, size, values, Number(target !== undefined));
    },
    adam(gradient, variable, updated, first, second, constants) {
      dropUntaken();
      const { count, size } = first;
      const { keep1, take1, keep2, take2, added, rate, left, decaysAfter } = constants;
      const [table1, table2] = [place(first.table), place(second.table)];
      const head = roomFor(64 + adamBytes + adamRunBytes * Math.ceil(Math.min(count, size) / 16));
      const [one, two] = [placesOf(first), placesOf(second)];
      new Uint32Array(heap.memory.buffer, head, 2).set([table1, table2]);
      new Float32Array(heap.memory.buffer, head + 8, 7).set([keep1, take1, keep2, take2, added, rate, left]);
      const isDone = kernel.adamBlocks(
        ...([gradient, variable, updated, count, size, one.from, two.from, one.to, two.to] as const),
        ...([head, head + 8, Number(decaysAfter), head + 64] as const),
      );
      if (isDone === 0) {
        dropUntaken();
        return undefined;
      }
      return () => {
        untaken = [];
        one.take();
        two.take();
      };
    },
    release(): void {
      dropUntaken();
      for (const pointer of placed.values()) heap.free(pointer);
      placed.clear();
      if (scratch.bytes > 0) heap.free(scratch.pointer);
      scratch = { pointer: 0, bytes: 0 };
    },
  };
}

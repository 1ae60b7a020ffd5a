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
  return {
    encode(source, into): void {
      const { count, size, target = 0, held } = into;
      const table = place(into.table);
      const room = roomFor(codingBytes + held.length);
      const packed = room + codingBytes;
      kernel.encodeBlocks(source, packed, count, size, table, target, room);
      held.set(bytesAt(packed, held.length));
    },
    decode({ count, size, table, target, held }, destination): void {
      const values = place(table);
      const packed = roomFor(held.length);
      bytesAt(packed, held.length).set(held);
      kernel.decodeBlocks(packed, destination, count, size, values, Number(target !== undefined));
    },
    adam(gradient, variable, updated, first, second, constants) {
      const { count, size } = first;
      const { keep1, take1, keep2, take2, added, rate, left, decaysAfter } = constants;
      const [table1, table2] = [place(first.table), place(second.table)];
      const room = adamBytes + adamRunBytes * Math.ceil(Math.min(count, size) / 16);
      const head = roomFor(64 + room + first.held.length + second.held.length);
      const packed1 = head + 64 + room;
      const packed2 = packed1 + first.held.length;
      new Uint32Array(heap.memory.buffer, head, 2).set([table1, table2]);
      new Float32Array(heap.memory.buffer, head + 8, 7).set([keep1, take1, keep2, take2, added, rate, left]);
      bytesAt(packed1, first.held.length).set(first.held);
      bytesAt(packed2, second.held.length).set(second.held);
      const isDone = kernel.adamBlocks(
        ...([gradient, variable, updated, count, size, packed1, packed2] as const),
        ...([head, head + 8, Number(decaysAfter), head + 64] as const),
      );
      if (isDone === 0) return undefined;
      return () => {
        first.held.set(bytesAt(packed1, first.held.length));
        second.held.set(bytesAt(packed2, second.held.length));
      };
    },
    release(): void {
      for (const pointer of placed.values()) heap.free(pointer);
      placed.clear();
      if (scratch.bytes > 0) heap.free(scratch.pointer);
      scratch = { pointer: 0, bytes: 0 };
    },
  };
}

/** Codes of powers of magnitudes, by the kernel, through the private memory. What they mean is their user's business. */
import type { AdamConstants } from './block-codes.ts';
import { type Heap, perHeap, privateHeap } from './heap.ts';
import { rangesModule } from './ranges-module.ts';
import { growingRoom } from './rooms.ts';

/** Where the codes of a power change. Buckets are of the upper words of binary64 quotients; at most one place lies in each. */
export interface PowerTable {
  /** The upper word of the first bucket, and the bits of it that tell no bucket. */
  readonly first: number;
  readonly shift: number;
  /** The code where a bucket begins, and where in it the next one does. */
  readonly codes: Uint8Array;
  readonly changes: Float64Array;
  /** By code, the largest magnitude of a group being 1. */
  readonly values: Float64Array;
}

/** The table of a group by its least magnitude, 0 apart, and its largest; undefined: all codes are 0. */
type TableOf = (least: number, most: number, group: number) => PowerTable | undefined;

/** Codes in groups, with the largest magnitude and the table of each group; undefined: it is of zeros. */
export interface ExpandedCodes {
  readonly codes: Uint8Array;
  readonly tops: Float32Array;
  readonly tables: readonly (PowerTable | undefined)[];
}

interface Expander {
  /**
   * AdamW on moments in groups of one size: writes what a variable is to be.
   * @param tableOfs of both moments
   * @returns their next codes; undefined where a moment or a number of the variable would not be finite
   */
  adam(
    pointers: { readonly gradient: number; readonly variable: number; readonly updated: number },
    block: number,
    moments: readonly [ExpandedCodes, ExpandedCodes],
    constants: AdamConstants,
    tableOfs: readonly [TableOf, TableOf],
    none: PowerTable,
  ): readonly [Uint8Array, Uint8Array] | undefined;
  encode(values: Float32Array, block: number, tableOf: TableOf, codes: Uint8Array): void;
}

/** On a heap of any owner. */
export const expanderOn: (heap: Heap) => Expander = perHeap((heap): Expander => {
  const kernel = rangesModule.on(heap.memory);
  const placed = new WeakMap<PowerTable, number>();
  const room = growingRoom(heap);

  /** There are a thousand tables at most, of a few kilobytes: they stay. */
  function place(table: PowerTable): number {
    const known = placed.get(table);
    if (known !== undefined) return known;
    const { first, shift, codes, changes, values } = table;
    const pointer = heap.allocate(16 + changes.byteLength + values.byteLength + codes.byteLength);
    const { buffer } = heap.memory;
    const own = pointer + 16 + changes.byteLength;
    const starts = own + values.byteLength;
    new Int32Array(buffer, pointer, 4).set([first, shift, starts, own]);
    new Float64Array(buffer, pointer + 16, changes.length).set(changes);
    new Float64Array(buffer, own, values.length).set(values);
    new Uint8Array(buffer, starts, codes.length).set(codes);
    placed.set(table, pointer);
    return pointer;
  }

  /** Bytes beside the numbers that `code` wants, and a place of theirs. */
  const roomOf = (length: number, groups: number): number => 16 * groups + length;

  /** Codes of numbers at a pointer, by what is written at `work`; a view that holds until the room is used again. */
  function code(source: number, length: number, block: number, tableOf: TableOf, work: number): Uint8Array {
    const groups = Math.ceil(length / block);
    const tops = work + 8 * groups;
    const tables = tops + 4 * groups;
    const out = tables + 4 * groups;
    kernel.spans(source, length, block, work);
    const ends = new Float32Array(heap.memory.buffer, work, 2 * groups).slice();
    const pointers = Uint32Array.from({ length: groups }, (_, group) => {
      const table = tableOf(ends[2 * group]!, ends[2 * group + 1]!, group);
      return table === undefined ? 0 : place(table);
    });
    const { buffer } = heap.memory;
    new Float32Array(buffer, tops, groups).set(ends.filter((_, i) => i % 2 === 1));
    new Uint32Array(buffer, tables, groups).set(pointers);
    kernel.expand(source, out, length, block, tops, tables);
    return new Uint8Array(buffer, out, length);
  }

  return {
    encode(values, block, tableOf, codes): void {
      const { length } = values;
      const source = room.of(4 * length + roomOf(length, Math.ceil(length / block)));
      new Float32Array(heap.memory.buffer, source, length).set(values);
      codes.set(code(source, length, block, tableOf, source + 4 * length));
    },
    adam({ gradient, variable, updated }, block, moments, constants, tableOfs, none) {
      const { length } = moments[0].codes;
      const groups = Math.ceil(length / block);
      const { keep1, take1, keep2, take2, added, rate, left, decaysAfter } = constants;
      // Numbers first: they and what follows lie at multiples of four bytes.
      const numbers = room.of(8 * length + 32 + 16 * groups + Math.max(2 * length, roomOf(length, groups)));
      const settings = numbers + 8 * length;
      const tops = settings + 32;
      const tables = tops + 8 * groups;
      const work = tables + 8 * groups;
      const pointers = moments.flatMap((one) => one.tables.map((table) => place(table ?? none)));
      const { buffer } = heap.memory;
      new Float32Array(buffer, settings, 7).set([keep1, take1, keep2, take2, added, rate, left]);
      moments.forEach((one, i) => {
        new Float32Array(buffer, tops + 4 * i * groups, groups).set(one.tops);
        new Uint8Array(buffer, work + i * length, length).set(one.codes);
      });
      new Uint32Array(buffer, tables, 2 * groups).set(pointers);
      const isDone = kernel.adamExpanded(
        ...([gradient, variable, updated, length, block, work] as const),
        ...([tops, tables, settings, Number(decaysAfter), numbers] as const),
      );
      if (isDone === 0) return undefined;
      const coded = (i: 0 | 1): Uint8Array =>
        code(numbers + 4 * i * length, length, block, tableOfs[i], work).slice();
      return [coded(0), coded(1)];
    },
  };
});

/**
 * Codes of numbers in groups of `block`.
 * @param tableOf the table of a group by its least magnitude, 0 apart, and its largest; undefined: all codes are 0
 * @param codes as many bytes
 */
export function encodePowers(values: Float32Array, block: number, tableOf: TableOf, codes: Uint8Array): void {
  expanderOn(privateHeap()).encode(values, block, tableOf, codes);
}

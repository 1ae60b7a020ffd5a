/** Codes of powers of magnitudes, by the kernel, through the private memory. What they mean is their user's business. */
import { perHeap, privateHeap } from './heap.ts';
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
}

interface Expander {
  encode(
    values: Float32Array,
    block: number,
    tableOf: (least: number, most: number, group: number) => PowerTable | undefined,
    codes: Uint8Array,
  ): void;
}

const expanderOn = perHeap((heap): Expander => {
  const kernel = rangesModule.on(heap.memory);
  const placed = new WeakMap<PowerTable, number>();
  const room = growingRoom(heap);

  /** There are a thousand tables at most, of a few kilobytes: they stay. */
  function place(table: PowerTable): number {
    const known = placed.get(table);
    if (known !== undefined) return known;
    const { first, shift, codes, changes } = table;
    const pointer = heap.allocate(16 + changes.byteLength + codes.byteLength);
    const { buffer } = heap.memory;
    const starts = pointer + 16 + changes.byteLength;
    new Int32Array(buffer, pointer, 3).set([first, shift, starts]);
    new Float64Array(buffer, pointer + 16, changes.length).set(changes);
    new Uint8Array(buffer, starts, codes.length).set(codes);
    placed.set(table, pointer);
    return pointer;
  }

  return {
    encode(values, block, tableOf, codes): void {
      const { length } = values;
      const groups = Math.ceil(length / block);
      const source = room.of(4 * length + 16 * groups + length);
      const spans = source + 4 * length;
      const tops = spans + 8 * groups;
      const tables = tops + 4 * groups;
      const out = tables + 4 * groups;
      new Float32Array(heap.memory.buffer, source, length).set(values);
      kernel.spans(source, length, block, spans);
      const ends = new Float32Array(heap.memory.buffer, spans, 2 * groups).slice();
      const pointers = Uint32Array.from({ length: groups }, (_, group) => {
        const table = tableOf(ends[2 * group]!, ends[2 * group + 1]!, group);
        return table === undefined ? 0 : place(table);
      });
      const { buffer } = heap.memory;
      new Float32Array(buffer, tops, groups).set(ends.filter((_, i) => i % 2 === 1));
      new Uint32Array(buffer, tables, groups).set(pointers);
      kernel.expand(source, out, length, block, tops, tables);
      codes.set(new Uint8Array(buffer, out, length));
    },
  };
});

/**
 * Codes of numbers in groups of `block`.
 * @param tableOf the table of a group by its least magnitude, 0 apart, and its largest; undefined: all codes are 0
 * @param codes as many bytes
 */
export function encodePowers(
  values: Float32Array,
  block: number,
  tableOf: (least: number, most: number, group: number) => PowerTable | undefined,
  codes: Uint8Array,
): void {
  expanderOn(privateHeap()).encode(values, block, tableOf, codes);
}

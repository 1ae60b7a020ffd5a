/**
 * Tables that kernels look up, on a heap: put there when first wanted, kept while there is room for them, freed with
 * `releaseTables`. The modules own no data, and a heap may be somebody else's memory.
 */
import type { Heap } from './heap.ts';

/** Bytes of tables kept on one heap, beyond the one in use. */
const mostBytes = 2 ** 23;

/** Pointers by table, the least recently used first. */
const kept = new WeakMap<Heap, Map<Uint8Array, number>>();

let removals = 0;

/** How many times tables have been taken from a heap. What was written while it is the same number points to tables that are there. */
export function tableRemovals(): number {
  return removals;
}

function bytesOf(tables: Iterable<Uint8Array>): number {
  let sum = 0;
  for (const table of tables) sum += table.length;
  return sum;
}

/** Where a table lies on the heap. The pointer holds until the next call for the same heap, or `releaseTables`. */
export function tableOn(heap: Heap, table: Uint8Array): number {
  let pointers = kept.get(heap);
  if (pointers === undefined) {
    pointers = new Map();
    kept.set(heap, pointers);
  }
  let pointer = pointers.get(table);
  if (pointer === undefined) {
    for (const [oldest, place] of pointers) {
      if (bytesOf(pointers.keys()) + table.length <= mostBytes) break;
      pointers.delete(oldest);
      heap.free(place);
      removals++;
    }
    pointer = heap.allocate(table.length);
    new Uint8Array(heap.memory.buffer, pointer, table.length).set(table);
  }
  // The most recently used goes last.
  pointers.delete(table);
  pointers.set(table, pointer);
  return pointer;
}

/** Frees all tables on a heap. */
export function releaseTables(heap: Heap): void {
  for (const pointer of kept.get(heap)?.values() ?? []) heap.free(pointer);
  kept.delete(heap);
  removals++;
}

/** A walk over all groups of a tensor, each of which has a number: what kernels do through a room in the private memory, part by part. */
import { privateHeap } from '../heap.ts';
import { cached, type GroupLayout, piecesOf } from './quantizer-pieces.ts';

/** Bytes of a part of binary32 numbers. */
const partBytes = 4 * cached.length;
let staged: number | undefined;

/** Where parts of up to three arrays lie; the last two places are room for one of binary64 numbers. */
interface Room {
  readonly buffer: ArrayBufferLike;
  readonly places: readonly [number, number, number];
  /** What lies at the first place. */
  readonly result: Float32Array;
  /** Copies parts of arrays to the places. */
  load(arrays: readonly Float32Array[], start: number, count: number): void;
}

export function room(): Room {
  const heap = privateHeap();
  staged ??= heap.allocate(3 * partBytes);
  const places = [staged, staged + partBytes, staged + 2 * partBytes] as const;
  const { buffer } = heap.memory;
  const views = places.map((place) => new Float32Array(buffer, place, cached.length));
  const load = (arrays: readonly Float32Array[], start: number, count: number): void =>
    arrays.forEach((array, i) => {
      views[i]!.set(array.subarray(start, start + count));
    });
  return { buffer, places, result: views[0]!, load };
}

/** Whole rows of whole groups, or a part of one: elements that follow each other, and the groups that they are. */
interface Band {
  readonly start: number;
  readonly length: number;
  readonly columns: number;
  readonly size: number;
  /** The number of the first group, and how many there are. */
  readonly group: number;
  readonly groups: number;
  /** Groups from one row to the next; 0 where they go over all rows. */
  readonly step: number;
}

export function* bandsOf(layout: GroupLayout): Generator<Band> {
  const { rows, columns, size, band } = layout;
  const perRow = Math.ceil(columns / size);
  if (band === undefined) {
    const extent = { length: Math.max(cached.length, size), groups: cached.groups };
    for (const { start, length, groups, left, group } of piecesOf(layout, 0, 0, extent)) {
      const width = left === columns && length >= columns ? columns : length;
      yield { start, length, columns: width, size, group, groups, step: Math.ceil(width / size) };
    }
    return;
  }
  let group = 0;
  for (let row = 0; row < rows; ) {
    const count = Math.min(band.rows, band.height - (row % band.height));
    yield { start: row * columns, length: count * columns, columns, size, group, groups: perRow, step: 0 };
    group += perRow;
    row += count;
  }
}

/** Calls `visit` with the parts of a band that fit in the room: where each starts, its length and column, and where the terms of its row are. */
export function eachPart(
  { length, columns, step }: Band,
  terms: number,
  visit: (offset: number, count: number, column: number, terms: number) => void,
): void {
  for (let offset = 0; offset < length; offset += cached.length)
    visit(
      offset,
      Math.min(cached.length, length - offset),
      offset % columns,
      terms + 8 * step * Math.floor(offset / columns),
    );
}

/** Calls `work` with room for so many numbers a group of the longest band, as lists that follow each other. */
export function withTerms(
  layout: GroupLayout,
  work: (terms: number, ...lists: Float64Array[]) => void,
  count = 1,
): void {
  const heap = privateHeap();
  const most = Math.max(cached.groups, Math.ceil(layout.columns / layout.size));
  room();
  const terms = heap.allocate(8 * most * count);
  const listOf = (i: number) => new Float64Array(heap.memory.buffer, terms + 8 * most * i, most);
  try {
    work(terms, ...Array.from({ length: count }, (_, i) => listOf(i)));
  } finally {
    heap.free(terms);
  }
}

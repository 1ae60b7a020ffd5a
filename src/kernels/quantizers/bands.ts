/** A walk over all groups of a tensor, each of which has a number: what kernels do through a room in the private memory, part by part. */
import { privateHeap } from '../heap.ts';
import { cached, type GroupLayout, piecesOf } from './quantizer-pieces.ts';

/** Bytes of a part of binary32 numbers. */
const partBytes = 4 * cached.length;
/** Lists of numbers of groups that work asks for at most, and the bytes of one that stays allocated. */
const mostLists = 3;
const listBytes = 8 * cached.groups;
let staged: number | undefined;

/** Where parts of up to three arrays lie; the last two places are room for one of binary64 numbers. */
interface Room {
  readonly buffer: ArrayBufferLike;
  readonly places: readonly [number, number, number];
  /** What lies at the first place. */
  readonly result: Float32Array;
  /** Where numbers of few groups lie, and lists of them. */
  readonly terms: number;
  readonly lists: readonly Float64Array[];
  /** Copies parts of arrays to the places. */
  load(arrays: readonly Float32Array[], start: number, count: number): void;
}

let made: Room | undefined;

/** Views take as long as a thousand elements: they stay until the memory grows. */
export function room(): Room {
  const heap = privateHeap();
  staged ??= heap.allocate(3 * partBytes + mostLists * listBytes);
  const { buffer } = heap.memory;
  if (made?.buffer !== buffer) {
    const places = [staged, staged + partBytes, staged + 2 * partBytes] as const;
    const views = places.map((place) => new Float32Array(buffer, place, cached.length));
    const terms = staged + 3 * partBytes;
    const load = (arrays: readonly Float32Array[], start: number, count: number): void =>
      arrays.forEach((array, i) => {
        views[i]!.set(array.subarray(start, start + count));
      });
    const lists = listsAt(buffer, terms, cached.groups, mostLists);
    made = { buffer, places, result: views[0]!, terms, lists, load };
  }
  return made;
}

function listsAt(buffer: ArrayBufferLike, at: number, length: number, count: number): Float64Array[] {
  return Array.from({ length: count }, (_, i) => new Float64Array(buffer, at + 8 * length * i, length));
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
  const most = Math.ceil(layout.columns / layout.size);
  const { terms: standing, lists } = room();
  if (most <= cached.groups) {
    work(standing, ...lists);
    return;
  }
  const heap = privateHeap();
  const terms = heap.allocate(8 * most * count);
  try {
    work(terms, ...listsAt(heap.memory.buffer, terms, most, count));
  } finally {
    heap.free(terms);
  }
}

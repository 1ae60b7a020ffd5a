/** Gradients where a quantiser neither clipped nor erred much, with kernels: `src/quantizers/gradients/masks.ts` has the definitions. */
import { isFloat32Array, viewLike } from '../../array-kinds.ts';
import { privateHeap } from '../heap.ts';
import { transformsModule } from '../transforms-module.ts';
import { cached, type GroupLayout, piecesOf } from './quantizer-pieces.ts';

/** Bytes of a part of binary32 numbers. */
const partBytes = 4 * cached.length;
let staged: number | undefined;

/** Where parts of up to three arrays lie, and the kernels; the last two places are room for one of binary64 numbers. */
function room() {
  const heap = privateHeap();
  staged ??= heap.allocate(3 * partBytes);
  const places = [staged, staged + partBytes, staged + 2 * partBytes] as const;
  const { buffer } = heap.memory;
  const views = places.map((place) => new Float32Array(buffer, place, cached.length));
  /** Copies parts of arrays there. */
  const load = (arrays: readonly Float32Array[], start: number, count: number): void =>
    arrays.forEach((array, i) => {
      views[i]!.set(array.subarray(start, start + count));
    });
  return { kernels: transformsModule.on(heap.memory), buffer, places, result: views[0]!, load };
}

/** The gradient where low <= x <= high; else 0. The ends are of the type of x. */
export function maskWithin(
  gradient: Float32Array,
  x: Float32Array | Float64Array,
  low: number,
  high: number,
  out: Float32Array,
): void {
  const { kernels, buffer, places, result, load } = room();
  const [g, source] = places;
  const isWide = !isFloat32Array(x);
  const numbers = viewLike(x, buffer, source, cached.length) as Float64Array;
  for (let start = 0; start < out.length; start += cached.length) {
    const count = Math.min(cached.length, out.length - start);
    load([gradient], start, count);
    numbers.set(x.subarray(start, start + count));
    kernels.maskWithin(Number(isWide), g, source, g, count, low, high);
    out.set(result.subarray(0, count), start);
  }
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

function* bandsOf(layout: GroupLayout): Generator<Band> {
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
function eachPart(
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

/** Calls `work` with room for a number a group of the longest band. */
function withTerms(layout: GroupLayout, work: (terms: number, numbers: Float64Array) => void): void {
  const heap = privateHeap();
  const most = Math.max(cached.groups, Math.ceil(layout.columns / layout.size));
  room();
  const terms = heap.allocate(8 * most);
  try {
    work(terms, new Float64Array(heap.memory.buffer, terms, most));
  } finally {
    heap.free(terms);
  }
}

/** The gradient where |value - x| <= multiplier sigma / steps, sigma being the root mean square of the group; else 0. */
export function maskErrors(
  gradient: Float32Array,
  x: Float32Array,
  values: Float32Array,
  layout: GroupLayout,
  multiplier: number,
  steps: number,
  out: Float32Array,
): void {
  withTerms(layout, (terms, limits) => {
    const { kernels, places, result, load } = room();
    const [g, source, value] = places;
    for (const band of bandsOf(layout)) {
      const { start, length, columns, size, groups, step } = band;
      const isWhole = length <= cached.length;
      limits.fill(0, 0, groups);
      if (isWhole) load([gradient, x, values], start, length);
      eachPart(band, terms, (offset, count, column, row) => {
        if (!isWhole) load([x], start + offset, count);
        kernels.addSquares(isWhole ? source : g, count, column, columns, size, row, 8 * step);
      });
      const perRow = Math.ceil(columns / size);
      const rows = step === 0 ? length / columns : 1;
      for (let i = 0; i < groups; i++) {
        const count = rows * Math.min(size, columns - (i % perRow) * size);
        limits[i] = (multiplier * Math.sqrt(limits[i]! / count)) / steps;
      }
      eachPart(band, terms, (offset, count, column, row) => {
        if (!isWhole) load([gradient, x, values], start + offset, count);
        kernels.maskErrors(g, source, value, g, count, column, columns, size, row, 8 * step);
        out.set(result.subarray(0, count), start + offset);
      });
    }
  });
}

/** The gradient where low <= x + zero point of the group <= high, the sum in binary64; else 0. */
export function maskShifted(
  gradient: Float32Array,
  x: Float32Array | Float64Array,
  zeroPoints: Float32Array | Float64Array,
  layout: GroupLayout,
  low: number,
  high: number,
  out: Float32Array,
): void {
  withTerms(layout, (terms, shifts) => {
    const { kernels, buffer, places, result, load } = room();
    const [g, source] = places;
    const isWide = !isFloat32Array(x);
    const numbers = viewLike(x, buffer, source, cached.length) as Float64Array;
    for (const band of bandsOf(layout)) {
      const { start, columns, size, group, groups, step } = band;
      shifts.set(zeroPoints.subarray(group, group + groups));
      eachPart(band, terms, (offset, count, column, row) => {
        const from = start + offset;
        load([gradient], from, count);
        numbers.set(x.subarray(from, from + count));
        const walk = [count, column, columns, size, row, 8 * step] as const;
        kernels.maskShifted(Number(isWide), g, source, g, ...walk, low, high);
        out.set(result.subarray(0, count), from);
      });
    }
  });
}

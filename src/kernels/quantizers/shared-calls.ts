/**
 * The quantisers' kernels for several threads: the same functions, on arrays in the shared memory, each divided among threads where it
 * has enough to do. A maximum is the same in any order, and an element's value depends on nothing but its scale, so the bits do not
 * depend on the division.
 */
import * as layout from '../generated/layout-quantizers.ts';
import type { Heap } from '../heap.ts';
import { type QuantizersModuleExports, quantizersModule } from '../quantizers-module.ts';
import { divideCommon } from '../thread-division.ts';
import type { ThreadPool } from '../thread-pool.ts';

/** Elements that a thread takes at a time. */
const chunk = 16384;

/** An argument of a call: its value at unit 0, what a unit adds to it, what each unit of a piece does. */
type Argument = readonly [value: number, byUnit?: number, byCount?: number];

interface Call {
  readonly called: number;
  readonly units: number;
  /** Elements of a unit. */
  readonly size: number;
  readonly arguments: readonly Argument[];
}

/** Has threads do a call, where it has enough to do. */
type Share = (call: Call) => void;

/** Kernels that threads share, and what frees the memory that they need. */
interface SharedCalls {
  readonly kernels: QuantizersModuleExports;
  release(): void;
}

/** Groups of `size`, or less at the end of a row of `columns`, the first of which has `left` elements to its end. */
type Walk = readonly [groups: number, size: number, columns: number, left: number];

/** What an argument is at each unit of a walk: `step` elements and `each` groups a unit. */
type Place = (step: number, each: number) => Argument;

const same =
  (value: number): Place =>
  () => [value];
const byElement =
  (pointer: number): Place =>
  (step) => [pointer, 4 * step];
const byGroup =
  (pointer: number, bytes: number): Place =>
  (_, each) => [pointer, bytes * each];

/**
 * Shares a walk by rows, or by the groups of one; its own four arguments stand between `before` and `after`. Returns false, and nothing
 * is done, where its groups are longer than a chunk.
 */
function shareWalk(
  share: Share,
  called: number,
  [groups, size, columns, left]: Walk,
  before: readonly Place[],
  after: readonly Place[],
): boolean {
  if (Math.min(size, columns) > chunk) return false;
  const perRow = Math.ceil(columns / size);
  const isRows = left === columns && groups % perRow === 0 && groups > perRow;
  const [step, each] = isRows ? [columns, perRow] : [size, 1];
  const at = (place: Place): Argument => place(step, each);
  const geometry: readonly Argument[] = [[0, 0, each], [size], [columns], isRows ? [columns] : [left, -size]];
  share({
    ...{ called, units: groups / each, size: step },
    arguments: [...before.map(at), ...geometry, ...after.map(at)],
  });
  return true;
}

/** The groups of a walk, one by one, for those that are longer than a chunk: which, its length, its offset in elements. */
function eachGroup(
  [groups, size, columns, left]: Walk,
  visit: (group: number, length: number, offset: number) => void,
): void {
  let [rest, offset] = [left, 0];
  for (let group = 0; group < groups; group++) {
    const length = Math.min(size, rest);
    visit(group, length, offset);
    offset += length;
    rest = rest === length ? columns : rest - length;
  }
}

/** Maxima of groups and elements by their scales, whose groups may be cut. */
function cuttableWalks(heap: Heap, partial: number, share: Share) {
  function absoluteMaxima(...given: Parameters<QuantizersModuleExports['absoluteMaxima']>): void {
    const [source, groups, size, columns, left, maxima, parameters] = given;
    const called = layout.callAbsoluteMaxima;
    const walk: Walk = [groups, size, columns, left];
    if (shareWalk(share, called, walk, [byElement(source)], [byGroup(maxima, 4), same(parameters)])) return;
    eachGroup(walk, (group, length, offset) => {
      const units = Math.ceil(length / chunk);
      const parts: readonly Argument[] = [[0, 0, 1], [chunk], [length], [length, -chunk]];
      const from: Argument = [source + 4 * offset, 4 * chunk];
      share({ called, units, size: chunk, arguments: [from, ...parts, [partial, 4], [parameters]] });
      const most = new Float32Array(heap.memory.buffer, partial, units);
      // Math.max is NaN if there is a NaN.
      new Float32Array(heap.memory.buffer, maxima, groups)[group] = Math.max(...most);
    });
  }

  function placeGroups(...given: Parameters<QuantizersModuleExports['placeGroups']>): void {
    const [kernel, source, destination, groups, size, columns, left, into, out, parameters] = given;
    const called = layout.callPlaceGroups;
    const walk: Walk = [groups, size, columns, left];
    const before = [same(kernel), byElement(source), byElement(destination)];
    const after = [byGroup(into, 4), byGroup(out, 4), same(parameters)];
    if (shareWalk(share, called, walk, before, after)) return;
    eachGroup(walk, (group, length, offset) => {
      const [at, to] = [source + 4 * offset, destination + 4 * offset];
      // A part of the group is a group with its scale.
      const parts: readonly Argument[] = [[1], [0, 0, chunk], [length], [length, -chunk]];
      const scales: readonly Argument[] = [[into + 4 * group], [out + 4 * group], [parameters]];
      share({
        ...{ called, units: Math.ceil(length / chunk), size: chunk },
        arguments: [[kernel], [at, 4 * chunk], [to, 4 * chunk], ...parts, ...scales],
      });
    });
  }

  return { absoluteMaxima, placeGroups };
}

/** Sums over groups and choices between their scales, whose groups cannot be cut: the calling thread does those that are too long. */
function wholeWalks(own: QuantizersModuleExports, share: Share) {
  function addSums(...given: Parameters<QuantizersModuleExports['addSums']>): void {
    const [kind, source, groups, size, columns, left, sums, means] = given;
    const before = [same(kind), byElement(source)];
    const after = [byGroup(sums, 32), byGroup(means, 8)];
    if (!shareWalk(share, layout.callAddSums, [groups, size, columns, left], before, after))
      own.addSums(...given);
  }

  function squaredErrors(...given: Parameters<QuantizersModuleExports['squaredErrors']>): void {
    const [source, image, groups, size, columns, left, sums] = given;
    const before = [byElement(source), byElement(image)];
    const after = [byGroup(sums, 32)];
    if (!shareWalk(share, layout.callSquaredErrors, [groups, size, columns, left], before, after))
      own.squaredErrors(...given);
  }

  function chooseScales(...given: Parameters<QuantizersModuleExports['chooseScales']>): void {
    const [error, source, groups, size, columns, left, ...places] = given;
    const [lines, whole, maxima, into, out, sums, parameters] = places;
    const before = [same(error), byElement(source)];
    const scales = [byGroup(maxima, 4), byGroup(into, 4), byGroup(out, 4)];
    const after = [
      ...[same(lines), same(whole), ...scales],
      ...[byGroup(sums, 4 * Math.max(4, whole)), same(parameters)],
    ];
    if (!shareWalk(share, layout.callChooseScales, [groups, size, columns, left], before, after))
      own.chooseScales(...given);
  }

  return { addSums, squaredErrors, chooseScales };
}

/** Columns, and groups that are columns of tiles. */
function columnCalls(own: QuantizersModuleExports, share: Share) {
  function columnMaxima(...given: Parameters<QuantizersModuleExports['columnMaxima']>): void {
    const [source, rows, width, stride, maxima, parameters] = given;
    // A cache line of columns.
    const units = Math.floor(width / 16);
    const places: readonly Argument[] = [[stride], [maxima, 64], [parameters]];
    share({
      ...{ called: layout.callColumnMaxima, units, size: 16 * rows },
      arguments: [[source, 64], [rows], [0, 0, 16], ...places],
    });
    const done = 64 * units;
    if (width % 16 > 0) own.columnMaxima(source + done, rows, width % 16, stride, maxima + done, parameters);
  }

  function placeColumns(...given: Parameters<QuantizersModuleExports['placeColumns']>): void {
    const [kernel, source, destination, rows, width, from, to, into, out, parameters] = given;
    const places: readonly Argument[] = [[kernel], [source, from], [destination, to]];
    const rest: readonly Argument[] = [[width], [from], [to], [into], [out], [parameters]];
    share({
      ...{ called: layout.callPlaceColumns, units: rows, size: width },
      arguments: [...places, [0, 0, 1], ...rest],
    });
  }

  function gatherGroups(...given: Parameters<QuantizersModuleExports['gatherGroups']>): void {
    const [source, destination, groups, size, left, rows, stride] = given;
    const places: readonly Argument[] = [
      [source, 4 * size],
      [destination, 4 * rows * size],
    ];
    const rest: readonly Argument[] = [[0, 0, 1], [size], [left, -size], [rows], [stride]];
    share({
      ...{ called: layout.callGatherGroups, units: groups, size: rows * size },
      arguments: [...places, ...rest],
    });
  }

  return { columnMaxima, placeColumns, gatherGroups };
}

/** @param mostChunks Chunks of the longest group. */
export function sharedCalls(heap: Heap, pool: ThreadPool, threads: number, mostChunks: number): SharedCalls {
  const own = quantizersModule.on(heap.memory);
  const block = heap.allocate(layout.callBytes);
  const partial = heap.allocate(4 * mostChunks);

  function share({ called, units, size, arguments: given }: Call): void {
    const words = new Int32Array(heap.memory.buffer, block, layout.callBytes / 4);
    words[0] = called;
    for (const [i, [value, byUnit = 0, byCount = 0]] of given.entries())
      words.set([value, byUnit, byCount], layout.callArguments / 4 + 3 * i);
    const piece = Math.max(1, Math.floor(chunk / size));
    if (units <= piece) {
      own.piece(block, 0, units);
      return;
    }
    divideCommon(pool, threads, {
      ...{ module: quantizersModule, length: units, piece },
      // One for all: kernels only read it.
      blockOf: () => block,
      ownPiece: (from, to) => own.piece(block, from, to - from),
    });
  }

  const walks = { ...cuttableWalks(heap, partial, share), ...wholeWalks(own, share) };
  return {
    kernels: { ...own, ...walks, ...columnCalls(own, share) },
    release(): void {
      heap.free(block);
      heap.free(partial);
    },
  };
}

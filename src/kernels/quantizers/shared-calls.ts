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

/** Kernels that threads share, and what frees the memory that they need. */
interface SharedCalls {
  readonly kernels: QuantizersModuleExports;
  release(): void;
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

  /** What a walk over groups is divided in: rows, or the groups of one. */
  function unitsOf(groups: number, size: number, columns: number, left: number) {
    const perRow = Math.ceil(columns / size);
    const isRows = left === columns && groups % perRow === 0 && groups > perRow;
    const [step, each] = isRows ? [columns, perRow] : [size, 1];
    const geometry: readonly Argument[] = [
      [0, 0, each],
      [size],
      [columns],
      isRows ? [columns] : [left, -size],
    ];
    return { units: groups / each, step, each, geometry };
  }

  /** The groups of a walk that are longer than a chunk, one by one: which, its length, its offset in elements. */
  function eachGroup(
    groups: number,
    size: number,
    columns: number,
    left: number,
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

  function absoluteMaxima(...given: Parameters<QuantizersModuleExports['absoluteMaxima']>): void {
    const [source, groups, size, columns, left, maxima, parameters] = given;
    const called = layout.callAbsoluteMaxima;
    if (Math.min(size, columns) <= chunk) {
      const { units, step, each, geometry } = unitsOf(groups, size, columns, left);
      const places: readonly Argument[] = [[maxima, 4 * each], [parameters]];
      share({ called, units, size: step, arguments: [[source, 4 * step], ...geometry, ...places] });
      return;
    }
    eachGroup(groups, size, columns, left, (group, length, offset) => {
      const units = Math.ceil(length / chunk);
      const walk: readonly Argument[] = [[0, 0, 1], [chunk], [length], [length, -chunk]];
      const places: readonly Argument[] = [[partial, 4], [parameters]];
      share({
        ...{ called, units, size: chunk },
        arguments: [[source + 4 * offset, 4 * chunk], ...walk, ...places],
      });
      const most = new Float32Array(heap.memory.buffer, partial, units);
      // Math.max is NaN if there is a NaN.
      new Float32Array(heap.memory.buffer, maxima, groups)[group] = Math.max(...most);
    });
  }

  function placeGroups(...given: Parameters<QuantizersModuleExports['placeGroups']>): void {
    const [kernel, source, destination, groups, size, columns, left, into, out, parameters] = given;
    const called = layout.callPlaceGroups;
    if (Math.min(size, columns) <= chunk) {
      const { units, step, each, geometry } = unitsOf(groups, size, columns, left);
      const from: readonly Argument[] = [[kernel], [source, 4 * step], [destination, 4 * step]];
      const scales: readonly Argument[] = [[into, 4 * each], [out, 4 * each], [parameters]];
      share({ called, units, size: step, arguments: [...from, ...geometry, ...scales] });
      return;
    }
    eachGroup(groups, size, columns, left, (group, length, offset) => {
      const [at, to] = [source + 4 * offset, destination + 4 * offset];
      // A part of the group is a group with its scale.
      const walk: readonly Argument[] = [[1], [0, 0, chunk], [length], [length, -chunk]];
      const scales: readonly Argument[] = [[into + 4 * group], [out + 4 * group], [parameters]];
      share({
        ...{ called, units: Math.ceil(length / chunk), size: chunk },
        arguments: [[kernel], [at, 4 * chunk], [to, 4 * chunk], ...walk, ...scales],
      });
    });
  }

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

  /** A walk over groups that cannot be cut: by groups where each is at most a chunk. */
  function walkOver(
    [groups, size, columns, left]: readonly [number, number, number, number],
    called: number,
    argumentsOf: (step: number, each: number, geometry: readonly Argument[]) => readonly Argument[],
  ): boolean {
    if (Math.min(size, columns) > chunk) return false;
    const { units, step, each, geometry } = unitsOf(groups, size, columns, left);
    share({ called, units, size: step, arguments: argumentsOf(step, each, geometry) });
    return true;
  }

  function addSums(...given: Parameters<QuantizersModuleExports['addSums']>): void {
    const [kind, source, groups, size, columns, left, sums, means] = given;
    const isShared = walkOver([groups, size, columns, left], layout.callAddSums, (step, each, geometry) => [
      ...([[kind], [source, 4 * step]] as const),
      ...geometry,
      ...([
        [sums, 32 * each],
        [means, 8 * each],
      ] as const),
    ]);
    if (!isShared) own.addSums(...given);
  }

  function squaredErrors(...given: Parameters<QuantizersModuleExports['squaredErrors']>): void {
    const [source, image, groups, size, columns, left, sums] = given;
    const walk = [groups, size, columns, left] as const;
    const isShared = walkOver(walk, layout.callSquaredErrors, (step, each, geometry) => [
      ...([
        [source, 4 * step],
        [image, 4 * step],
      ] as const),
      ...geometry,
      [sums, 32 * each],
    ]);
    if (!isShared) own.squaredErrors(...given);
  }

  function chooseScales(...given: Parameters<QuantizersModuleExports['chooseScales']>): void {
    const [error, source, groups, size, columns, left, lines, whole, maxima, into, out, sums, parameters] =
      given;
    const walk = [groups, size, columns, left] as const;
    const isShared = walkOver(walk, layout.callChooseScales, (step, each, geometry) => [
      ...([[error], [source, 4 * step]] as const),
      ...geometry,
      ...([[lines], [whole]] as const),
      ...[maxima, into, out].map((place): Argument => [place, 4 * each]),
      [sums, 4 * Math.max(4, whole) * each],
      [parameters],
    ]);
    if (!isShared) own.chooseScales(...given);
  }

  function gatherGroups(...given: Parameters<QuantizersModuleExports['gatherGroups']>): void {
    const [source, destination, groups, size, left, rows, stride] = given;
    share({
      ...{ called: layout.callGatherGroups, units: groups, size: rows * size },
      arguments: [
        ...([[source, 4 * size], [destination, 4 * rows * size], [0, 0, 1], [size], [left, -size]] as const),
        [rows],
        [stride],
      ],
    });
  }

  return {
    kernels: {
      ...own,
      ...{ absoluteMaxima, placeGroups, columnMaxima, placeColumns },
      ...{ gatherGroups, addSums, squaredErrors, chooseScales },
    },
    release(): void {
      heap.free(block);
      heap.free(partial);
    },
  };
}

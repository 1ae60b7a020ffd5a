/**
 * Runs a quantiser's plan over a heap, a cache-sized piece at a time: the statistics of its groups, their scales, their elements.
 * A group longer than a piece is walked twice, as is the whole tensor or row where it has a scale of its own.
 */
import type { ResolvedRounding } from '../../rounding/index.ts';
import {
  commonSlot,
  parameterBytes,
  scaleOnly,
  scalingDivided,
  scalingMultiplied,
  scalingTwoLevels,
} from '../generated/layout-quantizers.ts';
import type { Heap } from '../heap.ts';
import type { QuantizersModuleExports } from '../quantizers-module.ts';
import type { Rounder } from '../rounder.ts';
import {
  cached,
  type Extent,
  type GroupLayout,
  type Piece,
  piecesOf,
  stripesOf,
} from './quantizer-pieces.ts';
import type { QuantizerPlan } from './quantizer-plan.ts';

/** Elements that come from somewhere and go somewhere, at most `pieceLength` at a time. */
export interface Stream {
  /** Where the elements from `start` on lie now; of more rows than one, that of the first, the others `pitch` elements apart. */
  load(start: number, length: number, rows?: number, stride?: number): number;
  /** Elements from row to row where they lie, of rows that are `stride` apart in the tensor. */
  pitch(length: number, stride: number): number;
  /** Where their values are to be written. */
  target(start: number): number;
  /** Takes the values. */
  store(start: number, length: number, rows?: number, stride?: number): void;
}

/** What else is wanted of a run: arrays to be filled. */
export interface Outcome {
  /** As long as x. */
  readonly elements: Float32Array;
  /** One scale a group: what is stored. */
  readonly scales: Float32Array;
  /** Two levels: the encode scale of the tensor, or of each row. */
  readonly tensorEncode: Float64Array;
}

export interface QuantizerRunner {
  /** Allocates what a run with the plan needs, so that memory does not grow in it. */
  prepare(plan: QuantizerPlan): void;
  run(
    plan: QuantizerPlan,
    stream: Stream,
    layout: GroupLayout,
    rounding: ResolvedRounding,
    outcome?: Outcome,
  ): void;
  release(): void;
}

const scalings = { encode: scalingDivided, power: scalingMultiplied, 'two-level': scalingTwoLevels } as const;

/** Runs of elements of a tensor, `stride` apart. */
interface Rows {
  readonly start: number;
  readonly rows: number;
  readonly length: number;
  readonly stride: number;
}

/** The largest numbers in place of infinities: elements are finite, so these are values that overflowed. */
function clampInfinities(values: Float32Array): void {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === Infinity) values[i] = largest;
    else if (values[i] === -Infinity) values[i] = -largest;
  }
}

/** The scratch memory of a run: its parts, by pointers. */
function scratchAt(start: number, groupBytes: number, { length }: Extent) {
  const statistics = start + 64;
  const group = (i: number): number => statistics + i * groupBytes;
  return {
    ...{ parameters: start, sums: start + parameterBytes, statistics },
    ...{
      into: group(1),
      out: group(2),
      ones: group(3),
      maxima: group(4),
      wideInto: group(5),
      wideOut: group(6),
    },
    ...{ work: group(7), units: group(7) + 4 * length },
  };
}

/** @param extent What is done together: pieces of it, if the tensor is larger. */
export function quantizersOn(
  heap: Heap,
  kernels: QuantizersModuleExports,
  rounder: Rounder,
  extent: Extent = cached,
): QuantizerRunner {
  let allocated: number | undefined;
  const { length: pieceLength, groups: mostGroups } = extent;
  const groupBytes = 16 * Math.ceil(mostGroups / 4 + 1);

  function scratch() {
    allocated ??= heap.allocate(64 + 7 * groupBytes + 8 * pieceLength);
    return scratchAt(allocated, groupBytes, extent);
  }

  function run(
    plan: QuantizerPlan,
    stream: Stream,
    layout: GroupLayout,
    rounding: ResolvedRounding,
    outcome?: Outcome,
  ): void {
    const { form, elements, reach } = plan;
    const { scale, least } = form;
    const { parameters, sums, statistics, into, out, ones, maxima, wideInto, wideOut, work, units } =
      scratch();
    const scaling = scalings[scale.kind];
    const { buffer } = heap.memory;
    const constants = new Float32Array(buffer, parameters, parameterBytes / 4);
    new Int32Array(buffer, parameters, parameterBytes / 4).set(new Int32Array(plan.block.buffer));
    const sumsView = new Float64Array(buffer, sums, 4);
    const statisticsView = new Float32Array(buffer, statistics, mostGroups);
    const outs = scale.kind === 'encode' ? into : out;
    const storedView = new Float32Array(buffer, scale.kind === 'encode' ? into : out, mostGroups);
    const unitsView = new Float32Array(buffer, units, pieceLength);
    new Float32Array(buffer, ones, mostGroups).fill(1);
    let encode = 1;

    /** The largest magnitude of any number of elements; NaN if there is a NaN. */
    function maximumOf(start: number, length: number): number {
      let most = 0;
      for (let done = 0; done < length; done += pieceLength) {
        const count = Math.min(pieceLength, length - done);
        kernels.absoluteMaxima(
          stream.load(start + done, count),
          1,
          count,
          count,
          count,
          statistics,
          parameters,
        );
        most = Math.max(most, statisticsView[0]!);
      }
      return most;
    }

    function meanOf(start: number, length: number): number {
      sumsView.fill(0);
      for (let done = 0; done < length; done += pieceLength) {
        const count = Math.min(pieceLength, length - done);
        kernels.absoluteSums(stream.load(start + done, count), count, sums, parameters);
      }
      const [s0, s1, s2, s3] = sumsView as unknown as [number, number, number, number];
      return Math.fround((s0 + s1 + (s2 + s3)) / length);
    }

    /** Whether values of the groups at hand may overflow. */
    let isBeyond = false;

    function findScales(groups: number): void {
      switch (scale.kind) {
        case 'encode':
          isBeyond = kernels.encodeScales(statistics, into, groups, scale.target, least, reach) !== 0;
          return;
        case 'power': {
          const { raisedFrom, emax, lowest, highest } = scale;
          const exponents = [raisedFrom, emax, lowest, highest, reach] as const;
          isBeyond = kernels.powerScales(statistics, into, out, groups, least, ...exponents) !== 0;
          return;
        }
        case 'two-level': {
          const unit = Math.fround(encode * Math.fround(1 / scale.target));
          const decode = Math.fround(1 / encode);
          const { max } = scale.format;
          const { scaleFloor, scaleShift } = plan;
          isBeyond = encode < reach;
          kernels.twoLevelScales(
            statistics,
            into,
            out,
            groups,
            least,
            unit,
            decode,
            max,
            scaleFloor,
            scaleShift,
          );
        }
      }
    }

    /** `kernel` on elements whose scales are where `outs` says, or 1. */
    type Placer = (
      kernel: number,
      from: number,
      pitch: number,
      to: number,
      toPitch: number,
      outs: number,
    ) => void;

    /** Elements and values of rows that lie at `source`. */
    function place({ start, rows, length, stride }: Rows, source: number, placer: Placer): void {
      const target = stream.target(start);
      const pitch = stream.pitch(length, stride);
      const eachRun = (visit: (offset: number, first: number, count: number) => void): void => {
        if (length === stride) visit(0, start, rows * length);
        else for (let row = 0; row < rows; row++) visit(row * length, start + row * stride, length);
      };
      const isGiven = plan.rounding !== undefined;
      if (isGiven) {
        placer(scaleOnly, source, pitch, work, length, outs);
        eachRun((offset, first, count) => {
          const at = work + 4 * offset;
          rounder.round(plan.rounding!, at, at, count, rounding, first);
        });
      }
      const [from, fromPitch] = isGiven ? [work, length] : [source, pitch];
      if (outcome !== undefined) {
        // Values in units of their scale.
        constants[commonSlot / 4] = 1;
        const toUnits = scale.kind === 'two-level' ? scalingTwoLevels : scalingDivided;
        placer(elements * 3 + toUnits, from, fromPitch, units, length, ones);
        constants[commonSlot / 4] = 1 / encode;
        eachRun((offset, first, count) =>
          outcome.elements.set(unitsView.subarray(offset, offset + count), first),
        );
      }
      placer(elements * 3 + scaling, from, fromPitch, target, pitch, outs);
      if (isBeyond)
        for (let row = 0; row < rows; row++)
          clampInfinities(new Float32Array(buffer, target + 4 * row * pitch, length));
      stream.store(start, length, rows, stride);
    }

    function placeGroups({ start, length, groups, size, columns, left }: Piece, source: number): void {
      place({ start, rows: 1, length, stride: length }, source, (kernel, from, _, to, __, scales) =>
        kernels.placeGroups(kernel, from, to, groups, size, columns, left, into, scales, parameters),
      );
    }

    /** Groups of at most a piece: all while the piece is in the cache. */
    function quantizePieces(rows: number, start: number, group: number): void {
      const pieces = [...piecesOf({ ...layout, rows }, start, group, extent)];
      // Backwards after a walk for the larger scale: what that read last is still in the cache.
      for (const piece of scale.kind === 'two-level' ? pieces.reverse() : pieces) {
        const { groups, size, columns, left } = piece;
        const source = stream.load(piece.start, piece.length);
        if (form.from === 'absmax')
          kernels.absoluteMaxima(source, groups, size, columns, left, statistics, parameters);
        else findMeans(piece, source);
        findScales(groups);
        outcome?.scales.set(storedView.subarray(0, groups), piece.group);
        placeGroups(piece, source);
      }
    }

    function findMeans({ groups, size, columns, left }: Piece, source: number): void {
      let [at, rest] = [source, left];
      for (let i = 0; i < groups; i++) {
        const length = Math.min(size, rest);
        sumsView.fill(0);
        kernels.absoluteSums(at, length, sums, parameters);
        statisticsView[i] = (sumsView[0]! + sumsView[1]! + (sumsView[2]! + sumsView[3]!)) / length;
        at += 4 * length;
        rest = rest === length ? columns : rest - length;
      }
    }

    /** A group longer than a piece: once for its statistic, once for its elements. */
    function quantizeLong(start: number, length: number, group: number): void {
      statisticsView[0] = form.from === 'absmax' ? maximumOf(start, length) : meanOf(start, length);
      findScales(1);
      outcome?.scales.set(storedView.subarray(0, 1), group);
      // Backwards: what the first walk read last is still in the cache.
      for (let done = Math.floor((length - 1) / pieceLength) * pieceLength; done >= 0; done -= pieceLength) {
        const count = Math.min(pieceLength, length - done);
        const first = start + done;
        const source = stream.load(first, count);
        placeGroups(
          { start: first, length: count, groups: 1, size: count, columns: count, left: count, group },
          source,
        );
      }
    }

    /** Groups that run over rows: the statistics of columns first, then those of their neighbours together. */
    function quantizeBands(): void {
      const { size, columns: stride } = layout;
      const [wideIns, wides] = size === 1 ? [into, outs] : [wideInto, wideOut];
      const placer: (width: number, rows: number) => Placer =
        (width, rows) => (kernel, from, pitch, to, toPitch, scales) => {
          const wide = scales === ones ? ones : wides;
          const pitches = [4 * pitch, 4 * toPitch] as const;
          kernels.placeColumns(kernel, from, to, rows, width, ...pitches, wideIns, wide, parameters);
        };
      for (const { group, start, rows, width } of stripesOf(layout, extent)) {
        const most = Math.floor(pieceLength / width);
        const groups = Math.ceil(width / size);
        const largest = size === 1 ? statistics : maxima;
        new Float32Array(buffer, largest, width).fill(0);
        let source = 0;
        for (let row = 0; row < rows; row += most) {
          const count = Math.min(most, rows - row);
          source = stream.load(start + row * stride, width, count, stride);
          kernels.columnMaxima(source, count, width, 4 * stream.pitch(width, stride), largest, parameters);
        }
        if (size > 1) kernels.absoluteMaxima(maxima, groups, size, width, width, statistics, parameters);
        findScales(groups);
        outcome?.scales.set(storedView.subarray(0, groups), group);
        if (size > 1) {
          kernels.spread(into, wideInto, size, width);
          kernels.spread(outs, wideOut, size, width);
        }
        for (let row = 0; row < rows; row += most) {
          const piece = {
            start: start + row * stride,
            rows: Math.min(most, rows - row),
            length: width,
            stride,
          };
          if (rows > most) source = stream.load(piece.start, width, piece.rows, stride);
          place(piece, source, placer(width, piece.rows));
        }
      }
    }

    function quantizeRows(rows: number, start: number, group: number): void {
      const { columns, size } = layout;
      if (Math.min(size, columns) <= pieceLength) {
        quantizePieces(rows, start, group);
        return;
      }
      for (let row = 0, next = group; row < rows; row++)
        for (let done = 0; done < columns; done += size)
          quantizeLong(start + row * columns + done, Math.min(size, columns - done), next++);
    }

    /** Rows that share the larger of two scales. */
    function quantizeLevel(rows: number, start: number, group: number, level: number): void {
      if (scale.kind === 'two-level') {
        encode = scale.encodeOf(maximumOf(start, rows * layout.columns));
        constants[commonSlot / 4] = 1 / encode;
        if (outcome !== undefined) outcome.tensorEncode[level] = encode;
      }
      if (layout.band === undefined) quantizeRows(rows, start, group);
      else quantizeBands();
    }

    const { rows, columns, size } = layout;
    const perRow = Math.ceil(columns / size);
    if (scale.kind === 'two-level' && scale.per === 'row')
      for (let row = 0; row < rows; row++) quantizeLevel(1, row * columns, row * perRow, row);
    else quantizeLevel(rows, 0, 0, 0);
  }

  return {
    prepare(plan): void {
      scratch();
      if (plan.rounding !== undefined) rounder.prepare(plan.rounding);
    },
    run,
    release(): void {
      if (allocated !== undefined) heap.free(allocated);
      allocated = undefined;
    },
  };
}

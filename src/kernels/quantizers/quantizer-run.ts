/**
 * Runs a quantiser's plan over a heap, a cache-sized piece at a time: the statistics of its groups, their scales, their elements.
 * A group longer than a piece is walked twice, as is the whole tensor or row where it has a scale of its own.
 */
import type { ResolvedRounding } from '../../rounding/index.ts';
import type { Heap } from '../heap.ts';
import type { QuantizersModuleExports } from '../quantizers-module.ts';
import type { Rounder } from '../rounder.ts';
import {
  beginPass,
  findScales,
  findStatistics,
  maximumOf,
  type Outcome,
  type Pass,
  type Stream,
  setEncode,
  statisticOf,
  type Track,
} from './quantizer-pass.ts';
import {
  cached,
  type Extent,
  type GroupLayout,
  groupsOf,
  piecesOf,
  type Stripe,
  stripesOf,
} from './quantizer-pieces.ts';
import { placeColumns, placeGroups, type Rows } from './quantizer-place.ts';
import type { QuantizerPlan } from './quantizer-plan.ts';
import { Scratch } from './quantizer-scratch.ts';

export interface QuantizerRunner {
  /** Allocates what a run with the plan needs, so that memory does not grow in it. */
  prepare(plan: QuantizerPlan): void;
  run(
    plan: QuantizerPlan,
    stream: Stream,
    layout: GroupLayout,
    rounding: ResolvedRounding,
    outcome?: Outcome,
    track?: Track,
  ): void;
  release(): void;
}

/** Groups of at most a piece: all while the piece is in the cache. */
function quantizePieces(pass: Pass, rows: number, start: number, group: number): void {
  const { layout, extent, plan, stream } = pass;
  const pieces = [...piecesOf({ ...layout, rows }, start, group, extent)];
  // Backwards after a walk for the larger scale: what that read last is still in the cache.
  for (const piece of plan.form.scale.kind === 'two-level' ? pieces.reverse() : pieces) {
    const source = stream.load(piece.start, piece.length);
    findStatistics(pass, piece, source);
    findScales(pass, piece.groups, piece.group);
    placeGroups(pass, piece, source);
  }
}

/** A group longer than a piece: once for its statistic, once for its elements. */
function quantizeLong(pass: Pass, start: number, length: number, group: number): void {
  const { stream, statistics, extent } = pass;
  statistics[0] = statisticOf(pass, start, length);
  findScales(pass, 1, group);
  // Backwards: what the first walk read last is still in the cache.
  const last = Math.floor((length - 1) / extent.length) * extent.length;
  for (let done = last; done >= 0; done -= extent.length) {
    const count = Math.min(extent.length, length - done);
    const alone = { groups: 1, size: count, columns: count, left: count, group };
    placeGroups(pass, { start: start + done, length: count, ...alone }, stream.load(start + done, count));
  }
}

/** Some columns of a band: their statistics first, then those of neighbours together. */
function quantizeStripe(pass: Pass, { group, start, rows, width }: Stripe): void {
  const { kernels, memory, stream, extent, at, outs } = pass;
  const { size, columns: stride } = pass.layout;
  const most = Math.floor(extent.length / width);
  const groups = Math.ceil(width / size);
  const largest = size === 1 ? at.statistics : at.maxima;
  new Float32Array(memory.buffer, largest, width).fill(0);
  let source = 0;
  for (let row = 0; row < rows; row += most) {
    const count = Math.min(most, rows - row);
    source = stream.load(start + row * stride, width, count, stride);
    kernels.columnMaxima(source, count, width, 4 * stream.pitch(width, stride), largest, at.parameters);
  }
  if (size > 1) kernels.absoluteMaxima(at.maxima, groups, size, width, width, at.statistics, at.parameters);
  findScales(pass, groups, group);
  if (size > 1) {
    kernels.spread(at.into, at.wideInto, size, width);
    kernels.spread(outs, at.wideOut, size, width);
  }
  const [into, out] = size === 1 ? [at.into, outs] : [at.wideInto, at.wideOut];
  for (let row = 0; row < rows; row += most) {
    const from = start + row * stride;
    const part: Rows = { start: from, rows: Math.min(most, rows - row), length: width, stride };
    if (rows > most) source = stream.load(from, width, part.rows, stride);
    placeColumns(pass, part, source, into, out);
  }
}

function quantizeRows(pass: Pass, rows: number, start: number, group: number): void {
  const { columns, size } = pass.layout;
  if (Math.min(size, columns) <= pass.extent.length) {
    quantizePieces(pass, rows, start, group);
    return;
  }
  for (let row = 0, next = group; row < rows; row++)
    for (let done = 0; done < columns; done += size)
      quantizeLong(pass, start + row * columns + done, Math.min(size, columns - done), next++);
}

/** Rows that share the larger of two scales. */
function quantizeLevel(pass: Pass, rows: number, start: number, group: number, level: number): void {
  const { layout, extent, outcome } = pass;
  const { scale } = pass.plan.form;
  if (scale.kind === 'two-level') {
    setEncode(pass, scale.encodeOf(maximumOf(pass, start, rows * layout.columns)));
    if (outcome !== undefined) outcome.tensorEncode[level] = pass.encode;
  }
  if (layout.band === undefined) quantizeRows(pass, rows, start, group);
  else for (const stripe of stripesOf(layout, extent)) quantizeStripe(pass, stripe);
}

/** Every group: its statistic, its scale, its elements. */
function walk(pass: Pass): void {
  const { rows, columns, size } = pass.layout;
  const { scale } = pass.plan.form;
  const perRow = Math.ceil(columns / size);
  if (scale.kind === 'two-level' && scale.per === 'row')
    for (let row = 0; row < rows; row++) quantizeLevel(pass, 1, row * columns, row * perRow, row);
  else quantizeLevel(pass, rows, 0, 0, 0);
}

function quantizeAll(pass: Pass): void {
  const { track, layout } = pass;
  if (track !== undefined) {
    pass.found = new Float32Array(groupsOf(layout));
    walk(pass);
    pass.tracked = track(pass.found);
    pass.found = undefined;
  }
  walk(pass);
}

/** @param extent What is done together: pieces of it, if the tensor is larger. */
export function quantizersOn(
  heap: Heap,
  kernels: QuantizersModuleExports,
  rounder: Rounder,
  extent: Extent = cached,
): QuantizerRunner {
  const machine = { memory: heap.memory, kernels, rounder, extent };
  let made: Scratch | undefined;

  function scratch(): Scratch {
    made ??= new Scratch(heap, extent);
    return made;
  }

  return {
    prepare(plan): void {
      scratch();
      if (plan.rounding !== undefined) rounder.prepare(plan.rounding);
    },
    run(plan, stream, layout, rounding, outcome, track): void {
      quantizeAll(beginPass(machine, { plan, stream, layout, rounding, outcome, track }, scratch()));
    },
    release(): void {
      made?.free();
      made = undefined;
    },
  };
}

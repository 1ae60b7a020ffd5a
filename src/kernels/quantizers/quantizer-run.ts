/**
 * Runs a quantiser's plan over a heap, a cache-sized piece at a time: the statistics of its groups, their scales, their elements.
 * A group longer than a piece is walked twice, as is the whole tensor or row where it has a scale of its own.
 */
import type { ResolvedRounding } from '../../rounding/index.ts';
import type { Heap } from '../heap.ts';
import type { QuantizersModuleExports } from '../quantizers-module.ts';
import type { Rounder } from '../rounder.ts';
import { LongMembers, maximumOf, PieceMembers, StripeMembers } from './quantizer-members.ts';
import { beginPass, type Outcome, type Pass, type Stream, setEncode, type Track } from './quantizer-pass.ts';
import {
  aloneIn,
  cached,
  type Extent,
  type GroupLayout,
  groupsOf,
  pieceFor,
  pieceOf,
  piecesOf,
  type Stripe,
  stripesOf,
} from './quantizer-pieces.ts';
import { placeColumns, placeGroups, type Rows } from './quantizer-place.ts';
import { needsWholeGroups, type QuantizerPlan } from './quantizer-plan.ts';
import { findScales } from './quantizer-scales.ts';
import { Scratch } from './quantizer-scratch.ts';

interface QuantizerRunner {
  /** Allocates what the next run, with this plan and layout, needs, so that memory does not grow in it. */
  prepare(plan: QuantizerPlan, layout: GroupLayout): void;
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
  const { layout, extent, plan } = pass;
  const pieces = [...piecesOf({ ...layout, rows }, start, group, extent)];
  // Backwards after a walk for the larger scale: what that read last is still in the cache.
  for (const piece of plan.form.scale.kind === 'two-level' ? pieces.reverse() : pieces) {
    const members = new PieceMembers(pass, piece);
    findScales(pass, members);
    placeGroups(pass, piece, members.source);
  }
}

/** A group longer than a piece: once or more for its scale, once for its elements. */
function quantizeLong(pass: Pass, start: number, length: number, group: number): void {
  const { stream, extent } = pass;
  findScales(pass, new LongMembers(pass, start, length, group));
  // Backwards: what the walk before read last is still in the cache.
  const last = Math.floor((length - 1) / extent.length) * extent.length;
  for (let done = last; done >= 0; done -= extent.length) {
    const count = Math.min(extent.length, length - done);
    placeGroups(pass, pieceOf(aloneIn(count), start + done, group), stream.load(start + done, count));
  }
}

/** Some columns of a band: their scales first, then their elements. */
function quantizeStripe(pass: Pass, stripe: Stripe): void {
  const members = new StripeMembers(pass, stripe);
  const { size, columns: stride } = pass.layout;
  const { start, rows, width } = stripe;
  findScales(pass, members);
  for (let row = 0; row < rows; row += members.most) {
    const count = Math.min(members.most, rows - row);
    const part: Rows = { start: start + row * stride, rows: count, length: width, stride };
    placeColumns(pass, part, members.load(row, count), size);
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
    const amax = maximumOf(pass, start, rows * layout.columns);
    setEncode(pass, scale.encodeOf(amax), amax);
    if (outcome !== undefined) outcome.tensorEncode[level] = pass.encode;
  }
  if (layout.band === undefined) quantizeRows(pass, rows, start, group);
  else
    for (const stripe of stripesOf(layout, extent, needsWholeGroups(pass.plan))) quantizeStripe(pass, stripe);
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

/** @param piece What is done together, if the tensor is larger. */
export function quantizersOn(
  heap: Heap,
  kernels: QuantizersModuleExports,
  rounder: Rounder,
  piece: Extent = cached,
): QuantizerRunner {
  let made: Scratch | undefined;
  /** Of a run whose pieces are larger. */
  let larger: Scratch | undefined;

  function freeLarger(): void {
    larger?.free();
    larger = undefined;
  }

  return {
    prepare(plan, layout): void {
      const extent = pieceFor(layout, needsWholeGroups(plan), piece);
      // One that a run which never began has left may be too small.
      freeLarger();
      if (extent === piece) made ??= new Scratch(heap, piece);
      else larger = new Scratch(heap, extent);
      for (const rounding of [plan.rounding, plan.search?.rounding])
        if (rounding !== undefined) rounder.prepare(rounding);
    },
    run(plan, stream, layout, rounding, outcome, track): void {
      const scratch = (larger ?? made)!;
      const machine = { memory: heap.memory, kernels, rounder, extent: scratch.extent };
      try {
        quantizeAll(beginPass(machine, { plan, stream, layout, rounding, outcome, track }, scratch));
      } finally {
        freeLarger();
      }
    },
    release(): void {
      freeLarger();
      made?.free();
      made = undefined;
    },
  };
}

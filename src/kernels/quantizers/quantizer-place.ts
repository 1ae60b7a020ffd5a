/** The elements of a pass: scaled, rounded, scaled back. */
import {
  commonSlot,
  scaleOnly,
  scaleOnlyQuotients,
  scalingQuotients,
} from '../generated/layout-quantizers.ts';
import type { Pass } from './quantizer-pass.ts';
import type { Piece, Walk } from './quantizer-pieces.ts';
import { largest } from './quantizer-plan.ts';

/** Runs of elements of a tensor, `stride` apart. */
export interface Rows {
  readonly start: number;
  readonly rows: number;
  readonly length: number;
  readonly stride: number;
}

/** A kernel on elements whose scales are where `outs` says, or 1. */
type Placer = (
  kernel: number,
  from: number,
  pitch: number,
  to: number,
  toPitch: number,
  outs: number,
) => void;

/** The largest numbers in place of infinities: elements are finite, so these are values that overflowed. */
function clampInfinities(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i] === Infinity) values[i] = largest;
    else if (values[i] === -Infinity) values[i] = -largest;
  }
}

/** Each run, by its offset among them; all at once where they follow each other. */
function eachRun(
  { start, rows, length, stride }: Rows,
  visit: (offset: number, first: number, count: number) => void,
): void {
  if (length === stride) visit(0, start, rows * length);
  else for (let row = 0; row < rows; row++) visit(row * length, start + row * stride, length);
}

/** Fills in the elements themselves: values in units of their scale. */
function placeUnits(pass: Pass, runs: Rows, from: number, pitch: number, placer: Placer): void {
  const { plan, at, memory, constants, encode, outcome, scaling } = pass;
  constants[commonSlot / 4] = 1;
  placer(plan.elements * 4 + scaling, from, pitch, at.units, runs.length, at.ones);
  constants[commonSlot / 4] = 1 / encode;
  const units = new Float32Array(memory.buffer, at.units, runs.rows * runs.length);
  eachRun(runs, (offset, first, count) =>
    outcome?.elements.set(units.subarray(offset, offset + count), first),
  );
}

/** Elements and values of rows that lie at `source`. */
function place(pass: Pass, runs: Rows, source: number, placer: Placer): void {
  if (pass.found !== undefined) return;
  const { plan, stream, rounder, rounding, memory, at, outs, scaling } = pass;
  const { start, rows, length, stride } = runs;
  const target = stream.target(start);
  const pitch = stream.pitch(length, stride);
  const given = plan.rounding;
  if (given !== undefined) {
    placer(
      scaling === scalingQuotients ? scaleOnlyQuotients : scaleOnly,
      source,
      pitch,
      at.work,
      length,
      outs,
    );
    eachRun(runs, (offset, first, count) => {
      const place = at.work + 4 * offset;
      rounder.round(given, place, place, count, rounding, first);
    });
  }
  const [from, fromPitch] = given === undefined ? [source, pitch] : [at.work, length];
  if (pass.outcome !== undefined) placeUnits(pass, runs, from, fromPitch, placer);
  placer(plan.elements * 4 + scaling, from, fromPitch, target, pitch, outs);
  if (pass.isBeyond)
    for (let row = 0; row < rows; row++)
      clampInfinities(new Float32Array(memory.buffer, target + 4 * row * pitch, length));
  stream.store(start, length, rows, stride);
}

/** Rows of groups that lie at `source`, each walked as `walk` says, in binary64 lanes. */
function placeWide(pass: Pass, runs: Rows, walk: Omit<Walk, 'length'>, source: number): void {
  if (pass.found !== undefined) return;
  const { kernels, at, plan, memory, rounder, rounding, stream, outcome } = pass;
  const { groups, size, columns, left } = walk;
  const { start, rows, length, stride } = runs;
  const { low, format } = plan.form;
  const lowest = low > format.min ? low : -Infinity;
  const target = stream.target(start);
  const pitch = 4 * stream.pitch(length, stride);
  for (let row = 0; row < rows; row++)
    kernels.widenGroups(
      source + row * pitch,
      at.work + 8 * row * length,
      groups,
      size,
      columns,
      left,
      at.factorsIn,
    );
  eachRun(runs, (offset, first, count) => {
    const place = at.work + 8 * offset;
    rounder.round(plan.rounding!, place, place, count, rounding, first);
    // What is below is seldom there, and a NaN stays.
    outcome?.elements.set(
      new Float64Array(memory.buffer, place, count).map((element) => (element < lowest ? lowest : element)),
      first,
    );
  });
  for (let row = 0; row < rows; row++)
    kernels.narrowGroups(
      at.work + 8 * row * length,
      target + row * pitch,
      groups,
      size,
      columns,
      left,
      at.factorsOut,
      lowest,
    );
  stream.store(start, length, rows, stride);
}

/** The groups of a piece, which lies at `source`. */
export function placeGroups(pass: Pass, piece: Piece, source: number): void {
  const { kernels, at } = pass;
  const { start, length, groups, size, columns, left } = piece;
  const runs: Rows = { start, rows: 1, length, stride: length };
  if (pass.plan.isWide) {
    placeWide(pass, runs, piece, source);
    return;
  }
  place(pass, runs, source, (kernel, from, _, to, __, scales) =>
    kernels.placeGroups(kernel, from, to, groups, size, columns, left, at.into, scales, at.parameters),
  );
}

/** Rows of groups of `size` columns, each of which has its scale. */
export function placeColumns(pass: Pass, runs: Rows, source: number, size: number): void {
  const { kernels, at, outs } = pass;
  const { rows, length } = runs;
  if (pass.plan.isWide) {
    const walk = { groups: Math.ceil(length / size), size, columns: length, left: length };
    placeWide(pass, runs, walk, source);
    return;
  }
  if (size > 1) {
    kernels.spread(at.into, at.wideInto, size, length);
    kernels.spread(outs, at.wideOut, size, length);
  }
  const [into, out] = size === 1 ? [at.into, outs] : [at.wideInto, at.wideOut];
  place(pass, runs, source, (kernel, from, pitch, to, toPitch, scales) => {
    const pitches = [4 * pitch, 4 * toPitch] as const;
    const own = scales === at.ones ? at.ones : out;
    kernels.placeColumns(kernel, from, to, rows, length, ...pitches, into, own, at.parameters);
  });
}

/** The elements of a pass: scaled, rounded, scaled back. */
import { commonSlot, scaleOnly, scalingDivided, scalingTwoLevels } from '../generated/layout-quantizers.ts';
import type { Pass } from './quantizer-pass.ts';
import type { Piece } from './quantizer-pieces.ts';

/** Runs of elements of a tensor, `stride` apart. */
export interface Rows {
  readonly start: number;
  readonly rows: number;
  readonly length: number;
  readonly stride: number;
}

/** A kernel on elements whose scales are where `outs` says, or 1. */
export type Placer = (
  kernel: number,
  from: number,
  pitch: number,
  to: number,
  toPitch: number,
  outs: number,
) => void;

/** The largest numbers in place of infinities: elements are finite, so these are values that overflowed. */
function clampInfinities(values: Float32Array): void {
  const largest = (2 - 2 ** -23) * 2 ** 127;
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
  const { plan, at, memory, constants, encode, outcome } = pass;
  constants[commonSlot / 4] = 1;
  const toUnits = plan.form.scale.kind === 'two-level' ? scalingTwoLevels : scalingDivided;
  placer(plan.elements * 3 + toUnits, from, pitch, at.units, runs.length, at.ones);
  constants[commonSlot / 4] = 1 / encode;
  const units = new Float32Array(memory.buffer, at.units, runs.rows * runs.length);
  eachRun(runs, (offset, first, count) =>
    outcome?.elements.set(units.subarray(offset, offset + count), first),
  );
}

/** Elements and values of rows that lie at `source`. */
export function place(pass: Pass, runs: Rows, source: number, placer: Placer): void {
  if (pass.found !== undefined) return;
  const { plan, stream, rounder, rounding, memory, at, outs, scaling } = pass;
  const { start, rows, length, stride } = runs;
  const target = stream.target(start);
  const pitch = stream.pitch(length, stride);
  const given = plan.rounding;
  if (given !== undefined) {
    placer(scaleOnly, source, pitch, at.work, length, outs);
    eachRun(runs, (offset, first, count) => {
      const place = at.work + 4 * offset;
      rounder.round(given, place, place, count, rounding, first);
    });
  }
  const [from, fromPitch] = given === undefined ? [source, pitch] : [at.work, length];
  if (pass.outcome !== undefined) placeUnits(pass, runs, from, fromPitch, placer);
  placer(plan.elements * 3 + scaling, from, fromPitch, target, pitch, outs);
  if (pass.isBeyond)
    for (let row = 0; row < rows; row++)
      clampInfinities(new Float32Array(memory.buffer, target + 4 * row * pitch, length));
  stream.store(start, length, rows, stride);
}

/** The groups of a piece, which lies at `source`, in binary64 lanes. */
function placeWide(pass: Pass, piece: Piece, source: number): void {
  if (pass.found !== undefined) return;
  const { kernels, at, plan, memory, rounder, rounding, stream, outcome } = pass;
  const { start, length, groups, size, columns, left } = piece;
  const { low, format } = plan.form;
  kernels.widenGroups(source, at.work, groups, size, columns, left, at.factorsIn);
  rounder.round(plan.rounding!, at.work, at.work, length, rounding, start);
  const lowest = low > format.min ? low : -Infinity;
  // What is below is seldom there, and a NaN stays.
  outcome?.elements.set(
    new Float64Array(memory.buffer, at.work, length).map((element) => (element < lowest ? lowest : element)),
    start,
  );
  kernels.narrowGroups(at.work, stream.target(start), groups, size, columns, left, at.factorsOut, lowest);
  stream.store(start, length);
}

/** The groups of a piece, which lies at `source`. */
export function placeGroups(pass: Pass, piece: Piece, source: number): void {
  if (pass.plan.isWide) {
    placeWide(pass, piece, source);
    return;
  }
  const { kernels, at } = pass;
  const { start, length, groups, size, columns, left } = piece;
  place(pass, { start, rows: 1, length, stride: length }, source, (kernel, from, _, to, __, scales) =>
    kernels.placeGroups(kernel, from, to, groups, size, columns, left, at.into, scales, at.parameters),
  );
}

/** Rows whose scales are those of their columns: where `into` and `out` say. */
export function placeColumns(pass: Pass, runs: Rows, source: number, into: number, out: number): void {
  const { kernels, at } = pass;
  place(pass, runs, source, (kernel, from, pitch, to, toPitch, scales) => {
    const pitches = [4 * pitch, 4 * toPitch] as const;
    const own = scales === at.ones ? at.ones : out;
    kernels.placeColumns(kernel, from, to, runs.rows, runs.length, ...pitches, into, own, at.parameters);
  });
}

/** One run of a quantiser's plan over a tensor: what it reads and writes, and the statistics and scales of the groups at hand. */
import { exponentOf, scaleByPowerOfTwo } from '../../formats/binary64.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import {
  commonSlot,
  scalingDivided,
  scalingMultiplied,
  scalingTwoLevels,
  sumDistances,
  sumMagnitudes,
  sumNumbers,
  sumSquares,
} from '../generated/layout-quantizers.ts';
import { viewsOf } from '../heap.ts';
import type { QuantizersModuleExports } from '../quantizers-module.ts';
import type { Rounder } from '../rounder.ts';
import type { Extent, GroupLayout, Piece } from './quantizer-pieces.ts';
import type { QuantizerPlan } from './quantizer-plan.ts';
import type { Scratch } from './quantizer-scratch.ts';

/** Elements that come from somewhere and go somewhere, at most `extent.length` at a time. */
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

/** What takes the place of the statistics of all groups, in their order. */
export type Track = (statistics: Float32Array) => Float32Array;

/** What runs: kernels and a rounder on one heap, and how much they do together. */
export interface Machine {
  readonly memory: WebAssembly.Memory;
  readonly kernels: QuantizersModuleExports;
  readonly rounder: Rounder;
  readonly extent: Extent;
}

/** What is asked for. */
export interface Request {
  readonly plan: QuantizerPlan;
  readonly stream: Stream;
  readonly layout: GroupLayout;
  readonly rounding: ResolvedRounding;
  readonly outcome: Outcome | undefined;
  readonly track: Track | undefined;
}

export interface Pass extends Machine, Request {
  readonly at: Scratch;
  /** The constants of the plan on the heap. */
  readonly constants: Float32Array;
  /** Which of them scales elements back, by kind of scale. */
  readonly scaling: number;
  /** Where the scales are that elements are scaled back by. */
  readonly outs: number;
  readonly sums: Float64Array;
  readonly statistics: Float32Array;
  /** The scales that are stored. */
  readonly stored: Float32Array;
  /** Two levels: the encode scale of the tensor or row at hand. */
  encode: number;
  /** Whether values of the groups at hand may overflow. */
  isBeyond: boolean;
  /** The statistics of all groups while they are found; elements wait for them. */
  found: Float32Array | undefined;
  /** What takes the place of statistics. */
  tracked: Float32Array | undefined;
}

const scalings = { encode: scalingDivided, power: scalingMultiplied, 'two-level': scalingTwoLevels } as const;

/** @param at Memory must not grow as long as the pass lasts. */
export function beginPass(machine: Machine, request: Request, at: Scratch): Pass {
  const { memory, kernels, rounder, extent } = machine;
  const { plan, stream, layout, rounding, outcome, track } = request;
  const { kind } = plan.form.scale;
  const { constants, sums, statistics, into, out, ones } = at.views();
  viewsOf(memory).floats.set(plan.block, at.parameters >>> 2);
  if (outcome !== undefined) ones.fill(1);
  // One by one: calls on few elements are frequent, and spreading objects takes longer than those.
  return {
    memory,
    kernels,
    rounder,
    extent,
    plan,
    stream,
    layout,
    rounding,
    outcome,
    track,
    at,
    constants,
    scaling: scalings[kind],
    outs: kind === 'encode' ? at.into : at.out,
    sums,
    statistics,
    stored: kind === 'encode' ? into : out,
    encode: 1,
    isBeyond: false,
    found: undefined,
    tracked: undefined,
  };
}

/** The larger of two scales of what comes next. */
export function setEncode(pass: Pass, encode: number): void {
  pass.encode = encode;
  pass.constants[commonSlot / 4] = 1 / encode;
}

/** The largest magnitude of any number of elements; NaN if there is a NaN. */
export function maximumOf(
  { kernels, stream, extent, at, statistics }: Pass,
  start: number,
  length: number,
): number {
  let most = 0;
  for (let done = 0; done < length; done += extent.length) {
    const count = Math.min(extent.length, length - done);
    const source = stream.load(start + done, count);
    kernels.absoluteMaxima(source, 1, count, count, count, at.statistics, at.parameters);
    most = Math.max(most, statistics[0]!);
  }
  return most;
}

/** The mean of what is summed over any number of elements. */
function meanSum(pass: Pass, kind: number, start: number, length: number, mean: number): number {
  const { kernels, stream, extent, at, sums } = pass;
  sums.fill(0);
  for (let done = 0; done < length; done += extent.length) {
    const count = Math.min(extent.length, length - done);
    kernels.addSums(kind, stream.load(start + done, count), count, at.sums, mean);
  }
  const [s0, s1, s2, s3] = sums as unknown as [number, number, number, number];
  return (s0 + s1 + (s2 + s3)) / length;
}

/** The statistic of any number of elements. */
export function statisticOf(pass: Pass, start: number, length: number): number {
  switch (pass.plan.form.from) {
    case 'absmax':
      return maximumOf(pass, start, length);
    case 'absmean':
      return Math.fround(meanSum(pass, sumMagnitudes, start, length, 0));
    case 'rms':
      return Math.fround(Math.sqrt(meanSum(pass, sumSquares, start, length, 0)));
    case 'std': {
      const mean = meanSum(pass, sumNumbers, start, length, 0);
      return Math.fround(Math.sqrt(meanSum(pass, sumDistances, start, length, mean)));
    }
  }
}

const sumOf = { absmean: sumMagnitudes, rms: sumSquares, std: sumDistances } as const;

/** The statistics of the groups of a piece, which lies at `source`. */
export function findStatistics({ kernels, at, plan }: Pass, piece: Piece, source: number): void {
  const { groups, size, columns, left } = piece;
  const { from } = plan.form;
  if (from === 'absmax')
    kernels.absoluteMaxima(source, groups, size, columns, left, at.statistics, at.parameters);
  else kernels.groupStatistics(sumOf[from], source, groups, size, columns, left, at.statistics, at.sums);
}

/** A number as a sum of two, of at most 29 and 24 bits. */
function halves(x: number): readonly [high: number, low: number] {
  const high = scaleByPowerOfTwo(Math.round(scaleByPowerOfTwo(x, 28 - exponentOf(x))), exponentOf(x) - 28);
  return [high, x - high];
}

/** The scales of so many groups, from their statistics; the first one's number is `group`. */
export function findScales(pass: Pass, groups: number, group: number): void {
  const { kernels, at, plan, encode, outcome, stored } = pass;
  const { scale, least, multiplier } = plan.form;
  const { statistics, into, out } = at;
  pass.found?.set(pass.statistics.subarray(0, groups), group);
  if (pass.tracked !== undefined) pass.statistics.set(pass.tracked.subarray(group, group + groups));
  if (multiplier !== 1) kernels.multiplyStatistics(statistics, groups, ...halves(multiplier));
  switch (scale.kind) {
    case 'encode':
      pass.isBeyond = kernels.encodeScales(statistics, into, groups, scale.target, least, plan.reach) !== 0;
      break;
    case 'power': {
      const { raisedFrom, emax, lowest, highest } = scale;
      const exponents = [raisedFrom, emax, lowest, highest, plan.reach] as const;
      pass.isBeyond = kernels.powerScales(statistics, into, out, groups, least, ...exponents) !== 0;
      if (plan.isWide)
        kernels.wideFactors(out, at.factorsIn, at.factorsOut, groups, scale.prescale, scale.gain);
      break;
    }
    case 'two-level': {
      const unit = Math.fround(encode * Math.fround(1 / scale.target));
      const decode = Math.fround(1 / encode);
      const rounding = [scale.format.max, plan.scaleFloor, plan.scaleShift] as const;
      pass.isBeyond = encode < plan.reach;
      kernels.twoLevelScales(statistics, into, out, groups, least, unit, decode, ...rounding);
    }
  }
  outcome?.scales.set(stored.subarray(0, groups), group);
}

/** One run of a quantiser's plan over a tensor: what it reads and writes, and the scales of the groups at hand. */
import { exponentOf, scaleByPowerOfTwo } from '../../binary64.ts';
import type { ResolvedRounding } from '../../rounding/index.ts';
import {
  amaxSlot,
  commonSlot,
  encodeSlot,
  scalingDivided,
  scalingMultiplied,
  scalingQuotients,
  scalingTwoLevels,
} from '../generated/layout-quantizers.ts';
import { viewsOf } from '../heap.ts';
import type { QuantizersModuleExports } from '../quantizers-module.ts';
import type { Rounder } from '../rounder.ts';
import type { Extent, GroupLayout } from './quantizer-pieces.ts';
import { largest, type QuantizerPlan } from './quantizer-plan.ts';
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
  readonly elements: Float32Array | Float64Array;
  /** One scale a group: what is stored. */
  readonly scales: Float32Array;
  /** Two levels: the encode scale of the tensor, or of each row. */
  readonly tensorEncode: Float64Array;
}

/** What takes the place of the statistics of all groups, in their order. */
export type Track = (statistics: Float32Array) => Float32Array;

/** What runs: kernels and a rounder on one heap, and how much they do together. */
interface Machine {
  readonly memory: WebAssembly.Memory;
  readonly kernels: QuantizersModuleExports;
  readonly rounder: Rounder;
  readonly extent: Extent;
}

/** What is asked for. */
interface Request {
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
  readonly statistics: Float32Array;
  /** The scales that are stored. */
  readonly stored: Float32Array;
  /** From 'mse': what the values under a candidate are made by. */
  readonly search: Pass | undefined;
  /** Two levels: the encode scale of the tensor or row at hand, and its largest magnitude. */
  encode: number;
  amax: number;
  /** Whether values of the groups at hand may overflow. */
  isBeyond: boolean;
  /** The statistics of all groups while they are found; elements wait for them. */
  found: Float32Array | undefined;
  /** What takes the place of statistics. */
  tracked: Float32Array | undefined;
}

const scalings = {
  encode: scalingDivided,
  decode: scalingQuotients,
  power: scalingMultiplied,
  'two-level': scalingTwoLevels,
} as const;

function passOf(machine: Machine, request: Request, at: Scratch, search: Pass | undefined): Pass {
  const { memory, kernels, rounder, extent } = machine;
  const { plan, stream, layout, rounding, outcome, track } = request;
  const { kind } = plan.form.scale;
  const { constants, statistics, into, out } = at.views();
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
    search,
    constants,
    scaling: scalings[kind],
    outs: kind === 'encode' ? at.into : at.out,
    statistics,
    stored: kind === 'encode' ? into : out,
    encode: 1,
    amax: 0,
    isBeyond: false,
    found: undefined,
    tracked: undefined,
  };
}

/** How a search sees what values its candidates give: they stay in the scratch memory. */
function searchOf(machine: Machine, request: Request, plan: QuantizerPlan, at: Scratch): Pass {
  const stream: Stream = {
    load: () => at.images,
    pitch: (length) => length,
    target: () => at.images,
    store: () => undefined,
  };
  const { rounding } = plan.form;
  const own = { ...request, plan, stream, rounding, outcome: undefined, track: undefined };
  return passOf(machine, own, at, undefined);
}

/** @param at Memory must not grow as long as the pass lasts. */
export function beginPass(machine: Machine, request: Request, at: Scratch): Pass {
  const { plan, outcome } = request;
  if (outcome !== undefined) at.views().ones.fill(1);
  const search = plan.search && searchOf(machine, request, plan.search, at);
  const pass = passOf(machine, request, at, search);
  writeConstants(pass);
  return pass;
}

/** Makes the constants on the heap those of a pass. */
export function writeConstants({ plan, memory, at, encode, amax, constants }: Pass): void {
  viewsOf(memory).floats.set(plan.block, at.parameters >>> 2);
  constants[commonSlot / 4] = 1 / encode;
  constants[encodeSlot / 4] = encode;
  constants[amaxSlot / 4] = amax;
}

/** The larger of two scales of what comes next, and the largest magnitude that it is made of. */
export function setEncode(pass: Pass, encode: number, amax: number): void {
  pass.encode = encode;
  pass.amax = amax;
  writeConstants(pass);
  if (pass.search !== undefined) Object.assign(pass.search, { encode, amax });
}

/** A number as a sum of two, of at most 29 and 24 bits. */
function halves(x: number): readonly [high: number, low: number] {
  const high = scaleByPowerOfTwo(Math.round(scaleByPowerOfTwo(x, 28 - exponentOf(x))), exponentOf(x) - 28);
  return [high, x - high];
}

/**
 * Binary32 scales threshold / target, at most the largest number; NaN where the threshold is not finite. Over a scale of 0 elements
 * are zeros, as they are over infinity.
 */
function decodeScales({ plan, statistics, at }: Pass, groups: number, target: number): boolean {
  const { least } = plan.form;
  const { into, out } = at.views();
  let most = 0;
  for (let i = 0; i < groups; i++) {
    const threshold = statistics[i]! < least ? least : statistics[i]!;
    const scale = threshold < Infinity ? Math.min(Math.fround(threshold / target), largest) : NaN;
    out[i] = scale;
    into[i] = scale === 0 ? Infinity : scale;
    if (scale > most) most = scale;
  }
  return most > plan.reach;
}

/** The scales of so many groups, from their statistics. */
export function setScales(pass: Pass, groups: number): void {
  const { kernels, at, plan, encode } = pass;
  const { scale, least, multiplier } = plan.form;
  const { statistics, into, out } = at;
  if (multiplier !== 1) kernels.multiplyStatistics(statistics, groups, ...halves(multiplier));
  switch (scale.kind) {
    case 'encode':
      pass.isBeyond = kernels.encodeScales(statistics, into, groups, scale.target, least, plan.reach) !== 0;
      break;
    case 'decode':
      pass.isBeyond = decodeScales(pass, groups, scale.target);
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
}

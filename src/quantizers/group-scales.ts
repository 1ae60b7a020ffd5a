/**
 * The scales of all groups of a tensor: statistics of the groups, of earlier calls, of the tensor and its rows, brought
 * together. What a threshold becomes is in `scales.ts`.
 */
import { checkLength } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { IntFormat } from '../formats/format.ts';
import { carried, carrierOf, productIn, quotientIn } from '../operations/carrier.ts';
import type { RealArray } from '../operations/conversions.ts';
import { isStochastic } from '../rounding/options.ts';
import { forEachMembers, type GroupLoops, type Layout, perGroup, referenceLoops } from './elements.ts';
import { fourOverSixScale } from './four-over-six.ts';
import { axisIndex, countGroups } from './grouping.ts';
import type { FixedScales } from './learned.ts';
import type { ResolvedQuantizer } from './quantizer-options.ts';
import type { ResolvedScale } from './scale-options.ts';
import { powerScale, type Scales, scaleSetter, tensorEncodeScale, useScale } from './scales.ts';
import { bestThresholds } from './search.ts';
import { largestMagnitude, type MagnitudeStatistic, statisticOf } from './statistics.ts';
import { affineIn, toZeroPoint } from './zero-points.ts';

/** What a run reads beside x. */
export interface RunContext {
  readonly options: ResolvedQuantizer;
  /** What statistics of earlier calls make of those of this one. */
  readonly track: (current: Float64Array) => Float64Array;
  /** The scales, and zero points, that are not taken from x. */
  readonly fixed: FixedScales | undefined;
  /** Default: the reference's. */
  readonly loops?: GroupLoops;
}

/** The encode scales, and which of them a group has. */
interface TensorLevel {
  readonly amax: Float64Array;
  readonly encode: Float64Array;
  readonly of: (group: number) => number;
}

function tensorLevelOf(
  x: RealArray,
  layout: Layout,
  groups: number,
  options: ResolvedQuantizer,
): TensorLevel {
  const { scale } = options;
  const { grouping, shape } = layout;
  if (scale.tensorScale === 'tensor') {
    const amax = Float64Array.of(largestMagnitude(x));
    return { amax, encode: amax.map((most) => tensorEncodeScale(most, scale)), of: () => 0 };
  }
  const isAlongRows =
    grouping.per === 'row' ||
    (grouping.per === 'block' && axisIndex(grouping.axis ?? -1, shape) === Math.max(shape.length, 1) - 1);
  if (!isAlongRows)
    throw new ArgumentError('scale.tensorScale', 'row', 'true or false, unless groups lie within rows');
  const rows = countGroups({ per: 'row' }, shape);
  const amax = perGroup(x, { grouping: { per: 'row' }, shape }, rows, largestMagnitude);
  const perRow = rows === 0 ? 1 : groups / rows;
  return {
    amax,
    encode: amax.map((most) => tensorEncodeScale(most, scale)),
    of: (group) => Math.floor(group / perRow),
  };
}

/** The values of x under the scales as they stand, without random bits. */
export type ImageOf = (x: RealArray, layout: Layout, scales: Scales, options: ResolvedQuantizer) => RealArray;

/**
 * Sets the scale of every group from a statistic or by search.
 *
 * @returns The encode scales of the tensor or its rows, of two-level scales.
 */
export function setMagnitudeScales(
  x: RealArray,
  layout: Layout,
  scales: Scales,
  { options, track, loops = referenceLoops }: RunContext,
  imageOf: ImageOf,
): Float64Array | undefined {
  const { scale, format } = options;
  const groups = scales.stored.length;
  const carrier = carrierOf(x);
  const carry = (value: number): number => carried(value, carrier);
  const setScale = scaleSetter(scale, format);
  const level = scale.tensorScale === false ? undefined : tensorLevelOf(x, layout, groups, options);
  const encodeOf = (group: number): number => (level === undefined ? 1 : level.encode[level.of(group)]!);
  function setScales(thresholds: Float64Array): void {
    thresholds.forEach((threshold, group) => {
      setScale(scales, group, threshold, encodeOf(group));
    });
  }
  if (scale.from === 'mse') {
    const rounding = options.round.rounding ?? 'nearest-even';
    const round = { ...options.round, rounding: isStochastic(rounding) ? 'nearest-even' : rounding } as const;
    const searched = { ...options, round };
    const thresholds = bestThresholds(x, layout, groups, (candidates) => {
      setScales(candidates);
      return imageOf(x, layout, scales, searched);
    });
    setScales(thresholds);
    return level?.encode;
  }
  const from = scale.from as MagnitudeStatistic;
  const current =
    from === 'absmax'
      ? loops.maximaOf(x, layout, groups)
      : perGroup(x, layout, groups, (members) => carry(statisticOf(members, from, scale.percentile)));
  const used = track(current);
  const times = productIn(carrier);
  const thresholds = used.map((each) => {
    const statistic = carry(each);
    if (!Number.isFinite(statistic)) return statistic;
    return Math.max(scale.multiplier === 1 ? statistic : times(statistic, scale.multiplier), scale.least);
  });
  setScales(thresholds);
  if (scale.fourOverSix !== undefined && level !== undefined)
    setFourOverSix(x, layout, scales, options, level);
  return level?.encode;
}

/** Replaces every scale by the better of two. */
function setFourOverSix(
  x: RealArray,
  layout: Layout,
  scales: Scales,
  { scale }: ResolvedQuantizer,
  level: TensorLevel,
): void {
  const { grouping, shape } = layout;
  const [rows, width] = grouping.per === 'tile' ? [grouping.rows, grouping.columns] : [1, 0];
  const lastColumns = grouping.per === 'tile' ? (((shape.at(-1) ?? 1) - 1) % width) + 1 : 0;
  const acrossTiles = grouping.per === 'tile' ? Math.ceil((shape.at(-1) ?? 1) / width) : 1;
  forEachMembers(x, layout, (members, group) => {
    if (Number.isNaN(scales.stored[group]!)) return;
    const isLast = group % acrossTiles === acrossTiles - 1;
    const columns = grouping.per !== 'tile' ? members.length : isLast ? lastColumns : width;
    const index = level.of(group);
    const [amax, tensorEncode] = [level.amax[index]!, level.encode[index]!];
    const block = { members, columns, rows, blockMax: largestMagnitude(members), amax, tensorEncode };
    useScale(scale, scales, group, fourOverSixScale(block, scale.scaleMax, scale.fourOverSix!), tensorEncode);
  });
}

/** A scale above 0 as its format has it: the nearest positive number, or the power of two that the direction says. */
function storedScale(value: number, scale: ResolvedScale): number {
  if (scale.powerOfTwo) return powerScale(scale, value, 1);
  return Math.max(quotientIn(scale.format)(value, 1), scale.format.minSubnormal);
}

/** Sets scales that are not taken from x. Returns the zero points that go with them. */
export function setFixedScales(
  scales: Scales,
  fixed: FixedScales,
  options: ResolvedQuantizer,
): Float64Array | undefined {
  const { scale, format } = options;
  const groups = scales.stored.length;
  const given = { scale: fixed.scales, 'zero point': fixed.zeroPoints };
  for (const [name, numbers] of Object.entries(given))
    if (numbers !== undefined)
      checkLength(
        'shape',
        numbers,
        groups,
        `a shape with ${numbers.length}, one a ${name}`,
        `${groups} groups`,
      );
  fixed.scales.forEach((value, group) => {
    if (!(value > 0)) throw new ArgumentError('scale', String(value), 'above 0');
    useScale(scale, scales, group, storedScale(value, scale), 1);
  });
  return fixed.zeroPoints?.map((zero) => toZeroPoint(zero, format as IntFormat));
}

/** Sets scales from the ranges of the groups. Returns their zero points. */
export function setAffineScales(
  x: RealArray,
  layout: Layout,
  scales: Scales,
  { options, track, loops = referenceLoops }: RunContext,
): Float64Array {
  const groups = scales.stored.length;
  const ends = new Float64Array(2 * groups);
  loops.rangesOf(x, layout, ends.subarray(0, groups), ends.subarray(groups));
  const used = track(ends);
  const affineOf = affineIn(options.format as IntFormat, options.scale);
  return Float64Array.from({ length: groups }, (_, group) => {
    const [low, high] = [used[group]!, used[groups + group]!];
    const affine = affineOf(low, high);
    useScale(options.scale, scales, group, affine.scale, 1);
    return affine.zeroPoint;
  });
}

/**
 * One quantisation, step by step: statistics, scales, elements, values. All that a quantiser gives is made of its outcome.
 */
import { ArgumentError } from '../../errors.ts';
import { formats } from '../../formats/catalogue.ts';
import type { IntFormat } from '../../formats/format.ts';
import { int } from '../../formats/int.ts';
import { resolveRounding } from '../../rounding/options.ts';
import { roundScalar } from '../../rounding/round.ts';
import { fitsBinary32, type RealArray, round } from '../arrays.ts';
import { axisIndex, countGroups } from '../grouping.ts';
import {
  addPerGroup,
  forEachMembers,
  intoUnits,
  type Layout,
  leastSquaresScale,
  outOfUnits,
  perGroup,
} from './elements.ts';
import { fourOverSixScale } from './four-over-six.ts';
import type { CallOptions, ResolvedQuantizer } from './options.ts';
import { newScales, type Scales, scaleSetter, tensorEncodeScale, useScale } from './scales.ts';
import { bestThreshold } from './search.ts';
import { largestMagnitude, type MagnitudeStatistic, rangeOf, statisticOf } from './statistics.ts';
import type { Tracker } from './tracking.ts';
import { affineOf, toZeroPoint } from './zero-points.ts';

/** The outcome of one quantisation. Arrays are as long as x, or one number a group. */
export interface Run {
  readonly x: RealArray;
  readonly layout: Layout;
  readonly scaled: RealArray;
  readonly elements: RealArray;
  readonly values: RealArray;
  readonly scales: Scales;
  /** Encode scales of the tensor or of each row, of two-level scales. */
  readonly tensorEncode: Float64Array | undefined;
  readonly zeroPoints: Float64Array | undefined;
}

/** What a run reads beside x. */
export interface RunContext {
  readonly options: ResolvedQuantizer;
  readonly tracker: Tracker;
  /** The scales, and zero points, that are not taken from x. */
  readonly fixed: { readonly scales: Float64Array; readonly zeroPoints?: Float64Array } | undefined;
}

const wholeNumbers = int({ bits: 53 });

function like(x: RealArray, isFloat32: boolean): RealArray {
  return isFloat32 ? new Float32Array(x.length) : new Float64Array(x.length);
}

/**
 * Whether elements in units of their scale are held in binary32. Scaling by a power of two is exact, so it keeps binary64;
 * two-level scales are defined in binary32; others are as wide as x.
 */
function scalesInBinary32(x: RealArray, { format, scale }: ResolvedQuantizer): boolean {
  if (scale.powerOfTwo || scale.hasZeroPoint || !fitsBinary32(format)) return false;
  return scale.tensorScale !== false || x instanceof Float32Array;
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

/** Sets the scale of every group from its threshold. */
function setMagnitudeScales(
  x: RealArray,
  layout: Layout,
  scales: Scales,
  context: RunContext,
  update: boolean,
): Float64Array | undefined {
  const { options, tracker } = context;
  const { scale, format } = options;
  const groups = scales.stored.length;
  const carry = x instanceof Float32Array ? Math.fround : (value: number): number => value;
  const setScale = scaleSetter(scale, format);
  const level = scale.tensorScale === false ? undefined : tensorLevelOf(x, layout, groups, options);
  const encodeOf = (group: number): number => (level === undefined ? 1 : level.encode[level.of(group)]!);
  if (scale.from === 'mse') {
    const search = {
      scale,
      setScale,
      format,
      low: options.low,
      rounding: resolveRounding(format, options.round),
      carry,
      carryScaled: scalesInBinary32(x, options) ? Math.fround : (value: number): number => value,
    };
    forEachMembers(x, layout, (members, group) => {
      setScale(scales, group, bestThreshold(members, search, encodeOf(group)), encodeOf(group));
    });
    return level?.encode;
  }
  const from = scale.from as MagnitudeStatistic;
  const current = perGroup(x, layout, groups, (members) =>
    carry(statisticOf(members, from, scale.percentile)),
  );
  const used = tracker.track(current, update);
  for (let group = 0; group < groups; group++) {
    const threshold = carry(carry(used[group]!) * scale.multiplier);
    const isNumber = !Number.isNaN(threshold);
    setScale(scales, group, isNumber ? Math.max(threshold, scale.least) : NaN, encodeOf(group));
  }
  if (scale.fourOverSix !== undefined && level !== undefined)
    setFourOverSix(x, layout, scales, options, level);
  return level?.encode;
}

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

function setFixedScales(scales: Scales, context: RunContext, x: RealArray): Float64Array | undefined {
  const { fixed, options } = context;
  const { scale, format } = options;
  if (fixed!.scales.length !== scales.stored.length)
    throw new ArgumentError(
      'shape',
      `${scales.stored.length} groups`,
      `a shape with ${fixed!.scales.length}, one a scale`,
    );
  const rounding = resolveRounding(scale.format, { saturation: 'finite' });
  fixed!.scales.forEach((value, group) => {
    useScale(scale, scales, group, roundScalar(value, scale.format, rounding, 0), 1);
  });
  if (x.length > 0 && scales.stored.some((value) => !(value > 0)))
    throw new ArgumentError(
      'scale',
      String(scales.stored.find((value) => !(value > 0))),
      `above 0 in ${scale.format.name}`,
    );
  return fixed!.zeroPoints?.map((zero) => toZeroPoint(zero, format as IntFormat));
}

function setAffineScales(
  x: RealArray,
  layout: Layout,
  scales: Scales,
  context: RunContext,
  update: boolean,
): Float64Array {
  const { options, tracker } = context;
  const groups = scales.stored.length;
  const ends = new Float64Array(2 * groups);
  forEachMembers(x, layout, (members, group) => {
    const { low, high } = rangeOf(members);
    ends[group] = low;
    ends[groups + group] = high;
  });
  const used = tracker.track(ends, update);
  return Float64Array.from({ length: groups }, (_, group) => {
    const [low, high] = [used[group]!, used[groups + group]!];
    const affine = affineOf(low, high, options.format as IntFormat, options.scale.format);
    useScale(options.scale, scales, group, affine.scale, 1);
    return affine.zeroPoint;
  });
}

/** Rounds the scaled numbers to the elements in use. */
function elementsOf(
  scaled: RealArray,
  layout: Layout,
  options: ResolvedQuantizer,
  zeroPoints: Float64Array | undefined,
  call: CallOptions,
): RealArray {
  const { format, low, high } = options;
  const { seed, stream, offset, random, threads } = call;
  const given = { seed, stream, offset, random, threads };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const rounded = { ...options.round, ...said };
  if (zeroPoints === undefined) {
    const elements = round(scaled, format, rounded);
    if (low > format.min) for (let i = 0; i < elements.length; i++) if (elements[i]! < low) elements[i] = low;
    return elements;
  }
  const elements = round(scaled, wholeNumbers, rounded);
  addPerGroup(elements, layout, zeroPoints);
  for (let i = 0; i < elements.length; i++) {
    const element = elements[i]!;
    elements[i] = element < low ? low : element > high ? high : element;
  }
  return elements;
}

/** The decode scales that fit the elements best take the place of the statistic's. */
function refit(
  run: Pick<Run, 'x' | 'elements' | 'layout'>,
  first: Scales,
  options: ResolvedQuantizer,
): Scales {
  const { scale } = options;
  const scales = newScales(first.stored.length, { ...scale, stored: 'decode' });
  const rounding = resolveRounding(scale.format, { saturation: 'finite' });
  const members: Float64Array[] = [];
  forEachMembers(run.elements, run.layout, (elements, group) => {
    members[group] = Float64Array.from(elements);
  });
  forEachMembers(run.x, run.layout, (x, group) => {
    const best = leastSquaresScale(x, members[group]!);
    const value = best ?? 1 / first.into[group]!;
    useScale(scale, scales, group, roundScalar(value, scale.format, rounding, 0), 1);
  });
  return scales;
}

/**
 * Quantises x, which has been transformed and cleaned of NaN as far as that is wanted.
 *
 * @throws ArgumentError where the scales, the carrier or the random integers do not fit.
 */
export function runQuantizer(
  x: RealArray,
  shape: readonly number[],
  context: RunContext,
  call: CallOptions,
): Run {
  const { options } = context;
  const { scale, format } = options;
  if (x instanceof Float32Array && !fitsBinary32(format))
    throw new ArgumentError(
      'x',
      x,
      `a Float64Array for ${format.name}, whose values need not be binary32 numbers`,
    );
  const layout = { grouping: scale.grouping, shape };
  const update = call.update ?? true;
  const isFitted = scale.level === 'least-squares';
  // Codes of fitted scales are those of the binary32 encode factor.
  const coding = isFitted ? { ...scale, stored: 'encode' as const, format: formats.binary32 } : scale;
  const codingContext = { ...context, options: { ...options, scale: coding } };
  let scales = newScales(countGroups(scale.grouping, shape), coding);
  let zeroPoints: Float64Array | undefined;
  let tensorEncode: Float64Array | undefined;
  if (context.fixed !== undefined) zeroPoints = setFixedScales(scales, context, x);
  else if (scale.hasZeroPoint) zeroPoints = setAffineScales(x, layout, scales, context, update);
  else tensorEncode = setMagnitudeScales(x, layout, scales, codingContext, update);
  const scaled = like(x, scalesInBinary32(x, options));
  intoUnits(x, scaled, layout, scales);
  const isFloat32 = x instanceof Float32Array;
  // The quotient is rounded as x is; the sum with a zero point needs more room.
  if (scale.hasZeroPoint && isFloat32)
    for (let i = 0; i < scaled.length; i++) scaled[i] = Math.fround(scaled[i]!);
  // -0 + 0 is +0.
  if (scale.isNvfp4) for (let i = 0; i < scaled.length; i++) scaled[i]! += 0;
  const elements = elementsOf(scaled, layout, options, zeroPoints, call);
  if (isFitted) scales = refit({ x, elements, layout }, scales, options);
  const values = like(x, isFloat32);
  outOfUnits(elements, values, layout, scales, zeroPoints);
  return { x, layout, scaled, elements, values, scales, tensorEncode, zeroPoints };
}

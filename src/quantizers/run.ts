/**
 * One quantisation, step by step: statistics, scales, elements, values. All that a quantiser gives is made of its outcome.
 */

import { isFloat32Array } from '../array-kinds.ts';
import { formats } from '../formats/catalogue.ts';
import { int } from '../formats/int.ts';
import { checkCarrier } from '../formats/real-arrays.ts';
import { toBinary32 } from '../operations/carrier.ts';
import { fitsBinary32, type RealArray, round } from '../operations/conversions.ts';
import { resolveRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import {
  addPerGroup,
  forEachMembers,
  groupsOf,
  intoUnits,
  type Layout,
  leastSquaresScale,
  outOfUnits,
} from './elements.ts';
import { type RunContext, setAffineScales, setFixedScales, setMagnitudeScales } from './group-scales.ts';
import { countGroups } from './grouping.ts';
import type { CallOptions, ResolvedQuantizer } from './quantizer-options.ts';
import { newScales, type Scales, useScale } from './scales.ts';

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
  return scale.tensorScale !== false || isFloat32Array(x);
}

/** An array for elements of x in units of their scale. */
export function unitsLike(x: RealArray, options: ResolvedQuantizer): RealArray {
  return like(x, scalesInBinary32(x, options));
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
  const { seed, stream, offset, random } = call;
  const given = { seed, stream, offset, random };
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

/** Keeps numbers within the range of the elements where the scale is 0: no infinity is to be multiplied by it. */
function clampWorthless(
  scaled: RealArray,
  layout: Layout,
  { stored }: Scales,
  { low, high }: ResolvedQuantizer,
): void {
  const groups = groupsOf(layout, scaled.length);
  for (let i = 0; i < scaled.length; i++)
    if (stored[groups[i]!] === 0 && Number.isFinite(scaled[i]))
      scaled[i] = Math.min(Math.max(scaled[i]!, low), high);
}

/** x in units of its scales, by the definition or what gives the same bits. */
export function scaledUnder(
  x: RealArray,
  layout: Layout,
  scales: Scales,
  options: ResolvedQuantizer,
  convert: typeof intoUnits = intoUnits,
): RealArray {
  const { scale } = options;
  const scaled = unitsLike(x, options);
  const clips = options.round.saturation === 'finite';
  convert(x, scaled, layout, scales, clips);
  if (scales.isTwoLevel && !clips) clampWorthless(scaled, layout, scales, options);
  // The quotient is rounded as x is; the sum with a zero point needs more room.
  if (scale.hasZeroPoint && isFloat32Array(x))
    for (let i = 0; i < scaled.length; i++) scaled[i] = toBinary32(scaled[i]!);
  // -0 + 0 is +0.
  if (scale.isNvfp4) for (let i = 0; i < scaled.length; i++) scaled[i]! += 0;
  return scaled;
}

/** Elements and values of x under the scales. */
function imageUnder(
  x: RealArray,
  layout: Layout,
  scales: Scales,
  options: ResolvedQuantizer,
  zeroPoints: Float64Array | undefined,
  call: CallOptions,
): Pick<Run, 'scaled' | 'elements' | 'values'> {
  const scaled = scaledUnder(x, layout, scales, options);
  const elements = elementsOf(scaled, layout, options, zeroPoints, call);
  const values = like(x, isFloat32Array(x));
  outOfUnits(elements, values, layout, scales, zeroPoints);
  return { scaled, elements, values };
}

function plainImage(x: RealArray, layout: Layout, scales: Scales, options: ResolvedQuantizer): RealArray {
  return imageUnder(x, layout, scales, options, undefined, {}).values;
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
    // Elements of one sign may be fitted by a negative number; 0 has no sign.
    useScale(scale, scales, group, roundScalar(value, scale.format, rounding, 0) + 0, 1);
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
  checkCarrier('x', x, format);
  const layout = { grouping: scale.grouping, shape };
  const isFitted = scale.level === 'least-squares';
  // Codes of fitted scales are those of the binary32 encode factor.
  const coding = isFitted ? { ...scale, stored: 'encode' as const, format: formats.binary32 } : scale;
  const codingContext = { ...context, options: { ...options, scale: coding } };
  const scales = newScales(countGroups(scale.grouping, shape), coding);
  let zeroPoints: Float64Array | undefined;
  let tensorEncode: Float64Array | undefined;
  if (context.fixed !== undefined) zeroPoints = setFixedScales(scales, context.fixed, options);
  else if (scale.hasZeroPoint) zeroPoints = setAffineScales(x, layout, scales, context);
  else tensorEncode = setMagnitudeScales(x, layout, scales, codingContext, plainImage);
  const image = imageUnder(x, layout, scales, options, zeroPoints, call);
  if (!isFitted) return { x, layout, ...image, scales, tensorEncode, zeroPoints };
  const fitted = refit({ x, elements: image.elements, layout }, scales, options);
  outOfUnits(image.elements, image.values, layout, fitted);
  return { x, layout, ...image, scales: fitted, tensorEncode, zeroPoints };
}

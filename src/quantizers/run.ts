/**
 * One quantisation, step by step: statistics, scales, elements, values. All that a quantiser gives is made of its outcome.
 */

import { isFloat32Array } from '../array-kinds.ts';
import { formats } from '../formats/catalogue.ts';
import { int } from '../formats/int.ts';
import { checkCarrier } from '../formats/real-arrays.ts';
import { toBinary32 } from '../operations/carrier.ts';
import { fitsBinary32, type RealArray, round } from '../operations/conversions.ts';
import { dropsHighBits, resolveRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import {
  forEachMembers,
  type GroupLoops,
  groupsOf,
  type Layout,
  leastSquaresScale,
  referenceLoops,
} from './elements.ts';
import {
  type ImageOf,
  type RunContext,
  setAffineScales,
  setFixedScales,
  setMagnitudeScales,
} from './group-scales.ts';
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

/** The integers that zero points are added to, in binary32 and binary64: their ends lie far beyond those of elements. */
const wholeNumbers = { float32: int({ bits: 23 }), float64: int({ bits: 53 }) };

function like(x: RealArray, isFloat32: boolean): RealArray {
  return isFloat32 ? new Float32Array(x.length) : new Float64Array(x.length);
}

/**
 * Whether elements in units of their scale are held in binary32. Scaling by a power of two is exact, so it keeps binary64;
 * two-level scales are defined in binary32; others are as wide as x.
 */
function scalesInBinary32(x: RealArray, { format, scale, round: given }: ResolvedQuantizer): boolean {
  if (!fitsBinary32(format)) return false;
  // The quotient is rounded as x is.
  const { saturation = 'none' } = given;
  if (scale.hasZeroPoint) return isFloat32Array(x) && format.bits <= 16 && !dropsHighBits({ saturation });
  if (scale.powerOfTwo) return false;
  return scale.tensorScale !== false || isFloat32Array(x);
}

/** An array for elements of x in units of their scale. */
export function unitsLike(x: RealArray, options: ResolvedQuantizer): RealArray {
  return like(x, scalesInBinary32(x, options));
}

/** The scaled numbers rounded, zero points apart. */
function roundedOf(
  scaled: RealArray,
  options: ResolvedQuantizer,
  hasZeroPoints: boolean,
  { seed, stream, offset, random }: CallOptions,
): RealArray {
  const given = { seed, stream, offset, random };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const integers = wholeNumbers[isFloat32Array(scaled) ? 'float32' : 'float64'];
  return round(scaled, hasZeroPoints ? integers : options.format, { ...options.round, ...said });
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

/** x in units of its scales. */
export function scaledUnder(
  x: RealArray,
  layout: Layout,
  scales: Scales,
  options: ResolvedQuantizer,
  { intoUnits }: GroupLoops,
): RealArray {
  const { scale } = options;
  const clips = options.round.saturation === 'finite';
  const scaled = unitsLike(x, options);
  intoUnits(x, scaled, layout, scales, clips);
  // The quotient is rounded as x is.
  if (scale.hasZeroPoint && isFloat32Array(x) && !isFloat32Array(scaled))
    for (let i = 0; i < scaled.length; i++) scaled[i] = toBinary32(scaled[i]!);
  if (scales.isTwoLevel && !clips) clampWorthless(scaled, layout, scales, options);
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
  loops: GroupLoops,
): Pick<Run, 'scaled' | 'elements' | 'values'> {
  const { format, low, high } = options;
  const scaled = scaledUnder(x, layout, scales, options, loops);
  const elements = roundedOf(scaled, options, zeroPoints !== undefined, call);
  const values = like(x, isFloat32Array(x));
  const lowest = low > format.min ? low : -Infinity;
  const ends = zeroPoints === undefined ? { low: lowest, high: Infinity } : { low, high };
  loops.outOfUnits(elements, values, layout, scales, zeroPoints, ends);
  return { scaled, elements, values };
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
  const { options, loops = referenceLoops } = context;
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
  else {
    const imageOf: ImageOf = (...given) => imageUnder(...given, undefined, {}, loops).values;
    tensorEncode = setMagnitudeScales(x, layout, scales, codingContext, imageOf);
  }
  const image = imageUnder(x, layout, scales, options, zeroPoints, call, loops);
  if (!isFitted) return { x, layout, ...image, scales, tensorEncode, zeroPoints };
  const fitted = refit({ x, elements: image.elements, layout }, scales, options);
  loops.outOfUnits(image.elements, image.values, layout, fitted);
  return { x, layout, ...image, scales: fitted, tensorEncode, zeroPoints };
}

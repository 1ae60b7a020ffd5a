/**
 * Which kernels quantise, and with which constants. The definitions are in `src/quantizers`; what is here is where binary32
 * lanes give the same bits.
 */
import { exponentOf, powerOfTwo } from '../../binary64.ts';
import type { FloatFormat, Format } from '../../formats/format.ts';
import { fitsBinary32 } from '../../formats/real-arrays.ts';
import { isStochastic, type ResolvedRounding, roundScalar } from '../../rounding/index.ts';
import * as parameters from '../generated/layout-quantizers.ts';
import type { RoundingPlan } from '../rounding-plan.ts';
import { planRounding } from '../rounding-planner.ts';

/** The largest binary32 number. */
export const largest: number = (2 - 2 ** -23) * 2 ** 127;

/** How the threshold of a group becomes its scale. */
export type ScaleForm =
  /** Encode factors target / threshold, in binary32. */
  | { readonly kind: 'encode'; readonly target: number }
  /** Scales threshold / target, in binary32. */
  | { readonly kind: 'decode'; readonly target: number }
  /** Powers of two, from the exponent of the threshold less `emax`; one more where the trailing 23 bits are at least `raisedFrom`. */
  | {
      readonly kind: 'power';
      readonly raisedFrom: number;
      readonly emax: number;
      readonly lowest: number;
      readonly highest: number;
      /** Elements are x times this over the scale, and values are elements times `gain` over this: 1 and 1 are binary32 lanes' matter. */
      readonly prescale: number;
      readonly gain: number;
    }
  /** A scale for each group, in units of one for the tensor or row: encodeOf(its largest magnitude). */
  | {
      readonly kind: 'two-level';
      readonly per: 'tensor' | 'row';
      readonly format: FloatFormat;
      readonly target: number;
      readonly encodeOf: (amax: number) => number;
      readonly fourOverSix: FourOverSix | undefined;
    };

/** e4m3fn scales that are the better of two. */
interface FourOverSix {
  readonly isSquared: boolean;
  /** What products of element, scale and the tensor's largest magnitude are divided by. */
  readonly denominator: number;
}

/** What kernels take a group's scale from. */
export type KernelStatistic = 'absmax' | 'absmean' | 'rms' | 'std' | 'mse';

/** A quantiser, as far as kernels need to know it. All numbers but `multiplier`, `prescale` and `gain` are binary32 numbers. */
interface QuantizerForm {
  readonly format: Format;
  /** The ends of the elements in use. */
  readonly low: number;
  readonly high: number;
  readonly rounding: ResolvedRounding;
  readonly from: KernelStatistic;
  /** The threshold is the statistic times this, rounded once, but at least `least`. */
  readonly multiplier: number;
  readonly least: number;
  /** Whether what earlier tensors had takes the place of statistics: see `Track`. */
  readonly isTracked: boolean;
  readonly scale: ScaleForm;
  /** Two levels: whether zeros have no sign on the way in. */
  readonly unsignedZeros: boolean;
}

export interface QuantizerPlan {
  readonly form: QuantizerForm;
  /** `gridElements`, `floatElements`, or `givenElements` after `rounding`. */
  readonly elements: number;
  readonly rounding: RoundingPlan | undefined;
  /** From 'mse': how elements are rounded in the search, which draws no random integers. */
  readonly search: QuantizerPlan | undefined;
  /** The constants of `placeGroups`. */
  readonly block: Float32Array;
  /**
   * Scales from which on the value of some element is no binary32 number: encode factors (of groups, or with two levels of the
   * tensor) below this, exponents of powers of two above it.
   */
  readonly reach: number;
  /** Whether elements are rounded in binary64 lanes: their factors are no powers of two, or a mode would see what binary32 loses. */
  readonly isWide: boolean;
  /** Two levels: how the scales are rounded. */
  readonly scaleFloor: number;
  readonly scaleShift: number;
}

/** Whether the scale of a group is chosen with all of it at hand. */
export function needsWholeGroups({ form: { scale } }: QuantizerPlan): boolean {
  return scale.kind === 'two-level' && scale.fourOverSix !== undefined;
}

/** The binade and the shift by which a float format is rounded in binary32 lanes; undefined where they are not enough. */
function floatConstants(format: Format): { floor: number; shift: number } | undefined {
  if (format.kind !== 'float' || format.subnormals === 'normal' || !format.hasZero) return undefined;
  const { emin, emax, precision, mantissaBits, exponentBits } = format;
  const shift = 24 - precision;
  const fits = shift >= 1 && emin >= -126 && Math.max(emin, emax + 1) + shift <= 127;
  if (!fits || mantissaBits === 0 || exponentBits === Infinity) return undefined;
  if (!format.hasSubnormals) return undefined;
  return { floor: powerOfTwo(emin), shift: shift * 2 ** 23 };
}

/** The step of a format of equal steps around 0, where a tie goes to the even multiple; undefined for others. */
function stepOf(format: Format): number | undefined {
  switch (format.kind) {
    case 'int':
      return 1;
    case 'fixed':
      return format.step;
    case 'codebook': {
      const isRegular = format.ties === 'even-multiple' && format.has(0);
      return isRegular && powerOfTwo(exponentOf(format.step)) === format.step ? format.step : undefined;
    }
    default:
      return undefined;
  }
}

/** Significant bits of the elements, at most; undefined where that is no fixed number. */
function precisionOf(format: Format): number | undefined {
  if (format.kind === 'float') return format.precision;
  const step = stepOf(format);
  return step === undefined ? undefined : exponentOf(Math.max(format.max, -format.min) / step) + 1;
}

function smallestOf(format: Format): number {
  return format.kind === 'float' ? format.minSubnormal : (stepOf(format) ?? 0);
}

/** Rounding in the quantisers' own loop: to nearest even, beyond the range to its ends. */
function ownElements(form: QuantizerForm, block: Float32Array, words: Int32Array): number | undefined {
  const { format, low, high, rounding } = form;
  const isPlain =
    rounding.rounding === 'nearest-even' &&
    rounding.saturation === 'finite' &&
    rounding.subnormals === 'keep';
  if (!isPlain || roundScalar(Infinity, format, rounding, 0) !== format.max) return undefined;
  block[parameters.lowSlot / 4] = low;
  block[parameters.highSlot / 4] = high;
  const step = stepOf(format);
  if (step !== undefined) {
    const fits = Math.max(high, -low) <= 2 ** 21 * step && exponentOf(step) >= -90 && exponentOf(step) <= 90;
    if (!fits || format.hasNegativeZero) return undefined;
    block[parameters.baseSlot / 4] = 1.5 * 2 ** 23 * step;
    return parameters.elementsGrid;
  }
  const constants = floatConstants(format);
  if (constants === undefined || format.min !== -format.max || !format.hasNegativeZero) return undefined;
  block[parameters.baseSlot / 4] = constants.floor;
  words[parameters.shiftSlot / 4] = constants.shift;
  return parameters.elementsFloat;
}

/**
 * The reference scales by powers of two in binary64. In binary32 only numbers below 2^-126 are cut: that must not be seen,
 * neither by a mode that asks whether there is a rest at all, nor by a format without zero.
 */
function mayScaleInBinary32({ format, rounding: { rounding } }: QuantizerForm): boolean {
  const isRegular =
    format.kind === 'float' ? format.hasZero : format.kind === 'int' || format.kind === 'fixed';
  const isBlind = rounding.startsWith('nearest-') || rounding === 'toward-zero' || rounding === 'stochastic';
  return isRegular && smallestOf(format) >= 2 ** -80 && isBlind;
}

/**
 * The reference clamps what overflows on the way to an element; here it is an infinity, which the rounding must clamp. Means lie below
 * an element by a factor of at most the number of elements, what a search finds by 5; a deviation, a multiple of a statistic or an
 * earlier one by any.
 */
function clampsInfinities(form: QuantizerForm): boolean {
  const { format, rounding, from, multiplier, isTracked, scale } = form;
  if (rounding.saturation !== 'finite') return false;
  const isNear = from === 'absmax' || (from !== 'std' && (!('target' in scale) || scale.target <= 2 ** 90));
  return (
    (isNear && multiplier === 1 && !isTracked) || roundScalar(Infinity, format, rounding, 0) === format.max
  );
}

/** Whether products with the multiplier are normal numbers of binary64 on the way. */
function multiplies({ multiplier }: QuantizerForm): boolean {
  return multiplier >= 2 ** -100 && multiplier <= 2 ** 100;
}

/** Elements in binary64 lanes. */
function widePlan(form: QuantizerForm): QuantizerPlan | undefined {
  const { format, rounding: options } = form;
  const rounding = planRounding('float64', format, options);
  const block = new Float32Array(parameters.parameterBytes / 4);
  new Int32Array(block.buffer)[parameters.magnitudeMaskSlot / 4] = 2 ** 31 - 1;
  const common = { form, block, search: undefined, reach: 128, isWide: true, scaleFloor: 0, scaleShift: 0 };
  return rounding && { ...common, elements: parameters.elementsGiven, rounding };
}

/** Whether scales, and what they are made of, are numbers that binary32 lanes give without an end being reached. */
function hasRoom({ scale, isTracked }: QuantizerForm): boolean {
  if (scale.kind === 'power') return true;
  // Infinities over an earlier scale of 0 are zeros.
  if (scale.kind === 'decode') return !isTracked;
  if (scale.kind === 'encode') return Math.fround(scale.target / largest) > 0;
  // No element over its scale, nor the scale in units of the tensor's, overflows on the way.
  return scale.target >= 2 && scale.target * scale.format.max <= largest;
}

/** See `QuantizerPlan.reach`; with room to spare. */
function reachOf({ low, high, scale }: QuantizerForm): number {
  const most = Math.max(high, -low);
  switch (scale.kind) {
    case 'encode':
      return Math.fround((2 * most) / largest);
    case 'decode':
      return largest / (2 * most);
    case 'power':
      return 126 - exponentOf(most);
    case 'two-level':
      return (2 * most * scale.format.max) / largest;
  }
}

/** The plan of a form, or undefined where only the reference does it. */
export function planQuantizer(form: QuantizerForm): QuantizerPlan | undefined {
  const plan = planElements(form);
  if (plan === undefined || form.from !== 'mse') return plan;
  if (!isStochastic(form.rounding.rounding)) return { ...plan, search: plan };
  const search = planElements({ ...form, rounding: { ...form.rounding, rounding: 'nearest-even' } });
  return search && { ...plan, search };
}

function planElements(form: QuantizerForm): QuantizerPlan | undefined {
  const { format, low, scale } = form;
  if (!fitsBinary32(format) || !clampsInfinities(form) || !hasRoom(form) || !multiplies(form))
    return undefined;
  const isWide = scale.kind === 'power' && (scale.prescale !== 1 || scale.gain !== 1);
  if (isWide || (scale.kind === 'power' && !mayScaleInBinary32(form))) return widePlan(form);
  const block = new Float32Array(parameters.parameterBytes / 4);
  const words = new Int32Array(block.buffer);
  words[parameters.magnitudeMaskSlot / 4] = 2 ** 31 - 1;
  block[parameters.exponentMaskSlot / 4] = Infinity;
  block[parameters.zeroSlot / 4] = form.unsignedZeros ? 0 : -0;
  const own = ownElements(form, block, words);
  let rounding: RoundingPlan | undefined;
  if (own === undefined) {
    rounding = planRounding('float32', format, form.rounding);
    if (rounding === undefined) return undefined;
    block[parameters.lowSlot / 4] = low > format.min ? low : -Infinity;
  }
  if (scale.kind === 'two-level' && scale.fourOverSix !== undefined)
    block[parameters.denominatorSlot / 4] = scale.fourOverSix.denominator;
  const elements = own ?? parameters.elementsGiven;
  const ends = { reach: reachOf(form), isWide: false, search: undefined };
  const common = { form, elements, rounding, block, ...ends };
  if (scale.kind !== 'two-level') return { ...common, scaleFloor: 0, scaleShift: 0 };
  const constants = floatConstants(scale.format);
  // element * scale is exact: of no more bits than binary32 has, and within its range.
  const precision = precisionOf(format);
  const isExact =
    precision !== undefined &&
    precision + scale.format.precision <= 24 &&
    Math.max(format.max, -format.min) * scale.format.max < powerOfTwo(127) &&
    smallestOf(format) * scale.format.minSubnormal >= powerOfTwo(-126);
  if (constants === undefined || !isExact) return undefined;
  return { ...common, scaleFloor: constants.floor, scaleShift: constants.shift };
}

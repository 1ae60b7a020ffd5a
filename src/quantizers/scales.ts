/**
 * From the threshold of a group to its scale: what is stored, by what elements are multiplied or divided on the way in,
 * and by what on the way out. The statistics are in `statistics.ts`, the loops over elements in `elements.ts`.
 *
 * Sources: OCP Microscaling Formats v1.0, section 6.3; NVIDIA, "Pretraining large language models with NVFP4", arXiv
 * 2509.25149, section 2, and the order of the binary32 operations of TransformerEngine's reference quantiser.
 */
import { exponentOf, powerOfTwo } from '../binary64.ts';
import { formats } from '../formats/catalogue.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import { bounded, productIn, quotientIn, toBinary32 } from '../operations/carrier.ts';
import { resolveRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import { blockExponent, quotientExponent, trailingBits } from './power-of-two.ts';
import type { ResolvedScale } from './scale-options.ts';

/** The scales of all groups of one tensor. */
export interface Scales {
  /** As stored, values of the scale format; NaN where a group is NaN throughout. */
  readonly stored: Float32Array;
  /** scaled = x * into, or x / into where `dividesInto`. */
  readonly into: Float64Array;
  readonly dividesInto: boolean;
  /** value = element * out, or element / out where `dividesOut`. */
  readonly out: Float64Array;
  readonly dividesOut: boolean;
  /** Whether `out` is the product of two scales. */
  readonly isTwoLevel: boolean;
}

const { fround } = Math;
const { binary32 } = formats;

export function newScales(
  count: number,
  { stored, powerOfTwo: isPower, tensorScale }: ResolvedScale,
): Scales {
  const isEncoded = stored === 'encode';
  return {
    stored: new Float32Array(count),
    into: new Float64Array(count),
    dividesInto: !isEncoded && !isPower && tensorScale === false,
    out: new Float64Array(count),
    dividesOut: isEncoded || isPower,
    isTwoLevel: tensorScale !== false,
  };
}

/** Sets the scale of a group from its threshold. `tensorEncode` is read by two-level scales only. */
type SetScale = (scales: Scales, group: number, threshold: number, tensorEncode: number) => void;

function makeNaN({ stored, into, out }: Scales, group: number): void {
  stored[group] = NaN;
  into[group] = NaN;
  out[group] = NaN;
}

/**
 * Puts a stored scale to use, whatever it came from. `tensorEncode` as `tensorEncodeScale` gives it.
 *
 * With a two-level scale every operation is one binary32 operation: multiplier = min(1 / (scale (1 / tensorEncode)), the
 * largest binary32 number). A power of two, and prescale over it, are exact; divided by a gain it is a binary64 number.
 */
export function useScale(
  { powerOfTwo: isPower, prescale, gain, tensorScale }: ResolvedScale,
  scales: Scales,
  group: number,
  scale: number,
  tensorEncode: number,
): void {
  if (Number.isNaN(scale)) {
    makeNaN(scales, group);
    return;
  }
  scales.stored[group] = scale;
  if (isPower) {
    const factor = prescale * powerOfTwo(-exponentOf(scale));
    scales.into[group] = factor;
    scales.out[group] = factor / gain;
  } else if (tensorScale !== false) {
    const tensorDecode = fround(1 / tensorEncode);
    scales.into[group] = Math.min(fround(1 / toBinary32(scale * tensorDecode)), binary32.max);
    scales.out[group] = scale * tensorDecode;
  } else {
    scales.into[group] = scale;
    scales.out[group] = scale;
  }
}

/** The least encode scale whose reciprocal is a binary32 number. */
const leastEncode = 2 ** -127;

/**
 * The encode scale of a tensor or row with largest magnitude `amax`: target scaleMax / amax, binary32, from 2^-127 to the
 * largest; 1 where amax is 0 or infinite.
 */
export function tensorEncodeScale(
  amax: number,
  { target, format, scaleMax, fourOverSix }: ResolvedScale,
): number {
  if (Number.isNaN(amax)) return NaN;
  if (amax === 0 || amax === Infinity) return 1;
  const most = fourOverSix === undefined ? format.max : scaleMax;
  const encode = fround(toBinary32(most * target) / toBinary32(amax));
  return Math.min(Math.max(encode, leastEncode), binary32.max);
}

/** The power of two, in a scale's format, that a quotient of positive numbers becomes. */
export function powerScale(
  { format, direction }: ResolvedScale,
  numerator: number,
  denominator: number,
): number {
  return clampedPower(format, quotientExponent(numerator, denominator, direction));
}

function clampedPower({ min, max }: FloatFormat, exponent: number): number {
  return powerOfTwo(Math.min(Math.max(exponent, exponentOf(min)), exponentOf(max)));
}

/** How thresholds become scales, for one kind of scale. Of a threshold that is not finite a group is NaN. */
export function scaleSetter(resolved: ResolvedScale, element: Format): SetScale {
  const { format, stored, target, from, direction, tensorScale } = resolved;
  if (resolved.powerOfTwo) {
    const trailing = trailingBits(element);
    const powerOf = (threshold: number): number => {
      if (threshold === 0) return format.min;
      return from === 'absmax'
        ? clampedPower(format, blockExponent(threshold, target, direction, trailing))
        : powerScale(resolved, threshold, target);
    };
    return (scales, group, threshold) => {
      if (!Number.isFinite(threshold)) return makeNaN(scales, group);
      useScale(resolved, scales, group, powerOf(threshold), 1);
    };
  }
  if (tensorScale !== false) {
    const reciprocal = toBinary32(1 / target);
    const rounding = resolveRounding(format, { saturation: 'finite' });
    return (scales, group, threshold, tensorEncode) => {
      const unrounded = fround(toBinary32(threshold) * toBinary32(tensorEncode * reciprocal));
      if (Number.isNaN(unrounded)) return makeNaN(scales, group);
      const scale = roundScalar(Math.min(unrounded, format.max), format, rounding, 0);
      useScale(resolved, scales, group, scale, tensorEncode);
    };
  }
  const quotient = quotientIn(format);
  const scaleOf = (threshold: number): number => {
    if (stored === 'decode')
      return threshold === 0 && !format.hasZero ? format.min : quotient(threshold, target);
    // An encode factor stays a number by which elements can be divided: a threshold beyond its reach clips.
    return threshold === 0 ? format.max : Math.max(quotient(target, threshold), format.minSubnormal);
  };
  return (scales, group, threshold) => {
    if (!Number.isFinite(threshold)) return makeNaN(scales, group);
    useScale(resolved, scales, group, scaleOf(threshold), 1);
  };
}

/** What one unit of the elements of a group is worth, as a binary64 number. */
export function decodeFactor({ out, dividesOut }: Scales, group: number): number {
  return dividesOut ? 1 / out[group]! : out[group]!;
}

const product32 = productIn(binary32);

/** a b rounded once to binary32, for products of more than 53 bits. */
function productOnce(a: number, b: number): number {
  const product = a * b;
  const nearest = fround(product);
  // Half-way between two binary32 numbers a product may have been rounded to get there.
  const other = nearest + 2 * (product - nearest);
  return other !== nearest && fround(other) === other ? product32(a, b) : nearest;
}

/** How elements of a group become values of a carrier, given the group's `out`. Values of finite elements are finite. */
export function dequantizer(
  { dividesOut, isTwoLevel }: Scales,
  carrier: FloatFormat,
): (element: number, out: number) => number {
  const { max } = carrier;
  const exact = isTwoLevel && carrier.precision === 24;
  return (element, out) => {
    const value = dividesOut ? element / out : exact ? productOnce(element, out) : element * out;
    return Math.abs(value) > max && Math.abs(element) < Infinity ? bounded(value, max) : value;
  };
}

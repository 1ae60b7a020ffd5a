/**
 * From the threshold of a group to its scale: what is stored, by what elements are multiplied or divided on the way in,
 * and by what on the way out. The statistics are in `statistics.ts`, the loops over elements in `elements.ts`.
 *
 * Sources: OCP Microscaling Formats v1.0, section 6.3; NVIDIA, "Pretraining large language models with NVFP4", arXiv
 * 2509.25149, section 2, and the order of the binary32 operations of TransformerEngine's reference quantiser.
 */
import { exponentOf, powerOfTwo } from '../../formats/binary64.ts';
import type { Format } from '../../formats/format.ts';
import { resolveRounding } from '../../rounding/options.ts';
import { roundScalar } from '../../rounding/round.ts';
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
}

/** The largest binary32 number. */
const largest = (2 - 2 ** -23) * 2 ** 127;
const { fround } = Math;

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
  };
}

/** Sets the scale of a group from its threshold. `tensorEncode` is read by two-level scales only. */
export type SetScale = (scales: Scales, group: number, threshold: number, tensorEncode: number) => void;

function makeNaN({ stored, into, out }: Scales, group: number): void {
  stored[group] = NaN;
  into[group] = NaN;
  out[group] = NaN;
}

/**
 * Puts a stored scale to use, whatever it came from. `tensorEncode` as `tensorEncodeScale` gives it.
 *
 * With a two-level scale every operation is one binary32 operation: multiplier = min(1 / (scale (1 / tensorEncode)), the
 * largest binary32 number). A power of two, and prescale over it, are exact.
 */
export function useScale(
  { powerOfTwo: isPower, prescale, tensorScale }: ResolvedScale,
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
    scales.out[group] = factor;
  } else if (tensorScale !== false) {
    const tensorDecode = fround(1 / tensorEncode);
    scales.into[group] = Math.min(fround(1 / fround(scale * tensorDecode)), largest);
    scales.out[group] = scale * tensorDecode;
  } else {
    scales.into[group] = scale;
    scales.out[group] = scale;
  }
}

/**
 * The encode scale of a tensor or row with largest magnitude `amax`: min(target scaleMax / amax, largest), binary32; 1 where
 * that is 0 (infinite amax) or amax is 0.
 */
export function tensorEncodeScale(
  amax: number,
  { target, format, scaleMax, fourOverSix }: ResolvedScale,
): number {
  if (Number.isNaN(amax)) return NaN;
  const most = fourOverSix === undefined ? format.max : scaleMax;
  const encode = Math.min(fround(fround(most * target) / fround(amax)), largest);
  return amax === 0 || encode === 0 ? 1 : encode;
}

/** How thresholds become scales, for one kind of scale. */
export function scaleSetter(resolved: ResolvedScale, element: Format): SetScale {
  const { format, stored, target, from, direction, tensorScale } = resolved;
  const rounding = resolveRounding(format, { saturation: 'finite' });
  const rounded = (x: number): number => roundScalar(x, format, rounding, 0);
  if (resolved.powerOfTwo) {
    const least = exponentOf(format.min);
    const most = exponentOf(format.max);
    const trailing = trailingBits(element);
    return (scales, group, threshold) => {
      if (!Number.isFinite(threshold)) return makeNaN(scales, group);
      let exponent = least;
      if (threshold > 0)
        exponent =
          from === 'absmax'
            ? blockExponent(threshold, target, direction, trailing)
            : quotientExponent(threshold, target, direction);
      useScale(resolved, scales, group, powerOfTwo(Math.min(Math.max(exponent, least), most)), 1);
    };
  }
  if (tensorScale !== false) {
    const reciprocal = fround(1 / target);
    return (scales, group, threshold, tensorEncode) => {
      const unrounded = fround(fround(threshold) * fround(tensorEncode * reciprocal));
      if (Number.isNaN(unrounded)) return makeNaN(scales, group);
      useScale(resolved, scales, group, rounded(Math.min(unrounded, format.max)), tensorEncode);
    };
  }
  if (stored === 'encode')
    return (scales, group, threshold) => {
      if (!Number.isFinite(threshold)) return makeNaN(scales, group);
      useScale(resolved, scales, group, rounded(Math.min(target / threshold, format.max)), 1);
    };
  return (scales, group, threshold) => {
    if (!Number.isFinite(threshold)) return makeNaN(scales, group);
    useScale(resolved, scales, group, rounded(threshold / target), 1);
  };
}

/** What one unit of the elements of a group is worth, as a binary64 number. */
export function decodeFactor({ out, dividesOut }: Scales, group: number): number {
  return dividesOut ? 1 / out[group]! : out[group]!;
}

/** element of a group, dequantised, in binary64: exact wherever binary64 holds the product. */
export function dequantized({ out, dividesOut }: Scales, group: number, element: number): number {
  return dividesOut ? element / out[group]! : element * out[group]!;
}

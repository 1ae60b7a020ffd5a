/**
 * Asymmetric integers: scale and zero point from the range of a group. Source: Jacob et al., "Quantization and training of
 * neural networks for efficient integer-arithmetic-only inference", arXiv 1712.05877, sections 2.1 and 3.
 */
import { toBigIntSignificand } from '../binary64.ts';
import type { IntFormat } from '../formats/format.ts';
import { bounded, quotientIn } from '../operations/carrier.ts';
import { resolveRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import type { ResolvedScale } from './scale-options.ts';
import { powerScale } from './scales.ts';

/** A scale and the element that stands for 0. */
interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The integer next to x, half-way to even, within the range of the format. */
export function toZeroPoint(x: number, format: IntFormat): number {
  return roundScalar(x, format, resolveRounding(format), 0);
}

/** x 2^-exponent, an integer for an exponent that is low enough. */
function countOf(x: number, exponent: number): bigint {
  const { significand, exponent: own } = toBigIntSignificand(x);
  const count = significand << BigInt(own - exponent);
  return x < 0 ? -count : count;
}

/** The integer next to min - low / scale, exactly, half-way to even; within the range of the format. low <= 0 < scale. */
function zeroPointOf(low: number, scale: number, { min, max }: IntFormat): number {
  const quotient = -low / scale;
  const half = Math.abs(quotient - Math.floor(quotient) - 0.5);
  // Far enough from half-way that the quotient's rounding does not matter: nearly always.
  if (quotient < 2 ** 31 && half > 2 ** -20) return Math.min(min + Math.round(quotient), max);
  const exponent = Math.min(...[low, scale].map((x) => toBigIntSignificand(x).exponent));
  const [distance, unit] = [-countOf(low, exponent), countOf(scale, exponent)];
  const whole = distance / unit;
  const twice = 2n * (distance - whole * unit);
  const below = BigInt(min) + whole;
  const isUp = twice > unit || (twice === unit && below % 2n !== 0n);
  return Math.min(Number(isUp ? below + 1n : below), max);
}

/**
 * scale = (high - low) / (max - min), the range rounded to binary64 and the quotient to the scale's format, where it is at least
 * the smallest positive number; zeroPoint = the integer next to min - low / scale, so that 0 is a value. low <= 0 <= high. A
 * group of zeros gets scale 1, or the least power of two; a range that is not finite, NaN.
 */
export function affineIn(format: IntFormat, scale: ResolvedScale): (low: number, high: number) => Affine {
  const steps = format.max - format.min;
  const quotient = quotientIn(scale.format);
  const scaleOf = (range: number): number => {
    if (scale.powerOfTwo) return range === 0 ? scale.format.min : powerScale(scale, range, steps);
    return Math.max(range === 0 ? quotient(1, 1) : quotient(range, steps), scale.format.minSubnormal);
  };
  return (low, high) => {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return { scale: NaN, zeroPoint: 0 };
    const value = scaleOf(bounded(high - low, Number.MAX_VALUE));
    return { scale: value, zeroPoint: zeroPointOf(low, value, format) };
  };
}

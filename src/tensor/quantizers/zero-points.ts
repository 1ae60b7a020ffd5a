/**
 * Asymmetric integers: scale and zero point from the range of a group. Source: Jacob et al., "Quantization and training of
 * neural networks for efficient integer-arithmetic-only inference", arXiv 1712.05877, sections 2.1 and 3.
 */
import type { FloatFormat, IntFormat } from '../../formats/format.ts';
import { resolveRounding } from '../../rounding/options.ts';
import { roundScalar } from '../../rounding/round.ts';

/** A scale and the element that stands for 0. */
export interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** The integer next to x, half-way to even, within the range of the format. */
export function toZeroPoint(x: number, format: IntFormat): number {
  return roundScalar(x, format, resolveRounding(format), 0);
}

/**
 * scale = (high - low) / (max - min), rounded to the scale's format; zeroPoint = the integer next to min - low / scale, so
 * that 0 is a value. low <= 0 <= high. A group of zeros gets scale 1; a range that is not finite, NaN.
 */
export function affineOf(low: number, high: number, format: IntFormat, scaleFormat: FloatFormat): Affine {
  const range = high - low;
  if (!Number.isFinite(range)) return { scale: NaN, zeroPoint: 0 };
  const rounding = resolveRounding(scaleFormat, { saturation: 'finite' });
  const rounded = roundScalar(range / (format.max - format.min), scaleFormat, rounding, 0);
  const scale = rounded === 0 ? 1 : rounded;
  return { scale, zeroPoint: toZeroPoint(format.min - low / scale, format) };
}

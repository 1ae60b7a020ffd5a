/**
 * What a gradient rule is: how a gradient passes through a quantiser, whose true derivative is 0 nearly everywhere. The
 * rules have a file each.
 */
import type { Format } from '../../formats/format.ts';
import type { RealArray } from '../../operations/conversions.ts';
import type { Grouping } from '../grouping.ts';

/**
 * What a quantiser did to a tensor, as far as the rules look: x = scale scaled, value = scale element, one scale a group.
 * With a zero point z of the group, element = clamp(round(scaled + z)) and value = scale (element - z).
 */
export interface Quantization {
  /** What the quantiser was given, after transforms. */
  readonly x: RealArray;
  readonly shape: readonly number[];
  /** The quantised and dequantised image of x. */
  readonly values: RealArray;
  /** x in units of the scale, before rounding and clamping, without the zero point. */
  readonly scaled: RealArray;
  /** The values of the format that `scaled` became: what the codes decode to. */
  readonly elements: RealArray;
  readonly format: Format;
  /** The least and the largest element that the quantiser uses, for example -127 and 127. */
  readonly low: number;
  readonly high: number;
  /** Which elements share a scale. */
  readonly grouping: Grouping;
  /** Value of one unit of the elements, one a group in the order of `forEachGroup`. */
  readonly scales: RealArray;
  readonly zeroPoints?: RealArray;
}

/** Gradients with respect to everything that a rule trains. */
export interface Gradients<A extends RealArray> {
  /** With respect to the quantiser's argument: as long as the gradient given. */
  readonly x: A;
  /** With respect to the scales, one a group (lsq). */
  readonly scales?: Float64Array;
  /** With respect to the zero points, one a group (lsq with zero points). */
  readonly zeroPoints?: Float64Array;
  /** With respect to the values of the format, ascending (levels). */
  readonly levels?: Float64Array;
}

/** The names of the rules. */
export const gradientNames = [
  'straight-through',
  'clipped',
  'trust',
  'dge',
  'lsq',
  'levels',
  'none',
] as const;
export type GradientName = (typeof gradientNames)[number];

/** A rule, immutable. Pure: what it gives depends on its arguments alone, which it leaves as they are. */
export interface GradientRule {
  readonly name: GradientName;
  /**
   * Gradients of a loss with respect to what the quantiser was given, from the one with respect to its result.
   *
   * @param gradient As long as `quantization.x`.
   */
  pullback<A extends RealArray>(quantization: Quantization, gradient: A): Gradients<A>;
  /** Plain data; `gradientRule(data)` gives the same rule. */
  toJSON(): GradientData;
}

/** A rule's name, or the name with its options: what `gradientRule` takes and JSON holds. */
export type GradientData = GradientName | { readonly name: GradientName; readonly [option: string]: unknown };

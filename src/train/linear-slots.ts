/**
 * The slots of a layer's three products as plain data: what they read in place of their operands, what of it is trained, what becomes of
 * their results.
 */
import type { FormatSpelling } from '../formats/index.ts';
import type { QuantizerOptions } from '../quantizers/index.ts';
import type { TransformData } from '../quantizers/transforms/index.ts';
import type { AccumulatorSpec } from '../tfjs/accumulator.ts';
import type { Curve } from './curve.ts';

/** What a slot of a layer reads instead of the operand itself: its quantised and dequantised image. */
export interface QuantizerSpec extends QuantizerOptions {
  /** Name of the element format, such as `'int8'` or `'ternary'`. */
  readonly format: FormatSpelling;
  /** The operand is x + strength * (quantised - x), 0 to 1. Default 1. */
  readonly strength?: number;
}

/**
 * An operand of a product: a quantiser, a rounding (no `scale`), a norm, or both. Rows and blocks lie along the axis that the
 * product sums over; a quantiser whose scale names an `axis` sees the operand as it is stored.
 */
export interface OperandSpec extends Partial<Omit<QuantizerSpec, 'format'>> {
  /** Absent: the values stay as they are, but for the norm. */
  readonly format?: string;
  /** `'image'`: what the forward product read is quantised again, in place of the operand. Backward products only. */
  readonly of?: 'operand' | 'image';
  /** A norm without parameters before the quantiser, differentiable: BitLinear's own. Forward product only. */
  readonly norm?: 'rms' | 'layer';
  /** What stands before the quantiser or beside it, with trained numbers of its own. Forward product only. */
  readonly form?: OperandForm;
  /** Which parameters of the quantiser are trained. Forward product only; scales and zero points that are learned must be. */
  readonly learn?: readonly LearnSpec[];
}

/**
 * A trained parameter of a quantiser. The recipe's optimiser trains it, without weight decay or clipping, by the gradient that the
 * quantiser's `gradient` rule gives (`lsq`), or its noise.
 */
export type LearnSpec = LearnScale | LearnBits;

/** What an operand is before its quantiser, or what is added after it. */
export type OperandForm = PowerForm | LowRankForm | ComplexForm;

/**
 * sgn(x) min(|x|, q)^t, q and t trained beside the quantiser's learned scale d, which is held where the bits, log2(q^t / d + 1) + 1,
 * are in a range (GETA).
 */
export interface PowerForm {
  readonly kind: 'power';
  /** Fewest and most. */
  readonly bits: readonly [fewest: number, most: number];
}

/** alpha / rank times the product of two trained thin matrices, added to a weight. */
export interface LowRankForm {
  readonly kind: 'low-rank';
  readonly rank: number;
  /** Default: the rank. */
  readonly alpha?: number;
  /**
   * `'before'` the quantiser, beginning with 0 (an adapter that is merged, then quantised), or `'after'` it, beginning with what is best of
   * the quantiser's error (a branch in binary32).
   */
  readonly at: 'before' | 'after';
  /** After the quantiser: what the branch is multiplied by in the course of the run. Default 1. */
  readonly fade?: Curve;
}

/**
 * A weight of fourth roots of unity, one scale for the real and one for the imaginary: rows and columns are real parts, then imaginary ones.
 * It is the quantiser. Weights with an odd side stay real.
 */
export interface ComplexForm {
  readonly kind: 'complex';
  /** With the conjugate of the input (default, as published), or with the input. */
  readonly product?: 'conjugate' | 'plain';
}

/** What of an operand may be trained, beside bits. */
export type LearnedOf = 'scale' | 'zeroPoint' | 'form' | 'levels';

/** What has a rate of its own: a parameter, and what its quantisers learn. */
export type RatedPart = LearnedOf | 'bits' | 'parameter';

export interface LearnScale {
  /** `form`: all numbers of the operand's form; `levels`: the values of its format, which begin as they are. */
  readonly of: LearnedOf;
  /** Its peak; it follows the recipe's schedule. Above 0. */
  readonly learningRate: number;
  /** When numbers stay as they are. Default: never. */
  readonly freeze?: FreezeSpec;
  /** Of scales: the least and the largest one, above 0. Default: any. */
  readonly within?: readonly [least: number, largest: number];
}

/**
 * A number stays as it is for `window` steps where, in the window before, the sign of its gradient was another than in the step before
 * in more than part `above` of the steps (GAQAT).
 */
export interface FreezeSpec {
  readonly window: number;
  readonly above: number;
}

/**
 * The bits of a weight's noise, one number p a group of its transform `noise`, whose `bits` b0 are those to begin with: either a
 * `target` or a `range`.
 */
export interface LearnBits {
  readonly of: 'bits';
  readonly learningRate: number;
  /** Bits are target + p (b0 - target), from 1 to 32; p begins as 1. */
  readonly target?: number;
  /** Bits are between two numbers, low + (high - low) / (1 + e^-p). */
  readonly range?: readonly [low: number, high: number];
  /**
   * A term of the objective beside the loss, for each weight: `weight` times the mean of p, or (`size`) times the megabytes (2^23 bits)
   * that the elements take.
   */
  readonly penalty?: { readonly kind: 'mean' | 'size'; readonly weight: number };
}

/** A rounding or quantiser of a product's result. */
export type OutputSpec = Omit<OperandSpec, 'of' | 'norm' | 'invert' | 'gradient' | 'learn' | 'form'>;

/** What is done to dx. */
export interface InputGradientSpec extends OutputSpec {
  /**
   * The rotation that the rows of g have kept (`axis: -2`, `invert: false`), turned back before all else. In convolutions, whose rows
   * are mixed, neither is done.
   */
  readonly turn?: TransformData;
}

/**
 * The operands of a layer's three products, y = x w^T, dx = g w and dw = g^T x, their results, and how they sum. Null: as it
 * is. `'same'`: the image that the forward product read. Accumulators are those of `arithmetic`; default binary32, in order. `N`: names of
 * quantisers (`'int8/row'`, `'mxfp4'`), which a recipe as it is given may have in their place.
 */
export interface LinearSlots<N extends string = never> {
  readonly forward: {
    readonly x: OperandSpec | N | null;
    readonly w: OperandSpec | N | null;
    readonly y?: OutputSpec | N | null;
    readonly accumulate?: AccumulatorSpec | null;
  };
  readonly inputGradient: {
    readonly g: OperandSpec | N | null;
    readonly w: OperandSpec | N | 'same' | null;
    readonly dx?: InputGradientSpec | N | null;
    readonly accumulate?: AccumulatorSpec | null;
  };
  readonly weightGradient: {
    readonly g: OperandSpec | N | null;
    readonly x: OperandSpec | N | 'same' | null;
    readonly dw?: OutputSpec | N | null;
    readonly accumulate?: AccumulatorSpec | null;
  };
}

/** Slots of which a rule says only some. */
export type PartialSlots<N extends string = never> = {
  readonly [P in keyof LinearSlots<N>]?: Partial<LinearSlots<N>[P]>;
};

/** All six operands as they are. */
export const plainSlots: LinearSlots = {
  forward: { x: null, w: null },
  inputGradient: { g: null, w: 'same' },
  weightGradient: { g: null, x: 'same' },
};

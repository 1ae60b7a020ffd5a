/**
 * A training recipe as plain data: which arithmetic each phase uses, how weights and the optimiser's state are held,
 * and the optimiser's settings. It serialises as JSON and holds no numerics; `recipe-check.ts` checks it.
 */
import type { FormatSpelling } from '../formats/index.ts';
import type { QuantizerOptions } from '../quantizers/index.ts';
import type { TransformData } from '../quantizers/transforms/index.ts';
import type { RoundingMode, Saturation } from '../rounding/options.ts';
import type { AccumulatorSpec } from '../tfjs/accumulator.ts';
import type { AdaptSpec } from './controllers/adapt.ts';
import type { Curve } from './curve.ts';
import { withSpelledQuantizers } from './named-slots.ts';
import type { OptimizerSettings, StateCodecSpec } from './optimizers/index.ts';
import type { ParameterRole } from './parameter-role.ts';
import type { SavedRule } from './saved/spec.ts';
import type { Schedule } from './schedule.ts';
import type { WeightStoreSpec } from './stores/index.ts';
import type { PhaseIn } from './strength.ts';
import type { UpdateSpec } from './update/spec.ts';

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
type LearnedOf = 'scale' | 'zeroPoint' | 'form' | 'levels';

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

/** Which parameters, and which products without one, a rule is for. Every field that is given must hold. */
export interface RuleWhere {
  readonly role?: ParameterRole | 'activation-product' | 'all';
  /** Glob on the layer's path: `*` within a part, `**` across parts, parts being separated by `/` or `.`. */
  readonly layer?: string;
  /** Regular expression on the parameter's name. */
  readonly parameter?: string;
  /** First and last block, from 0; negative ones count from the end. Numbers strictly between 0 and 1 are fractions of the depth. */
  readonly depth?: readonly [number, number];
  /** Which projection of a block it is, where the model's names say so. */
  readonly kind?: string;
  /** Least number of elements. */
  readonly atLeast?: number;
  /**
   * The layer that reads the model's input, or the one that makes its output: the first or last with a matrix or filter. An
   * embedding looks its input up: where there is one, no layer is `'first'`.
   */
  readonly end?: 'first' | 'last';
}

/** What a rule sets, field by field. */
export interface RuleSet<N extends string = never> extends PartialSlots<N> {
  readonly store?: WeightStoreSpec;
  /** How the optimiser's first and second moment are held. */
  readonly first?: StateCodecSpec | N;
  readonly second?: StateCodecSpec | N;
  /** In place of the optimiser's, whatever the number of axes. */
  readonly weightDecay?: number;
  /**
   * Peak rates, which follow the recipe's schedule: of the parameter in place of the run's, and of what its quantisers learn in place of
   * those that they say.
   */
  readonly rates?: Readonly<Partial<Record<RatedPart, number>>>;
  /** Whether updates leave the parameter as it is. */
  readonly frozen?: boolean;
  /** What of its quantisers is trained, of what they say. Default: all of it. */
  readonly learns?: readonly (LearnedOf | 'bits')[];
  /**
   * Whether the codes of a weight stay as they are while what is learned of its scales and zero points is trained (EfficientQAT). Only of
   * frozen weights.
   */
  readonly fixedCodes?: boolean;
  /** The part of the output channels that updates change: so many of the first ones, rounded up. Default 1: all. */
  readonly updated?: number;
}

export interface Rule<N extends string = never> {
  readonly where: RuleWhere;
  readonly set: RuleSet<N>;
  /** Whether a model may lack what the rule is for. Default false: that is an error. */
  readonly optional?: boolean;
}

/** Every kernel of the forward and backward pass rounds its result to this format. */
export interface EmulationSpec {
  readonly format: FormatSpelling;
  readonly rounding?: RoundingMode;
  readonly saturation?: Saturation;
}

/**
 * Terms of a phase's loss. All but the first need the recipe's teacher. Only of training by `train`: the loss of any other loop is its own.
 */
export interface ObjectiveSpec {
  /** Weight of the task's loss. */
  readonly task: number;
  /** Weight of T² KL(teacher || student), the softmax of both over a temperature T. Default 0. */
  readonly soft?: number;
  /** T. Default 1. */
  readonly temperature?: number;
  /** Weight of the mean squared difference of what blocks give from what the teacher's give. Default 0. */
  readonly features?: number;
  /** The only block whose difference counts, from 0. Default: all, alike. */
  readonly block?: number;
  /** Whether each block reads what the teacher's block before it gave. Default false. */
  readonly intervenes?: boolean;
}

/** A trained model of the same sizes in float32. One that a run is not given it trains first. */
export interface TeacherSpec {
  /** Whether training begins with its weights. Default false. */
  readonly initial?: boolean;
}

export interface Phase<N extends string = never> {
  /** Where it begins, as a part of all steps in [0, 1). The first phase begins at 0. */
  readonly from: number;
  /** Slots of every linear layer inside the blocks. Embedding and head have none. */
  readonly linear: LinearSlots<N>;
  /** Slots of layers whose name a pattern matches (name-pattern.ts), in place of `linear`; the first match counts. */
  readonly layers?: readonly { readonly match: string; readonly linear: LinearSlots<N> }[];
  /** The strength of every quantiser of the phase grows from 0 to its own after the phase begins. Default: at once. */
  readonly phaseIn?: PhaseIn;
  readonly emulate: EmulationSpec | null;
  /** What happens to the optimiser's moments when the phase begins. */
  readonly optimizerState: 'keep' | 'reset';
  /**
   * Part of all steps over which the learning rate is multiplied by (steps since the phase began) / (steps of the part).
   * Default 0: not.
   */
  readonly rewarm?: number;
  /**
   * How a model's batch norms train: folded into the weights before them or not (default), by the batch's statistics (default) or by the
   * averages, which are frozen then. Models without batch norms have nothing to do with it.
   */
  readonly batchNorm?: { readonly folded?: boolean; readonly statistics?: 'batch' | 'moving' };
  /** What is made small. Default: the task's loss. */
  readonly objective?: ObjectiveSpec;
  /** Rules for this phase, after the recipe's own. */
  readonly rules?: readonly Rule<N>[];
}

/** A norm without parameters before the linear layers that add to the residual stream, or before all. */
export interface ExtraNorm {
  readonly kind: 'rms' | 'layer';
  readonly where: 'o,down' | 'all';
  /** `'always'` (default): from the first step; `'switch'`: from the second phase on. */
  readonly when?: 'always' | 'switch';
}

/**
 * The trained weights, read through a quantiser for one more validation at the end; not those of layers that the last phase
 * gives slots of their own.
 */
export interface Inference<N extends string = never> {
  /** Short, for tables: `ternary`. */
  readonly name: string;
  readonly w: QuantizerSpec | N;
}

/** What happens at an event. */
export type EventAction<N extends string = never> =
  /** Optimisers forget their moments, as where a phase says `optimizerState: 'reset'`. */
  | { readonly reset: 'moments' }
  /**
   * The learning rate is multiplied by a factor that grows to 1 over so many steps: a straight line (default), or half a cosine.
   * Below 1: a part of all steps.
   */
  | { readonly rewarm: number; readonly shape?: 'linear' | 'cosine' }
  /** Rules that hold from here on, after all others. */
  | { readonly switch: readonly Rule<N>[] }
  /** Updates leave these parameters as they are from here on. */
  | { readonly freeze: RuleWhere };

/**
 * Something that happens before a step, once or periodically. Times strictly between 0 and 1 are parts of all steps, whole
 * numbers are steps.
 */
export interface RecipeEvent<N extends string = never> {
  /** When, or when first. Default: after the first `every`. */
  readonly at?: number;
  /** How long after that again, and again. Default: never. */
  readonly every?: number;
  readonly do: readonly EventAction<N>[];
}

export interface Recipe<N extends string = never> {
  /** Short, for file names and legends. */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** Present from the first step, so that phases and recipes differ in their arithmetic only. */
  readonly extraNorm: ExtraNorm | null;
  readonly phases: readonly Phase<N>[];
  readonly optimizer: OptimizerSettings<N>;
  /** The learning rate's, as factors on the peak. */
  readonly schedule: Schedule;
  /** The weight decay's, as factors on the optimiser's. Default: none. */
  readonly decaySchedule?: Schedule;
  /** How weights are held between steps. Default float32. */
  readonly store?: WeightStoreSpec;
  readonly inference?: readonly Inference<N>[];
  /** A cascade over the slots of the phases and over stores and codecs: later rules win, field by field. */
  readonly rules?: readonly Rule<N>[];
  readonly events?: readonly RecipeEvent<N>[];
  /** Numbers that change from step to step: settings of the recipe's optimiser, as `optimizer.beta1`. */
  readonly values?: Readonly<Record<string, Curve>>;
  /** What gradients and steps go through. Default: gradients are clipped at the optimiser's `clipNorm`. */
  readonly update?: UpdateSpec<N>;
  /** Whom objectives compare with. */
  readonly teacher?: TeacherSpec;
  /** Changes the format of slots that have a signed fixed-point one, layer by layer, as gradients tell. */
  readonly controller?: AdaptSpec;
  /** How what operations keep for the backward pass is held; later rules win. Default: as it is. */
  readonly saved?: readonly SavedRule<N>[];
}

/** A recipe as it is given, in which quantisers may be names. */
export type GivenRecipe = Recipe<string>;

/** What the names of an optimiser's settings begin with. */
export const valuePrefix = 'optimizer.';

/** Curves of the optimiser's settings by field. */
export function optimizerValues({ values }: Recipe): Readonly<Record<string, Curve>> | undefined {
  if (values === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(values).map(([name, curve]) => [name.slice(valuePrefix.length), curve]),
  );
}

/** The same as options of an optimiser for so many steps. */
export function valueOptions(
  recipe: Recipe,
  steps: number,
): { readonly values?: Readonly<Record<string, Curve>>; readonly steps?: number } {
  const values = optimizerValues(recipe);
  return values === undefined ? {} : { values, steps };
}

/**
 * A recipe with its quantisers spelled out, whose optimiser is the rule of its update, where that has one.
 * @throws ArgumentError naming the field whose name is that of no quantiser
 */
export function settledRecipe(given: GivenRecipe): Recipe {
  const recipe = withSpelledQuantizers<Recipe>('recipe', given);
  const { rule, ...update } = recipe.update ?? {};
  return rule === undefined ? recipe : { ...recipe, optimizer: rule, update };
}

/** Whether an objective needs what a teacher says. */
export const asksTeacher = ({ soft = 0, features = 0, intervenes = false }: ObjectiveSpec): boolean =>
  soft > 0 || features > 0 || intervenes;

/** All six operands as they are. */
export const plainSlots: LinearSlots = {
  forward: { x: null, w: null },
  inputGradient: { g: null, w: 'same' },
  weightGradient: { g: null, x: 'same' },
};

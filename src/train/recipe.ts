/**
 * A training recipe as plain data: which arithmetic each phase uses, how weights and the optimiser's state are held,
 * and the optimiser's settings. It serialises as JSON and holds no numerics; `recipe-check.ts` checks it.
 */
import type { FormatSpelling } from '../formats/index.ts';
import type { RoundingMode, Saturation } from '../rounding/options.ts';
import type { AdaptSpec } from './controllers/adapt.ts';
import type { Curve } from './curve.ts';
import type { LearnedOf, LinearSlots, PartialSlots, QuantizerSpec, RatedPart } from './linear-slots.ts';
import { withSpelledQuantizers } from './named-slots.ts';
import type { OptimizerSettings, StateCodecSpec } from './optimizers/index.ts';
import type { ParameterRole } from './parameter-role.ts';
import type { SavedRule } from './saved/spec.ts';
import type { Schedule } from './schedule.ts';
import type { WeightStoreSpec } from './stores/index.ts';
import type { PhaseIn } from './strength.ts';
import type { UpdateSpec } from './update/spec.ts';

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

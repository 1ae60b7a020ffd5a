/**
 * A training recipe as plain data: which arithmetic each phase uses, how weights and the optimiser's state are held,
 * and the optimiser's settings. It serialises as JSON and holds no numerics; `recipe-check.ts` checks it.
 */
import { type FormatSpelling, toFormat } from '../formats/index.ts';
import type { RoundingMode, Saturation } from '../rounding/options.ts';
import type { QuantizerOptions } from '../tensor/quantizers/index.ts';
import { namePattern } from './name-pattern.ts';
import type { OptimizerSettings } from './optimizers/index.ts';
import type { Schedule } from './schedule.ts';
import type { WeightStoreSpec } from './stores/index.ts';
import { type PhaseIn, strengthAt } from './strength.ts';

/** What a slot of a linear layer reads instead of the operand itself: its quantised and dequantised image. */
export interface QuantizerSpec extends QuantizerOptions {
  /** Name of the element format, such as `'int8'` or `'ternary'`. */
  readonly format: FormatSpelling;
  /** The operand is x + strength * (quantised - x), 0 to 1. Default 1. */
  readonly strength?: number;
}

/**
 * The operands of a linear layer's three products, y = x w^T, dx = g w and dw = g^T x. Null: the operand as it is.
 * `'same'`: the image that the forward product read.
 */
export interface LinearSlots {
  readonly forward: { readonly x: QuantizerSpec | null; readonly w: QuantizerSpec | null };
  readonly inputGradient: { readonly g: QuantizerSpec | null; readonly w: QuantizerSpec | 'same' | null };
  readonly weightGradient: { readonly g: QuantizerSpec | null; readonly x: QuantizerSpec | 'same' | null };
}

/** Every kernel of the forward and backward pass rounds its result to this format. */
export interface EmulationSpec {
  readonly format: FormatSpelling;
  readonly rounding?: RoundingMode;
  readonly saturation?: Saturation;
}

export interface Phase {
  /** Where it begins, as a part of all steps in [0, 1). The first phase begins at 0. */
  readonly from: number;
  /** Slots of every linear layer inside the blocks. Embedding and head have none. */
  readonly linear: LinearSlots;
  /** Slots of layers whose name a pattern matches (name-pattern.ts), in place of `linear`; the first match counts. */
  readonly layers?: readonly { readonly match: string; readonly linear: LinearSlots }[];
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
}

/** A norm without parameters before the linear layers that add to the residual stream, or before all. */
export interface ExtraNorm {
  readonly kind: 'rms' | 'layer';
  readonly where: 'o,down' | 'all';
  /** `'always'` (default): from the first step; `'switch'`: from the second phase on. */
  readonly when?: 'always' | 'switch';
}

/** The trained weights, read through a quantiser for one more validation at the end. */
export interface Inference {
  /** Short, for tables: `ternary`. */
  readonly name: string;
  readonly w: QuantizerSpec;
}

export interface Recipe {
  /** Short, for file names and legends. */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** Present from the first step, so that phases and recipes differ in their arithmetic only. */
  readonly extraNorm: ExtraNorm | null;
  readonly phases: readonly Phase[];
  readonly optimizer: OptimizerSettings;
  /** The learning rate's, as factors on the peak. */
  readonly schedule: Schedule;
  /** The weight decay's, as factors on the optimiser's. Default: none. */
  readonly decaySchedule?: Schedule;
  /** How weights are held between steps. Default float32. */
  readonly store?: WeightStoreSpec;
  readonly inference?: readonly Inference[];
}

/** All six operands as they are. */
export const plainSlots: LinearSlots = {
  forward: { x: null, w: null },
  inputGradient: { g: null, w: 'same' },
  weightGradient: { g: null, x: 'same' },
};

/** The format whose values the forward product of a phase reads as weights; undefined: float32, unquantised. */
function weightFormat({ store }: Recipe, phase: Phase): string | undefined {
  return phase.linear.forward.w?.format ?? phase.emulate?.format ?? storeFormat(store);
}

function storeFormat(store: WeightStoreSpec | undefined): string | undefined {
  switch (store?.kind) {
    case 'grid':
      return store.format;
    case 'bfloat16':
      return 'bfloat16';
    case 'group-int8':
      return 'uint8';
    default:
      return undefined;
  }
}

/** Information of one linear weight as the forward product of a phase reads it, in bits; ternary: log2 3. */
export function bitsPerWeight(recipe: Recipe, phase: number = recipe.phases.length - 1): number {
  const name = weightFormat(recipe, recipe.phases[phase]!);
  if (name === undefined) return 32;
  const format = toFormat(name);
  return format.kind === 'codebook' ? format.entropyBits : format.bits;
}

/** A quantiser of which `strength` is left. */
function weakened<T extends QuantizerSpec | 'same' | null>(spec: T, strength: number): T {
  if (spec === null || spec === 'same' || strength === 1) return spec;
  return { ...(spec as QuantizerSpec), strength: ((spec as QuantizerSpec).strength ?? 1) * strength } as T;
}

function weakenedSlots(
  { forward, inputGradient, weightGradient }: LinearSlots,
  strength: number,
): LinearSlots {
  return {
    forward: { x: weakened(forward.x, strength), w: weakened(forward.w, strength) },
    inputGradient: { g: weakened(inputGradient.g, strength), w: weakened(inputGradient.w, strength) },
    weightGradient: { g: weakened(weightGradient.g, strength), x: weakened(weightGradient.x, strength) },
  };
}

/** The slots of each layer of a phase, `since` steps after it began, of `steps` in all. */
export function slotsOf(phase: Phase, since: number, steps: number): (name: string) => LinearSlots {
  const strength = phase.phaseIn === undefined ? 1 : strengthAt(phase.phaseIn, since, steps);
  const prepare = (slots: LinearSlots): LinearSlots =>
    strength === 1 ? slots : weakenedSlots(slots, strength);
  const all = prepare(phase.linear);
  const { layers } = phase;
  if (layers === undefined || layers.length === 0) return () => all;
  const special = layers.map(({ match, linear }) => ({
    pattern: namePattern(match, 'layers.match'),
    slots: prepare(linear),
  }));
  return (name) => special.find(({ pattern }) => pattern.test(name))?.slots ?? all;
}

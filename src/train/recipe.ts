/**
 * A training recipe as plain data: which arithmetic each phase uses, and the optimiser's settings. It serialises as
 * JSON and holds no numerics; the check names the field that is wrong.
 */
import { ArgumentError } from '../errors.ts';
import { toFormat } from '../formats/index.ts';
import { type RoundingMode, resolveRounding, type Saturation } from '../rounding/options.ts';
import { type QuantizerOptions, quantizer } from '../tensor/quantizers/index.ts';
import { type AdamWSettings, checkOptimizer, defaultOptimizer } from './optimizer.ts';
import { checkSchedule, defaultSchedule, type Schedule } from './schedule.ts';

/** What a slot of a linear layer reads instead of the operand itself: its quantised and dequantised image. */
export interface QuantizerSpec extends QuantizerOptions {
  /** Name of the element format, such as `'int8'` or `'ternary'`. */
  readonly format: string;
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
  readonly format: string;
  readonly rounding?: RoundingMode;
  readonly saturation?: Saturation;
}

export interface Phase {
  /** Where it begins, as a part of all steps in [0, 1). The first phase begins at 0. */
  readonly from: number;
  /** Slots of every linear layer inside the blocks. Embedding and head have none. */
  readonly linear: LinearSlots;
  readonly emulate: EmulationSpec | null;
  /** What happens to the optimiser's moments when the phase begins. */
  readonly optimizerState: 'keep' | 'reset';
}

/** A norm without parameters before the linear layers that add to the residual stream, or before all. */
export interface ExtraNorm {
  readonly kind: 'rms' | 'layer';
  readonly where: 'o,down' | 'all';
}

export interface Recipe {
  /** Short, for file names and legends. */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** Present from the first step, so that phases and recipes differ in their arithmetic only. */
  readonly extraNorm: ExtraNorm | null;
  readonly phases: readonly Phase[];
  readonly optimizer: AdamWSettings;
  readonly schedule: Schedule;
}

/** All six operands as they are. */
export const plainSlots: LinearSlots = {
  forward: { x: null, w: null },
  inputGradient: { g: null, w: 'same' },
  weightGradient: { g: null, x: 'same' },
};

function oneOf(path: string, given: unknown, accepted: readonly string[]): void {
  if (!accepted.includes(given as string)) throw new ArgumentError(path, given, accepted.join(', '));
}

/** Refuses what is no object, and any field beyond `names`: a misspelt optional field would else do nothing. */
function checkFields(path: string, given: unknown, names: readonly string[]): void {
  if (typeof given !== 'object' || given === null)
    throw new ArgumentError(path, given, `an object with ${names.join(', ')}`);
  for (const field of Object.keys(given))
    if (!names.includes(field))
      throw new ArgumentError(
        `${path}.${field}`,
        given[field as never],
        `no such field; ${names.join(', ')}`,
      );
}

/** Runs a check of another module; an argument that it finds wrong is a field of `path`. */
function within(path: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(`${path}.${error.argument}`, error.given, error.accepted);
  }
}

function checkQuantizer(path: string, spec: QuantizerSpec | 'same' | null, sameAllowed: boolean): void {
  if (spec === null || (sameAllowed && spec === 'same')) return;
  if (typeof spec !== 'object')
    throw new ArgumentError(path, spec, sameAllowed ? "a quantiser, 'same' or null" : 'a quantiser or null');
  checkFields(path, spec, ['format', 'rounding', 'scale', 'strength']);
  checkFields(`${path}.scale`, spec.scale, ['per', 'from']);
  within(path, () => quantizer(spec));
  const strength = spec.strength ?? 1;
  if (!(strength >= 0 && strength <= 1))
    throw new ArgumentError(`${path}.strength`, strength, 'a number from 0 to 1');
}

function checkSlots(path: string, slots: LinearSlots): void {
  checkFields(path, slots, ['forward', 'inputGradient', 'weightGradient']);
  for (const [product, operands] of [
    ['forward', { x: false, w: false }],
    ['inputGradient', { g: false, w: true }],
    ['weightGradient', { g: false, x: true }],
  ] as const) {
    checkFields(`${path}.${product}`, slots[product], Object.keys(operands));
    const given = slots[product] as Record<string, QuantizerSpec | 'same' | null | undefined>;
    for (const [operand, sameAllowed] of Object.entries(operands)) {
      const spec = given[operand];
      if (spec === undefined)
        throw new ArgumentError(`${path}.${product}.${operand}`, spec, 'a quantiser or null');
      checkQuantizer(`${path}.${product}.${operand}`, spec, sameAllowed);
    }
  }
}

function checkPhase(path: string, phase: Phase, previous: Phase | undefined): void {
  checkFields(path, phase, ['from', 'linear', 'emulate', 'optimizerState']);
  const { from, emulate } = phase;
  if (previous === undefined ? from !== 0 : !(from > previous.from && from < 1))
    throw new ArgumentError(
      `${path}.from`,
      from,
      previous === undefined ? '0 for the first phase' : `a number above ${previous.from} and below 1`,
    );
  checkSlots(`${path}.linear`, phase.linear);
  if (emulate === undefined)
    throw new ArgumentError(`${path}.emulate`, emulate, 'a format to emulate, or null');
  if (emulate !== null) {
    checkFields(`${path}.emulate`, emulate, ['format', 'rounding', 'saturation']);
    within(`${path}.emulate`, () => void resolveRounding(toFormat(emulate.format), emulate));
  }
  oneOf(`${path}.optimizerState`, phase.optimizerState, ['keep', 'reset']);
}

/**
 * Checks a recipe, which may come from a file.
 * @throws ArgumentError naming the field, such as `recipe.phases[1].linear.forward.w.format`.
 */
export function checkRecipe(recipe: Recipe): void {
  checkFields('recipe', recipe, ['name', 'title', 'extraNorm', 'phases', 'optimizer', 'schedule']);
  for (const field of ['name', 'title'] as const)
    if (typeof recipe[field] !== 'string' || recipe[field] === '')
      throw new ArgumentError(`recipe.${field}`, recipe[field], 'a text that is not empty');
  if (recipe.extraNorm === undefined)
    throw new ArgumentError('recipe.extraNorm', recipe.extraNorm, 'an extra norm or null');
  if (recipe.extraNorm !== null) {
    checkFields('recipe.extraNorm', recipe.extraNorm, ['kind', 'where']);
    oneOf('recipe.extraNorm.kind', recipe.extraNorm.kind, ['rms', 'layer']);
    oneOf('recipe.extraNorm.where', recipe.extraNorm.where, ['o,down', 'all']);
  }
  if (!Array.isArray(recipe.phases) || recipe.phases.length === 0)
    throw new ArgumentError('recipe.phases', recipe.phases, 'a list of at least one phase');
  recipe.phases.forEach((phase, i) => {
    checkPhase(`recipe.phases[${i}]`, phase, recipe.phases[i - 1]);
  });
  checkFields('recipe.optimizer', recipe.optimizer, Object.keys(defaultOptimizer));
  checkOptimizer(recipe.optimizer, 'recipe.optimizer');
  checkFields('recipe.schedule', recipe.schedule, Object.keys(defaultSchedule));
  checkSchedule(recipe.schedule, 'recipe.schedule');
}

/** The format whose values the forward product of a phase reads as weights; undefined: float32, unquantised. */
function weightFormat(phase: Phase): string | undefined {
  return phase.linear.forward.w?.format ?? phase.emulate?.format;
}

/** Information of one linear weight as the forward product of a phase reads it, in bits; ternary: log2 3. */
export function bitsPerWeight(recipe: Recipe, phase: number = recipe.phases.length - 1): number {
  const name = weightFormat(recipe.phases[phase]!);
  if (name === undefined) return 32;
  const format = toFormat(name);
  return format.kind === 'codebook' ? format.entropyBits : format.bits;
}

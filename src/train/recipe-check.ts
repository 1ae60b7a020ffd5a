/**
 * The check of a recipe, which may come from a file: it names the field that is wrong. Rules that belong to an
 * optimiser, a store, a schedule or a quantiser are theirs.
 */
import { checkFields, oneOf, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { toFormat } from '../formats/index.ts';
import { resolveRounding } from '../rounding/options.ts';
import { quantizer } from '../tensor/quantizers/index.ts';
import { checkOptimizer } from './optimizers/index.ts';
import type { LinearSlots, Phase, QuantizerSpec, Recipe } from './recipe.ts';
import { checkSchedule } from './schedule.ts';
import { checkMatch, checkStore } from './stores/index.ts';
import { checkPhaseIn } from './strength.ts';

const recipeFields: readonly string[] = [
  ...['name', 'title', 'extraNorm', 'phases', 'optimizer', 'schedule', 'decaySchedule', 'store', 'inference'],
];
const phaseFields: readonly string[] = [
  ...['from', 'linear', 'layers', 'phaseIn', 'emulate', 'optimizerState', 'rewarm'],
];
/** Quantisers in slots are straight-through and draw by (seed, step, layer, slot), so they take no more than this. */
const quantizerFields: readonly string[] = [
  ...[
    'format',
    'rounding',
    'scale',
    'strength',
    'saturation',
    'subnormals',
    'range',
    'randomBits',
    'variant',
  ],
];

function checkQuantizer(path: string, spec: QuantizerSpec | 'same' | null, sameAllowed: boolean): void {
  if (spec === null || (sameAllowed && spec === 'same')) return;
  if (typeof spec !== 'object')
    throw new ArgumentError(path, spec, sameAllowed ? "a quantiser, 'same' or null" : 'a quantiser or null');
  const given = spec as unknown as Record<string, unknown>;
  for (const [field, value] of Object.entries(given))
    if (!quantizerFields.includes(field) && value !== undefined)
      throw new ArgumentError(`${path}.${field}`, value, `no such field; ${quantizerFields.join(', ')}`);
  if (typeof spec.scale !== 'object' || spec.scale === null)
    throw new ArgumentError(`${path}.scale`, spec.scale, 'an object with per, from, ...');
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
  checkFields(path, phase, phaseFields);
  const { from, emulate } = phase;
  if (previous === undefined ? from !== 0 : !(from > previous.from && from < 1))
    throw new ArgumentError(
      `${path}.from`,
      from,
      previous === undefined ? '0 for the first phase' : `a number above ${previous.from} and below 1`,
    );
  checkSlots(`${path}.linear`, phase.linear);
  phase.layers?.forEach((layer, i) => {
    checkFields(`${path}.layers[${i}]`, layer, ['match', 'linear']);
    checkMatch(layer.match, `${path}.layers[${i}].match`);
    checkSlots(`${path}.layers[${i}].linear`, layer.linear);
  });
  if (phase.phaseIn !== undefined) {
    checkFields(`${path}.phaseIn`, phase.phaseIn, ['kind', 'over']);
    checkPhaseIn(phase.phaseIn, `${path}.phaseIn`);
  }
  const { rewarm = 0 } = phase;
  if (!(rewarm >= 0 && rewarm <= 1))
    throw new ArgumentError(`${path}.rewarm`, rewarm, 'a number from 0 to 1');
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
  checkFields('recipe', recipe, recipeFields);
  for (const field of ['name', 'title'] as const)
    if (typeof recipe[field] !== 'string' || recipe[field] === '')
      throw new ArgumentError(`recipe.${field}`, recipe[field], 'a text that is not empty');
  if (recipe.extraNorm === undefined)
    throw new ArgumentError('recipe.extraNorm', recipe.extraNorm, 'an extra norm or null');
  if (recipe.extraNorm !== null) {
    checkFields('recipe.extraNorm', recipe.extraNorm, ['kind', 'where', 'when']);
    oneOf('recipe.extraNorm.kind', recipe.extraNorm.kind, ['rms', 'layer']);
    oneOf('recipe.extraNorm.where', recipe.extraNorm.where, ['o,down', 'all']);
    oneOf('recipe.extraNorm.when', recipe.extraNorm.when ?? 'always', ['always', 'switch']);
  }
  if (!Array.isArray(recipe.phases) || recipe.phases.length === 0)
    throw new ArgumentError('recipe.phases', recipe.phases, 'a list of at least one phase');
  recipe.phases.forEach((phase, i) => {
    checkPhase(`recipe.phases[${i}]`, phase, recipe.phases[i - 1]);
  });
  checkOptimizer(recipe.optimizer, 'recipe.optimizer');
  checkSchedule(recipe.schedule, 'recipe.schedule');
  if (recipe.decaySchedule !== undefined) checkSchedule(recipe.decaySchedule, 'recipe.decaySchedule');
  if (recipe.store !== undefined) checkStore(recipe.store, 'recipe.store');
  if (recipe.inference !== undefined && !Array.isArray(recipe.inference))
    throw new ArgumentError('recipe.inference', recipe.inference, 'a list of { name, w }');
  recipe.inference?.forEach(({ name, w }, i) => {
    if (typeof name !== 'string' || name === '')
      throw new ArgumentError(`recipe.inference[${i}].name`, name, 'a text that is not empty');
    if (w === null || w === undefined) throw new ArgumentError(`recipe.inference[${i}].w`, w, 'a quantiser');
    checkQuantizer(`recipe.inference[${i}].w`, w, false);
  });
}

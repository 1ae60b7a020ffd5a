/**
 * The check of a recipe, which may come from a file: it names the field that is wrong. What each field may be is
 * recipe-schema.ts; rules that belong to an optimiser, a store, a schedule or a quantiser are theirs.
 */
import { within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { toFormat } from '../formats/index.ts';
import { checkSchema } from '../schema.ts';
import { resolvePolicy } from '../tfjs/resolve-policy.ts';
import { checkOptimizer } from './optimizers/index.ts';
import { checkQuantizerSpec } from './quantizer-spec.ts';
import type { LinearSlots, Phase, QuantizerSpec, Recipe } from './recipe.ts';
import { recipeSchema } from './recipe-schema.ts';
import { checkSchedule } from './schedule.ts';
import { checkStore } from './stores/index.ts';

function checkQuantizer(path: string, spec: QuantizerSpec | 'same' | null): void {
  if (spec !== null && spec !== 'same') checkQuantizerSpec(path, spec);
}

function checkSlots(path: string, { forward, inputGradient, weightGradient }: LinearSlots): void {
  checkQuantizer(`${path}.forward.x`, forward.x);
  checkQuantizer(`${path}.forward.w`, forward.w);
  checkQuantizer(`${path}.inputGradient.g`, inputGradient.g);
  checkQuantizer(`${path}.inputGradient.w`, inputGradient.w);
  checkQuantizer(`${path}.weightGradient.g`, weightGradient.g);
  checkQuantizer(`${path}.weightGradient.x`, weightGradient.x);
}

function checkPhase(path: string, phase: Phase, previous: Phase | undefined): void {
  const { from, emulate } = phase;
  if (previous === undefined ? from !== 0 : from <= previous.from)
    throw new ArgumentError(
      `${path}.from`,
      from,
      previous === undefined ? '0 for the first phase' : `a number above ${previous.from} and below 1`,
    );
  checkSlots(`${path}.linear`, phase.linear);
  phase.layers?.forEach((layer, i) => {
    checkSlots(`${path}.layers[${i}].linear`, layer.linear);
  });
  if (emulate !== null)
    within(`${path}.emulate`, () => {
      toFormat(emulate.format);
      resolvePolicy(emulate);
    });
}

/**
 * Checks a recipe, which may come from a file: types and ranges first, then what joins several fields.
 * @throws ArgumentError naming the field, such as `recipe.phases[1].linear.forward.w.format`.
 */
export function checkRecipe(recipe: Recipe): void {
  checkSchema('recipe', recipe, recipeSchema);
  recipe.phases.forEach((phase, i) => {
    checkPhase(`recipe.phases[${i}]`, phase, recipe.phases[i - 1]);
  });
  checkOptimizer(recipe.optimizer, 'recipe.optimizer');
  checkSchedule(recipe.schedule, 'recipe.schedule');
  if (recipe.decaySchedule !== undefined) checkSchedule(recipe.decaySchedule, 'recipe.decaySchedule');
  if (recipe.store !== undefined) checkStore(recipe.store, 'recipe.store');
  recipe.inference?.forEach(({ w }, i) => {
    checkQuantizer(`recipe.inference[${i}].w`, w);
  });
}

/**
 * What an evaluation takes of a recipe: the slots of its last phase, at their full strength, whose quantisers remember nothing, so that they read
 * any model alike, trained with the recipe or not.
 */
import { ArgumentError } from '../errors.ts';
import type { EngineParameter } from './engine/parameters.ts';
import { blocksOf, checkMatches, slotsUnder } from './engine/rules.ts';
import { hasMemory } from './engine/slot-spec.ts';
import { rulesOfPhase } from './engine/timeline.ts';
import type { OperandSpec } from './linear-slots.ts';
import type { Recipe } from './recipe.ts';
import { float32 } from './recipes/baselines.ts';

/** The recipe of an evaluation. Throws ArgumentError naming a field of `recipe` that it cannot have, or a rule that is for nothing. */
export function evaluationRecipe(given: Recipe, parameters: readonly EngineParameter[]): Recipe {
  const { phases, rules, events = [] } = given;
  if (events.length > 0)
    throw new ArgumentError('recipe.events', events, 'none: an evaluation has the last phase of a recipe');
  const { linear, layers, emulate, rules: own } = phases.at(-1)!;
  const recipe: Recipe = {
    ...float32(),
    phases: [
      {
        ...{ from: 0, optimizerState: 'keep', linear, emulate },
        ...(layers && { layers }),
        ...(own && { rules: own }),
      },
    ],
    ...(rules && { rules }),
  };
  checkMatches(recipe, parameters);
  const inForce = rulesOfPhase(recipe, recipe.phases[0]!);
  for (const one of parameters) {
    const { forward } = slotsUnder(inForce, one, blocksOf(parameters));
    for (const [slot, spec] of Object.entries(forward))
      if (slot !== 'accumulate' && spec !== null && hasMemory(spec as OperandSpec))
        throw new ArgumentError(
          `recipe, ${one.name}.forward.${slot}`,
          'a quantiser with a memory',
          'one that remembers nothing, as an evaluation has nothing that it was trained with',
        );
  }
  return recipe;
}

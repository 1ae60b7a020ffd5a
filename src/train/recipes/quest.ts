/**
 * QuEST: weights and activations of 1 to 8 bits on a uniform grid under a rotation, gradients where the grid is to be trusted. A
 * configuration and nothing more.
 * Source: Panferov, Chen, Tabesh et al., "QuEST: stable training of LLMs with 1-bit weights and activations", arXiv 2502.05003.
 */
import { boolean, integer, maybe } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

/** What QuEST accepts. */
export interface QuestOptions extends RecipeOptions {
  /** Bits of weights and activations, 1 to 8. Default 4. */
  readonly bits?: number;
  /** False: weights only. Default true. */
  readonly activations?: boolean;
}

const questOptions = optionsOf({ bits: maybe(integer(1, 8)), activations: maybe(boolean) });

/**
 * QuEST. Weights by output channel and activations by token are rotated in blocks of 128 and put on a uniform grid of 2^b values without
 * zero, whose end lies where the squared error of normal data is least. The gradient passes where the error is at most half a step, and is
 * rotated back; gradients themselves are not quantised.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.quest({ bits: 1 }), { model, steps: 1000, seed: 1 });
 */
export function quest(options: QuestOptions = {}): Recipe {
  checkOptions(questOptions, options);
  const { bits = 4, activations = true } = options;
  const grid: OperandSpec = {
    format: `midrise${bits}`,
    scale: { per: 'row', from: 'rms', stored: 'decode' },
    transform: { name: 'hadamard', size: 128 },
    gradient: 'trust',
  };
  const turned: OperandSpec = { ...grid, invert: false };
  const slots: LinearSlots = {
    forward: activations ? { x: turned, w: turned } : { x: null, w: grid },
    inputGradient: { g: null, w: 'same' },
    weightGradient: { g: null, x: 'same' },
  };
  const name = `quest${bits}${activations ? '' : '-weights-only'}`;
  const title = `QuEST, ${bits}-bit weights${activations ? ' and activations' : ''}`;
  return recipe(name, title, [phase(0, slots)], options);
}

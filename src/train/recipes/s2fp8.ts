/**
 * Operands and results of all products in 8-bit floats whose logarithms are shifted and squeezed, so that no scale has to be found.
 * Source: Cambier, Bhiwandiwalla, Gong et al., "Shifted and squeezed 8-bit floating point format for low-precision training of deep
 * neural networks" (S2FP8), arXiv 2001.05674, sections 3 and 4.
 */
import { maybe, word } from '../../schema.ts';
import type { LinearSlots, OutputSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const s2fp8Options = optionsOf({ of: maybe(word(['all', 'linear'])) });

/** What S2FP8 accepts. */
export interface S2fp8Options extends RecipeOptions {
  /** `'all'` (default): every product, those of embedding, head and attention among them; `'linear'`: of layers inside the blocks. */
  readonly of?: 'all' | 'linear';
}

/**
 * S2FP8: inputs and outputs of every product of both passes become 2^beta |x|^alpha, e5m2 numbers, and back; alpha and beta bring the
 * mean logarithm of the tensor's magnitudes to 0 and the largest to 15.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.s2fp8(), { model, steps: 1000, seed: 1 });
 */
export function s2fp8(options: S2fp8Options = {}): Recipe {
  checkOptions(s2fp8Options, options);
  const { of = 'all' } = options;
  const shifted: OutputSpec = { format: 'e5m2', transform: { name: 'log-shift' } };
  const slots: LinearSlots = {
    forward: { x: shifted, w: shifted, y: shifted },
    inputGradient: { g: shifted, w: 'same', dx: shifted },
    weightGradient: { g: shifted, x: 'same', dw: shifted },
  };
  const made = recipe(
    of === 'all' ? 's2fp8' : 's2fp8-linear',
    `S2FP8 at inputs and outputs of ${of === 'all' ? 'all products' : 'linear layers'}`,
    [phase(0, slots)],
    options,
  );
  return of === 'linear' ? made : { ...made, rules: [{ where: { role: 'all' }, set: slots }] };
}

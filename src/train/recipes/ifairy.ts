/**
 * Complex weights of 2 bits, {1, i, -1, -i} times a scale for the real and one for the imaginary, on complex 8-bit activations. A
 * configuration and nothing more. Source: Wang et al., "iFairy: the first 2-bit complex LLM with all parameters in {±1, ±i}", arXiv
 * 2508.05571, and the authors' implementation.
 */
import { boolean, maybe, word } from '../../schema.ts';
import { type LinearSlots, plainSlots } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

/** What iFairy accepts. */
export interface IFairyOptions extends RecipeOptions {
  /** Whether a layer multiplies with the conjugate of its input, as the published code does (default), or with the input. */
  readonly product?: 'conjugate' | 'plain';
  /** False: weights only. Default true. */
  readonly activations?: boolean;
}

const ifairyOptions = optionsOf({
  product: maybe(word(['conjugate', 'plain'])),
  activations: maybe(boolean),
});

/**
 * iFairy: every linear layer is a complex one, its inputs and outputs real parts first and imaginary parts after them. The weight of
 * the layer is the complex one nearest to its matrix, rounded to fourth roots of unity by angle; gradients go straight through.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.ifairy(), steps: 1000, seed: 1 });
 */
export function ifairy(options: IFairyOptions = {}): Recipe {
  checkOptions(ifairyOptions, options);
  const { product = 'conjugate', activations = true, schedule = 'two-stage' } = options;
  const slots: LinearSlots = {
    ...plainSlots,
    forward: {
      x: activations ? { format: 'int8', scale: { per: 'row', from: 'absmax' }, range: 'full' } : null,
      w: { form: { kind: 'complex', ...(product === 'conjugate' ? {} : { product }) } },
    },
  };
  const name = `ifairy${product === 'conjugate' ? '' : '-plain'}${activations ? '' : '-weights-only'}`;
  const clipping = options.update?.gradient === undefined ? { clipNorm: 2 } : {};
  const optimizer = { ...clipping, ...options.optimizer } as RecipeOptions['optimizer'] & object;
  return recipe(name, 'complex weights of 2 bits, fourth roots of unity', [phase(0, slots)], {
    ...options,
    schedule,
    optimizer,
  });
}

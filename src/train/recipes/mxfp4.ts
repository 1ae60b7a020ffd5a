/**
 * Operands of linear layers in MXFP4, a configuration and nothing more: float32 weights, states and everything else.
 * Sources: OCP Microscaling Formats (MX) v1.0; Tseng, Yu, Park, "Training LLMs with MXFP4", arXiv 2502.20586 (stochastic rounding of
 * gradients).
 */
import { maybe } from '../../schema.ts';
import type { LinearSlots, QuantizerSpec, Recipe } from '../recipe.ts';
import { rounding as gradientRounding } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const mxfp4Options = optionsOf({ rounding: maybe(gradientRounding) });

/** What MXFP4 training accepts. */
export interface Mxfp4Options extends RecipeOptions {
  /** How gradients are rounded. Default `'nearest-even'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
}

/**
 * MXFP4: e2m1 elements, scales of 32 of them that are powers of two. Each product quantises its own operands.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.mxfp4(), { model, steps: 1000, seed: 1 });
 */
export function mxfp4(options: Mxfp4Options = {}): Recipe {
  checkOptions(mxfp4Options, options);
  const { rounding = 'nearest-even' } = options;
  const blocks: QuantizerSpec = {
    format: 'e2m1',
    scale: { per: 'block', size: 32, from: 'absmax', format: 'e8m0' },
  };
  const gradients: QuantizerSpec = rounding === 'nearest-even' ? blocks : { ...blocks, rounding };
  const slots: LinearSlots = {
    forward: { x: blocks, w: blocks },
    inputGradient: { g: gradients, w: blocks },
    weightGradient: { g: gradients, x: blocks },
  };
  const name = rounding === 'nearest-even' ? 'mxfp4' : 'mxfp4-stochastic';
  return recipe(name, `MXFP4 operands, ${rounding} gradients`, [phase(0, slots)], options);
}

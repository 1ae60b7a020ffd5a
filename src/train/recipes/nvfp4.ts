/**
 * Operands of linear layers in NVFP4, a configuration and nothing more: float32 weights, states and everything else.
 * Source: NVIDIA, "Pretraining large language models with NVFP4", arXiv 2509.25149.
 */
import { maybe, word } from '../../schema.ts';
import type { LinearSlots, QuantizerSpec, Recipe } from '../recipe.ts';
import { rounding as gradientRounding } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const nvfp4Options = optionsOf({
  hadamard: maybe(word(['fixed', 'step', 'none'])),
  rounding: maybe(gradientRounding),
});

/** What NVFP4 training accepts. */
export interface Nvfp4Options extends RecipeOptions {
  /**
   * Random Hadamard transform of the operands of weight gradients, 16 elements along the tokens: with the signs of the published
   * implementation in all layers and steps (`'fixed'`, default), with signs drawn anew in each step, or none.
   */
  readonly hadamard?: 'fixed' | 'step' | 'none';
  /** How gradients are rounded. Default `'stochastic'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
}

const e4m3Scales = { from: 'absmax', format: 'e4m3fn', tensorScale: true } as const;

/**
 * NVFP4: e2m1 elements, e4m3fn scales of 16 of them, one scale of the tensor. Weights in tiles of 16 x 16, so that the forward and the
 * input gradient's product read the same codes; gradients are rounded stochastically; operands of weight gradients are rotated.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.nvfp4(), { model, steps: 1000, seed: 1 });
 */
export function nvfp4(options: Nvfp4Options = {}): Recipe {
  checkOptions(nvfp4Options, options);
  const { hadamard = 'fixed', rounding = 'stochastic' } = options;
  const blocks: QuantizerSpec = { format: 'e2m1', scale: { per: 'block', size: 16, ...e4m3Scales } };
  const tiles: QuantizerSpec = {
    format: 'e2m1',
    scale: { per: 'tile', rows: 16, columns: 16, ...e4m3Scales },
  };
  const gradients: QuantizerSpec = rounding === 'nearest-even' ? blocks : { ...blocks, rounding };
  const signs = hadamard === 'step' ? { seed: 'step' } : { signs: 'transformer-engine' };
  const turned =
    hadamard === 'none'
      ? {}
      : { transform: { name: 'hadamard', size: 16, ...signs }, invert: false as const };
  const slots: LinearSlots = {
    forward: { x: blocks, w: tiles },
    inputGradient: { g: gradients, w: 'same' },
    weightGradient: { g: { ...gradients, ...turned }, x: { ...blocks, ...turned } },
  };
  const names = [
    ...(hadamard === 'fixed' ? [] : [hadamard === 'step' ? 'step-signs' : 'plain']),
    ...(rounding === 'stochastic' ? [] : ['nearest']),
  ];
  const title = `NVFP4 operands${hadamard === 'none' ? '' : ', random Hadamard'}, ${rounding} gradients`;
  return recipe(['nvfp4', ...names].join('-'), title, [phase(0, slots)], options);
}

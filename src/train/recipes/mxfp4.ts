/**
 * Operands of linear layers in MXFP4, a configuration and nothing more: float32 weights, states and everything else.
 * Sources: OCP Microscaling Formats (MX) v1.0; Tseng, Yu, Park, "Training LLMs with MXFP4", arXiv 2502.20586 (stochastic rounding,
 * 3/4, rotation of gradients' operands); the scale modes of TransformerEngine and torchao (directions).
 */

import { type Direction, directions } from '../../quantizers/power-of-two.ts';
import { maybe, number, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { rounding as gradientRounding } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

/** What MXFP4 training accepts. */
export interface Mxfp4Options extends RecipeOptions {
  /** How gradients are rounded. Default `'nearest-even'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
  /** Gradients are multiplied by this before they are rounded and divided by it after; at most 3/4, none clips. Default 1. */
  readonly prescale?: number;
  /** Which power of two a scale becomes. Default `'floor'`, that of OCP MX. */
  readonly direction?: Direction;
  /** Rotation of the operands of both backward products in blocks of 32, with signs drawn in each step. Default `'none'`. */
  readonly hadamard?: 'step' | 'none';
}

const mxfp4Options = optionsOf({
  rounding: maybe(gradientRounding),
  prescale: maybe(number({ above: 0, to: 1 })),
  direction: maybe(word(directions)),
  hadamard: maybe(word(['step', 'none'])),
});

/**
 * MXFP4: e2m1 elements, scales of 32 of them that are powers of two. Each product quantises its own operands.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.mxfp4({ rounding: 'stochastic', prescale: 0.75 }), { model, steps: 1000, seed: 1 });
 */
export function mxfp4(options: Mxfp4Options = {}): Recipe {
  checkOptions(mxfp4Options, options);
  const { rounding = 'nearest-even', prescale = 1, direction = 'floor', hadamard = 'none' } = options;
  const scale = {
    ...({ per: 'block', size: 32, from: 'absmax', format: 'e8m0' } as const),
    ...(direction === 'floor' ? {} : { direction }),
  };
  const blocks: OperandSpec = { format: 'e2m1', scale };
  const turned: OperandSpec =
    hadamard === 'none'
      ? blocks
      : { ...blocks, transform: { name: 'hadamard', size: 32, seed: 'step' }, invert: false };
  const gradients: OperandSpec = {
    ...turned,
    ...(prescale === 1 ? {} : { scale: { ...scale, prescale } }),
    ...(rounding === 'nearest-even' ? {} : { rounding }),
  };
  const slots: LinearSlots = {
    forward: { x: blocks, w: blocks },
    inputGradient: { g: gradients, w: turned },
    weightGradient: { g: gradients, x: turned },
  };
  const names = [
    ...(rounding === 'nearest-even' ? [] : ['stochastic']),
    ...(prescale === 1 ? [] : [`prescale${prescale}`]),
    ...(direction === 'floor' ? [] : [direction]),
    ...(hadamard === 'none' ? [] : ['step-signs']),
  ];
  const title = `MXFP4 operands, ${hadamard === 'none' ? '' : 'random Hadamard, '}${rounding} gradients`;
  return recipe(['mxfp4', ...names].join('-'), title, [phase(0, slots)], options);
}

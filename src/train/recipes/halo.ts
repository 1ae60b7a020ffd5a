/**
 * Linear layers in 8 or fewer bits whose operands are rotated where outliers hurt, a configuration and nothing more.
 * Source: Ashkboos, Nikdan, Tabesh et al., "HALO: Hadamard-assisted lower-precision optimization for LLMs", arXiv 2501.02625,
 * section 4 (levels 0 to 2).
 */
import { maybe, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec, QuantizerSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const haloOptions = optionsOf({
  level: maybe(word([0, 1, 2])),
  format: maybe(word(['int8', 'e4m3fn', 'e3m2', 'binary32'])),
});

/** What HALO accepts. */
export interface HaloOptions extends RecipeOptions {
  /**
   * 0: no rotation; 1: forward, along what is summed over; 2 (default): in the input gradient too, the gradient's tokens, turned back
   * after the product.
   */
  readonly level?: 0 | 1 | 2;
  /** Of all operands, each tensor with one scale. Default `'int8'`; `'binary32'`: rotations alone. */
  readonly format?: 'int8' | 'e4m3fn' | 'e3m2' | 'binary32';
}

/**
 * HALO: all operands quantised by tensors, the forward product's rotated by a Hadamard transform as wide as the layer.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.halo({ level: 1, format: 'e4m3fn' }), { model, steps: 1000, seed: 1 });
 */
export function halo(options: HaloOptions = {}): Recipe {
  checkOptions(haloOptions, options);
  const { level = 2, format = 'int8' } = options;
  const scaled: QuantizerSpec = { format, scale: { per: 'tensor', from: 'absmax', least: 0 } };
  const plain: OperandSpec = format === 'binary32' ? { format } : scaled;
  const turned: OperandSpec = { ...plain, transform: { name: 'hadamard' }, invert: false };
  const tokens = { name: 'hadamard', axis: -2 };
  const forward = level === 0 ? plain : turned;
  // Without a rotation the forward image is what the backward products would make of the operand.
  const again = level === 0 ? 'same' : plain;
  const slots: LinearSlots = {
    forward: { x: forward, w: forward },
    inputGradient:
      level === 2
        ? { g: { ...plain, transform: tokens, invert: false }, w: again, dx: { turn: tokens } }
        : { g: plain, w: again },
    weightGradient: { g: plain, x: again },
  };
  return recipe(`halo${level}-${format}`, `HALO-${level}, ${format} operands`, [phase(0, slots)], options);
}

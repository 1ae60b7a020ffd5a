/**
 * Every result with fewer bits of mantissa and the exponent of bfloat16: how many a training can lose before it becomes unstable.
 * Source: Lee et al., "To FP8 and back again: quantifying the effects of reducing precision on LLM training stability", arXiv 2405.18710.
 */
import { integer, maybe, word } from '../../schema.ts';
import { plainSlots } from '../linear-slots.ts';
import type { Phase, Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const mantissaMaskOptions = optionsOf({
  mantissaBits: maybe(integer(1, 23)),
  rounding: maybe(word(['toward-zero', 'nearest-even'])),
});

/** What masking accepts. */
export interface MantissaMaskOptions extends RecipeOptions {
  /** Bits that are left, from 1 (E8M1) to 23 (binary32). Default 3: E8M3. */
  readonly mantissaBits?: number;
  /** `'toward-zero'` (default): the others are cleared, as a mask does; `'nearest-even'`: numbers are rounded. */
  readonly rounding?: 'toward-zero' | 'nearest-even';
}

/**
 * E8Mx: every kernel of the forward and backward pass has its results' mantissas cut to x bits; weights and optimiser state stay
 * float32.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.mantissaMask({ mantissaBits: 2 }), steps: 1000, seed: 1 });
 */
export function mantissaMask(options: MantissaMaskOptions = {}): Recipe {
  checkOptions(mantissaMaskOptions, options);
  const { mantissaBits = 3, rounding = 'toward-zero' } = options;
  const isCut = rounding === 'toward-zero';
  const masked: Phase = {
    ...phase(0, plainSlots),
    emulate: { format: `float(8,${mantissaBits})`, ...(isCut ? { rounding } : {}) },
  };
  return recipe(
    `e8m${mantissaBits}${isCut ? '' : '-nearest'}`,
    `E8M${mantissaBits} forward and backward, ${isCut ? 'mantissas cut' : 'rounded to nearest'}`,
    [masked],
    options,
  );
}

/** What low-precision training is compared with: float32, and every result rounded to bfloat16. */
import { plainSlots } from '../linear-slots.ts';
import type { Phase, Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const baselineOptions = optionsOf({});

/** Ordinary training in float32: the baseline. */
export function float32(options: RecipeOptions = {}): Recipe {
  checkOptions(baselineOptions, options);
  return recipe('float32', 'float32', [phase(0, plainSlots)], options);
}

/** Every kernel of the forward and backward pass rounds to bfloat16; weights and optimiser state stay float32. */
export function bfloat16(options: RecipeOptions = {}): Recipe {
  checkOptions(baselineOptions, options);
  const emulated: Phase = { ...phase(0, plainSlots), emulate: { format: 'bfloat16' } };
  return recipe('bfloat16', 'bfloat16, emulated forward and backward', [emulated], options);
}

/**
 * Linear layers whose two products in the width of the layer are 8-bit and whose weight gradient, a sum over all tokens of a batch, is
 * not. Source: Wortsman et al., "Stable and low-precision training for large-scale vision-language models", arXiv 2304.13013, section 2
 * and algorithms 1 (SwitchBack), 3 (SwitchBackM), 4 (SwitchBackQ), and 2 (StableAdamW).
 */
import { checkAbsent } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { boolean, maybe, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec, QuantizerSpec } from '../linear-slots.ts';
import type { Phase, Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const switchBackOptions = optionsOf({
  variant: maybe(word(['switchBack', 'M', 'Q'])),
  weightGradient: maybe(word(['16-bit', 'row', 'tensor'])),
  rest: maybe(word(['bfloat16', 'binary32'])),
  updateClipping: maybe(boolean),
});

/** What SwitchBack accepts. */
export interface SwitchBackOptions extends RecipeOptions {
  /**
   * `'switchBack'` (default): weights with one scale; `'M'`: the weight gradient reads the 8-bit input that the forward product
   * read, so that nothing wider is kept; `'Q'`: weights with a scale for each output forward, for each input backward.
   */
  readonly variant?: 'switchBack' | 'M' | 'Q';
  /**
   * `'16-bit'` (default): the weight gradient reads what it is given; `'row'`, `'tensor'`: its operands are 8-bit too, with a scale
   * for each feature or one for all: what SwitchBack is compared with.
   */
  readonly weightGradient?: '16-bit' | 'row' | 'tensor';
  /** What everything else is rounded to. Default `'bfloat16'`. */
  readonly rest?: 'bfloat16' | 'binary32';
  /** Whether steps are clipped by StableAdamW's rule in place of gradients by their norm. Default true, unless `update` says what is. */
  readonly updateClipping?: boolean;
}

/** Without a least threshold: gradients are small, and a row of zeros is zeros. */
const int8 = (per: 'row' | 'tensor'): QuantizerSpec => ({
  format: 'int8',
  scale: { per, from: 'absmax', least: 0 },
});

/**
 * SwitchBack: 8-bit integers with a scale a token for inputs and gradients and one a tensor for weights, forward and in the input
 * gradient; the weight gradient in 16 bits. StableAdamW clips updates.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.switchBack({ variant: 'M' }), { model, steps: 1000, seed: 1 });
 */
export function switchBack(options: SwitchBackOptions = {}): Recipe {
  checkOptions(switchBackOptions, options);
  const { variant = 'switchBack', weightGradient = '16-bit', rest = 'bfloat16' } = options;
  const { updateClipping = options.update === undefined } = options;
  if (options.update !== undefined && updateClipping)
    throw new ArgumentError('updateClipping', true, 'false or nothing beside update, which says all');
  if (updateClipping)
    checkAbsent(
      'optimizer.clipNorm',
      options.optimizer?.clipNorm,
      'nothing where updates are clipped instead',
    );
  const isImage = variant === 'M';
  const narrow = weightGradient === '16-bit' ? null : int8(weightGradient);
  const narrowInput: OperandSpec | null = narrow && (isImage ? { ...narrow, of: 'image' } : narrow);
  const slots: LinearSlots = {
    forward: { x: int8('row'), w: int8(variant === 'Q' ? 'row' : 'tensor') },
    inputGradient: { g: int8('row'), w: variant === 'Q' ? int8('row') : 'same' },
    weightGradient: { g: narrow, x: narrowInput ?? (isImage ? 'same' : null) },
  };
  const one: Phase = { ...phase(0, slots), emulate: rest === 'binary32' ? null : { format: rest } };
  const names = [
    variant === 'switchBack' ? 'switchback' : `switchback-${variant.toLowerCase()}`,
    ...(narrow === null ? [] : [`int8-${weightGradient}`]),
    ...(rest === 'bfloat16' ? [] : [rest]),
    ...(updateClipping || options.update !== undefined ? [] : ['unclipped']),
  ];
  const title = `${variant === 'switchBack' ? 'SwitchBack' : `SwitchBack${variant}`}, weight gradient in ${narrow === null ? rest : `int8 by ${weightGradient}`}`;
  const made = recipe(names.join('-'), title, [one], options);
  return updateClipping ? { ...made, update: { gradient: [], step: [{ kind: 'rmsClip' }] } } : made;
}

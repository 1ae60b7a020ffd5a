/**
 * Activations in 8 bits from the forward pass to the backward pass, nothing else. Source: Pan, Chen, He et al., "Mesa: a memory-saving
 * training framework for transformers", arXiv 2111.11124.
 */
import { integer, line, list, maybe, number, word } from '../../schema.ts';
import { plainSlots } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import type { RangesSaved, SavedRule } from '../saved/spec.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const mesaOptions = optionsOf({
  groups: maybe(integer(1, 65536)),
  decay: maybe(number({ from: 0, below: 1 })),
  rounding: maybe(word(['nearest-even', 'stochastic'])),
  least: maybe(integer(0, 2 ** 31)),
  exempt: maybe(list(line(200), 0, 50)),
});

/** What Mesa accepts. */
export interface MesaOptions extends RecipeOptions {
  /** Groups of a tensor's last axis, and heads of attention, that have ranges of their own. Default 4. */
  readonly groups?: number;
  /** What is left of running ranges a step later. Default 0.9. */
  readonly decay?: number;
  /** Default `'nearest-even'`. */
  readonly rounding?: 'nearest-even' | 'stochastic';
  /** Smaller tensors stay as they are. Default 4096 elements. */
  readonly least?: number;
  /** Layers, as globs, whose tensors stay as they are. Default: none. */
  readonly exempt?: readonly string[];
}

/**
 * Mesa: what linear layers, convolutions, norms, activation functions, attention and softmax keep for their gradients is held as 8-bit
 * codes between running ranges of groups and heads. The forward pass is that of float32.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.mesa({ groups: 8 }), { model, steps: 1000, seed: 1 });
 */
export function mesa(options: MesaOptions = {}): Recipe {
  checkOptions(mesaOptions, options);
  const { groups = 4, decay = 0.9, rounding = 'nearest-even', least, exempt = [] } = options;
  const codec: RangesSaved = {
    ...{ kind: 'ranges8', groups },
    ...(decay === 0.9 ? {} : { decay }),
    ...(rounding === 'nearest-even' ? {} : { rounding }),
    ...(least === undefined ? {} : { least }),
  };
  const saved: SavedRule[] = [
    { where: {}, codec },
    ...exempt.map((layer): SavedRule => ({ where: { layer }, codec: { kind: 'none' } })),
  ];
  const names = [
    'mesa',
    ...(groups === 4 ? [] : [String(groups)]),
    ...(decay === 0.9 ? [] : [`decay${decay}`]),
    ...(rounding === 'nearest-even' ? [] : [rounding]),
    ...(exempt.length === 0 ? [] : ['exempt']),
  ];
  const made = recipe(
    names.join('-'),
    `float32, activations kept in 8 bits by ${groups} groups`,
    [phase(0, plainSlots)],
    options,
  );
  return { ...made, saved };
}

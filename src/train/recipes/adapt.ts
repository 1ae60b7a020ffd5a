/**
 * AdaPT: fixed-point operands whose word and fraction length every layer has for itself, as its weights and gradients tell.
 * Source: Kummer, Sidak, Reichmann, Gansterer, "Adaptive precision training (AdaPT)", arXiv 2107.13490, and the authors' implementation.
 */

import { checkAscending } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { boolean, integer, list, maybe, number, type Schema, word } from '../../schema.ts';
import { type AdaptSpec, adaptSettings, longestWord } from '../controllers/adapt.ts';
import { nameOf } from '../controllers/fixed-slots.ts';
import type { LinearSlots, OutputSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const pair = (each: Schema<number>) => maybe(list(each, 2, 2));
const gradientOptions = ['weights', 'all', 'float32'] as const;

const adaPTOptions = optionsOf({
  word: maybe(integer(2, longestWord)),
  fraction: maybe(integer(0, longestWord - 1)),
  gradients: maybe(word(gradientOptions)),
  normalize: maybe(boolean),
  lookback: pair(integer(1, 10_000)),
  bins: pair(integer(1, 10_000)),
  momentum: maybe(number({ from: 0, to: 1 })),
  buffer: maybe(integer(1, longestWord - 1)),
  tolerance: maybe(number({ from: 0, to: 1e38 })),
});

/** What AdaPT accepts. */
export interface AdaPTOptions extends RecipeOptions, Omit<AdaptSpec, 'kind'> {
  /** Bits of every number in the beginning, its sign included, and those after the point. Defaults 8 and 4. */
  readonly word?: number;
  readonly fraction?: number;
  /**
   * Which gradients are in the layer's format as well: `'weights'` (default): those of weights, as the authors' implementation has it; `'all'`:
   * those that backward products read too; `'float32'`: none.
   */
  readonly gradients?: (typeof gradientOptions)[number];
  /** Whether gradients are divided by their norms, as there. Default false. */
  readonly normalize?: boolean;
}

/**
 * AdaPT: operands of linear layers are fixed-point numbers, rounded stochastically. A layer's format is the shortest that keeps the
 * histogram of its weights, with bits more the more its gradients agree.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.adaPT({ lookback: [10, 50] }), { model, steps: 1000, seed: 1 });
 */
export function adaPT(options: AdaPTOptions = {}): Recipe {
  checkOptions(adaPTOptions, options);
  const {
    word: bits = 8,
    fraction = Math.min(4, bits - 1),
    gradients = 'weights',
    normalize = false,
  } = options;
  const { lookback, bins, momentum, buffer, tolerance } = options;
  if (fraction >= bits) throw new ArgumentError('fraction', fraction, `fewer bits than the word's ${bits}`);
  const fixed: OutputSpec = {
    format: nameOf({ word: bits, fraction }),
    rounding: 'stochastic',
    range: 'full',
  };
  const g = gradients === 'all' ? fixed : null;
  const slots: LinearSlots = {
    forward: { x: fixed, w: fixed },
    inputGradient: { g, w: 'same' },
    weightGradient: { g, x: 'same', ...(gradients === 'float32' ? {} : { dw: fixed }) },
  };
  const given = { lookback, bins, momentum, buffer, tolerance };
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const controller: AdaptSpec = { kind: 'adaPT', ...own };
  for (const [field, ends] of Object.entries({ lookback, bins }).flatMap(([name, given]) =>
    given === undefined ? [] : [[name, given] as const],
  ))
    checkAscending(field, ends, ends, false);
  const { update = {} } = options;
  const { gradient = [] } = update;
  // A loss scale is the first of the operators.
  const before = gradient[0]?.kind === 'lossScale' ? 1 : 0;
  const unit = {
    ...update,
    gradient: [...gradient.slice(0, before), { kind: 'unitNorm' } as const, ...gradient.slice(before)],
  };
  const suffix = [...(gradients === 'weights' ? [] : [gradients]), ...(normalize ? ['unit'] : [])];
  const made = recipe(
    ['adapt', `${bits}.${fraction}`, ...suffix].join('-'),
    `AdaPT, fixed-point operands from <${bits}, ${fraction}> on, looking back on ${adaptSettings(controller).lookback.join(' to ')} gradients`,
    [phase(0, slots)],
    normalize ? { ...options, update: unit } : options,
  );
  return { ...made, controller };
}

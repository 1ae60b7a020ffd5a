/**
 * Optimiser states in a few dimensions of a gradient. Sources: Zhao et al., "GaLore: memory-efficient LLM training by gradient low-rank
 * projection", arXiv 2403.03507; Zhang et al., "Q-GaLore", arXiv 2407.08296, and the authors' implementation.
 */
import { checkAbsent } from '../../check.ts';
import { boolean, integer, maybe, number, word } from '../../schema.ts';
import { plainSlots } from '../linear-slots.ts';
import { momentsOf } from '../optimizers/settings.ts';
import type { Recipe } from '../recipe.ts';
import type { ProjectSpec } from '../update/spec.ts';
import { checkOptions, optionsWithoutUpdate, phase, type RecipeOptions, recipe } from './base.ts';
import { groupInt8Weights } from './stored-weights.ts';

const common = {
  rank: maybe(integer(1, 2 ** 16)),
  period: maybe(integer(1, 2 ** 31)),
  scale: maybe(number({ above: 0, to: 1e38 })),
  of: maybe(word(['linear', 'all'])),
};
const galoreOptions = optionsWithoutUpdate(common);
const qGaloreOptions = optionsWithoutUpdate({
  ...common,
  threshold: maybe(number({ from: 0, to: 1 })),
  queue: maybe(integer(1, 1000)),
  group: maybe(integer(1, 2 ** 24)),
  adaptive: maybe(boolean),
});

/** What GaLore accepts. */
export interface GaloreOptions extends Omit<RecipeOptions, 'update'> {
  /** Dimensions of a gradient's shorter side that are kept. Default 32. */
  readonly rank?: number;
  /** Steps after which they are found anew. Default 200. */
  readonly period?: number;
  /** Factor on steps. Default 0.25. */
  readonly scale?: number;
  /** Which matrices: those inside the blocks (default), or all. */
  readonly of?: 'linear' | 'all';
}

/** What Q-GaLore accepts. */
export interface QGaloreOptions extends GaloreOptions {
  /** Whether the period doubles where the basis has stopped to turn. Default true. */
  readonly adaptive?: boolean;
  /** Mean cosine of successive first vectors from which on it does. Default 0.4. */
  readonly threshold?: number;
  /** Cosines that the mean is of. Default 5. */
  readonly queue?: number;
  /** Elements that share a scale: of weights, projectors and states. Default 256. */
  readonly group?: number;
}

const projectOf = ({ rank = 32, period = 200, scale = 0.25, of = 'linear' }: GaloreOptions): ProjectSpec => ({
  ...{ rank, period, scale },
  ...(of === 'linear' ? {} : { of }),
});

const namesOf = ({ rank = 32, period = 200, scale = 0.25, of = 'linear' }: GaloreOptions): string[] => [
  ...(rank === 32 ? [] : [`r${rank}`]),
  ...(period === 200 ? [] : [`t${period}`]),
  ...(scale === 0.25 ? [] : [`scale${scale}`]),
  ...(of === 'linear' ? [] : [of]),
];

/**
 * GaLore: the optimiser sees the gradient of a matrix in its first singular directions, found anew every 200 steps, and its
 * moments are as small.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-small', data, recipe: recipes.galore({ rank: 32 }), steps: 1000, seed: 1 });
 */
export function galore(options: GaloreOptions = {}): Recipe {
  checkOptions(galoreOptions, options);
  const { rank = 32 } = options;
  return recipe(
    ['galore', ...namesOf(options)].join('-'),
    `GaLore, gradients in ${rank} dimensions`,
    [phase(0, plainSlots)],
    { ...options, update: { project: projectOf(options) } },
  );
}

/**
 * Q-GaLore: GaLore with weights in 8-bit integers and no wider copy, written back stochastically, projectors in 4-bit integers, moments in
 * 8 bits, and a period that doubles where the directions have settled.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-small', data, recipe: recipes.qGalore(), steps: 1000, seed: 1 });
 */
export function qGalore(options: QGaloreOptions = {}): Recipe {
  checkOptions(qGaloreOptions, options);
  const { rank = 32, group = 256, adaptive = true, threshold = 0.4, queue = 5, optimizer } = options;
  if (!adaptive)
    for (const option of ['threshold', 'queue'] as const)
      checkAbsent(option, options[option], 'nothing where adaptive is false: the period stays');
  const names = [
    ...namesOf(options),
    ...(adaptive ? [] : ['fixed']),
    ...(threshold === 0.4 && queue === 5 ? [] : [`${threshold}-${queue}`]),
    ...(group === 256 ? [] : [`group${group}`]),
  ];
  const project: ProjectSpec = {
    ...projectOf(options),
    ...(adaptive ? { adaptive: { threshold, queue } } : {}),
    quantizer: { format: 'uint4', scale: { per: 'block', size: group, from: 'minmax' } },
  };
  const made = recipe(
    ['q-galore', ...names].join('-'),
    `Q-GaLore, gradients in ${rank} dimensions, 8-bit weights and moments`,
    [phase(0, plainSlots)],
    { ...options, update: { project } },
  );
  const codec = { kind: 'dynamic8', block: group } as const;
  const codecs = Object.fromEntries(momentsOf(made.optimizer).map((moment) => [moment, codec]));
  return {
    ...made,
    optimizer: { ...made.optimizer, ...codecs, ...optimizer } as Recipe['optimizer'],
    store: groupInt8Weights({ size: group }).store!,
  };
}

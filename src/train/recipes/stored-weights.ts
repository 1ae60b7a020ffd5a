/**
 * Weights that lie between two steps in few bits, each recipe a configuration and nothing more.
 * Sources: Zhao et al., "Direct quantized training", arXiv 2412.04787; Zhang et al., "Q-GaLore", arXiv 2407.08296 (groups of 8-bit
 * integers).
 */
import { boolean, maybe, value } from '../../schema.ts';
import { type LinearSlots, plainSlots, type Recipe } from '../recipe.ts';
import { gridRange, groupSize, selection, rounding as writeBack } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';
import { bitnetSlots, ternaryWeights } from './bitnet.ts';

const bits = value<number>(
  (given) => given === 1.58 || (Number.isInteger(given) && (given as number) >= 2 && (given as number) <= 16),
  '1.58, or an integer from 2 to 16',
);

const dqtOptions = optionsOf({
  bits,
  rounding: maybe(writeBack),
  range: maybe(gridRange),
  of: maybe(selection),
  activations: maybe(boolean),
  ternaryInference: maybe(boolean),
});
const bfloat16Options = optionsOf({ rounding: maybe(writeBack), of: maybe(selection) });
const groupOptions = optionsOf({ size: maybe(groupSize), rounding: maybe(writeBack) });

/** What direct quantised training accepts. */
export interface DqtOptions extends RecipeOptions {
  /** Bits of a weight: 1.58 (ternary), or 2 to 16. */
  readonly bits: number;
  /** How an updated weight is written back. Default `'stochastic'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
  /** Default `'absmean'`, the paper's. */
  readonly range?: 'absmean' | { readonly deviations: number };
  /** Which parameters are on the grid. Default `'linear'`; the paper's code: `'all'`. */
  readonly of?: 'linear' | 'all' | { readonly match: string };
  /** Activations of linear layers as 8-bit integers per row. Default true. */
  readonly activations?: boolean;
  /** Also validate with ternary (absmean) weights at the end. Default: where bits is above 1.58. */
  readonly ternaryInference?: boolean;
}

/**
 * Direct quantised training: weights are codes of a fixed grid and nothing else, read as they are stored. Weight decay
 * comes after the step, as in the paper's code, and the rate falls to 0, so that the noise of rounding does.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.dqt({ bits: 8 }), steps: 1000, seed: 1 });
 */
export function dqt(options: DqtOptions): Recipe {
  checkOptions(dqtOptions, options);
  const { bits, rounding = 'stochastic', range = 'absmean', of = 'linear', activations = true } = options;
  const isTernary = bits === 1.58;
  const {
    ternaryInference = !isTernary,
    optimizer,
    schedule = { kind: 'cosine', warmup: 0.05, final: 0 },
  } = options;
  const slots: LinearSlots = activations
    ? { ...plainSlots, forward: { x: bitnetSlots.forward.x, w: null } }
    : plainSlots;
  const names = [
    `dqt${bits}`,
    ...(rounding === 'stochastic' ? [] : ['nearest']),
    ...(range === 'absmean' ? [] : [`${range.deviations}sigma`]),
    ...(of === 'linear' ? [] : [of === 'all' ? 'all' : 'some']),
    ...(activations ? [] : ['weights-only']),
  ];
  const made = recipe(
    names.join('-'),
    `direct quantised training, ${isTernary ? 'ternary' : `${bits}-bit`} weights, ${rounding} write-back`,
    [phase(0, slots)],
    {
      ...options,
      schedule,
      optimizer: { decay: 'after', ...optimizer } as RecipeOptions['optimizer'] & object,
    },
  );
  return {
    ...made,
    store: { kind: 'grid', format: isTernary ? 'ternary' : `int${bits}`, rounding, range, of },
    ...(ternaryInference ? { inference: [{ name: 'ternary', w: ternaryWeights }] } : {}),
  };
}

/** Weights as bfloat16 codes and no wider copy, written back with stochastic or nearest rounding. */
export function bfloat16Weights(
  options: RecipeOptions & {
    readonly rounding?: 'stochastic' | 'nearest-even';
    readonly of?: 'linear' | 'all' | { readonly match: string };
  } = {},
): Recipe {
  checkOptions(bfloat16Options, options);
  const { rounding = 'stochastic', of = 'linear' } = options;
  const made = recipe(
    `bfloat16-weights${rounding === 'stochastic' ? '' : '-nearest'}`,
    `weights held in bfloat16, ${rounding} write-back`,
    [phase(0, plainSlots)],
    options,
  );
  return { ...made, store: { kind: 'bfloat16', rounding, of } };
}

/** Weights as 8-bit integers in groups with scale and zero point, taken anew each step (Q-GaLore's weights). */
export function groupInt8Weights(
  options: RecipeOptions & { readonly size?: number; readonly rounding?: 'stochastic' | 'nearest-even' } = {},
): Recipe {
  checkOptions(groupOptions, options);
  const { rounding = 'stochastic', size = 256 } = options;
  const made = recipe(
    `int8-group${size}${rounding === 'stochastic' ? '' : '-nearest'}`,
    `weights held as 8-bit integers in groups of ${size}, ${rounding} write-back`,
    [phase(0, plainSlots)],
    options,
  );
  return { ...made, store: { kind: 'group-int8', size, rounding } };
}

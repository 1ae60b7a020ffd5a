/**
 * Quartet: all three products of linear layers in MXFP4, forward with the least error, backward without bias. A configuration and nothing
 * more.
 * Source: Castro, Panferov et al., "Quartet: native FP4 training can be optimal for large language models", arXiv 2505.14669,
 * algorithm 1.
 */
import { maybe, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { rounding } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

/** What Quartet accepts. */
export interface QuartetOptions extends RecipeOptions {
  /** How what the forward product reads is rounded. Default `'nearest-even'`. */
  readonly forward?: 'nearest-even' | 'stochastic';
  /**
   * How what backward products read is rounded, after a factor of 3/4 with which nothing clips: stochastically (default), to nearest, or
   * to nearest and times 1.009276 (`'aligned'`), which takes the bias of the length away.
   */
  readonly backward?: 'stochastic' | 'nearest-even' | 'aligned';
}

const quartetOptions = optionsOf({
  forward: maybe(rounding),
  backward: maybe(word(['stochastic', 'nearest-even', 'aligned'])),
});

/** By how much rounding to nearest shortens blocks of normal numbers on average, inverted. */
const alignment = 1.009276;

const block = { per: 'block', size: 32, format: 'e8m0' } as const;
const rotation = { name: 'hadamard', size: 32 } as const;

/**
 * Quartet. Forward operands are rotated in blocks of 32 and stay so: their scales are powers of two from the standard deviation, and the
 * gradient is masked where they clip. Backward products read these images again, quantised along what they sum over under fresh signs;
 * what comes out is masked and rotated back.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.quartet(), { model, steps: 1000, seed: 1 });
 */
export function quartet(options: QuartetOptions = {}): Recipe {
  checkOptions(quartetOptions, options);
  const { forward = 'nearest-even', backward = 'stochastic' } = options;
  const operand: OperandSpec = {
    format: 'e2m1',
    ...(forward === 'nearest-even' ? {} : { rounding: forward }),
    scale: { ...block, from: 'std' },
    transform: rotation,
    invert: false,
    gradient: { name: 'clipped', strict: true },
  };
  const gradient: OperandSpec = {
    format: 'e2m1',
    ...(backward === 'stochastic' ? { rounding: backward } : {}),
    scale: {
      ...block,
      from: 'absmax',
      prescale: 0.75,
      ...(backward === 'aligned' ? { gain: alignment } : {}),
    },
    transform: { ...rotation, seed: 'step' },
    invert: false,
  };
  const image: OperandSpec = { ...gradient, of: 'image' };
  const slots: LinearSlots = {
    forward: { x: operand, w: operand },
    inputGradient: { g: gradient, w: image },
    weightGradient: { g: gradient, x: image },
  };
  const names = [
    ...(forward === 'nearest-even' ? [] : ['stochastic-forward']),
    ...(backward === 'stochastic' ? [] : [backward === 'aligned' ? 'aligned' : 'nearest']),
  ];
  const title = `Quartet: MXFP4 operands, ${forward} forward, ${backward} backward`;
  return recipe(['quartet', ...names].join('-'), title, [phase(0, slots)], options);
}

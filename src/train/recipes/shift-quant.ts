/**
 * Layers on integers of 4 to 6 bits whose activations and gradients have shifts by groups of channels, a configuration and nothing more.
 * Source: Guo et al., "Towards accurate and efficient sub-8-bit integer training" (ShiftQuant), arXiv 2411.10948, section 4.
 */
import { integer, maybe, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { rounding as roundings } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const shiftQuantOptions = optionsOf({
  bits: maybe(word([4, 5, 6])),
  groups: maybe(integer(1, 256)),
  rounding: maybe(roundings),
});

/** What ShiftQuant accepts. */
export interface ShiftQuantOptions extends RecipeOptions {
  /** Of every operand. Default 6. */
  readonly bits?: 4 | 5 | 6;
  /** Different shifts of a tensor's channels, none being one of them; 1: one scale a tensor. Default 4. */
  readonly groups?: number;
  /** Of gradients. Default `'stochastic'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
}

/**
 * ShiftQuant: weights as integers with one scale, activations and gradients as integers with one scale and a shift for each group of
 * channels. For convolutional nets with the paper's norm: the preset `conv-l1`.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.shiftQuant({ bits: 4 }), { model, steps: 1000, seed: 1 });
 */
export function shiftQuant(options: ShiftQuantOptions = {}): Recipe {
  checkOptions(shiftQuantOptions, options);
  const { bits = 6, groups = 4, rounding = 'stochastic' } = options;
  const integers: OperandSpec = {
    format: `int${bits}`,
    scale: { per: 'tensor', from: 'absmax', least: 0 },
  };
  // Channels lie along what the forward product and the input gradient sum over; in the weight gradient each is a row.
  const shifted = (axis: -1 | -2): OperandSpec => ({
    ...integers,
    transform: { name: 'shift-groups', groups, axis },
  });
  const gradient = (axis: -1 | -2): OperandSpec =>
    rounding === 'stochastic' ? { ...shifted(axis), rounding } : shifted(axis);
  const slots: LinearSlots = {
    forward: { x: shifted(-1), w: integers },
    inputGradient: { g: gradient(-1), w: 'same' },
    weightGradient: { g: gradient(-2), x: 'same' },
  };
  const name = `shiftquant${bits}${groups === 4 ? '' : `-groups${groups}`}${rounding === 'stochastic' ? '' : '-nearest'}`;
  const title = `${bits}-bit integers, ${groups} shifts of channels, ${rounding} gradients`;
  return recipe(name, title, [phase(0, slots)], options);
}

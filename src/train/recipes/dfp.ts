/**
 * Layers on 16-bit integers with one exponent a tensor, whose products are summed as 32-bit integers in short chunks; a configuration
 * and nothing more. Source: Das, Mellempudi, Mudigere et al., "Mixed precision training of convolutional neural networks using integer
 * operations", arXiv 1802.00930, sections 3 (dynamic fixed point) and 4 (chunks).
 */
import { ArgumentError } from '../../errors.ts';
import { integer, maybe, word } from '../../schema.ts';
import type { AccumulatorSpec } from '../../tfjs/accumulator.ts';
import { type LinearSlots, plainSlots, type QuantizerSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { rounding as roundings } from '../recipe-schema.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

const dfpOptions = optionsOf({
  preShift: maybe(word([0, 1, 2])),
  chunk: maybe(integer(1, 32)),
  rounding: maybe(roundings),
  results: maybe(word(['binary32', 'int16'])),
  first: maybe(word(['int16', 'binary32'])),
});

/** What training on integers accepts. */
export interface Dfp16Options extends RecipeOptions {
  /** Bits that operands are shifted right by before they are multiplied, so that more products fit a 32-bit sum. Default 1. */
  readonly preShift?: 0 | 1 | 2;
  /** Products in a 32-bit sum. Default: as many as can never overflow, 2^(1 + 2 preShift), which is the most. */
  readonly chunk?: number;
  /** Of elements. Default `'nearest-even'`. */
  readonly rounding?: 'nearest-even' | 'stochastic';
  /** What results are: sums as they are (default), or shifted down to 16 bits by the leading zeros of the largest. */
  readonly results?: 'binary32' | 'int16';
  /** What the first block reads: default as the others; the paper's first convolution is binary32. */
  readonly first?: 'int16' | 'binary32';
}

/**
 * Dynamic fixed point: operands of all products as 16-bit integers times 2^E, E of the tensor's largest magnitude; sums of a few
 * products are 32-bit integers, added up in binary32.
 * @throws ArgumentError if an option is not valid, or chunks could overflow.
 * @example
 * const run = await applyRecipe(tf, recipes.dfp16({ preShift: 2 }), { model, steps: 1000, seed: 1 });
 */
export function dfp16(options: Dfp16Options = {}): Recipe {
  checkOptions(dfpOptions, options);
  const { preShift = 1, rounding = 'nearest-even', results = 'binary32', first = 'int16' } = options;
  const most = 2 ** (1 + 2 * preShift);
  const { chunk = most } = options;
  if (chunk > most)
    throw new ArgumentError('chunk', chunk, `at most ${most} with preShift ${preShift}: more may overflow`);
  const fixed = (bits: number): QuantizerSpec => ({
    format: `int${bits}`,
    scale: { per: 'tensor', from: 'absmax', format: 'e8m0' },
    ...(rounding === 'nearest-even' ? {} : { rounding }),
  });
  const operand = fixed(16 - preShift);
  const accumulate: AccumulatorSpec = {
    products: 'exact',
    accumulate: 'binary32',
    order: { chunk, sums: 'exact' },
  };
  const result = results === 'int16' ? fixed(16) : undefined;
  const slots: LinearSlots = {
    forward: { x: operand, w: operand, ...(result && { y: result }), accumulate },
    inputGradient: { g: operand, w: 'same', ...(result && { dx: result }), accumulate },
    weightGradient: { g: operand, x: 'same', ...(result && { dw: result }), accumulate },
  };
  const name = [
    `dfp16-shift${preShift}`,
    ...(chunk === most ? [] : [`chunk${chunk}`]),
    ...(rounding === 'nearest-even' ? [] : [rounding]),
    ...(result === undefined ? [] : ['int16-results']),
    ...(first === 'int16' ? [] : ['first-binary32']),
  ].join('-');
  const made = recipe(
    name,
    `16-bit dynamic fixed point, 32-bit sums of ${chunk}`,
    [phase(0, slots)],
    options,
  );
  if (first === 'int16') return made;
  const plain = {
    forward: { ...plainSlots.forward, y: null, accumulate: null },
    inputGradient: { ...plainSlots.inputGradient, dx: null, accumulate: null },
    weightGradient: { ...plainSlots.weightGradient, dw: null, accumulate: null },
  };
  return { ...made, rules: [{ where: { depth: [0, 0] }, set: plain }] };
}

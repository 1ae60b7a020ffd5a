/**
 * A trained model quantised block by block, each trained to give what the float32 block gives, then trained end to end in its steps alone.
 * A configuration and nothing more. Source: Chen, Shao, Xu et al., "EfficientQAT: efficient quantization-aware training for large language
 * models", arXiv 2407.11062.
 */
import { integer, maybe, number } from '../../schema.ts';
import { type OperandSpec, plainSlots } from '../linear-slots.ts';
import type { Phase, Recipe, RuleSet } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';
import { groupedWeights } from './lsq.ts';

/** What EfficientQAT accepts. */
export interface EfficientQatOptions extends RecipeOptions {
  /** Bits of weights, 2 to 8. Default 2. */
  readonly bits?: number;
  /** Weights that share a step and a zero point. Default 64. */
  readonly group?: number;
  /** Blocks of the model, at most. Default 2. */
  readonly blocks?: number;
  /** Part of all steps in which blocks are trained one by one, each as long: above 0 and below 1. Default 0.6. */
  readonly blockwise?: number;
  /** Peak rate of steps and zero points, block by block. Default 1e-4. */
  readonly scaleRate?: number;
  /** Peak rate of weights, and all else that a block has. Default, as published: a fifth of `scaleRate` at 2 bits, else a tenth. */
  readonly weightRate?: number;
  /** Peak rate of steps end to end. Default, as published: likewise. */
  readonly endRate?: number;
}

const rate = maybe(number({ above: 0, to: 1 }));

const efficientQatOptions = optionsOf({
  bits: maybe(integer(2, 8)),
  group: maybe(integer(1, 2 ** 20)),
  blocks: maybe(integer(1, 99)),
  blockwise: maybe(number({ above: 0, below: 1 })),
  scaleRate: rate,
  weightRate: rate,
  endRate: rate,
});

/**
 * EfficientQAT: from the weights of a trained model, one block after the other is trained in all that it has, weights, steps and zero
 * points, to give what the float32 block gives; then codes stay as they are, and their steps alone are trained, by the task's loss. Steps
 * are within 1e-4 and 1e4.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.efficientQat({ bits: 3 }), steps: 1000, seed: 1 });
 */
export function efficientQat(options: EfficientQatOptions = {}): Recipe {
  checkOptions(efficientQatOptions, options);
  const { bits = 2, group = 64, blocks = 2, blockwise = 0.6, scaleRate = 1e-4 } = options;
  const least = scaleRate / (bits === 2 ? 5 : 10);
  const { weightRate = least, endRate = least } = options;
  const grouped = groupedWeights(bits, group, scaleRate);
  const w: OperandSpec = {
    ...grouped,
    learn: grouped.learn.map((one) => (one.of === 'scale' ? { ...one, within: [1e-4, 1e4] } : one)),
  };
  const slots = { ...plainSlots, forward: { x: null, w } };
  const rest: RuleSet = { frozen: true, learns: [] };
  const alone = (block: number): Phase => ({
    ...phase((block * blockwise) / blocks, slots),
    objective: { task: 0, features: 1, block },
    rules: [
      { where: { parameter: '.' }, set: rest },
      {
        where: { depth: [block, block] },
        set: { frozen: false, learns: ['scale', 'zeroPoint'], rates: { parameter: weightRate } },
      },
    ],
  });
  const whole: Phase = {
    ...phase(blockwise, slots),
    optimizerState: 'reset',
    rules: [
      {
        where: { parameter: '.' },
        set: { frozen: true, learns: ['scale'], fixedCodes: true, rates: { scale: endRate } },
      },
    ],
  };
  const name = [
    `efficientqat${bits}-group${group}`,
    ...(blocks === 2 ? [] : [`blocks${blocks}`]),
    ...(blockwise === 0.6 ? [] : [`@${blockwise}`]),
  ].join('-');
  const title = `${bits}-bit weights, block by block, then steps end to end`;
  const phases = [...Array.from({ length: blocks }, (_, block) => alone(block)), whole];
  return { ...recipe(name, title, phases, options), teacher: { initial: true } };
}

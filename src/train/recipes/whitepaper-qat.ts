/**
 * Quantisation-aware training for integer inference: weights by output channel, activations by averages of their range, which are
 * quantised some time after the weights. A configuration and nothing more.
 * Sources: Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference: a whitepaper", arXiv 1806.08342, section 3;
 * Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", arXiv 1712.05877,
 * section 3.
 */
import { checkAbsent } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { boolean, integer, maybe, number, word } from '../../schema.ts';
import { type LinearSlots, type OperandSpec, plainSlots } from '../linear-slots.ts';
import type { Phase, Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

/** What the whitepaper's training accepts. */
export interface WhitepaperQatOptions extends RecipeOptions {
  /** Bits of weights, 2 to 8. Default 8. */
  readonly weightBits?: number;
  /** Bits of activations, 2 to 16. Default 8. */
  readonly activationBits?: number;
  /** What of a weight has a scale of its own: each output (`'row'`, default), or the matrix. */
  readonly per?: 'row' | 'tensor';
  /** Of the averages of the least and the largest activation, above 0 and below 1. Default 0.999, TensorFlow's. */
  readonly decay?: number;
  /** Part of all steps in which activations are not quantised yet. Default 0.1. */
  readonly delay?: number;
  /** Whether batch norms are folded into the weights before they are quantised. Default false. */
  readonly fold?: boolean;
  /** Part of all steps from which folded norms use averages for all, after `delay`, below 1. Default 0.8. */
  readonly freeze?: number;
}

const whitepaperOptions = optionsOf({
  weightBits: maybe(integer(2, 8)),
  activationBits: maybe(integer(2, 16)),
  per: maybe(word(['row', 'tensor'])),
  decay: maybe(number({ above: 0, below: 1 })),
  delay: maybe(number({ from: 0, below: 1 })),
  fold: maybe(boolean),
  freeze: maybe(number({ above: 0, below: 1 })),
});

/**
 * Symmetric weights with a scale for each output and affine activations whose range is an average over steps; gradients pass where
 * nothing was clipped. Averages begin when activations are quantised.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'conv', data, recipe: recipes.whitepaperQat({ weightBits: 4 }), steps: 1500, seed: 1 });
 */
export function whitepaperQat(options: WhitepaperQatOptions = {}): Recipe {
  checkOptions(whitepaperOptions, options);
  const { weightBits = 8, activationBits = 8, per = 'row', decay = 0.999, delay = 0.1 } = options;
  const { fold = false, freeze = 0.8 } = options;
  if (!fold) checkAbsent('freeze', options.freeze, 'nothing without fold');
  else if (freeze <= delay)
    throw new ArgumentError('freeze', freeze, `a part of all steps above delay, ${delay}`);
  const w: OperandSpec = {
    format: `int${weightBits}`,
    scale: { per, from: 'absmax', stored: 'decode' },
  };
  const x: OperandSpec = {
    format: `uint${activationBits}`,
    scale: { per: 'tensor', from: 'minmax', decay },
    gradient: 'clipped',
  };
  const slotsOf = (activations: OperandSpec | null): LinearSlots => ({
    ...plainSlots,
    forward: { x: activations, w },
  });
  const plain = delay === 0 ? [phase(0, slotsOf(x))] : [phase(0, slotsOf(null)), phase(delay, slotsOf(x))];
  const folded = (one: Phase, statistics: 'batch' | 'moving'): Phase => ({
    ...one,
    batchNorm: { folded: true, ...(statistics === 'batch' ? {} : { statistics }) },
  });
  const phases = fold
    ? [...plain.map((one) => folded(one, 'batch')), folded(phase(freeze, slotsOf(x)), 'moving')]
    : plain;
  const name = [
    `qat-w${weightBits}a${activationBits}`,
    ...(per === 'row' ? [] : [per]),
    ...(decay === 0.999 ? [] : [`decay${decay}`]),
    ...(delay === 0.1 ? [] : [`delay${delay}`]),
    ...(fold ? [`folded${freeze === 0.8 ? '' : freeze}`] : []),
  ].join('-');
  const title = `${weightBits}-bit weights, ${activationBits}-bit activations by averages of their range`;
  return recipe(name, title, phases, options);
}

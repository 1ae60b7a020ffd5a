/**
 * Weights and activations on a power's grid whose step, range and exponent are trained within a range of bits. A configuration and
 * nothing more. Source: Qu, Ding, Chen et al., "Automatic joint structured pruning and quantization for efficient neural network training
 * and compression" (GETA), arXiv 2502.16638; the pruning is not here.
 */
import { checkAscending, integerInRange } from '../../check.ts';
import { boolean, integer, list, maybe, number } from '../../schema.ts';
import { type OperandSpec, plainSlots } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

/** What GETA's quantisers accept. */
export interface GetaOptions extends RecipeOptions {
  /** Fewest and most bits, 2 to 16. Default [4, 16]. */
  readonly bits?: readonly [fewest: number, most: number];
  /** Bits that steps begin with, within the range. Default 8, or the end of the range that is nearest. */
  readonly initial?: number;
  /** False: weights only. Default true. */
  readonly activations?: boolean;
  /** Peak rate of steps. Default 1e-5. */
  readonly scaleRate?: number;
  /** Peak rate of ranges and exponents. Default 1e-4. */
  readonly formRate?: number;
}

const bitsSchema = integer(2, 16);
const rate = number({ above: 0, to: 1 });
const getaOptions = optionsOf({
  bits: maybe(list(bitsSchema, 2, 2)),
  initial: maybe(bitsSchema),
  activations: maybe(boolean),
  scaleRate: maybe(rate),
  formRate: maybe(rate),
});

/**
 * d round(sgn(x) min(|x|, q)^t / d), with d, q and t of each tensor trained by the run's optimiser; after each step d is put where
 * log2(q^t / d + 1) + 1 is within the range of bits.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.geta({ bits: [2, 8] }), { model, steps: 1000, seed: 1 });
 */
export function geta(options: GetaOptions = {}): Recipe {
  checkOptions(getaOptions, options);
  const { bits = [4, 16], activations = true, scaleRate = 1e-5, formRate = 1e-4 } = options;
  const [fewest, most] = bits;
  checkAscending('bits', bits, bits);
  const { initial = Math.min(Math.max(8, fewest), most) } = options;
  integerInRange('initial', initial, fewest, most);
  const operand: OperandSpec = {
    // The power clips, not the format, whose ends would have gradients of their own.
    format: `int${most + 1}`,
    scale: { per: 'tensor', from: 'learned', initial: 'absmax', target: 2 ** (initial - 1) - 1 },
    gradient: { name: 'lsq', normalise: false },
    form: { kind: 'power', bits: [fewest, most] },
    learn: [
      { of: 'scale', learningRate: scaleRate },
      { of: 'form', learningRate: formRate },
    ],
  };
  const slots = { ...plainSlots, forward: { x: activations ? operand : null, w: operand } };
  const name = [
    `geta-${fewest}to${most}`,
    ...(options.initial === undefined ? [] : [`from${initial}`]),
    ...(activations ? [] : ['weights-only']),
  ].join('-');
  const title = `steps, ranges and exponents learned, ${fewest} to ${most} bits`;
  return recipe(name, title, [phase(0, slots)], options);
}

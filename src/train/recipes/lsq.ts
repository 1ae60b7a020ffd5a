/**
 * Integers whose steps (and zero points) are trained with the weights. A configuration and nothing more.
 * Sources: Esser, McKinstry, Bablani et al., "Learned step size quantization", arXiv 1902.08153; zero points: Bhalgat et al., "LSQ+",
 * arXiv 2004.09576.
 */
import { integer, maybe, number, type Schema, word } from '../../schema.ts';
import { type LinearSlots, type OperandSpec, plainSlots } from '../linear-slots.ts';
import type { Recipe, Rule } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';

/** What learned steps accept. */
export interface LsqOptions extends RecipeOptions {
  /** Bits of weights and activations, 2 to 8. Default 4. */
  readonly bits?: number;
  /**
   * Integers of activations: `'signed'` (default), `'unsigned'`, for what a ReLU made, `'affine'`, unsigned with a learned zero point
   * (LSQ+), or `'none'`: weights only.
   */
  readonly activations?: 'signed' | 'unsigned' | 'affine' | 'none';
  /** What has a step of its own: the matrix (default, the paper's), or each output. */
  readonly per?: 'tensor' | 'row';
  /** Bits of the layers that read the model's input and make its output: 8 (default), 2 to 8, or `'binary32'`: none. */
  readonly ends?: number | 'binary32';
  /** Peak rate of steps and zero points. Default 1e-4. */
  readonly scaleRate?: number;
}

/** Options of learned steps, without those of all recipes. */
export const lsqOptionEntries: Readonly<Record<string, Schema>> = {
  bits: maybe(integer(2, 8)),
  activations: maybe(word(['signed', 'unsigned', 'affine', 'none'])),
  per: maybe(word(['tensor', 'row'])),
  ends: maybe(word([2, 3, 4, 5, 6, 7, 8, 'binary32'])),
  scaleRate: maybe(number({ above: 0, to: 1 })),
};
const lsqOptions = optionsOf(lsqOptionEntries);

type Settled = Required<Pick<LsqOptions, 'activations' | 'per' | 'scaleRate'>>;

/** Weights of so many bits with learned steps. */
function weightsOf(bits: number, { per, scaleRate }: Settled): OperandSpec {
  return {
    ...{ format: `int${bits}`, range: 'full', scale: { per, from: 'learned' }, gradient: 'lsq' },
    learn: [{ of: 'scale', learningRate: scaleRate }],
  };
}

/** Activations likewise: all signed integers, or unsigned ones. */
function activationsOf(bits: number, { activations, scaleRate }: Settled): OperandSpec | null {
  if (activations === 'none') return null;
  const isAffine = activations === 'affine';
  const initial = isAffine ? ({ initial: 'minmax' } as const) : {};
  const learned = isAffine ? (['scale', 'zeroPoint'] as const) : (['scale'] as const);
  return {
    format: `${activations === 'signed' ? '' : 'u'}int${bits}`,
    ...(activations === 'signed' ? { range: 'full' } : {}),
    scale: { per: 'tensor', from: 'learned', ...initial },
    gradient: { name: 'lsq', normalise: 'features' },
    learn: learned.map((of) => ({ of, learningRate: scaleRate })),
  };
}

/** Slots of learned steps at so many bits. */
function lsqSlots(bits: number, settled: Settled): LinearSlots {
  return { ...plainSlots, forward: { x: activationsOf(bits, settled), w: weightsOf(bits, settled) } };
}

/** Weights of so many bits with a learned scale and zero point for each group, which begin at the group's range. */
export function groupedWeights(
  bits: number,
  group: number,
  scaleRate: number,
): OperandSpec & Required<Pick<OperandSpec, 'learn'>> {
  return {
    format: `uint${bits}`,
    scale: { per: 'block', size: group, from: 'learned', initial: 'minmax' },
    gradient: 'lsq',
    learn: [
      { of: 'scale', learningRate: scaleRate },
      { of: 'zeroPoint', learningRate: scaleRate },
    ],
  };
}

/** What the layers at the ends of a model read. */
function endRules(set: Rule['set']): Rule[] {
  return (['first', 'last'] as const).map((end) => ({ where: { end }, set }));
}

/**
 * Learned step sizes: weights and activations of 2 to 8 bits, a step for each tensor, trained by the run's optimiser at a gradient that
 * is scaled by 1 / sqrt(N Q), N weights or features and Q the largest integer. Steps begin at 2 mean |x| / sqrt(Q).
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.lsq({ bits: 2, activations: 'unsigned' }), { model, steps: 1000, seed: 1 });
 */
export function lsq(options: LsqOptions = {}): Recipe {
  checkOptions(lsqOptions, options);
  const { bits = 4, activations = 'signed', per = 'tensor', ends = 8, scaleRate = 1e-4 } = options;
  const settled = { activations, per, scaleRate };
  const name = [
    `lsq${bits}`,
    ...(activations === 'signed' ? [] : [activations === 'none' ? 'weights-only' : activations]),
    ...(per === 'tensor' ? [] : [per]),
    ...(ends === 8 ? [] : [`ends-${ends}`]),
    ...(scaleRate === 1e-4 ? [] : [`rate${scaleRate}`]),
  ].join('-');
  const title = `learned steps, ${bits}-bit weights${activations === 'none' ? '' : ' and activations'}`;
  const made = recipe(name, title, [phase(0, lsqSlots(bits, settled))], options);
  const own = ends === 'binary32' ? plainSlots : lsqSlots(ends, settled);
  // The head of a language model is no layer of those that a phase's slots are for: only the rules reach it.
  return { ...made, rules: endRules(own) };
}

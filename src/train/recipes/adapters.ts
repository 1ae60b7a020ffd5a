/**
 * Recipes with a product of thin matrices beside each weight: an adapter that is merged before the quantiser, and a branch of full
 * precision that goes. Configurations and nothing more.
 * Sources: Jeon, Kim, Kim, "L4Q: parameter efficient quantization-aware fine-tuning on large language models", arXiv 2402.04902; Huang et
 * al., "QVGen: pushing the limit of quantized video generative models", arXiv 2505.11497; He, Liu, Wu et al., "EfficientDM: efficient
 * quantization-aware fine-tuning of low-bit diffusion models", arXiv 2310.03270.
 */
import { boolean, integer, maybe, number } from '../../schema.ts';
import { type LinearSlots, type OperandSpec, plainSlots } from '../linear-slots.ts';
import type { Phase, Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, phase, type RecipeOptions, recipe } from './base.ts';
import { groupedWeights } from './lsq.ts';

const rate = number({ above: 0, to: 1 });
const rankSchema = integer(1, 4096);

/** What L4Q accepts. */
export interface L4qOptions extends RecipeOptions {
  /** Bits of weights, 2 to 8. Default 4. */
  readonly bits?: number;
  /** Weights that share a scale and a zero point. Default 128. */
  readonly group?: number;
  /** Of the adapters. Default 4. */
  readonly rank?: number;
  /** What adapters are multiplied by, times the rank. Default: the rank. */
  readonly alpha?: number;
  /** Part of all steps of ordinary training before weights are frozen. 0: none, for models that are trained. Default 0.5. */
  readonly at?: number;
  /** Peak rate of adapters. Default 1e-3. */
  readonly adapterRate?: number;
  /** Peak rate of scales and zero points. Default 1e-4. */
  readonly scaleRate?: number;
}

const l4qOptions = optionsOf({
  bits: maybe(integer(2, 8)),
  group: maybe(integer(1, 2 ** 20)),
  rank: maybe(rankSchema),
  alpha: maybe(number({ above: 0, to: 1e6 })),
  at: maybe(number({ from: 0, below: 1 })),
  adapterRate: maybe(rate),
  scaleRate: maybe(rate),
});

/**
 * L4Q: after some ordinary training the weights W are frozen, and layers read the quantiser of W + (alpha / rank) B A, of which A, B and
 * the quantiser's scales and zero points are trained through it, so that nothing but codes is left in the end.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.l4q({ bits: 3, at: 0 }), { model, steps: 1000, seed: 1 });
 */
export function l4q(options: L4qOptions = {}): Recipe {
  checkOptions(l4qOptions, options);
  const { bits = 4, group = 128, rank = 4, alpha, at = 0.5, adapterRate = 1e-3, scaleRate = 1e-4 } = options;
  const base = groupedWeights(bits, group, scaleRate);
  const w: OperandSpec = {
    ...base,
    form: { kind: 'low-rank', rank, ...(alpha === undefined ? {} : { alpha }), at: 'before' },
    learn: [...base.learn, { of: 'form', learningRate: adapterRate }],
  };
  const second: Phase = {
    ...phase(at, { ...plainSlots, forward: { x: null, w } }),
    rules: [{ where: { parameter: '.' }, set: { frozen: true } }],
  };
  const name = `l4q${bits}-group${group}-rank${rank}${at === 0.5 ? '' : `@${at}`}`;
  const title = `frozen weights with adapters of rank ${rank}, merged and read in ${bits} bits`;
  return recipe(name, title, at === 0 ? [second] : [phase(0, plainSlots), second], options);
}

/** What QVGen accepts. */
export interface QvgenOptions extends RecipeOptions {
  /** Bits of weights and activations, 2 to 8. Default 4. */
  readonly bits?: number;
  /** Of the branches. Default 16. */
  readonly rank?: number;
  /** Part of all steps after which the branches are gone: above 0 and below 1. Default 0.8. */
  readonly until?: number;
  /** Peak rate of the branches. Default 1e-4. */
  readonly branchRate?: number;
  /** False: weights only. Default true. */
  readonly activations?: boolean;
}

const qvgenOptions = optionsOf({
  bits: maybe(integer(2, 8)),
  rank: maybe(rankSchema),
  until: maybe(number({ above: 0, below: 1 })),
  branchRate: maybe(rate),
  activations: maybe(boolean),
});

/**
 * QVGen's auxiliary branches: beside each quantised weight stands a trained product of thin matrices in binary32, which begins as the best
 * of what the quantiser leaves and whose factor falls from 1 to 0, so that inference has none.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'llama-tiny', data, recipe: recipes.qvgen({ bits: 3 }), steps: 1000, seed: 1 });
 */
export function qvgen(options: QvgenOptions = {}): Recipe {
  checkOptions(qvgenOptions, options);
  const { bits = 4, rank = 16, until = 0.8, branchRate = 1e-4, activations = true } = options;
  const format = `int${bits}`;
  const w: OperandSpec = {
    format,
    scale: { per: 'row', from: 'absmax' },
    form: {
      ...{ kind: 'low-rank', rank, at: 'after' },
      fade: {
        kind: 'linear',
        points: [
          [0, 1],
          [until, 0],
        ],
      },
    },
    learn: [{ of: 'form', learningRate: branchRate }],
  };
  const x: OperandSpec | null = activations ? { format, scale: { per: 'row', from: 'absmax' } } : null;
  const slots: LinearSlots = { ...plainSlots, forward: { x, w } };
  const name = `qvgen${bits}-rank${rank}${until === 0.8 ? '' : `@${until}`}${activations ? '' : '-weights-only'}`;
  const title = `${bits}-bit weights${activations ? ' and activations' : ''}, branches of rank ${rank} that go`;
  return recipe(name, title, [phase(0, slots)], options);
}

/** What EfficientDM accepts. */
export interface EfficientDmOptions extends RecipeOptions {
  /** Bits of weights and activations, 2 to 8. Default 4. */
  readonly bits?: number;
  /** Of the adapters. Default 4. */
  readonly rank?: number;
  /** What adapters are multiplied by, times the rank. Default: the rank. */
  readonly alpha?: number;
  /** False: weights only. Default true. */
  readonly activations?: boolean;
  /** Peak rate of adapters. Default 1e-3. */
  readonly adapterRate?: number;
  /** Peak rate of steps. Default 1e-4. */
  readonly scaleRate?: number;
}

const efficientDmOptions = optionsOf({
  bits: maybe(integer(2, 8)),
  rank: maybe(rankSchema),
  alpha: maybe(number({ above: 0, to: 1e6 })),
  activations: maybe(boolean),
  adapterRate: maybe(rate),
  scaleRate: maybe(rate),
});

/**
 * EfficientDM: a trained model is frozen and taught by itself. Layers read the quantiser of W + (alpha / rank) B A and activations on
 * learned steps; adapters and steps are trained by the teacher's answers alone.
 * @throws ArgumentError if an option is not valid.
 * @example
 * await train({ tf, model: 'mlp', data, recipe: recipes.efficientDm({ bits: 4 }), steps: 1500, seed: 1 });
 */
export function efficientDm(options: EfficientDmOptions = {}): Recipe {
  checkOptions(efficientDmOptions, options);
  const { bits = 4, rank = 4, alpha, activations = true, adapterRate = 1e-3, scaleRate = 1e-4 } = options;
  const steps = { of: 'scale', learningRate: scaleRate } as const;
  const w: OperandSpec = {
    ...{ format: `int${bits}`, range: 'full', scale: { per: 'row', from: 'learned' }, gradient: 'lsq' },
    form: { kind: 'low-rank', rank, ...(alpha === undefined ? {} : { alpha }), at: 'before' },
    learn: [steps, { of: 'form', learningRate: adapterRate }],
  };
  const x: OperandSpec = {
    ...{ format: `int${bits}`, range: 'full', scale: { per: 'tensor', from: 'learned' } },
    gradient: { name: 'lsq', normalise: 'features' },
    learn: [steps],
  };
  const only: Phase = {
    ...phase(0, { ...plainSlots, forward: { x: activations ? x : null, w } }),
    objective: { task: 0, soft: 1 },
    rules: [{ where: { parameter: '.' }, set: { frozen: true } }],
  };
  const name = `efficientdm${bits}-rank${rank}${activations ? '' : '-weights-only'}`;
  const title = `a frozen model taught by itself, adapters merged and read in ${bits} bits`;
  return { ...recipe(name, title, [only], options), teacher: { initial: true } };
}

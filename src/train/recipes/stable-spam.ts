/**
 * Adam for unstable gradients: spikes clipped, norms evened out, moments forgotten periodically.
 * Sources: Huang et al., "SPAM: spike-aware Adam with momentum reset", arXiv 2501.06842; Huang et al., "Stable-SPAM: how to train in 4-bit
 * more stably than 16-bit Adam", arXiv 2502.17055, and the authors' implementation (the operands of its 4-bit runs).
 */
import { ArgumentError } from '../../errors.ts';
import { integer, maybe, number, word } from '../../schema.ts';
import type { Curve } from '../curve.ts';
import { type LinearSlots, type OperandSpec, plainSlots } from '../linear-slots.ts';
import type { Phase, Recipe } from '../recipe.ts';
import type { UpdateSpec } from '../update/spec.ts';
import { checkOptions, optionsWithoutUpdate, phase, type RecipeOptions, recipe } from './base.ts';

const operandNames = ['float32', 'bfloat16', 'fp4', 'int4'] as const;

const resets = {
  operands: maybe(word(operandNames)),
  resetEvery: maybe(integer(1, 2 ** 31 - 1)),
  warmup: maybe(integer(0, 2 ** 31 - 1)),
};
const below1 = maybe(number({ from: 0, below: 1 }));
const spamOptions = optionsWithoutUpdate({ ...resets, threshold: maybe(number({ above: 0, to: 1e38 })) });
const stableSpamOptions = optionsWithoutUpdate({
  ...resets,
  clipDecay: below1,
  decay1: below1,
  decay2: below1,
  fadeTo: maybe(number({ from: 0, to: 1 })),
});

/** What both recipes accept. */
interface ResetOptions extends Omit<RecipeOptions, 'update'> {
  /**
   * What products read: `'float32'` (default); `'bfloat16'`: every result is rounded to it; `'fp4'`: e2m1 with a scale for 256 elements
   * of weights and activations, the two largest of each kept as they are; `'int4'`: 4-bit integers with a scale and a zero point for 256
   * weights, and for 64 activations, which are rounded stochastically.
   */
  readonly operands?: (typeof operandNames)[number];
  /** Steps after which the moments begin anew. Default 500. */
  readonly resetEvery?: number;
  /** Steps over which the rate grows again after that, by half a cosine; 0: at once. */
  readonly warmup?: number;
}

/** What SPAM accepts. */
export interface SpamOptions extends ResetOptions {
  /** Elements are clipped where their square exceeds so many times its running mean. Default 5000. */
  readonly threshold?: number;
}

/** What Stable-SPAM accepts. */
export interface StableSpamOptions extends ResetOptions {
  /** Of the running mean of the largest magnitude (AdaClip). Default 0.999. */
  readonly clipDecay?: number;
  /** Of the running mean of norms (AdaGN). Default 0.7; 0.85 with bfloat16. */
  readonly decay1?: number;
  /** Of that of their squares. Default 0.9; 0.99999 with bfloat16. */
  readonly decay2?: number;
  /**
   * What `decay1` and the optimiser's `beta1` have been multiplied by at the end of the run, from 1 on by half a cosine: 0.5 in the authors'
   * implementation, where it is told how long the run is. Default 1: they stay.
   */
  readonly fadeTo?: number;
}

const blocksOf = (size: number) => ({ per: 'block', size }) as const;

const fp4: OperandSpec = {
  format: 'e2m1',
  scale: { ...blocksOf(256), from: 'absmax' },
  transform: { name: 'keep-outliers', count: 2, grouping: blocksOf(256) },
};

const int4 = (size: number): OperandSpec => ({
  format: 'uint4',
  scale: { ...blocksOf(size), from: 'minmax' },
});

const forwardOf: Readonly<Record<(typeof operandNames)[number], LinearSlots['forward']>> = {
  float32: plainSlots.forward,
  bfloat16: plainSlots.forward,
  fp4: { x: fp4, w: fp4 },
  int4: { x: { ...int4(64), rounding: 'stochastic' }, w: int4(256) },
};

/** A recipe with an update of its own, whose moments are reset. */
function resetting(
  name: string,
  title: string,
  update: UpdateSpec,
  warmup: number,
  options: ResetOptions,
): Recipe {
  const { operands = 'float32', resetEvery = 500 } = options;
  const one: Phase = {
    ...phase(0, { ...plainSlots, forward: forwardOf[operands] }),
    emulate: operands === 'bfloat16' ? { format: 'bfloat16' } : null,
  };
  const suffix = [
    ...(operands === 'float32' ? [] : [operands]),
    ...(resetEvery === 500 ? [] : [`reset${resetEvery}`]),
    ...(options.warmup === undefined ? [] : [`warmup${warmup}`]),
  ];
  const made = recipe([name, ...suffix].join('-'), `${title}, ${operands} operands`, [one], {
    ...options,
    update,
  });
  const rewarm = warmup === 0 ? [] : ([{ rewarm: warmup, shape: 'cosine' }] as const);
  return { ...made, events: [{ every: resetEvery, do: [{ reset: 'moments' }, ...rewarm] }] };
}

/**
 * SPAM: elements of gradients far above their past are clipped, and every 500 steps the moments begin anew, the rate growing over
 * 150 steps.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.spam({ threshold: 2000 }), { model, steps: 5000, seed: 1 });
 */
export function spam(options: SpamOptions = {}): Recipe {
  checkOptions(spamOptions, options);
  const { threshold = 5000, warmup = 150 } = options;
  const name = threshold === 5000 ? 'spam' : `spam-${threshold}`;
  return resetting(name, 'SPAM', { gradient: [{ kind: 'spamClip', threshold }] }, warmup, options);
}

/**
 * Stable-SPAM: elements are scaled down to a running mean of the largest magnitude, gradients to a running mean of norms, and the
 * moments begin anew every 500 steps.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.stableSpam({ operands: 'int4' }), { model, steps: 5000, seed: 1 });
 */
export function stableSpam(options: StableSpamOptions = {}): Recipe {
  checkOptions(stableSpamOptions, options);
  const { operands, clipDecay = 0.999, warmup = 0, fadeTo = 1 } = options;
  const usual = operands === 'bfloat16' ? { decay1: 0.85, decay2: 0.99999 } : { decay1: 0.7, decay2: 0.9 };
  const { decay1 = usual.decay1, decay2 = usual.decay2 } = options;
  const isUsual = clipDecay === 0.999 && decay1 === usual.decay1 && decay2 === usual.decay2;
  const fade = (from: number): Curve => ({
    kind: 'cosine',
    points: [
      [0, from],
      [1, from * fadeTo],
    ],
  });
  const update: UpdateSpec = {
    gradient: [
      { kind: 'adaClip', decay: clipDecay },
      { kind: 'adaNorm', decay1, decay2, ...(fadeTo === 1 ? {} : { factor: fade(1) }) },
    ],
  };
  const name = isUsual ? 'stable-spam' : `stable-spam-${clipDecay}-${decay1}-${decay2}`;
  const made = resetting(fadeTo === 1 ? name : `${name}-to${fadeTo}`, 'Stable-SPAM', update, warmup, options);
  if (fadeTo === 1) return made;
  const { beta1 } = made.optimizer as { readonly beta1?: number };
  if (beta1 === undefined)
    throw new ArgumentError('fadeTo', fadeTo, `nothing: the optimiser ${made.optimizer.kind} has no beta1`);
  return { ...made, values: { 'optimizer.beta1': fade(beta1) } };
}

/**
 * Training of an integer graph: 8-bit weights with a scale for each output channel and no wider copy, 8-bit operands, gradient descent without
 * state, gradients scaled so that integers learn like floats, few layers and channels updated. Source: Lin et al., "On-device training under
 * 256KB memory", arXiv 2206.15472.
 */
import { boolean, integer, maybe, number, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe, Rule } from '../recipe.ts';
import { rounding as writeBack } from '../recipe-schema.ts';
import type { SavedRule } from '../saved/spec.ts';
import { checkOptions, optionsWithoutUpdate, phase, type RecipeOptions, recipe } from './base.ts';

const qasOptions = optionsWithoutUpdate({
  scaling: maybe(boolean),
  rounding: maybe(writeBack),
  per: maybe(word(['channel', 'tensor'])),
  blocks: maybe(integer(0, 10_000)),
  biases: maybe(integer(0, 10_000)),
  channels: maybe(number({ above: 0, to: 1 })),
});

/** What training of an integer graph accepts. */
export interface QasOptions extends Omit<RecipeOptions, 'update'> {
  /** Whether gradients are scaled; false: those with respect to the integers are applied as they are. Default true. */
  readonly scaling?: boolean;
  /** How an updated weight becomes integers. Default `'stochastic'`. */
  readonly rounding?: 'stochastic' | 'nearest-even';
  /** What has a scale of its own: each output channel of a weight (default), or the weight. */
  readonly per?: 'channel' | 'tensor';
  /** Blocks from the end that are updated; what stands in earlier ones is frozen. 0: none, or biases alone. Default: all. */
  readonly blocks?: number;
  /** Blocks from the end whose biases are updated. Default: those of `blocks`. */
  readonly biases?: number;
  /** The part of each weight's output channels that is updated. Default 1. */
  readonly channels?: number;
}

/** However small: gradients with respect to sums of integers are. */
const int8 = {
  format: 'int8',
  scale: { per: 'tensor', from: 'absmax', least: 0 },
} as const satisfies OperandSpec;

const integerSlots: LinearSlots = {
  forward: { x: int8, w: null, accumulate: 'int32' },
  inputGradient: { g: int8, w: 'same', accumulate: 'int32' },
  weightGradient: { g: int8, x: 'same', accumulate: 'int32' },
};

/** Biases are integers times this power of two, finer than the sums' own scales, which differ from batch to batch. */
const biasScale = 2 ** 20;

/** Inputs of layers are held as the integers that their products read. */
const saved: readonly SavedRule[] = (['linear', 'convolution'] as const).map((role) => ({
  where: { role },
  codec: { kind: 'quantizer', quantizer: int8, least: 0 },
}));

/** Which parameters updates change, and which part of them. Channels are of matrices and filters. */
function sparseRules({ blocks, biases = blocks, channels = 1 }: QasOptions): Rule[] {
  const earlier: Rule[] =
    blocks === undefined
      ? []
      : [{ where: { depth: [0, -blocks - 1] }, set: { frozen: true }, optional: true }];
  const own: Rule[] =
    biases === blocks || biases === undefined
      ? []
      : [
          { where: { role: 'bias', depth: [0, -1] }, set: { frozen: true } },
          ...(biases === 0
            ? []
            : [{ where: { role: 'bias', depth: [-biases, -1] }, set: { frozen: false } } as const]),
        ];
  const part: Rule[] = channels === 1 ? [] : [{ where: { depth: [0, -1] }, set: { updated: channels } }];
  return [...earlier, ...own, ...part];
}

/**
 * Quantisation-aware scaling: matrices and filters are 8-bit integers, a scale for each output channel fixed at the start; gradients with
 * respect to them, s times those of the weight, are divided by s^2, which gives |W| / |G| of floating point back.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const run = await applyRecipe(tf, recipes.qas({ blocks: 2, channels: 0.25 }), { model, steps: 1000, seed: 1 });
 */
export function qas(options: QasOptions = {}): Recipe {
  checkOptions(qasOptions, options);
  const { scaling = true, rounding = 'stochastic', per = 'channel', blocks, biases, channels = 1 } = options;
  const names = [
    scaling ? 'qas' : 'integer-sgd',
    ...(rounding === 'stochastic' ? [] : ['nearest']),
    ...(per === 'channel' ? [] : ['tensor']),
    ...(blocks === undefined ? [] : [`last${blocks}`]),
    ...(biases === undefined ? [] : [`biases${biases}`]),
    ...(channels === 1 ? [] : [`channels${channels}`]),
  ];
  const { optimizer = {} } = options;
  const { kind = 'sgd' } = optimizer;
  const plain = { kind, ...(kind === 'sgd' ? { momentum: 0 } : {}), weightDecay: 0 };
  const made = recipe(
    names.join('-'),
    `8-bit integer weights and operands, ${kind === 'sgd' ? 'gradient descent' : kind}${scaling ? ' with quantisation-aware scaling' : ''}`,
    [phase(0, integerSlots)],
    {
      ...options,
      optimizer: { ...plain, ...optimizer } as RecipeOptions['optimizer'] & object,
      update: { gradient: [{ kind: 'integerGradient' }, ...(scaling ? [{ kind: 'qas' } as const] : [])] },
    },
  );
  const held: Rule = {
    where: { role: 'bias' },
    set: { store: { kind: 'grid', format: 'int32', range: { scale: biasScale }, rounding } },
    optional: true,
  };
  return {
    ...made,
    store: { kind: 'grid', format: 'int8', range: 'absmax', per, rounding, of: 'linear' },
    saved,
    rules: [held, ...sparseRules(options)],
  };
}

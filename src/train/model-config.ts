/** Sizes of the models, with presets small enough for two cores. Not the training settings of a recipe. */

import { checkObject, integerInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { boolean, checkSchema, fields, integer, line, list, maybe, number, word } from '../schema.ts';
import { type Experts, expertsSchema } from './experts.ts';

/** A LLaMA-style decoder: pre-RMSNorm, rotary positions, causal attention, SwiGLU, no biases, untied head. */
export interface LanguageModelConfig {
  readonly kind?: 'language';
  readonly name: string;
  /** Width of the residual stream. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Width of the SwiGLU hidden layer. */
  readonly hidden: number;
  /** Characters that the model sees at once. */
  readonly context: number;
  /** Sequences per step. */
  readonly sequences: number;
  /** Peak learning rate that suits the size. */
  readonly learningRate: number;
  /** Channels of activations that begin larger than the others. Default: none. */
  readonly outliers?: ChannelOutliers;
  /**
   * Whether the embedding begins with uniform values of Xavier's limit, sqrt(6 / (tokens + width)), and is followed by a LayerNorm with gain
   * and bias: the stable embedding of 8-bit optimisers (arXiv 2110.02861), whose states in 32 bits are the recipe's. Default false.
   */
  readonly stableEmbedding?: boolean;
  /** Experts as wide as the hidden layer, which is read beside them. Default: none. */
  readonly experts?: Experts;
}

/**
 * Outlier channels as large models grow them, planted: in every block the norm's gain begins at `factor` in the same evenly spaced
 * channels, and the columns of the weights that read them at 1 / `factor` of theirs, so that the model begins as the function that it
 * is without them. Training may do with both what it likes.
 */
interface ChannelOutliers {
  /** Part of the channels, rounded up to a whole number of them. */
  readonly part: number;
  readonly factor: number;
}

/** A multilayer perceptron with ReLU that classifies. The data decide the widths of its input and its output. */
export interface MlpConfig {
  readonly kind: 'mlp';
  readonly name: string;
  /** Widths of the hidden layers, first to last; none: a linear classifier. */
  readonly hidden: readonly number[];
  /** Samples per step. */
  readonly samples: number;
  /** Peak learning rate that suits the size. */
  readonly learningRate: number;
}

/** A convolutional net that classifies images: stages of a 3 x 3 convolution, a norm, ReLU and a 2 x 2 pool, then a linear layer. */
export interface ConvNetConfig {
  readonly kind: 'conv';
  readonly name: string;
  /** Outputs of the convolutions, first to last. */
  readonly channels: readonly number[];
  /**
   * Of each sample, by its standard (`'l2'`) or mean absolute (`'l1'`) deviation; `'batch'`: of each channel over the batch in training, by averages
   * in evaluations.
   */
  readonly norm: 'l2' | 'l1' | 'batch';
  /** Height, width and channels of a sample, row-major, channels last. Default: a square of one channel. */
  readonly image?: readonly [number, number, number];
  /** Samples per step. */
  readonly samples: number;
  /** Peak learning rate that suits the size. */
  readonly learningRate: number;
}

export type ModelConfig = LanguageModelConfig | MlpConfig | ConvNetConfig;

/** Whether a model is trained on texts; the others classify samples. */
export const isLanguageModel = (config: ModelConfig): config is LanguageModelConfig =>
  config.kind === undefined || config.kind === 'language';

/** Blocks whose outputs are known apart: of a decoder, hidden layers, stages. */
export function blocksOfModel(config: ModelConfig): number {
  if (config.kind === 'mlp') return config.hidden.length;
  return config.kind === 'conv' ? config.channels.length : config.layers;
}

const decoder = (
  name: string,
  width: number,
  layers: number,
  heads: number,
  hidden: number,
  context: number,
  learningRate: number,
): LanguageModelConfig => ({ name, width, layers, heads, hidden, context, sequences: 16, learningRate });

const convNet = (name: string, norm: ConvNetConfig['norm']): ConvNetConfig => ({
  ...{ kind: 'conv', name, channels: [16, 32], norm, samples: 64, learningRate: 2e-3 },
});

/** Parameters in linear weights: tiny 0.2 million, small 0.8, medium 3.2, large 7.5; for 28 x 28 digits mlp 0.27, conv 0.02. */
export const models: Readonly<Record<string, ModelConfig>> = {
  'llama-tiny': decoder('llama-tiny', 96, 2, 4, 256, 64, 2e-3),
  'llama-tiny-outliers': {
    ...decoder('llama-tiny-outliers', 96, 2, 4, 256, 64, 2e-3),
    outliers: { part: 0.01, factor: 20 },
  },
  'llama-tiny-stable': { ...decoder('llama-tiny-stable', 96, 2, 4, 256, 64, 2e-3), stableEmbedding: true },
  'llama-tiny-moe': { ...decoder('llama-tiny-moe', 96, 2, 4, 128, 64, 2e-3), experts: { count: 4 } },
  'llama-small': decoder('llama-small', 128, 4, 4, 352, 128, 1.5e-3),
  'llama-medium': decoder('llama-medium', 256, 4, 8, 704, 128, 1e-3),
  'llama-large': decoder('llama-large', 320, 6, 8, 864, 128, 1e-3),
  mlp: { kind: 'mlp', name: 'mlp', hidden: [256, 256], samples: 64, learningRate: 1e-3 },
  conv: convNet('conv', 'l2'),
  'conv-l1': convNet('conv-l1', 'l1'),
  'conv-bn': convNet('conv-bn', 'batch'),
};

/** Names of the presets that are trained on texts. */
export const languageModelNames: readonly string[] = Object.keys(models).filter((name) =>
  isLanguageModel(models[name]!),
);

const size = integer(1, 65536);
const rate = number({ above: 0 });

const languageSchema = fields({
  kind: maybe(word(['language'])),
  name: line(100),
  width: size,
  layers: size,
  heads: size,
  hidden: size,
  context: size,
  sequences: size,
  learningRate: rate,
  stableEmbedding: maybe(boolean),
  experts: maybe(expertsSchema),
  outliers: maybe(fields({ part: number({ above: 0, to: 1 }), factor: number({ from: 1, to: 2 ** 16 }) })),
});

const mlpSchema = fields({
  kind: word(['mlp']),
  name: line(100),
  hidden: list(size, 0, 1000),
  samples: size,
  learningRate: rate,
});

const convNetSchema = fields({
  kind: word(['conv']),
  name: line(100),
  channels: list(size, 1, 100),
  norm: word(['l2', 'l1', 'batch']),
  image: maybe(list(size, 3, 3)),
  samples: size,
  learningRate: rate,
});

/**
 * The configuration of a preset's name, or the given one, checked.
 * @param batch Sequences or samples per step in place of the configuration's own.
 * @throws ArgumentError naming `model` or its field, or `batch`.
 */
export function modelConfig(model: string | ModelConfig, batch?: number): ModelConfig {
  if (typeof model === 'string') oneOf('model', model, Object.keys(models));
  const config = typeof model === 'string' ? models[model]! : model;
  checkObject('model', config, `${Object.keys(models).join(', ')}, or an object with sizes`);
  oneOf('model.kind', config.kind, ['language', 'mlp', 'conv'], 'language');
  if (config.kind === 'mlp') checkSchema('model', config, mlpSchema);
  else if (config.kind === 'conv') checkSchema('model', config, convNetSchema);
  else {
    const { width, heads, experts } = checkSchema('model', config, languageSchema);
    if (width % (2 * heads) !== 0)
      throw new ArgumentError('model.heads', heads, `a divisor of half the width, ${width / 2}`);
    if (experts?.active !== undefined)
      integerInRange('model.experts.active', experts.active, 1, experts.count);
  }
  if (batch === undefined) return config;
  integerInRange('batch', batch, 1, 65536);
  return isLanguageModel(config) ? { ...config, sequences: batch } : { ...config, samples: batch };
}

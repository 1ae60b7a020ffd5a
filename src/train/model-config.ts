/** Sizes of the language models, with presets small enough for two cores. Not the training settings of a recipe. */
import { ArgumentError } from '../errors.ts';
import { integerInRange } from '../rounding/options.ts';

/** A LLaMA-style decoder: pre-RMSNorm, rotary positions, causal attention, SwiGLU, no biases, untied head. */
export interface ModelConfig {
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
}

const preset = (
  name: string,
  width: number,
  layers: number,
  heads: number,
  hidden: number,
  context: number,
  learningRate: number,
): ModelConfig => ({ name, width, layers, heads, hidden, context, sequences: 16, learningRate });

/** Parameters in linear weights: tiny 0.2 million, small 0.8, medium 3.2, large 7.5. */
export const models: Readonly<Record<string, ModelConfig>> = {
  'llama-tiny': preset('llama-tiny', 96, 2, 4, 256, 64, 2e-3),
  'llama-small': preset('llama-small', 128, 4, 4, 352, 128, 1.5e-3),
  'llama-medium': preset('llama-medium', 256, 4, 8, 704, 128, 1e-3),
  'llama-large': preset('llama-large', 320, 6, 8, 864, 128, 1e-3),
};

/**
 * The configuration of a preset's name, or the given one, checked.
 * @throws ArgumentError naming `model` or its field.
 */
export function modelConfig(model: string | ModelConfig): ModelConfig {
  const config = typeof model === 'string' ? models[model] : model;
  if (config === undefined || config === null || typeof config !== 'object')
    throw new ArgumentError('model', model, Object.keys(models).join(', '));
  for (const field of ['width', 'layers', 'heads', 'hidden', 'context', 'sequences'] as const)
    integerInRange(`model.${field}`, config[field] ?? Number.NaN, 1, 65536, 1);
  if (config.width % (2 * config.heads) !== 0)
    throw new ArgumentError('model.heads', config.heads, `a divisor of half the width, ${config.width / 2}`);
  if (!(config.learningRate > 0 && Number.isFinite(config.learningRate)))
    throw new ArgumentError('model.learningRate', config.learningRate, 'a positive number');
  return config;
}

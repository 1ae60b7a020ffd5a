/**
 * The memory model of a training step: weights, optimiser state and gradients as they are held, and the activations that
 * the backward pass needs, each in the format that its slot reads. It counts what the algorithm has to keep; what
 * TensorFlow.js allocates, which is float32 throughout and more, is the process's peak memory.
 *
 * Kept of each norm: its result and one number a row; of attention: queries, keys, values and weights; of SwiGLU: three
 * arrays; of ReLU and the pool after it: the array between them; of a linear layer or a convolution: its input, once for layers that
 * read it alike; of a mixture of experts: probabilities and, of the rows that an expert is asked, as many as the others, what a
 * feed-forward layer keeps and its result; of the loss: the logits. Quantised images of weights are made anew each step and not counted.
 */
import { type QuantizerOptions, quantizer } from '../quantizers/index.ts';
import { sizeOf } from '../shape.ts';
import { type ImageShape, imageOf, stagesOf } from './conv-net.ts';
import { settledOptions } from './engine/slot-spec.ts';
import { canonicalJson } from './hash.ts';
import type { LinearSlots } from './linear-slots.ts';
import type { Model } from './model.ts';
import {
  type ConvNetConfig,
  isLanguageModel,
  type LanguageModelConfig,
  type ModelConfig,
} from './model-config.ts';
import type { ExtraNorm } from './recipe.ts';
import type { MemoryUse } from './records.ts';

/** The arithmetic of a step. */
interface StepArithmetic {
  readonly slots: (name: string) => LinearSlots;
  readonly extraNorm: ExtraNorm | null;
  /** Bits of what is not quantised: 32, or those of the emulated format. */
  readonly bits: number;
  /** Whether updates leave a parameter as it is. Default: none. */
  readonly isFrozen?: (name: string) => boolean;
}

/** The quantiser whose image of the input the backward pass reads; null: the input itself. */
function savedSpec({ forward, weightGradient }: LinearSlots): QuantizerOptions | null {
  const { x } = forward;
  if (weightGradient.x !== 'same' || x === null || (x.strength ?? 1) !== 1) return null;
  return settledOptions(x) ?? null;
}

/** Bytes of the input (rows, columns) that layers read, each distinct image once; frozen weights have no gradient that needs it. */
function inputBytes(
  names: readonly string[],
  rows: number,
  columns: number,
  { slots, bits, isFrozen = () => false }: StepArithmetic,
): number {
  const updated = names.filter((name) => !isFrozen(name));
  const images = new Map(
    updated.map((name) => {
      const spec = savedSpec(slots(name));
      return [canonicalJson(spec), spec] as const;
    }),
  );
  let bytes = 0;
  for (const spec of images.values()) {
    if (spec === null) {
      bytes += (rows * columns * bits) / 8;
    } else {
      bytes += quantizer({ ...spec, rounding: 'nearest-even' }).quantize(new Float32Array(rows * columns), [
        rows,
        columns,
      ]).bytes;
    }
  }
  return bytes;
}

function languageModelBytes(
  { width, heads, hidden, context, layers, sequences, stableEmbedding, experts }: LanguageModelConfig,
  outputs: number,
  step: StepArithmetic,
): number {
  const { extraNorm, bits } = step;
  const rows = sequences * context;
  const float = (elements: number): number => (elements * bits) / 8;
  const norm = (columns: number, of = rows): number => float(of * (columns + 1));
  const extra = (columns: number, isInner: boolean, of = rows): number =>
    extraNorm !== null && (isInner || extraNorm.where === 'all') ? norm(columns, of) : 0;
  let bytes = stableEmbedding === true ? norm(width) : 0;
  for (let layer = 0; layer < layers; layer++) {
    const read = (block: string, names: readonly string[], columns: number, of = rows): number =>
      inputBytes(
        names.map((name) => `layers.${layer}.${block}.${name}`),
        of,
        columns,
        step,
      );
    const feedForward = (block: string, of: number): number =>
      extra(width, false, of) +
      read(block, ['gate', 'up'], width, of) +
      float(3 * of * hidden) +
      extra(hidden, true, of) +
      read(block, ['down'], hidden, of);
    bytes += norm(width) + extra(width, false) + read('attention', ['query', 'key', 'value'], width);
    bytes += float(rows * (3 * width + heads * context));
    bytes += extra(width, true) + read('attention', ['output'], width);
    bytes += norm(width) + feedForward('mlp', rows);
    if (experts === undefined) continue;
    const { count, active = 1 } = experts;
    const asked = Math.ceil((rows * active) / count);
    bytes += read('mlp', ['router'], width) + float(rows * count);
    for (let i = 0; i < count; i++) bytes += feedForward(`mlp.experts.${i}`, asked) + float(asked * width);
  }
  return bytes + norm(width) + float(rows * width) + float(rows * outputs);
}

/** Of so many samples that are such images. */
function convNetBytes(
  config: ConvNetConfig,
  image: ImageShape,
  outputs: number,
  samples: number,
  step: StepArithmetic,
): number {
  const { extraNorm, bits } = step;
  const { stages, columns } = stagesOf(config, image);
  const { isFrozen = () => false } = step;
  // Gradients go no further than to the first stage with something that is updated.
  const first = stages.findIndex((_, i) =>
    [`convolution.${i}`, `norm.${i}`, `norm.${i}.bias`].some((name) => !isFrozen(name)),
  );
  const float = (elements: number): number => (elements * bits) / 8;
  const extra = (elements: number): number =>
    extraNorm?.where === 'all' ? float(samples * (elements + 1)) : 0;
  const bytes = stages.reduce((sum, stage, i) => {
    if (first < 0 || i < first) return sum;
    const positions = stage.height * stage.width;
    const read = inputBytes([`convolution.${i}`], samples * positions, stage.inputs, step);
    const result = positions * stage.outputs;
    return sum + extra(positions * stage.inputs) + read + float(samples * (2 * result + 1));
  }, 0);
  const last = extra(columns) + inputBytes(['output'], samples, columns, step);
  return bytes + last + float(samples * outputs);
}

/**
 * Bytes of the activations that a step saves for its backward pass, by format.
 *
 * @param model whose linear layers' shapes say what they read
 * @param inputs numbers in a row of a step's inputs
 * @param predictions rows of a step
 */
export function savedActivationBytes(
  config: ModelConfig,
  model: Pick<Model, 'parameters'>,
  {
    inputs: features,
    outputs,
    predictions,
  }: { readonly inputs: number; readonly outputs: number; readonly predictions: number },
  step: StepArithmetic,
): number {
  if (isLanguageModel(config)) return languageModelBytes(config, outputs, step);
  if (config.kind === 'conv')
    return convNetBytes(config, imageOf(config, features), outputs, predictions, step);
  const { extraNorm, bits } = step;
  const linear = model.parameters.filter(({ role }) => role === 'linear');
  const inputs = linear.reduce((sum, { name, shape }, i) => {
    const columns = shape[1]!;
    const isNormed = extraNorm !== null && (i > 0 || extraNorm.where === 'all');
    const norm = isNormed ? (predictions * (columns + 1) * bits) / 8 : 0;
    return sum + norm + inputBytes([name], predictions, columns, step);
  }, 0);
  return inputs + (predictions * outputs * bits) / 8;
}

/**
 * What a step needs, from what is held now.
 * @param updatedPart of a parameter's elements, which alone have a gradient. Default: all
 */
export function memoryUse(
  model: Pick<Model, 'parameters'>,
  held: { readonly weights: number; readonly optimizerState: number; readonly savedActivations: number },
  updatedPart: (name: string) => number = () => 1,
): MemoryUse {
  const parameters = model.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const updated = model.parameters.reduce(
    (sum, { name, shape }) => sum + updatedPart(name) * sizeOf(shape),
    0,
  );
  const gradients = 4 * updated;
  const { weights, optimizerState, savedActivations } = held;
  const lasting = weights + optimizerState + gradients;
  return {
    ...{ weights, optimizerState, gradients, savedActivations },
    total: lasting + savedActivations,
    bytesPerParameter: lasting / parameters,
  };
}

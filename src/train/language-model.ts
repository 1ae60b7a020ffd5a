/**
 * A LLaMA-style character model as TensorFlow.js variables and one forward pass of plain operations. Which arithmetic its
 * products have is the recipe engine's. No loss, no optimiser.
 */
import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { cos, exp, log, sin } from '../approximate.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { mixture } from './experts.ts';
import { createParameters, extraNormOf, type Model, normEpsilon, type ParameterShape } from './model.ts';
import type { LanguageModelConfig } from './model-config.ts';
import { causalAttention, layerNorm, type Rotation, rmsNorm, rotate, swiglu } from './operations.ts';
import type { ExtraNorm } from './recipe.ts';

const ROTARY_BASE = 1e4;
const INITIAL_DEVIATION = 0.02;

/** Kinds of linear layers, as their names end. */
type Projection = 'query' | 'key' | 'value' | 'output' | 'gate' | 'up' | 'down';

/** The channels that begin larger than the others: evenly spaced, in the middle of their parts of the width. */
function outlierChannels({ width, outliers }: LanguageModelConfig): readonly number[] {
  const count = outliers === undefined ? 0 : Math.ceil(outliers.part * width);
  return Array.from({ length: count }, (_, i) => Math.floor(((2 * i + 1) * width) / (2 * count)));
}

/** Every parameter with its shape, in the order in which they are made. */
export function languageModelShapes(config: LanguageModelConfig, vocabulary: number): ParameterShape[] {
  const { width, hidden, layers, experts } = config;
  const at = outlierChannels(config);
  const { factor = 1 } = config.outliers ?? {};
  const scaled = (by: number) => (at.length === 0 ? {} : { scaled: { at, factor: by } });
  const usual = { deviation: INITIAL_DEVIATION };
  const reader = { ...usual, ...scaled(1 / factor) };
  // What adds to the residual stream starts smaller, so that the sum over layers keeps its size.
  const residual = { deviation: INITIAL_DEVIATION / Math.sqrt(2 * layers) };
  const gain = (name: string, more: object = {}): ParameterShape => ({
    name,
    role: 'gain',
    shape: [width],
    initial: { constant: 1, ...more },
  });
  const matrix = (
    name: string,
    rows: number,
    columns: number,
    initial: ParameterShape['initial'],
  ): ParameterShape => ({ name, role: 'linear', shape: [rows, columns], initial });
  const isStable = config.stableEmbedding === true;
  const tokens = isStable ? { limit: Math.sqrt(6 / (vocabulary + width)) } : usual;
  const shapes: ParameterShape[] = [
    { name: 'embedding', role: 'embedding', shape: [vocabulary, width], initial: tokens },
  ];
  if (isStable)
    shapes.push(gain('embedding.norm'), {
      ...{ name: 'embedding.bias', role: 'bias', shape: [width], initial: { constant: 0 } },
    });
  for (let layer = 0; layer < layers; layer++) {
    const attention = `layers.${layer}.attention`;
    const mlp = `layers.${layer}.mlp`;
    shapes.push(
      gain(`${attention}.norm`, scaled(factor)),
      matrix(`${attention}.query`, width, width, reader),
      matrix(`${attention}.key`, width, width, reader),
      matrix(`${attention}.value`, width, width, reader),
      matrix(`${attention}.output`, width, width, residual),
      gain(`${mlp}.norm`, scaled(factor)),
      matrix(`${mlp}.gate`, hidden, width, reader),
      matrix(`${mlp}.up`, hidden, width, reader),
      matrix(`${mlp}.down`, width, hidden, residual),
    );
    if (experts === undefined) continue;
    shapes.push({ ...matrix(`${mlp}.router`, experts.count, width, reader), role: 'router' });
    for (let i = 0; i < experts.count; i++)
      shapes.push(
        matrix(`${mlp}.experts.${i}.gate`, hidden, width, reader),
        matrix(`${mlp}.experts.${i}.up`, hidden, width, reader),
        matrix(`${mlp}.experts.${i}.down`, width, hidden, residual),
      );
  }
  shapes.push(gain('norm'));
  shapes.push({ name: 'head', role: 'head', shape: [vocabulary, width], initial: usual });
  return shapes;
}

/** Rotary tables; `scale` multiplies both, which folds the attention scale into the queries. */
function rotaryTables(tf: TensorFlow, config: LanguageModelConfig, scale: number): [Tensor2D, Tensor2D] {
  const { context } = config;
  const headWidth = config.width / config.heads;
  const cosine = new Float32Array(context * headWidth);
  const sine = new Float32Array(context * headWidth);
  for (let position = 0; position < context; position++)
    for (let j = 0; j < headWidth; j++) {
      const pair = j % (headWidth / 2);
      const angle = position * exp((-2 * pair * log(ROTARY_BASE)) / headWidth);
      cosine[position * headWidth + j] = scale * cos(angle);
      sine[position * headWidth + j] = scale * sin(angle);
    }
  return [tf.tensor2d(cosine, [context, headWidth]), tf.tensor2d(sine, [context, headWidth])];
}

/** The matrix P with x P = (-b, a) for x = (a, b). */
function quarterTurn(tf: TensorFlow, size: number): Tensor2D {
  const values = new Float32Array(size * size);
  const half = size / 2;
  for (let i = 0; i < half; i++) {
    values[(half + i) * size + i] = -1;
    values[i * size + half + i] = 1;
  }
  return tf.tensor2d(values, [size, size]);
}

/** (context, context): 0 on and below the diagonal. -1e9 is far below any score, and finite in bfloat16 too. */
function causalMask(tf: TensorFlow, context: number): Tensor2D {
  const mask = new Float32Array(context * context);
  for (let row = 0; row < context; row++) mask.fill(-1e9, row * context + row + 1, (row + 1) * context);
  return tf.tensor2d(mask, [context, context]);
}

/** Whether the parameter-free norm stands before this projection. */
function normBefore(extraNorm: ExtraNorm | null, projection: Projection): boolean {
  if (extraNorm === null) return false;
  return extraNorm.where === 'all' || projection === 'output' || projection === 'down';
}

/** The tensors of a model that are no weights: rotations of queries and keys, the mask. */
function constantsOf(tf: TensorFlow, config: LanguageModelConfig) {
  const headWidth = config.width / config.heads;
  const turn = quarterTurn(tf, headWidth);
  const rotation = (scale: number): Rotation => {
    const [cosine, sine] = rotaryTables(tf, config, scale);
    return { cosine, sine, quarterTurn: turn };
  };
  const [key, query] = [rotation(1), rotation(1 / Math.sqrt(headWidth))];
  const mask = causalMask(tf, config.context);
  const dispose = (): void => tf.dispose([key.cosine, key.sine, query.cosine, query.sine, turn, mask]);
  return { key, query, mask, dispose };
}

/** A projection of a block, with what stands before it. */
type Project = (x: Tensor2D, block: string, projection: Projection) => Tensor2D;

/** The attention of all sequences of a step. */
function attentionOf(
  tf: TensorFlow,
  { width, heads, context }: LanguageModelConfig,
  { key: keyRotation, query: queryRotation, mask }: ReturnType<typeof constantsOf>,
  project: Project,
): (x: Tensor2D, block: string) => Tensor2D {
  const headWidth = width / heads;
  const splitHeads = (x: Tensor2D): Tensor3D => {
    const parted = tf.reshape(x, [-1, context, heads, headWidth]) as Tensor4D;
    return tf.reshape(tf.transpose(parted, [0, 2, 1, 3]), [-1, context, headWidth]);
  };
  const joinHeads = (x: Tensor3D): Tensor2D => {
    const parted = tf.reshape(x, [-1, heads, context, headWidth]) as Tensor4D;
    return tf.reshape(tf.transpose(parted, [0, 2, 1, 3]), [-1, width]);
  };
  return (x, block) => {
    const query = rotate(tf, splitHeads(project(x, block, 'query')), queryRotation);
    const key = rotate(tf, splitHeads(project(x, block, 'key')), keyRotation);
    const value = splitHeads(project(x, block, 'value'));
    return project(joinHeads(causalAttention(tf, query, key, value, mask)), block, 'output');
  };
}

/**
 * Makes a model with initial weights that depend on nothing but (seed, parameter name, sizes). It reads one-hot rows
 * (sequences * context, vocabulary) and gives logits of the same shape.
 * @param vocabulary Number of tokens.
 * @param extraNorm Parameter-free norm before linear layers, for the whole run.
 */
export function createLanguageModel(
  tf: TensorFlow,
  config: LanguageModelConfig,
  vocabulary: number,
  seed: number,
  extraNorm: ExtraNorm | null,
): Model {
  const { experts } = config;
  const { get, ...own } = createParameters(tf, languageModelShapes(config, vocabulary), seed);
  const weight = (name: string): Tensor2D => get(name) as unknown as Tensor2D;
  const gain = (name: string): Tensor1D => get(name) as unknown as Tensor1D;
  const constants = constantsOf(tf, config);

  const forward: Model['forward'] = (inputs, { extraNorm: norm = extraNorm, onBlock, onTerm } = {}) => {
    const project: Project = (x, block, projection) => {
      const name = `${block}.${projection}`;
      const normed = normBefore(norm, projection) ? extraNormOf(tf, x, norm!) : x;
      return tf.matMul(normed, weight(name), false, true);
    };
    const attention = attentionOf(tf, config, constants, project);
    const feedForward = (x: Tensor2D, block: string): Tensor2D =>
      project(swiglu(tf, project(x, block, 'gate'), project(x, block, 'up')), block, 'down');
    const mlp = (x: Tensor2D, block: string): Tensor2D => {
      const shared = feedForward(x, block);
      if (experts === undefined) return shared;
      const logits: Tensor2D = tf.matMul(x, weight(`${block}.router`), false, true);
      const expert = (i: number, rows: Tensor2D): Tensor2D => feedForward(rows, `${block}.experts.${i}`);
      return tf.add(shared, mixture(tf, experts, { x, logits }, expert, onTerm));
    };

    // A product with one-hot rows looks a row up; its gradient is a product too, where a gather's is a slow scatter.
    let stream = tf.matMul(inputs, weight('embedding')) as Tensor2D;
    if (config.stableEmbedding === true)
      stream = tf.add(
        tf.mul(layerNorm(tf, stream, normEpsilon), gain('embedding.norm')),
        gain('embedding.bias'),
      );
    for (let layer = 0; layer < config.layers; layer++) {
      for (const [block, compute] of [
        [`layers.${layer}.attention`, attention],
        [`layers.${layer}.mlp`, mlp],
      ] as const)
        stream = tf.add(stream, compute(rmsNorm(tf, stream, normEpsilon, gain(`${block}.norm`)), block));
      stream = onBlock?.(layer, stream) ?? stream;
    }
    return tf.matMul(rmsNorm(tf, stream, normEpsilon, gain('norm')), weight('head'), false, true);
  };

  return {
    ...own,
    forward,
    dispose() {
      own.dispose();
      constants.dispose();
    },
  };
}

/**
 * A LLaMA-style character model as TensorFlow.js variables and one forward pass. Which arithmetic its linear layers use
 * is the caller's (`slots`); embedding, head, norms and attention have no slots. No loss, no optimiser.
 */
import type { Tensor1D, Tensor2D, Tensor3D, Tensor4D, Variable } from '@tensorflow/tfjs';
import { cos, exp, log, sin } from '../arithmetic/elementary/approximate.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { type LinearCall, linear } from './linear.ts';
import type { ModelConfig } from './model-config.ts';
import { causalAttention, layerNorm, type Rotation, rmsNorm, rotate, swiglu } from './operations.ts';
import { gaussians } from './random.ts';
import type { ExtraNorm, LinearSlots } from './recipe.ts';

const EPSILON = 1e-5;
const ROTARY_BASE = 1e4;
const INITIAL_DEVIATION = 0.02;

/** One trained array. */
export interface Parameter {
  /** Such as `layers.0.mlp.down`. */
  readonly name: string;
  /** `linear`: the weight (outputs, inputs) of a layer with slots. */
  readonly role: 'embedding' | 'linear' | 'gain' | 'head';
  readonly shape: readonly number[];
  /** The values that a step reads and updates. Where a store holds the weight, it exists during a step only. */
  variable: Variable;
}

/** What a forward pass may say beside its slots. */
export interface ForwardCall {
  /** Default: the model's. */
  readonly extraNorm?: ExtraNorm | null;
  /** What each linear layer draws and shows, by the parameter's name. */
  readonly layer?: (name: string) => LinearCall;
}

/** Kinds of linear layers, as their names end. */
export type Projection = 'query' | 'key' | 'value' | 'output' | 'gate' | 'up' | 'down';

export interface LanguageModel {
  readonly config: ModelConfig;
  readonly parameters: readonly Parameter[];
  /** A parameter's variable is called this and its name. */
  readonly variablePrefix: string;
  /**
   * Logits (sequences * context, vocabulary) of one-hot inputs of the same shape.
   * @param slots The slots of each linear layer, by the parameter's name.
   */
  forward(inputs: Tensor2D, slots: (name: string) => LinearSlots, call?: ForwardCall): Tensor2D;
  /** Gives a parameter new values, and its variable again where `drop` took it. */
  load(parameter: Parameter, values: Float32Array): void;
  /** Frees a parameter's variable. */
  drop(parameter: Parameter): void;
  /** Frees every tensor of the model. */
  dispose(): void;
}

interface Shape {
  readonly name: string;
  readonly role: Parameter['role'];
  readonly shape: readonly [number] | readonly [number, number];
  /** Standard deviation of the initial values; undefined: all ones. */
  readonly deviation?: number;
}

/** Every parameter with its shape, in the order in which they are made. */
function parameterShapes(config: ModelConfig, vocabulary: number): Shape[] {
  const { width, hidden, layers } = config;
  const deviation = INITIAL_DEVIATION;
  // What adds to the residual stream starts smaller, so that the sum over layers keeps its size.
  const residual = INITIAL_DEVIATION / Math.sqrt(2 * layers);
  const shapes: Shape[] = [{ name: 'embedding', role: 'embedding', shape: [vocabulary, width], deviation }];
  for (let layer = 0; layer < layers; layer++) {
    const attention = `layers.${layer}.attention`;
    const mlp = `layers.${layer}.mlp`;
    const matrix = (name: string, rows: number, columns: number, sd: number): Shape => ({
      name,
      role: 'linear',
      shape: [rows, columns],
      deviation: sd,
    });
    shapes.push(
      { name: `${attention}.norm`, role: 'gain', shape: [width] },
      matrix(`${attention}.query`, width, width, deviation),
      matrix(`${attention}.key`, width, width, deviation),
      matrix(`${attention}.value`, width, width, deviation),
      matrix(`${attention}.output`, width, width, residual),
      { name: `${mlp}.norm`, role: 'gain', shape: [width] },
      matrix(`${mlp}.gate`, hidden, width, deviation),
      matrix(`${mlp}.up`, hidden, width, deviation),
      matrix(`${mlp}.down`, width, hidden, residual),
    );
  }
  shapes.push({ name: 'norm', role: 'gain', shape: [width] });
  shapes.push({ name: 'head', role: 'head', shape: [vocabulary, width], deviation });
  return shapes;
}

/** Sizes of every parameter: for reports, without making a model. */
export function parameterCounts(
  config: ModelConfig,
  vocabulary: number,
): { name: string; role: Parameter['role']; size: number }[] {
  return parameterShapes(config, vocabulary).map(({ name, role, shape }) => ({
    name,
    role,
    size: shape.reduce((product: number, extent) => product * extent, 1),
  }));
}

/** Rotary tables; `scale` multiplies both, which folds the attention scale into the queries. */
function rotaryTables(tf: TensorFlow, config: ModelConfig, scale: number): [Tensor2D, Tensor2D] {
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

/** Models made: TensorFlow.js wants the names of variables to be unique. */
let modelsMade = 0;

/** Whether the parameter-free norm stands before this projection. */
function normBefore(extraNorm: ExtraNorm | null, projection: Projection): boolean {
  if (extraNorm === null) return false;
  return extraNorm.where === 'all' || projection === 'output' || projection === 'down';
}

/**
 * Makes a model with initial weights that depend on nothing but (seed, parameter name, sizes).
 * @param vocabulary Number of tokens.
 * @param extraNorm Parameter-free norm before linear layers, for the whole run.
 */
export function createModel(
  tf: TensorFlow,
  config: ModelConfig,
  vocabulary: number,
  seed: number,
  extraNorm: ExtraNorm | null,
): LanguageModel {
  const { width, heads, context } = config;
  const headWidth = width / heads;
  const prefix = `halfulp${++modelsMade}/`;
  const parameters: Parameter[] = parameterShapes(config, vocabulary).map(
    ({ name, role, shape, deviation }) => {
      const size = shape.reduce((product: number, extent) => product * extent, 1);
      const values =
        deviation === undefined
          ? new Float32Array(size).fill(1)
          : gaussians(size, deviation, seed, `${name}/initial`);
      const initial = tf.tensor(values, [...shape]);
      const variable = tf.variable(initial, true, prefix + name);
      initial.dispose();
      return { name, role, shape, variable };
    },
  );
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const weight = (name: string): Tensor2D => byName.get(name)!.variable as unknown as Tensor2D;
  const gain = (name: string): Tensor1D => byName.get(name)!.variable as unknown as Tensor1D;
  const [keyCosine, keySine] = rotaryTables(tf, config, 1);
  const [queryCosine, querySine] = rotaryTables(tf, config, 1 / Math.sqrt(headWidth));
  const turn = quarterTurn(tf, headWidth);
  const keyRotation: Rotation = { cosine: keyCosine, sine: keySine, quarterTurn: turn };
  const queryRotation: Rotation = { cosine: queryCosine, sine: querySine, quarterTurn: turn };
  const mask = causalMask(tf, context);

  const forward: LanguageModel['forward'] = (inputs, slots, call = {}) => {
    const { extraNorm: norm = extraNorm, layer: layerCall } = call;
    const sequences = inputs.shape[0] / context;
    const project = (x: Tensor2D, block: string, projection: Projection): Tensor2D => {
      const name = `${block}.${projection}`;
      const normed = !normBefore(norm, projection)
        ? x
        : norm?.kind === 'layer'
          ? layerNorm(tf, x, EPSILON)
          : rmsNorm(tf, x, EPSILON);
      return linear(tf, normed, weight(name), slots(name), layerCall?.(name));
    };
    const splitHeads = (x: Tensor2D): Tensor3D =>
      tf.reshape(
        tf.transpose(tf.reshape(x, [sequences, context, heads, headWidth]) as Tensor4D, [0, 2, 1, 3]),
        [sequences * heads, context, headWidth],
      );
    const joinHeads = (x: Tensor3D): Tensor2D =>
      tf.reshape(
        tf.transpose(tf.reshape(x, [sequences, heads, context, headWidth]) as Tensor4D, [0, 2, 1, 3]),
        [sequences * context, width],
      );
    const attention = (x: Tensor2D, block: string): Tensor2D => {
      const query = rotate(tf, splitHeads(project(x, block, 'query')), queryRotation);
      const key = rotate(tf, splitHeads(project(x, block, 'key')), keyRotation);
      const value = splitHeads(project(x, block, 'value'));
      return project(joinHeads(causalAttention(tf, query, key, value, mask)), block, 'output');
    };
    const mlp = (x: Tensor2D, block: string): Tensor2D =>
      project(swiglu(tf, project(x, block, 'gate'), project(x, block, 'up')), block, 'down');

    // A product with one-hot rows looks a row up; its gradient is a product too, where a gather's is a slow scatter.
    let stream = tf.matMul(inputs, weight('embedding')) as Tensor2D;
    for (let layer = 0; layer < config.layers; layer++) {
      for (const [block, compute] of [
        [`layers.${layer}.attention`, attention],
        [`layers.${layer}.mlp`, mlp],
      ] as const)
        stream = tf.add(stream, compute(rmsNorm(tf, stream, EPSILON, gain(`${block}.norm`)), block));
    }
    return tf.matMul(rmsNorm(tf, stream, EPSILON, gain('norm')), weight('head'), false, true);
  };

  return {
    config,
    parameters,
    variablePrefix: prefix,
    forward,
    load(parameter, values) {
      const fresh = tf.tensor(values, [...parameter.shape]);
      if (parameter.variable.isDisposed)
        parameter.variable = tf.variable(fresh, true, prefix + parameter.name);
      else parameter.variable.assign(fresh);
      fresh.dispose();
    },
    drop: ({ variable }) => variable.dispose(),
    dispose() {
      for (const { variable } of parameters) if (!variable.isDisposed) variable.dispose();
      tf.dispose([keyCosine, keySine, queryCosine, querySine, turn, mask]);
    },
  };
}

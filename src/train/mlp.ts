/**
 * A multilayer perceptron: linear layers with biases, ReLU between them. Every linear layer has slots, the first and the
 * last too; biases have none. It has no residual stream, so a recipe's extra norm on `'o,down'` stands where its like
 * would be missing a norm: before each layer that reads activations; on `'all'` before the first as well.
 */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { TensorFlow } from '../tfjs/index.ts';
import { createParameters, extraNormOf, type Model, type ParameterShape } from './model.ts';
import type { MlpConfig } from './model-config.ts';
import { addBias } from './operations.ts';
import type { ExtraNorm } from './recipe.ts';

/** Names of the layers: `hidden.0`, ..., `output`; a layer's bias is called the same and `.bias`. */
function layersOf({ hidden }: MlpConfig, inputs: number, outputs: number) {
  return [...hidden, outputs].map((width, i) => ({
    name: i < hidden.length ? `hidden.${i}` : 'output',
    rows: width,
    columns: hidden[i - 1] ?? inputs,
  }));
}

/**
 * Every parameter with its shape. Initial weights are N(0, 2 / inputs of the layer), which keeps the size of what passes a
 * ReLU (He et al., arXiv 1502.01852), those of the last layer N(0, 1 / inputs); biases are 0.
 */
export function mlpShapes(config: MlpConfig, inputs: number, outputs: number): ParameterShape[] {
  return layersOf(config, inputs, outputs).flatMap(({ name, rows, columns }): ParameterShape[] => {
    const deviation = Math.sqrt((name === 'output' ? 1 : 2) / columns);
    return [
      { name, role: 'linear', shape: [rows, columns], initial: { deviation } },
      { name: `${name}.bias`, role: 'bias', shape: [rows], initial: { constant: 0 } },
    ];
  });
}

/**
 * Makes a model with initial weights that depend on nothing but (seed, parameter name, sizes).
 * @param inputs Features of a sample.
 * @param outputs Classes.
 * @param extraNorm Parameter-free norm before linear layers, for the whole run.
 */
export function createMlp(
  tf: TensorFlow,
  config: MlpConfig,
  { inputs, outputs }: { readonly inputs: number; readonly outputs: number },
  seed: number,
  extraNorm: ExtraNorm | null,
): Model {
  const { get, ...own } = createParameters(tf, mlpShapes(config, inputs, outputs), seed);
  const layers = layersOf(config, inputs, outputs);
  return {
    ...own,
    forward(rows, { extraNorm: norm = extraNorm, onBlock } = {}) {
      return layers.reduce((x, { name }, i) => {
        const isNormed = norm !== null && (i > 0 || norm.where === 'all');
        const weight = get(name) as unknown as Tensor2D;
        const y: Tensor2D = tf.matMul(isNormed ? extraNormOf(tf, x, norm) : x, weight, false, true);
        const sum = addBias(tf, y, get(`${name}.bias`) as unknown as Tensor1D);
        if (i === layers.length - 1) return sum;
        const output = tf.relu(sum);
        return onBlock?.(i, output) ?? output;
      }, rows);
    },
  };
}

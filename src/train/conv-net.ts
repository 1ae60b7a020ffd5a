/**
 * A convolutional net that classifies images: stages of a 3 x 3 convolution, a norm, ReLU and a 2 x 2 maximum pool, then one linear
 * layer. Convolutions and the linear layer have slots, the first and the last too; gains and biases have none. The norm is over all
 * positions and channels of a sample, so that there is no running average and evaluation computes what training does, or over the batch
 * (batch-norm.ts). Every
 * layer after the first reads what has been normed, so a recipe's extra norm on `'o,down'` stands nowhere; on `'all'` before
 * every layer, over the whole sample.
 *
 * Sources of the norms: Wu and He, "Group normalization", arXiv 1803.08494, with one group; its mean absolute deviation in place
 * of the standard one: Guo et al., "ShiftQuant", arXiv 2411.10948 (L1 normalisation), after Wu et al., arXiv 1802.09769.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { asTrained, firstAverages, normedConvolution } from './batch-norm.ts';
import {
  type BatchNormCall,
  createParameters,
  extraNormOf,
  type Model,
  normEpsilon,
  type ParameterShape,
} from './model.ts';
import type { ConvNetConfig } from './model-config.ts';
import { addBias, deviationNorm, layerNorm, scaleColumns } from './operations.ts';
import type { ExtraNorm } from './recipe.ts';

/** Height, width, channels. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/**
 * The shape of the images that samples are: the configuration's, or squares of one channel.
 * @throws ArgumentError naming `model.image` if samples of so many numbers are no such images
 */
export function imageOf({ image }: ConvNetConfig, features: number): ImageShape {
  const side = Math.round(Math.sqrt(features));
  const shape = image ?? ([side, side, 1] as const);
  if (sizeOf(shape) !== features)
    throw new ArgumentError('model.image', image, `[height, width, channels] of ${features} numbers`);
  return shape;
}

/** What passes a stage, before its pool. */
interface Stage {
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** The stages and the numbers of a sample that the linear layer reads. A pool of an odd side keeps its last row or column. */
export function stagesOf(
  { channels }: ConvNetConfig,
  [height, width, inputs]: ImageShape,
): { readonly stages: readonly Stage[]; readonly columns: number } {
  let at = { height, width, inputs };
  const stages = channels.map((outputs): Stage => {
    const stage = { ...at, outputs };
    at = { height: Math.ceil(at.height / 2), width: Math.ceil(at.width / 2), inputs: outputs };
    return stage;
  });
  return { stages, columns: at.height * at.width * at.inputs };
}

/**
 * Every parameter with its shape. Initial weights are N(0, 2 / inputs of an output), which keeps the size of what passes a ReLU
 * (He et al., arXiv 1502.01852), those of the last layer N(0, 1 / inputs); gains are 1, biases 0.
 */
export function convNetShapes(config: ConvNetConfig, features: number, outputs: number): ParameterShape[] {
  const { stages, columns } = stagesOf(config, config.image ?? imageOf(config, features));
  const vector = (name: string, role: 'gain' | 'bias', size: number): ParameterShape => ({
    ...{ name, role, shape: [size] },
    initial: { constant: role === 'gain' ? 1 : 0 },
  });
  return [
    ...stages.flatMap(({ inputs, outputs: channels }, i): ParameterShape[] => [
      {
        ...{ name: `convolution.${i}`, role: 'convolution', shape: [3, 3, inputs, channels] },
        initial: { deviation: Math.sqrt(2 / (9 * inputs)) },
      },
      vector(`norm.${i}`, 'gain', channels),
      vector(`norm.${i}.bias`, 'bias', channels),
    ]),
    {
      ...{ name: 'output', role: 'linear', shape: [outputs, columns] },
      initial: { deviation: Math.sqrt(1 / columns) },
    },
    vector('output.bias', 'bias', outputs),
  ];
}

/**
 * Makes a model with initial weights that depend on nothing but (seed, parameter name, sizes).
 * @param image of the samples, whose numbers are row-major, channels last
 * @param outputs Classes.
 * @param extraNorm Parameter-free norm before layers with slots, for the whole run.
 */
export function createConvNet(
  tf: TensorFlow,
  config: ConvNetConfig,
  { image, outputs }: { readonly image: ImageShape; readonly outputs: number },
  seed: number,
  extraNorm: ExtraNorm | null,
): Model {
  const { get, ...own } = createParameters(
    tf,
    convNetShapes({ ...config, image }, sizeOf(image), outputs),
    seed,
  );
  const { stages, columns } = stagesOf(config, image);
  const vector = (name: string): Tensor1D => get(name) as unknown as Tensor1D;
  const norm = config.norm === 'l1' ? deviationNorm : layerNorm;
  const averages = config.norm === 'batch' ? firstAverages(stages.map(({ outputs }) => outputs)) : undefined;

  /** A function of each whole sample. */
  function bySample<T extends Tensor>(x: T, fn: (rows: Tensor2D) => Tensor2D): T {
    return tf.reshape(fn(tf.reshape(x, [x.shape[0]!, -1])), x.shape) as T;
  }

  function stage(x: Tensor4D, i: number, call: BatchNormCall): Tensor4D {
    const filter = get(`convolution.${i}`) as unknown as Tensor4D;
    if (averages !== undefined) {
      const own = {
        ...{ filter: get(`convolution.${i}`), gain: vector(`norm.${i}`), bias: vector(`norm.${i}.bias`) },
        ...{ mean: averages.get(`norm.${i}.mean`)!, variance: averages.get(`norm.${i}.variance`)! },
      };
      return tf.maxPool(tf.relu(normedConvolution(tf, x, own, call)), 2, 2, 'same');
    }
    const normal = bySample(tf.conv2d(x, filter, 1, 'same'), (rows) => norm(tf, rows, normEpsilon));
    const columnsOf = tf.reshape(normal, [-1, filter.shape[3]]) as Tensor2D;
    const scaled = addBias(tf, scaleColumns(tf, columnsOf, vector(`norm.${i}`)), vector(`norm.${i}.bias`));
    return tf.maxPool(tf.reshape(tf.relu(scaled), normal.shape) as Tensor4D, 2, 2, 'same');
  }

  return {
    ...own,
    ...(averages && { averages }),
    forward(rows, { extraNorm: extra = extraNorm, onBlock, batchNorm = asTrained } = {}) {
      const normed = <T extends Tensor>(x: T): T =>
        extra?.where === 'all' ? bySample(x, (each) => extraNormOf(tf, each, extra)) : x;
      const images = tf.reshape(rows, [-1, ...image]) as Tensor4D;
      const last = stages.reduce((x, _, i) => {
        const output = stage(normed(x), i, batchNorm);
        return onBlock === undefined ? output : bySample(output, (each) => onBlock(i, each));
      }, images);
      const weight = get('output') as unknown as Tensor2D;
      const y: Tensor2D = tf.matMul(normed(tf.reshape(last, [-1, columns]) as Tensor2D), weight, false, true);
      return addBias(tf, y, vector('output.bias'));
    },
  };
}

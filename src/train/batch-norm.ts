/**
 * A convolution and its batch norm: y = gain (x * w - mean) / deviation + bias, of each channel over the batch in training and by averages over
 * steps in evaluations; or folded, the convolution with w gain / deviation plus bias - gain mean / deviation, which is what inference on
 * integers does. Folded training has the weights of the averages, so that their quantiser sees what inference has, and makes up for the
 * batch's deviation behind the convolution, until the averages are used for all.
 * Sources: Ioffe and Szegedy, "Batch normalization", arXiv 1502.03167; Krishnamoorthi, "Quantizing deep convolutional networks for
 * efficient inference: a whitepaper", arXiv 1806.08342, section 3.2.2 (correction and freezing).
 */
import type { Tensor1D, Tensor4D, Variable } from '@tensorflow/tfjs';
import { foldedWeight } from '../tfjs/folded-weights.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { type BatchNormCall, normEpsilon } from './model.ts';

/** Of the averages, a step. */
const decay = 0.99;

/** By averages, not folded. */
export const asTrained: BatchNormCall = { folded: false, statistics: 'moving' };

/** Averages of stages with so many channels, as training begins: mean 0, variance 1. */
export function firstAverages(channels: readonly number[]): Map<string, Float32Array> {
  return new Map(
    channels.flatMap((count, i) => [
      [`norm.${i}.mean`, new Float32Array(count)] as const,
      [`norm.${i}.variance`, new Float32Array(count).fill(1)] as const,
    ]),
  );
}

/** A convolution, its norm and the norm's averages. */
interface NormedConvolution {
  readonly filter: Variable;
  readonly gain: Tensor1D;
  readonly bias: Tensor1D;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

function takeIn(average: Float32Array, now: ArrayLike<number>): void {
  for (let i = 0; i < average.length; i++) average[i] = decay * average[i]! + (1 - decay) * now[i]!;
}

/** The convolution of 3 x 3 taps and the norm of its result. */
export function normedConvolution(
  tf: TensorFlow,
  x: Tensor4D,
  { filter, gain, bias, mean, variance }: NormedConvolution,
  { folded, statistics, updates = false }: BatchNormCall,
): Tensor4D {
  const convolved = (w: Tensor4D): Tensor4D => tf.conv2d(x, w, 1, 'same');
  const deviationOf = (of: Tensor1D): Tensor1D => tf.sqrt(tf.add(of, normEpsilon));
  const weight = filter as unknown as Tensor4D;
  const deviation = deviationOf(tf.tensor1d(variance));
  const factor = tf.div<Tensor1D>(gain, deviation);
  const shifted = (result: Tensor4D, centre: Tensor1D, by: Tensor1D): Tensor4D =>
    tf.add(result, tf.sub(bias, tf.mul(centre, by)));
  const foldedResult = (): Tensor4D => convolved(foldedWeight(tf.mul(weight, factor), filter));
  if (statistics === 'moving') {
    const result = folded ? foldedResult() : tf.mul<Tensor4D>(convolved(weight), factor);
    return shifted(result, tf.tensor1d(mean), factor);
  }
  // Statistics of the folded net are those of weights as they are, a copy of which is no layer's.
  const plain = convolved(folded ? tf.mul<Tensor4D>(weight, 1) : weight);
  const moments = tf.moments(plain, [0, 1, 2]) as { mean: Tensor1D; variance: Tensor1D };
  if (updates) {
    takeIn(mean, moments.mean.dataSync());
    takeIn(variance, moments.variance.dataSync());
  }
  const own = deviationOf(moments.variance);
  const ownFactor = tf.div<Tensor1D>(gain, own);
  const result = folded
    ? tf.mul<Tensor4D>(foldedResult(), tf.div(deviation, own))
    : tf.mul<Tensor4D>(plain, ownFactor);
  return shifted(result, moments.mean, ownFactor);
}

/** Norms of the rows of matrices, without parameters, and their gradients; matrices with their last two axes swapped. */
import type { Tensor } from '@tensorflow/tfjs';
import type { TensorFlow } from './internals.ts';

/** What is added to the mean square or the variance. */
const normEpsilon = 1e-5;

/** Rows normed without parameters, and what they were multiplied by. */
export function normOf(
  tf: TensorFlow,
  matrix: Tensor,
  kind: 'rms' | 'layer',
): { normal: Tensor; inverse: Tensor } {
  const axis = matrix.rank - 1;
  const centred = kind === 'layer' ? tf.sub(matrix, tf.mean(matrix, axis, true)) : matrix;
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axis, true), normEpsilon));
  return { normal: tf.mul(centred, inverse), inverse };
}

export function normGradient(
  tf: TensorFlow,
  matrix: Tensor,
  gradient: Tensor,
  kind: 'rms' | 'layer',
): Tensor {
  const axis = matrix.rank - 1;
  const { normal, inverse } = normOf(tf, matrix, kind);
  const along = tf.mul(normal, tf.mean(tf.mul(gradient, normal), axis, true));
  const rest = tf.sub(gradient, along);
  return tf.mul(kind === 'layer' ? tf.sub(rest, tf.mean(gradient, axis, true)) : rest, inverse);
}

/** A shape with the last two axes swapped. */
export function swappedShape(shape: readonly number[]): number[] {
  const last = shape.length - 1;
  return [...shape.slice(0, -2), shape[last]!, shape[last - 1]!];
}

/** The last two axes swapped. */
export function swapLast(tf: TensorFlow, x: Tensor): Tensor {
  const last = x.rank - 1;
  return tf.transpose(x, [...x.shape.map((_, i) => i).slice(0, -2), last, last - 1]);
}

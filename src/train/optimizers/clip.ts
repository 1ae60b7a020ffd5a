/** Gradient operators: what happens to gradients between the backward pass and the optimiser. */
import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../tfjs/index.ts';

/**
 * Scales gradients so that their global Euclidean norm is at most `limit`. Call inside `tf.tidy`.
 * @returns The norm before clipping, and the gradients (the given ones where nothing had to be done).
 */
export function clipByGlobalNorm(
  tf: TensorFlow,
  gradients: NamedTensorMap,
  limit: number,
): { norm: number; gradients: NamedTensorMap } {
  const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
  const norm = Math.sqrt(tf.addN(squares).dataSync()[0]!);
  if (!(norm > limit)) return { norm, gradients };
  const scale = tf.scalar(limit / norm);
  const scaled = Object.entries(gradients).map(
    ([name, gradient]) => [name, tf.mul(gradient, scale)] as const,
  );
  return { norm, gradients: Object.fromEntries(scaled) };
}

/** Gradient operators: what happens to gradients between the backward pass and the optimiser. */
import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../tfjs/index.ts';

/** The norm in binary64, whose range the squares of binary32 numbers do not leave. */
function wideNorm(gradients: NamedTensorMap): number {
  let sum = 0;
  for (const gradient of Object.values(gradients))
    for (const value of gradient.dataSync()) sum += value * value;
  return Math.sqrt(sum);
}

/** The Euclidean norm of all gradients together, not finite only if a gradient is not. Call inside `tf.tidy`. */
export function globalNorm(tf: TensorFlow, gradients: NamedTensorMap): number {
  const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
  if (squares.length === 0) return 0;
  const float32 = Math.sqrt(tf.addN(squares).dataSync()[0]!);
  return Number.isFinite(float32) ? float32 : wideNorm(gradients);
}

/**
 * Scales gradients so that their global Euclidean norm is at most `limit`. Call inside `tf.tidy`.
 * @returns The norm before clipping, and the gradients (the given ones where nothing had to be done).
 */
export function clipByGlobalNorm(
  tf: TensorFlow,
  gradients: NamedTensorMap,
  limit: number,
): { norm: number; gradients: NamedTensorMap } {
  const norm = globalNorm(tf, gradients);
  if (!(norm > limit)) return { norm, gradients };
  const scale = tf.scalar(limit / norm);
  const scaled = Object.entries(gradients).map(
    ([name, gradient]) => [name, tf.mul(gradient, scale)] as const,
  );
  return { norm, gradients: Object.fromEntries(scaled) };
}

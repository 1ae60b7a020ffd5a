/**
 * Cross-entropy of logits. The loss is a measuring instrument: it is computed in float32 and binary64
 * from the logits whatever arithmetic is being emulated, so that arms are compared on one scale; its gradient is part
 * of the training and runs in the arm's arithmetic.
 */
import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import { log } from '../approximate.ts';
import { inRole, type TensorFlow } from '../tfjs/index.ts';
import { withGradient } from './operations.ts';

/**
 * Sum over the rows of -log softmax(logits)[target], in nats; NaN if a logit is NaN.
 * @param logits (rows, outputs)
 * @param targets One-hot rows of the same shape.
 */
export function lossSum(tf: TensorFlow, logits: Tensor2D, targets: Tensor2D): number {
  const [sums, picked] = inRole(tf, 'other', () =>
    tf.tidy(() => {
      const shifted = tf.sub(logits, tf.max(logits, 1, true));
      const sum = tf.sum(tf.exp(shifted), 1);
      return [sum.dataSync(), tf.sum(tf.mul(shifted, targets), 1).dataSync()] as unknown as Float32Array[];
    }),
  ) as [Float32Array, Float32Array];
  let total = 0;
  for (let i = 0; i < sums.length; i++) total += log(sums[i]!) - picked[i]!;
  return total;
}

/** Mean cross-entropy over the rows, differentiable in `logits`. Parameters as in {@link lossSum}. */
export function crossEntropy(tf: TensorFlow, logits: Tensor2D, targets: Tensor2D): Scalar {
  const rows = logits.shape[0];
  return withGradient<Scalar>(
    tf,
    [logits],
    (save) => {
      save([logits, targets]);
      return tf.scalar(lossSum(tf, logits, targets) / rows);
    },
    (gradient, [savedLogits, savedTargets]) => {
      const difference = tf.sub(tf.softmax(savedLogits!), savedTargets!);
      return [tf.mul(difference, tf.mul(gradient, 1 / rows))];
    },
  );
}

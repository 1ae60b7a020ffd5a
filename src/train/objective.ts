/**
 * What a step makes small: the task's loss, the distance to a teacher's answers, and that of what blocks give from what the teacher's
 * blocks give. Each is a measuring instrument, in binary64 from float32 numbers whatever arithmetic is emulated; its gradient runs in the
 * arm's arithmetic.
 * Sources: Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", arXiv 1503.02531 (soft targets); Polino, Pascanu,
 * Alistarh, "Model compression via distillation and quantization", arXiv 1802.05668 (of quantised students); Kim, Oh, Park et al.,
 * "Teacher intervention: improving convergence of quantization aware training for ultra-low precision transformers", arXiv 2302.11812.
 */
import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { exp, log } from '../approximate.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { crossEntropy } from './cross-entropy.ts';
import type { ForwardCall } from './model.ts';
import { withGradient } from './operations.ts';
import type { ObjectiveSpec } from './recipe.ts';
import type { Teaching } from './teacher.ts';

/** Logarithms of the softmax of a row over a temperature. */
function logSoftmax(row: Float32Array, temperature: number): Float64Array {
  const largest = row.reduce((most, x) => Math.max(most, x), -Infinity);
  const shifted = Float64Array.from(row, (x) => (x - largest) / temperature);
  const total = log(shifted.reduce((sum, x) => sum + exp(x), 0));
  return shifted.map((x) => x - total);
}

/** T² times the mean over the rows of KL(softmax(teacher / T) || softmax(logits / T)), in nats; differentiable in `logits`. */
export function softLoss(tf: TensorFlow, logits: Tensor2D, teacher: Tensor2D, temperature: number): Scalar {
  const [rows, columns] = logits.shape;
  return withGradient<Scalar>(
    tf,
    [logits],
    (save) => {
      save([logits]);
      const [own, wanted] = [logits, teacher].map((one) => one.dataSync<'float32'>());
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        const [p, q] = [wanted!, own!].map((all) =>
          logSoftmax(all.subarray(row * columns, (row + 1) * columns), temperature),
        );
        for (let i = 0; i < columns; i++) sum += exp(p![i]!) * (p![i]! - q![i]!);
      }
      return tf.scalar((temperature * temperature * sum) / rows);
    },
    (gradient, [saved]) => {
      const softened = (x: Tensor): Tensor => tf.softmax(tf.div(x, temperature));
      const difference = tf.sub(softened(saved!), softened(teacher));
      return [tf.mul(difference, tf.mul(gradient, temperature / rows))];
    },
  );
}

/** Mean squared difference of two tensors, differentiable in the first. */
export function featureLoss(tf: TensorFlow, own: Tensor, teacher: Tensor): Scalar {
  return withGradient<Scalar>(
    tf,
    [own],
    (save) => {
      save([own]);
      const [a, b] = [own, teacher].map((one) => one.dataSync<'float32'>());
      let sum = 0;
      for (let i = 0; i < a!.length; i++) sum += (a![i]! - b![i]!) ** 2;
      return tf.scalar(sum / own.size);
    },
    (gradient, [saved]) => [tf.mul(tf.sub(saved!, teacher), tf.mul(gradient, 2 / own.size))],
  );
}

/** A forward pass and its loss. `targets`: one-hot rows. */
export function objectiveLoss(
  tf: TensorFlow,
  forward: (call?: ForwardCall) => Tensor2D,
  targets: Tensor2D,
  {
    spec: { task, soft = 0, temperature = 1, features = 0, block, intervenes = false },
    teaching,
  }: { readonly spec: ObjectiveSpec; readonly teaching: Teaching },
): Scalar {
  const given: Tensor2D[] = [];
  const onBlock = (index: number, output: Tensor2D): Tensor2D => {
    given[index] = output;
    return intervenes ? teaching.features[index]! : output;
  };
  const logits = features === 0 && !intervenes ? forward() : forward({ onBlock });
  const terms: Scalar[] = [];
  const add = (weight: number, term: () => Scalar): void => {
    if (weight > 0) terms.push(weight === 1 ? term() : (tf.mul(term(), weight) as Scalar));
  };
  add(task, () => crossEntropy(tf, logits, targets));
  add(soft, () => softLoss(tf, logits, teaching.logits, temperature));
  const blocks = block === undefined ? given.map((_, i) => i) : [block];
  for (const i of blocks)
    add(features / blocks.length, () => featureLoss(tf, given[i]!, teaching.features[i]!));
  return terms.reduce((sum, term) => tf.add(sum, term));
}

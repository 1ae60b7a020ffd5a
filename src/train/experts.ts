/**
 * A mixture of experts beside the feed-forward layer of a decoder: a router gives each row probabilities, the likeliest experts are asked,
 * and what they give is added in proportion to their probabilities; rows are spread by a term of the loss. Every expert computes every row:
 * rows that are not its own are zeros, which bring nothing to its result or its gradients.
 * Sources: Shazeer et al., "Outrageously large neural networks", arXiv 1701.06538; Fedus, Zoph, Shazeer, "Switch transformers", arXiv
 * 2101.03961, section 2.2 (the term).
 */
import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import { fields, integer, maybe, number, type Schema } from '../schema.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import { withGradient } from './operations.ts';

/** The mixture of a decoder's blocks. */
export interface Experts {
  /** How many there are in each block. */
  readonly count: number;
  /** How many of them a row asks. Default 1. */
  readonly active?: number;
  /** Weight of the term that spreads rows. Default 0.01. */
  readonly balance?: number;
}

export const expertsSchema = fields({
  count: integer(2, 256),
  active: maybe(integer(1, 256)),
  balance: maybe(number({ from: 0, to: 1000 })),
}) as unknown as Schema<Experts>;

/** The experts that each row asks, (rows, count) of 0 and 1: those of the largest probabilities, of equals the first. */
export function chosenExperts(probabilities: Float32Array, count: number, active: number): Float32Array {
  const chosen = new Float32Array(probabilities.length);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let at = 0; at < probabilities.length; at += count) {
    const likeliest = order.toSorted((a, b) => probabilities[at + b]! - probabilities[at + a]! || a - b);
    for (const i of likeliest.slice(0, active)) chosen[at + i] = 1;
  }
  return chosen;
}

/**
 * weight * count * sum over the experts of (its part of all choices) * (its mean probability): weight where all are alike. Differentiable in
 * the probabilities; a measuring instrument in binary64, as the loss is.
 */
export function balanceTerm(
  tf: TensorFlow,
  probabilities: Tensor2D,
  chosen: Float32Array,
  weight: number,
): Scalar {
  const [rows, count] = probabilities.shape;
  const parts = new Float64Array(count);
  for (let i = 0; i < chosen.length; i++) parts[i % count]! += chosen[i]!;
  const asked = parts.reduce((sum, part) => sum + part, 0);
  const slopes = Float32Array.from(parts, (part) => (weight * count * part) / asked / rows);
  return withGradient<Scalar>(
    tf,
    [probabilities],
    () => {
      const values = probabilities.dataSync<'float32'>();
      let sum = 0;
      for (let i = 0; i < values.length; i++) sum += (parts[i % count]! / asked) * values[i]!;
      return tf.scalar((weight * count * sum) / rows);
    },
    (gradient) => [tf.mul(tf.tile(tf.tensor2d(slopes, [1, count]), [rows, 1]), gradient)],
  );
}

/** `x` with zeros in place of the rows that an expert is not asked. `asked`: (rows, 1) of 0 and 1. */
function ownRows(tf: TensorFlow, x: Tensor2D, asked: Tensor2D): Tensor2D {
  return withGradient<Tensor2D>(
    tf,
    [x],
    (save) => {
      save([asked]);
      return tf.mul<Tensor2D>(x, asked);
    },
    (gradient, [saved]) => [tf.mul(gradient, saved!)],
  );
}

/**
 * What the experts add to each row of `x`.
 * @param logits of the router, (rows, count)
 * @param onBalance gets the term of the loss
 */
export function mixture(
  tf: TensorFlow,
  { count, active = 1, balance = 0.01 }: Experts,
  { x, logits }: { readonly x: Tensor2D; readonly logits: Tensor2D },
  expert: (index: number, rows: Tensor2D) => Tensor2D,
  onBalance?: (term: Scalar) => void,
): Tensor2D {
  const probabilities = tf.softmax(logits);
  const chosen = chosenExperts(probabilities.dataSync<'float32'>(), count, active);
  if (balance > 0) onBalance?.(balanceTerm(tf, probabilities, chosen, balance));
  const rows = logits.shape[0];
  const gates = tf.split(probabilities, count, 1) as Tensor2D[];
  const given = gates.map((gate, index) => {
    const asked = tf.tensor2d(
      Float32Array.from({ length: rows }, (_, row) => chosen[row * count + index]!),
      [rows, 1],
    );
    return tf.mul<Tensor2D>(expert(index, ownRows(tf, x, asked)), ownRows(tf, gate, asked));
  });
  return given.reduce((sum, each) => tf.add<Tensor2D>(sum, each));
}

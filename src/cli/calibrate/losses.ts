/** The losses that a layers model may be calibrated and evaluated by. */
import type { Tensor } from '@tensorflow/tfjs';
import { ArgumentError } from '../../errors.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { type LossName, lossNames } from './model-options.ts';

/** Short names of Keras. */
const aliases: Readonly<Record<string, LossName>> = { mse: 'meanSquaredError', mae: 'meanAbsoluteError' };

/** The loss that a model's training configuration names; undefined: none of these. */
export function lossNamed(given: unknown): LossName | undefined {
  if (typeof given !== 'string') return undefined;
  const name = given.toLowerCase().replaceAll('_', '');
  return aliases[name] ?? lossNames.find((one) => one.toLowerCase() === name);
}

/** Whether targets are classes, as numbers or as one-hot rows. */
const isOfClasses = (loss: LossName): boolean =>
  loss.includes('ategorical') || loss === 'softmaxCrossEntropy';

/** Targets in the shape of predictions: classes as one-hot rows. Throws ArgumentError naming `--targets`. */
export function targetsLike(
  tf: TensorFlow,
  targets: Tensor,
  { shape, size }: Tensor,
  loss: LossName,
): Tensor {
  if (targets.size === size) return tf.reshape(targets, shape);
  const classes = shape.at(-1)!;
  const isByNumber = isOfClasses(loss) && targets.size * classes === size;
  const each = shape.slice(1).join(' x ');
  if (!isByNumber)
    throw new ArgumentError(
      '--targets',
      `${targets.shape.slice(1).join(' x ') || 1} numbers a sample`,
      `${each}${isOfClasses(loss) ? `, or the index of one of ${classes} classes` : ''}`,
    );
  const wrong = targets.dataSync().find((value) => !Number.isInteger(value) || value < 0 || value >= classes);
  if (wrong !== undefined)
    throw new ArgumentError('--targets', wrong, `indices of ${classes} classes, from 0`);
  const indices = tf.reshape(tf.cast(targets, 'int32'), shape.slice(0, -1));
  return tf.cast(tf.oneHot(indices as never, classes), 'float32');
}

/** The mean loss over predictions, differentiable in them. */
export function lossOf(tf: TensorFlow, loss: LossName, targets: Tensor, predictions: Tensor): Tensor {
  const rows = (x: Tensor): Tensor => tf.reshape(x, [-1, x.shape.at(-1)!]);
  const [y, p] = [rows(targets), rows(predictions)];
  switch (loss) {
    case 'meanSquaredError':
      return tf.mean(tf.squaredDifference(y, p));
    case 'meanAbsoluteError':
      return tf.mean(tf.abs(tf.sub(y, p)));
    case 'binaryCrossentropy':
      return tf.mean(tf.metrics.binaryCrossentropy(y, p));
    case 'categoricalCrossentropy':
    case 'sparseCategoricalCrossentropy':
      return tf.mean(tf.metrics.categoricalCrossentropy(y, p));
    case 'softmaxCrossEntropy':
      return tf.losses.softmaxCrossEntropy(y, p);
  }
}

/** How many answers are right, of how many; undefined where a loss has no right ones. */
export function rightOf(
  tf: TensorFlow,
  loss: LossName,
  targets: Tensor,
  predictions: Tensor,
): { readonly right: number; readonly of: number } | undefined {
  const count = (equal: Tensor) => ({
    right: tf.sum(tf.cast(equal, 'float32')).dataSync()[0]!,
    of: equal.size,
  });
  if (isOfClasses(loss)) return count(tf.equal(tf.argMax(targets, -1), tf.argMax(predictions, -1)));
  if (loss !== 'binaryCrossentropy') return undefined;
  return count(tf.equal(tf.greater(targets, 0.5), tf.greater(predictions, 0.5)));
}

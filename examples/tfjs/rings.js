/**
 * Two rings told apart by a dense net with a sigmoid and binary cross-entropy. The loss takes log(1 - p) of probabilities next to 1:
 * in 16 bits 1 - 1e-7 is 1, and the logarithm infinite. Under emulation losses are float32 unless the policy says otherwise.
 *
 * node examples/tfjs/rings.js [--points 300] [--epochs 30] [--seed 1]
 */
import { readOptions } from '../shared/options.js';
import { compare, fitAndEvaluate, isMain, uniform } from './shared.js';

/** Points of two rings in turn, of radius 1 and 2, each with its ring. */
function rings(count, random) {
  return Array.from({ length: count }, (_, i) => {
    const radius = 1 + (i % 2) + 0.5 * (random() - 0.5);
    const angle = 2 * Math.PI * random();
    return { place: [radius * Math.cos(angle), radius * Math.sin(angle)], ring: i % 2 };
  });
}

/** Builds, trains and evaluates the model. */
export async function train({ tf, optimizer }, { points, epochs, seed }) {
  const dense = (n, given) =>
    tf.layers.dense({ kernelInitializer: tf.initializers.glorotUniform({ seed: seed + n }), ...given });
  const model = tf.sequential({
    layers: [
      dense(0, { units: 16, activation: 'relu', inputShape: [2] }),
      dense(1, { units: 16, activation: 'relu' }),
      dense(2, { name: 'head', units: 1, activation: 'sigmoid' }),
    ],
  });
  model.compile({
    optimizer: optimizer(tf.train.adam(0.02)),
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
  });
  const random = uniform(seed);
  const tensors = (part) => [
    tf.tensor2d(part.map(({ place }) => place)),
    tf.tensor2d(part.map(({ ring }) => [ring])),
  ];
  const training = tensors(rings(points, random));
  const test = tensors(rings(1000, random));
  return fitAndEvaluate(tf, model, { training, test, epochs, batchSize: 32, evaluateBatch: 250 });
}

if (isMain(import.meta))
  await compare(
    'rings',
    readOptions('Two rings told apart by binary cross-entropy.', {
      points: 300,
      epochs: 30,
      seed: 1,
    }),
    train,
    { atLeast: 0.98, within: 0.02 },
  );

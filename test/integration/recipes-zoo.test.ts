/**
 * What holds for every published recipe: files name it, its data are plain, it trains each kind of model, and looking at a run or
 * stopping it changes no bit.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import {
  applyRecipe,
  decodeCheckpoint,
  labelledData,
  type ModelConfig,
  type Recipe,
  recipeFrom,
  recipes,
  type TrainingData,
  textData,
} from '../../src/train/index.ts';
import { gaussians } from '../../src/train/random.ts';
import { checkRecipe } from '../../src/train/recipe-check.ts';
import { everyCase } from '../every-case.ts';
import { tracedRun } from '../traced-run.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** What recipes without defaults for everything need. */
const needed: Readonly<Record<string, object>> = {
  dqt: { bits: 4 },
  bitnetTransition: { at: 0.5 },
  // None of these models has experts; recipes-experts.test.ts has one.
  mote: { experts: 'mlp|conv|dense', routers: 'attention|bias' },
};
const names = Object.entries(recipes).flatMap(([name, one]) => (typeof one === 'function' ? [name] : []));
const recipeOf = (name: string): Recipe => recipeFrom({ recipe: name, ...needed[name] });

const language: ModelConfig = {
  ...{ name: 'tiny', width: 32, layers: 2, heads: 2, hidden: 32, context: 8, sequences: 4 },
  learningRate: 1e-3,
};
const conv: ModelConfig = {
  ...{ kind: 'conv', name: 'tiny', channels: [4, 8], norm: 'l1', samples: 8, learningRate: 1e-3 },
};
const text = textData('the quick brown fox jumps over the lazy dog. '.repeat(40));
const images = labelledData(
  gaussians(64 * 48, 1, 1, 'images'),
  Array.from({ length: 48 }, (_, i) => i % 3),
);
const tasks: readonly (readonly [string, ModelConfig, TrainingData])[] = [
  ['language', language, text],
  ['conv', conv, images],
];

it('have names that differ', () => {
  const made = names.map((name) => recipeOf(name).name);
  expect(new Set(made).size).toBe(made.length);
});

describe.each(names)('%s', (name) => {
  it('is what files name, plain data that its check accepts', () => {
    const recipe = recipeOf(name);
    expect(JSON.parse(JSON.stringify(recipe))).toEqual(recipe);
    expect(() => checkRecipe(recipe)).not.toThrow();
    expect(() => recipeFrom({ recipe: name, ...needed[name], nonsense: 1 })).toThrow(/nonsense/);
  });

  it.each(tasks)(
    'trains a model of the kind %s, and looking and stopping change no bit',
    async (_, model, data) => {
      const run = async (more: object = {}) => {
        const { losses, bytes, result } = await tracedRun({
          ...{ tf, model, data, recipe: recipeOf(name), steps: 4, seed: 1 },
          ...more,
        });
        return { losses, checkpoints: bytes, end: result.validationLoss };
      };
      const plain = await run();
      expect(plain.losses.every(Number.isFinite)).toBe(true);
      expect(Number.isFinite(plain.end)).toBe(true);
      const looked = await run({ evaluateEvery: 2, evaluationWindows: 4, probeEvery: 1, gradientDraws: 1 });
      expect(looked.losses).toEqual(plain.losses);
      expect(Object.is(looked.end, plain.end)).toBe(true);
      expect(looked.checkpoints.length).toBe(plain.checkpoints.length);
      for (const done of everyCase ? [2, 3] : [2 + (names.indexOf(name) % 2)]) {
        const rest = await run({ resume: decodeCheckpoint(plain.checkpoints[done - 1]!, 'memory') });
        expect(rest.losses).toEqual(plain.losses.slice(done));
        expect(rest.checkpoints.map(fnv1a64)).toEqual(plain.checkpoints.slice(done).map(fnv1a64));
        expect(Object.is(rest.end, plain.end)).toBe(true);
      }
    },
  );

  it('runs on any model of the layers API, which leaves no tensor', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 4, kernelSize: 3, activation: 'relu' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 16, activation: 'relu' }),
        tf.layers.dense({ units: 3, activation: 'softmax' }),
      ],
    });
    const recipe = { ...recipeOf(name) };
    if (recipe.teacher !== undefined) {
      await expect(applyRecipe(tf, recipe, { model, steps: 3, seed: 1 })).rejects.toThrow(/recipe.teacher/);
      model.dispose();
      return;
    }
    const run = await applyRecipe(tf, recipe, { model, steps: 3, seed: 1 });
    try {
      model.compile({ optimizer: run.optimizer(1e-3), loss: 'categoricalCrossentropy' });
      const xs = tf.tensor4d(images.training.inputs.slice(0, 64 * 12), [12, 8, 8, 1]);
      const ys = tf.oneHot(tf.tensor1d(Array.from(images.training.labels.slice(0, 12)), 'int32'), 3);
      const { history } = await model.fit(xs, ys, { epochs: 1, batchSize: 4, shuffle: false, verbose: 0 });
      expect(Number.isFinite(history['loss']![0])).toBe(true);
      expect(String(run.roles)).toContain('conv2d');
    } finally {
      run.stop();
      model.dispose();
    }
  });
});

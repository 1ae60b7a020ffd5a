/** `applyRecipe` on programs of the layers API and on hand-written loops. */
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type RecipeRun } from '../../src/train/engine/apply-recipe.ts';
import { recipes } from '../../src/train/index.ts';

let run: RecipeRun | undefined;
beforeAll(async () => {
  await wasmBackend();
});
afterEach(() => {
  run?.stop();
  run = undefined;
});

function data() {
  const x = tf.randomNormal([64, 16], 0, 1, 'float32', 3);
  const y = tf.tidy(() => tf.oneHot(tf.argMax(x.slice([0, 0], [64, 4]), 1).toInt(), 4).toFloat());
  return { x, y };
}

function mlp() {
  const init = (seed: number) => tf.initializers.glorotNormal({ seed });
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 32, activation: 'relu', inputShape: [16], kernelInitializer: init(1) }),
      tf.layers.dense({ units: 4, activation: 'softmax', kernelInitializer: init(2) }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' });
  return model;
}

describe('model.fit', () => {
  it.each([
    ['float32', recipes.float32()],
    ['bfloat16', recipes.bfloat16()],
    ['bitnet', recipes.bitnet()],
    ['transition', recipes.bitnetTransition({ at: 0.4, optimizerState: 'reset', rewarm: 0.1 })],
    ['phase-in', recipes.bitnetTransition({ at: 0.4, phaseIn: { kind: 'tanh', over: 0.2 } })],
    ['dqt8', recipes.dqt({ bits: 8 })],
    ['ternary', recipes.dqt({ bits: 1.58 })],
    ['adam8bit', recipes.adam8bit()],
  ])('learns under %s and leaves nothing behind', async (_, recipe) => {
    const { x, y } = data();
    const model = mlp();
    const before = tf.memory();
    run = await applyRecipe(tf, recipe, { model, steps: 40, seed: 1 });
    const history = await model.fit(x, y, { epochs: 20, batchSize: 32, shuffle: false, verbose: 0 });
    const losses = history.history['loss'] as number[];
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    expect(run.step).toBe(40);
    run.stop();
    await model.fit(x, y, { epochs: 1, batchSize: 32, shuffle: false, verbose: 0 });
    model.optimizer.dispose();
    const after = tf.memory();
    expect(after.numTensors).toBe(before.numTensors - 2);
    expect(after.numDataBuffers).toBe(before.numDataBuffers - 2);
    x.dispose();
    y.dispose();
    model.dispose();
  });
});

describe('the table of roles', () => {
  it('says what each layer of the program reads and how it is held', async () => {
    const model = mlp();
    const [first, second] = model.layers.map(({ name }) => name);
    const rules = [{ where: { layer: second! }, set: { forward: { w: null } } }];
    run = await applyRecipe(tf, { ...recipes.bitnet(), rules }, { model, steps: 2, seed: 1 });
    const { rows } = run.roles.phases[0]!;
    const row = (layer: string) => rows.find(([name]) => name!.includes(layer) && !name!.includes('bias'))!;
    expect(row(first!).slice(1, 3)).toEqual(['int8 row absmax', 'ternary tensor absmean']);
    expect(row(second!).slice(1, 3)).toEqual(['int8 row absmax', '-']);
    for (const layer of [first!, second!]) expect(String(run.roles)).toContain(`${layer}/kernel`);
    model.dispose();
  });
});

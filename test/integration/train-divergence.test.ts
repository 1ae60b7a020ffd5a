/** Runs that cease to be numbers: they end there, say where, and none of their numbers passes for a result. */
import type { Scalar } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  applyRecipe,
  type Checkpoint,
  labelledData,
  type MlpConfig,
  type Recipe,
  recipes,
  type StepRecord,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';
import { optimizerOf } from '../../src/train/optimizers/index.ts';
import { gaussians } from '../../src/train/random.ts';

const model = {
  name: 'test',
  width: 16,
  layers: 1,
  heads: 2,
  hidden: 24,
  context: 8,
  sequences: 2,
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(40));
const mlp: MlpConfig = { kind: 'mlp', name: 'test', hidden: [8], samples: 8, learningRate: 1e-2 };
const samples = labelledData(
  gaussians(200, 1, 1, 'x'),
  Array.from({ length: 100 }, (_, i) => i % 2),
);

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

async function run(recipe: Recipe, more: Partial<TrainOptions> = {}) {
  const steps: StepRecord[] = [];
  const evaluations: number[] = [];
  const before = tf.memory().numTensors;
  const result = await train({
    ...{ tf, model, data, recipe, steps: 40, seed: 1, evaluateEvery: 2, evaluationWindows: 2 },
    onStep: (record) => void steps.push(record),
    onEvaluation: ({ step }) => void evaluations.push(step),
    ...more,
  });
  expect(tf.memory().numTensors).toBe(before);
  return { result, steps, evaluations };
}

const optimizers = [
  ['adamw', {}],
  ['adafactor', { kind: 'adafactor' }],
] as const;
const recipesOf = optimizers.flatMap(([name, optimizer]) =>
  [
    recipes.float32({ optimizer }),
    recipes.bitnet({ optimizer }),
    recipes.bfloat16({ optimizer }),
    recipes.bfloat16Weights({ optimizer }),
    recipes.bitnetTransition({ at: 0.1, optimizer }),
  ].map((recipe) => [`${recipe.name} by ${name}`, recipe] as const),
);

describe.each(recipesOf)('%s', (_, recipe) => {
  it('ends at the step at which something is not finite, and has no results', async () => {
    const { result, steps, evaluations } = await run(recipe, { learningRate: 1e30, probeEvery: 3 });
    const { divergence } = result;
    expect(divergence).not.toBeNull();
    expect(divergence!.step).toBe(steps.length);
    expect(steps.length).toBeLessThan(40);
    expect(result).toMatchObject({
      steps: steps.length,
      interrupted: false,
      trainLoss: Number.NaN,
      validationLoss: Number.NaN,
      perplexity: Number.NaN,
      validationPredictions: 0,
      inference: [],
    });
    // Every step before was one of numbers, and nothing was evaluated after it.
    for (const { loss, gradientNorm } of steps.slice(0, -1))
      expect([loss, gradientNorm].every(Number.isFinite)).toBe(true);
    for (const step of evaluations) expect(step).toBeLessThan(steps.length);
    const { loss, gradientNorm } = steps.at(-1)!;
    expect(Number.isFinite(loss)).toBe(divergence!.of !== 'loss');
    if (divergence!.of === 'gradient') expect(Number.isFinite(gradientNorm)).toBe(false);
  });
});

describe('a run that diverges', () => {
  it('names the parameter whose update is not finite', async () => {
    // The rate by Adam's correction of the first step is beyond binary32.
    const { result } = await run(
      recipes.float32({ schedule: { kind: 'step', at: 0.5, before: 1, after: 1 } }),
      {
        learningRate: 3e38,
      },
    );
    expect(result.divergence).toEqual({ step: 1, of: 'update', tensor: 'embedding' });
  });

  it('is the same run again where it is taken up before', async () => {
    const recipe = recipes.dqt({ bits: 8, of: { match: 'mlp' }, optimizer: { kind: 'adafactor' } });
    const checkpoints: Checkpoint[] = [];
    const options = { learningRate: 1e13, checkpointEvery: 1 };
    const whole = await run(recipe, { ...options, onCheckpoint: (made) => void checkpoints.push(made) });
    const { divergence } = whole.result;
    expect(divergence!.step).toBeGreaterThan(1);
    // None was made of what it became.
    expect(checkpoints.map(({ state }) => state.step)).toEqual(
      Array.from({ length: divergence!.step - 1 }, (_, i) => i + 1),
    );
    const { result } = await run(recipe, { ...options, resume: checkpoints.at(-1)! });
    expect(result.divergence).toEqual(divergence);
    // Its ternary weights have no loss either.
    expect(result.inference).toEqual([{ name: 'ternary', loss: Number.NaN }]);
  });

  it('has a spike of numbers only where the window ends before it', async () => {
    const phases = recipes.bitnetTransition({ at: 0.1 });
    const { result } = await run(phases, { learningRate: 1e30 });
    if (result.spike !== null)
      expect(result.spike).toMatchObject({ height: Number.NaN, recoverySteps: null });
  });

  it('has no accuracy', async () => {
    const { result } = await run(recipes.float32(), { model: mlp, data: samples, learningRate: 1e35 });
    expect(result.divergence).not.toBeNull();
    expect(result).toMatchObject({ validationAccuracy: Number.NaN, validationLoss: Number.NaN });
  });

  it('is found at once, before ReLU can hide it from the losses', async () => {
    const recipe = recipes.float32({
      optimizer: { weightDecay: 1000 },
      schedule: { kind: 'step', at: 0.5, before: 1, after: 1 },
    });
    const { result, steps } = await run(recipe, { model: mlp, data: samples, learningRate: 1e37 });
    expect(result.divergence).toMatchObject({ step: steps.length, of: 'update', tensor: 'hidden.0' });
    expect(steps.every(({ loss }) => Number.isFinite(loss))).toBe(true);
  });

  it('may be found by the validation alone', async () => {
    const wide = { inputs: new Float32Array(2).fill(3e38), labels: Int32Array.of(0) };
    const { result, steps } = await run(recipes.float32({ extraNorm: null }), {
      ...{ model: { ...mlp, hidden: [] }, data: { ...samples, validation: wide }, steps: 4 },
      learningRate: 10,
    });
    expect(result.divergence).toEqual({ step: 4, of: 'validation loss', tensor: null });
    expect(result).toMatchObject({ steps: 4, interrupted: false, validationPredictions: 1 });
    expect(result.trainLoss).toBe(steps.reduce((sum, { loss }) => sum + loss, 0) / 4);
  });
});

describe('a program under a recipe, with an optimiser of its own', () => {
  it('is told of the update that is not finite, by parameter and step', async () => {
    const makes = [
      ['sgd', () => tf.train.sgd(1e30)],
      ['momentum', () => tf.train.momentum(1e30, 0.9)],
      ['adam', () => tf.train.adam(3e38)],
      ['rmsprop', () => tf.train.rmsprop(1e38)],
    ] as const;
    for (const [name, make] of makes) {
      const variable = tf.variable(tf.tensor1d([1, -2]), true, `layer/${name}`);
      const optimizer = make();
      const running = await applyRecipe(tf, recipes.float32(), { variables: [variable], steps: 40, seed: 1 });
      const step = (): unknown =>
        optimizer.minimize(() => tf.sum(tf.square(tf.mul(variable, variable))) as Scalar);
      let thrown: unknown;
      try {
        for (let i = 0; i < 40; i++) step();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ name: 'DivergenceError', of: 'update', tensor: `layer/${name}` });
      expect((thrown as { step: number }).step).toBe(running.step + 1);
      running.stop();
      optimizer.dispose();
      variable.dispose();
    }
  });
});

describe('a run that does not', () => {
  it('says so', async () => {
    expect((await run(recipes.float32(), { steps: 3 })).result.divergence).toBeNull();
  });
});

it('is named without the prefix that tells the variables of programs apart', () => {
  const variable = tf.variable(tf.tensor1d([1, 2]), true, 'one/layer/scale');
  const options = { prefix: 'one/', learningRate: 1 };
  const given = { [variable.name]: tf.tensor1d([1, Number.NaN]) };
  for (const kind of ['sgd', 'adamw'] as const) {
    const optimizer = optimizerOf(tf, recipes.float32({ optimizer: { kind } }).optimizer, options);
    expect(() => optimizer.applyGradients(given)).toThrow(
      expect.objectContaining({ name: 'DivergenceError', of: 'update', tensor: 'layer/scale' }),
    );
    optimizer.dispose();
  }
  tf.dispose([variable, ...Object.values(given)]);
});

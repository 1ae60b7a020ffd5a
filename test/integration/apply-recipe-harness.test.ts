/** `train()` against a loop written by hand on TensorFlow.js operations, over the same model with `applyRecipe`: the same bits. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { classificationTask } from '../../src/train/classification-task.ts';
import { crossEntropy } from '../../src/train/cross-entropy.ts';
import {
  applyRecipe,
  type Checkpoint,
  labelledData,
  type MlpConfig,
  type Recipe,
  recipes,
  train,
} from '../../src/train/index.ts';
import { oneHot } from '../../src/train/one-hot.ts';
import { zooFp4 } from '../zoo-fp4.ts';

beforeAll(async () => {
  await wasmBackend();
});

const steps = 12;
const seed = 4;
const learningRate = 0.01;
const config: MlpConfig = { kind: 'mlp', name: 'test', hidden: [24, 16], samples: 32, learningRate };
const data = labelledData(
  Array.from({ length: 200 * 8 }, (_, i) => Math.sin(i * 1.7)),
  Array.from({ length: 200 }, (_, i) => i % 4),
);

interface Outcome {
  readonly losses: readonly number[];
  readonly weights: Readonly<Record<string, number[]>>;
}

async function harness(recipe: Recipe): Promise<Outcome> {
  const losses: number[] = [];
  let last: Checkpoint | undefined;
  await train({
    ...{ tf, model: config, data, recipe, steps, seed, evaluateEvery: 0 },
    checkpointEvery: steps,
    onStep: ({ loss }) => void losses.push(loss),
    onCheckpoint: (checkpoint) => {
      last = checkpoint;
    },
  });
  const weights: Record<string, number[]> = {};
  for (const [name, { dtype, data: bytes }] of last!.arrays) {
    const [, parameter] = /^weights\/(.*)\/values$/.exec(name) ?? [];
    if (parameter !== undefined && dtype === 'F32')
      weights[parameter] = [...new Float32Array(bytes.slice().buffer)];
  }
  return { losses, weights };
}

async function byHand(recipe: Recipe, held: ReadonlySet<string>): Promise<Outcome> {
  const task = classificationTask(config, data);
  const made = task.createModel(tf, seed, null);
  const initial = made.parameters.map(({ name, variable }) => [name, tf.clone(variable)] as const);
  made.dispose();
  const w = Object.fromEntries(initial.map(([name, values]) => [name, tf.variable(values, true, name)]));
  tf.dispose(initial.map(([, values]) => values));
  const matrix = (name: string) => w[name] as tf.Variable<tf.Rank.R2>;

  const run = await applyRecipe(tf, recipe, { variables: Object.values(w), steps, seed });
  const optimizer = run.optimizer(learningRate);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++)
    tf.tidy(() => {
      const batch = task.trainingBatch(step, seed);
      const inputs = batch.inputs(tf);
      const targets = oneHot(tf, batch.targets, task.outputs);
      const layer = (x: tf.Tensor2D, name: string): tf.Tensor2D =>
        tf.add(tf.matMul(x, matrix(name), false, true), w[`${name}.bias`]!);
      const { value, grads } = tf.variableGrads(() => {
        const hidden = tf.relu(layer(tf.relu(layer(inputs, 'hidden.0')), 'hidden.1'));
        return crossEntropy(tf, layer(hidden, 'output'), targets);
      });
      losses.push(value.dataSync()[0]!);
      optimizer.applyGradients(grads);
    });
  const weights = Object.fromEntries(
    Object.entries(w).flatMap(([name, variable]) =>
      held.has(name) ? [[name, [...variable.dataSync()]]] : [],
    ),
  );
  run.stop();
  optimizer.dispose();
  tf.dispose(Object.values(w));
  return { losses, weights };
}

const extraNorm = null;
const every: Recipe[] = [
  recipes.float32({ extraNorm }),
  recipes.bfloat16({ extraNorm }),
  recipes.bitnet({ extraNorm }),
  recipes.bitnetTransition({ at: 0.4, optimizerState: 'reset', rewarm: 0.2, extraNorm }),
  recipes.bitnetTransition({ at: 0.4, phaseIn: { kind: 'tanh', over: 0.4 }, extraNorm }),
  recipes.dqt({ bits: 8, extraNorm }),
  recipes.dqt({ bits: 4, extraNorm, of: 'all' }),
  recipes.dqt({ bits: 1.58, extraNorm, optimizer: { kind: 'adafactor' } }),
  recipes.adam8bit({ block: 64, least: 0, extraNorm }),
  ...Object.values(zooFp4({ extraNorm })),
];

describe.each(every.map((recipe) => [recipe.name, recipe] as const))('%s', (_, recipe) => {
  it('has the same bits in the harness and in a loop by hand', async () => {
    const before = tf.memory().numTensors;
    const ours = await harness(recipe);
    expect(ours.losses).toHaveLength(steps);
    const theirs = await byHand(recipe, new Set(Object.keys(ours.weights)));
    expect(theirs.losses).toEqual(ours.losses);
    expect(theirs.weights).toEqual(ours.weights);
    expect(tf.memory().numTensors).toBe(before);
  });
});

/**
 * The property of apply-recipe-property.test.ts over what updates weights: optimisers, stores, codecs, rules, operators on gradients
 * and steps. A run that was resumed at three places or evaluated in between has the bits of the plain one.
 */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import {
  applyRecipe,
  type Recipe,
  type RecipeRun,
  recipes,
  type UpdateSpec,
  type WeightStoreSpec,
} from '../../src/train/index.ts';
import { interrupted, isTaken, programs, trained } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

const steps = 6;
const stochastic = 'stochastic';
const range = { deviations: 6 } as const;
const eightBits = { kind: 'dynamic8', block: 32, least: 0 } as const;
const rounded = {
  kind: 'quantizer',
  least: 0,
  quantizer: { format: 'e4m3fn', rounding: stochastic, scale: { per: 'block', size: 32, from: 'absmax' } },
} as const;

const stored = (store: WeightStoreSpec, name: string): Recipe => ({ ...recipes.float32(), name, store });

const gradient: UpdateSpec['gradient'] = [
  { kind: 'lossScale', initial: 2 ** 20, growthInterval: 2 },
  { kind: 'integerGradient' },
  { kind: 'qas' },
  { kind: 'adaClip', decay: 0.9 },
  { kind: 'spamClip', threshold: 20, decay: 0.9 },
  { kind: 'adaNorm' },
  { kind: 'clipByGlobalNorm', limit: 0.5 },
];

/** With the recipe's own optimiser and with those of TensorFlow.js. */
const every: Readonly<Record<string, Recipe>> = {
  'dqt 8': recipes.dqt({ bits: 8 }),
  'dqt 4': recipes.dqt({ bits: 4 }),
  'dqt 3': recipes.dqt({ bits: 3 }),
  'dqt ternary': recipes.dqt({ bits: 1.58 }),
  'e4m3fn grid': stored({ kind: 'grid', format: 'e4m3fn', rounding: stochastic, range, of: 'all' }, 'e4m3'),
  'posit grid': stored(
    { kind: 'grid', format: 'posit8', rounding: stochastic, range: { scale: 8 } },
    'posit',
  ),
  'nf4 grid': stored({ kind: 'grid', format: 'nf4', rounding: stochastic, range }, 'nf4'),
  'fixed point': stored({ kind: 'format', format: 'fixed(4,12)', rounding: stochastic, of: 'all' }, 'fixed'),
  binary16: stored({ kind: 'format', format: 'binary16', rounding: 'nearest-even', of: 'all' }, 'binary16'),
  bfloat16: recipes.bfloat16Weights({ of: 'all' }),
  groups: recipes.groupInt8Weights({ size: 32 }),
  'operators on gradients': { ...recipes.dqt({ bits: 8 }), name: 'operators', update: { gradient } },
  rules: {
    ...recipes.float32(),
    name: 'rules',
    phases: [
      { ...recipes.float32().phases[0]!, rules: [{ where: { role: 'all' }, set: { first: eightBits } }] },
      {
        ...recipes.float32().phases[0]!,
        from: 0.5,
        rules: [
          { where: { role: 'all' }, set: { first: rounded, weightDecay: 0.3 } },
          { where: { depth: [0, 0] }, set: { frozen: true } },
        ],
      },
    ],
    rules: [
      { where: { role: 'all' }, set: { second: rounded } },
      { where: { depth: [0, 0] }, set: { store: { kind: 'bfloat16', rounding: stochastic } } },
    ],
  },
};

/** With the recipe's own optimiser alone. */
const own: Readonly<Record<string, Recipe>> = {
  'lion, 8 bits': recipes.dqt({ bits: 4, optimizer: { kind: 'lion', first: eightBits } }),
  "sgd, Nesterov's": recipes.dqt({ bits: 4, optimizer: { kind: 'sgd', nesterov: true, first: rounded } }),
  adafactor: recipes.dqt({ bits: 4, optimizer: { kind: 'adafactor', second: { kind: 'bfloat16' } } }),
  'feedback into adamw': stored(
    { kind: 'grid', format: 'int8', rounding: stochastic, range, feedback: 'momentum' },
    'eco',
  ),
  'feedback into sgd in 8 bits': {
    ...recipes.float32({ optimizer: { kind: 'sgd', first: eightBits } }),
    store: { kind: 'bfloat16', rounding: 'nearest-even', of: 'all', feedback: 'momentum' },
  },
  projected: {
    ...recipes.dqt({ bits: 8 }),
    name: 'projected',
    update: {
      rule: { ...recipes.float32().optimizer, first: eightBits, second: eightBits } as Recipe['optimizer'],
      project: {
        ...{ rank: 3, period: 2, of: 'all', adaptive: { queue: 1, threshold: 0 } },
        quantizer: { format: 'int4', scale: { per: 'block', size: 16, from: 'absmax' } },
      },
    },
  },
  'operators on gradients and steps': {
    ...recipes.dqt({ bits: 8 }),
    name: 'operators',
    update: { gradient, step: [{ kind: 'rmsClip', limit: 0.5 }] },
  },
};

const optimizers: Readonly<Record<string, (run: RecipeRun) => tf.Optimizer>> = {
  'the own optimiser': (run) => run.optimizer(0.01),
  'tf.train.adam': () => tf.train.adam(0.01),
  'tf.train.sgd': () => tf.train.sgd(0.05),
};

const cases = (program: string) => [
  ...Object.entries(every).flatMap(([name, recipe], i) =>
    Object.keys(optimizers)
      .filter((optimizer, j) => optimizer === 'the own optimiser' || isTaken(program, i + j))
      .map((optimizer) => [name, optimizer, recipe] as const),
  ),
  ...Object.entries(own).map(([name, recipe]) => [name, 'the own optimiser', recipe] as const),
];

describe.each(Object.keys(programs))('%s', (program) => {
  it.each(cases(program))(
    '%s with %s: a run that is resumed and evaluated has the bits of the plain one',
    async (_, by, recipe) => {
      const optimizer = optimizers[by]!;
      const plain = await trained(program, recipe, steps, optimizer);
      for (const loss of plain.losses) expect(loss).not.toBeNaN();
      expect(await trained(program, recipe, steps, optimizer, interrupted)).toEqual(plain);
    },
  );
});

it.each(Object.keys(optimizers))('memory does not grow over 1000 steps with %s', async (by) => {
  const { target, step, dispose } = programs['mlp']!();
  const recipe =
    by === 'the own optimiser' ? own['operators on gradients and steps']! : every['operators on gradients']!;
  const run = await applyRecipe(tf, recipe, { ...target, steps: 1000, seed: 1 });
  const optimizer = optimizers[by]!(run);
  for (let t = 0; t < 10; t++) step(optimizer, t);
  const { numTensors, numBytes, numDataBuffers } = tf.memory();
  for (let t = 10; t < 1000; t++) step(optimizer, t);
  expect(tf.memory()).toMatchObject({ numTensors, numBytes, numDataBuffers });
  run.stop();
  optimizer.dispose();
  dispose();
});

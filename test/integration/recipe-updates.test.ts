/**
 * How recipes hold and update what a program trains: rules in `train` as under `applyRecipe`, stores of every kind with feedback,
 * and the seven optimisers of TensorFlow.js.
 */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { round } from '../../src/operations/index.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import {
  applyRecipe,
  bitsPerWeight,
  checkTraining,
  defaultLion,
  defaultSgd,
  type Recipe,
  type Rule,
  recipes,
  textData,
  train,
} from '../../src/train/index.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

const model = {
  name: 'test',
  width: 16,
  layers: 2,
  heads: 2,
  hidden: 24,
  context: 8,
  sequences: 4,
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));

function ruled(rules: readonly Rule[], more: Partial<Recipe> = {}): Recipe {
  return { ...recipes.float32(), name: 'ruled', rules, ...more };
}

async function trained(recipe: Recipe, steps = 6) {
  const arrays: ReadonlyMap<string, { readonly data: Uint8Array; readonly dtype: string }>[] = [];
  const losses: number[] = [];
  const before = tf.memory().numTensors;
  const result = await train({
    ...{ tf, model, data, recipe, steps, seed: 1, checkpointEvery: 1, evaluateEvery: 0 },
    onCheckpoint: (checkpoint) => void arrays.push(checkpoint.arrays),
    onStep: ({ loss }) => void losses.push(loss),
  });
  expect(tf.memory().numTensors).toBe(before);
  return { result, losses, arrays };
}

const valuesOf = (arrays: ReadonlyMap<string, { readonly data: Uint8Array }>, name: string): Float32Array =>
  new Float32Array(arrays.get(name)!.data.slice().buffer);

describe('rules of a recipe in train()', () => {
  it('freeze what they select, from the phase on that they are of', async () => {
    const frozen: Rule = { where: { layer: '**.gate' }, set: { frozen: true } };
    const [phase] = recipes.float32().phases;
    const later = ruled([], { phases: [phase!, { ...phase!, from: 0.5, rules: [frozen] }] });
    const gate = 'weights/layers.1.mlp.gate/values';
    const always = (await trained(ruled([frozen]))).arrays.map((one) => valuesOf(one, gate));
    expect(always.every((values) => String(values) === String(always[0]))).toBe(true);
    const { arrays } = await trained(later);
    const walk = arrays.map((one) => String(valuesOf(one, gate)));
    expect(new Set(walk.slice(0, 3)).size).toBe(3);
    expect(new Set(walk.slice(2)).size).toBe(1);
    const up = arrays.map((one) => String(valuesOf(one, 'weights/layers.1.mlp.up/values')));
    expect(new Set(up).size).toBe(6);
  });

  it('hold weights and moments layer by layer', async () => {
    const store = { kind: 'grid', format: 'int4', rounding: 'stochastic', range: 'absmean' } as const;
    const eightBits = { kind: 'dynamic8', block: 64, least: 0 } as const;
    const { arrays, result } = await trained(
      ruled([
        { where: { kind: 'down' }, set: { store } },
        { where: { depth: [-1, -1], role: 'linear' }, set: { second: eightBits } },
      ]),
    );
    const last = arrays.at(-1)!;
    expect(last.has('weights/layers.0.mlp.down/codes')).toBe(true);
    expect(last.has('weights/layers.0.mlp.up/values')).toBe(true);
    expect(last.has('optimizer/layers.1.mlp.up/second/codes')).toBe(true);
    expect(last.has('optimizer/layers.0.mlp.up/second/values')).toBe(true);
    // Two of the seven matrices of a layer, by their sizes: 16 x 24 of 4 x 16 x 16 + 3 x 16 x 24.
    expect(result.bitsPerWeight).toBeCloseTo(32 - (28 * 16 * 24) / (4 * 256 + 3 * 16 * 24), 12);
  });

  it('say the weight decay, of vectors too', async () => {
    const plain = recipes.float32({ optimizer: { weightDecay: 0 } });
    const decayed = (set: Rule['set']): Recipe =>
      ruled([{ where: { role: 'all', parameter: 'norm' }, set }], { optimizer: plain.optimizer });
    const name = 'weights/layers.0.mlp.norm/values';
    const at = async (recipe: Recipe): Promise<number> =>
      valuesOf((await trained(recipe, 1)).arrays[0]!, name)[0]!;
    const [without, some, more] = [
      await at(plain),
      await at(decayed({ weightDecay: 1 })),
      await at(decayed({ weightDecay: 2 })),
    ];
    // One step at the rate 0.01: 1 (1 - 0.01 d) less the same step.
    expect(without - some).toBeCloseTo(0.01, 6);
    expect(without - more).toBeCloseTo(0.02, 6);
    const whole = await trained(recipes.float32({ optimizer: { weightDecay: 0.3 } }));
    const byRule = await trained(
      ruled([{ where: { atLeast: 17 }, set: { weightDecay: 0.3 } }], { optimizer: plain.optimizer }),
    );
    expect(byRule.losses).toEqual(whole.losses);
  });

  it('have the bits of the fields that they stand for', async () => {
    const of = recipes.dqt({ bits: 3 });
    const { store, ...rest } = of;
    const { of: _, ...own } = store as { of?: unknown } & NonNullable<Recipe['store']>;
    const recipe = { ...rest, rules: [{ where: { role: 'linear' as const }, set: { store: own as never } }] };
    expect((await trained(recipe)).losses).toEqual((await trained(of)).losses);
    const codec = { kind: 'dynamic8', block: 64, least: 0 } as const;
    const codecs = { first: codec, second: codec };
    const moments = ruled([{ where: {}, set: codecs }]);
    const whole = recipes.float32({ optimizer: codecs });
    expect((await trained(moments)).losses).toEqual((await trained(whole)).losses);
  });

  it.each<[string, Recipe, string]>([
    [
      'a codec of a state that there is not',
      ruled([{ where: {}, set: { second: { kind: 'bfloat16' } } }], { optimizer: defaultLion }),
      'recipe.rules[0].set.second',
    ],
    [
      'the selector of a store that has one',
      ruled([{ where: {}, set: { store: { kind: 'bfloat16', rounding: 'stochastic', of: 'all' } } }]),
      'recipe.rules[0].set.store.of',
    ],
    [
      'feedback without a momentum',
      ruled(
        [{ where: {}, set: { store: { kind: 'bfloat16', rounding: 'stochastic', feedback: 'momentum' } } }],
        { optimizer: { ...defaultSgd, momentum: 0 } },
      ),
      'recipe.rules[0].set.store.feedback',
    ],
    [
      'feedback into signs',
      {
        ...recipes.float32({ optimizer: { kind: 'lion' } }),
        store: { kind: 'bfloat16', rounding: 'stochastic', feedback: 'momentum' },
      },
      'recipe.store.feedback',
    ],
    [
      'weight decay below 0',
      ruled([{ where: {}, set: { weightDecay: -1 } }]),
      'recipe.rules[0].set.weightDecay',
    ],
  ])('name %s', (_, recipe, argument) => {
    expect(() => checkTraining({ model, data, recipe, steps: 2, seed: 1 })).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument }),
    );
  });

  it('need the parameters where layers differ in bits', () => {
    const recipe = ruled([
      { where: { kind: 'up' }, set: { store: { kind: 'format', format: 'e4m3fn', rounding: 'stochastic' } } },
    ]);
    expect(() => bitsPerWeight(recipe)).toThrow(/parameters/);
    const parameters = [
      { name: 'layers.0.up', role: 'linear', shape: [8, 8] },
      { name: 'layers.0.q', role: 'linear', shape: [8, 8] },
    ] as const;
    expect(bitsPerWeight(recipe, 0, { parameters })).toBe(20);
  });
});

describe('feedback into the momentum', () => {
  const grid = {
    kind: 'format',
    format: 'bfloat16',
    rounding: 'nearest-even',
    feedback: 'momentum',
  } as const;

  it('is what the source says, and later steps give back what was lost', async () => {
    for (const optimizer of [{ ...defaultSgd, momentum: 0.5, weightDecay: 0, clipNorm: 1e9 }]) {
      const w = tf.tidy(() => tf.variable(tf.tensor1d([1, 2, -3]), true, 'eco/w'));
      const recipe: Recipe = {
        ...recipes.float32({ extraNorm: null }),
        optimizer,
        schedule: { kind: 'step', at: 0.5, before: 1, after: 1 },
        store: { ...grid, of: 'all' },
      };
      const run = await applyRecipe(tf, recipe, { variables: [w], steps: 40, seed: 1 });
      const own = run.optimizer(2 ** -7);
      // One gradient, then none: without feedback nothing would move, as each step is below half an ulp.
      const gradient = (t: number): number[] => (t === 0 ? [0.25, 0.5, 0.1] : [0, 0, 0]);
      const f = Math.fround;
      let values = [1, 2, -3];
      let moments = [0, 0, 0];
      for (let t = 0; t < 12; t++) {
        tf.tidy(() => void own.applyGradients({ 'eco/w': tf.tensor1d(gradient(t)) }));
        const next = values.map((x, i) => {
          const m = f(f(moments[i]! * 0.5) + f(gradient(t)[i]!));
          const updated = f(x - f(m * 2 ** -7));
          const kept = round(updated, 'bfloat16');
          const more = f(f(updated - kept) * f((1 - 1 / 0.5) / 2 ** -7));
          return { kept, m: f(m + more) };
        });
        values = next.map(({ kept }) => kept);
        moments = next.map(({ m }) => m);
        expect([...w.dataSync()]).toEqual(values);
      }
      run.stop();
      own.dispose();
      w.dispose();
    }
  });

  it('follows weights in float32 where nearest rounding alone stands still', async () => {
    const ends: number[] = [];
    for (const kind of ['master', 'still', 'fed back'] as const) {
      const w = tf.tidy(() => tf.variable(tf.tensor1d([1]), true, 'w'));
      const { feedback: _, ...still } = grid;
      const recipe: Recipe = {
        ...recipes.float32({ extraNorm: null, optimizer: { beta1: 0.9, beta2: 0.99, weightDecay: 0 } }),
        schedule: { kind: 'step', at: 0.5, before: 1, after: 1 },
        ...(kind === 'master' ? {} : { store: { ...(kind === 'still' ? still : grid), of: 'all' as const } }),
      };
      const run = await applyRecipe(tf, recipe, { variables: [w], steps: 200, seed: 1 });
      const own = run.optimizer(1e-3);
      for (let t = 0; t < 200; t++)
        own.minimize(() => tf.sum(tf.square(tf.sub(w as unknown as tf.Tensor1D, 0.5))) as tf.Scalar, false, [
          w,
        ]);
      ends.push(w.dataSync()[0]!);
      run.stop();
      own.dispose();
      w.dispose();
    }
    const [master, still, fed] = ends;
    expect(still).toBe(1);
    // Within an ulp of bfloat16 between 1/2 and 1, and what is still in the momentum.
    expect(Math.abs(fed! - master!)).toBeLessThan(2 ** -6);
  });

  it('is refused with optimisers whose momentum is not known', async () => {
    const { target, step, dispose } = programs['mlp']!();
    const recipe = { ...recipes.float32(), store: grid };
    const run = await applyRecipe(tf, recipe, { ...target, steps: 4, seed: 1 });
    const optimizer = tf.train.adam(0.01);
    expect(() => step(optimizer, 0)).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument: 'optimizer' }),
    );
    run.stop();
    optimizer.dispose();
    dispose();
  });
});

const foreign: Readonly<Record<string, () => tf.Optimizer>> = {
  adam: () => tf.train.adam(0.01),
  sgd: () => tf.train.sgd(0.05),
  momentum: () => tf.train.momentum(0.05, 0.9, true),
  rmsprop: () => tf.train.rmsprop(0.01, 0.9, 0.5),
  adagrad: () => tf.train.adagrad(0.05),
  adadelta: () => tf.train.adadelta(0.5),
  adamax: () => tf.train.adamax(0.01),
};

/** Every array that an optimiser keeps of a variable, found in whatever fields it has. */
function statesOf(optimizer: tf.Optimizer): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [field, list] of Object.entries(optimizer))
    if (Array.isArray(list))
      for (const { originalName, variable } of list as { originalName: string; variable: tf.Variable }[])
        found.set(`${field} ${originalName}`, [...variable.dataSync()]);
  return found;
}

describe.each(Object.entries(foreign))("TensorFlow.js' %s under a recipe", (kind, make) => {
  it('has its moments in their codecs after each step', async () => {
    const { target, step, dispose } = programs['mlp']!();
    const recipe = recipes.float32({
      optimizer: { first: { kind: 'bfloat16' }, second: { kind: 'bfloat16' } },
    });
    const run = await applyRecipe(tf, recipe, { ...target, steps: 4, seed: 1 });
    const optimizer = make();
    step(optimizer, 0);
    const { numTensors } = tf.memory();
    for (let t = 1; t < 4; t++) {
      step(optimizer, t);
      for (const [name, values] of statesOf(optimizer))
        expect(values, name).toEqual(values.map((value) => round(value, 'bfloat16')));
    }
    const fields = { adam: 2, sgd: 0, momentum: 1, rmsprop: 2, adagrad: 1, adadelta: 2, adamax: 2 };
    // Of six variables.
    expect(statesOf(optimizer).size).toBe(6 * fields[kind as keyof typeof fields]);
    expect(tf.memory().numTensors).toBe(numTensors);
    run.stop();
    optimizer.dispose();
    dispose();
  });

  it('leaves what is frozen, and gives every other variable its own state', async () => {
    const walk = async (frozenFrom: number | undefined): Promise<Map<string, number[]>> => {
      const { target, step, variables, dispose } = programs['mlp']!();
      const [phase] = recipes.float32().phases;
      const rules: Rule[] = [{ where: { layer: 'one' }, set: { frozen: true } }];
      const second = { ...phase!, from: 0.5, rules };
      const recipe: Recipe = {
        ...recipes.float32({ extraNorm: null }),
        phases:
          frozenFrom === undefined ? [phase!] : frozenFrom === 0 ? [{ ...phase!, rules }] : [phase!, second],
      };
      const run = await applyRecipe(tf, recipe, { ...target, steps: 6, seed: 1 });
      const optimizer = make();
      const seen = new Map<string, number[]>();
      for (let t = 0; t < 6; t++) {
        step(optimizer, t);
        variables.forEach((variable, i) => {
          seen.set(`${t} ${i}`, [...variable.dataSync()]);
        });
      }
      run.stop();
      optimizer.dispose();
      dispose();
      return seen;
    };
    const late = await walk(3);
    const plain = await walk(undefined);
    // Kernel and bias of the first layer stay as the third step left them; up to there nothing differs.
    for (const i of [0, 1]) {
      expect(late.get(`2 ${i}`)).toEqual(plain.get(`2 ${i}`));
      expect(late.get(`5 ${i}`)).toEqual(late.get(`2 ${i}`));
      expect(plain.get(`5 ${i}`)).not.toEqual(plain.get(`2 ${i}`));
    }
    // The first step after the change has the gradient of the plain one, so that all others move alike.
    for (const i of [2, 3, 4, 5]) expect(late.get(`3 ${i}`)).toEqual(plain.get(`3 ${i}`));
    const always = await walk(0);
    for (const i of [0, 1]) expect(always.get(`5 ${i}`)).toEqual(always.get(`0 ${i}`));
    for (const i of [2, 3, 4, 5]) expect(always.get(`0 ${i}`)).toEqual(plain.get(`0 ${i}`));
  });

  it('decays what rules say, decoupled', async () => {
    const walk = async (rules: Rule[]): Promise<number[][]> => {
      const { target, step, variables, dispose } = programs['mlp']!();
      const before = variables.map((variable) => [...variable.dataSync()]);
      const recipe = { ...recipes.float32({ extraNorm: null }), rules };
      const run = await applyRecipe(tf, recipe, { ...target, steps: 6, seed: 1 });
      const optimizer = make();
      step(optimizer, 0);
      const after = variables.map((variable) => [...variable.dataSync()]);
      run.stop();
      optimizer.dispose();
      dispose();
      return [before[2]!, after[2]!, after[0]!];
    };
    const [before, plain, other] = await walk([]);
    const [, decayed, alike] = await walk([
      { where: { layer: 'two', role: 'linear' }, set: { weightDecay: 0.5 } },
    ]);
    expect(alike).toEqual(other);
    const rate = (make() as unknown as { learningRate: number }).learningRate;
    decayed!.forEach((value, i) => {
      expect(Math.abs(plain![i]! - before![i]! * rate * 0.5 - value)).toBeLessThan(1e-6);
    });
  });
});

it('has all three moments of a centred rmsprop in their codecs', async () => {
  const w = tf.tidy(() => tf.variable(tf.tensor1d([1, 2, -3]), true, 'w'));
  const recipe = recipes.float32({
    optimizer: { first: { kind: 'bfloat16' }, second: { kind: 'bfloat16' } },
  });
  const run = await applyRecipe(tf, recipe, { variables: [w], steps: 4, seed: 1 });
  // Its epsilon is subtracted, so a gradient of 0 gives NaN.
  const optimizer = tf.train.rmsprop(0.01, 0.9, 0.5, 1e-10, true);
  for (let t = 0; t < 4; t++) optimizer.minimize(() => w.square().sum() as tf.Scalar, false, [w]);
  const states = statesOf(optimizer);
  expect(states.size).toBe(3);
  for (const values of states.values())
    expect(values).toEqual(values.map((value) => round(value, 'bfloat16')));
  run.stop();
  optimizer.dispose();
  w.dispose();
});

it('refuses a store on a variable of integers, and leaves the program as it was', async () => {
  const layer = tf.layers.dense({ units: 2, inputShape: [2] });
  const built = tf.sequential({ layers: [layer] });
  const counts = tf.tidy(() => tf.variable(tf.zeros([2, 2], 'int32'), true, 'counts', 'int32'));
  const weights = layer.trainableWeights as unknown as { originalName: string; val: tf.Variable }[];
  const kernel = weights[0]!.val;
  weights[0]!.val = counts;
  const { numTensors } = tf.memory();
  await expect(
    applyRecipe(tf, recipes.dqt({ bits: 4 }), { model: built, steps: 1, seed: 1 }),
  ).rejects.toThrow(expect.objectContaining({ name: 'ArgumentError', argument: 'recipe.store' }));
  expect(tf.memory().numTensors).toBe(numTensors);
  const run = await applyRecipe(tf, recipes.float32(), { model: built, steps: 1, seed: 1 });
  run.stop();
  weights[0]!.val = kernel;
  built.dispose();
  counts.dispose();
});

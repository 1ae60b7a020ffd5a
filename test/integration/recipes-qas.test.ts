/** Training of integer graphs: five steps recomputed by plain loops, |W| / |G| of floating point, parts that stay as they are. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import {
  applyRecipe,
  labelledData,
  models,
  type Recipe,
  recipes,
  roleTable,
  textData,
  train,
} from '../../src/train/index.ts';
import type { Matrix } from '../oracles/recipes/numbers.ts';
import { integerNet } from '../oracles/recipes/qas.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

const flat = { kind: 'step', at: 0.5, before: 1, after: 1 } as const;
const common = { extraNorm: null, schedule: flat } as const;

const numbers = (rows: number, columns: number, seed: number): Matrix => {
  const values = tf.tidy(() => tf.randomNormal([rows, columns], 0, 1, 'float32', seed).dataSync());
  return Array.from({ length: rows }, (_, r) => [...values.slice(r * columns, (r + 1) * columns)]);
};

describe('the integer graph', () => {
  it.each([true, false])('has the bits of plain loops for five steps (scaling: %s)', async (scaling) => {
    const [x, target] = [numbers(20, 12, 1), numbers(20, 6, 2)];
    const initial = [numbers(12, 16, 3), numbers(1, 16, 5), numbers(16, 6, 4), numbers(1, 6, 6)] as const;
    const [w1, b1, w2, b2] = initial;
    const rate = scaling ? 2 ** -11 : 2 ** 1;
    const net = integerNet(
      [
        [w1, b1[0]!],
        [w2, b2[0]!],
      ],
      rate,
      scaling,
    );
    const names = ['one/kernel', 'one/bias', 'two/kernel', 'two/bias'] as const;
    const variables = initial.map((w, i) => {
      const values = tf.tensor2d(w as number[][]);
      return tf.variable(i % 2 === 0 ? values : tf.reshape(values, [-1]), true, names[i]);
    });
    const [xs, ts] = [tf.tensor2d(x as number[][]), tf.tensor2d(target as number[][])];
    const recipe = recipes.qas({ ...common, scaling, rounding: 'nearest-even' });
    const run = await applyRecipe(tf, { ...recipe, saved: [] }, { variables, steps: 5, seed: 1 });
    const optimizer = run.optimizer(rate);
    const [kernel1, bias1, kernel2, bias2] = variables as tf.Tensor[] as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const changed = new Set<string>();
    const tensors: number[] = [];
    let before = variables.map((variable) => [...variable.dataSync()]);
    for (let step = 0; step < 5; step++) {
      const weights = net.step(x, target);
      tf.tidy(() => {
        const { grads } = tf.variableGrads(() => {
          const h = tf.relu(tf.add(tf.matMul(xs, kernel1 as tf.Tensor2D), bias1));
          const y = tf.add(tf.matMul(h, kernel2 as tf.Tensor2D), bias2);
          return tf.sum(tf.square(tf.sub(y, ts))).asScalar();
        });
        optimizer.applyGradients(grads);
      });
      for (const [i, variable] of variables.entries())
        expect([...variable.dataSync()], `${step}, ${names[i]}`).toEqual(weights[i]);
      weights.forEach((values, i) => {
        for (const [at, value] of values.entries()) if (value !== before[i]![at]) changed.add(`${i} ${at}`);
      });
      before = weights;
      tensors.push(tf.memory().numTensors);
    }
    expect(new Set(tensors).size, 'tensors between steps').toBe(1);
    expect(changed.size).toBeGreaterThan(50);
    run.stop();
    optimizer.dispose();
    tf.dispose([xs, ts, ...variables]);
  });

  it.each(['channel', 'tensor'] as const)('reads gradients however small they are (%s)', async (per) => {
    /** Weights that begin as `initial`, after three steps on a loss times `size` at a rate over it. */
    const weightsOf = async (initial: number, size: number): Promise<number[]> => {
      const kernel = tf.variable(tf.mul(tf.tensor2d(numbers(7, 5, 1) as number[][]), initial), true, 'w');
      const recipe = recipes.qas({ ...common, per, rounding: 'nearest-even' });
      const run = await applyRecipe(tf, recipe, { variables: [kernel], steps: 3, seed: 1 });
      const optimizer = tf.train.sgd(2 ** -4 / size);
      for (let step = 0; step < 3; step++)
        tf.tidy(() => {
          const x = tf.tensor2d(numbers(6, 7, step + 2) as number[][]);
          const { grads } = tf.variableGrads(() =>
            tf.mul(tf.mean(tf.square(tf.sub(tf.matMul(x, kernel as unknown as tf.Tensor2D), 1))), size),
          );
          optimizer.applyGradients(grads);
        });
      const weights = [...kernel.dataSync()];
      run.stop();
      optimizer.dispose();
      kernel.dispose();
      return weights;
    };
    const weights = await weightsOf(1, 1);
    expect(await weightsOf(1, 2 ** -40)).toEqual(weights);
    // Weights of 0 have the largest scale there is, by which gradients are divided.
    expect((await weightsOf(0, 1)).every((weight) => weight !== 0)).toBe(true);
  });

  it('keeps inputs as the integers that products read, bit for bit', async () => {
    const weightsOf = async (recipe: Recipe): Promise<number[][]> => {
      const { target, step, variables, dispose } = programs['mlp']!();
      const run = await applyRecipe(tf, recipe, { ...target, steps: 3, seed: 1 });
      const optimizer = run.optimizer(0.05);
      for (let t = 0; t < 3; t++) step(optimizer, t);
      expect(run.saved.coded > 0).toBe((recipe.saved ?? []).length > 0);
      const weights = variables.map((one) => [...one.dataSync()]);
      run.stop();
      optimizer.dispose();
      dispose();
      return weights;
    };
    const recipe = recipes.qas(common);
    expect(await weightsOf(recipe)).toEqual(await weightsOf({ ...recipe, saved: [] }));
  });
});

describe('sums of integers', () => {
  /** Layers of the layers API, with a bias, and the same by single operations. */
  const net = () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [6, 6, 2],
          filters: 3,
          kernelSize: 3,
          activation: 'relu',
          biasInitializer: 'ones',
        }),
        tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, biasInitializer: 'ones' }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 4, activation: 'sigmoid', biasInitializer: 'ones' }),
      ],
    });
    const x = tf.randomNormal([5, 6, 6, 2], 0, 1, 'float32', 7);
    const [c, cb, d, db, w, b] = model.trainableWeights.map((one) => one.read()) as [
      ...[tf.Tensor4D, tf.Tensor, tf.Tensor4D, tf.Tensor, tf.Tensor2D, tf.Tensor],
    ];
    const plain = (): tf.Tensor =>
      tf.tidy(() => {
        const first = tf.relu(tf.add(tf.conv2d(x as tf.Tensor4D, c, 1, 'valid'), cb)) as tf.Tensor4D;
        const second = tf.add(tf.depthwiseConv2d(first, d, 1, 'valid'), db);
        return tf.sigmoid(tf.add(tf.matMul(tf.reshape(second, [5, -1]), w), b));
      });
    return { model, x, plain };
  };

  it.each([
    ['of integers', recipes.qas(common)],
    ['of a matrix unit', recipes.fp8Hybrid({ ...common, accumulate: 'hopper-fp8' })],
  ])('%s have their bias after they are scaled, in fused layers too', async (_, recipe) => {
    const { model, x, plain } = net();
    const run = await applyRecipe(tf, recipe, { model, steps: 3, seed: 1 });
    const [fused, single] = [tf.tidy(() => (model.predict(x) as tf.Tensor).dataSync()), plain().dataSync()];
    expect([...fused]).toEqual([...single]);
    run.stop();
    model.dispose();
  });

  it('are exact beyond what binary32 counts, and stay at the ends of int32', async () => {
    const count = 133_200;
    const weight = tf.variable(tf.fill([count, 1], 1), true, 'sum/kernel');
    const run = await applyRecipe(tf, recipes.qas(common), { variables: [weight], steps: 1, seed: 1 });
    const sumOf = (values: Float32Array): number =>
      tf.tidy(
        () => tf.matMul(tf.tensor2d(values, [1, count]), weight as unknown as tf.Tensor2D).dataSync()[0]!,
      );
    const ones = new Float32Array(count).fill(1);
    const unit = 1 / Math.fround(127 / 1);
    const factor = Math.fround(unit * unit);
    expect(sumOf(ones)).toBe(Math.fround(2 ** 31 * factor));
    ones.fill(0, 2 ** 16).fill(1 / 127, 2 ** 16, 2 ** 16 + 1);
    expect(sumOf(ones)).toBe(Math.fround(Math.fround(127 * 127 * 2 ** 16 + 127) * factor));
    run.stop();
    weight.dispose();
  });

  it('are refused of what is no integers', async () => {
    const weight = tf.variable(tf.ones([3, 2]), true, 'only/kernel');
    const recipe = recipes.qas(common);
    const [first] = recipe.phases;
    const given = { variables: [weight], steps: 1, seed: 1 };
    const withSlots = (linear: object): Recipe =>
      ({ ...recipe, phases: [{ ...first, linear: { ...first!.linear, ...linear } }] }) as Recipe;
    for (const [linear, path] of [
      [{ weightGradient: { g: null, x: 'same', accumulate: 'int32' } }, /weightGradient\.g/],
      [
        { weightGradient: { ...first!.linear.weightGradient, accumulate: null } },
        /weightGradient\.accumulate/,
      ],
      [
        {
          forward: {
            ...first!.linear.forward,
            x: { format: 'e4m3fn', scale: { per: 'tensor', from: 'absmax' } },
          },
        },
        /forward\.x/,
      ],
      [{ inputGradient: { ...first!.linear.inputGradient, w: null } }, /inputGradient\.w/],
    ] as const)
      await expect(applyRecipe(tf, withSlots(linear), given)).rejects.toThrow(path);
    const { store: _, update: __, rules: ___, ...unstored } = recipe;
    const run = await applyRecipe(tf, unstored as Recipe, given);
    expect(() => tf.matMul(tf.ones([2, 3]), weight as unknown as tf.Tensor2D)).toThrow(/int32/);
    run.stop();
    weight.dispose();
  });
});

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));

describe('quantisation-aware scaling', () => {
  const isWeight = ({ shape }: tf.Variable): boolean => shape.length > 1;

  /** Each weight, and what a step of gradient descent at a rate of `part` of the known |W| / |G| takes off it, over the rate. */
  async function gradients(name: string, recipe: Recipe, part: number, known: readonly number[] = []) {
    const { variables: all, dispose: drop } = programs[name]!();
    const { length } = all.filter(isWeight);
    drop();
    const found: { w: Float32Array; g: Float32Array; channels: number }[] = [];
    for (let i = 0; i < length; i++) {
      const { target, step, variables, dispose } = programs[name]!();
      const run = await applyRecipe(tf, recipe, { ...target, steps: 1, seed: 1 });
      const rate = part * (known[i] ?? 1);
      const optimizer = run.optimizer(rate);
      const variable = variables.filter(isWeight)[i]!;
      const w = variable.dataSync().slice() as Float32Array;
      step(optimizer, 0);
      const g = w.map((before, at) => (before - variable.dataSync()[at]!) / rate);
      found.push({ w, g, channels: variable.shape.findLast((extent) => extent > 1)! });
      run.stop();
      optimizer.dispose();
      dispose();
    }
    return found;
  }

  it.each(['mlp', 'convolutional'])(
    'gives %s the ratios of floating point back, within 5 parts of 100',
    async (name) => {
      const options = { ...common, rounding: 'nearest-even' } as const;
      const plain = { ...recipes.qas(options), store: { kind: 'master' } as const, update: { gradient: [] } };
      const floats = await gradients(name, { ...plain, phases: recipes.float32().phases, saved: [] }, 1e-3);
      const known = floats.map(({ w, g }) => norm(w) / norm(g));
      // A step of some codes, of which rounding is a small part.
      const integers = await gradients(name, recipes.qas(options), 0.1, known);
      const unscaled = await gradients(name, recipes.qas({ ...options, scaling: false }), 0.1, known);
      floats.forEach(({ w, g, channels }, i) => {
        // The largest integers of a channel can grow no further.
        const tops = Array.from({ length: channels }, (_, c) =>
          Math.max(...w.filter((_, at) => at % channels === c).map(Math.abs)),
        );
        const inner = [...w.keys()].filter((at) => Math.abs(w[at]!) < 0.75 * tops[at % channels]!);
        const ratio = (of: { w: Float32Array; g: Float32Array }): number =>
          norm(inner.map((at) => of.w[at]!)) / norm(inner.map((at) => of.g[at]!));
        expect(inner.length).toBeGreaterThan(w.length / 3);
        expect(Math.abs(ratio(integers[i]!) / ratio({ w, g }) - 1), `weight ${i}`).toBeLessThan(0.05);
        // Nothing moves by half a code.
        expect(ratio(unscaled[i]!) / ratio({ w, g }), `weight ${i}`).toBeGreaterThan(100);
      });
    },
  );
});

describe('sparse updates', () => {
  it.each(['mlp', 'convolutional'])(
    'of %s leave earlier blocks and other channels as they are',
    async (name) => {
      const { target, step, variables, dispose } = programs[name]!();
      const recipe = recipes.qas({ ...common, blocks: 1, channels: 0.4 });
      const run = await applyRecipe(tf, recipe, { ...target, steps: 4, seed: 1 });
      const optimizer = run.optimizer(0.5);
      const before = variables.map((one) => one.dataSync().slice());
      for (let t = 0; t < 4; t++) step(optimizer, t);
      const last = variables.findLastIndex(({ shape }) => shape.length > 1);
      variables.forEach((one, i) => {
        const moved = [...one.dataSync()].map((w, at) => w !== before[i]![at]);
        if (i < last) expect(moved.some(Boolean), one.name).toBe(false);
        if (i !== last) return;
        const outputs = one.shape.at(-1)!;
        const part = Math.ceil(0.4 * outputs);
        expect(moved.some((is, at) => is && at % outputs >= part)).toBe(false);
        expect(moved.some((is, at) => is && at % outputs < part)).toBe(true);
      });
      run.stop();
      optimizer.dispose();
      dispose();
    },
  );

  it.each([
    [{ blocks: 0, biases: 1 }, ['two/bias']],
    [{ blocks: 1, biases: 2 }, ['one/bias', 'two/kernel', 'two/bias']],
    [{ blocks: 1, biases: 0 }, ['two/kernel']],
    [{ biases: 1 }, ['one/kernel', 'two/kernel', 'two/bias']],
    [{ blocks: 0 }, []],
  ] as const)('%o update %j', async (options, moved) => {
    const variables = [
      tf.variable(tf.randomNormal([6, 5], 0, 1, 'float32', 1), true, 'one/kernel'),
      tf.variable(tf.zeros([5]), true, 'one/bias'),
      tf.variable(tf.randomNormal([5, 3], 0, 1, 'float32', 2), true, 'two/kernel'),
      tf.variable(tf.zeros([3]), true, 'two/bias'),
    ];
    const [w1, b1, w2, b2] = variables as unknown as [tf.Tensor2D, tf.Tensor1D, tf.Tensor2D, tf.Tensor1D];
    const run = await applyRecipe(tf, recipes.qas({ ...common, ...options }), {
      variables,
      steps: 1,
      seed: 1,
    });
    const optimizer = run.optimizer(0.5);
    const before = variables.map((one) => one.dataSync().slice());
    tf.tidy(() => {
      const x = tf.randomNormal<tf.Rank.R2>([9, 6], 0, 1, 'float32', 3);
      const { grads } = tf.variableGrads(() => {
        const h = tf.tanh(tf.add(tf.matMul(x, w1), b1)) as tf.Tensor2D;
        return tf.sum(tf.square(tf.add(tf.matMul(h, w2), b2))).asScalar();
      });
      optimizer.applyGradients(grads);
    });
    const changed = variables.filter((one, i) =>
      one.dataSync().some((value, at) => value !== before[i]![at]),
    );
    expect(changed.map(({ name }) => name)).toEqual(moved);
    run.stop();
    optimizer.dispose();
    tf.dispose(variables);
  });

  it('of biases are refused where a model has none', async () => {
    const weight = tf.variable(tf.ones([3, 2]), true, 'only/kernel');
    const given = { variables: [weight], steps: 1, seed: 1 };
    await expect(applyRecipe(tf, recipes.qas({ biases: 1 }), given)).rejects.toThrow(/rules\[1\]\.where/);
    (await applyRecipe(tf, recipes.qas(), given)).stop();
    weight.dispose();
  });

  it('hold in variables without a store too, whatever the optimiser', async () => {
    const { target, step, variables, dispose } = programs['mlp']!();
    const recipe: Recipe = {
      ...recipes.float32(common),
      rules: [{ where: { role: 'linear' }, set: { updated: 0.5 } }],
    };
    const run = await applyRecipe(tf, recipe, { ...target, steps: 3, seed: 1 });
    const optimizer = tf.train.adam(0.01);
    const before = variables[0]!.dataSync().slice();
    for (let t = 0; t < 3; t++) step(optimizer, t);
    const outputs = variables[0]!.shape.at(-1)!;
    variables[0]!.dataSync().forEach((w, i) => {
      expect(w === before[i]).toBe(i % outputs >= outputs / 2);
    });
    run.stop();
    optimizer.dispose();
    dispose();
  });

  it('are refused where a store cannot leave the rest as it is', async () => {
    const { target, dispose } = programs['mlp']!();
    const recipe: Recipe = {
      ...recipes.groupInt8Weights(common),
      rules: [{ where: { role: 'linear' }, set: { updated: 0.5 } }],
    };
    await expect(applyRecipe(tf, recipe, { ...target, steps: 1, seed: 1 })).rejects.toThrow(
      /rules\[0\]\.set\.updated: got 0\.5/,
    );
    dispose();
  });
});

describe('on the models of the harness', () => {
  const model = {
    ...{ name: 'test', width: 16, layers: 2, heads: 2, hidden: 24, context: 8, sequences: 4 },
    learningRate: 0.5,
  };

  it('a language model learns', async () => {
    const losses: number[] = [];
    await train({
      ...{ tf, model, data: textData('the quick brown fox jumps over the lazy dog. '.repeat(60)) },
      ...{ recipe: recipes.qas({ channels: 0.5 }), steps: 30, seed: 1, evaluateEvery: 0 },
      onStep: ({ loss }) => void losses.push(loss),
    });
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.1);
  });

  it('a convolutional net learns, its filters by channel', async () => {
    const samples = Array.from({ length: 120 }, (_, i) =>
      Array.from(
        { length: 64 },
        (_, p) =>
          (i % 3 === 0 ? p % 8 : i % 3 === 1 ? p >> 3 : ((p % 8) + (p >> 3)) / 2) / 8 +
          ((i * 7 + p * 13) % 10) / 50,
      ),
    );
    const data = labelledData(
      samples.flat(),
      samples.map((_, i) => i % 3),
    );
    const losses: number[] = [];
    await train({
      ...{
        tf,
        model: { ...models['conv']!, channels: [4, 8], samples: 16 } as never,
        data,
        seed: 1,
        steps: 40,
      },
      ...{ recipe: recipes.qas({ blocks: 2 }), learningRate: 0.05, evaluateEvery: 0 },
      onStep: ({ loss }) => void losses.push(loss),
    });
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    const rows = roleTable(recipes.qas({ blocks: 1, channels: 0.25 }), models['conv']!)[0]!.rows;
    expect(
      rows.map((row) => row.find((cell) => /frozen|updated/.test(cell)) ?? '').filter(Boolean).length,
    ).toBeGreaterThan(1);
  });
});

describe('the memory model', () => {
  it('has fewer bytes where less is updated', async () => {
    const samples = Array.from({ length: 60 * 64 }, (_, i) => ((i * 7) % 11) / 11);
    const data = labelledData(
      samples,
      Array.from({ length: 60 }, (_, i) => i % 3),
    );
    const memoryOf = async (recipe: Recipe) =>
      (
        await train({
          ...{ tf, model: { ...models['conv']!, channels: [4, 8], samples: 16 } as never, data, seed: 1 },
          ...{ recipe, steps: 1, learningRate: 0.05, evaluateEvery: 0 },
        })
      ).memory;
    const [float32, whole, last, part] = [
      await memoryOf(recipes.float32({ optimizer: { kind: 'sgd' } })),
      await memoryOf(recipes.qas()),
      await memoryOf(recipes.qas({ blocks: 1 })),
      await memoryOf(recipes.qas({ blocks: 1, channels: 0.34 })),
    ];
    // Matrices and filters in a byte each and a scale a channel, biases in 32 bits and a scale, gains in float32.
    const sizes = [9 * 4, 9 * 4 * 8, 3 * 32];
    const vectors = 2 * 4 + 2 * 8 + 3;
    expect(whole.weights).toBe(
      sizes.reduce((sum, size) => sum + size, 0) + 4 * (4 + 8 + 3) + 4 * (vectors + 3),
    );
    expect(whole.optimizerState).toBe(0);
    expect(float32.optimizerState).toBeGreaterThan(0);
    expect(whole.savedActivations).toBeLessThan(float32.savedActivations);
    expect(last.savedActivations).toBeLessThan(whole.savedActivations);
    // Two of three channels of the last layer, and its bias: norms are of no block.
    expect(last.gradients).toBe(4 * (3 * 32 + 3));
    expect(part.gradients).toBe(4 * (2 * 32 + 3));
  });
});

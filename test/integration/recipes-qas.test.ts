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
import { type Layer, pass } from '../oracles/recipes/net.ts';
import { f, type Matrix, mapped, product, transposed } from '../oracles/recipes/numbers.ts';
import { integer, scaled } from '../oracles/recipes/quantizers.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

const flat = { kind: 'step', at: 0.5, before: 1, after: 1 } as const;
const common = { extraNorm: null, schedule: flat } as const;

const int8 = (m: Matrix): Matrix => {
  const values = scaled(integer(127), 127)(Float32Array.from(m.flat()));
  return mapped(m, (_, r, c) => values[r * m[0]!.length + c]!);
};

const layer: Layer<Matrix> = {
  forward({ x, w }) {
    const kept = int8(x);
    return { y: product(kept, w), kept };
  },
  inputGradient: ({ w }, _, g) => product(int8(g), transposed(w)),
  weightGradient: (_, kept, g) => product(transposed(int8(g)), transposed(kept)),
};

/** Columns of a weight as integers, their scales fixed by those of the beginning. */
function integerStore(initial: Matrix) {
  const scales = transposed(initial).map((column) =>
    f(127 / Math.max(f(Math.max(...column.map(Math.abs))), f(1e-5))),
  );
  return {
    units: scales.map((scale) => 1 / scale),
    held: (w: Matrix): Matrix =>
      mapped(w, (x, _, c) => f(Math.max(Math.min(integer(128)(f(x * scales[c]!)), 127), -128) / scales[c]!)),
  };
}

const numbers = (rows: number, columns: number, seed: number): Matrix => {
  const values = tf.tidy(() => tf.randomNormal([rows, columns], 0, 1, 'float32', seed).dataSync());
  return Array.from({ length: rows }, (_, r) => [...values.slice(r * columns, (r + 1) * columns)]);
};

describe('the integer graph', () => {
  it.each([true, false])('has the bits of plain loops for five steps (scaling: %s)', async (scaling) => {
    const [x, target] = [numbers(20, 12, 1), numbers(20, 6, 2)];
    const initial = [numbers(12, 16, 3), numbers(16, 6, 4)] as const;
    const stores = initial.map(integerStore);
    let weights = initial.map((w, i) => stores[i]!.held(w)) as [Matrix, Matrix];
    const rate = scaling ? 2 ** -11 : 2 ** 1;
    const names = ['one/kernel', 'two/kernel'] as const;

    const variables = initial.map((w, i) => tf.variable(tf.tensor2d(w as number[][]), true, names[i]));
    const [xs, ts] = [tf.tensor2d(x as number[][]), tf.tensor2d(target as number[][])];
    const recipe = recipes.qas({ ...common, scaling, rounding: 'nearest-even' });
    const run = await applyRecipe(tf, { ...recipe, saved: [] }, { variables, steps: 5, seed: 1 });
    const optimizer = run.optimizer(rate);
    let changed = 0;
    for (let step = 0; step < 5; step++) {
      const place = { seed: 1, step, names };
      const { gradients } = pass(
        [layer, layer],
        weights,
        x,
        (y) => mapped(y, (v, r, c) => f(2 * f(v - target[r]![c]!))),
        place,
      );
      const next = weights.map((w, i) => {
        const { units, held } = stores[i]!;
        return held(
          mapped(w, (v, r, c) => {
            const square = units[c]! * units[c]!;
            const whole = f(gradients[i]![r]![c]! * square);
            return f(v - f((scaling ? f(whole / square) : whole) * f(rate)));
          }),
        );
      }) as [Matrix, Matrix];
      changed += next.flat(2).filter((v, i) => v !== weights.flat(2)[i]).length;
      weights = next;
      tf.tidy(() => {
        const { grads } = tf.variableGrads(() => {
          const h = tf.relu(tf.matMul(xs, variables[0] as tf.Tensor2D));
          return tf.sum(tf.square(tf.sub(tf.matMul(h, variables[1] as tf.Tensor2D), ts))).asScalar();
        });
        optimizer.applyGradients(grads);
      });
      for (const [i, variable] of variables.entries())
        expect([...variable.dataSync()], `${step}, ${names[i]}`).toEqual(weights[i]!.flat());
    }
    expect(changed).toBeGreaterThan(50);
    run.stop();
    optimizer.dispose();
    tf.dispose([xs, ts, ...variables]);
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
        if (i < last && !/norm/.test(one.name)) expect(moved.some(Boolean), one.name).toBe(false);
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
    // Matrices and filters in a byte each and a scale a channel, gains and biases in float32.
    const sizes = [9 * 4, 9 * 4 * 8, 3 * 32];
    const vectors = 2 * 4 + 2 * 8 + 3;
    expect(whole.weights).toBe(sizes.reduce((sum, size) => sum + size, 0) + 4 * (4 + 8 + 3) + 4 * vectors);
    expect(whole.optimizerState).toBe(0);
    expect(float32.optimizerState).toBeGreaterThan(0);
    expect(whole.savedActivations).toBeLessThan(float32.savedActivations);
    expect(last.savedActivations).toBeLessThan(whole.savedActivations);
    // Two of three channels of the last layer, and the vectors: norms are of no block.
    expect(last.gradients).toBe(4 * (3 * 32 + vectors));
    expect(part.gradients).toBe(4 * (2 * 32 + vectors));
  });
});

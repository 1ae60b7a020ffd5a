/** Noisy weights with learned bits: five steps by scalars, gradients of bits against differences, what the objective has beside the loss. */
import * as tfjs from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { noise } from '../../src/quantizers/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  applyRecipe,
  bitsPerWeight,
  type Checkpoint,
  type Recipe,
  recipeFrom,
  recipes,
  textData,
  train,
} from '../../src/train/index.ts';
import { bfloat16, diffQRule, gaussianRule, noisyWeights } from '../oracles/recipes/weight-noise.ts';
import { expectOracle, type NetSizes } from './recipes-oracle.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const plain = {
  extraNorm: null,
  schedule: { kind: 'step', at: 0.5, before: 1, after: 1 },
  optimizer: { clipNorm: 1e30 },
} as const;

describe.each<[string, NetSizes]>([
  ['whole groups', { tokens: 8, inputs: 64, hidden: 32, outputs: 32 }],
  ['ragged groups', { tokens: 9, inputs: 40, hidden: 37, outputs: 19 }],
])('%s', (_, sizes) => {
  it.each([2 ** -30, 2 ** -10])('five steps of Gaussian weight sampling, loss times %f', (lossScale) =>
    expectOracle(
      tf,
      recipes.gaussianWeightSampling({ ...plain, learningRate: 0.1, target: 3 }),
      noisyWeights(gaussianRule(5, 3, 1e-4), 0.1),
      sizes,
      { steps: 5, lossScale },
    ),
  );

  it.each([2 ** -30, 2 ** -10])('five steps of DiffQ, loss times %f', (lossScale) =>
    expectOracle(
      tf,
      recipes.diffQ({ ...plain, noise: 'uniform', learningRate: 0.1, bits: 4, penalty: 30 }),
      noisyWeights(diffQRule(4, [2, 15], 8, 30), 0.1),
      sizes,
      { steps: 5, lossScale },
    ),
  );

  it('bits that are not learned stay', () =>
    expectOracle(
      tf,
      recipes.gaussianWeightSampling({ ...plain, learn: false, target: 5 }),
      // A rate of almost nothing moves no bit.
      noisyWeights(gaussianRule(5, 4, 0), 1e-38),
      sizes,
      { steps: 5 },
    ));
});

it.each(['rounded-gaussian', 'gaussian', 'uniform'] as const)(
  'the gradient of bits is the slope of the loss: %s noise',
  (distribution) => {
    const shape = [6, 16];
    const x = Float64Array.from({ length: 96 }, (_, i) => Math.sin(7 * i + 1));
    const direction = Float64Array.from({ length: 96 }, (_, i) => Math.cos(3 * i));
    for (const from of ['absmax', 'range', 'tensor-range'] as const) {
      const grouping = { per: 'block', size: 8 } as const;
      const bits = Array.from({ length: 12 }, (_, i) => 2.3 + 0.4 * i);
      const of = (own: readonly number[]) =>
        noise({ distribution, from, grouping, bits: own, seed: 3, stream: 4 });
      const loss = (own: readonly number[]): number =>
        of(own)
          .forward(x, shape)
          .values.reduce((sum, value, i) => sum + direction[i]! * value, 0);
      const { residue } = of(bits).forward(x, shape);
      const gradient = of(bits).bitGradient(direction, shape, residue);
      bits.forEach((_, group) => {
        const moved = (h: number): number[] => bits.map((b, i) => (i === group ? b + h : b));
        const h = 2 ** -6;
        const slope = (loss(moved(h)) - loss(moved(-h))) / (2 * h);
        // Steps are binary32, the difference has an error of h^2 ln(2)^2 / 6 of the slope and more where 2^b - 1 is small.
        expect(Math.abs(slope - gradient[group]!)).toBeLessThan(1e-3 * Math.abs(gradient[group]!) + 1e-5);
      });
    }
  },
);

const model = {
  ...{ name: 'test', width: 16, layers: 1, heads: 2, hidden: 24, context: 8, sequences: 4 },
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));

async function recordsOf(recipe: Recipe, steps = 6) {
  const records: { readonly loss: number; readonly penalty: number | undefined }[] = [];
  await train({
    ...{ tf, model, data, recipe, steps, seed: 1, evaluateEvery: 0 },
    onStep: ({ loss, penalty }) => void records.push({ loss, penalty }),
  });
  return records;
}

describe('the objective', () => {
  it('has the mean of what is trained, for each weight, beside the loss', async () => {
    const [first, ...rest] = await recordsOf(
      recipes.gaussianWeightSampling({ ...plain, penalty: 0.5, learningRate: 0.1 }),
    );
    // Seven matrices, each with numbers that are 1 in the beginning.
    expect(first!.penalty).toBe(3.5);
    for (const [i, { penalty }] of rest.entries())
      expect(penalty).toBeLessThan([first!, ...rest][i]!.penalty!);
  });

  it('has the megabytes', async () => {
    const [first] = await recordsOf(recipes.diffQ({ penalty: 2 ** 23, bits: 4, range: [2, 6] }));
    // Half-way between the ends the trained number is 0, the bits are exact.
    expect(first!.penalty).toBe(4 * (4 * 16 * 16 + 3 * 16 * 24));
  });

  it('has nothing beside the loss where nothing is learned or asked for', async () => {
    for (const recipe of [
      recipes.float32(),
      recipes.diffQ({ learn: false }),
      recipes.gaussianWeightSampling({ penalty: 0 }),
    ])
      for (const { penalty } of await recordsOf(recipe, 2)) expect(penalty).toBeUndefined();
  });

  it('leads bits to the target in any loop, whose loss it is no part of', async () => {
    const [x, w] = [
      tf.randomNormal([4, 8], 0, 1, 'float32', 1),
      tf.variable(tf.ones([8, 8]), true, 'w/kernel'),
    ];
    const recipe = recipes.gaussianWeightSampling({ ...plain, target: 4, penalty: 1e6, learningRate: 0.25 });
    const run = await applyRecipe(tf, recipe, { variables: [w], steps: 4, seed: 1 });
    expect(run.penalty).toBe(0);
    const optimizer = tfjs.train.sgd(1e-3);
    const found: number[] = [];
    for (let step = 0; step < 4; step++) {
      optimizer.minimize(() =>
        tf.sum(tf.matMul(x as tfjs.Tensor2D, w as unknown as tfjs.Tensor2D)).asScalar(),
      );
      found.push(run.penalty / 1e6);
    }
    expect(found[0]).toBe(1);
    found.slice(1).forEach((p, i) => {
      expect(Math.abs(p - (1 - 0.25 * (i + 1)))).toBeLessThan(1e-3);
    });
    run.stop();
    tf.dispose([x, w]);
  });
});

describe('evaluations', () => {
  /** The nearest of the points by trying them all; of two the one of the even index. */
  const nearest = (x: number, points: readonly number[]): number => {
    const distances = points.map((point) => Math.abs(x - point));
    const least = Math.min(...distances);
    const all = points.flatMap((point, i) => (distances[i] === least ? [{ point, i }] : []));
    return Math.fround((all.find(({ i }) => i % 2 === 0) ?? all[0]!).point);
  };
  const matrix = Float32Array.from({ length: 64 }, (_, i) =>
    Math.fround(Math.sin(7 * i + 1) * (1 + (i % 5))),
  );
  const step32 = Math.fround;

  /** What a product reads of a weight of 8 x 8, outputs as columns, where nothing is trained. */
  async function readBy(recipe: Recipe): Promise<Float32Array> {
    const w = tf.variable(tf.tensor2d(matrix, [8, 8]), true, 'w/kernel');
    const run = await applyRecipe(tf, recipe, { variables: [w], steps: 4, seed: 1 });
    const read = () =>
      tf.tidy(() => tf.matMul(tf.eye(8), w as unknown as tfjs.Tensor2D).dataSync() as Float32Array);
    const [first, again] = [read(), read()];
    expect(first).toEqual(again);
    run.stop();
    w.dispose();
    return first;
  }

  it('of DiffQ read the grid over the range of the matrix, of the numbers of bits', async () => {
    for (const [bits, learn] of [
      [3, true],
      [5, false],
    ] as const) {
      const [low, high] = [Math.min(...matrix), Math.max(...matrix)];
      const step = step32((high - low) / (2 ** bits - 1));
      const points = Array.from({ length: 2 ** bits }, (_, i) => low + i * step);
      const read = await readBy(recipes.diffQ({ bits, learn }));
      read.forEach((value, i) => {
        expect(Object.is(value, nearest(matrix[i]!, points))).toBe(true);
      });
    }
  });

  it('of Gaussian weight sampling read integers times the step of a tile, cast', async () => {
    const largest = Math.max(...matrix.map(Math.abs));
    const step = step32(largest * 2 ** (1 - 5));
    const points = Array.from({ length: 32 }, (_, i) => (i - 16) * step);
    const read = await readBy(recipes.gaussianWeightSampling({ initial: 5, target: 4 }));
    read.forEach((value, i) => {
      expect(Object.is(value + 0, bfloat16(nearest(matrix[i]!, points)) + 0)).toBe(true);
    });
  });

  it('read groups of outputs, whatever bits they have learned', async () => {
    const w = tf.variable(tf.randomNormal([8, 12], 0, 1, 'float32', 3), true, 'w/kernel');
    const recipe = recipes.diffQ({ ...plain, bits: 4, learningRate: 9, penalty: 1e12 });
    const run = await applyRecipe(tf, recipe, { variables: [w], steps: 4, seed: 1 });
    const rows = tf.randomNormal([4, 8], 0, 1, 'float32', 4) as tfjs.Tensor2D;
    const outputs = () => tf.matMul(rows, w as unknown as tfjs.Tensor2D);
    run.optimizer(1e-30).minimize(() => tf.sum(tf.square(outputs())).asScalar());
    const read = tf.tidy(() => tf.matMul(tf.eye(8), w as unknown as tfjs.Tensor2D).dataSync());
    // All are led below 3 bits, of which 2 are left.
    expect(new Set(read).size).toBeLessThanOrEqual(4);
    run.stop();
    tf.dispose([w, rows]);
  });

  it('and sizes go by the bits that were learned, rounded', async () => {
    const sized = async (recipe: Recipe): Promise<number> =>
      (await train({ ...{ tf, model, data, recipe, steps: 4, seed: 1, evaluateEvery: 0 } })).bitsPerWeight;
    expect(bitsPerWeight(recipes.diffQ({ bits: 6 }))).toBe(6);
    expect(bitsPerWeight(recipes.gaussianWeightSampling({ target: 4 }))).toBe(6 + 32 / 1024);
    expect(await sized(recipes.diffQ({ bits: 6, learn: false }))).toBe(6);
    expect(await sized(recipes.diffQ({ bits: 6, learningRate: 0.5, penalty: 1e6 }))).toBeLessThan(5);
    // Four steps of 0.15 from 1 on: 4 + 2 p is nearer to 5. Each of seven matrices is a tile.
    const options = { ...plain, target: 4, learningRate: 0.15, penalty: 1e6 };
    expect(await sized(recipes.gaussianWeightSampling(options))).toBeCloseTo(5 + 224 / 2176, 12);
  });
});

it('a run goes on from a checkpoint with the bits that it had learned', async () => {
  const recipe = recipes.gaussianWeightSampling({ ...plain, penalty: 0.5, learningRate: 0.1 });
  const checkpoints: Checkpoint[] = [];
  const options = { tf, model, data, recipe, steps: 5, seed: 1, evaluateEvery: 2, probeEvery: 1 } as const;
  const recordsFrom = async (more: object): Promise<unknown[]> => {
    const found: unknown[] = [];
    await train({
      ...{ ...options, ...more },
      onStep: ({ loss, penalty, probes }) =>
        void found.push([loss, penalty, probes?.bits, probes?.sharpness]),
    });
    return found;
  };
  const keep = (one: Checkpoint): void => void checkpoints.push(one);
  const whole = await recordsFrom({ checkpointEvery: 1, onCheckpoint: keep });
  const bits = whole.map((each) => (each as readonly number[])[2]!);
  // From 6 bits towards 4.
  bits.forEach((b, i) => {
    expect(b).toBeLessThan(bits[i - 1] ?? 6);
  });
  for (const at of [1, 3])
    expect(await recordsFrom({ resume: checkpoints[at - 1] })).toEqual(whole.slice(at));
});

describe('recipes from files', () => {
  it('are what the builders make', () => {
    for (const [name, options] of [
      ['gaussianWeightSampling', { target: 6, cast: 'e3m2' }],
      ['diffQ', { noise: 'uniform', penalty: 3, range: [3, 9] }],
    ] as const)
      expect(recipeFrom({ recipe: name, ...options })).toEqual(
        (recipes[name] as (given: object) => Recipe)(options),
      );
  });

  it('refuse bits that cannot be learned', () => {
    const refused = (options: object, message: RegExp): void =>
      expect(() => recipes.gaussianWeightSampling(options)).toThrow(message);
    refused({ target: 4, initial: 4 }, /^initial: got 4/);
    expect(() => recipes.diffQ({ bits: 2 })).toThrow(/^bits: got 2/);
    expect(() => recipes.diffQ({ range: [9, 3] })).toThrow(/^range: got/);
    const base = recipes.gaussianWeightSampling();
    const withSlot = (change: (w: object) => object, place: 'x' | 'w' = 'w'): unknown => {
      const [phase] = base.phases;
      const { forward } = phase!.linear;
      const made = { ...forward, [place]: change(forward.w!) };
      return { ...base, phases: [{ ...phase!, linear: { ...phase!.linear, forward: made } }] };
    };
    const at = 'recipe.phases[0].linear.forward';
    const says = (given: unknown, path: string): void =>
      expect(() => recipeFrom(given)).toThrow(new RegExp(`^${path.replaceAll(/[[\].]/g, '\\$&')}: got`));
    says(
      withSlot(({ ...w }) => w, 'x'),
      `${at}.x.learn`,
    );
    says(
      withSlot((w) => ({ ...w, transform: { name: 'noise', bits: 6, inverse: 'subtract' } })),
      `${at}.w.learn[0].of`,
    );
    says(
      withSlot((w) => ({ ...w, transform: { name: 'hadamard' } })),
      `${at}.w.learn[0].of`,
    );
    for (const [bits, field] of [
      [{}, 'target'],
      [{ target: 4, range: [2, 9] }, 'target'],
      [{ target: 6 }, 'target'],
      [{ range: [6, 9] }, 'range'],
    ] as const)
      says(
        withSlot((w) => ({ ...w, learn: [{ of: 'bits', learningRate: 1, ...bits }] })),
        `${at}.w.learn[0].${field}`,
      );
    says(
      withSlot((w) => ({ ...w, learn: [0, 1].map(() => ({ of: 'bits', learningRate: 1, target: 3 })) })),
      `${at}.w.learn[1].of`,
    );
  });
});

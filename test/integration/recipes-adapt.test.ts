/** AdaPT: steps and decisions by scalars, what it decides for, its state, and what is refused. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { pushDown, pushUp } from '../../src/train/controllers/adapt.ts';
import {
  applyRecipe,
  type Checkpoint,
  checkRecipe,
  type Recipe,
  recipeFrom,
  recipes,
  textData,
  train,
  type UpdateSpec,
} from '../../src/train/index.ts';
import { adapt, type Decided } from '../oracles/recipes/adapt.ts';
import { expectOracle } from './recipes-oracle.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const plain = {
  extraNorm: null,
  schedule: { kind: 'step', at: 0.5, before: 1, after: 1 },
  optimizer: { clipNorm: 1e30 },
} as const;
const names = ['first/kernel', 'second/kernel'] as const;

describe('steps and decisions are those of scalars', () => {
  it.each([
    [{ lookback: [1, 2], bins: [4, 100] }],
    [{ lookback: [1, 3], bins: [4, 20], tolerance: 0.1, buffer: 3, gradients: 'all' }],
    [{ lookback: [2, 3], bins: [1, 30], word: 20, fraction: 15, gradients: 'float32' }],
  ] as const)('%j', async (options) => {
    const lossScale = 2 ** -8;
    const { word, fraction, ...rest } = { word: 8, fraction: 4, ...options };
    const usual = { gradients: 'weights', tolerance: 1e-3, buffer: 8 } as const;
    const rule = { ...usual, first: { word, fraction }, lossScale, ...rest };
    const decided: Decided = {};
    await expectOracle(
      tf,
      recipes.adaPT({ ...plain, ...options }),
      adapt(rule, names[1], decided),
      { tokens: 9, inputs: 20, hidden: 17, outputs: 11 },
      { steps: 6, lossScale },
    );
    // Something was decided.
    const formats = Object.values(decided).flatMap((each) =>
      each.map(({ word: w, fraction: r }) => `${w}.${r}`),
    );
    expect(new Set(formats).size).toBeGreaterThan(1);
  });
});

describe('decisions', () => {
  const weights = Float32Array.from({ length: 4000 }, (_, i) => Math.sin(1.7 * i) * 0.9);

  it('push down to the fewest bits that keep the histogram', () => {
    for (const bins of [4, 16, 64]) {
      const found = pushDown(weights, { word: 24, fraction: 20 }, bins, 1e-3);
      expect(found.fraction).toBeLessThan(12);
      // All of it is below 1: a sign and the fraction.
      expect(found.word).toBe(found.fraction + 1);
      expect(pushDown(weights, { word: 24, fraction: 20 }, bins, 0.1).fraction).toBeLessThan(found.fraction);
    }
    expect(pushDown(weights, { word: 6, fraction: 2 }, 64, 1e-9)).toEqual({ word: 6, fraction: 2 });
    expect(pushDown(new Float32Array(9), { word: 6, fraction: 2 }, 64, 1e-9)).toEqual({
      word: 6,
      fraction: 2,
    });
  });

  it('push up by the diversity of gradients', () => {
    const at = { word: 6, fraction: 5 };
    // Gradients of one direction: one bit, one more for the word, room for results.
    expect(pushUp(at, 1, 'max', 1)).toEqual({ word: 7, fraction: 6 });
    expect(pushUp(at, Infinity, 'max', 8)).toEqual({ word: 14, fraction: 6 });
    // ln 10 - 1 = 1.303: ceil(1 / 1.697) = 1, min(ceil(54.3), 32) - 5 = 27.
    expect(pushUp(at, 10, 'min', 1)).toEqual({ word: 7, fraction: 6 });
    expect(pushUp(at, 10, 'mean', 1)).toEqual({ word: 20, fraction: 19 });
    expect(pushUp(at, 10, 'max', 4)).toEqual({ word: 24, fraction: 20 });
    for (const diversity of [1, 2, 5, 1e9, Infinity])
      for (const strategy of ['min', 'mean', 'max'] as const)
        for (const buffer of [1, 8, 23]) {
          const { word, fraction } = pushUp({ word: 24, fraction: 20 }, diversity, strategy, buffer);
          expect(word).toBeLessThanOrEqual(24);
          expect(fraction).toBeLessThan(word);
        }
  });
});

const model = {
  ...{ name: 'test', width: 16, layers: 1, heads: 2, hidden: 24, context: 8, sequences: 4 },
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));
const recipe = recipes.adaPT({ lookback: [2, 4] });

describe('a run', () => {
  it('reports formats, and goes on from its state with the same bits', async () => {
    const checkpoints: Checkpoint[] = [];
    const options = { tf, model, data, recipe, steps: 9, seed: 1, evaluateEvery: 4, probeEvery: 1 } as const;
    const formatsOf = async (more: object): Promise<unknown[]> => {
      const found: unknown[] = [];
      await train({
        ...options,
        ...more,
        onStep: ({ loss, probes }) => void found.push([loss, probes?.formats]),
      });
      return found;
    };
    const whole = await formatsOf({
      checkpointEvery: 1,
      onCheckpoint: (one: Checkpoint) => void checkpoints.push(one),
    });
    expect(new Set(whole.map((each) => JSON.stringify((each as [number, object])[1]))).size).toBeGreaterThan(
      2,
    );
    for (const at of [1, 3, 6])
      expect(await formatsOf({ resume: checkpoints[at - 1] })).toEqual(whole.slice(at));
  });

  it.each([
    ['bins', [1, 1], [60, 100]],
    ['momentum', 0, 1],
  ] as const)('%s %j and %j decide otherwise', async (option, one, other) => {
    const decided = async (value: unknown): Promise<readonly unknown[]> => {
      const found: unknown[] = [];
      const made = recipes.adaPT({ lookback: [2, 5], [option]: value });
      await train({
        ...{ tf, model, data, recipe: made, steps: 7, seed: 1, probeEvery: 1 },
        onStep: ({ probes }) => void found.push(probes?.formats),
      });
      return found;
    };
    expect(await decided(one)).not.toEqual(await decided(other));
  });

  it('says what it decided under any program', async () => {
    const w = tf.variable(tf.randomNormal([8, 8], 0, 1, 'float32', 1), true, 'w/kernel');
    const x = tf.randomNormal([4, 8], 0, 1, 'float32', 2);
    const run = await applyRecipe(tf, recipes.adaPT({ lookback: [1, 1] }), {
      variables: [w],
      steps: 3,
      seed: 1,
    });
    expect(run.formats).toEqual({ 'w/kernel': 'fixed(3,4)' });
    const optimizer = tf.train.sgd(1e-3);
    optimizer.minimize(() => tf.sum(tf.square(tf.matMul(x as never, w as never))).asScalar());
    expect(run.formats['w/kernel']).not.toBe('fixed(3,4)');
    expect(String(run.roles)).toContain('adaPT sets fixed-point formats');
    run.stop();
    tf.dispose([w, x]);
  });
});

it('divides gradients by their norms before all else but a loss scale', () => {
  const [scale, clip] = [{ kind: 'lossScale' }, { kind: 'adaClip' }] as const;
  const operators = (gradient: UpdateSpec['gradient'] & object) => {
    const recipe = recipes.adaPT({ normalize: true, update: { gradient } });
    checkRecipe(recipe);
    return recipe.update?.gradient;
  };
  expect(operators([clip])).toEqual([{ kind: 'unitNorm' }, clip]);
  expect(operators([scale, clip])).toEqual([scale, { kind: 'unitNorm' }, clip]);
});

describe('refused are', () => {
  const refused = (given: unknown, path: string): void =>
    expect(() => checkRecipe(given as Recipe)).toThrow(
      new RegExp(`^${path.replaceAll(/[[\].]/g, '\\$&')}: got`),
    );

  it('controllers without slots that they set, and options that are none', () => {
    refused({ ...recipes.bitnet(), controller: { kind: 'adaPT' } }, 'recipe.controller');
    const [phase] = recipe.phases;
    const long = { format: 'fixed(20,6)', rounding: 'stochastic' } as const;
    const forward = { x: long, w: long };
    refused(
      { ...recipe, phases: [{ ...phase!, linear: { ...phase!.linear, forward } }] },
      'recipe.controller',
    );
    refused({ ...recipe, controller: { kind: 'adaPT', lookback: [9, 3] } }, 'recipe.controller.lookback');
    refused({ ...recipe, controller: { kind: 'adapt' } }, 'recipe.controller.kind');
    expect(() => recipes.adaPT({ bins: [3, 2] })).toThrow(/^bins: got/);
    expect(() => recipes.adaPT({ word: 4, fraction: 4 })).toThrow(/^fraction: got 4/);
  });

  it('nothing that a file says rightly', () => {
    const options = {
      word: 12,
      fraction: 8,
      gradients: 'all',
      normalize: true,
      lookback: [5, 50],
      bins: [10, 90],
    };
    const made = recipeFrom({ recipe: 'adaPT', ...options, momentum: 0.5, buffer: 4, tolerance: 0.01 });
    checkRecipe(JSON.parse(JSON.stringify(made)) as Recipe);
    expect(made.controller).toEqual({
      ...{ kind: 'adaPT', lookback: [5, 50], bins: [10, 90], momentum: 0.5, buffer: 4, tolerance: 0.01 },
    });
  });
});

/** Operators on gradients and steps: each against its definition, as parts of a run, saved and restored. */
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import {
  adamW,
  applyRecipe,
  checkRecipe,
  checkTraining,
  type GradientOperatorSpec,
  type Recipe,
  recipes,
  textData,
  train,
  type UpdateSpec,
} from '../../src/train/index.ts';
import { operatorOf } from '../../src/train/update/operators.ts';
import { programs } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

const f = Math.fround;
const number = fc
  .tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.integer({ min: -30, max: 20 }))
  .map(([x, k]) => f(x * 2 ** k));
const gradients = fc.array(fc.array(number, { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 6 });

/** What an operator makes of one parameter's gradients, one after the other; resumed before each of `resumesAt`. */
function walk(
  spec: Exclude<GradientOperatorSpec, { kind: 'lossScale' }>,
  given: readonly (readonly number[])[],
  resumesAt: readonly number[] = [],
  unit?: number,
): number[][] {
  let step = 0;
  const place = (): readonly [number, number] => [step, 4];
  const one = { name: 'layer/w', shape: [2, 2], unitOf: () => unit, place };
  const make = () => operatorOf(tf, spec, [one], (name) => (name === 'v' ? one : undefined));
  let operator = make();
  return given.map((gradient, t) => {
    step = t;
    if (resumesAt.includes(t)) {
      const saved = operator.save();
      operator = make();
      expect([...operator.save().keys()]).toEqual([...saved.keys()]);
      operator.restore(saved);
    }
    return tf.tidy(() => {
      const other = tf.tensor1d([3]);
      const made = operator.apply({ v: tf.tensor2d([...gradient], [2, 2]), w: other })!;
      expect(Object.keys(made)).toEqual(['v', 'w']);
      if (spec.kind !== 'clipByGlobalNorm') expect(made['w']).toBe(other);
      return [...made['v']!.dataSync()] as unknown as tf.Tensor;
    }) as unknown as number[];
  });
}

type Definition = (g: readonly number[], t: number) => number[];

/** Each operator by its equation, in binary64, elements rounded once. */
const definitions: Readonly<
  Record<string, [Exclude<GradientOperatorSpec, { kind: 'lossScale' }>, () => Definition]>
> = {
  adaClip: [
    { kind: 'adaClip', decay: 0.75 },
    () => {
      let [m, power] = [0, 1];
      return (g) => {
        const largest = Math.max(...g.map(Math.abs));
        m = 0.75 * m + (1 - 0.75) * largest;
        power *= 0.75;
        const bound = m / (1 - power);
        return g.map((x) => (Math.abs(x) > bound ? f((x / largest) * bound) : x));
      };
    },
  ],
  adaNorm: [
    { kind: 'adaNorm', decay1: 0.5, decay2: 0.8, epsilon: 1e-6 },
    () => {
      let [a, b, p, q] = [0, 0, 1, 1];
      return (g) => {
        const square = g.reduce((sum, x) => sum + x * x, 0);
        const norm = Math.sqrt(square);
        a = 0.5 * a + 0.5 * norm;
        b = 0.8 * b + (1 - 0.8) * square;
        p *= 0.5;
        q *= 0.8;
        if (norm === 0) return [...g];
        const wanted = a / (1 - p) / (Math.sqrt(b / (1 - q)) + 1e-6);
        return g.map((x) => f((x / norm) * wanted));
      };
    },
  ],
  'adaNorm with a factor': [
    {
      ...{ kind: 'adaNorm', decay1: 0.5 },
      factor: {
        kind: 'steps',
        points: [
          [0, 1],
          [0.5, 0.25],
        ],
      },
    },
    () => {
      let [a, b, p, q] = [0, 0, 1, 1];
      return (g, t) => {
        const decay = t < 2 ? 0.5 : 0.125;
        const square = g.reduce((sum, x) => sum + x * x, 0);
        const norm = Math.sqrt(square);
        a = decay * a + (1 - decay) * norm;
        b = 0.9 * b + (1 - 0.9) * square;
        p *= decay;
        q *= 0.9;
        if (norm === 0) return [...g];
        const wanted = a / (1 - p) / (Math.sqrt(b / (1 - q)) + 1e-8);
        return g.map((x) => f((x / norm) * wanted));
      };
    },
  ],
  unitNorm: [
    { kind: 'unitNorm' },
    () => (g) => {
      const norm = Math.sqrt(g.reduce((sum, x) => sum + x * x, 0));
      return norm === 0 ? [...g] : g.map((x) => f(x / norm));
    },
  ],
  spamClip: [
    { kind: 'spamClip', threshold: 10, decay: 0.5 },
    () => {
      let v = [0, 0, 0, 0];
      return (g) => {
        const next = g.map((x, i) =>
          v[i]! > 0 && x * x > 10 * v[i]! ? f(Math.sign(x) * Math.sqrt(10 * v[i]!)) : x,
        );
        v = v.map((x, i) => f(0.5 * x + 0.5 * next[i]! * next[i]!));
        return next;
      };
    },
  ],
};

describe.each(Object.entries(definitions))('%s', (_, [spec, define]) => {
  it('has the numbers of its definition, and goes on from its state', () => {
    fc.assert(
      fc.property(gradients, (given) => {
        const rule = define();
        const expected = given.map((g, t) => rule(g, t).map((x) => x + 0));
        expect(walk(spec, given).map((g) => g.map((x) => x + 0))).toEqual(expected);
        expect(walk(spec, given, [1, 3, 5]).map((g) => g.map((x) => x + 0))).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it('lets numbers that are not finite pass, and is not touched by them', () => {
    const spoilt = [
      [1, 2, 3, 4],
      [Number.NaN, 1, 1, 1],
      [Number.POSITIVE_INFINITY, 1, 1, 1],
      [4, 3, 2, 1],
    ];
    const seen = walk(spec, spoilt);
    expect(seen[1]).toEqual(spoilt[1]);
    expect(seen[2]).toEqual(spoilt[2]);
    expect([seen[0], seen[3]]).toEqual(walk(spec, [spoilt[0]!, spoilt[3]!]));
  });
});

it('spamClip clips on after gradients whose squares binary32 has not', () => {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  const spec = { kind: 'spamClip', threshold: 16, decay: 0.5 } as const;
  const given = [
    [1e30, -1e30, 1, 0],
    [1e35, -1e35, 1, 0],
    [1, -1, 1e5, 0],
    [1e35, -1e35, 1, 0],
  ];
  const seen = walk(spec, given);
  expect(seen[1]).toEqual([f(4 * Math.sqrt(largest)), f(-4 * Math.sqrt(largest)), 1, 0]);
  expect(seen[2]).toEqual([1, -1, f(4 * Math.sqrt(0.75)), 0]);
  expect(seen[3]!.slice(0, 2)).toEqual([f(4 * Math.sqrt(largest / 2)), f(-4 * Math.sqrt(largest / 2))]);
  expect(walk(spec, given, [1, 2, 3])).toEqual(seen);
});

describe('scales of integer weights', () => {
  it('are squared, and cancel', () => {
    const given = [[1, -2, 3e-5, 0]];
    const unit = 0.0123;
    const plain = walk({ kind: 'integerGradient' }, given, [], unit)[0]!;
    expect(plain).toEqual(given[0]!.map((g) => f(f(g) * (unit * unit))));
    expect(walk({ kind: 'qas' }, given, [], unit)[0]).toEqual(given[0]!.map((g) => f(f(g) / (unit * unit))));
    expect(walk({ kind: 'qas' }, given, [])[0]).toEqual(given[0]!.map(f));
  });

  it('make gradients of an integer graph as large, relative to weights, as in floating point', async () => {
    const ratio = async (gradient: GradientOperatorSpec[]): Promise<number> => {
      const { target, step, variables, dispose } = programs['mlp']!();
      const store = {
        kind: 'grid',
        format: 'int8',
        rounding: 'nearest-even',
        range: { deviations: 4 },
      } as const;
      const recipe: Recipe = {
        ...recipes.float32({ extraNorm: null, optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 } }),
        store,
        schedule: { kind: 'step', at: 0.5, before: 1, after: 1 },
        update: { gradient },
      };
      const run = await applyRecipe(tf, recipe, { ...target, steps: 2, seed: 1 });
      const optimizer = tf.train.sgd(1);
      const [before, scale] = [variables[0]!.dataSync().slice(), 127 / (4 * 1)];
      step(optimizer, 0);
      const moved = [...variables[0]!.dataSync()].reduce((sum, w, i) => sum + Math.abs(w - before[i]!), 0);
      run.stop();
      optimizer.dispose();
      dispose();
      expect(scale).toBeGreaterThan(0);
      return moved;
    };
    const [whole, integer, corrected] = [
      await ratio([]),
      await ratio([{ kind: 'integerGradient' }]),
      await ratio([{ kind: 'integerGradient' }, { kind: 'qas' }]),
    ];
    expect(whole).toBeGreaterThan(0);
    // The square of a grid's step is 1e-4 or less, so that nothing moves by half a step.
    expect(integer).toBe(0);
    expect(Math.abs(corrected - whole) / whole).toBeLessThan(1e-2);
  });
});

const flat = { kind: 'step', at: 0.5, before: 1, after: 1 } as const;

function withUpdate(update: UpdateSpec, more: Partial<Recipe> = {}): Recipe {
  return { ...recipes.float32({ extraNorm: null }), schedule: flat, update, ...more };
}

describe('loss scaling', () => {
  async function run(update: UpdateSpec | undefined, own: boolean, factor = 1, steps = 6) {
    const { target, variables, dispose } = programs['mlp']!();
    const w = variables[0]!;
    const { update: _, ...plain } = withUpdate({});
    const recipe = update === undefined ? plain : withUpdate(update);
    const handle = await applyRecipe(tf, recipe, { ...target, steps, seed: 1 });
    const optimizer = own ? handle.optimizer(0.01) : tf.train.adam(0.01);
    const seen: number[][] = [];
    for (let t = 0; t < steps; t++) {
      const cost = optimizer.minimize(() => tf.mul(tf.sum(tf.square(w)), factor) as tf.Scalar, true, [w])!;
      expect(Math.abs(cost.dataSync()[0]!)).toBeLessThan(1e38);
      cost.dispose();
      seen.push([...w.dataSync()]);
    }
    const saved = handle.save();
    const { step } = handle;
    handle.stop();
    optimizer.dispose();
    dispose();
    const numbers = saved.arrays.get('update/0/numbers');
    return { seen, step, state: numbers && [...new Float64Array(numbers.data.slice().buffer)] };
  }

  it.each([true, false])('changes no bit where nothing leaves the range (own optimiser: %s)', async (own) => {
    const clip = own ? [{ kind: 'clipByGlobalNorm' as const, limit: 1 }] : [];
    const plain = await run(undefined, own);
    for (const dynamic of [true, false]) {
      const scaled = await run(
        { gradient: [{ kind: 'lossScale', initial: 2 ** 10, dynamic }, ...clip] },
        own,
      );
      expect(scaled.seen).toEqual(plain.seen);
      expect(scaled.state).toEqual([2 ** 10, 6, 0]);
    }
  });

  it.each([true, false])('leaves steps out that overflow, and halves (own optimiser: %s)', async (own) => {
    // Gradients of up to 2^55.8, whose squares binary32 holds, times 2^74 or 2^73 are beyond it.
    const spec = { kind: 'lossScale', initial: 2 ** 74, growthInterval: 2, largest: 2 ** 74 } as const;
    const { seen, state, step } = await run({ gradient: [spec] }, own, 2 ** 55);
    const moved = seen.map((values, t) => t > 0 && String(values) !== String(seen[t - 1]));
    expect(step).toBe(6);
    expect(state![2]).toBeGreaterThan(0);
    // As many steps as were not left out have moved the weights; the first, which was, has none before it.
    expect(moved.filter(Boolean)).toHaveLength(6 - state![2]!);
    const plain = await run({ gradient: [] }, own, 2 ** 55);
    expect(seen.at(-1)).toEqual(plain.seen[5 - state![2]!]);
  });

  it('keeps a training in binary16 from losing its gradients', async () => {
    const { target, step, variables, dispose } = programs['mlp']!();
    const [phase] = recipes.float32().phases;
    const e5m2 = { format: 'binary16' };
    const linear = {
      forward: { x: null, w: null },
      inputGradient: { g: e5m2, w: 'same' as const, dx: e5m2 },
      weightGradient: { g: e5m2, x: 'same' as const, dw: e5m2 },
    };
    const moved = async (gradient: GradientOperatorSpec[]): Promise<number> => {
      const recipe = withUpdate({ gradient }, { phases: [{ ...phase!, linear }] });
      const before = variables[0]!.dataSync().slice();
      const run = await applyRecipe(tf, recipe, { ...target, steps: 2, seed: 1 });
      const optimizer = tf.train.sgd(2 ** 30);
      const x = tf.ones([1, 16]);
      const model = target.model!;
      optimizer.minimize(
        () => tf.mul(tf.sum(model.apply(x) as tf.Tensor), 2 ** -40) as tf.Scalar,
        false,
        variables,
      );
      const count = [...variables[0]!.dataSync()].filter((w, i) => w !== before[i]).length;
      run.stop();
      optimizer.dispose();
      x.dispose();
      return count;
    };
    expect(await moved([])).toBe(0);
    expect(await moved([{ kind: 'lossScale', initial: 2 ** 30, dynamic: false }])).toBeGreaterThan(100);
    expect(step).toBeTypeOf('function');
    dispose();
  });
});

describe('rmsClip', () => {
  it('divides the rate, weight decay included, where gradients outrun their second moment', () => {
    const shape: [number] = [3];
    const settings = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 };
    const walkOf = (stepOperators: UpdateSpec['step']): number[][] => {
      const optimizer = adamW(tf, settings, { learningRate: 0.1, stepOperators: stepOperators ?? [] });
      const w = tf.tidy(() => tf.variable(tf.tensor1d([1, 2, 3]), true, 'w'));
      const seen = [
        [0.1, 0.2, -0.1],
        [0.1, 0.2, -0.1],
        [10, 20, 0.1],
      ].map((g) => {
        tf.tidy(() => void optimizer.applyGradients({ w: tf.tensor1d(g) }));
        return [...w.dataSync()];
      });
      optimizer.dispose();
      w.dispose();
      return seen;
    };
    const plain = walkOf([]);
    const clipped = walkOf([{ kind: 'rmsClip', limit: 1 }]);
    expect(shape).toEqual([3]);
    // RMS is 1 but for rounding where the gradient stays; then g^2 / v of the first two elements is nearly 1 / (1 - 0.99^3) x (1 - 0.99).
    [0, 1].forEach((t) => {
      clipped[t]!.forEach((value, i) => {
        expect(Math.abs(value - plain[t]![i]!)).toBeLessThan(1e-6);
      });
    });
    const squares = [0.1, 0.2, -0.1].map((g, i) => {
      const last = [10, 20, 0.1][i]!;
      let v = 0;
      for (const each of [g, g, last]) v = f(f(v * f(0.99)) + f(f(f(each) * f(each)) * f(1 - 0.99)));
      return (f(last) * f(last)) / Math.max(v / (1 - 0.99 ** 3), 1e-16);
    });
    const rms = Math.sqrt(squares.reduce((sum, x) => sum + x, 0) / 3);
    expect(rms).toBeGreaterThan(1.1);
    clipped[2]!.forEach((value, i) => {
      const [whole, part] = [plain[2]![i]! - plain[1]![i]!, value - clipped[1]![i]!];
      expect(Math.abs(part * rms - whole)).toBeLessThan(1e-5);
    });
  });

  it('is refused with other optimisers than the recipe’s', async () => {
    const { target, step, dispose } = programs['mlp']!();
    const run = await applyRecipe(tf, withUpdate({ step: [{ kind: 'rmsClip' }] }), {
      ...target,
      steps: 2,
      seed: 1,
    });
    const optimizer = tf.train.sgd(0.1);
    expect(() => step(optimizer, 0)).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument: 'optimizer' }),
    );
    run.stop();
    optimizer.dispose();
    dispose();
  });
});

const model = {
  name: 'test',
  width: 16,
  layers: 1,
  heads: 2,
  hidden: 24,
  context: 8,
  sequences: 4,
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));

describe('in train()', () => {
  const everything: UpdateSpec = {
    gradient: [
      { kind: 'lossScale', initial: 2 ** 12, growthInterval: 3 },
      { kind: 'adaClip', decay: 0.9 },
      { kind: 'spamClip', threshold: 50, decay: 0.9 },
      { kind: 'adaNorm' },
      { kind: 'clipByGlobalNorm', limit: 2 },
    ],
    step: [{ kind: 'rmsClip' }],
  };

  it('goes on from checkpoints to the bit', async () => {
    const trace = async (recipe: Recipe, resumesAt: number[] = []): Promise<number[]> => {
      const losses: number[] = [];
      let checkpoint: unknown;
      const stops = [...resumesAt, 8];
      for (const stop of stops) {
        const abort = new AbortController();
        await train({
          ...{ tf, model, data, recipe, steps: 8, seed: 1, checkpointEvery: 1, evaluateEvery: 0 },
          onCheckpoint: (one) => {
            checkpoint = one;
          },
          onStep: ({ step, loss }) => {
            losses.push(loss);
            if (step === stop) abort.abort();
          },
          signal: abort.signal,
          ...(checkpoint === undefined ? {} : { resume: checkpoint as never }),
        });
      }
      return losses;
    };
    const recipe = { ...recipes.dqt({ bits: 4 }), update: everything };
    const plain = await trace(recipe);
    expect(plain).toHaveLength(8);
    expect(await trace(recipe, [2, 5])).toEqual(plain);
    expect(await trace(recipes.dqt({ bits: 4 }))).not.toEqual(plain);
  });

  it('has the bits of clipNorm by the operator that it stands for', async () => {
    const losses = async (recipe: Recipe): Promise<number[]> => {
      const seen: number[] = [];
      await train({
        tf,
        model,
        data,
        recipe,
        steps: 4,
        seed: 1,
        evaluateEvery: 0,
        onStep: ({ loss }) => void seen.push(loss),
      });
      return seen;
    };
    const plain = await losses(recipes.float32());
    const named = {
      ...recipes.float32(),
      update: { gradient: [{ kind: 'clipByGlobalNorm' as const, limit: 1 }] },
    };
    expect(await losses(named)).toEqual(plain);
    expect(await losses({ ...recipes.float32(), update: { gradient: [] } })).not.toEqual(plain);
  });

  it.each<[string, UpdateSpec, string]>([
    [
      'an operator that there is not',
      { gradient: [{ kind: 'clipp' } as never] },
      'recipe.update.gradient[0].kind',
    ],
    ['a limit', { gradient: [{ kind: 'clipByGlobalNorm', limit: 0 }] }, 'recipe.update.gradient[0].limit'],
    ['a decay', { gradient: [{ kind: 'adaClip', decay: 1 }] }, 'recipe.update.gradient[0].decay'],
    [
      'a scale that is no power of two',
      { gradient: [{ kind: 'lossScale', initial: 3 }] },
      'recipe.update.gradient[0].initial',
    ],
    [
      'a scale beyond its bounds',
      { gradient: [{ kind: 'lossScale', initial: 2 ** 30 }] },
      'recipe.update.gradient[0].initial',
    ],
    [
      'growth of a scale that stays',
      { gradient: [{ kind: 'lossScale', dynamic: false, growthInterval: 3 }] },
      'recipe.update.gradient[0].growthInterval',
    ],
    [
      'a loss scale that is not first',
      { gradient: [{ kind: 'adaClip' }, { kind: 'lossScale' }] },
      'recipe.update.gradient[1].kind',
    ],
    ['a step operator', { step: [{ kind: 'rmsClip', limit: -1 }] }, 'recipe.update.step[0].limit'],
    ['a part of the pipeline', { gradients: [] } as never, 'recipe.update.gradients'],
    [
      'scales of integers where there are none',
      { gradient: [{ kind: 'qas' }] },
      'recipe.update.gradient[0].kind',
    ],
  ])('names %s', (_, update, argument) => {
    const recipe = { ...recipes.float32(), update };
    expect(() => checkTraining({ model, data, recipe, steps: 2, seed: 1 })).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument }),
    );
  });

  it('names a step operator on an optimiser without a second moment', () => {
    const recipe = {
      ...recipes.float32({ optimizer: { kind: 'lion' } }),
      update: { step: [{ kind: 'rmsClip' as const }] },
    };
    expect(() => checkRecipe(recipe)).toThrow(
      expect.objectContaining({ argument: 'recipe.update.step[0].kind' }),
    );
  });
});

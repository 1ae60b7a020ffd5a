/**
 * Every option of the recipes that learn, merge or are taught: in a run of some steps of a tiny model each value of an option does something
 * else than the others, or is refused by its name where nothing is left for it to act on; from a call and from a file it is the same recipe.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  applyRecipe,
  type Checkpoint,
  type Recipe,
  recipeFrom,
  recipes,
  textData,
  train,
} from '../../src/train/index.ts';
import { settingsOf } from '../../src/train/run-settings.ts';
import { TrainingRun } from '../../src/train/training-run.ts';
import { nearest } from '../oracles/recipes/learned.ts';
import { numbers } from '../oracles/recipes/slots.ts';

const base = {
  ...{ name: 'test', width: 8, layers: 2, heads: 2, hidden: 16, context: 8, sequences: 2 },
  learningRate: 0.02,
};
const experts = { ...base, experts: { count: 3, active: 1 } };
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(20));

let tf: TensorFlow;
let teacher: Checkpoint;
beforeAll(async () => {
  tf = await wasmBackend();
  await train({
    ...{ tf, model: base, data, recipe: recipes.float32(), steps: 2, seed: 7, evaluateEvery: 0 },
    onCheckpoint: (checkpoint) => {
      teacher = checkpoint;
    },
  });
}, 120_000);

/** What a run of some steps leaves: losses and weights. */
async function traceOf(recipe: Recipe, steps: number, model: typeof base = base): Promise<string> {
  const options = { tf, model, data, recipe, steps, seed: 1, ...(recipe.teacher && { teacher }) };
  const settings = settingsOf(options);
  const run = new TrainingRun(options, settings, settings.teacher);
  try {
    for (let t = 0; t < steps; t++) await run.step();
    const held = [...run.weights.save()].map(([name, one]) => [
      name,
      Buffer.from(one.data).toString('base64'),
    ]);
    return JSON.stringify({ losses: run.losses, held });
  } finally {
    run.dispose();
  }
}

type Options = Readonly<Record<string, unknown>>;
interface Table {
  readonly model?: typeof base;
  /** What stands beside every option, so that it has something to act on. */
  readonly beside?: Options;
  /** Values of each option: no two do the same. */
  readonly values: Readonly<Record<string, readonly unknown[]>>;
}

const tables: Readonly<Record<string, Table>> = {
  lsq: {
    values: {
      bits: [2, 4],
      activations: ['signed', 'unsigned', 'affine', 'none'],
      per: ['tensor', 'row'],
      ends: [2, 8, 'binary32'],
      scaleRate: [1e-4, 1e-2],
    },
  },
  gaqat: {
    beside: { scaleRate: 1e-2, window: 2, above: 0.1 },
    values: { window: [2, 5], above: [0.1, 0.9] },
  },
  geta: {
    values: {
      bits: [
        [7, 8],
        [2, 4],
        [4, 16],
      ],
      initial: [4, 8],
      activations: [true, false],
      scaleRate: [1e-5, 1e-2],
      formRate: [1e-4, 1e-1],
    },
  },
  efficientQat: {
    beside: { group: 8 },
    values: {
      bits: [2, 3],
      group: [4, 8],
      blocks: [1, 2],
      blockwise: [0.3, 0.8],
      scaleRate: [1e-4, 1e-2],
      weightRate: [1e-4, 1e-2],
      endRate: [1e-4, 1e-2],
    },
  },
  l4q: {
    beside: { group: 8, at: 0.3 },
    values: {
      bits: [2, 4],
      group: [4, 8],
      rank: [1, 4],
      alpha: [1, 4, 16],
      at: [0, 0.3],
      adapterRate: [1e-3, 1e-1],
      scaleRate: [1e-4, 1e-2],
    },
  },
  efficientDm: {
    values: {
      bits: [2, 4],
      rank: [1, 4],
      alpha: [1, 4, 16],
      activations: [true, false],
      adapterRate: [1e-3, 1e-1],
      scaleRate: [1e-4, 1e-2],
    },
  },
  qvgen: {
    values: {
      bits: [2, 4],
      rank: [1, 4],
      until: [0.3, 0.8],
      branchRate: [1e-4, 1e-1],
      activations: [true, false],
    },
  },
  mote: {
    model: experts,
    beside: { at: 0.3 },
    values: {
      at: [0, 0.3],
      trains: ['experts', 'all'],
      activations: [true, false],
      experts: ['expert', 'experts.0'],
      routers: ['router', 'layers.0.*router'],
    },
  },
  ifairy: { values: { product: ['conjugate', 'plain'], activations: [true, false] } },
  distillation: {
    beside: { group: 8 },
    values: {
      alpha: [0, 0.5, 1],
      temperature: [1, 4],
      features: [0, 2],
      initial: [false, true],
      bits: [1, 2],
      group: [4, 8],
      levels: ['uniform', 'learned'],
      scaling: ['absmax', 'minmax'],
      rounding: ['nearest-even', 'stochastic'],
    },
  },
  teacherIntervention: {
    values: {
      alpha: [0, 0.5, 1],
      temperature: [1, 4],
      features: [0, 1],
      initial: [false, true],
      bits: [1.58, 2, 4],
      until: [0, 0.3, 0.8],
      activations: [true, false],
    },
  },
};

const made = (name: string, options: Options): Recipe => recipes[name as 'lsq'](options as never);

describe.each(Object.entries(tables))('%s', (name, { model, beside = {}, values }) => {
  it.each(Object.entries(values))('acts by %s', async (option, all) => {
    const traces: string[] = [];
    for (const value of all) {
      const options = { ...beside, [option]: value };
      const recipe = made(name, options);
      expect(recipeFrom({ recipe: name, ...options } as never)).toEqual(recipe);
      traces.push(await traceOf(recipe, 6, model));
    }
    all.forEach((value, i) => {
      const same = traces.indexOf(traces[i]!);
      expect(all[same], `${option}: ${JSON.stringify(all[same])} and ${JSON.stringify(value)}`).toBe(value);
    });
  });
});

it('distillation acts by the rate of levels that are learned', async () => {
  const of = (levelRate: number): Promise<string> =>
    traceOf(recipes.distillation({ levels: 'learned', group: 8, levelRate }), 6);
  expect(await of(1e-3)).not.toBe(await of(1e-1));
});

it.each([
  ['distillation', {}, { levelRate: 1e-2 }],
  ['distillation', { levels: 'uniform' }, { levelRate: 1e-2 }],
  ['distillation', { levels: 'learned' }, { scaling: 'minmax' }],
  ['mote', { trains: 'all' }, { routers: 'router' }],
  ['distillation', { alpha: 1 }, { temperature: 2 }],
  ['teacherIntervention', { alpha: 1 }, { temperature: 2 }],
] as const)('of %s with %j: %j is refused by its name', (name, beside, option) => {
  const [field] = Object.keys(option);
  expect(() => made(name, { ...beside, ...option })).toThrow(new RegExp(`^${field}: got `));
  expect(() => made(name, beside)).not.toThrow();
});

describe('rates of EfficientQAT', () => {
  const options = { group: 8, blockwise: 0.5, scaleRate: 1e-3 };
  /** The same without rates of rules. */
  const plain = (recipe: Recipe): Recipe => ({
    ...recipe,
    phases: recipe.phases.map((phase) => ({
      ...phase,
      rules: phase.rules!.map(({ set: { rates: _, ...set }, ...rule }) => ({ ...rule, set })),
    })),
  });

  it('are those of the run and of the block-wise stage where they are equal to them: the same bits as without', async () => {
    const equal = recipes.efficientQat({ ...options, weightRate: base.learningRate, endRate: 1e-3 });
    expect(await traceOf(equal, 8)).toBe(await traceOf(plain(equal), 8));
  });

  it('are by default those of the paper, beside its rate of steps', () => {
    const ratesOf = (own: object): unknown[] =>
      recipes
        .efficientQat(own)
        .phases.flatMap(({ rules = [] }) => rules.flatMap(({ set }) => (set.rates ? [set.rates] : [])));
    const published = (rate: number): object[] => [{ parameter: rate }, { parameter: rate }, { scale: rate }];
    expect(ratesOf({})).toEqual(published(2e-5));
    expect(ratesOf({ bits: 3 })).toEqual(published(1e-5));
  });

  it.each([
    [
      { parameter: 1e-3 },
      { frozen: true },
      /rates\.parameter: got 0\.001; accepted: nothing, where that is not/,
    ],
    [{ scale: 1e-3 }, {}, /rates\.scale: got 0\.001; accepted: nothing, where that is not trained/],
    [{ parameter: 0 }, {}, /set\.rates\.parameter/],
    [{ step: 1e-3 }, {}, /set\.rates/],
  ])('%j of a rule with %j are refused', async (rates, set, message) => {
    const rules = [{ where: { parameter: '.' }, set: { ...set, rates } }];
    const recipe = { ...recipes.float32(), rules } as Recipe;
    await expect(traceOf(recipe, 1)).rejects.toThrow(message);
  });

  it('of parameters are for the optimiser of the recipe alone', async () => {
    const weight = tf.variable(tf.ones([4, 4]), true, 'layers/0/kernel');
    const rules = [{ where: { parameter: '.' }, set: { rates: { parameter: 1e-3 } } }];
    const descent = {
      optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 },
      schedule: { kind: 'linear', warmup: 0, final: 1 },
      update: { gradient: [] },
    } as const;
    const recipe: Recipe = { ...recipes.float32(descent), rules };
    const handle = await applyRecipe(tf, recipe, { variables: [weight], steps: 2, seed: 1 });
    const optimizer = tf.train.sgd(0.5);
    const loss = () => tf.sum(tf.mul(weight as unknown as Tensor2D, 2)).asScalar();
    try {
      expect(() => optimizer.minimize(loss)).toThrow(/optimizer: .*run\.optimizer\(rate\): rules say how/);
      handle.optimizer(0.5).minimize(loss);
      const f = Math.fround;
      expect(weight.dataSync()[0]).toBe(f(1 - f(f(1e-3) * 2)));
    } finally {
      handle.stop();
      tf.dispose(weight);
      optimizer.dispose();
    }
  });
});

describe('linear scaling of distillation', () => {
  it.each([1, 2, 4])('in %d bits is the range of a bucket with a zero point: plain loops', async (bits) => {
    const [inputs, outputs, group] = [12, 3, 8];
    const { teacher: _, ...recipe } = recipes.distillation({ bits, group, scaling: 'minmax' });
    const { objective: _o, ...phase } = recipe.phases[0]!;
    const bare: Recipe = { ...recipe, phases: [phase], extraNorm: null };
    // A column has both signs, one only the upper, one only the lower.
    const w = numbers(inputs * outputs, 5).map((v, i) => [v, Math.abs(v), -Math.abs(v)][i % outputs]!);
    const weight = tf.variable(tf.tensor2d(w, [inputs, outputs]), true, 'layer/kernel');
    const handle = await applyRecipe(tf, bare, { variables: [weight], steps: 1, seed: 1 });
    const image = tf.tidy(() =>
      tf
        .matMul(tf.eye(inputs), weight as unknown as Tensor2D)
        .dataSync()
        .slice(),
    );
    handle.stop();
    tf.dispose(weight);
    const f = Math.fround;
    const high = 2 ** bits - 1;
    for (let o = 0; o < outputs; o++)
      for (let from = 0; from < inputs; from += group) {
        const own = Array.from(
          { length: Math.min(group, inputs - from) },
          (_one, k) => (from + k) * outputs + o,
        );
        const ends = [Math.min(0, ...own.map((i) => w[i]!)), Math.max(0, ...own.map((i) => w[i]!))] as const;
        const scale = f((ends[1] - ends[0]) / high);
        const zero = Math.min(nearest(-ends[0] / scale), high);
        for (const i of own) {
          const code = Math.min(high, Math.max(0, nearest(f(w[i]! / scale)) + zero));
          expect(image[i]).toBe(f((code - zero) * scale));
        }
      }
  });
});

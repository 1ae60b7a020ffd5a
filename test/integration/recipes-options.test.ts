/**
 * Every option of the recipes of states, updates, noise and what is kept: in a run of some steps of a tiny model each value of an option does something
 * else than the others, or says that it is refused; from a call and from a file it is the same recipe. What is at an end of what is
 * accepted trains, or is refused by its name.
 */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import {
  checkTraining,
  DivergenceError,
  type Recipe,
  recipeFrom,
  recipes,
  textData,
} from '../../src/train/index.ts';
import type { MomentCodecs } from '../../src/train/optimizers/index.ts';
import { settingsOf } from '../../src/train/run-settings.ts';
import { TrainingRun } from '../../src/train/training-run.ts';

beforeAll(async () => {
  await wasmBackend();
});

const model = {
  ...{ name: 'test', width: 8, layers: 2, heads: 2, hidden: 16, context: 8, sequences: 2 },
  learningRate: 0.02,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(20));

/** What a run of some steps leaves: losses, weights, states, bytes. */
async function traceOf(recipe: Recipe, steps: number): Promise<string> {
  const options = { tf, model, data, recipe, steps, seed: 1 };
  checkTraining({ model, data, recipe, steps, seed: 1 });
  const run = new TrainingRun(options, settingsOf(options));
  try {
    for (let t = 0; t < steps; t++) await run.step();
    const { engine, weights, optimizer, losses } = run;
    const held = [...weights.save()].map(([name, { data }]) => [name, Buffer.from(data).toString('base64')]);
    return JSON.stringify({
      ...{ losses, held, weights: weights.bytes, states: optimizer.stateBytes, saved: engine.savedBytes },
      inference: recipe.inference,
    });
  } finally {
    run.dispose();
  }
}

type Options = Readonly<Record<string, unknown>>;

interface Table {
  /** What stands beside every option, so that it has something to act on. */
  readonly base?: Options;
  readonly steps?: number;
  /** Values of each option, the default among them or not: no two do the same. With other options beside them, a list of two. */
  readonly values: Readonly<Record<string, readonly unknown[]>>;
  /** Beside the values of one option. */
  readonly beside?: Readonly<Record<string, Options>>;
}

const low = { least: 0 };
/** What every recipe takes, for one of them. */
const common = {
  extraNorm: [null, { kind: 'layer', where: 'all' }],
  schedule: ['two-stage', { kind: 'cosine', warmup: 0, final: 1 }],
  optimizer: [{ beta1: 0.5 }, { weightDecay: 0 }],
};
const update = [{ gradient: [] }, { gradient: [{ kind: 'unitNorm' }] }];

const tables: Readonly<Record<string, Table>> = {
  adam8bit: {
    base: low,
    values: {
      ...common,
      update,
      block: [1, 16, 2048],
      least: [0, 100, 2 ** 31],
      map: ['dynamic', 'linear'],
      embedding: ['8-bit', '32-bit'],
    },
  },
  coat: {
    base: low,
    values: {
      block: [1, 16, 128],
      expansion: [true, false],
      group: [1, 8],
      operands: ['fp8', 'float32'],
      activations: ['fp8', 'float32'],
      least: [0, 100, 2 ** 31],
    },
  },
  mantissaMask: {
    values: { mantissaBits: [1, 3, 22, 23], rounding: ['toward-zero', 'nearest-even'] },
  },
  stableSpam: {
    base: { resetEvery: 3, warmup: 2 },
    values: {
      operands: ['float32', 'bfloat16', 'int4', 'fp4'],
      resetEvery: [1, 2, 3],
      warmup: [0, 2, 5],
      clipDecay: [0, 0.5, 0.999],
      decay1: [0, 0.7, 0.85],
      decay2: [0, 0.9, 0.99999],
      fadeTo: [0, 0.5, 1],
    },
  },
  spam: {
    base: { resetEvery: 3, warmup: 2 },
    values: {
      operands: ['float32', 'bfloat16', 'int4', 'fp4'],
      resetEvery: [1, 2, 3],
      warmup: [0, 2, 5],
      threshold: [1e-6, 0.5, 5000],
    },
  },
  galore: {
    base: { rank: 4, period: 2 },
    values: {
      rank: [1, 4, 8],
      period: [1, 2, 200],
      scale: [0.25, 1e-30, 2],
      of: ['linear', 'all'],
    },
  },
  qGalore: {
    base: { rank: 4, period: 1 },
    values: {
      rank: [1, 4, 8],
      period: [1, 2, 200],
      scale: [0.25, 2],
      of: ['linear', 'all'],
      threshold: [0, 1],
      queue: [1, 3, 1000],
      group: [8, 64],
    },
    beside: { threshold: { queue: 1 }, queue: { threshold: 0 } },
  },
  gaussianWeightSampling: {
    values: {
      target: [3, 4],
      initial: [7, 8],
      learn: [true, false],
      learningRate: [1e-3, 0.5],
      penalty: [1e-4, 10],
      cast: ['bfloat16', 'e4m3fn', 'e3m2'],
    },
  },
  diffQ: {
    values: {
      bits: [4, 8],
      range: [
        [2, 15],
        [3, 9],
      ],
      group: [1, 8],
      learn: [true, false],
      learningRate: [1e-3, 0.5],
      penalty: [1e-3, 1e4],
      noise: ['gaussian', 'uniform'],
    },
  },
  qas: {
    values: {
      optimizer: [{ momentum: 0.9 }, { weightDecay: 0.5 }],
      scaling: [true, false],
      rounding: ['stochastic', 'nearest-even'],
      per: ['channel', 'tensor'],
      blocks: [0, 1, 2],
      channels: [0.25, 1],
    },
  },
  mesa: {
    base: low,
    values: {
      groups: [1, 2, 4],
      decay: [0, 0.9],
      rounding: ['nearest-even', 'stochastic'],
      least: [0, 300, 2 ** 31],
      exempt: [[], ['layers.0.**']],
    },
  },
  adaPT: {
    base: { lookback: [1, 2], bins: [4, 9], buffer: 2 },
    steps: 9,
    values: {
      word: [7, 8, 12],
      fraction: [2, 4],
      gradients: ['weights', 'all', 'float32'],
      normalize: [true, false],
      lookback: [
        [1, 2],
        [3, 3],
      ],
      buffer: [1, 23],
      tolerance: [0, 10],
    },
    beside: { word: { fraction: 6 }, buffer: { fraction: 6 } },
  },
  dqt: {
    base: { bits: 8 },
    values: {
      bits: [1.58, 2, 4, 8, 16],
      eco: [true, false],
      environment: ['float32', 'bfloat16', 'fp8'],
      rounding: ['stochastic', 'nearest-even'],
      range: ['absmean', { deviations: 4 }],
      of: ['linear', 'all', { match: 'down' }],
      activations: [true, false],
      ternaryInference: [true, false],
    },
  },
};

/** Formats of stores, with feedback and without. */
const stores = [
  'ternary',
  'int4',
  'int8',
  'e4m3fn',
  'e5m2',
  'e3m2',
  'posit8',
  'posit16',
  'binary16',
  'bfloat16',
  'nf4',
];

const recipeOf = (name: string, options: Options): Recipe => recipes[name as 'coat'](options as never);

describe.each(Object.entries(tables))('%s', (name, { base = {}, steps = 5, values, beside = {} }) => {
  it.each(Object.entries(values))('acts by %s', async (option, all) => {
    const traces: string[] = [];
    for (const value of all) {
      const options = { ...base, ...beside[option], [option]: value };
      const recipe = recipeOf(name, options);
      expect(recipeFrom({ recipe: name, ...options } as never)).toEqual(recipe);
      traces.push(await traceOf(recipe, steps));
    }
    all.forEach((value, i) => {
      const same = traces.indexOf(traces[i]!);
      expect(all[same], `${option}: ${JSON.stringify(all[same])} and ${JSON.stringify(value)}`).toBe(value);
    });
  });
});

describe('stores of dqt', () => {
  it.each(stores)('%s is one of its own, with feedback and without', async (store) => {
    const traces = new Set<string>();
    for (const eco of [false, true]) {
      const options = { store, eco };
      const recipe = recipeOf('dqt', options);
      expect(recipeFrom({ recipe: 'dqt', ...options } as never)).toEqual(recipe);
      traces.add(await traceOf(recipe, 3));
    }
    expect(traces.size).toBe(2);
  });
});

describe('an option that has nothing to act on beside another', () => {
  it.each([
    ['adam8bit', { per: 'tensor' }, { block: 64 }],
    ['coat', { activations: 'float32' }, { group: 8 }],
    ['coat', { optimizer: { kind: 'sgd', momentum: 0 } }, { block: 64 }],
    ['coat', { optimizer: { kind: 'sgd', momentum: 0 } }, { expansion: false }],
    ['qGalore', { adaptive: false }, { threshold: 0.5 }],
    ['qGalore', { adaptive: false }, { queue: 3 }],
    ['gaussianWeightSampling', { learn: false }, { initial: 8 }],
    ['gaussianWeightSampling', { learn: false }, { penalty: 1 }],
    ['gaussianWeightSampling', { learn: false }, { learningRate: 1 }],
    ['diffQ', { learn: false }, { range: [3, 9] }],
    ['diffQ', { learn: false }, { penalty: 1 }],
    ['diffQ', { learn: false }, { learningRate: 1 }],
  ] as const)('of %s with %j: %j is refused by its name', (name, beside, option) => {
    const [field] = Object.keys(option);
    expect(() => recipeOf(name, { ...beside, ...option })).toThrow(new RegExp(`^${field}: got `));
    expect(() => recipeOf(name, beside)).not.toThrow();
  });
});

it('adam8bit acts by per', async () => {
  const traces: string[] = [];
  for (const option of [{ block: 16 }, { per: 'block', block: 16 }, { per: 'tensor' }])
    traces.push(await traceOf(recipeOf('adam8bit', { ...low, ...option }), 5));
  const [usual, block, tensor] = traces;
  expect(block).toBe(usual);
  expect(tensor).not.toBe(usual);
});

it('the period of qGalore doubles, or stays where adaptive is false', async () => {
  const base = { rank: 4, period: 1 };
  const stays = await traceOf(recipeOf('qGalore', { ...base, adaptive: false }), 5);
  expect(await traceOf(recipeOf('qGalore', { ...base, queue: 1, threshold: 0 }), 5)).not.toBe(stays);
});

describe('optimisers of other kinds', () => {
  it('have the moments that they keep in 8 bits', () => {
    const held = (name: string, kind: string) => {
      const { first, second } = recipeOf(name, { optimizer: { kind } }).optimizer as MomentCodecs;
      return [first?.kind, second?.kind];
    };
    for (const name of ['adam8bit', 'qGalore']) {
      expect(held(name, 'adamw')).toEqual(['dynamic8', 'dynamic8']);
      expect(held(name, 'adafactor')).toEqual([undefined, 'dynamic8']);
      for (const kind of ['sgd', 'lion']) expect(held(name, kind)).toEqual(['dynamic8', undefined]);
    }
    expect(() => recipeOf('adam8bit', { optimizer: { kind: 'sgd', momentum: 0 } })).toThrow(
      /^optimizer\.momentum: got 0/,
    );
  });

  it('train an integer graph', async () => {
    for (const kind of ['adamw', 'lion', 'adafactor']) {
      const recipe = recipeOf('qas', { optimizer: { kind } });
      expect(recipe.optimizer).toMatchObject({ kind, weightDecay: 0 });
      expect(recipe.title).toContain(kind);
      await traceOf(recipe, 2);
    }
  });
});

/** Ends of numbers, and what is none. */
const ends: readonly unknown[] = [
  0,
  1,
  -1,
  0.5,
  1.5,
  NaN,
  Infinity,
  1e300,
  2 ** 31,
  '',
  '1',
  [],
  {},
  true,
  null,
];

describe.each(Object.entries(tables))('%s at the ends', (name, { base = {}, values }) => {
  it.each(Object.keys(values).filter((option) => !(option in common) && option !== 'update'))(
    'of %s trains or is refused by its name',
    async (option) => {
      for (const value of ends) {
        const options = { ...base, [option]: value };
        let refusal: unknown;
        try {
          await traceOf(recipeOf(name, options), 1);
        } catch (error) {
          if (error instanceof DivergenceError) continue;
          refusal = error;
        }
        if (refusal === undefined) continue;
        expect(refusal, `${option}: ${String(value)}`).toBeInstanceOf(ArgumentError);
        // In the words of the recipe's user.
        expect((refusal as ArgumentError).message, `${option}: ${String(value)}`).toContain(option);
      }
    },
  );
});

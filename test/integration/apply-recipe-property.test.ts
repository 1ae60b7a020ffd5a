/**
 * One property over recipes and programs: a run that was resumed, evaluated in between or stopped has the bits of the plain one,
 * and leaves TensorFlow.js as it was.
 */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { type LinearSlots, type Recipe, type RecipeRun, recipes } from '../../src/train/index.ts';
import { zooFp4 } from '../zoo-fp4.ts';
import { interrupted, isTaken, programs, trained } from './apply-recipe-programs.ts';

beforeAll(async () => {
  await wasmBackend();
});

const steps = 6;

const nvfp4 = {
  format: 'e2m1',
  scale: { per: 'block', size: 16, from: 'absmax', format: 'e4m3fn', tensorScale: true },
} as const;
const mxfp4 = { format: 'e2m1', scale: { per: 'block', size: 32, from: 'absmax', format: 'e8m0' } } as const;
const stochastic = 'stochastic';
/** Signs drawn anew in every step; the blocks are as small as the smallest batch. */
const turned = { transform: { name: 'hadamard', size: 8, seed: 'step' }, invert: false } as const;

function sloted(name: string, linear: LinearSlots): Recipe {
  const [phase] = recipes.float32().phases;
  return { ...recipes.float32({ extraNorm: null }), name, phases: [{ ...phase!, linear }] };
}

const every: Readonly<Record<string, Recipe>> = {
  mxfp4: sloted('mxfp4', {
    forward: { x: mxfp4, w: mxfp4 },
    inputGradient: { g: { ...mxfp4, rounding: stochastic }, w: mxfp4 },
    weightGradient: { g: { ...mxfp4, rounding: stochastic }, x: { ...mxfp4, of: 'image' } },
  }),
  nvfp4: sloted('nvfp4', {
    forward: { x: nvfp4, w: nvfp4 },
    inputGradient: { g: { ...nvfp4, rounding: stochastic }, w: 'same' },
    weightGradient: { g: { ...nvfp4, rounding: stochastic }, x: nvfp4 },
  }),
  'nvfp4, rotated': sloted('nvfp4-rotated', {
    forward: { x: nvfp4, w: nvfp4 },
    inputGradient: { g: { ...nvfp4, rounding: stochastic }, w: 'same' },
    weightGradient: { g: { ...nvfp4, rounding: stochastic, ...turned }, x: { ...nvfp4, ...turned } },
  }),
  'every place': sloted('every-place', {
    forward: {
      x: { norm: 'rms', format: 'int8', scale: { per: 'row', from: 'absmax' }, gradient: 'clipped' },
      w: {
        format: 'int4',
        scale: { per: 'row', from: 'absmax' },
        gradient: { name: 'dge', sharpness: 5, clip: 3 },
      },
      y: { format: 'bfloat16' },
      accumulate: { products: 'exact', accumulate: 'binary16' },
    },
    inputGradient: {
      g: { format: 'e5m2' },
      w: 'same',
      dx: { format: 'bfloat16', rounding: stochastic },
      accumulate: 'bfloat16',
    },
    weightGradient: { g: null, x: 'same', dw: { format: 'bfloat16' }, accumulate: 'exact' },
  }),
  'moving averages and delayed scales': sloted('remembering', {
    forward: {
      x: {
        format: 'int8',
        scale: { per: 'tensor', from: 'absmax', decay: 0.9 },
        gradient: 'clipped',
      },
      w: { format: 'e4m3fn', scale: { per: 'tensor', from: 'absmax', history: { length: 2 } } },
    },
    inputGradient: {
      g: {
        format: 'e5m2',
        rounding: stochastic,
        scale: { per: 'tensor', from: 'absmax', history: { length: 3, take: 'latest' } },
      },
      w: 'same',
    },
    weightGradient: {
      g: null,
      x: 'same',
      dw: { format: 'int8', scale: { per: 'tensor', from: 'rms', multiplier: 4, decay: 0.5 } },
    },
  }),
  'learned scales': sloted('learned-scales', {
    forward: {
      x: {
        format: 'int4',
        scale: { per: 'tensor', from: 'learned', initial: 'minmax' },
        gradient: 'lsq',
        learn: [
          { of: 'scale', learningRate: 1e-3 },
          { of: 'zeroPoint', learningRate: 1e-2 },
        ],
      },
      w: {
        format: 'int4',
        rounding: stochastic,
        scale: { per: 'tensor', from: 'learned' },
        gradient: 'lsq',
        learn: [{ of: 'scale', learningRate: 1e-3 }],
      },
    },
    inputGradient: { g: null, w: 'same' },
    weightGradient: { g: null, x: 'same' },
  }),
  events: {
    ...recipes.float32(),
    name: 'events',
    values: {
      'optimizer.beta1': {
        kind: 'linear',
        points: [
          [0, 0.5],
          [0.8, 0.9],
        ],
      },
    },
    events: [
      { at: 1, every: 2, do: [{ reset: 'moments' }, { rewarm: 2, shape: 'cosine' }] },
      {
        at: 0.5,
        do: [
          {
            switch: [
              { where: { role: 'all' }, set: { forward: { x: mxfp4 }, weightGradient: { x: 'same' } } },
            ],
          },
          { freeze: { role: 'all', depth: [0, 0] } },
        ],
      },
    ],
  },
  ...zooFp4(),
  float32: recipes.float32(),
  bfloat16: recipes.bfloat16(),
  bitnet: recipes.bitnet(),
  transition: recipes.bitnetTransition({ at: 0.5 }),
  'transition, reset and re-warmed': recipes.bitnetTransition({
    at: 0.5,
    optimizerState: 'reset',
    rewarm: 0.4,
  }),
  'transition, phased in': recipes.bitnetTransition({ at: 0.4, phaseIn: { kind: 'tanh', over: 0.5 } }),
  'transition, norm at the switch': recipes.bitnetTransition({
    at: 0.5,
    extraNorm: { kind: 'layer', where: 'all', when: 'switch' },
  }),
  'dqt 8': recipes.dqt({ bits: 8 }),
  'dqt 4': recipes.dqt({ bits: 4 }),
  'dqt 3, all': recipes.dqt({ bits: 3, of: 'all' }),
  'dqt ternary': recipes.dqt({ bits: 1.58 }),
  'dqt in e4m3fn, eco, bfloat16': recipes.dqt({ store: 'e4m3fn', eco: true, environment: 'bfloat16' }),
  'dqt in binary16, fp8': recipes.dqt({ store: 'binary16', environment: 'fp8' }),
  adam8bit: recipes.adam8bit(),
  'adam8bit, small blocks': recipes.adam8bit({ least: 0, block: 16 }),
  'adam8bit, linear': recipes.adam8bit({ least: 0, map: 'linear', per: 'tensor' }),
  qas: recipes.qas({ blocks: 1, channels: 0.5 }),
  mesa: recipes.mesa({ groups: 2, least: 0 }),
  'mesa, stochastic': recipes.mesa({ groups: 1, decay: 0.5, rounding: 'stochastic', least: 0 }),
  coat: recipes.coat({ block: 16, group: 4, least: 0 }),
  mantissaMask: recipes.mantissaMask(),
  spam: recipes.spam({ operands: 'int4', resetEvery: 2, warmup: 2 }),
  stableSpam: recipes.stableSpam({ operands: 'fp4', resetEvery: 3, fadeTo: 0.5 }),
  lsq: recipes.lsq({ bits: 2, activations: 'affine', scaleRate: 1e-2 }),
  whitepaperQat: recipes.whitepaperQat({ weightBits: 4, delay: 0.5 }),
  gaqat: recipes.gaqat({ bits: 2, per: 'row', window: 2, above: 0, optimizer: { kind: 'sgd', momentum: 0 } }),
  geta: recipes.geta({ bits: [3, 8], scaleRate: 1e-3, formRate: 1e-2 }),
  ifairy: recipes.ifairy(),
  l4q: recipes.l4q({ group: 4, rank: 2 }),
  'l4q of weights that are never moved': recipes.l4q({ group: 4, rank: 2, at: 0 }),
  qvgen: recipes.qvgen({ rank: 2, until: 0.5 }),
  galore: recipes.galore({ rank: 2, period: 2 }),
  qGalore: recipes.qGalore({ rank: 2, period: 2, queue: 1 }),
  adaPT: recipes.adaPT({ lookback: [1, 2], bins: [4, 100], tolerance: 0.1 }),
  'adaPT, all gradients': recipes.adaPT({
    lookback: [2, 3],
    word: 20,
    fraction: 16,
    gradients: 'all',
    normalize: true,
  }),
  gaussianWeightSampling: recipes.gaussianWeightSampling({ learningRate: 0.1 }),
  'gaussianWeightSampling, fixed': recipes.gaussianWeightSampling({ learn: false, cast: 'e4m3fn' }),
  diffQ: recipes.diffQ({ learningRate: 0.1, penalty: 1000 }),
};

const isOwn = (recipe: Recipe): boolean =>
  recipe.update?.project !== undefined || JSON.stringify(recipe).includes('"feedback":"momentum"');

/** The recipe's own optimiser, or one of TensorFlow.js. */
const optimizerOf = (own: boolean) => (run: RecipeRun) => (own ? run.optimizer(0.01) : tf.train.adam(0.01));

describe.each(Object.keys(programs))('%s', (name) => {
  const cases = Object.entries(every).filter((_, i) => isTaken(name, i, 2));
  describe.each(cases)('%s', (title, recipe) => {
    // Projections and feedback are of the recipe's own optimiser.
    const isForeign = !isOwn(recipe) && isTaken(name, Object.keys(every).indexOf(title));
    it.each(isForeign ? [true, false] : [true])(
      'a run that is resumed and evaluated has the bits of the plain one (own optimiser: %s)',
      async (own) => {
        const plain = await trained(name, recipe, steps, optimizerOf(own));
        for (const loss of plain.losses) expect(loss).not.toBeNaN();
        expect(await trained(name, recipe, steps, optimizerOf(own), interrupted)).toEqual(plain);
      },
    );
  });
});

/** The recipes of four bits against scalar oracles that share no code with the library, bit for bit, over two steps. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { round } from '../../src/operations/index.ts';
import {
  type QuantizerOptions,
  quantizer,
  sparseTerm,
  type TransformData,
  transform,
} from '../../src/quantizers/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe, recipes } from '../../src/train/index.ts';
import { gaussians } from '../../src/train/random.ts';
import type { Nvfp4Options } from '../../src/train/recipes/index.ts';
import { fp4Design, type Point } from '../oracles/recipes/fp4-design.ts';
import { firstMoment, fp4Dge, secondMoment, slope } from '../oracles/recipes/fp4-dge.ts';
import { type Direction, mxfp4 } from '../oracles/recipes/mxfp4.ts';
import { brief, briefForward, type Nvfp4Variant, nvfp4 } from '../oracles/recipes/nvfp4.ts';
import { quartet } from '../oracles/recipes/quartet.ts';
import { quest, questWeights } from '../oracles/recipes/quest.ts';
import { expectOracle, type NetSizes } from './recipes-oracle.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** Whole blocks, and shapes that no block divides. */
const whole: NetSizes = { tokens: 32, inputs: 64, hidden: 32, outputs: 32 };
const ragged: NetSizes = { tokens: 23, inputs: 40, hidden: 37, outputs: 19 };
const plain = { extraNorm: null, schedule: { kind: 'step', at: 0.5, before: 1, after: 1 } } as const;
const unclipped = { ...plain, optimizer: { clipNorm: 1e30 } } as const;

describe.each([
  ['whole blocks', whole],
  ['ragged blocks', ragged],
])('%s', (_, sizes) => {
  it('nvfp4', () => expectOracle(tf, recipes.nvfp4(plain), nvfp4(), sizes));
  it('mxfp4', () => expectOracle(tf, recipes.mxfp4(plain), mxfp4({}), sizes));
  it('mxfp4, stochastic', () =>
    expectOracle(
      tf,
      recipes.mxfp4({ ...plain, rounding: 'stochastic' }),
      mxfp4({ isStochastic: true }),
      sizes,
    ));
  it('mxfp4, stochastic without clipping, rotated', () =>
    expectOracle(
      tf,
      recipes.mxfp4({ ...plain, rounding: 'stochastic', prescale: 0.75, hadamard: 'step' }),
      mxfp4({ isStochastic: true, prescale: 0.75, isTurned: true }),
      sizes,
    ));
  it('quartet', () => expectOracle(tf, recipes.quartet(plain), quartet(), sizes));
  it.each(['nearest-even', 'aligned'] as const)('quartet, backward %s', (backward) =>
    expectOracle(tf, recipes.quartet({ ...plain, backward }), quartet({ backward }), sizes),
  );
  it('quartet, stochastic forward', () =>
    expectOracle(
      tf,
      recipes.quartet({ ...plain, forward: 'stochastic' }),
      quartet({ forward: 'stochastic' }),
      sizes,
    ));
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('quest, %i bits', (bits) =>
    expectOracle(tf, recipes.quest({ ...plain, bits }), quest(bits), sizes),
  );
  it('fp4 with estimator, outliers and moments in few bits', () =>
    expectOracle(tf, recipes.fp4Dge(plain), fp4Dge(), sizes, { first: firstMoment, second: secondMoment }));
  it('fp4 with estimator, float32 moments', () =>
    expectOracle(tf, recipes.fp4Dge({ ...plain, outliers: 0.9, moments: 'float32' }), fp4Dge(0.9), sizes));
  // Scales of ue5m3 reach from 2^-17 to 2^16: gradients must lie there.
  it('fp4 design', () =>
    expectOracle(tf, recipes.fp4Design(unclipped), fp4Design(), sizes, { lossScale: 1 }));
  it.each<Point & { readonly lossScale: number }>([
    { lossScale: 1 },
    { lossScale: 2 ** -15 },
    { lossScale: 2 ** -20, scaleFormat: 'e4m3fn', hadamard: 'backward', estimator: 'dge' },
    { lossScale: 2 ** -15, scaleFormat: 'e5m2', tensorScale: true, outliers: 0.9 },
  ])('fp4 design, the loss scaled, %j', async ({ lossScale, ...point }) => {
    const recipe = recipes.fp4Design({ ...unclipped, ...point, lossScale: true });
    await expectOracle(tf, recipe, fp4Design(point), sizes, { lossScale, scale: 2 ** 15 });
    // Without it gradients so small are others: below what scales of blocks reach.
    if (lossScale === 2 ** -20)
      await expect(expectOracle(tf, recipe, fp4Design(point), sizes, { lossScale })).rejects.toThrow();
  });
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('quest, weights only, %i bits', (bits) =>
    expectOracle(tf, recipes.quest({ ...plain, bits, activations: false }), questWeights(bits), sizes),
  );

  it.each<Nvfp4Variant>([
    { hadamard: 'none' },
    { hadamard: 'step' },
    { rounding: 'nearest-even' },
    { weights: 'block' },
    { rowScaled: true },
    ...(['weights', 'activations', 'all'] as const).flatMap((of) =>
      (['mae', 'mse'] as const).flatMap((error) =>
        ([448, 256] as const).map((scaleMax) => ({ fourOverSix: { of, error, scaleMax } })),
      ),
    ),
    { fourOverSix: { of: 'all', error: 'mae', scaleMax: 448 }, weights: 'block', rowScaled: true },
    { fourOverSix: { of: 'all', error: 'mse', scaleMax: 256 }, hadamard: 'none', rounding: 'nearest-even' },
  ])('nvfp4 with %j', (variant) =>
    expectOracle(tf, recipes.nvfp4({ ...plain, ...variant } as Nvfp4Options), nvfp4(variant), sizes),
  );

  it.each([
    [{ at: 0.5 }, brief],
    [{ at: 0.5, of: 'all' }, brief],
    [{ at: 0.5, of: 'forward' }, briefForward],
  ] as const)('nvfp4 that finishes %j', (finish, end) => {
    const oracle = (step: number) => (step < 2 ? ([nvfp4(), nvfp4()] as const) : ([end, end] as const));
    return expectOracle(tf, recipes.nvfp4({ ...plain, finish }), oracle, sizes, { steps: 4 });
  });

  it.each([
    [{ first: 1 }, [brief, nvfp4()]],
    [{ last: 1 }, [nvfp4(), brief]],
    [{ first: 1, last: 1 }, [brief, brief]],
  ] as const)('nvfp4 with blocks %j exempt', async (exempt, layers) => {
    const recipe = recipes.nvfp4({ ...plain, exempt });
    for (const names of [undefined, ['blocks.0.up/kernel', 'blocks.1.up/kernel']] as const)
      await expectOracle(tf, recipe, () => layers, sizes, names === undefined ? {} : { names });
  });

  it.each(
    (['floor', 'ceil', 'even', 'rceil'] as const).flatMap((direction) => [
      { direction },
      { direction, rounding: 'stochastic', prescale: 0.75, hadamard: 'step' } as const,
    ]),
  )('mxfp4 with %j', (options) => {
    const isStochastic = 'rounding' in options;
    const more = isStochastic ? { isStochastic, prescale: 0.75, isTurned: true } : {};
    const { direction }: { direction: Direction } = options;
    return expectOracle(tf, recipes.mxfp4({ ...plain, ...options }), mxfp4({ direction, ...more }), sizes);
  });

  it.each(['nearest-even', 'aligned'] as const)('quartet, stochastic forward, backward %s', (backward) => {
    const options = { forward: 'stochastic', backward } as const;
    return expectOracle(tf, recipes.quartet({ ...plain, ...options }), quartet(options), sizes);
  });

  it.each<Point>([
    { hadamard: 'none' },
    { hadamard: 'backward' },
    { hadamard: 'all' },
    { rounding: 'nearest-even' },
    { estimator: 'clipped' },
    { estimator: 'dge' },
    { outliers: 0.9 },
    { size: 32 },
    { size: 24, hadamard: 'all' },
    ...(['e4m3fn', 'e5m2', 'e8m0', 'binary32'] as const).flatMap((scaleFormat) => [
      { scaleFormat },
      { scaleFormat, size: 32, hadamard: 'backward', estimator: 'dge', outliers: 0.9 } as const,
      { scaleFormat, hadamard: 'all', rounding: 'nearest-even' } as const,
    ]),
    ...(['e4m3fn', 'ue5m3', 'e5m2'] as const).flatMap((scaleFormat) => [
      { scaleFormat, tensorScale: true },
      { scaleFormat, tensorScale: true, size: 32, hadamard: 'all', rounding: 'nearest-even' } as const,
      { scaleFormat, tensorScale: true, estimator: 'clipped', outliers: 0.95, hadamard: 'none' } as const,
    ]),
  ])('fp4 design %j', (point) =>
    expectOracle(tf, recipes.fp4Design({ ...unclipped, ...point }), fp4Design(point), sizes, {
      lossScale: 1,
    }),
  );
});

it('the estimator has the factors of the reference code for its own test', () => {
  // In bfloat16, as it is printed there; the largest element is on the edge.
  const brief = (x: number) => round(x, 'bfloat16');
  const x = Float32Array.from({ length: 20 }, (_, i) => brief(-6 + (12 * i) / 19));
  const published = [...[0.2002, 0.4375, 0.6055, 0.2168, 1.8359, 0.2695, 0.3027, 0.2695, 0.2402, 0.5781]];
  const { w } = recipes.fp4Dge().phases[0]!.linear.forward;
  const made = quantizer(w as QuantizerOptions);
  const factors = made.pullback(made.explain(x, [1, 20]), new Float32Array(20).fill(1)).x;
  const printed = Array.from(factors, (factor) => Number(brief(factor).toFixed(4)));
  expect(printed.slice(0, 10)).toEqual(published);
  expect(printed.slice(10)).toEqual([...published].reverse());
  for (const [i, each] of x.entries()) expect(Math.abs(factors[i]! - slope(each))).toBeLessThan(1e-6);
});

it('clamped activations and what was cut off are the activations', () => {
  const x = gaussians(4096, 1, 9, 'outliers').map((each, i) => (i % 100 === 0 ? each * 20 : each));
  const { x: operand } = recipes.fp4Dge().phases[0]!.linear.forward;
  const parted = transform(operand!.transform as TransformData);
  const { values, residue } = parted.forward(x, [64, 64]);
  const { indices, values: term } = sparseTerm(residue);
  // Beyond the quantiles lie one in a hundred on either side.
  expect(indices.length / x.length).toBeGreaterThan(0.015);
  expect(indices.length / x.length).toBeLessThan(0.025);
  expect([...parted.inverse(values, [64, 64], residue)]).toEqual([...x]);
  const sum = Float64Array.from(values);
  indices.forEach((place, i) => {
    sum[place]! += term[i]!;
  });
  // The term is rounded once: exact but for that.
  x.forEach((each, i) => {
    expect(Math.abs(sum[i]! - each)).toBeLessThanOrEqual(Math.abs(each) * 2 ** -24);
  });
});

/** A recipe whose formats are exact: no rounding, no scale; what is left are rotations and masks that nothing clips. */
function exact(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(exact);
  if (typeof given !== 'object' || given === null) return given;
  const { format, scale: _scale, rounding: _rounding, ...rest } = given as Record<string, unknown>;
  const others = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, exact(value)]));
  return format === undefined ? { ...(given as object), ...others } : { ...others, format: 'binary32' };
}

it('quartet with exact formats is training without any, where rotations are exact', async () => {
  // Rotations of 16 of small integers are exact, as are sums of their products.
  const { phases, ...rest } = recipes.quartet(plain);
  const text = JSON.stringify(exact(phases)).replaceAll('"size":32', '"size":16');
  const recipe = { ...rest, phases: JSON.parse(text) as Recipe['phases'] };
  const whole = (rows: number, columns: number, seed: number) =>
    tf.tidy(() => tf.randomUniform([rows, columns], -3, 4, 'int32', seed).toFloat()) as Tensor2D;
  const gradients = async (given: Recipe) => {
    const [x, w1, w2] = [whole(16, 32, 1), whole(32, 48, 2), whole(48, 16, 3)];
    const variables = [w1, w2].map((w, i) => tf.variable(w, true, `${['first', 'second'][i]}/kernel`));
    const run = await applyRecipe(tf, given, { variables, steps: 1, seed: 1 });
    const { value, grads } = tf.variableGrads(() => {
      const h = tf.matMul(x, variables[0] as Tensor2D);
      return tf.sum(tf.matMul(h, variables[1] as Tensor2D)).asScalar();
    });
    const found = [value, ...Object.values(grads)].map((tensor) => [...tensor.dataSync()]);
    run.stop();
    tf.dispose([x, w1, w2, ...variables, value, grads]);
    return found;
  };
  const plainly = await gradients(recipes.float32({ extraNorm: null }));
  expect(await gradients(recipe)).toEqual(plainly);
  expect(plainly[1]!.some((g) => g !== 0)).toBe(true);
});

it('the gain of the aligned variant undoes what rounding takes of normal blocks', () => {
  const x = gaussians(2 ** 18, 1, 5, 'alignment');
  const { scale, format } = recipes.quartet({ backward: 'aligned' }).phases[0]!.linear.inputGradient.g!;
  const alignmentOf = (more: object): number => {
    const made = quantizer({ format: format!, scale: { ...scale!, ...more } });
    const values = made.fakeQuantize(x, [x.length / 32, 32]);
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, each, i) => sum + each * b[i]!, 0);
    return dot(values, x) / dot(x, x);
  };
  expect(alignmentOf({ gain: 1 })).toBeLessThan(0.9915);
  expect(Math.abs(alignmentOf({}) - 1)).toBeLessThan(1e-3);
});

it('stochastic blocks under 3/4 have the operand as their mean, and without it what clips is missing', () => {
  const block = Float32Array.from({ length: 32 }, (_, i) => 7.9 - 0.4 * i);
  const meanOf = (prescale: number): Float64Array => {
    const made = quantizer({
      ...{ format: 'e2m1', rounding: 'stochastic' },
      scale: { per: 'block', size: 32, from: 'absmax', format: 'e8m0', prescale },
    } as const);
    const sums = new Float64Array(32);
    for (let k = 0; k < 20_000; k++)
      made.fakeQuantize(block, [32], undefined, { seed: 1, stream: k }).forEach((value, i) => {
        sums[i]! += value;
      });
    return sums.map((sum) => sum / 20_000);
  };
  const [with34, without] = [meanOf(0.75), meanOf(1)];
  // A step is at most 2 / 0.75: five standard errors of a mean are below 0.05.
  block.forEach((x, i) => {
    expect(Math.abs(with34[i]! - x)).toBeLessThan(0.05);
  });
  expect(without[0]).toBe(6);
});

/** Mesa and COAT: five steps recomputed by plain loops, what their papers imply, and how many bytes are held. */
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelsOn } from '../../src/kernels/heap-kernels.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe, recipes, textData, train } from '../../src/train/index.ts';
import {
  checkedExpansion,
  expandedBytes,
  expandRange,
  shrinkRange,
} from '../../src/train/optimizers/range-expansion.ts';
import { holdInRanges, rangesOf, trackedRanges } from '../../src/train/saved/ranges.ts';
import { betweenRanges, expanded, scaledGroups } from '../oracles/recipes/kept.ts';
import type { RecipeOracle } from '../oracles/recipes/net.ts';
import { type Matrix, mapped, product, transposed } from '../oracles/recipes/numbers.ts';
import { scaled, e4m3 as toE4m3, e5m2 as toE5m2 } from '../oracles/recipes/quantizers.ts';
import { expectOracle } from './recipes-oracle.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const plain: RecipeOracle = {
  forward: ({ x, w }) => ({ x, w }),
  inputGradient: (_, { w }, g) => product(g, transposed(w)),
  weightGradient: (_, { x }, g) => product(transposed(g), transposed(x)),
};

/** As the net of the oracle: no norm between its layers, a constant rate. */
const common = {
  ...{ extraNorm: null, least: 0 },
  schedule: { kind: 'step', at: 0.5, before: 1, after: 1 },
} as const;
const sizes = { tokens: 24, inputs: 40, hidden: 32, outputs: 12 };

const text = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));
const model = {
  ...{ name: 'test', width: 16, layers: 2, heads: 2, hidden: 24, context: 8, sequences: 4 },
  learningRate: 1e-2,
};

async function lossesOf(recipe: Recipe, steps = 4): Promise<number[]> {
  const losses: number[] = [];
  await train({
    ...{ tf, model, data: text, recipe, steps, seed: 1, evaluateEvery: 0 },
    onStep: ({ loss }) => void losses.push(loss),
  });
  return losses;
}

describe('Mesa', () => {
  it.each([
    ['four groups', {}, 4, 0.9],
    ['one range a tensor, of this step', { groups: 1, decay: 0 }, 1, 0],
    ['groups that divide no axis', { groups: 7 }, 7, 0.9],
  ] as const)('has the bits of plain loops for five steps: %s', async (_, options, groups, decay) => {
    await expectOracle(tf, recipes.mesa({ ...options, ...common }), plain, sizes, {
      steps: 5,
      keep: betweenRanges(groups, decay),
    });
  });

  it('holds a fourth of the bytes, and the ranges', async () => {
    const w = tf.variable(tf.randomNormal([64, 32], 0, 1, 'float32', 1), true, 'only/kernel');
    const x = tf.randomNormal([128, 64], 0, 1, 'float32', 2);
    const run = await applyRecipe(tf, recipes.mesa({ least: 0 }), { variables: [w], steps: 1, seed: 1 });
    tf.tidy(() =>
      tf.variableGrads(() =>
        tf
          .tanh(tf.matMul(x, w as never))
          .sum()
          .asScalar(),
      ),
    );
    // The input and the result of tanh, each with two numbers for four groups; of what is summed the shape.
    expect(run.saved).toEqual({
      coded: 128 * 64 + 128 * 32 + 2 * 4 * 8,
      uncoded: 4 * (128 * 64 + 2 * 128 * 32),
      plain: 0,
    });
    run.stop();
    tf.dispose([w, x]);
  });

  it('leaves exempt layers, small tensors and the forward pass as they are', async () => {
    const [float32, mesa] = [await lossesOf(recipes.float32()), await lossesOf(recipes.mesa({ least: 0 }))];
    expect(mesa[0]).toBe(float32[0]);
    expect(mesa).not.toEqual(float32);
    expect(await lossesOf(recipes.mesa({ least: 0, exempt: ['**'] }))).toEqual(float32);
    expect(await lossesOf(recipes.mesa({ least: 2 ** 20 }))).toEqual(float32);
    expect(await lossesOf(recipes.mesa({ least: 0, exempt: ['layers.0.**'] }))).not.toEqual(mesa);
    expect(await lossesOf(recipes.mesa({ least: 0, rounding: 'stochastic' }))).not.toEqual(mesa);
  });
});

describe('the kernel of ranges', () => {
  const memory = new WebAssembly.Memory({ initial: 64 });
  let top = 1 << 20;
  const kernels = kernelsOn({
    memory,
    allocate(bytes) {
      const pointer = top;
      top += (bytes + 63) & ~63;
      return pointer;
    },
    free: () => undefined,
  });

  it.each([
    [1, 1, 1],
    [3, 5, 7],
    [4, 24, 6],
    [2, 16, 3],
    [1, 1000, 1],
    [4, 33, 9],
  ])('has the bits of the loops for %i groups of %i in %i rows', (groups, inner, rows) => {
    const layout = { groups, inner };
    const size = groups * inner * rows;
    const own = Float32Array.from({ length: size }, (_, i) => Math.sin(i * i) * 10 ** ((i % 5) - 2));
    if (size > 50) own.set([Number.NaN, -0, 0, 1e-45, 3e38], 11);
    const placed = new Float32Array(memory.buffer, 64, size);
    placed.set(own);
    const now = rangesOf(own, layout, undefined);
    expect(rangesOf(placed, layout, kernels)).toEqual(now);
    const ranges = trackedRanges(
      [...now].map((x) => x * 0.7),
      now,
      0.9,
    );
    const [a, b] = [
      holdInRanges(own, layout, ranges, undefined, undefined),
      holdInRanges(placed, layout, ranges, undefined, kernels),
    ];
    expect(b.bytes).toBe(a.bytes);
    const [first, second] = [new Float32Array(size), new Float32Array(memory.buffer, 131072, size)];
    a.read(first, undefined);
    b.read(second, kernels);
    expect(first.every((x, i) => Object.is(x, second[i]))).toBe(true);
  });
});

/** Rows of which each number is put through a change of all of them. */
const flatly = (m: Matrix, change: (values: readonly number[]) => readonly number[]): number[][] => {
  const values = change(m.flat());
  return mapped(m, (_, r, c) => values[r * m[0]!.length + c]!);
};

const fp8 = (round: typeof toE4m3, largest: number) => (m: Matrix) =>
  flatly(m, (values) => [...scaled(round, largest)(Float32Array.from(values))]);
const [forward, backward] = [fp8(toE4m3, 448), fp8(toE5m2, 57344)];

const fp8Oracle: RecipeOracle = {
  forward: ({ x, w }) => ({ x: forward(x), w: forward(w) }),
  inputGradient: (_, { w }, g) => product(backward(g), transposed(w)),
  weightGradient: (_, { x }, g) => product(transposed(backward(g)), transposed(x)),
};

/** What products keep is on the grid of a tensor already. */
const inGroups = (size: number) => (tensor: Matrix, of: string) =>
  of.includes('/') ? tensor : tensor.map((row) => scaledGroups(row, size));

describe('COAT', () => {
  it('has the bits of plain loops for five steps', async () => {
    const held = (moment: readonly number[]) => expanded(moment, 128);
    await expectOracle(tf, recipes.coat(common), fp8Oracle, sizes, {
      steps: 5,
      keep: inGroups(16),
      ...{ first: held, second: held },
    });
  });

  it('has them with other groups, and without expansion', async () => {
    const options = { ...common, block: 48, group: 4 };
    const held = (moment: readonly number[]) => expanded(moment, 48);
    await expectOracle(tf, recipes.coat(options), fp8Oracle, sizes, {
      steps: 5,
      keep: inGroups(4),
      ...{ first: held, second: held },
    });
    const plainly = (moment: readonly number[]) => scaledGroups(moment, 48);
    await expectOracle(tf, recipes.coat({ ...options, expansion: false }), fp8Oracle, sizes, {
      steps: 5,
      keep: inGroups(4),
      ...{ first: plainly, second: plainly },
    });
  });

  it('keeps of linear layers what their products read, bit for bit', async () => {
    const whole = recipes.coat({ least: 0 });
    const linear = { ...whole, saved: whole.saved!.filter(({ where }) => where.role === 'linear') };
    expect(linear.saved.length).toBe(1);
    expect(await lossesOf(linear)).toEqual(
      await lossesOf(recipes.coat({ least: 0, activations: 'float32' })),
    );
    expect(await lossesOf(whole)).not.toEqual(await lossesOf(linear));
  });
});

/** Groups of magnitudes from 1 down to 1 / ratio, evenly in their logarithms, signs in turn. */
function spread(ratio: number, count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const place = i % 128 === 0 ? 0 : i % 128 === 127 ? 1 : state / 2 ** 32;
    return (i % 2 === 0 ? 1 : -1) * ratio ** (0.5 - place);
  });
}

describe('dynamic range expansion', () => {
  it('has errors below those of plain FP8 for every ratio', () => {
    const squares = (x: Float32Array, y: ArrayLike<number>): number =>
      x.reduce((sum, value, i) => sum + (y[i]! - value) ** 2, 0);
    const relative = (x: Float32Array, y: ArrayLike<number>): number =>
      x.reduce((sum, value, i) => sum + (y[i]! / value - 1) ** 2, 0);
    for (let octaves = 2 ** -12; octaves <= 250; octaves *= 1.05) {
      const x = spread(2 ** octaves, 1280, Math.round(octaves * 1000));
      const sixteenths = Math.floor((16 * Math.log2(448 ** 2 / 2)) / octaves);
      const [own, plainly] = [shrinkRange(expandRange(x, 128), x.length, 128), scaledGroups([...x], 128)];
      // Expanding, elements are closer; compressing, those remain that plain FP8 makes 0. With k = 1 both are alike.
      const error = sixteenths < 16 ? relative : squares;
      if (sixteenths === 16) expect(error(x, own) / error(x, plainly), `2^${octaves}`).toBeCloseTo(1, 4);
      else if (octaves > 2 ** -9) expect(error(x, own), `2^${octaves}`).toBeLessThan(error(x, plainly));
      // Closer than 1.0014 k would be above its bound; both make the magnitudes one or two numbers.
      else expect(error(x, own) / error(x, plainly), `2^${octaves}`).toBeLessThan(1.01);
    }
  });

  it('is what the equations say, for powers from 1/16 to 64', () => {
    for (const octaves of [1e-3, 0.3, 1, 2.7, 8, 16.2, 17, 33, 90, 240]) {
      const x = spread(2 ** octaves, 500, 7);
      const own = shrinkRange(expandRange(x, 64), x.length, 64);
      expect([...own]).toEqual(expanded([...x], 64).map(Math.fround));
    }
  });

  it('keeps zeros, the largest magnitudes and signs, and begins anew where there is no number', () => {
    const x = Float32Array.of(0, -0, 3, -3, 1e-40, Number.NaN, Infinity, -Infinity, -1);
    const y = shrinkRange(expandRange(x, 4), x.length, 4);
    expect([...y.slice(0, 4)]).toEqual([0, -0, 3, -3]);
    expect([...y.slice(5, 8)]).toEqual([0, 0, 0]);
    expect(y[8]).toBe(-1);
    expect([...shrinkRange(expandRange(new Float32Array(9), 4), 9, 4)]).toEqual(new Array(9).fill(0));
    const once = expandRange(x, 4);
    expect(expandRange(shrinkRange(once, x.length, 4), 4).length).toBe(expandedBytes(9, 4));
  });

  it('refuses what is none', () => {
    const held = expandRange(Float32Array.of(1, 2, 3), 2);
    expect(checkedExpansion(held.slice(), 3, 2)).toEqual(held);
    // The power of the first group.
    const broken = held.slice();
    new Uint16Array(broken.buffer, 8, 1)[0] = 0;
    expect(() => checkedExpansion(broken, 3, 2)).toThrow(/no power/);
  });
});

/** Runs of a very small model whose weights or optimiser state are held in few bits, and the probes of a step. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  type Recipe,
  recipes,
  type StepRecord,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';
import { holdState } from '../../src/train/optimizers/index.ts';
import { gaussians } from '../../src/train/random.ts';

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

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

async function run(recipe: Recipe, more: Partial<TrainOptions> = {}) {
  const steps: StepRecord[] = [];
  const before = tf.memory().numTensors;
  const result = await train({
    tf,
    model,
    data,
    recipe,
    steps: 12,
    seed: 1,
    onStep: (s) => void steps.push(s),
    ...more,
  });
  expect(tf.memory().numTensors).toBe(before);
  return { result, steps, losses: steps.map(({ loss }) => loss) };
}

const parameters = 2 * 28 * 16 + 3 * 16 + 4 * 16 * 16 + 3 * 16 * 24;
const linear = 4 * 16 * 16 + 3 * 16 * 24;

describe('direct quantised training', () => {
  it.each([
    [1.58, 2],
    [3, 3],
    [4, 4],
    [8, 8],
  ])('with %d bits holds %i bits a weight', async (bits, held) => {
    const { result, losses } = await run(recipes.dqt({ bits }), { steps: 36 });
    expect(result.memory.weights).toBe((linear * held) / 8 + 7 * 4 + 4 * (parameters - linear));
    expect(result.memory.gradients).toBe(4 * parameters);
    expect(result.memory.optimizerState).toBe(8 * parameters);
    expect(result.trainLoss).toBeLessThan(losses[0]! - 0.25);
    expect(result.inference.map(({ name }) => name)).toEqual(bits === 1.58 ? [] : ['ternary']);
  });

  it('freezes at ternary with nearest rounding and moves with stochastic', async () => {
    const small = { learningRate: 1e-4, probeEvery: 4 };
    const flips = async (rounding: 'stochastic' | 'nearest-even') =>
      (await run(recipes.dqt({ bits: 1.58, rounding }), small)).steps.flatMap(
        ({ probes }) => probes?.weights ?? [],
      );
    for (const measure of await flips('nearest-even'))
      expect(measure).toMatchObject({ flipRate: 0, frozen: 1 });
    const moving = (await flips('stochastic')).slice(1);
    expect(moving.some(({ flipRate }) => flipRate > 0)).toBe(true);
    for (const { stepRatio, layers } of moving) {
      expect(stepRatio).toBeLessThan(0.5);
      expect(Object.keys(layers)).toHaveLength(7);
    }
  });

  it('can hold every parameter, by Adafactor too, and gives the same again', async () => {
    const recipe = recipes.dqt({ bits: 8, of: 'all', optimizer: { kind: 'adafactor' } });
    const first = await run(recipe);
    expect(first.result.memory.weights).toBe(parameters + 4 * (2 + 3 + 7));
    // Row and column means of matrices, vectors whole.
    expect(first.result.memory.optimizerState).toBe(4 * (2 * (28 + 16) + 3 * 16 + 4 * 32 + 3 * 40));
    expect((await run(recipe)).losses).toEqual(first.losses);
  });

  it('decays after or before the step', async () => {
    const before = recipes.dqt({ bits: 8, optimizer: { decay: 'before', weightDecay: 0.5 } });
    const after = recipes.dqt({ bits: 8, optimizer: { weightDecay: 0.5 } });
    expect((await run(before)).losses).not.toEqual((await run(after)).losses);
  });
});

describe('other recipes', () => {
  it.each(
    [
      recipes.bfloat16Weights(),
      recipes.groupInt8Weights({ size: 64 }),
      recipes.adam8bit({ block: 64, least: 0 }),
      recipes.float32({ optimizer: { kind: 'adafactor' } }),
      recipes.bitnet({ weights: 'absmedian', schedule: 'two-stage' }),
      recipes.bitnetTransition({
        at: 0.5,
        optimizerState: 'reset',
        rewarm: 0.2,
        phaseIn: { kind: 'tanh', over: 0.2 },
        extraNorm: { kind: 'rms', where: 'all', when: 'switch' },
      }),
    ].map((recipe) => [recipe.name, recipe] as const),
  )('%s learns', async (_, recipe) => {
    const { result, losses } = await run(recipe, { steps: 36 });
    expect(result.trainLoss).toBeLessThan(losses[0]! - 0.25);
  });

  it('count 8-bit states', async () => {
    const { result } = await run(recipes.adam8bit({ block: 64, least: 256 }));
    // Embedding, head and the seven matrices have at least 256 values; the three gains have not.
    const large = 2 * 448 + linear;
    const scales = 2 * 7 + (4 * 256 + 3 * 384) / 64;
    expect(result.memory.optimizerState).toBe(2 * (large + 4 * scales + 4 * 3 * 16));
  });
});

describe('probes', () => {
  it('see operands in the basis in which their product reads them', async () => {
    const { steps } = await run(recipes.nvfp4(), { steps: 2, probeEvery: 1 });
    for (const { probes } of steps)
      for (const slot of ['forward.x', 'inputGradient.g', 'weightGradient.g', 'weightGradient.x'] as const)
        expect(probes!.operands[slot]!.sqnr, slot).toBeGreaterThan(14);
  });

  it('change nothing', async () => {
    const recipe = recipes.bitnet();
    const plain = await run(recipe);
    const probed = await run(recipe, { probeEvery: 3, gradientDraws: 2 });
    expect(probed.losses).toEqual(plain.losses);
    expect(probed.steps.map(({ probes }) => probes !== undefined)).toEqual(
      Array.from({ length: 12 }, (_, i) => i % 3 === 0),
    );
    const { operands, weights, gradient } = probed.steps[9]!.probes!;
    expect(Object.keys(operands)).toEqual(['forward.x', 'forward.w']);
    expect(operands['forward.x']!.sqnr).toBeGreaterThan(30);
    expect(operands['forward.w']!.sqnr).toBeLessThan(12);
    expect(weights!.flipRate).toBeGreaterThan(0);
    // Ternary codes by the mean are used nearly alike; 8-bit codes of a row in their manner.
    expect(weights!.entropy).toBeGreaterThan(1.4);
    expect(weights!.entropy).toBeLessThanOrEqual(Math.log2(3) + 1e-12);
    expect(operands['forward.w']!.entropy).toBeLessThanOrEqual(Math.log2(3) + 1e-12);
    expect(operands['forward.x']!.entropy).toBeGreaterThan(5);
    expect(operands['forward.x']!.entropy).toBeLessThanOrEqual(8);
    expect(weights!.ratios.reduce((sum, count) => sum + count)).toBe(linear);
    // The backward products read what the forward ones read: nothing else is quantised.
    expect(gradient).toMatchObject({ draws: 2, bias: 0 });
    expect(Math.abs(gradient!.cosine - 1)).toBeLessThan(1e-12);
    expect(Math.abs(gradient!.alignment - 1)).toBeLessThan(1e-12);
  });

  it('tell biased gradients from unbiased ones', async () => {
    const slot = (rounding: 'stochastic' | 'nearest-even') =>
      ({ format: 'int3', rounding, scale: { per: 'row', from: 'absmax' } }) as const;
    const of = (rounding: 'stochastic' | 'nearest-even'): Recipe => {
      const recipe = recipes.float32();
      const [phase] = recipe.phases;
      const g = slot(rounding);
      const slots = {
        ...phase!.linear,
        inputGradient: { g, w: 'same' },
        weightGradient: { g, x: 'same' },
      } as const;
      return { ...recipe, phases: [{ ...phase!, linear: slots }] };
    };
    const bias = async (rounding: 'stochastic' | 'nearest-even', gradientDraws: number) =>
      (await run(of(rounding), { steps: 1, probeEvery: 1, gradientDraws })).steps[0]!.probes!.gradient!.bias;
    const [few, many] = [await bias('stochastic', 4), await bias('stochastic', 32)];
    // About 1 / sqrt(8).
    expect(many / few).toBeLessThan(0.5);
    const [nearFew, nearMany] = [await bias('nearest-even', 2), await bias('nearest-even', 4)];
    expect(Math.abs(nearMany - nearFew)).toBeLessThan(1e-9);
    expect(nearMany).toBeGreaterThan(0.05);
  });
});

describe('state codecs', () => {
  it('dynamic8 keeps signs, scales blocks on their own and begins anew where a state is no number', () => {
    const state = holdState(tf, [8], true, { kind: 'dynamic8', block: 4, least: 0 });
    expect(state.bytes).toBe(8 + 8);
    const x = [4, -2e-9, 2, Number.NaN, -1e-5, 5e-6, 1e-12, 0];
    state.write(tf.tensor1d(x), { seed: 1, stream: 0n });
    const y = [...state.read().dataSync()];
    expect(y[0]).toBe(4);
    expect(y[1]).toBeLessThan(0);
    expect(y[3]).toBe(0);
    // The block's largest magnitude is the table's -0.99296875: it has no -1.
    expect(Math.abs(y[4]! / -1e-5 - 0.99296875)).toBeLessThan(1e-6);
    expect(y[6]).toBe(0);
  });

  it.each([
    [{ kind: 'float32' } as const, 4000],
    [{ kind: 'bfloat16' } as const, 2000],
    [{ kind: 'dynamic8', block: 100, least: 0 } as const, 1040],
    [{ kind: 'dynamic8', block: 100 } as const, 4000],
    [
      {
        kind: 'quantizer',
        least: 0,
        quantizer: { format: 'int8', scale: { per: 'tensor', from: 'absmax' } },
      } as const,
      1004,
    ],
  ])('%j is restored to the bit', (codec, bytes) => {
    const values = gaussians(1000, 1, 1, 's');
    const [a, b] = [holdState(tf, [10, 100], true, codec), holdState(tf, [10, 100], true, codec)];
    a.write(tf.tensor2d(values, [10, 100]), { seed: 1, stream: 0n });
    expect(a.bytes).toBe(bytes);
    b.restore(a.save());
    expect([...b.read().dataSync()]).toEqual([...a.read().dataSync()]);
    expect(() => b.restore({})).toThrow();
    a.dispose();
    b.dispose();
  });
});

/** The random integers of a run: other ones for each layer, slot and step, and evaluations change none. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Quantizer } from '../../src/quantizers/index.ts';
import { randomIntegers } from '../../src/rounding/philox.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import type { SlotName } from '../../src/train/engine/slot-spec.ts';
import {
  models,
  parameterCounts,
  plainSlots,
  type Recipe,
  recipes,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';
import { fnv1a32 } from '../../src/train/random.ts';
import { withSlots } from './slotted-products.ts';

const slotNames: readonly SlotName[] = [
  ...(['forward.x', 'forward.w', 'inputGradient.g', 'inputGradient.w', 'weightGradient.g'] as const),
  'weightGradient.x',
];

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

describe('the streams of a run', () => {
  it('are different ones for whatever draws in a step', () => {
    for (const config of Object.values(models)) {
      const inputs = config.kind === 'conv' ? 28 * 28 : 80;
      const layers = parameterCounts(config, inputs, 10).map(({ name }) => name);
      const drawers = layers.flatMap((layer) => [
        ...slotNames.flatMap((slot) => [
          `${layer}/${slot}`,
          ...Array.from({ length: 32 }, (_, i) => `${layer}/${slot}/evaluation${i}`),
          ...Array.from({ length: 32 }, (_, i) => `${layer}/${slot}/probe${i}`),
        ]),
        ...['store', 'first', 'second', 'rows', 'columns'].map((state) => `${layer}/${state}`),
      ]);
      expect(new Set(drawers.map(fnv1a32)).size).toBe(drawers.length);
    }
  });

  it('reach the images: each slot, layer and step rounds by its own integers', () => {
    const value = Math.fround(0.3);
    const slots = {
      forward: { x: 'int2', w: 'int2' },
      inputGradient: { g: 'int2', w: 'int2' },
      weightGradient: { g: 'int2', x: 'int2' },
    };
    const drawn = Object.fromEntries(
      Object.entries(slots).map(([product, operands]) => [
        product,
        Object.fromEntries(
          Object.keys(operands).map((operand) => [
            operand,
            {
              format: 'int2',
              rounding: 'stochastic',
              scale: { per: 'tensor', from: 'constant', value: 1, stored: 'decode' },
            },
          ]),
        ),
      ]),
    ) as unknown as typeof plainSlots;
    const images = new Map<string, string>();
    for (const step of [0, 1])
      for (const layer of ['a', 'b'])
        tf.tidy(() => {
          const tap = (slot: SlotName, _: Tensor, image: Tensor, _made: Quantizer): void => {
            const codes = [...image.dataSync()];
            images.set(`${layer}/${slot}/${step}`, codes.join());
            // Up where the integer is at least 1 - 0.3 of its range: variant A of 32 bits.
            const stream = (BigInt(fnv1a32(`${layer}/${slot}`)) << 32n) | BigInt(step);
            const integers = randomIntegers(64, { seed: 3, stream });
            expect(codes).toEqual(
              [...integers].map((r) => (Math.floor(value * 2 ** 32) + r >= 2 ** 32 ? 1 : 0)),
            );
          };
          const x = tf.fill([8, 8], value) as Tensor2D;
          const w = tf.fill([8, 8], value) as Tensor2D;
          const run = (a: Tensor, b: Tensor) => tf.matMul(a, b, false, true);
          const pass = () => tf.grads(run as never)([x, w], x.clone());
          withSlots(tf, w, drawn, pass, { layer, seed: 3, step, pass: { tap } });
        });
    expect(images.size).toBe(24);
    expect(new Set(images.values()).size).toBe(24);
  });
});

describe('a run with stochastic slots', () => {
  const model = {
    name: 'test',
    width: 16,
    layers: 1,
    heads: 2,
    hidden: 24,
    context: 8,
    sequences: 2,
    learningRate: 1e-2,
  };
  const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(40));
  const spec = { format: 'int4', rounding: 'stochastic', scale: { per: 'row', from: 'absmax' } } as const;
  const recipe: Recipe = {
    ...recipes.float32(),
    phases: recipes.float32().phases.map((phase) => ({
      ...phase,
      linear: { ...plainSlots, forward: { x: spec, w: spec } },
    })),
  };

  async function lossesOf(more: Partial<TrainOptions>) {
    const losses: number[] = [];
    const evaluations: number[] = [];
    await train({
      ...{ tf, model, data, recipe, steps: 6, seed: 2, evaluateEvery: 0 },
      onStep: ({ loss }) => void losses.push(loss),
      onEvaluation: ({ loss }) => void evaluations.push(loss),
      ...more,
    });
    return { losses, evaluations };
  }

  it('is the same with and without evaluations and probes', async () => {
    const { losses } = await lossesOf({});
    expect((await lossesOf({ evaluateEvery: 1, evaluationWindows: 3 })).losses).toEqual(losses);
    expect((await lossesOf({ probeEvery: 1, gradientDraws: 2 })).losses).toEqual(losses);
    expect((await lossesOf({ seed: 3 })).losses).not.toEqual(losses);
  });

  it('draws anew in every batch of an evaluation', async () => {
    // All windows are the same, so one batch of them and two have the same loss unless they draw.
    const periodic = textData('abcdefgh'.repeat(200));
    const lossOf = async (one: Recipe, evaluationWindows: number) =>
      (await lossesOf({ recipe: one, data: periodic, steps: 2, evaluateEvery: 1, evaluationWindows }))
        .evaluations[0];
    expect(await lossOf(recipes.float32(), 4)).toBe(await lossOf(recipes.float32(), 2));
    expect(await lossOf(recipe, 4)).not.toBe(await lossOf(recipe, 2));
  });
});

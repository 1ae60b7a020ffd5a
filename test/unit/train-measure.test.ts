/** What an update does to codes, counted; and the memory model of a step, by hand. */
import { describe, expect, it } from 'vitest';
import { toFormat } from '../../src/formats/names.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { settledOptions } from '../../src/train/engine/slot-spec.ts';
import type { LinearSlots, OperandSpec } from '../../src/train/linear-slots.ts';
import { plainSlots } from '../../src/train/linear-slots.ts';
import { memoryUse, savedActivationBytes } from '../../src/train/memory.ts';
import { compareImages, weightImages } from '../../src/train/probes.ts';
import { bitnetSlots } from '../../src/train/recipes/index.ts';
import { entropyOf, joinWrites, ratioEdges, stepRatioOf, WriteTally } from '../../src/train/stores/index.ts';

describe('the measure of a write', () => {
  it('has the ranges of r, the part that nearest rounding leaves, and the entropy of the codes', () => {
    const tally = new WriteTally();
    const ratios = [0, 2 ** -12, 2 ** -11, 0.49, 0.5, 0.99, 1, 8, 1e6];
    for (const ratio of ratios) tally.add(ratio, ratio >= 1, ratio === 0, ratio === 1e6);
    const measure = tally.result([0, 0, 0, 0, 1, 1, 2, 3, 3]);
    expect(ratioEdges[0]).toBe(2 ** -11);
    expect(ratioEdges.at(-1)).toBe(8);
    // [0, 2^-11), [2^-11, 2^-10), ..., [1/4, 1/2), [1/2, 1), [1, 2), ..., [8, infinity)
    expect(measure.ratios).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 2]);
    expect(measure).toMatchObject({ flipRate: 3 / 9, frozen: 4 / 9, zeroFraction: 1 / 9, saturation: 1 / 9 });
    const entropy = [4, 2, 1, 2].reduce((sum, n) => sum - (n / 9) * Math.log2(n / 9), 0);
    expect(Math.abs(measure.entropy - entropy)).toBeLessThan(1e-12);
  });

  it('is 0 where nothing moved, whatever the grid', () => {
    expect([stepRatioOf(1, 1, 0), stepRatioOf(1, 1, Number.POSITIVE_INFINITY), stepRatioOf(3, 1, 4)]).toEqual(
      [0, 0, 0.5],
    );
    expect(stepRatioOf(3, 1, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('joins by size', () => {
    const of = (ratio: number, codes: number[]) => {
      const tally = new WriteTally();
      for (const _ of codes) tally.add(ratio, true, false, false);
      return { size: codes.length, measure: tally.result(codes) };
    };
    const joined = joinWrites([of(0.25, [1, 2]), of(1, [1, 1, 1, 1, 1, 1])]);
    expect(joined).toMatchObject({ flipRate: 1, frozen: 0.25, stepRatio: 6.5 / 8 });
    expect(Math.abs(joined.entropy - 0.25)).toBeLessThan(1e-12);
    expect(joined.ratios[10]).toBe(2);
    expect(joined.ratios[12]).toBe(6);
    expect(joined.ratios.reduce((sum, count) => sum + count)).toBe(8);
  });

  it('has no entropy of one code, and log2 n of n alike', () => {
    expect(entropyOf([7])).toBe(0);
    expect(entropyOf([])).toBe(0);
    expect(Math.abs(entropyOf([3, 3, 3, 3, 3]) - Math.log2(5))).toBeLessThan(1e-12);
  });
});

describe('saved activations', () => {
  const config = {
    ...{ name: 'test', width: 32, layers: 2, heads: 4, hidden: 64, context: 8, sequences: 2 },
    learningRate: 1e-3,
  };
  const size = { inputs: 20, outputs: 10, predictions: 16 };
  const none = { parameters: [] };
  const bytes = (slots: LinearSlots, more: object = {}): number =>
    savedActivationBytes(config, none, size, { slots: () => slots, extraNorm: null, bits: 32, ...more });
  const n = 16;
  /** Elements per layer but for the inputs of linear layers: two norms, q k v, attention, SwiGLU. */
  const common = 2 * n * 33 + 3 * n * 32 + n * 4 * 8 + 3 * n * 64;
  /** Inputs of q k v, output, gate and up, down. */
  const inputs = 3 * n * 32 + n * 64;
  const end = n * 33 + n * 32 + n * 10;

  it('are float32 where nothing is quantised, or of the emulated format', () => {
    expect(bytes(plainSlots)).toBe(4 * (2 * (common + inputs) + end));
    expect(bytes(plainSlots, { bits: 16 })).toBe(2 * (2 * (common + inputs) + end));
  });

  it('are 8-bit codes and a scale a row where the backward pass reads the image', () => {
    expect(bytes(bitnetSlots)).toBe(4 * (2 * common + end) + 2 * (inputs + 4 * 4 * n));
    const anew: LinearSlots = { ...bitnetSlots, weightGradient: { g: null, x: null } };
    expect(bytes(anew)).toBe(bytes(plainSlots));
    const half = { ...bitnetSlots.forward.x!, strength: 0.5 };
    expect(bytes({ ...bitnetSlots, forward: { ...bitnetSlots.forward, x: half } })).toBe(bytes(plainSlots));
  });

  it('have the extra norms', () => {
    const norm = { kind: 'rms', where: 'o,down' } as const;
    expect(bytes(plainSlots, { extraNorm: norm }) - bytes(plainSlots)).toBe(2 * 4 * n * (33 + 65));
  });

  it('count an input once for layers that read it alike', () => {
    const slots = (name: string): LinearSlots => (name.endsWith('key') ? bitnetSlots : plainSlots);
    const mixed = savedActivationBytes(config, none, size, { slots, extraNorm: null, bits: 32 });
    expect(mixed - bytes(plainSlots)).toBe(2 * (n * 32 + 4 * n));
  });

  it('of an MLP are the inputs of its layers and the logits', () => {
    const parameter = (name: string, shape: number[]) => ({
      ...{ name, shape, role: 'linear' as const },
      variable: null as never,
    });
    const model = { parameters: [parameter('hidden.0', [6, 20]), parameter('output', [10, 6])] };
    const mlp = { kind: 'mlp', name: 'mlp', hidden: [6], samples: 16, learningRate: 1e-3 } as const;
    const step = { slots: () => plainSlots, extraNorm: null, bits: 32 };
    expect(savedActivationBytes(mlp, model, size, step)).toBe(4 * 16 * (20 + 6 + 10));
    expect(memoryUse(model, { weights: 10, optimizerState: 20, savedActivations: 30 })).toEqual({
      ...{ weights: 10, optimizerState: 20, gradients: 720, savedActivations: 30, total: 780 },
      bytesPerParameter: 750 / 180,
    });
  });
});

describe('the measure of a weight that a quantiser reads', () => {
  const shape = [4, 8];
  const old = Float32Array.from({ length: 32 }, (_, i) => Math.sin(7 * i + 1) * 2 ** ((i % 5) - 3));
  const updated = old.map((x, i) => Math.fround(x + 0.01 * Math.cos(3 * i)));

  /** The measure of one update of a linear layer whose weight is read so. */
  function measureOf(w: object): ReturnType<typeof compareImages> extends Map<string, infer M> ? M : never {
    let values = old;
    const weight = { name: 'w', role: 'linear', shape, variable: { dataSync: () => values } };
    const model = { parameters: [weight] } as unknown as Parameters<typeof weightImages>[0];
    const slots = { ...plainSlots, forward: { ...plainSlots.forward, w } } as LinearSlots;
    const before = weightImages(
      model,
      () => slots,
      () => undefined,
    );
    values = updated;
    return compareImages(model, before).get('w')!;
  }

  /** The spacing of a format above the magnitude of one of its values, by the list of its values. */
  function spacing(values: readonly number[], element: number): number {
    const at = values.findIndex((value) => value > Math.abs(element));
    const above = at < 0 ? values.length - 1 : at;
    return values[above]! - values[above - 1]!;
  }

  it.each<[string, object]>([
    ['unscaled e5m2', { format: 'e5m2' }],
    ['e2m1 by blocks', { format: 'e2m1', scale: { per: 'block', size: 4, from: 'absmax' } }],
    ['e4m3fn by rows', { format: 'e4m3fn', scale: { per: 'row', from: 'absmax' } }],
    ['int4 by rows', { format: 'int4', scale: { per: 'row', from: 'absmax' } }],
    ['nf4 by rows', { format: 'nf4', scale: { per: 'row', from: 'absmax' } }],
    ['posit(8,0) by the tensor', { format: 'posit(8,0)', scale: { per: 'tensor', from: 'absmax' } }],
    [
      'rotated e2m1',
      {
        format: 'e2m1',
        scale: { per: 'block', size: 8, from: 'absmax' },
        transform: { name: 'hadamard', size: 8 },
      },
    ],
  ])('takes the step of the grid where the weight stands: %s', (_, w) => {
    const made = quantizer({ ...settledOptions(w as OperandSpec)!, rounding: 'nearest-even' });
    const [first, second] = [old, updated].map((x) => made.explain(x, shape, { update: false }));
    const values = [...toFormat(first!.format).values()].filter(Number.isFinite).sort((a, b) => a - b);
    const perScale = old.length / first!.scales.length;
    const ratios = Array.from(old, (_, i) => {
      const step = first!.scales[Math.floor(i / perScale)]! * spacing(values, first!.elements[i]!);
      return Math.abs(second!.x[i]! - first!.x[i]!) / step;
    });
    const measure = measureOf(w);
    const sum = ratios.reduce((total, ratio) => total + ratio, 0);
    expect(measure.stepRatio).toBeCloseTo(sum / ratios.length, 12);
    expect(measure.frozen).toBe(ratios.filter((ratio) => ratio < 0.5).length / ratios.length);
    expect(measure.flipRate).toBe(
      [...second!.elements].filter((e, i) => e !== first!.elements[i]).length / 32,
    );
  });
});

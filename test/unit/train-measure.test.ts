/** What an update does to codes, counted; and the memory model of a step, by hand. */
import { describe, expect, it } from 'vitest';
import { memoryUse, savedActivationBytes } from '../../src/train/memory.ts';
import type { LinearSlots } from '../../src/train/recipe.ts';
import { plainSlots } from '../../src/train/recipe.ts';
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

/** Bits of a weight, and the table of roles. */
import { describe, expect, it } from 'vitest';
import { quantizer } from '../../src/quantizers/index.ts';
import { bitsPerWeight } from '../../src/train/bits-per-weight.ts';
import { models, recipes, roleColumns, roleTable } from '../../src/train/index.ts';
import { type LinearSlots, plainSlots, type QuantizerSpec } from '../../src/train/linear-slots.ts';
import { gaussians } from '../../src/train/random.ts';
import type { Phase, Recipe } from '../../src/train/recipe.ts';
import { groupWeight } from '../../src/train/stores/group.ts';

const weight = (w: QuantizerSpec | null): LinearSlots => ({ ...plainSlots, forward: { x: null, w } });

function recipeWith(linear: LinearSlots, more: Partial<Phase> = {}, whole: Partial<Recipe> = {}): Recipe {
  const [phase] = recipes.float32().phases;
  return { ...recipes.float32(), phases: [{ ...phase!, linear, ...more }], ...whole };
}

/** Two layers of different sizes. */
const parameters = [
  { name: 'hidden.0', role: 'linear', shape: [24, 40] },
  { name: 'hidden.0.bias', role: 'bias', shape: [24] },
  { name: 'output', role: 'linear', shape: [10, 24] },
] as const;
const sizes = [24 * 40, 10 * 24] as const;
const meanOf = (first: number, second: number): number =>
  (first * sizes[0] + second * sizes[1]) / (sizes[0] + sizes[1]);

const mxfp4: QuantizerSpec = {
  format: 'e2m1',
  scale: { per: 'block', size: 32, from: 'absmax', format: 'e8m0' },
};
const nvfp4: QuantizerSpec = {
  format: 'e2m1',
  scale: { per: 'block', size: 16, from: 'absmax', format: 'e4m3fn', tensorScale: true },
};
const ternary: QuantizerSpec = { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } };
const rows: QuantizerSpec = { format: 'int8', scale: { per: 'row', from: 'absmax' } };

describe('bits of a weight', () => {
  it('are those of elements and of the scales of groups', () => {
    expect(bitsPerWeight(recipeWith(weight(mxfp4)))).toBe(4.25);
    expect(bitsPerWeight(recipeWith(weight(nvfp4)))).toBe(4.5);
    expect(bitsPerWeight(recipeWith(weight(ternary)))).toBe(Math.log2(3));
    const reading = { parameters };
    // Rows of 40 and of 24 weights with a binary32 scale each.
    expect(bitsPerWeight(recipeWith(weight(rows)), 0, reading)).toBe(meanOf(8 + 32 / 40, 8 + 32 / 24));
    // Of 40 and 24 weights, blocks of 32 and fewer: two and one a row.
    expect(bitsPerWeight(recipeWith(weight(mxfp4)), 0, reading)).toBe(meanOf(4 + (2 * 8) / 40, 4 + 8 / 24));
    const affine: QuantizerSpec = { format: 'int4', scale: { per: 'row', from: 'minmax' } };
    expect(bitsPerWeight(recipeWith(weight(affine)), 0, reading)).toBe(meanOf(4 + 36 / 40, 4 + 36 / 24));
    const constant: QuantizerSpec = { format: 'int4', scale: { per: 'row', from: 'constant', value: 1 } };
    expect(bitsPerWeight(recipeWith(weight(constant)), 0, reading)).toBe(4);
    expect(() => bitsPerWeight(recipeWith(weight(rows)))).toThrow(
      expect.objectContaining({ name: 'ArgumentError', argument: 'parameters' }),
    );
  });

  it('are the bytes that quantising takes', () => {
    const byRow = { ...nvfp4.scale, tensorScale: 'row' } as const;
    const tile = { per: 'tile', rows: 5, columns: 7, from: 'absmax', format: 'e4m3fn' } as const;
    const all: QuantizerSpec[] = [
      mxfp4,
      rows,
      { format: 'e2m1', scale: byRow },
      { format: 'int8', scale: tile },
      { format: 'int8', scale: { per: 'column', from: 'minmax' } },
      { format: 'int8', scale: { per: 'block', size: 8, axis: 0, from: 'absmax' } },
    ];
    for (const spec of all)
      for (const { name, role, shape } of parameters) {
        if (role !== 'linear') continue;
        const size = shape[0] * shape[1];
        const { bytes } = quantizer(spec).quantize(gaussians(size, 1, 1, 'w'), shape);
        const bits = bitsPerWeight(recipeWith(weight(spec)), 0, { parameters: [{ name, role, shape }] });
        expect(Math.ceil(Math.round(bits * size) / 8)).toBe(bytes);
      }
    const store = { kind: 'group-int8', size: 100, rounding: 'stochastic' } as const;
    const held = groupWeight(gaussians(sizes[0], 1, 1, 'w'), store).bytes;
    const [first] = parameters;
    const bits = bitsPerWeight(recipeWith(plainSlots, {}, { store }), 0, { parameters: [first] });
    expect(Math.round(bits * sizes[0])).toBe(8 * held);
  });

  it('are a mean over layers by their sizes', () => {
    const layers = [{ match: '^output$', linear: plainSlots }];
    const reading = { parameters };
    expect(bitsPerWeight(recipeWith(weight(ternary), { layers }), 0, reading)).toBe(meanOf(Math.log2(3), 32));
    const other = [
      { match: 'output', linear: weight(mxfp4) },
      { match: 'hidden', linear: weight(null) },
    ];
    expect(bitsPerWeight(recipeWith(weight(ternary), { layers: other }), 0, reading)).toBe(
      meanOf(32, 4 + 8 / 24),
    );
    expect(() => bitsPerWeight(recipeWith(weight(ternary), { layers }))).toThrow(
      expect.objectContaining({ argument: 'parameters' }),
    );
  });

  it('are those of the narrowest of store, quantiser and emulation', () => {
    const grid = (format: string, of: 'linear' | { match: string } = 'linear') =>
      ({ kind: 'grid', format, rounding: 'stochastic', range: 'absmean', of }) as const;
    const emulate = { format: 'bfloat16' };
    const reading = { parameters };
    const bits = (linear: LinearSlots, more: Partial<Phase>, store?: Recipe['store']) =>
      bitsPerWeight(recipeWith(linear, more, store === undefined ? {} : { store }), 0, reading);
    expect(bits(plainSlots, { emulate }, grid('int8'))).toBe(8);
    expect(bits(plainSlots, { emulate })).toBe(16);
    expect(bits(weight(rows), {}, grid('ternary'))).toBe(Math.log2(3));
    expect(bits(weight(ternary), { emulate }, grid('int8'))).toBe(Math.log2(3));
    expect(bits(plainSlots, {}, grid('int4', { match: 'output' }))).toBe(meanOf(32, 4));
    expect(bits(plainSlots, {}, { kind: 'bfloat16', rounding: 'nearest-even' })).toBe(16);
    expect(bits(plainSlots, {}, { kind: 'group-int8', size: 96, rounding: 'nearest-even' })).toBe(
      meanOf(8 + 400 / 960, 8 + 120 / 240),
    );
  });

  it('are not those of an image that is blended with the weight', () => {
    expect(bitsPerWeight(recipeWith(weight({ ...ternary, strength: 0.5 })))).toBe(32);
    expect(bitsPerWeight(recipeWith(weight({ ...ternary, strength: 0 })))).toBe(32);
  });

  it('are of the phase that is asked for', () => {
    const recipe = recipes.bitnetTransition({ at: 0.5 });
    const [first, second] = recipe.phases as [Phase, Phase];
    const three = { ...recipe, phases: [first, second, { ...first, from: 0.75, emulate: null }] };
    expect([0, 1, 2].map((phase) => bitsPerWeight(three, phase))).toEqual([16, Math.log2(3), 32]);
    expect(bitsPerWeight(three)).toBe(32);
  });
});

describe('the table of roles', () => {
  const wordsOf = (w: QuantizerSpec): string =>
    roleTable(recipeWith(weight(w)), models['mlp']!)[0]!.rows[0]![roleColumns.indexOf('F.w')]!;

  it('tells MXFP4 from NVFP4', () => {
    expect(wordsOf(mxfp4)).toBe('mxfp4');
    expect(wordsOf(nvfp4)).toBe('nvfp4');
  });

  it('has other words for every other quantiser', () => {
    const base = { format: 'int8', scale: { per: 'block', size: 16, from: 'absmax' } } as const;
    const { scale } = base;
    const all: QuantizerSpec[] = [
      base,
      mxfp4,
      nvfp4,
      ternary,
      { ...base, rounding: 'stochastic' },
      { ...base, rounding: 'stochastic', randomBits: 8 },
      { ...base, rounding: 'stochastic', variant: 'C' },
      { ...base, strength: 0.5 },
      { ...base, range: 'full' },
      { ...base, saturation: 'wrap' },
      { ...base, format: 'int4' },
      { ...base, scale: { ...scale, size: 32 } },
      { ...base, scale: { ...scale, axis: 0 } },
      { ...base, scale: { ...scale, from: 'absmean' } },
      { ...base, scale: { ...scale, from: 'percentile', percentile: 99 } },
      { ...base, scale: { ...scale, from: 'percentile', percentile: 90 } },
      { ...base, scale: { ...scale, from: 'constant', value: 0.5 } },
      { ...base, scale: { ...scale, from: 'constant', value: 0.25 } },
      { ...base, scale: { ...scale, format: 'bfloat16' } },
      { ...base, scale: { ...scale, format: 'e8m0' } },
      { ...base, scale: { ...scale, format: 'e8m0', direction: 'ceil' } },
      { ...base, scale: { ...scale, format: 'e8m0', prescale: 0.75 } },
      { ...base, scale: { ...scale, stored: 'decode' } },
      { ...base, scale: { ...scale, multiplier: 2 } },
      { ...base, scale: { ...scale, least: 1 } },
      { ...base, scale: { ...scale, target: 64 } },
      { ...base, scale: { ...scale, level: 'least-squares' } },
      { ...base, scale: { per: 'tile', rows: 16, columns: 16, from: 'absmax' } },
      { ...base, scale: { per: 'tile', rows: 16, columns: 32, from: 'absmax' } },
      { ...nvfp4, scale: { ...nvfp4.scale, tensorScale: 'row' } },
      { ...nvfp4, scale: { ...nvfp4.scale, fourOverSix: 'mse' } },
      { ...nvfp4, scale: { ...nvfp4.scale, fourOverSix: 'mse', scaleMax: 256 } },
      { ...nvfp4, rounding: 'stochastic' },
      {
        ...nvfp4,
        scale: { per: 'tile', rows: 16, columns: 16, from: 'absmax', format: 'e4m3fn', tensorScale: true },
      },
      { ...nvfp4, transform: { name: 'hadamard', size: 16 } },
      { ...nvfp4, transform: { name: 'hadamard', size: 16, axis: 0 } },
      { ...nvfp4, transform: { name: 'hadamard', size: 16, seed: 1 } },
      { ...nvfp4, transform: { name: 'hadamard', size: 16, seed: 2 } },
      { ...nvfp4, transform: { name: 'hadamard', size: 16, seed: 1, stream: 2 } },
      { ...nvfp4, transform: { name: 'hadamard', size: 16, signs: 'transformer-engine' } },
      { ...nvfp4, transform: { name: 'hadamard', size: 2, signs: [1, -1] } },
      { ...nvfp4, transform: { name: 'hadamard', size: 2, signs: [-1, 1] } },
      { format: 'e4m3fn', scale },
      { format: 'e4m3fn', scale, subnormals: 'flush' },
    ];
    const words = all.map(wordsOf);
    expect(new Set(words).size).toBe(all.length);
    expect(words[0]).toBe('int8 block16 absmax');
  });

  it('says how states are held, and what a phase emulates', () => {
    const codec = { kind: 'quantizer', quantizer: { format: 'int8', scale: mxfp4.scale }, least: 0 } as const;
    const of = (optimizer: Parameters<typeof recipes.float32>[0]) => {
      const [table] = roleTable(recipes.float32(optimizer), models['mlp']!);
      const at = roleColumns.indexOf('opt.m');
      return table!.rows.slice(0, 2).map((row) => row.slice(at, at + 2).join(', '));
    };
    expect(of({ optimizer: { first: codec, second: { kind: 'dynamic8', block: 64 } } })).toEqual([
      'int8 block32 absmax e8m0 least 0, dynamic8 block64',
      'int8 block32 absmax e8m0 least 0, dynamic8 block64',
    ]);
    expect(of({ optimizer: { kind: 'adafactor' } })).toEqual(['-, factored', '-, float32']);
    expect(of({ optimizer: { kind: 'adafactor', second: { kind: 'bfloat16' } } })).toEqual([
      '-, factored bfloat16',
      '-, bfloat16',
    ]);
    const emulate = { format: 'bf16', rounding: 'stochastic' } as const;
    const [table] = roleTable(recipeWith(plainSlots, { emulate }), models['mlp']!);
    expect(table!.phase).toBe(
      'from 0 %, kernels emulate bfloat16 rounding stochastic, rms norm before o,down',
    );
  });
});

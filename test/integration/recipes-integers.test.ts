/** The recipes on integers and posits: a step of two layers against loops that know nothing of the library, and their equalities. */
import { beforeAll, describe, expect, it } from 'vitest';
import { quantizer } from '../../src/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { assignFormats, models, recipes, roleTable } from '../../src/train/index.ts';
import { drawsOf } from '../oracles/recipes/numbers.ts';
import {
  e2m1,
  integer,
  integerProduct,
  posit,
  positOf,
  scaled,
  scaledWith,
  sharedExponent,
  shiftedByGroups,
  stochasticInteger,
} from '../oracles/recipes/quantizers.ts';
import { type LayerSlots, numbers, step, whole } from '../oracles/recipes/slots.ts';
import { netOf, trained } from './recipe-steps.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const both = (slots: LayerSlots): readonly [LayerSlots, LayerSlots] => [slots, slots];

describe('dynamic fixed point', () => {
  const slots = (bits: number, chunk: number): LayerSlots => {
    const q = whole(sharedExponent(bits));
    return { x: q, w: q, dg: q, dw: 'same', wg: q, wx: 'same', product: integerProduct(chunk) };
  };

  it.each([
    [0, 2],
    [1, 8],
    [2, 32],
    [2, 5],
  ] as const)('shifted by %d, in chunks of %d, has the bits of plain loops', async (preShift, chunk) => {
    const nets = [netOf(1, 1, [40, 70, 9, 3]), netOf(2, 2 ** -30, [7, 9, 50, 5]), netOf(3, 2 ** 20)];
    for (const net of nets)
      expect(await trained(tf, recipes.dfp16({ preShift, chunk }), [net])).toEqual([
        step(net, both(slots(16 - preShift, chunk)), 2 ** -4),
      ]);
  });

  it('with results of 16 bits', async () => {
    const down = whole(sharedExponent(16));
    const all = { ...slots(15, 8), y: down, dx: down, ww: down };
    const net = netOf(4, 1, [12, 30, 9, 3]);
    const given = await trained(tf, recipes.dfp16({ results: 'int16' }), [net]);
    expect(given).toEqual([step(net, both(all), 2 ** -4)]);
  });

  it('shifts down by the leading zeros of the largest', () => {
    const sums = Int32Array.from(numbers(500, 1), (x) => x * 2 ** 27);
    const largest = sums.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const shift = 17 - Math.clz32(largest);
    const narrowed = sums.map((x) => {
      const [kept, rest, half] = [x >> shift, x & (2 ** shift - 1), 2 ** (shift - 1)];
      const up = rest > half || (rest === half && kept % 2 !== 0);
      return Math.min(kept + Number(up), 32767);
    });
    const down = quantizer({ format: 'int16', scale: { per: 'tensor', from: 'absmax', format: 'e8m0' } });
    const { elements } = down.explain(Float64Array.from(sums));
    expect(shift).toBeGreaterThan(5);
    expect(Array.from(elements, (x) => x + 0)).toEqual([...narrowed]);
  });

  it('refuses chunks that may overflow, and leaves the first block alone if it is told to', () => {
    expect(() => recipes.dfp16({ chunk: 9 })).toThrow(expect.objectContaining({ argument: 'chunk' }));
    const [phase] = roleTable(recipes.dfp16({ first: 'binary32' }), models['conv']!);
    const of = (name: string): string => phase!.rows.find(([first]) => first === name)!.join(' ');
    expect(of('convolution.0')).not.toContain('int15');
    expect(of('convolution.1')).toContain('int15');
  });
});

describe('ShiftQuant', () => {
  /** Channels of a net whose magnitudes differ by powers of four. */
  const uneven = (seed: number) => {
    const net = netOf(seed, 1, [14, 12, 10, 6]);
    const spread = (m: typeof net.x) => ({
      ...m,
      values: m.values.map((v, i) => v * 4 ** -((i % m.columns) % 5)),
    });
    return { ...net, x: spread(net.x), a: spread(net.a), t: spread(net.t) };
  };

  it.each([
    [4, 1],
    [4, 4],
    [5, 3],
    [6, 16],
  ] as const)('of %d bits and %d shifts has the bits of plain loops', async (bits, groups) => {
    const most = 2 ** (bits - 1) - 1;
    const q = scaled(integer(most), most);
    const [columns, rows] = [shiftedByGroups(groups, false, q), shiftedByGroups(groups, true, q)];
    const slots: LayerSlots = { x: columns, w: whole(q), dg: columns, dw: 'same', wg: rows, wx: 'same' };
    const recipe = recipes.shiftQuant({ bits, groups, rounding: 'nearest-even' });
    for (const net of [uneven(1), uneven(2)])
      expect(await trained(tf, recipe, [net])).toEqual([step(net, both(slots), 2 ** -4)]);
  });

  it('rounds gradients stochastically', async () => {
    const slots = (layer: string): LayerSlots => {
      const q = scaled(integer(31), 31);
      const drawn = (product: string) =>
        scaledWith(stochasticInteger(31), 31, drawsOf({ seed: 1, step: 0, layer, product, operand: 'g' }));
      const columns = shiftedByGroups(4, false, q);
      return {
        ...{ x: columns, w: whole(q), dw: 'same', wx: 'same' },
        dg: shiftedByGroups(4, false, drawn('inputGradient')),
        wg: shiftedByGroups(4, true, drawn('weightGradient')),
      };
    };
    const net = uneven(3);
    const given = await trained(tf, recipes.shiftQuant(), [net]);
    expect(given).toEqual([step(net, [slots('layers/0/kernel'), slots('layers/1/kernel')], 2 ** -4)]);
  });
});

describe('XR-NPE', () => {
  const formats = {
    e2m1: [e2m1, 6],
    'posit(4,1)': [posit(4, 1), 4],
    'posit(8,0)': [posit(8, 0), 4],
    'posit(16,1)': [posit(16, 1), 4],
  } as const;
  type Name = keyof typeof formats;
  const names = Object.keys(formats) as Name[];

  /** Scales from the average of the largest magnitudes so far, kept in binary64 and used in binary32. */
  const averaged = (memory: Map<string, number>, name: string, format: Name) =>
    whole((x) => {
      const now = x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      const old = memory.get(name);
      const used = old === undefined ? now : 0.99 * old + (1 - 0.99) * now;
      memory.set(name, used);
      const [round, target] = formats[format];
      return scaled(round, target, Math.fround(used))(x);
    });
  const layer = (format: Name): LayerSlots => {
    const memory = new Map<string, number>();
    return { x: averaged(memory, 'x', format), w: averaged(memory, 'w', format), dw: 'same', wx: 'same' };
  };

  it.each(names)('in %s has the bits of plain loops, steps that differ in size too', async (format) => {
    const nets = [1, 3, 0.5, 8].map((size, i) => netOf(i, size));
    const layers = [layer(format), layer(format)] as const;
    const given = await trained(tf, recipes.xrNpe({ format }), nets);
    expect(given).toEqual(nets.map((net) => step(net, layers, 2 ** -4)));
  });

  it('has a format for each layer that is named', async () => {
    const nets = [netOf(1), netOf(2)];
    const layers = [layer('posit(4,1)'), layer('e2m1')] as const;
    const recipe = recipes.xrNpe({ format: 'e2m1', layers: { 'layers/0*': 'posit(4,1)' } });
    expect(await trained(tf, recipe, nets)).toEqual(nets.map((net) => step(net, layers, 2 ** -4)));
  });

  it('reads the posits of the definition', () => {
    const positives = (bits: number, es: number) =>
      Array.from({ length: 2 ** (bits - 1) - 1 }, (_, i) => positOf(bits, es, i + 1));
    expect(positives(4, 1)).toEqual([1 / 16, 1 / 4, 1 / 2, 1, 2, 4, 16]);
    expect(positives(8, 0).slice(-8)).toEqual([8, 10, 12, 14, 16, 24, 32, 64]);
    expect([positives(16, 1)[0], positives(16, 1).at(-1)]).toEqual([2 ** -28, 2 ** 28]);
  });
});

describe('formats by sensitivity', () => {
  const candidates = (['e2m1', 'posit(4,1)', 'posit(8,0)'] as const).map((format) => ({
    format,
    scale: { per: 'tensor', from: 'absmax', ...(format === 'e2m1' ? {} : { target: 4 }) } as const,
  }));
  const layers = [1, 2, 3, 4].map((size) => ({
    name: `layer${size}`,
    weights: numbers(100, size).map((x) => x * size),
  }));

  it('are the cheapest within the budget, of all that there are', () => {
    const bits = { e2m1: 4, 'posit(4,1)': 4, 'posit(8,0)': 8 };
    const cost = (i: number, c: (typeof candidates)[number]): number => {
      const { weights } = layers[i]!;
      return quantizer(c)
        .fakeQuantize(weights)
        .reduce((sum, v, j) => sum + (v - weights[j]!) ** 2, 0);
    };
    for (const budget of [4, 5, 6, 7, 8]) {
      const { formats, bits: used, cost: total } = assignFormats(layers, candidates, budget);
      // Layers of one size: the greedy choice is the best.
      let best = Infinity;
      for (let n = 0; n < 81; n++) {
        const chosen = layers.map((_, i) => candidates[Math.floor(n / 3 ** i) % 3]!);
        const mean = chosen.reduce((sum, { format }) => sum + bits[format], 0) / 4;
        if (mean <= budget)
          best = Math.min(
            best,
            chosen.reduce((sum, c, i) => sum + cost(i, c), 0),
          );
      }
      expect(total).toBeCloseTo(best, 12);
      expect(used).toBeLessThanOrEqual(budget);
      expect(Object.keys(formats)).toEqual(['layer1', 'layer2', 'layer3', 'layer4']);
    }
    expect(Object.values(assignFormats(layers, candidates, 8).formats)).toEqual(
      new Array(4).fill('posit(8,0)'),
    );
  });

  it('go by the curvature, and are refused where none fits', () => {
    const curvature = new Float32Array(100).fill(1e6);
    const curved = layers.map((layer, i) => (i === 0 ? { ...layer, curvature } : layer));
    const { formats } = assignFormats(curved, candidates, 5);
    expect(formats['layer1']).toBe('posit(8,0)');
    expect(assignFormats(layers, candidates, 5).formats['layer1']).not.toBe('posit(8,0)');
    expect(() => assignFormats(layers, candidates, 3)).toThrow(expect.objectContaining({ argument: 'bits' }));
    expect(() => assignFormats([], candidates, 5)).toThrow(expect.objectContaining({ argument: 'layers' }));
    expect(() => assignFormats([{ ...layers[0]!, curvature: new Float32Array(3) }], candidates, 5)).toThrow(
      /curvature/,
    );
    expect(() => assignFormats([layers[0]!, layers[0]!], candidates, 5)).toThrow(/layers\[1\].name/);
    expect(() => assignFormats(layers, [{ format: 'e9m9', scale: candidates[0]!.scale }], 5)).toThrow(
      /candidates\[0\]/,
    );
  });
});

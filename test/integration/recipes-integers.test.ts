/** The recipes on integers: a step of two layers against loops that know nothing of the library, and their equalities. */
import { beforeAll, describe, expect, it } from 'vitest';
import { quantizer } from '../../src/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { models, recipes, roleTable } from '../../src/train/index.ts';
import { integerProduct, sharedExponent } from '../oracles/recipes/quantizers.ts';
import { type LayerSlots, numbers, step, whole } from '../oracles/recipes/two-layer.ts';
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

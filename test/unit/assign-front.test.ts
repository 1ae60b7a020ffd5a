/** Assignments of formats: the exact front against all assignments that there are, the greedy one, costs that were measured. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantizer } from '../../src/index.ts';
import { placesOf, relativeLayer } from '../../src/train/assign-formats.ts';
import { exactFront, type FormatChoice, greedyFront, worthChoices } from '../../src/train/assign-front.ts';
import { assignFormats, formatFront, type SensitiveLayer } from '../../src/train/index.ts';
import { gaussians } from '../../src/train/random.ts';

type Choice = FormatChoice<number>;

const place = fc
  .array(fc.record({ bits: fc.integer({ min: 1, max: 30 }), cost: fc.integer({ min: -3, max: 40 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((choices) => ({
    name: 'a',
    size: 1,
    choices: worthChoices(choices.map((one, format) => ({ ...one, format }))),
  }));
const sum = (chosen: readonly Choice[]): readonly [bits: number, cost: number] => [
  chosen.reduce((total, { bits }) => total + bits, 0),
  chosen.reduce((total, { cost }) => total + cost, 0),
];

/** All assignments, one by one. */
function* allOf(places: readonly { readonly choices: readonly Choice[] }[]): Generator<Choice[]> {
  const [first, ...rest] = places;
  if (first === undefined) return yield [];
  for (const choice of first.choices) for (const others of allOf(rest)) yield [choice, ...others];
}

describe('fronts', () => {
  it('that are exact have what no assignment beats, and all of it', () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 5 }), (places) => {
        const all = [...allOf(places)].map(sum);
        const unbeaten = all.filter(
          ([bits, cost]) => !all.some(([b, c]) => b <= bits && c <= cost && (b < bits || c < cost)),
        );
        const points = new Map(unbeaten.map((point) => [String(point), point]));
        const expected = [...points.values()].sort(([a], [b]) => a - b);
        expect(exactFront(places).map(sum)).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  it('that are greedy begin and end where the exact ones do, grow step by step, and beat none of their points', () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 5 }), (places) => {
        const [exact, greedy] = [exactFront(places).map(sum), greedyFront(places).map(sum)];
        expect(greedy[0]![0]).toBe(exact[0]![0]);
        expect(greedy.at(-1)).toEqual(exact.at(-1));
        for (let i = 1; i < greedy.length; i++) expect(greedy[i]![0]).toBeGreaterThan(greedy[i - 1]![0]);
        for (const [bits, cost] of greedy)
          expect(exact.findLast(([b]) => b <= bits)![1]).toBeLessThanOrEqual(cost);
      }),
    );
  });
});

const candidates = ['int2/block:4', 'int3/row', 'int8/row'] as const;
const layers: SensitiveLayer[] = [
  { name: 'wide', weights: gaussians(64, 1, 1, 'wide'), shape: [4, 16] },
  { name: 'filter', weights: gaussians(36, 3, 1, 'filter'), shape: [2, 9, 2] },
  { name: 'flat', weights: gaussians(8, 0.1, 1, 'flat') },
];

describe('assignments', () => {
  it('count scales of groups, and cost what their images do', () => {
    const [first] = formatFront(layers.slice(0, 1), candidates);
    // Two bits and a binary32 scale for 4: 10 bits a weight; a row of 16: 3 + 2.
    expect(first!.formats).toEqual({ wide: 'int3/row' });
    expect(first!.bits).toBe(5);
    expect(first!.bytes).toBe(40);
    const { weights } = layers[0]!;
    const images = quantizer({ format: 'int3', scale: { per: 'row', from: 'absmax' } }).fakeQuantize(
      weights,
      [4, 16],
    );
    expect(first!.cost).toBe(weights.reduce((total, w, i) => total + (images[i]! - w) ** 2, 0));
  });

  it('keep blocks of a filter within a tap', () => {
    const [only] = formatFront([layers[1]!], ['int2/block:4']);
    const { weights } = layers[1]!;
    const images = quantizer({
      format: 'int2',
      scale: { per: 'block', size: 4, from: 'absmax' },
    }).fakeQuantize(weights, [18, 2]);
    expect(only!.cost).toBe(weights.reduce((total, w, i) => total + (images[i]! - w) ** 2, 0));
    expect(only!.bits).toBe(2 + 32 / 2);
  });

  it('take the best of the front within the bits, exactly or greedily', () => {
    const [exact, greedy] = (['exact', 'greedy'] as const).map((by) =>
      formatFront(layers, candidates, { by }),
    );
    for (const bits of [6, 7, 8, 9.5, 12, 40]) {
      const best = exact!.findLast((point) => point.bits <= bits);
      if (best === undefined) {
        expect(() => assignFormats(layers, candidates, bits)).toThrow(/bits: got/);
        continue;
      }
      expect(assignFormats(layers, candidates, bits)).toEqual(best);
      expect(assignFormats(layers, candidates, bits, { by: 'greedy' }).cost).toBeGreaterThanOrEqual(
        best.cost,
      );
    }
    expect(greedy!.at(-1)).toEqual(exact!.at(-1));
  });

  it('take costs that were measured, below 0 too', () => {
    const measured = layers.map((layer, i) => ({
      ...layer,
      costs: [
        [5, -1, 0],
        [1, 1, 1],
        [3, 2, -2],
      ][i]!,
    }));
    const last = formatFront(measured, candidates).at(-1)!;
    expect(last.formats).toEqual({ wide: 'int3/row', filter: 'int3/row', flat: 'int8/row' });
    expect(last.cost).toBe(-2);
  });

  it.each([
    [{ costs: [1, 2] }, 'layers[0].costs'],
    [{ costs: ['1', 2, 3] }, 'layers[0].costs[0]'],
    [{ shape: [3, 16] }, 'layers[0].shape'],
    [{ shape: [0, 64] }, 'layers[0].shape[0]'],
  ])('refuse a layer with %j', (more, argument) => {
    const refusal = expect.objectContaining({ argument });
    expect(() => formatFront([{ ...layers[0]!, ...more } as never], candidates)).toThrow(refusal);
  });

  it('refuse what is no way and no format', () => {
    expect(() => formatFront(layers, ['int2/rwo'])).toThrow(/candidates\[0\]/);
    expect(() => formatFront(layers, candidates, { by: 'luck' } as never)).toThrow(/^by: got 'luck'/);
    expect(() => assignFormats(layers, candidates, 40, { how: 'exact' } as never)).toThrow(/^how/);
  });
});

it('costs relative to a layer are of any magnitude that weights have', () => {
  const weights = gaussians(64, 1, 1, 'weights');
  const tiny = weights.map((w) => w * 2 ** -80);
  const [a, b] = placesOf(
    [relativeLayer({ name: 'a', weights }), relativeLayer({ name: 'b', weights: tiny })],
    [{ format: 'int4', scale: { per: 'row', from: 'absmax', least: 0 } }],
  );
  expect(b!.choices[0]!.cost).toBe(a!.choices[0]!.cost);
});

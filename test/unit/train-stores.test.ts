/** Weight stores: grids, bfloat16, groups. */
import { describe, expect, it } from 'vitest';
import { round } from '../../src/operations/index.ts';
import { gaussians } from '../../src/train/random.ts';
import { gridScale, gridWeight } from '../../src/train/stores/codes.ts';
import {
  checkStore,
  type HeldWeight,
  holdWeight,
  type WeightStoreSpec,
} from '../../src/train/stores/index.ts';

const initial = gaussians(1000, 0.02, 1, 'w');
const grid = { kind: 'grid', format: 'int8', rounding: 'stochastic', range: 'absmean' } as const;
const draw = (stream: number) => ({ seed: 7, stream: BigInt(stream) });

describe('a grid', () => {
  it('has its largest code at mean |w|, or at k deviations', () => {
    const mean = initial.reduce((sum, w) => sum + Math.abs(w), 0) / 1000;
    expect(gridScale(initial, grid)).toBe(Math.fround(127 / Math.fround(mean)));
    const rms = Math.sqrt(initial.reduce((sum, w) => sum + w * w, 0) / 1000);
    const wide = gridScale(initial, { ...grid, format: 'ternary', range: { deviations: 4 } });
    expect(wide).toBe(Math.fround(1 / Math.fround(4 * rms)));
    expect(gridScale(new Float32Array(4), grid)).toBe(Math.fround(127 / Math.fround(1e-5)));
  });

  it.each([
    ['ternary', 250 + 4, -1, 1],
    ['int3', 375 + 4, -4, 3],
    ['int4', 500 + 4, -8, 7],
    ['int8', 1000 + 4, -128, 127],
  ])('of %s takes %i bytes and holds what it can', (format, bytes, low, high) => {
    const held = gridWeight(initial, { ...grid, format });
    const scale = gridScale(initial, { ...grid, format });
    expect(held.bytes).toBe(bytes);
    const values = held.load();
    initial.forEach((w, i) => {
      const z = Math.fround(w * scale);
      const floor = Math.floor(z);
      const nearest = z - floor === 0.5 ? floor + (Math.abs(floor) % 2) : Math.round(z);
      const code = Math.min(high, Math.max(low, nearest));
      expect(values[i]).toBe(Math.fround(code / scale) + 0);
    });
  });

  it('is written without bias where rounding is stochastic, and stays where it is nearest and steps are small', () => {
    const stochastic = gridWeight(initial, { ...grid, format: 'int4', range: { deviations: 8 } });
    const start = stochastic.load();
    const step = 1 / gridScale(initial, { ...grid, format: 'int4', range: { deviations: 8 } });
    const up = start.map((w) => w + 0.25 * step);
    let moved = 0;
    for (let k = 0; k < 40; k++) {
      const fresh = gridWeight(initial, { ...grid, format: 'int4', range: { deviations: 8 } });
      const measure = fresh.writeMeasured(up, draw(k));
      moved += measure.flipRate;
      expect(Math.abs(measure.stepRatio - 0.25)).toBeLessThan(1e-4);
    }
    // 40 000 draws with probability 1/4: sd 0.0022.
    expect(Math.abs(moved / 40 - 0.25)).toBeLessThan(0.01);
    const nearest = gridWeight(initial, {
      ...grid,
      format: 'int4',
      rounding: 'nearest-even',
      range: { deviations: 8 },
    });
    expect(nearest.writeMeasured(up, draw(1)).flipRate).toBe(0);
    expect(nearest.load()).toEqual(start);
  });

  it('measures zeros and saturation', () => {
    const held = gridWeight(initial, { ...grid, format: 'ternary' });
    const measure = held.writeMeasured(held.load(), draw(1));
    const values = held.load();
    expect(measure.flipRate).toBe(0);
    expect(measure.zeroFraction).toBe(values.filter((w) => w === 0).length / 1000);
    expect(measure.saturation).toBe(values.filter((w) => w !== 0).length / 1000);
  });
});

const specs: WeightStoreSpec[] = [
  grid,
  { ...grid, format: 'ternary' },
  { kind: 'bfloat16', rounding: 'stochastic' },
  { kind: 'group-int8', size: 256, rounding: 'stochastic' },
  { ...grid, format: 'e4m3fn' },
  { ...grid, format: 'posit8', range: { scale: 50 } },
  { ...grid, format: 'nf4' },
  { ...grid, format: 'fixed(8,4)' },
  { kind: 'format', format: 'binary16', rounding: 'stochastic' },
  { kind: 'format', format: 'posit16', rounding: 'stochastic' },
];

describe.each(specs)('%j', (spec) => {
  const make = (): HeldWeight => holdWeight(initial, spec)!;

  it('is a function of its draws', () => {
    const [a, b, c] = [make(), make(), make()];
    const updated = initial.map((w) => w * 1.03 + 1e-4);
    a.write(updated, draw(1));
    b.writeMeasured(updated, draw(1));
    c.write(updated, draw(2));
    expect(b.load()).toEqual(a.load());
    expect(c.load()).not.toEqual(a.load());
  });

  it('is restored to the bit, and refuses what does not fit', () => {
    const [a, b] = [make(), make()];
    a.write(
      initial.map((w) => w * 1.1),
      draw(3),
    );
    b.restore(a.save());
    expect(b.load()).toEqual(a.load());
    expect(() => b.restore({})).toThrow(/checkpoint/);
  });
});

it('groups and bfloat16 stay near the weights', () => {
  const largest = Math.max(...initial.map(Math.abs));
  for (const [spec, limit] of [
    [specs[2]!, 2 ** -8 * largest],
    [specs[3]!, (2 * largest) / 255],
  ] as const) {
    const values = holdWeight(initial, spec)!.load();
    for (let i = 0; i < 1000; i++) expect(Math.abs(values[i]! - initial[i]!)).toBeLessThanOrEqual(limit);
  }
});

/** Signed formats of every kind. */
const formats = [
  ...([
    'ternary',
    'int2',
    'int16',
    'binary16',
    'bfloat16',
    'e5m2',
    'e4m3fn',
    'e4m3fnuz',
    'e3m2',
    'e2m1',
  ] as const),
  ...(['posit8', 'posit16', 'posit(6,1)', 'fixed(8,4)', 'nf4', 'dynamic8', 'binary', 'tf32'] as const),
];

describe.each(formats)('%s', (format) => {
  it.each(['stochastic', 'nearest-even'] as const)('holds what rounding gives, written %s', (rounding) => {
    const updated = initial.map((w, i) => (i < 4 ? [0, -0, 1e30, -1e30][i]! : w * 1.07 + 3e-4));
    for (const range of ['absmean', { deviations: 3 }, { scale: 37.5 }, undefined] as const) {
      const spec: WeightStoreSpec =
        range === undefined ? { kind: 'format', format, rounding } : { ...grid, format, rounding, range };
      checkStore(spec, 'store');
      const scale = spec.kind === 'grid' ? gridScale(initial, spec) : 1;
      const held = holdWeight(initial, spec)!;
      const rounded = (weights: Float32Array, options: object): number[] =>
        [
          ...round(
            weights.map((w) => w * scale),
            format,
            { saturation: 'finite', ...options },
          ),
        ].map((code) => Math.fround(code / scale) + 0);
      const bits = (): number[] => [...held.load()].map((value) => value + 0);
      expect(bits()).toEqual(rounded(initial, {}));
      held.writeMeasured(updated, draw(4));
      const options = rounding === 'stochastic' ? { rounding, ...draw(4) } : {};
      expect(bits()).toEqual(rounded(updated, options));
    }
  });
});

it.each([
  ['uint8', 'unsigned'],
  ['e8m0', 'unsigned'],
  ['binary64', 'wider than binary32'],
  ['logarithmic(4,3)', 'irrational'],
  ['mxfp4', 'blocks'],
  ['e4m33', 'unknown'],
])('refuses %s: %s', (format) => {
  const given = { kind: 'format', format, rounding: 'nearest-even' } as const;
  expect(() => checkStore(given, 'recipe.store')).toThrow(
    expect.objectContaining({ name: 'ArgumentError', argument: 'recipe.store.format' }),
  );
});

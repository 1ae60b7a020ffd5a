/** Ranges of activations: what the quantisers of the library make of the same numbers, and the best of what is searched. */
import { describe, expect, test } from 'vitest';
import { activationRange, searchMinifloat } from '../../src/after/index.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { gaussians } from '../../src/train/random.ts';

const gaussian = gaussians(5000, 1, 3, 'x').map((x, i) => (i % 500 === 7 ? 8 * x : x));
const positive = gaussian.map((x) => Math.max(0, x));
const lost = (x: Float32Array, values: ArrayLike<number>): number =>
  x.reduce((sum, value, i) => sum + (values[i]! - value) ** 2, 0) /
  x.reduce((sum, value) => sum + value * value, 0);

describe('of all that was seen', () => {
  test.each([
    ['int8', { per: 'tensor', from: 'absmax' }],
    ['int4', { per: 'tensor', from: 'absmax' }],
    ['e4m3fn', { per: 'tensor', from: 'absmax' }],
    ['uint8', { per: 'tensor', from: 'minmax' }],
    ['uint4', { per: 'tensor', from: 'minmax' }],
  ] as const)('%s is what the quantiser finds, as a constant', (format, scale) => {
    for (const x of [gaussian, positive, positive.map((value) => value + 1)]) {
      const found = activationRange(x, { format });
      const { values } = quantizer({ format, scale }).quantize(x);
      expect(quantizer(found.quantizer).fakeQuantize(x)).toEqual(values);
      expect(found.quantizer.scale).toMatchObject({ per: 'tensor', from: 'constant' });
      expect(found.error).toBeCloseTo(lost(x, values), 12);
      // It goes through JSON.
      expect(quantizer(JSON.parse(JSON.stringify(found.quantizer))).fakeQuantize(x)).toEqual(values);
    }
  });
});

test('percentiles are those of magnitudes, or of each end', () => {
  for (const percentile of [90, 99.9]) {
    const scale = { per: 'tensor', from: 'percentile', percentile } as const;
    const found = activationRange(gaussian, { format: 'int8', range: 'percentile', percentile });
    const own = quantizer({ format: 'int8', scale }).quantize(gaussian).values;
    expect(quantizer(found.quantizer).fakeQuantize(gaussian)).toEqual(own);
    const affine = activationRange(gaussian, { format: 'uint8', range: 'percentile', percentile });
    const sorted = gaussian.slice().sort();
    const at = (part: number): number => sorted[Math.round((part / 100) * (gaussian.length - 1))]!;
    const ends = Float32Array.of(at(100 - percentile), at(percentile));
    const { scales, zeroPoints } = quantizer({
      format: 'uint8',
      scale: { per: 'tensor', from: 'minmax' },
    }).quantize(ends);
    expect(affine.quantizer.scale).toMatchObject({ value: scales[0], zeroPoint: zeroPoints![0] });
  }
  const { quantizer: usual } = activationRange(gaussian, { range: 'percentile' });
  expect(usual).toEqual(activationRange(gaussian, { range: 'percentile', percentile: 99.9 }).quantizer);
});

test('the range of least squared error is no worse than others, and better with outliers', () => {
  for (const format of ['int4', 'uint4', 'int8', 'uint8', 'e2m1'] as const) {
    const [searched, all] = (['mse', 'minmax'] as const).map(
      (range) => activationRange(gaussian, { format, range }).error,
    );
    expect(searched!).toBeLessThanOrEqual(all!);
    if (format.endsWith('4')) expect(searched!).toBeLessThan(0.7 * all!);
  }
});

test('bits are searched over floats and integers', () => {
  // Numbers of a float of 5 bits lose nothing.
  const own = Float32Array.from(
    { length: 400 },
    (_, i) => (i % 2 ? -1 : 1) * (1 + (i % 4) / 4) * 2 ** (i % 4),
  );
  const found = activationRange(own, { bits: 5 });
  expect(found.error).toBe(0);
  expect(String(found.quantizer.format)).toMatch(/^float\(/);
  const best = activationRange(gaussian, { bits: 6 });
  expect(best.error).toBe(
    Math.min(...searchMinifloat(gaussian, { bits: 6 }).tried.map(({ error }) => error)),
  );
  expect(best.error).toBeLessThanOrEqual(activationRange(gaussian, { format: 'int6', range: 'mse' }).error);
});

test('zeros have some scale', () => {
  for (const options of [
    {},
    { format: 'int8' },
    { range: 'mse' },
    { bits: 4 },
    { range: 'percentile' },
  ] as const) {
    const { quantizer: found, error } = activationRange(new Float32Array(5), options);
    expect(error).toBe(0);
    expect(quantizer(found).fakeQuantize(new Float32Array(5))).toEqual(new Float32Array(5));
  }
});

test.each<[string, () => unknown]>([
  ['x', () => activationRange(new Float32Array())],
  ['x', () => activationRange(Float32Array.of(1, Number.NaN))],
  ['range', () => activationRange(gaussian, { range: 'max' as never })],
  ['percentile', () => activationRange(gaussian, { percentile: 99 })],
  ['percentile', () => activationRange(gaussian, { range: 'percentile', percentile: 50 })],
  ['format', () => activationRange(gaussian, { format: 'int8', bits: 4 })],
  ['bits', () => activationRange(gaussian, { bits: 9 })],
  ['ranges', () => activationRange(gaussian, { ranges: 1 } as never)],
])('a wrong %s is refused', (argument, call) => {
  expect(call).toThrow(expect.objectContaining({ name: 'ArgumentError', argument }));
});

/** Selection by rank against sorting. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clampBeyond, finiteAt } from '../../src/kernels/quantizers/selection.ts';
import { selectMagnitude } from '../../src/quantizers/selection.ts';
import { statisticOf } from '../../src/quantizers/statistics.ts';
import { clampReference } from '../../src/quantizers/transforms/clamp-residual.ts';
import { clampResidual } from '../../src/quantizers/transforms/index.ts';
import { normals } from '../normals.ts';

const sorted = (group: Float32Array): Float64Array => Float64Array.from(group, Math.abs).sort();

it('finds what stands at a place of the sorted magnitudes', () => {
  const number = fc.oneof(
    fc.float({ noNaN: true }),
    fc.constantFrom(
      0,
      -0,
      1,
      -1,
      2 ** -149,
      -(2 ** -149),
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ),
  );
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 60 }), fc.nat(), (values, at) => {
      const group = Float32Array.from([7, ...values]).subarray(1);
      const rank = at % group.length;
      expect(selectMagnitude(group, rank)).toBe(sorted(group)[rank]);
    }),
  );
});

it('gives the median and percentiles of long groups as of short ones', () => {
  const group = normals(9001, 3);
  const magnitudes = sorted(group);
  expect(statisticOf(group, 'absmedian', 100)).toBe(magnitudes[4500]);
  expect(statisticOf(group, 'percentile', 99)).toBe(magnitudes[Math.ceil(0.99 * 9001) - 1]);
  expect(statisticOf(group, 'percentile', 100)).toBe(magnitudes[9000]);
  expect(statisticOf(group, 'percentile', 1e-9)).toBe(magnitudes[0]);
  group[77] = Number.NaN;
  expect(statisticOf(group, 'absmedian', 100)).toBeNaN();
});

it('orders finite numbers of any sign, without the others', () => {
  const number = fc.oneof(
    fc.float({ noNaN: true }),
    fc.constantFrom(
      0,
      -0,
      1,
      -1,
      2 ** -149,
      -(2 ** -149),
      Infinity,
      -Infinity,
      NaN,
      -(2 - 2 ** -23) * 2 ** 127,
    ),
  );
  fc.assert(
    fc.property(fc.array(number, { maxLength: 60 }), (values) => {
      const x = Float32Array.from([7, ...values]).subarray(1);
      const expected = x.filter(Number.isFinite).sort();
      const ranks = Array.from(expected, (_, rank) => rank).reverse();
      const found = finiteAt(x, (count) => {
        expect(count).toBe(expected.length);
        return ranks;
      });
      expect(found.every((value, i) => Object.is(value, expected[ranks[i]!]))).toBe(true);
    }),
  );
});

it('clamps long arrays at the quantiles of short ones', () => {
  const x = normals(9001, 5);
  x.set([Number.NaN, Infinity, -Infinity], 100);
  const ascending = x.filter(Number.isFinite).sort();
  for (const alpha of [0.99, 0.6, 1]) {
    const bounds = [1 - alpha, alpha].map((part) => {
      const rank = part * (ascending.length - 1);
      const below = Math.floor(rank);
      const [low, high] = [ascending[below]!, ascending[Math.min(below + 1, ascending.length - 1)]!];
      return Math.fround(low + (rank - below) * (high - low));
    });
    const { residue } = clampResidual({ alpha }).forward(x, [x.length]);
    expect(residue).toMatchObject({ kind: 'clamped', low: bounds[0], high: bounds[1] });
  }
});

it('clamps any numbers as one after the other', () => {
  const bound = fc.constantFrom(-Infinity, Infinity, 0, -0, 1, -1, 2 ** -149, -(2 ** 127), 0.5);
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 0, max: 70 }), bound, bound, (seed, length, low, high) => {
      const x = normals(length, seed);
      for (const [i, special] of [Number.NaN, Infinity, -Infinity, 0, -0].entries())
        if (seed % 2 === 1 && i < length) x[i] = special;
      const [wanted, found] = [new Float32Array(length), new Float32Array(length)];
      const [least, most] = [Math.min(low, high), Math.max(low, high)];
      expect(clampBeyond(x, least, most, found)).toEqual(clampReference(x, least, most, wanted));
      expect(found.every((value, i) => Object.is(value, wanted[i]))).toBe(true);
    }),
  );
  const x = normals(40_001, 3);
  const [wanted, found] = [new Float32Array(x.length), new Float32Array(x.length)];
  expect(clampBeyond(x, -1, 2, found)).toEqual(clampReference(x, -1, 2, wanted));
  expect(found.every((value, i) => Object.is(value, wanted[i]))).toBe(true);
});

/** Means, deviations, paired differences and moving means. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { movingMean, pairedDifference, spread } from '../../src/cli/statistics.ts';

test('spread of none, one and several values', () => {
  expect(spread([])).toBeNull();
  expect(spread([3])).toEqual({ mean: 3, deviation: null, count: 1 });
  expect(spread([1, 3])).toEqual({ mean: 2, deviation: Math.SQRT2, count: 2 });
  expect(spread([2, 4, 4, 4, 5, 5, 7, 9])!.deviation).toBe(Math.sqrt(32 / 7));
});

test('paired difference takes the seeds that both have', () => {
  const baseline = new Map([
    [1, 10],
    [2, 20],
    [3, 30],
  ]);
  const values = new Map([
    [2, 21],
    [3, 33],
    [4, 99],
  ]);
  expect(pairedDifference(values, baseline)).toEqual({ mean: 2, deviation: Math.SQRT2, count: 2 });
  expect(pairedDifference(new Map([[9, 1]]), baseline)).toBeNull();
});

test('moving mean is centred and shorter at the ends', () => {
  expect(movingMean([1, 2, 3, 4, 10], 1)).toEqual([1.5, 2, 3, 17 / 3, 7]);
  expect(movingMean([], 3)).toEqual([]);
});

test('moving mean leaves non-finite values where they are and out of the others', () => {
  expect(movingMean([1, Number.NaN, 3], 1)).toEqual([1, Number.NaN, 3]);
});

test('moving mean with radius 0 changes nothing and stays between the extremes otherwise', () => {
  const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 });
  fc.assert(fc.property(values, (xs) => void expect(movingMean(xs, 0)).toEqual(xs)));
  fc.assert(
    fc.property(values, fc.nat(20), (xs, radius) =>
      movingMean(xs, radius).every((mean) => mean >= Math.min(...xs) && mean <= Math.max(...xs)),
    ),
  );
});

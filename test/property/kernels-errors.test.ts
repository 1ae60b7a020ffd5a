/** The counts of what a rounding did: against a plain loop that adds the squares in the same four lanes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countErrors } from '../../src/kernels/errors.ts';

const number = fc.oneof(
  fc.double({ min: -500, max: 500, noNaN: true }).map(Math.fround),
  fc.constantFrom(0, -0, 448, -448, 1e-40, 3e38, Infinity, -Infinity, Number.NaN),
);
const pairs = fc.oneof(
  fc.tuple(number, number),
  number.map((x): [number, number] => [x, x]),
  // As directed roundings have it: errors as large as can be.
  fc.constantFrom<[number, number]>(
    [2 ** -149, 2],
    [2 ** -149, 3e38],
    [-(2 ** -130), -448],
    [3e38, -3e38],
    [1, 3],
    [1, 2],
  ),
);

function counted(exact: Float32Array, rounded: Float32Array, low: number, high: number) {
  const counts = { overflow: 0, underflow: 0, nan: 0, measured: 0, largest: 0 };
  const lanes = [0, 0, 0, 0];
  exact.forEach((x, i) => {
    const y = rounded[i]!;
    if (Number.isNaN(y)) counts.nan++;
    if (!Number.isFinite(x) || x === 0) return;
    if (x > high || x < low) counts.overflow++;
    else if (y === 0) counts.underflow++;
    if (!Number.isFinite(y)) return;
    const difference = Math.fround(y - x);
    const isLarge = Math.abs(difference) > Math.abs(x);
    const error = Math.abs(isLarge ? (y - x) / x : Math.fround(difference / x));
    lanes[i % 4]! += error * error;
    counts.measured++;
    counts.largest = Math.max(counts.largest, error);
  });
  return { ...counts, squares: lanes.reduce((sum, lane) => sum + lane, 0) };
}

test('any numbers', () => {
  const holds = (given: [number, number][]): void => {
    const [exact, rounded] = [0, 1].map((side) => Float32Array.from(given, (pair) => pair[side]!));
    expect(countErrors(exact!, rounded!, -448, 448)).toEqual(counted(exact!, rounded!, -448, 448));
  };
  fc.assert(fc.property(fc.array(pairs, { maxLength: 40 }), holds), { numRuns: 2000 });
});

test.each([0, 1, 3, 4, 2047, 2048, 2049, 10_001])('%d numbers, in pieces', (length) => {
  const exact = Float32Array.from({ length }, (_, i) => Math.sin(i * 7.1) * 600);
  const rounded = exact.map((x) => Math.round(x));
  expect(countErrors(exact, rounded, -448, 448)).toEqual(counted(exact, rounded, -448, 448));
});

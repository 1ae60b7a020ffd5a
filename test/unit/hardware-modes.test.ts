/** The modes of hardware, by values worked out by hand: ties toward one side, ties to odd, jamming, and wrapping that keeps the sign. */
import { describe, expect, it } from 'vitest';
import { toFormat } from '../../src/formats/index.ts';
import { roundingPath } from '../../src/kernels/rounding-planner.ts';
import { arithmetic } from '../../src/operations/arithmetic.ts';
import { encode, round } from '../../src/operations/conversions.ts';
import { type RoundOptions, resolveRounding, roundScalar } from '../../src/rounding/index.ts';

/** Rounds in the reference and in both kinds of arrays, which must agree, and gives the results. */
function all(format: string, options: RoundOptions, ...x: number[]): number[] {
  const target = toFormat(format);
  const resolved = resolveRounding(target, options);
  const scalar = x.map((value) => roundScalar(value, target, resolved, 0));
  expect([...round(Float64Array.from(x), target, options)]).toEqual(scalar);
  expect([...round(Float32Array.from(x), target, options)]).toEqual(scalar);
  return scalar;
}

describe('ties', () => {
  const halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5];
  it.each([
    ['nearest-to-positive', [-2, -1, 0, 1, 2, 3]],
    ['nearest-to-negative', [-3, -2, -1, 0, 1, 2]],
    ['nearest-odd', [-3, -1, -1, 1, 1, 3]],
  ] as const)('of integers, %s', (rounding, expected) => {
    expect(all('int8', { rounding }, ...halves)).toEqual(expected);
    // Math.round is round half up.
    if (rounding === 'nearest-to-positive') expect(halves.map((x) => Math.round(x) + 0)).toEqual(expected);
  });

  it.each([
    // Between 1 and 1.125, and 1.125 and 1.25 of e4m3fn; half of the smallest number; between 448 and what would be 480.
    ['nearest-to-positive', [1.125, 1.25, -1, -1.125, 2 ** -9, -0, NaN, -448]],
    ['nearest-to-negative', [1, 1.125, -1.125, -1.25, 0, -(2 ** -9), 448, NaN]],
    ['nearest-odd', [1.125, 1.125, -1.125, -1.125, 2 ** -9, -(2 ** -9), NaN, NaN]],
  ] as const)('of floats, %s', (rounding, expected) => {
    const x = [1.0625, 1.1875, -1.0625, -1.1875, 2 ** -10, -(2 ** -10), 464, -464];
    expect(all('e4m3fn', { rounding }, ...x)).toEqual(expected);
  });

  it('at the upper end of an IEEE-like format: the largest significand is odd', () => {
    const x = [65520, -65520];
    expect(all('binary16', { rounding: 'nearest-to-positive' }, ...x)).toEqual([Infinity, -65504]);
    expect(all('binary16', { rounding: 'nearest-to-negative' }, ...x)).toEqual([65504, -Infinity]);
    expect(all('binary16', { rounding: 'nearest-odd' }, ...x)).toEqual([65504, -65504]);
    expect(all('bfloat16', { rounding: 'nearest-odd' }, 1 + 2 ** -8, 1 + 3 * 2 ** -8)).toEqual([
      1 + 2 ** -7,
      1 + 2 ** -7,
    ]);
  });
});

describe('jamming', () => {
  const rounding = 'jamming';

  it('sets the last bit of a significand, exact or not, but leaves zeros', () => {
    expect(all('e4m3fn', { rounding }, 1, -1, 1.125, 1.3, 0, -0, 2 ** -9, 2 ** -8, 1e-30)).toEqual([
      1.125,
      -1.125,
      1.125,
      1.375,
      0,
      -0,
      2 ** -9,
      3 * 2 ** -9,
      2 ** -9,
    ]);
    // The largest number of e4m3fn is even; what would be the next is NaN's.
    expect(all('e4m3fn', { rounding }, 448, 1e9, -Infinity)).toEqual([448, 448, NaN]);
    expect(all('bfloat16', { rounding }, 1, -3e38, Infinity)).toEqual([
      1 + 2 ** -7,
      (-225 / 128) * 2 ** 127,
      Infinity,
    ]);
    for (const name of ['binary16', 'bfloat16', 'e5m2', 'e2m3', 'tf32']) {
      const format = toFormat(name);
      const values = format.bits <= 16 ? format.values() : [1, 2, 3, 1e-40];
      const codes = encode(Float64Array.from(values), format, { rounding });
      expect(values.filter((x, i) => x !== 0 && Number(codes[i]) % 2 === 0)).toEqual([]);
    }
  });

  it("sets the last bit of two's complement, of zero too", () => {
    expect(all('int8', { rounding }, 0, -0, 1, 2, -1, -2, -2.5, 0.5, -0.5, 126, -128, 1000)).toEqual([
      1, 1, 1, 3, -1, -1, -3, 1, -1, 127, -127, 127,
    ]);
    expect(all('uint8', { rounding }, 0, -0.5, 254.5)).toEqual([1, 0, 255]);
    expect(all('fixed(3,2)', { rounding }, 0.5, -0.5, 0)).toEqual([0.75, -0.25, 0.25]);
    const codes = encode(
      Float64Array.from({ length: 256 }, (_, i) => i - 128),
      'int8',
      { rounding },
    );
    expect([...codes].filter((code) => Number(code) % 2 === 0)).toEqual([]);
  });

  it('rounds a result once, as if exact, and leaves the operands', () => {
    const e4m3 = arithmetic('e4m3fn', { rounding });
    expect(e4m3.add(1, 1)).toBe(2.25);
    expect(e4m3.sub(1, 1)).toBe(0);
    expect(e4m3.mul(2, 4)).toBe(9);
    const lenient = arithmetic('e4m3fn', { rounding, operands: 'round' });
    // 2 stays, 1.01 becomes 1.125: 3.125 lies between 3 and 3.25.
    expect(lenient.add(2, 1.01)).toBe(3.25);
    expect([...(lenient.add(Float32Array.of(2, 1), Float32Array.of(1.01, 1)) as Float32Array)]).toEqual([
      3.25, 2.25,
    ]);
    // Sums of integers are exact, and jammed all the same.
    const int8 = arithmetic('int8', { rounding });
    expect(int8.dot(Float32Array.of(1, 1), Float32Array.of(1, 1))).toBe(3);
    const ones = new Float32Array(64 * 64).fill(1);
    expect(new Set(int8.matmul(ones, ones, { m: 64, k: 64, n: 64 }))).toEqual(new Set([127]));
  });
});

describe('keep-sign', () => {
  it('keeps the sign and the low bits', () => {
    const options = { saturation: 'keep-sign' } as const;
    expect(all('int4', options, 7, 8, 9, 15, 16, -8, -9, -1, -16, -128, 1e30, -1e30, Infinity)).toEqual([
      7, 0, 1, 7, 0, -8, -1, -1, -8, -8, 0, -8, 7,
    ]);
    expect(all('uint4', options, 15, 16, -1, 0.5)).toEqual([15, 0, 15, 0]);
    expect(all('fixed(1,2)', options, 2.25, -2.25)).toEqual([0.25, -0.25]);
    expect(arithmetic('int8', options).add(100, 100)).toBe(72);
    expect(arithmetic('int8', options).mul(-100, 100)).toBe(-16);
  });

  it.each(['int8symmetric', 'e4m3fn', 'posit8'])('is refused for %s', (format) => {
    expect(() => round(1, format, { saturation: 'keep-sign' })).toThrow(/saturation: got 'keep-sign'/);
  });
});

it('has kernels for every new mode', () => {
  for (const rounding of ['nearest-to-positive', 'nearest-to-negative', 'nearest-odd', 'jamming'] as const) {
    const pathOf = (name: string, options: RoundOptions = {}): string =>
      roundingPath('float32', toFormat(name), resolveRounding(toFormat(name), { rounding, ...options }));
    expect([pathOf('binary16'), pathOf('bfloat16'), pathOf('int8')]).toEqual(['quick', 'pattern', 'general']);
    // Pairs of quanta at an infinity have no inverse with 3 bits; an even largest number does not fit either.
    const path = rounding === 'jamming' ? 'general' : 'quick';
    expect([pathOf('e5m2'), pathOf('e4m3fn')]).toEqual([path, path]);
    expect(pathOf('int8', { saturation: 'keep-sign' })).toBe('exact');
  }
});

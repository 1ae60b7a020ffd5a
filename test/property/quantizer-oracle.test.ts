/** Reference quantisers against exact rational arithmetic (mathjs fractions), operation by operation. */
import fc from 'fast-check';
import { type Fraction, fraction } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { type QuantizerOptions, quantizer } from '../../src/quantizers/index.ts';

const binary32 = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
const fractionOf = (x: number): Fraction => {
  // Exact: a binary32 number is an integer over 2^149.
  return fraction(BigInt(x * 2 ** 149), 2n ** 149n);
};

/** The exact quotient or product rounded once to binary32, nearest-even, by comparing with the neighbours. */
function toBinary32(exact: Fraction, guess: number): number {
  const bits = new Int32Array(1);
  const view = new Float32Array(bits.buffer);
  const neighbours = (guess === 0 ? [0, 1] : [-1, 0, 1]).map((step) => {
    view[0] = guess;
    bits[0] = bits[0]! + step;
    return { value: view[0]!, odd: (bits[0]! & 1) === 1, distance: fractionOf(view[0]!).sub(exact).abs() };
  });
  neighbours.sort((a, b) => a.distance.compare(b.distance) || Number(a.odd) - Number(b.odd));
  return neighbours[0]!.value;
}

function expectExactly(x: Float32Array, values: Float32Array, scale: number, largest: number): void {
  x.forEach((value, i) => {
    const scaled = toBinary32(fractionOf(value).mul(fractionOf(scale)), Math.fround(value * scale));
    const below = Math.floor(scaled);
    const rest = scaled - below;
    const nearest = rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
    const code = Math.min(Math.max(nearest, -largest), largest);
    const expected =
      code === 0 ? 0 : toBinary32(fraction(code).div(fractionOf(scale)), Math.fround(code / scale));
    expect(values[i]).toBe(expected);
  });
}

const least = Math.fround(1e-5);

describe('absmax int8 rows', () => {
  const q = quantizer({ format: 'int8', scale: { per: 'row', from: 'absmax' } });
  it('equals exact arithmetic rounded once at each step', () => {
    const matrix = fc
      .integer({ min: 1, max: 9 })
      .chain((columns) =>
        fc
          .array(binary32, { minLength: columns * 3, maxLength: columns * 3 })
          .map((list) => ({ columns, list })),
      );
    fc.assert(
      fc.property(matrix, ({ columns, list }) => {
        const x = Float32Array.from(list);
        const values = q.fakeQuantize(x, [3, columns]);
        for (let row = 0; row < 3; row++) {
          const part = x.subarray(row * columns, (row + 1) * columns);
          const largest = Math.max(least, ...part.map(Math.abs));
          const scale = toBinary32(fraction(127).div(fractionOf(largest)), Math.fround(127 / largest));
          expectExactly(part, values.subarray(row * columns, (row + 1) * columns), scale, 127);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('absmean ternary tensors', () => {
  const q = quantizer({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } });
  it('equals exact arithmetic rounded once at each step, where the sum is exact', () => {
    // Multiples of 2^-10 below 2^10: sums in binary64 are exact in any order.
    const grid = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((k) => k * 2 ** -10);
    fc.assert(
      fc.property(fc.array(grid, { minLength: 1, maxLength: 40 }), (list) => {
        const x = Float32Array.from(list);
        const sum = list.reduce((total, value) => total + Math.abs(value), 0);
        const mean = toBinary32(fractionOf(sum).div(fraction(list.length)), Math.fround(sum / list.length));
        const statistic = Math.max(mean, least);
        const scale = toBinary32(fraction(1).div(fractionOf(statistic)), Math.fround(1 / statistic));
        expectExactly(x, q.fakeQuantize(x), scale, 1);
      }),
      { numRuns: 300 },
    );
  });

  it('gives -mean, 0 or mean', () => {
    expect([...q.fakeQuantize(new Float32Array([0.25, -0.5, 0.25, 0]))]).toEqual([0.25, -0.25, 0.25, 0]);
  });
});

describe('ends', () => {
  const rows = quantizer({ format: 'int8', scale: { per: 'row', from: 'absmax' } });
  it('keeps zeros, and gives rows with a NaN or an infinity NaN throughout', () => {
    expect([...rows.fakeQuantize(new Float32Array([0, -0, 0, 1]), [2, 2])]).toEqual([0, 0, 0, 1]);
    expect([...rows.fakeQuantize(new Float32Array([NaN, 1, 2, 2]), [2, 2])]).toEqual([NaN, NaN, 2, 2]);
    expect([...rows.fakeQuantize(new Float32Array([Infinity, 1]))]).toEqual([NaN, NaN]);
  });

  it('works in place, and says what does not fit', () => {
    const x = new Float32Array([1, 2, 3, 4]);
    expect(rows.fakeQuantize(x, [2, 2], x)).toBe(x);
    expect(() => rows.fakeQuantize(x, [3, 2])).toThrow(/shape: /);
    expect(() => rows.fakeQuantize(x, [4], new Float32Array(3))).toThrow(/out: /);
    expect(() => quantizer({ format: 'mxfp4' as string, scale: { per: 'row', from: 'absmax' } })).toThrow(
      /format: /,
    );
    const wrong = JSON.parse('{"format":"int8","scale":{"per":"axis","from":"absmax"}}') as QuantizerOptions;
    expect(() => quantizer(wrong)).toThrow(/scale.per: got 'axis'/);
    expect(JSON.stringify(rows)).toBe(
      '{"format":"int8","rounding":"nearest-even","scale":{"per":"row","from":"absmax"}}',
    );
  });
});

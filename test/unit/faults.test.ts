/** Bit flips: how many, which bits, reproducible; significant digits against hand-made cases. */
import { describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { flipBits, round, significantDigits } from '../../src/operations/index.ts';

describe('flipBits', () => {
  it('hits elements with the given probability, each in one bit of the significand, all bits alike', () => {
    const count = 100_000;
    const ones = new Float32Array(count).fill(1.5);
    const hit = flipBits(ones, 'binary16', { probability: 0.2, seed: 9 });
    const code = Number(formats.binary16.encode(1.5));
    const perBit = new Array<number>(10).fill(0);
    for (const value of hit) {
      const changed = Number(formats.binary16.encode(value)) ^ code;
      if (changed === 0) continue;
      expect(changed & (changed - 1)).toBe(0);
      perBit[Math.log2(changed)]!++;
    }
    const hits = perBit.reduce((a, b) => a + b, 0);
    // Within five standard deviations.
    expect(Math.abs(hits - 0.2 * count)).toBeLessThan(5 * Math.sqrt(count * 0.16));
    for (const n of perBit) expect(Math.abs(n - hits / 10)).toBeLessThan(5 * Math.sqrt(hits * 0.09));
    expect([...ones]).toEqual(new Array(count).fill(1.5));
  });

  it('depends on seed, stream and index only', () => {
    const x = Float64Array.from({ length: 100 }, (_, i) => i);
    const options = { probability: 0.5, seed: 3, stream: 8 };
    const whole = flipBits(x, 'int8', options);
    const tail = flipBits(x.slice(40), 'int8', { ...options, offset: 40 });
    expect([...tail]).toEqual([...whole.slice(40)]);
    expect([...flipBits(x, 'int8', { ...options, seed: 4 })]).not.toEqual([...whole]);
    expect(flipBits(x, 'int8', { ...options, out: x })).toBe(x);
    expect([...x]).toEqual([...whole]);
  });

  it('flips nothing at 0, everything finite at 1', () => {
    const x = new Float32Array([1, 0, -2, Infinity, NaN]);
    expect([...flipBits(x, 'bfloat16', { probability: 0 })]).toEqual([...x]);
    const all = flipBits(x, 'bfloat16', { probability: 1, seed: 1 });
    expect([...all].map((value, i) => Object.is(value, x[i]))).toEqual([false, false, false, true, true]);
    expect(flipBits(1, 'e2m1', { probability: 1 })).toBe(1.5);
  });

  it('says what is wrong', () => {
    expect(() => flipBits(1, 'e8m0', { probability: 0.5 })).toThrow(/format/);
    expect(() => flipBits(1, 'int8', { probability: 2 })).toThrow(/probability/);
    const out = new Float32Array([7]);
    expect(() => flipBits(new Float32Array([0.3]), 'e4m3fn', { probability: 1, out })).toThrow(RangeError);
    expect(out[0]).toBe(7);
  });
});

describe('significantDigits', () => {
  it('follows the formula', () => {
    const runs = [2.4415, 2.4416, 2.4413];
    const mean = (2.4415 + 2.4416 + 2.4413) / 3;
    const deviation = Math.sqrt(runs.reduce((s, x) => s + (x - mean) ** 2, 0) / 2);
    const expected = Math.log10((Math.sqrt(3) * mean) / (deviation * 4.3027));
    expect(Math.abs(significantDigits(runs) - expected)).toBeLessThan(1e-9);
  });

  it('goes from none to all', () => {
    expect(significantDigits([1e-9, -1e-9, 2e-9])).toBe(0);
    expect(significantDigits([1, NaN])).toBe(0);
    expect(significantDigits([0.1, 0.1, 0.1])).toBe(53 * Math.log10(2));
    expect([...significantDigits([new Float64Array([1, 5]), new Float64Array([-1, 5])])]).toEqual([
      0,
      53 * Math.log10(2),
    ]);
    expect(() => significantDigits([1])).toThrow(/runs/);
    expect(() => significantDigits([new Float64Array(2), new Float64Array(3)])).toThrow(/runs\[1\]/);
  });

  it('finds the digits lost by cancellation, with random-direction rounding', () => {
    // (1 + x) - 1 for x = 1e-5 in binary32: about two digits are left of seven.
    const runs = [1, 2, 3, 4, 5, 6].map((seed) => {
      const options = { rounding: 'stochastic-equal', seed } as const;
      return round(round(1 + 1e-5, 'binary32', options) - 1, 'binary32', { ...options, offset: 1 });
    });
    const digits = significantDigits(runs);
    expect(digits).toBeGreaterThan(1);
    expect(digits).toBeLessThan(4);
  });
});

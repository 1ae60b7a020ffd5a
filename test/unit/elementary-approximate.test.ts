/** Our engine-independent functions against mathjs in 64 decimal digits. */
import { all, type BigNumber, create } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { cos, cosPi, exp, log, normalQuantile, sin } from '../../src/approximate.ts';

const math = create(all ?? {}, { number: 'BigNumber', precision: 64 });

const exactly = {
  exp: (x: BigNumber): BigNumber => math.exp(x),
  log: (x: BigNumber): BigNumber => math.log(x) as BigNumber,
  sin: (x: BigNumber): BigNumber => math.sin(x),
  cos: (x: BigNumber): BigNumber => math.cos(x),
};

/** Error in units of 2^-52 of the exact value, or of 1 where the function's range is [-1, 1]. */
function largestError(ours: (x: number) => number, name: keyof typeof exactly, inputs: number[]): number {
  let largest = 0;
  for (const x of inputs) {
    const exact = exactly[name](math.bignumber(x));
    const error = Math.abs(Number(exact.minus(math.bignumber(ours(x)))));
    const size = name === 'sin' || name === 'cos' ? 1 : Math.abs(Number(exact));
    if (size > 0) largest = Math.max(largest, error / size / 2 ** -52);
  }
  return largest;
}

/** Multiples of 2^-7, whose decimal form is exact: mathjs reads numbers by their decimal form. */
const spread = (low: number, high: number): number[] =>
  Array.from({ length: 200 }, (_, i) => Math.round((low + ((high - low) * (i + 0.37)) / 200) * 128) / 128);

describe('elementary functions stay within a few units in the last place', () => {
  it('exp', () => expect(largestError(exp, 'exp', spread(-700, 700))).toBeLessThan(2));
  it('log', () =>
    expect(largestError(log, 'log', [...spread(0.5, 2), ...spread(1e-5, 1e5)])).toBeLessThan(4));
  it('sin', () => expect(largestError(sin, 'sin', spread(-3000, 3000))).toBeLessThan(2));
  it('cos', () => expect(largestError(cos, 'cos', spread(-3000, 3000))).toBeLessThan(2));

  it('keeps to the ends', () => {
    expect([exp(-Infinity), exp(800), exp(0), exp(-800)]).toEqual([0, Infinity, 1, 0]);
    expect([log(0), log(-1), log(1), log(Infinity)]).toEqual([-Infinity, NaN, 0, Infinity]);
    expect([cosPi(0), cosPi(0.5), cosPi(1), cosPi(1.5), cosPi(2)]).toEqual([1, 0, -1, 0, 1]);
    expect([sin(NaN), cos(Infinity)]).toEqual([NaN, NaN]);
  });

  it('normal quantiles', () => {
    // Standard tables.
    expect(normalQuantile(0.5)).toBe(0);
    expect(Math.abs(normalQuantile(0.975) - 1.959963984540054)).toBeLessThan(1e-14);
    expect(Math.abs(normalQuantile(0.999) - 3.090232306167813)).toBeLessThan(1e-14);
    expect(Math.abs(normalQuantile(1e-9) + 5.997807015007687)).toBeLessThan(1e-13);
    expect(normalQuantile(0.25)).toBe(-normalQuantile(0.75));
  });
});

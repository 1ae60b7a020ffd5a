/** Our roundings obey the laws; planted bugs do not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codebook, formats, toFormat } from '../../src/formats/index.ts';
import { type RoundingMode, resolveRounding, roundingModes, roundScalar } from '../../src/rounding/index.ts';
import { anyFormat, checkLaws, finite, laws, type RoundingUnderTest } from '../../src/testing/index.ts';

function ours(
  name: string | RoundingUnderTest['format'],
  rounding: RoundingMode,
  randomBits = 8,
): RoundingUnderTest {
  const format = typeof name === 'string' ? toFormat(name) : name;
  const options = resolveRounding(format, { rounding, randomBits });
  return { format, rounding, randomBits, round: (x, random) => roundScalar(x, format, options, random) };
}

const names = [
  'binary16', 'bfloat16', 'binary32', 'e4m3fn', 'e5m2', 'e2m1', 'e4m3fnuz', 'dlfloat16', 'binary8p3se', 'binary6p1uf',
  'int8', 'uint4', 'fixed(4,4)', 'fixed(2,5,unsigned)', 'ternary', 'nf4', 'dynamic8', 'logarithmic(4,3)', 'posit8', 'posit(16,1)',
]; // biome-ignore format: a list of names

describe('the library obeys the laws', () => {
  for (const name of names) {
    const modes = toFormat(name).kind === 'posit' ? (['nearest-even', 'stochastic'] as const) : roundingModes;
    it.each(modes)(`${name}, %s`, (mode) => {
      checkLaws(ours(name, mode), { numRuns: 200, seed: 1 });
    });
  }

  it('formats of every kind, nearest-even', () => {
    fc.assert(
      fc.property(anyFormat(), (format) => {
        checkLaws(ours(format, 'nearest-even'), { numRuns: 20 });
        if (format.bits !== Infinity) fc.assert(laws.codesRoundTrip(format), { numRuns: 20 });
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});

describe('arbitraries', () => {
  it('find the values of a format whose codes are mostly padding', () => {
    const padded = toFormat('float(4,3,bias=7,unsigned,bits=40)');
    fc.assert(fc.property(finite(padded), (x) => padded.has(x) && Number.isFinite(x)));
  });
});

describe('planted bugs are found', () => {
  const format = formats.e4m3fn;
  const right = ours('e4m3fn', 'nearest-even');
  const planted: [string, RoundingUnderTest][] = [
    [
      'rounding twice',
      { ...right, round: (x, r) => right.round(ours('bfloat16', 'nearest-even').round(x, r), r) },
    ],
    [
      'flushing subnormals',
      { ...right, round: (x, r) => (Math.abs(x) < format.minNormal ? 0 : right.round(x, r)) },
    ],
    ['truncation', { ...right, round: ours('e4m3fn', 'toward-zero').round }],
    ['a grid too fine', { ...right, round: ours('binary16', 'nearest-even').round }],
    ['rounding up', { ...ours('e4m3fn', 'toward-zero'), round: ours('e4m3fn', 'toward-positive').round }],
    ['a coin flip', { ...ours('e4m3fn', 'stochastic'), round: ours('e4m3fn', 'stochastic-equal').round }],
  ];
  it.each(planted)('%s', (_, bug) => {
    expect(() => checkLaws(bug, { numRuns: 20_000, seed: 3 })).toThrow(/does not hold/);
  });

  it('a codebook whose encode forgets a value', () => {
    const levels = codebook({ name: 'levels', values: [-1, 0, 2] });
    const broken = { ...levels, encode: (x: number) => levels.encode(x === 2 ? 0 : x) };
    expect(() => fc.assert(laws.codesRoundTrip(broken))).toThrow(/Counterexample/);
  });
});

/** Stochastic rounding in the laboratory: outcomes, how often they were drawn, and their exact chances, by every random integer there is. */
import { expect, it } from 'vitest';
import { roundingSheet } from '../../lab/compute/rounding.ts';
import { type Format, parseFormat, randomIntegers, round, stochasticVariants } from '../../src/index.ts';

const asked = {
  ...{ value: '0.1', format: 'e4m3fn', saturation: 'none', subnormals: 'keep' },
  ...{ bits: '4', seed: '3', draws: '500' },
};

/** How often each result comes of a list of random integers. */
function counts(x: number, format: Format, random: Uint32Array, options: object): Map<number, number> {
  const found = new Map<number, number>();
  for (const result of round(new Float64Array(random.length).fill(x), format, {
    ...options,
    rounding: 'stochastic',
    random,
  }))
    found.set(result, (found.get(result) ?? 0) + 1);
  return found;
}

it.each([
  ['0.1', 'e4m3fn', 'none'],
  ['-0.1', 'e4m3fn', 'none'],
  ['1.03125', 'e4m3fn', 'none'],
  ['0.0003', 'e4m3fn', 'none'],
  ['-0.001', 'e5m2', 'none'],
  ['460', 'e4m3fn', 'none'],
  ['460', 'e4m3fn', 'finite'],
  ['6.1', 'e2m1', 'none'],
  ['-6.1', 'e2m1', 'finite'],
  ['-448.3', 'e4m3fn', 'finite'],
  ['-9', 'int4', 'wrap'],
  ['7.01', 'int4', 'none'],
  ['-65519', 'e5m2', 'propagate'],
  ['1/3', 'bfloat16', 'none'],
  ['2.7', 'int4', 'none'],
  ['0.3', 'nf4', 'none'],
  ['0.7', 'ternary', 'none'],
  ['0.2', 'posit8', 'none'],
  ['-3.99999', 'posit(8,1)', 'none'],
  ['0.9999', 'binary8p3se', 'none'],
  ['-0.05', 'binary', 'none'],
])('%s in %s, saturation %s', (value, name, saturation) => {
  const format = parseFormat(name) as Format;
  for (const bits of [1, 2, 4, 7]) {
    const sheet = roundingSheet({ ...asked, value, format: name, saturation, bits: `${bits}` });
    for (const { variant, outcomes, outOf, draws } of sheet.variants) {
      const options = { saturation, randomBits: bits, variant };
      const every = counts(
        sheet.input.value,
        format,
        Uint32Array.from({ length: 2 ** bits }, (_, i) => i),
        options,
      );
      const drawn = counts(
        sheet.input.value,
        format,
        randomIntegers(draws, { seed: 3, randomBits: bits }),
        options,
      );
      expect(outOf).toBe(2 ** bits);
      for (const one of outcomes) {
        expect(one.chance, `${variant} ${bits} ${one.text}`).toBe(every.get(one.value) ?? 0);
        expect(one.drawn, `${variant} ${bits} ${one.text}`).toBe(drawn.get(one.value) ?? 0);
      }
      expect(outcomes.reduce((sum, { chance }) => sum + chance, 0)).toBe(outOf);
      expect(outcomes.reduce((sum, one) => sum + one.drawn, 0)).toBe(draws);
      if (outcomes.length === 2 && Number.isFinite(outcomes[0]!.value) && Number.isFinite(outcomes[1]!.value))
        expect(outcomes[0]!.value).toBeLessThan(outcomes[1]!.value);
    }
    expect(sheet.variants.map(({ variant }) => variant)).toEqual(
      sheet.variants.length === 0 ? [] : [...stochasticVariants],
    );
    expect(new Set(sheet.variants.map(({ outcomes }) => outcomes.map(({ text }) => text).join())).size).toBe(
      Math.min(1, sheet.variants.length),
    );
  }
});

it('says how the mean differs: A cuts the chance off, B and C round it', () => {
  // 1.03125 is a quarter of the way from 1 to 1.125.
  const biasOf = (value: string, bits: string): string[] =>
    roundingSheet({ ...asked, value, bits }).variants.map(({ bias }) => bias);
  expect(biasOf('1.03125', '1')).toEqual(['-0.25', '0.25', '-0.25']);
  expect(biasOf('1.03125', '2')).toEqual(['0', '0', '0']);
  expect(biasOf('-1.03125', '1')).toEqual(['0.25', '-0.25', '0.25']);
});

it('has nothing to draw for at a value, and one outcome where saturation leaves one', () => {
  expect(roundingSheet({ ...asked, value: '0.125' }).variants).toEqual([]);
  const [saturated] = roundingSheet({ ...asked, value: '460', saturation: 'finite' }).variants;
  expect(saturated!.outcomes).toEqual([{ text: '448', value: 448, drawn: 500, chance: 16 }]);
});

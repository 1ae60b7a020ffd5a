/**
 * Every binary16 and every bfloat16 number into every format of at most 8 bits of the catalogue, and in the slow suite into
 * P3109 formats, posits and grids of many shapes: every mode, saturation and treatment of subnormals, stochastic with 32 bits
 * and with 8 in each variant. Oracle = reference = arrays, on every bit.
 */
import { describe, expect, it } from 'vitest';
import { type Format, scalarFormats, toFormat } from '../../src/formats/index.ts';
import { encode, fitsBinary32, round } from '../../src/operations/conversions.ts';
import { drawIntegers, resolveRounding, roundScalar } from '../../src/rounding/index.ts';
import { everyCase } from '../every-case.ts';
import {
  addTo,
  all16BitFloats,
  compareExhaustively,
  seed,
  settingsOf,
  summary,
  type Tally,
} from '../exhaustive.ts';
import { oracleRound } from '../oracles/index.ts';

const catalogue: readonly Format[] = Object.values(scalarFormats);
const others: readonly Format[] = [
  ...['binary8p3se', 'binary8p4sf', 'binary8p5ue', 'binary8p1uf', 'binary8p1se', 'binary8p8uf'].map(toFormat),
  ...['binary6p3se', 'binary5p1sf', 'binary4p2ue', 'binary3p1se', 'posit(8,0)', 'posit(6,1)'].map(toFormat),
  ...['int8symmetric', 'fixed(3,4)', 'fixed(4,4,unsigned)', 'logarithmic(4,3)'].map(toFormat),
];
const narrow: readonly Format[] = [
  ...catalogue.filter((format) => format.bits <= 8),
  ...(everyCase ? others : []),
];
const inputs = all16BitFloats();
const total: Tally = { oracle: 0, arrays: 0, mismatches: [] };

describe(`all ${inputs.length} numbers of binary16 and bfloat16`, () => {
  it.each(narrow)('into $name', (format) => {
    const tally = compareExhaustively(format, inputs, settingsOf(format));
    addTo(total, tally);
    expect(tally.mismatches).toEqual([]);
  });

  it.each(narrow)('as codes of $name', (format) => {
    for (const rounding of ['nearest-even', 'stochastic'] as const) {
      const given = { rounding, saturation: 'finite', seed } as const;
      const rounded = round(inputs, format, given);
      for (const x of [inputs, ...(fitsBinary32(format) ? [Float32Array.from(inputs)] : [])]) {
        const codes = encode(x, format, { ...given, nan: 'max' });
        const wrong = inputs.filter((_, i) => {
          const value = Number.isNaN(rounded[i]) && !format.hasNaN ? format.max : rounded[i]!;
          return codes[i] !== format.encode(value);
        });
        expect([...wrong]).toEqual([]);
      }
    }
  });

  it.each([
    ['int8', 'nearest-even', 'wrap'],
    ['int8', 'toward-negative', 'wrap'],
    ['int8', 'jamming', 'wrap'],
    ['uint4', 'nearest-away', 'wrap'],
    ['fixed(3,4)', 'stochastic', 'wrap'],
    ['int8', 'nearest-to-positive', 'keep-sign'],
    ['int8', 'jamming', 'keep-sign'],
    ['uint4', 'nearest-odd', 'keep-sign'],
    ['fixed(3,4)', 'stochastic', 'keep-sign'],
  ] as const)('into %s, %s with %s', (name, rounding, saturation) => {
    const format = toFormat(name);
    const given = { rounding, saturation, seed } as const;
    const options = resolveRounding(format, given);
    const random = drawIntegers(inputs.length, options);
    const rounded = round(inputs, format, given);
    const wrong = inputs.filter((x, i) => {
      const expected = oracleRound(x, format, options, random[i]!);
      return (
        !Object.is(roundScalar(x, format, options, random[i]!), expected) || !Object.is(rounded[i], expected)
      );
    });
    addTo(total, { oracle: inputs.length, arrays: inputs.length, mismatches: [] });
    expect([...wrong]).toEqual([]);
  });

  it('counts', () => {
    console.info(`inputs: ${summary(total)}`);
    expect(total.oracle).toBeGreaterThan(everyCase ? 180_000_000 : 90_000_000);
  });
});

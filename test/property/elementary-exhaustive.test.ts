/**
 * Elementary functions against the oracles: every argument of 8-bit formats of each family, in every mode; spread pairs for
 * functions of two; samples of the 16-bit formats, of which the slow suite has all.
 */
import { describe, expect, it } from 'vitest';
import { elementaryFunctions } from '../../src/arithmetic/elementary/index.ts';
import { toFormat } from '../../src/formats/index.ts';
import { isStochastic, resolveRounding } from '../../src/rounding/index.ts';
import { allValues, compareElementary, tasksOf } from '../elementary-compare.ts';
import { settingsOf } from '../exhaustive.ts';

/** Every mode, saturation and treatment of subnormals, and stochastic rounding with N = 8 and 32. */
const thorough = ['e4m3fn', 'e5m2', 'binary8p3se', 'posit8'];
/** The deterministic modes. */
const others = [
  ...[
    'e4m3',
    'e3m4',
    'e4m3fnuz',
    'e5m2fnuz',
    'e4m3b11fnuz',
    'e2m3',
    'e3m2',
    'e2m1',
    'e8m0',
    'ue5m3',
    'ue4m3',
  ],
  ...[
    'binary8p1uf',
    'binary8p5sf',
    'binary8p8ue',
    'binary6p1se',
    'int8',
    'uint8',
    'int4',
    'ternary',
    'binary',
  ],
  ...[
    'fixed(3,4)',
    'fixed(0,8,unsigned)',
    'posit(8,0)',
    'nf4',
    'float(5,2,subnormals=false)',
    'logarithmic(7,0)',
  ],
].map((name) => toFormat(name));
const sampled = ['binary16', 'bfloat16', 'dlfloat16', 'posit16', 'binary15p8se', 'int16', 'fixed(8,7)'].map(
  toFormat,
);

describe('every argument, in every mode', () => {
  it.each(thorough)('%s, everything', (name) => {
    const format = toFormat(name);
    const { mismatches } = compareElementary(
      tasksOf(format, allValues(format), 1000),
      format,
      settingsOf(format),
    );
    expect(mismatches).toEqual([]);
  });

  it.each(others)('$name, deterministic modes', (format) => {
    const settings = settingsOf(format, (mode) => !isStochastic(mode)).filter(
      ({ saturation, subnormals }) => saturation === 'none' && subnormals === 'keep',
    );
    const { mismatches } = compareElementary(tasksOf(format, allValues(format), 150), format, settings);
    expect(mismatches).toEqual([]);
  });

  it.each(sampled)('$name, every 1499th', (format) => {
    const { mismatches } = compareElementary(
      tasksOf(format, allValues(format, 1499), 40),
      format,
      settingsOf(format),
    );
    expect(mismatches).toEqual([]);
  });
});

describe('monotone functions stay monotone', () => {
  const rising = ['exp', 'log', 'exp2', 'log2', 'tanh', 'sinh', 'atan', 'sigmoid', 'erf'] as const;
  it.each(['binary16', 'bfloat16', 'posit16'].map(toFormat))('$name', (format) => {
    const options = resolveRounding(format);
    const values = format.values().filter((_, i) => i % 16 === 0);
    for (const name of rising) {
      const results = values
        .filter((x) => x > 0 || !name.startsWith('log'))
        .map((x) => elementaryFunctions[name].evaluate(x, 0, format, options, 0));
      const isRising = results.every(
        (result, i) => i === 0 || Number.isNaN(results[i - 1]) || results[i - 1]! <= result,
      );
      expect(isRising, name).toBe(true);
    }
  });
});

/**
 * Elementary functions: every argument of 16-bit formats and of the larger 8-bit ones, in every deterministic mode, saturation
 * and treatment of subnormals, and in the stochastic modes with N = 8 and 16; every pair of 8-bit formats for functions of two.
 * And the search for the hardest arguments, which the normal suite keeps as vectors.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { elementaryFunctions } from '../../src/arithmetic/elementary/index.ts';
import { type Format, toFormat } from '../../src/formats/index.ts';
import { isStochastic, type RoundOptions } from '../../src/rounding/index.ts';
import { allPairs, allValues, compareElementary, elementaryNames, taskOf } from '../elementary-compare.ts';
import { settingsOf } from '../exhaustive.ts';
import { hardestOf } from '../hardest-elementary.ts';

const wide = [
  ...[
    'binary16',
    'bfloat16',
    'dlfloat16',
    'posit16',
    'posit(16,1)',
    'binary15p8se',
    'float(5,9,fn)',
    'int16',
  ],
  ...['fixed(8,7)', 'fixed(0,16,unsigned)'],
].map(toFormat);
const searched = ['binary16', 'bfloat16', 'dlfloat16', 'posit16'];
const small = [
  'e4m3fn',
  'e5m2',
  'e3m4',
  'binary8p3se',
  'binary8p4uf',
  'posit8',
  'posit(8,0)',
  'int8',
  'fixed(3,4)',
].map(toFormat);
const vectors = JSON.parse(
  readFileSync(new URL('../unit/elementary-hardest.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;

/** Deterministic modes with all else, stochastic ones with N = 8 and 16. */
function settings(format: Format): RoundOptions[] {
  const common = { rounding: 'stochastic', randomBits: 16, seed: 1 } as const;
  return [
    ...settingsOf(format, (mode) => !isStochastic(mode)),
    ...(['A', 'B', 'C'] as const).map((variant) => ({ ...common, variant })),
    { ...common, randomBits: 8 },
  ];
}

let cases = 0;
const hardest: Record<string, unknown> = {};

describe('functions of one argument', () => {
  it.each(wide)('$name, every argument', (format) => {
    const x = allValues(format);
    const start = performance.now();
    for (const name of elementaryNames.filter((each) => elementaryFunctions[each].arity === 1)) {
      const task = taskOf(name, format, { x, y: x });
      const comparison = compareElementary([task], format, settings(format));
      cases += comparison.cases;
      expect(comparison.mismatches).toEqual([]);
      if (searched.includes(format.name)) hardest[`${name} ${format.name}`] = hardestOf(task, format, 2);
    }
    console.info(
      `${format.name}: ${Math.round((performance.now() - start) / 1000)} s, ${cases} cases so far`,
    );
  });

  it('finds the hardest arguments that the normal suite has', () => {
    expect(Object.keys(hardest).length).toBe(15 * searched.length);
    console.info(JSON.stringify(hardest));
    expect(vectors).toEqual(hardest);
  });
});

describe('functions of two arguments', () => {
  it.each(small)('$name, every pair', (format) => {
    for (const name of ['pow', 'hypot'] as const) {
      const comparison = compareElementary(
        [taskOf(name, format, allPairs(format))],
        format,
        settings(format),
      );
      cases += comparison.cases;
      expect(comparison.mismatches).toEqual([]);
    }
    console.info(`${format.name}, pairs: ${cases} cases so far`);
  });

  it.each(wide)('$name, spread pairs', (format) => {
    for (const name of ['pow', 'hypot'] as const) {
      const task = taskOf(name, format, allPairs(format, 20_000));
      const comparison = compareElementary([task], format, settings(format));
      cases += comparison.cases;
      expect(comparison.mismatches).toEqual([]);
    }
  });

  it('counts', () => {
    console.info(`elementary functions: ${cases} cases`);
    expect(cases).toBeGreaterThan(0);
  });
});

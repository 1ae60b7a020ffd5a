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
import {
  allPairs,
  allValues,
  compareElementary,
  elementaryNames,
  outsideNormalRange,
  type Task,
  taskOf,
} from '../elementary-compare.ts';
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

const common = { rounding: 'stochastic', randomBits: 16, seed: 1 } as const;
const stochastic: readonly RoundOptions[] = [
  ...(['A', 'B', 'C'] as const).map((variant) => ({ ...common, variant })),
  { ...common, randomBits: 8 },
];

let cases = 0;

/**
 * Every argument in the deterministic modes and the stochastic ones with N = 8 and 16; those whose results leave the normal
 * range also in every saturation and treatment of subnormals.
 */
function compare(tasks: readonly Task[], format: Format): void {
  const deterministic = settingsOf(format, (mode) => !isStochastic(mode));
  const isPlain = ({ saturation, subnormals }: RoundOptions): boolean =>
    saturation === 'none' && subnormals === 'keep';
  const plain = compareElementary(tasks, format, [...deterministic.filter(isPlain), ...stochastic]);
  const others = deterministic.filter((setting) => !isPlain(setting));
  const outside = tasks.map((task) => outsideNormalRange(task, format));
  const rest = compareElementary(outside, format, others);
  cases += plain.cases + rest.cases;
  expect([...plain.mismatches, ...rest.mismatches]).toEqual([]);
}

const unary = elementaryNames.filter((name) => elementaryFunctions[name].arity === 1);
const binary = elementaryNames.filter((name) => elementaryFunctions[name].arity === 2);
const hardest: Record<string, unknown> = {};

describe('functions of one argument', () => {
  it.each(wide)('$name, every argument', (format) => {
    const x = allValues(format);
    const start = performance.now();
    const tasks = unary.map((name) => taskOf(name, format, { x, y: x }));
    if (searched.includes(format.name))
      for (const task of tasks) hardest[`${task.name} ${format.name}`] = hardestOf(task, format, 2);
    compare(tasks, format);
    console.info(
      `${format.name}: ${Math.round((performance.now() - start) / 1000)} s, ${cases} cases so far`,
    );
  });

  it('finds the hardest arguments that the normal suite has', () => {
    expect(Object.keys(hardest).length).toBe(unary.length * searched.length);
    console.info(JSON.stringify(hardest));
    expect(vectors).toEqual(hardest);
  });
});

describe('functions of two arguments', () => {
  it.each(small)('$name, every pair', (format) => {
    const pairs = allPairs(format);
    compare(
      binary.map((name) => taskOf(name, format, pairs)),
      format,
    );
    console.info(`${format.name}, pairs: ${cases} cases so far`);
  });

  it.each(wide)('$name, spread pairs', (format) => {
    const pairs = allPairs(format, 20_000);
    compare(
      binary.map((name) => taskOf(name, format, pairs)),
      format,
    );
  });

  it('counts', () => {
    console.info(`elementary functions: ${cases} cases`);
    expect(cases).toBeGreaterThan(0);
  });
});

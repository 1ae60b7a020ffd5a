/**
 * Where rounding decides: every value, every middle of two values and the binary64 neighbours of both, of every catalogue
 * format of at most 16 bits (two floats in the slow suite) and of the 120 P3109 formats with K = 3 to 8, in every
 * deterministic mode, saturation and treatment of subnormals. Oracle = reference = arrays, on every bit.
 */
import { describe, expect, it } from 'vitest';
import { type Format, scalarFormats, toFormat } from '../../src/formats/index.ts';
import { isStochastic } from '../../src/rounding/index.ts';
import { everyCase } from '../every-case.ts';
import {
  addTo,
  compareExhaustively,
  p3109Formats,
  settingsOf,
  summary,
  type Tally,
  ties,
} from '../exhaustive.ts';

const long = ['bfloat16', 'dlfloat16'];
const catalogue: readonly Format[] = Object.values(scalarFormats);
const tried: readonly Format[] = [
  ...catalogue.filter(({ bits, name }) => bits <= 16 && (everyCase || !long.includes(name))),
  ...['posit(8,0)', 'posit(8,1)', 'int8symmetric', 'fixed(4,4)', 'fixed(2,6,unsigned)'].map(toFormat),
  ...['logarithmic(4,3)', 'logarithmic(5,5)'].map(toFormat),
];
const total: Tally = { oracle: 0, arrays: 0, mismatches: [] };

describe.each([
  ['the catalogue up to 16 bits, and more of each kind', tried],
  ['P3109, K = 3 to 8', [3, 4, 5, 6, 7, 8].flatMap(p3109Formats)],
])('%s', (_, all) => {
  it.each(all)('$name', (format) => {
    const deterministic = settingsOf(format, (mode) => !isStochastic(mode));
    const tally = compareExhaustively(format, ties(format), deterministic);
    addTo(total, tally);
    expect(tally.mismatches).toEqual([]);
  });
});

it('counts', () => {
  console.info(`ties: ${summary(total)}`);
  expect(total.oracle).toBeGreaterThan(everyCase ? 50_000_000 : 20_000_000);
});

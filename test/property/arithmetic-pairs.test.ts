/**
 * Operations on 8-bit formats, a share of all pairs in every deterministic mode, saturation and treatment of subnormals, and
 * every square root of binary16 and bfloat16. All pairs of all formats are in the slow suite.
 */
import { describe, expect, it } from 'vitest';
import { formats, toFormat } from '../../src/formats/index.ts';
import {
  allPairs,
  allValues,
  compareOperation,
  deterministicSettings,
  noOperations,
} from '../arithmetic-exhaustive.ts';

const quickFormats = [
  'e5m2',
  'e4m3fn',
  'e5m2fnuz',
  'e8m0',
  'ue5m3',
  'binary8p3se',
  'binary8p4uf',
  'binary8p1ue',
]
  .concat('int8', 'fixed(2,6,unsigned)', 'posit(8,1)', 'dynamic8')
  .map(toFormat);

/** Coprime to the numbers of values, so that each value meets many others. */
const stride = 29;

describe.each(quickFormats)('$name', (format) => {
  it(`one in ${stride} pairs`, () => {
    const share = allPairs(format).map((x) => x.filter((_, i) => i % stride === 0));
    const tally = noOperations();
    const settings = deterministicSettings(format);
    for (const name of ['add', 'sub', 'mul', 'div'] as const)
      compareOperation(format, name, share, settings, tally);
    compareOperation(format, 'sqrt', [allValues(format)], settings, tally);
    expect(tally.mismatches).toEqual([]);
    expect(tally.numbers).toBeGreaterThan(4 * share[0]!.length * settings.length);
  });
});

describe('every square root', () => {
  it.each([formats.binary16, formats.bfloat16])('$name', (format) => {
    const tally = noOperations();
    const settings = deterministicSettings(format).slice(0, 8);
    compareOperation(format, 'sqrt', [allValues(format)], settings, tally);
    expect(tally.mismatches).toEqual([]);
    expect(tally.numbers).toBeGreaterThan(8 * 60_000);
  });
});

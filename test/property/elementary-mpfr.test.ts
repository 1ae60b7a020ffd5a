/**
 * Elementary functions against GNU MPFR in every mode: spread arguments of 16-bit formats, of which the slow suite has all, of binary32
 * and posit32, and the hardest arguments known. Skipped where MPFR is not installed.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formats, toFormat } from '../../src/formats/index.ts';
import type { HardCase } from '../hardest-elementary.ts';
import { compareWithMpfr, type Judgement, judgedNames, partners, spreadValues } from '../mpfr-compare.ts';
import { judge } from '../oracles/mpfr/judge.ts';

const names = ['binary16', 'bfloat16', 'posit16', 'binary32', 'posit32', 'fixed(8,7)', 'nf4'];
const hardest = JSON.parse(
  readFileSync(new URL('../unit/elementary-hardest.json', import.meta.url), 'utf8'),
) as Record<string, readonly HardCase[]>;

describe.runIf(judge !== undefined)('against MPFR, every mode', () => {
  it.each(names)('%s', (name) => {
    const format = toFormat(name);
    const x = spreadValues(format, 150);
    const judgement: Judgement = { cases: 0, mismatches: [] };
    for (const fn of judgedNames) compareWithMpfr(fn, format, x, partners(x), judgement);
    expect(judgement.mismatches).toEqual([]);
    expect(judgement.cases).toBeGreaterThan(600);
  });

  it('the hardest arguments of 16-bit formats', () => {
    const judgement: Judgement = { cases: 0, mismatches: [] };
    const x = Float64Array.from(
      new Set(Object.values(hardest).flatMap((cases) => cases.map((one) => one.x))),
    );
    const own = x.filter((value) => formats.binary32.has(value));
    for (const fn of judgedNames) compareWithMpfr(fn, formats.binary32, own, partners(own), judgement);
    expect(judgement.mismatches).toEqual([]);
    expect(judgement.cases).toBeGreaterThan(1000);
  });
});

it.skipIf(judge !== undefined)('against MPFR: not installed', ({ skip }) => skip());

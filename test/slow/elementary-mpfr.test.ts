/**
 * Elementary functions against GNU MPFR: all arguments of binary16 and bfloat16 (of functions of two as many pairs), and a million
 * cases of binary32 and posit32, each in every mode. Skipped where MPFR is not installed.
 */
import { describe, expect, it } from 'vitest';
import { toFormat } from '../../src/formats/index.ts';
import { compareWithMpfr, type Judgement, judgedNames, partners, spreadValues } from '../mpfr-compare.ts';
import { judge } from '../oracles/mpfr/judge.ts';

describe.runIf(judge !== undefined).each(['binary16', 'bfloat16', 'binary32', 'posit32'])('%s', (name) => {
  const format = toFormat(name);
  const x = spreadValues(format, format.bits === 16 ? 2 ** 16 : 2 ** 15);
  it.each(judgedNames)('%s', (fn) => {
    const judgement: Judgement = { cases: 0, mismatches: [] };
    compareWithMpfr(fn, format, x, partners(x), judgement);
    expect(judgement.mismatches).toEqual([]);
    expect(judgement.cases).toBeGreaterThan(x.length / 20);
  });
});

it.skipIf(judge !== undefined)('against MPFR: not installed', ({ skip }) => skip());

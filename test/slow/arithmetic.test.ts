/**
 * Operations, exhaustively: every pair of values of every 8-bit format, in every deterministic mode, saturation and treatment of
 * subnormals; every triple of e4m3fn for fma; every square root of 16-bit formats. Oracle = numbers = arrays, on every bit.
 */
import { describe, expect, it } from 'vitest';
import { formats, toFormat } from '../../src/formats/index.ts';
import { arithmetic } from '../../src/operations/arithmetic.ts';
import { type RoundingMode, resolveRounding, roundingModes } from '../../src/rounding/index.ts';
import {
  allPairs,
  allValues,
  compareOperation,
  deterministicSettings,
  eightBitFormats,
  noOperations,
} from '../arithmetic-exhaustive.ts';
import { tableOracle } from '../oracles/table.ts';

const pairs = noOperations();
const roots = noOperations();

describe('every pair of values', () => {
  it.each(eightBitFormats())('$name', (format) => {
    const operands = allPairs(format);
    for (const name of ['add', 'sub', 'mul', 'div'] as const)
      compareOperation(format, name, operands, deterministicSettings(format), pairs);
    expect(pairs.mismatches).toEqual([]);
  });

  it('counts', () => {
    console.info(
      `pairs: ${eightBitFormats().length} formats, numbers ${pairs.numbers}, arrays ${pairs.arrays}, mismatches ${pairs.mismatches.length}`,
    );
    expect(pairs.numbers).toBeGreaterThan(0);
  });
});

const wide = [formats.binary16, formats.bfloat16, formats.dlfloat16, formats.posit16].concat(
  ...['posit(16,1)', 'int16', 'fixed(8,7)', 'fixed(4,12,unsigned)', 'float(6,9,fn)', 'float(4,11,fnuz)']
    .concat('binary15p9se', 'binary15p12uf')
    .map((name) => toFormat(name) as typeof formats.binary16),
);

describe('every square root', () => {
  it.each(wide)('$name', (format) => {
    compareOperation(format, 'sqrt', [allValues(format)], deterministicSettings(format), roots);
    expect(roots.mismatches).toEqual([]);
  });

  it('counts', () => {
    console.info(
      `roots: ${wide.length} formats, numbers ${roots.numbers}, arrays ${roots.arrays}, mismatches ${roots.mismatches.length}`,
    );
    expect(roots.numbers).toBeGreaterThan(0);
  });
});

/**
 * The exact a b + c of values of e4m3fn: products are multiples of 2^-18 below 2^18, so that binary64 holds the sum. A zero
 * that is not of two equal zeros takes the sign that the mode gives it.
 */
function exactly(a: number, b: number, c: number, zero: number): number {
  const product = a * b;
  const sum = product + c;
  return sum === 0 && !Object.is(product, c) ? zero : sum;
}

describe('every triple of e4m3fn', () => {
  const format = formats.e4m3fn;
  const values = allValues(format);
  const modes = roundingModes.filter((mode) => !mode.startsWith('stochastic'));

  it.each(modes)('%s', (rounding: RoundingMode) => {
    const options = resolveRounding(format, { rounding });
    const object = arithmetic(format, { rounding });
    const count = values.length ** 2;
    const random = new Uint32Array(count);
    const expected = new Float64Array(count);
    const [b, c] = allPairs(format);
    const wrong: string[] = [];
    let cases = 0;
    for (const a of values) {
      const zero = rounding === 'toward-negative' ? -0 : 0;
      const inputs = b.map((_, i) => exactly(a, b[i]!, c[i]!, zero));
      tableOracle(format, inputs, 'keep').round(options, random, expected);
      const arrays = object.fma(a, b, c);
      for (let i = 0; i < count; i++) {
        const ours = object.fma(a, b[i]!, c[i]!);
        if ((!Object.is(ours, expected[i]) || !Object.is(arrays[i], expected[i])) && wrong.length < 10)
          wrong.push(`${a} ${b[i]} ${c[i]}: ${ours}, in an array ${arrays[i]}, not ${expected[i]}`);
      }
      cases += count;
    }
    expect(wrong).toEqual([]);
    console.info(`fma of e4m3fn, ${rounding}: ${cases} triples, mismatches ${wrong.length}`);
    expect(cases).toBe(values.length ** 3);
  });
});

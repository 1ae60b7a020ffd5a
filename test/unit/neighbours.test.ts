/** nextUp, nextDown, ulp, classify and dense packing, by walking whole formats. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classify, nextDown, nextUp, pack, toFormat, ulp, unpack } from '../../src/formats/index.ts';
import { anyFormat, code } from '../../src/testing/index.ts';

const names = [
  'e4m3fn', 'e5m2', 'e2m1', 'e4m3fnuz', 'binary8p3se', 'binary6p1ue', 'ue5m3', 'e8m0', 'dlfloat16', 'binary16', 'bfloat16',
  'int8', 'uint4', 'fixed(3,4)', 'ternary', 'nf4', 'logarithmic(3,3)', 'posit8', 'posit(6,1)', 'float(4,3,bias=7,subnormals=false)',
]; // biome-ignore format: a list of names

describe('neighbours walk the list of values', () => {
  it.each(names)('%s', (name) => {
    const format = toFormat(name);
    const values = format.values();
    const least = values.find((value) => value > 0) ?? 0;
    const wrong: string[] = [];
    values.forEach((value, i) => {
      const up = values[i + 1] ?? (format.hasInfinity ? Infinity : format.max);
      const down = values[i - 1] ?? (format.hasInfinity && format.isSigned ? -Infinity : format.min);
      if (nextUp(value, format) !== up) wrong.push(`nextUp(${value}) = ${nextUp(value, format)}, not ${up}`);
      if (nextDown(value, format) !== down)
        wrong.push(`nextDown(${value}) = ${nextDown(value, format)}, not ${down}`);
      const spacing = (values[i + 1] ?? NaN) - value;
      if (value >= least && i < values.length - 1 && ulp(value, format) !== spacing)
        wrong.push(`ulp(${value}) = ${ulp(value, format)}, not ${spacing}`);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps to the ends, and refuses what is no value', () => {
    expect(nextUp(-Infinity, 'e5m2')).toBe(-57344);
    expect(nextDown(Infinity, 'e5m2')).toBe(57344);
    expect(nextUp(-(2 ** -9), 'e4m3fn')).toBe(-0);
    expect(nextUp(NaN, 'e4m3fn')).toBe(NaN);
    expect(nextUp(Number.MAX_VALUE, 'binary64')).toBe(Infinity);
    expect(nextUp(0, 'binary64')).toBe(Number.MIN_VALUE);
    expect(ulp(0.3, 'binary16')).toBe(2 ** -12);
    expect(ulp(NaN, 'binary16')).toBe(NaN);
    expect(() => nextUp(0.3, 'e4m3fn')).toThrow(RangeError);
  });
});

describe('classify', () => {
  it.each([
    [NaN, 'NaN'], [-Infinity, 'negativeInfinity'], [-1, 'negativeNormal'], [-(2 ** -16), 'negativeSubnormal'], [-0, 'negativeZero'],
    [0, 'positiveZero'], [2 ** -15, 'positiveSubnormal'], [2 ** -14, 'positiveNormal'], [Infinity, 'positiveInfinity'],
  ])('e5m2: %d is %s', (x, expected) => {
    expect(classify(x, 'e5m2')).toBe(expected);
  }); // biome-ignore format: a table
});

describe('packing', () => {
  it('puts the first code in the low bits', () => {
    expect([...pack([1, 2, 3], 'e2m1')]).toEqual([0x21, 0x03]);
    expect([...pack([0b111111, 0, 0b101010], 'e3m2')]).toEqual([0x3f, 0xa0, 0x02]);
  });

  it('is undone by unpack, for every format and length', () => {
    const cases = anyFormat()
      .filter((format) => format.bits !== Infinity)
      .chain((format) =>
        fc.record({ format: fc.constant(format), codes: fc.array(code(format), { maxLength: 20 }) }),
      );
    fc.assert(
      fc.property(cases, ({ format, codes }) => {
        const bytes = pack(codes, format);
        expect(bytes.length).toBe(Math.ceil((codes.length * format.bits) / 8));
        expect([...unpack(bytes, format, codes.length)]).toEqual(codes);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses codes that do not fit and bytes of another length', () => {
    expect(() => pack([16], 'e2m1')).toThrow(/codes\[0\]/);
    expect(() => unpack(new Uint8Array(3), 'e2m1', 4)).toThrow(/bytes/);
    expect(() => unpack(new Uint8Array(3), 'e2m1', -1)).toThrow(/count/);
  });
});

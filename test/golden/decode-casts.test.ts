/** Decode tables and casts of ml_dtypes and PyTorch, and the value tables of the P3109 report. */
import { describe, expect, it } from 'vitest';
import { type Format, type FormatName, formats, toFormat } from '../../src/formats/index.ts';
import type { RoundOptions } from '../../src/rounding/index.ts';
import { Comparison } from './comparison.ts';
import { column, families, fromBits32, type GoldenSet, hasGolden, loadGolden, setsOf } from './load.ts';

const names: Readonly<Record<string, FormatName>> = {
  float8_e3m4: 'e3m4',
  float8_e4m3: 'e4m3',
  float8_e4m3b11fnuz: 'e4m3b11fnuz',
  float8_e4m3fn: 'e4m3fn',
  float8_e4m3fnuz: 'e4m3fnuz',
  float8_e5m2: 'e5m2',
  float8_e5m2fnuz: 'e5m2fnuz',
  float8_e8m0fnu: 'e8m0',
  float6_e2m3fn: 'e2m3',
  float6_e3m2fn: 'e3m2',
  float4_e2m1fn: 'e2m1',
};

/** Every code decodes to the value of the table, and every number encodes to its code. */
function expectTable(format: Format, values: Float64Array): void {
  expect(values.length).toBe(2 ** format.bits);
  values.forEach((value, code) => {
    expect(format.decode(code)).toBe(value);
    if (!Number.isNaN(value)) expect(format.encode(value)).toBe(code);
  });
}

describe.runIf(hasGolden('decode_mldtypes'))('ml_dtypes decode tables', () => {
  it.each(Object.entries(names))('%s decodes and encodes as %s', (theirs, ours) => {
    expectTable(formats[ours], column<Float64Array>(loadGolden('decode_mldtypes'), theirs));
  });
});

function compareCasts(
  set: GoldenSet,
  key: string,
  format: Format,
  given: RoundOptions,
  expected: (x: number, code: number) => number | undefined = (_, code) => code,
): { result: Comparison; inputs: Float32Array } {
  const inputs = fromBits32(column<Uint32Array>(set, 'input_f32bits'));
  const codes = column<Uint8Array>(set, key);
  const result = new Comparison();
  result.check(format, inputs, given, (i) => expected(inputs[i]!, codes[i]!));
  expect(result.wrong).toEqual([]);
  return { result, inputs };
}

describe.runIf(hasGolden('casts_mldtypes_torch'))('casts', () => {
  it.each(Object.entries(names).filter(([, name]) => name !== 'e8m0'))('ml_dtypes to %s', (theirs, ours) => {
    const format = formats[ours];
    // The 6- and 4-bit types saturate, the 8-bit ones overflow to infinity or NaN.
    const saturation = format.hasNaN ? 'none' : 'finite';
    const { result, inputs } = compareCasts(
      loadGolden('casts_mldtypes_torch'),
      `ml_dtypes.${theirs}`,
      format,
      { saturation },
      // Without a NaN ml_dtypes writes zero; here NaN stays in the carrier.
      (x, code) => (Number.isNaN(x) && !format.hasNaN ? undefined : code),
    );
    const numbers = inputs.filter((x) => format.hasNaN || !Number.isNaN(x));
    expect(result.cases).toBe(numbers.length);
  });

  // Both round binary32 subnormals by their field, so that 1.02 2^-127 goes up to 2^-126: not the nearest.
  const isFaulty = (x: number): boolean => x > 2 ** -127 && x < 1.5 * 2 ** -127;
  const orFault = (x: number, code: number): number => {
    if (!isFaulty(x)) return code;
    expect(code).toBe(1);
    return 0;
  };

  it('ml_dtypes to e8m0, but for its fault between 2^-127 and 1.5 2^-127', () => {
    const set = loadGolden('casts_mldtypes_torch');
    const { result, inputs } = compareCasts(set, 'ml_dtypes.float8_e8m0fnu', formats.e8m0, {}, orFault);
    expect(result.cases).toBe(inputs.length);
  });

  it('PyTorch to e8m0 is that of the magnitude, with that fault, and 2^-127 for zero', () => {
    const set = loadGolden('casts_mldtypes_torch');
    const bits = column<Uint32Array>(set, 'input_f32bits').map((pattern) => pattern & 0x7fffffff);
    const ofMagnitudes = { ...set, columns: new Map(set.columns).set('input_f32bits', bits) };
    const key = 'torch.float8_e8m0fnu';
    const { result, inputs } = compareCasts(ofMagnitudes, key, formats.e8m0, {}, (x, code) => {
      if (x !== 0) return orFault(x, code);
      expect(code).toBe(0);
      return undefined; // here NaN: e8m0 has no zero
    });
    expect(result.cases).toBe(inputs.filter((x) => x !== 0).length);
  });

  // PyTorch saturates e4m3fn, infinities too, and overflows the others to infinity or NaN.
  it.each([
    ['e4m3fn', 'finite'],
    ['e4m3fnuz', 'none'],
    ['e5m2', 'none'],
    ['e5m2fnuz', 'none'],
  ] as const)('PyTorch to %s is saturation %s', (name, saturation) => {
    const set = loadGolden('casts_mldtypes_torch');
    const { result, inputs } = compareCasts(set, `torch.float8_${name}`, formats[name], { saturation });
    expect(result.cases).toBe(inputs.length);
  });
});

describe.each(setsOf(families.p3109Decode))('P3109 value tables: $set', ({ set: name }) => {
  const keys = hasGolden(name) ? [...loadGolden(name).columns.keys()] : [];
  it.each(keys)('%s', (key) => {
    expectTable(toFormat(key.toLowerCase()), column<Float64Array>(loadGolden(name), key));
  });

  it.runIf(keys.length > 0)('NaN has one code', () => {
    for (const key of keys) {
      const format = toFormat(key.toLowerCase());
      const values = column<Float64Array>(loadGolden(name), key);
      expect(format.encode(NaN)).toBe(values.findIndex(Number.isNaN));
    }
  });
});

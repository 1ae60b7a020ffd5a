/** Decode tables, casts and roundings against vectors of ml_dtypes, PyTorch, gfloat and the P3109 report. */
import { describe, expect, it } from 'vitest';
import type { Format } from '../../src/formats/index.ts';
import { type FormatName, formats, parseFormat } from '../../src/formats/index.ts';
import {
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  roundScalar,
} from '../../src/rounding/index.ts';
import { column, fromBits32, fromBits64, hasGolden, loadGolden } from './load.ts';

/** Mismatches between our result and an expected code, NaN as a class; the first few in words. */
class Comparison {
  cases = 0;
  readonly wrong: string[] = [];

  check(format: Format, input: number, ours: number, code: number, label: string): void {
    this.cases++;
    const expected = format.decode(code);
    const same = Number.isNaN(expected) ? Number.isNaN(ours) : Object.is(ours, expected);
    if (!same && this.wrong.length < 10)
      this.wrong.push(`${label}: ${format.name} of ${input}: ours ${ours}, expected ${expected}`);
  }
}

const gfloatModes: Readonly<Record<string, RoundingMode>> = {
  rne: 'nearest-even',
  rz: 'toward-zero',
  ru: 'toward-positive',
  rd: 'toward-negative',
  rna: 'nearest-away',
  odd: 'to-odd',
};

function compareColumns(
  format: Format,
  inputs: ArrayLike<number>,
  codes: ArrayLike<number>,
  columns: readonly string[],
): Comparison {
  const result = new Comparison();
  columns.forEach((name, c) => {
    const [mode, saturation] = name.split('_');
    const options = resolveRounding(format, {
      rounding: gfloatModes[mode!]!,
      saturation: saturation === 'sat' ? 'finite' : 'none',
    });
    for (let i = 0; i < inputs.length; i++) {
      const x = inputs[i]!;
      // NaN into a format without one is undefined in the source; finite to-odd overflow is the maximum here.
      if (Number.isNaN(x) && !format.hasNaN) continue;
      const clampedOdd = name === 'odd_nosat' && Math.abs(x) > format.max && Number.isFinite(x);
      const expected = codes[i * columns.length + (clampedOdd ? columns.indexOf('odd_sat') : c)]!;
      result.check(format, x, roundScalar(x, format, options, 0), expected, name);
    }
  });
  return result;
}

describe.runIf(hasGolden('decode_mldtypes'))('ml_dtypes decode tables', () => {
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

  it.each(Object.entries(names))('%s decodes and encodes as %s', (theirs, ours) => {
    const format = formats[ours];
    const values = column<Float64Array>(loadGolden('decode_mldtypes'), theirs);
    expect(values.length).toBe(2 ** format.bits);
    values.forEach((value, code) => {
      expect(format.decode(code)).toBe(value);
      if (!Number.isNaN(value)) expect(format.encode(value)).toBe(code);
    });
  });

  it.each(Object.entries(names).filter(([, name]) => name !== 'e8m0'))(
    'ml_dtypes casts to %s',
    (theirs, ours) => {
      const set = loadGolden('casts_mldtypes_torch');
      const format = formats[ours];
      const inputs = fromBits32(column<Uint32Array>(set, 'input_f32bits'));
      const codes = column<Uint8Array>(set, `ml_dtypes.${theirs}`);
      // The 6- and 4-bit types saturate, the 8-bit ones overflow to infinity or NaN.
      const options = resolveRounding(format, { saturation: format.hasNaN ? 'none' : 'finite' });
      const result = new Comparison();
      inputs.forEach((x, i) => {
        if (Number.isNaN(x) && !format.hasNaN) return; // ml_dtypes writes zero; here NaN stays in the carrier
        result.check(format, x, roundScalar(x, format, options, 0), codes[i]!, theirs);
      });
      expect(result.wrong).toEqual([]);
      expect(result.cases).toBeGreaterThan(200_000);
    },
  );

  it('ml_dtypes casts to e8m0, but for its fault between 2^-127 and 1.5 2^-127', () => {
    const set = loadGolden('casts_mldtypes_torch');
    const format = formats.e8m0;
    const inputs = fromBits32(column<Uint32Array>(set, 'input_f32bits'));
    const codes = column<Uint8Array>(set, 'ml_dtypes.float8_e8m0fnu');
    const options = resolveRounding(format);
    const result = new Comparison();
    inputs.forEach((x, i) => {
      // ml_dtypes rounds binary32 subnormals by their field, so that 1.02 2^-127 goes up to 2^-126: not the nearest.
      const faulty = x > 2 ** -127 && x < 1.5 * 2 ** -127;
      if (faulty) expect(codes[i]).toBe(1);
      result.check(format, x, roundScalar(x, format, options, 0), faulty ? 0 : codes[i]!, 'ml_dtypes');
    });
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(inputs.length);
  });

  // PyTorch saturates e4m3fn, infinities too, and overflows the others to infinity or NaN.
  it.each([
    ['e4m3fn', 'finite'],
    ['e4m3fnuz', 'none'],
    ['e5m2', 'none'],
    ['e5m2fnuz', 'none'],
  ] as const)('PyTorch casts to %s are saturation %s', (name, saturation) => {
    const set = loadGolden('casts_mldtypes_torch');
    const format = formats[name];
    const inputs = fromBits32(column<Uint32Array>(set, 'input_f32bits'));
    const codes = column<Uint8Array>(set, `torch.float8_${name}`);
    const options = resolveRounding(format, { saturation });
    const result = new Comparison();
    inputs.forEach((x, i) => {
      result.check(format, x, roundScalar(x, format, options, 0), codes[i]!, 'PyTorch');
    });
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(inputs.length);
  });
});

describe.runIf(hasGolden('p3109_decode_K3to8'))('P3109 value tables', () => {
  it('all 120 formats with K = 3 to 8', () => {
    const set = loadGolden('p3109_decode_K3to8');
    expect(set.columns.size).toBe(120);
    for (const name of set.columns.keys()) {
      const format = parseFormat(name.toLowerCase());
      const values = column<Float64Array>(set, name);
      expect(values.length).toBe(2 ** format.bits);
      values.forEach((value, code) => {
        expect(format.decode(code)).toBe(value);
        expect(format.encode(value)).toBe(code);
      });
    }
  });
});

describe.each(['binary8p1uf', 'binary8p3se', 'binary8p4sf', 'binary8p5ue'])(
  'P3109 projection to %s',
  (name) => {
    it.runIf(hasGolden(`p3109_round_${name}`))('every mode, saturation and stochastic variant', () => {
      const modes: Readonly<Record<string, RoundingMode>> = {
        NearestTiesToEven: 'nearest-even',
        NearestTiesToAway: 'nearest-away',
        TowardPositive: 'toward-positive',
        TowardNegative: 'toward-negative',
        TowardZero: 'toward-zero',
        ToOdd: 'to-odd',
      };
      const saturations = { SatNone: 'none', SatFinite: 'finite', SatPropagate: 'propagate' } as const;
      const set = loadGolden(`p3109_round_${name}`);
      const format = parseFormat(name);
      const inputs = fromBits64(column<BigUint64Array>(set, 'input_f64bits'));
      const random = column<Uint8Array>(set, 'R4');
      const codes = column<Uint8Array>(set, 'codes');
      const columns = set.header.rounding!;
      const result = new Comparison();
      columns.forEach((label, c) => {
        const [mode, saturation] = label.split('.') as [string, keyof typeof saturations];
        const stochastic = /^Stochastic([ABC])4$/.exec(mode);
        const options = resolveRounding(format, {
          ...(stochastic === null
            ? { rounding: modes[mode]! }
            : { rounding: 'stochastic', variant: stochastic[1] as 'A' | 'B' | 'C', randomBits: 4 }),
          saturation: saturations[saturation],
        });
        inputs.forEach((x, i) => {
          result.check(
            format,
            x,
            roundScalar(x, format, options, random[i]!),
            codes[i * columns.length + c]!,
            label,
          );
        });
      });
      expect(result.wrong).toEqual([]);
      expect(result.cases).toBe(inputs.length * columns.length);
    });
  },
);

describe.each(['binary16', 'e4m3fn', 'e5m2', 'e2m1'] as const)('gfloat roundings to %s', (name) => {
  it.runIf(hasGolden(`round_${name}_gfloat`))('binary32 inputs', () => {
    const set = loadGolden(`round_${name}_gfloat`);
    const inputs = fromBits32(column<Uint32Array>(set, 'input_f32bits'));
    const codes = column<Uint8Array | Uint16Array>(set, 'codes');
    const result = compareColumns(formats[name], inputs, codes, set.header.rounding!);
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBeGreaterThan(900_000);
  });
});

describe.each(['binary16', 'e4m3fn'] as const)('gfloat roundings of binary64 to %s', (name) => {
  it.runIf(hasGolden(`round64_${name}_gfloat`))('inputs that punish rounding twice', () => {
    const set = loadGolden(`round64_${name}_gfloat`);
    const inputs = fromBits64(column<BigUint64Array>(set, 'input_f64bits'));
    const codes = column<Uint8Array | Uint16Array>(set, 'codes');
    const result = compareColumns(formats[name], inputs, codes, set.header.rounding!);
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(240_000);
  });

  it.runIf(hasGolden(`sr_${name}_gfloat`))('stochastic variants with given random integers', () => {
    const set = loadGolden(`sr_${name}_gfloat`);
    const inputs = fromBits64(column<BigUint64Array>(set, 'input_f64bits'));
    const format = formats[name];
    const result = new Comparison();
    for (const randomBits of [1, 3, 8, 16]) {
      const random = column<Uint32Array>(set, `R_N${randomBits}`);
      for (const variant of ['A', 'B', 'C'] as const) {
        const given: RoundOptions = { rounding: 'stochastic', saturation: 'finite', randomBits, variant };
        const options = resolveRounding(format, given);
        const codes = column<Uint8Array | Uint16Array>(set, `${variant}_N${randomBits}`);
        inputs.forEach((x, i) => {
          const ours = roundScalar(x, format, options, random[i]!);
          result.check(format, x, ours, codes[i]!, `${variant}, N = ${randomBits}`);
        });
      }
    }
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(192_000);
  });
});

describe.each([
  ['posit_posit8es0', 'posit(8,0)'],
  ['posit_posit16es1', 'posit(16,1)'],
])('SoftPosit, %s', (setName, name) => {
  it.runIf(hasGolden(setName))('decodes, and converts from binary64', () => {
    const set = loadGolden(setName);
    const format = parseFormat(name);
    column<Float64Array>(set, 'decode_f64').forEach((value, code) => {
      expect(Object.is(format.decode(code), value)).toBe(true);
      expect(format.encode(value)).toBe(code);
    });
    const options = resolveRounding(format);
    const codes = column<Uint8Array | Uint16Array>(set, 'from_codes_ref');
    const result = new Comparison();
    column<Float64Array>(set, 'from_f64').forEach((x, i) => {
      result.check(format, x, roundScalar(x, format, options, 0), codes[i]!, 'from binary64');
    });
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(20_000);
  });
});

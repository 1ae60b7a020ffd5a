/** Roundings, stochastic ones included, against vectors of gfloat, the P3109 report and SoftPosit. */
import { describe, expect, it } from 'vitest';
import { type Format, toFormat } from '../../src/formats/index.ts';
import type { RealArray } from '../../src/operations/conversions.ts';
import type { RoundingMode, StochasticVariant } from '../../src/rounding/index.ts';
import { Comparison } from './comparison.ts';
import {
  column,
  families,
  fromBits32,
  fromBits64,
  type GoldenSet,
  hasGolden,
  loadGolden,
  setsOf,
} from './load.ts';

type Codes = Uint8Array | Uint16Array | Uint32Array;

function modeOf(name: string, modes: Readonly<Record<string, RoundingMode>>): RoundingMode {
  const mode = modes[name];
  if (mode === undefined) throw new Error(`golden set: unknown rounding ${name}`);
  return mode;
}

const gfloatModes: Readonly<Record<string, RoundingMode>> = {
  rne: 'nearest-even',
  rz: 'toward-zero',
  ru: 'toward-positive',
  rd: 'toward-negative',
  rna: 'nearest-away',
  odd: 'to-odd',
};

function compareColumns(format: Format, inputs: RealArray, set: GoldenSet): Comparison {
  const codes = column<Codes>(set, 'codes');
  const columns = set.header.rounding!;
  const result = new Comparison();
  columns.forEach((name, c) => {
    const [mode, saturation] = name.split('_');
    const given = {
      rounding: modeOf(mode!, gfloatModes),
      saturation: saturation === 'sat' ? 'finite' : 'none',
    } as const;
    result.check(format, inputs, given, (i) => {
      const x = inputs[i]!;
      // NaN into a format without one is undefined in the source; finite to-odd overflow is the maximum here.
      if (Number.isNaN(x) && !format.hasNaN) return undefined;
      const clampedOdd = name === 'odd_nosat' && Math.abs(x) > format.max && Number.isFinite(x);
      return codes[i * columns.length + (clampedOdd ? columns.indexOf('odd_sat') : c)]!;
    });
  });
  return result;
}

/** The number of inputs for which the source defines a result. */
function definedInputs(format: Format, inputs: RealArray): number {
  return format.hasNaN ? inputs.length : inputs.filter((x) => !Number.isNaN(x)).length;
}

describe.each(setsOf(families.round))('gfloat roundings of binary32: $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('every mode, with and without saturation', () => {
    const set = loadGolden(name);
    const format = toFormat(parts[0]!);
    const inputs = fromBits32(column<Uint32Array>(set, 'input_f32bits'));
    const result = compareColumns(format, inputs, set);
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(definedInputs(format, inputs) * set.header.rounding!.length);
  });
});

describe.each(setsOf(families.round64))('gfloat roundings of binary64: $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('inputs that punish rounding twice', () => {
    const set = loadGolden(name);
    const format = toFormat(parts[0]!);
    const inputs = fromBits64(column<BigUint64Array>(set, 'input_f64bits'));
    const result = compareColumns(format, inputs, set);
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(definedInputs(format, inputs) * set.header.rounding!.length);
  });
});

describe.each(setsOf(families.stochastic))('gfloat stochastic roundings: $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('variants A, B and C with given random integers', () => {
    const set = loadGolden(name);
    const format = toFormat(parts[0]!);
    const inputs = fromBits64(column<BigUint64Array>(set, 'input_f64bits'));
    const result = new Comparison();
    // The columns odd_N are nearest with ties at random to odd, which is no mode here.
    const columns = [...set.columns.keys()].filter((key) => /^[ABC]_N\d+$/.test(key));
    for (const key of columns) {
      const [variant, bits] = key.split('_N') as [StochasticVariant, string];
      const random = column<Uint32Array>(set, `R_N${bits}`);
      const codes = column<Codes>(set, key);
      const randomBits = Number(bits);
      const given = { rounding: 'stochastic', saturation: 'finite', randomBits, variant, random } as const;
      result.check(format, inputs, given, (i) => codes[i]!);
    }
    expect(result.wrong).toEqual([]);
    expect(columns.length).toBeGreaterThan(0);
    expect(result.cases).toBe(inputs.length * columns.length);
  });
});

const reportModes: Readonly<Record<string, RoundingMode>> = {
  NearestTiesToEven: 'nearest-even',
  NearestTiesToAway: 'nearest-away',
  TowardPositive: 'toward-positive',
  TowardNegative: 'toward-negative',
  TowardZero: 'toward-zero',
  ToOdd: 'to-odd',
};
const reportSaturations = { SatNone: 'none', SatFinite: 'finite', SatPropagate: 'propagate' } as const;

describe.each(setsOf(families.p3109Round))('P3109 projection: $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('every mode, saturation and stochastic variant', () => {
    const set = loadGolden(name);
    const format = toFormat(parts[0]!.toLowerCase());
    const inputs = fromBits64(column<BigUint64Array>(set, 'input_f64bits'));
    const codes = column<Codes>(set, 'codes');
    const columns = set.header.rounding!;
    const result = new Comparison();
    columns.forEach((label, c) => {
      const [mode, saturationName] = label.split('.') as [string, keyof typeof reportSaturations];
      const saturation = reportSaturations[saturationName];
      const expected = (i: number): number => codes[i * columns.length + c]!;
      const stochastic = /^Stochastic([ABC])(\d+)$/.exec(mode);
      if (stochastic === null) {
        result.check(format, inputs, { rounding: modeOf(mode, reportModes), saturation }, expected);
        return;
      }
      const random = Uint32Array.from(column<Codes>(set, `R${stochastic[2]}`));
      const variant = stochastic[1] as StochasticVariant;
      const randomBits = Number(stochastic[2]);
      const given = { rounding: 'stochastic', saturation, variant, randomBits, random } as const;
      result.check(format, inputs, given, expected);
    });
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(inputs.length * columns.length);
  });
});

describe.each(setsOf(families.posit))('SoftPosit: $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('decodes, encodes and converts from binary64', () => {
    const set = loadGolden(name);
    const format = toFormat(`posit(${parts[0]},${parts[1]})`);
    // Wide formats have no table of all codes.
    const values = set.columns.has('decode_f64') ? column<Float64Array>(set, 'decode_f64') : undefined;
    expect(values?.length).toBe(format.bits <= 16 ? 2 ** format.bits : undefined);
    values?.forEach((value, code) => {
      expect(Object.is(format.decode(code), value)).toBe(true);
      expect(format.encode(value)).toBe(code);
    });
    const inputs = column<Float64Array>(set, 'from_f64');
    const codes = column<Codes>(set, 'from_codes_ref');
    const result = new Comparison();
    result.check(format, inputs, {}, (i) => codes[i]!);
    expect(result.wrong).toEqual([]);
    expect(result.cases).toBe(inputs.length);
  });
});

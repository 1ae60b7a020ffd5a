/** Floats by their limits, `float({ precision, emin, emax })`, also where the largest exponent is below what the field could hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decode,
  encode,
  type FloatFormat,
  float,
  formats,
  parseFormat,
  round,
  roundingModes,
  saturations,
} from '../../src/index.ts';
import { roundingPath } from '../../src/kernels/rounding-planner.ts';
import { dropsHighBits, isStochastic, resolveRounding, roundScalar } from '../../src/rounding/index.ts';
import { oracleRound } from '../oracles/index.ts';

describe('names', () => {
  it.each([
    [{ precision: 11, emin: -14, emax: 15 }, 'binary16'],
    [{ precision: 24, emin: -126, emax: 127 }, 'binary32'],
    [{ precision: 53, emin: -1022, emax: 1023 }, 'binary64'],
    [{ precision: 8, emin: -126, emax: 127 }, 'bfloat16'],
    [{ precision: 4, emin: -6, emax: 8, specials: 'fn' }, 'e4m3fn'],
    [{ precision: 2, emin: 0, emax: 2, specials: 'finite' }, 'e2m1'],
    [{ precision: 4, emin: -7, emax: 7, specials: 'fnuz' }, 'e4m3fnuz'],
    [{ precision: 8, emin: -20, emax: 10 }, 'float(6,7,bias=21,emax=10)'],
    [{ precision: 11, emin: -14, emax: 12 }, 'float(5,10,bias=15,emax=12)'],
    [{ precision: 5, emin: -3, emax: 3, subnormals: false }, 'float(4,4,bias=4,subnormals=false,emax=3)'],
  ] as const)('%o is %s', (limits, name) => {
    const format = float(limits);
    expect(format.name).toBe(name);
    expect([format.precision, format.emin, format.emax]).toEqual([
      limits.precision,
      limits.emin,
      limits.emax,
    ]);
    expect(parseFormat(String(format))).toMatchObject({
      name: format.name,
      max: format.max,
      min: format.min,
    });
    expect(JSON.parse(JSON.stringify({ format })).format).toBe(format.name);
  });

  it('limits that are none are refused', () => {
    expect(() => float({ precision: 54, emin: -5, emax: 5 })).toThrow('precision: got 54');
    expect(() => float({ precision: 3, emin: 5, emax: 4 })).toThrow(
      'emax: got 4; accepted: an integer from 5',
    );
    expect(() => float({ precision: 3, emin: -1074, emax: 1023 })).toThrow('the field has 11 bits');
    expect(() => float({ precision: 3, emin: -5 } as never)).toThrow('emax: got undefined');
    expect(() => float({ precision: 3, emin: -5, emax: 5, exponentBits: 4 } as never)).toThrow(
      'exponentBits',
    );
    expect(() => float({ exponentBits: 4, mantissaBits: 3, emax: 9 })).toThrow('an integer from -6 to 7');
    expect(() => float({ exponentBits: 4, mantissaBits: 3, specials: 'p3109', emax: 3 })).toThrow('P3109');
    expect(() => parseFormat('float(4,3,emax=8)')).toThrow('emax');
    expect(parseFormat('float(4,3,emax=7)').name).toBe('e4m3');
  });
});

/** The magnitudes of a float that its limits allow, in ascending order, from the definition. */
function magnitudesOf({ precision, emin, emax, subnormals }: FloatFormat): number[] {
  const list = [0];
  const perBinade = 2 ** (precision - 1);
  if (subnormals === true) for (let m = 1; m < perBinade; m++) list.push(m * 2 ** (emin - precision + 1));
  for (let e = emin; e <= emax; e++)
    for (let m = 0; m < perBinade; m++) list.push((perBinade + m) * 2 ** (e - precision + 1));
  return list;
}

const limited = [
  { precision: 3, emin: -4, emax: 2 },
  { precision: 4, emin: -6, emax: 5 },
  { precision: 5, emin: -3, emax: 3, subnormals: false },
  { precision: 2, emin: 0, emax: 4, specials: 'finite' },
  { precision: 3, emin: -2, emax: 1, specials: 'fn', signed: false },
  { precision: 1, emin: -5, emax: 3 },
  { precision: 4, emin: -126, emax: 10 },
].map((limits) => float(limits as never));

describe.each(limited)('$name', (format) => {
  it('has the values of its limits, and codes for them alone', () => {
    const magnitudes = magnitudesOf(format);
    const values = format.values();
    expect(values.filter((x) => x >= 0)).toEqual(magnitudes);
    for (let code = 0; code < 2 ** format.bits; code++) {
      const value = format.decode(code);
      // Without subnormals the significands of the lowest field are zero too.
      if (!Number.isNaN(value) && value !== 0) expect(format.encode(value)).toBe(code);
    }
    const codes = encode(values, format);
    expect([...decode(codes, format)]).toEqual(values);
    const every = Uint32Array.from({ length: 2 ** format.bits }, (_, i) => i);
    expect([...decode([...every], format)]).toEqual([...every].map((code) => format.decode(code)));
    expect(format.has(format.max * 2)).toBe(false);
  });

  it('rounds by the oracle in every mode and saturation, numbers and arrays', () => {
    const near = magnitudesOf(format).flatMap((x, i, all) => [
      x,
      (x + (all[i + 1] ?? 2 * x)) / 2,
      x * (1 + 2 ** -30),
    ]);
    const inputs = [...near, format.max * 1.5, format.max * 3, Infinity].flatMap((x) => [x, -x]);
    for (const rounding of roundingModes.filter((mode) => !isStochastic(mode)))
      for (const saturation of saturations.filter((saturation) => !dropsHighBits({ saturation }))) {
        const options = resolveRounding(format, { rounding, saturation });
        const wanted = inputs.map((x) => oracleRound(x, format, options, 0));
        expect(inputs.map((x) => roundScalar(x, format, options, 0))).toEqual(wanted);
        expect([...round(Float64Array.from(inputs), format, { rounding, saturation })]).toEqual(wanted);
      }
    expect(roundingPath('float64', format, resolveRounding(format))).not.toBe('reference');
  });
});

it('chop, CPFloat and MPFR: fp16 with emax 10 overflows at 2^11 - 2^-1', () => {
  const format = float({ precision: 11, emin: -14, emax: 10 });
  expect(format.max).toBe(2047);
  expect(round(2047.49, format)).toBe(2047);
  expect(round(2047.5, format)).toBe(Infinity);
  expect(round(2047.5, format, { rounding: 'toward-zero' })).toBe(2047);
  expect(format.bits).toBe(formats.binary16.bits);
});

it('any limits: the same numbers as by widths where the field is full', () => {
  const limits = fc.record({
    precision: fc.integer({ min: 2, max: 24 }),
    emin: fc.integer({ min: -100, max: 0 }),
    range: fc.integer({ min: 0, max: 120 }),
  });
  fc.assert(
    fc.property(limits, fc.double({ noNaN: true }), ({ precision, emin, range }, x) => {
      const format = float({ precision, emin, emax: emin + range });
      const wide = float({ precision, emin, emax: emin + 2 ** format.exponentBits - 3 });
      expect([wide.exponentBits, wide.emin]).toEqual([format.exponentBits, emin]);
      const options = resolveRounding(format);
      const free = roundScalar(x, wide, options, 0);
      const wanted = Math.abs(free) <= format.max ? free : Math.sign(free) * Infinity;
      expect(roundScalar(x, format, options, 0)).toBe(wanted);
    }),
    { numRuns: 300, seed: 5 },
  );
});

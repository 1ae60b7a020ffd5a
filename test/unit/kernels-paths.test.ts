/** Which path a rounding takes, by format and mode; and NaNs of any payload, which no exhaustive comparison of values has. */
import { describe, expect, it } from 'vitest';
import type { Format } from '../../src/formats/format.ts';
import { formats, scalarFormats, toFormat } from '../../src/formats/index.ts';
import { roundArray } from '../../src/kernels/rounding-arrays.ts';
import { roundingPath } from '../../src/kernels/rounding-planner.ts';
import {
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  type Saturation,
  subnormalTreatments,
} from '../../src/rounding/index.ts';

const saturations = ['none', 'finite', 'propagate'] as const;
const catalogue: readonly Format[] = Object.values(scalarFormats);

function wraps(format: Format): boolean {
  return format.kind === 'fixed' || (format.kind === 'int' && !format.symmetric);
}

/** Every mode and saturation that means something in the format. Only floats look at more than 'wrap'. */
function settings(format: Format): RoundOptions[] {
  const modes = format.kind === 'posit' ? (['nearest-even', 'stochastic'] as const) : roundingModes;
  const ends: readonly Saturation[] =
    format.kind === 'float' ? saturations : wraps(format) ? ['none', 'wrap', 'keep-sign'] : ['none'];
  return modes.flatMap((rounding) => ends.map((saturation) => ({ rounding, saturation, seed: 1 })));
}

/** Whether jamming may set a bit that binary64, which carries the numbers, does not have. */
function isBelowCarrier(format: Format, { rounding, subnormals }: RoundOptions): boolean {
  if (rounding !== 'jamming' || format.kind !== 'float') return false;
  const isFlushed = subnormals === 'flush' && format.emin - format.mantissaBits <= -1074;
  return format.exponentBits === Infinity || isFlushed;
}

describe('NaNs of any payload stay NaN', () => {
  const payloads32 = Uint32Array.of(0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7fc00000, 0xffbfffff);
  const payloads64 = BigUint64Array.from(
    [1n, 2n ** 52n - 1n, 2n ** 51n],
    (bits) => bits + 0x7ff0000000000000n,
  );
  for (const name of [
    'binary16',
    'bfloat16',
    'tf32',
    'e4m3fn',
    'e4m3fnuz',
    'ue4m3',
    'int8',
    'binary32',
    'dlfloat16',
    'e8m0',
    'nf4',
    'dynamic8',
    'posit16',
  ] as const) {
    it(name, () => {
      for (const setting of settings(formats[name])) {
        const resolved = resolveRounding(formats[name], setting);
        const x32 = new Float32Array(payloads32.slice().buffer);
        const x64 = new Float64Array(payloads64.slice().buffer);
        roundArray(x32, x32, formats[name], resolved);
        roundArray(x64, x64, formats[name], resolved);
        expect([...x32, ...x64].filter((x) => !Number.isNaN(x))).toEqual([]);
      }
    });
  }
});

describe('the path that a rounding takes', () => {
  const main: readonly RoundingMode[] = ['nearest-even', 'toward-zero', 'stochastic'];
  const simd: Readonly<Record<string, readonly string[]>> = {
    quick: ['binary16', 'fp24', 'e5m2', 'e4m3', 'e4m3fn', 'e3m4', 'e2m3', 'e3m2', 'e2m1'],
    pattern: ['bfloat16', 'tf32', 'pxr24'],
    general: ['e4m3fnuz', 'e5m2fnuz', 'e4m3b11fnuz', 'ue5m3', 'ue4m3', 'int8', 'uint4', 'ternary'],
    exact: ['dlfloat16', 'binary8p1se', 'binary6p1uf', 'float(8,0,bias=127,finite)', 'float(11,10)'],
    list: ['nf4', 'dynamic8', 'dynamicUnsigned8', 'binary', 'logarithmic(4,3)'],
  };
  for (const [path, names] of Object.entries(simd)) {
    it(`${path}: ${names.join(', ')}`, () => {
      for (const name of names) {
        const format = toFormat(name);
        for (const rounding of main)
          for (const saturation of saturations) {
            const resolved = resolveRounding(format, { rounding, saturation });
            expect([name, roundingPath('float32', format, resolved)]).toEqual([name, path]);
          }
      }
    });
  }

  it('exact: e8m0, but where everything goes to an end: a list', () => {
    for (const saturation of saturations)
      for (const rounding of main) {
        const path = roundingPath(
          'float64',
          formats.e8m0,
          resolveRounding(formats.e8m0, { rounding, saturation }),
        );
        expect(path).toBe(saturation === 'finite' ? 'list' : 'exact');
      }
  });

  it('posit: posits', () => {
    for (const name of ['posit8', 'posit16', 'posit32', 'posit(2,0)', 'posit(16,1)'])
      for (const rounding of ['nearest-even', 'stochastic'] as const) {
        const format = toFormat(name);
        expect(roundingPath('float64', format, resolveRounding(format, { rounding }))).toBe('posit');
      }
  });

  it('is never the reference for a catalogue format, nor for others of every kind', () => {
    const others = [
      'float(Infinity,7)',
      'float(10,0,bias=1060,finite)',
      'float(11,51)',
      'float(1,0,bias=0,finite)',
      'int53',
      'uint53',
      'int8symmetric',
      'fixed(4,4)',
      'fixed(0,52)',
      'fixed(26,26,unsigned)',
      'posit(32,5)',
      'logarithmic(8,7)',
      ...[1, 2, 7].flatMap((precision) =>
        ['se', 'sf', 'ue', 'uf'].map((kind) => `binary8p${precision}${kind}`),
      ),
    ].map(toFormat);
    for (const format of [...catalogue, ...others])
      for (const setting of settings(format))
        for (const subnormals of subnormalTreatments)
          for (const type of ['float32', 'float64'] as const) {
            const resolved = resolveRounding(format, { ...setting, subnormals });
            const path = roundingPath(type, format, resolved);
            if (isBelowCarrier(format, { ...setting, subnormals }))
              expect([format.name, setting, subnormals, path]).toContain('reference');
            else expect([format.name, setting, subnormals, path]).not.toContain('reference');
          }
  });

  it('is the reference where no exact power of two or quotient is at hand', () => {
    const high = toFormat('float(3,2,bias=-980)');
    expect(roundingPath('float64', high, resolveRounding(high))).toBe('reference');
    const finer = toFormat('float(6,20,bias=31,fn,subnormals=normal)');
    const stochastic = resolveRounding(finer, { rounding: 'stochastic' });
    expect(roundingPath('float64', finer, stochastic)).toBe('reference');
    expect(roundingPath('float64', finer, resolveRounding(finer))).toBe('exact');
  });
});

/**
 * Every binary16 and every bfloat16 number, NaNs and infinities included, into every catalogue format of at most 8 bits,
 * in the three main modes and all saturations: the kernels agree with the scalar reference on every bit.
 */
import { describe, expect, it } from 'vitest';
import type { Format } from '../../src/formats/format.ts';
import { formats, scalarFormats } from '../../src/formats/index.ts';
import { roundArray, roundingPath } from '../../src/kernels/index.ts';
import {
  type RoundOptions,
  resolveRounding,
  roundArrayReference,
  roundingModes,
} from '../../src/rounding/index.ts';
import { fitsBinary32 } from '../../src/tensor/arrays.ts';
import { firstDifference } from '../kernels-compare.ts';

const codes = 2 ** 16;
const inputs: Readonly<Record<string, Float32Array>> = {
  binary16: Float32Array.from({ length: codes }, (_, code) => formats.binary16.decode(code)),
  bfloat16: Float32Array.from({ length: codes }, (_, code) => formats.bfloat16.decode(code)),
};
const saturations = ['none', 'finite', 'propagate'] as const;
const settings: readonly RoundOptions[] = [
  { rounding: 'nearest-even' },
  { rounding: 'toward-zero' },
  { rounding: 'stochastic', seed: 1 },
];
const catalogue: readonly Format[] = Object.values(scalarFormats);
// Those that are left to the scalar reference have nothing to compare.
const narrow = catalogue.filter((format) => format.bits <= 8);
const targets = narrow.filter((format) => hasKernel(format));

function hasKernel(format: Format): boolean {
  return fitsBinary32(format) && roundingPath('float32', format, resolveRounding(format)) !== 'reference';
}

const runs = targets.length * settings.length * saturations.length * Object.keys(inputs).length;

describe(`every 16-bit float into ${targets.length} formats of up to 8 bits: ${runs * codes} cases`, () => {
  for (const format of targets) {
    it(`${format.name}: ${(runs * codes) / targets.length} cases`, () => {
      for (const [name, input] of Object.entries(inputs)) {
        for (const setting of settings) {
          for (const saturation of saturations) {
            const resolved = resolveRounding(format, { ...setting, saturation });
            const expected = new Float32Array(codes);
            roundArrayReference(input, expected, format, resolved);
            const actual = new Float32Array(codes);
            roundArray(input, actual, format, resolved);
            const difference = firstDifference(actual, expected, input);
            expect({ name, ...setting, saturation, difference }).toEqual({
              name,
              ...setting,
              saturation,
              difference: undefined,
            });
          }
        }
      }
    });
  }
});

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
  ] as const) {
    it(name, () => {
      for (const rounding of roundingModes) {
        for (const saturation of saturations) {
          const resolved = resolveRounding(formats[name], { rounding, saturation });
          const x32 = new Float32Array(payloads32.slice().buffer);
          const x64 = new Float64Array(payloads64.slice().buffer);
          roundArray(x32, x32, formats[name], resolved);
          roundArray(x64, x64, formats[name], resolved);
          expect([...x32, ...x64].filter((x) => !Number.isNaN(x))).toEqual([]);
        }
      }
    });
  }
});

describe('the path that a rounding takes', () => {
  const simd: Readonly<Record<string, readonly string[]>> = {
    quick: ['binary16', 'fp24', 'e5m2', 'e4m3', 'e4m3fn', 'e3m4', 'e2m3', 'e3m2', 'e2m1'],
    pattern: ['bfloat16', 'tf32', 'pxr24'],
    general: ['e4m3fnuz', 'e5m2fnuz', 'e4m3b11fnuz', 'ue5m3', 'ue4m3', 'int8', 'uint4', 'ternary'],
  };
  for (const [path, names] of Object.entries(simd)) {
    it(`${path}: ${names.join(', ')}`, () => {
      for (const name of names) {
        const format = scalarFormats[name as keyof typeof scalarFormats];
        for (const setting of settings)
          for (const saturation of saturations) {
            const resolved = resolveRounding(format, { ...setting, saturation });
            expect([name, roundingPath('float32', format, resolved)]).toEqual([name, path]);
          }
      }
    });
  }

  it('every float and integer format of up to 8 bits has a kernel, except e8m0', () => {
    const withoutKernel = narrow.filter((format) => !hasKernel(format));
    const regular = withoutKernel.filter(
      ({ kind }) => kind === 'float' || kind === 'int' || kind === 'fixed',
    );
    expect(regular.map(({ name }) => name)).toEqual(['e8m0']);
  });
});

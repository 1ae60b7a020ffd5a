/**
 * The error of each kind of scale on normal data, against figures measured by an independent emulation, within 3 %; 2^17
 * samples. Statistical figures that no second implementation gave are left out.
 */
import { expect, it } from 'vitest';
import { type QuantizerOptions, quantize, quantizer } from '../../src/quantizers/index.ts';
import { normals, relativeError } from '../normals.ts';

const side = 512;
const x = normals(side * side, 20);
const shape = [side, side];

function expectWithin(actual: number, expected: number, part: number): void {
  expect(Math.abs(actual / expected - 1), `${actual} for ${expected}`).toBeLessThan(part);
}

function errorOf(options: QuantizerOptions): number {
  return relativeError(quantizer(options).fakeQuantize(x, shape), x);
}

const mxfp4 = (direction: 'floor' | 'rceil'): number =>
  relativeError(quantize(x, 'mxfp4', { shape, direction }).values, x);
const block = (size: number) => ({ per: 'block', size, from: 'absmax' }) as const;
const tensor = { per: 'tensor', from: 'absmax' } as const;

it.each<[string, number, () => number]>([
  ['nvfp4', 0.009, () => relativeError(quantize(x, 'nvfp4', { shape }).values, x)],
  [
    'e2m1, blocks of 16, ue5m3 scales',
    0.009,
    () => errorOf({ format: 'e2m1', scale: { ...block(16), format: 'ue5m3' } }),
  ],
  ['mxfp4, floor', 0.0132, () => mxfp4('floor')],
  ['mxfp4, no element clips (rceil)', 0.0133, () => mxfp4('rceil')],
  ['int4, blocks of 32', 0.0094, () => errorOf({ format: 'int4', scale: block(32) })],
  [
    'e2m1, blocks of 32, e8m0 scales from the standard deviation (QuEST)',
    0.0269,
    () =>
      errorOf({
        format: 'e2m1',
        scale: { per: 'block', size: 32, from: 'std', format: 'e8m0', direction: 'floor' },
      }),
  ],
  ['int8, blocks of 32', 2.9e-5, () => errorOf({ format: 'int8', scale: block(32) })],
  ['e4m3fn, one scale', 7.0e-4, () => errorOf({ format: 'e4m3fn', scale: tensor })],
  ['e5m2, one scale', 2.8e-3, () => errorOf({ format: 'e5m2', scale: tensor })],
  [
    'ternary, absmean',
    0.263,
    () => errorOf({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } }),
  ],
  [
    'ternary, absmedian',
    0.318,
    () => errorOf({ format: 'ternary', scale: { per: 'tensor', from: 'absmedian' } }),
  ],
  [
    'ternary, absmean thresholds and least-squares level',
    0.213,
    () => errorOf({ format: 'ternary', scale: { per: 'tensor', from: 'absmean', level: 'least-squares' } }),
  ],
  [
    'ternary, standard deviation',
    0.19,
    () => errorOf({ format: 'ternary', scale: { per: 'tensor', from: 'std' } }),
  ],
])('%s: %d of the energy', (_name, expected, measure) => {
  expectWithin(measure(), expected, 0.03);
});

it.each([
  ['absmean', 0.31],
  ['absmedian', 0.264],
] as const)('ternary, %s: %d are zero', (from, expected) => {
  const values = quantizer({ format: 'ternary', scale: { per: 'tensor', from } }).fakeQuantize(x);
  expectWithin(values.filter((value) => value === 0).length / x.length, expected, 0.01);
});

it('a searched scale is at least as good as those that it is searched among', () => {
  const part = x.subarray(0, 2 ** 14);
  const errors = (options: QuantizerOptions): number =>
    relativeError(quantizer(options).fakeQuantize(part), part);
  for (const format of ['int4', 'e2m1', 'ternary'] as const) {
    const scale = { per: 'block', size: 32 } as const;
    expect(errors({ format, scale: { ...scale, from: 'mse' } })).toBeLessThanOrEqual(
      errors({ format, scale: { ...scale, from: 'absmax', least: 0 } }),
    );
    for (const direction of ['floor', 'rceil', 'even'] as const)
      expect(errors({ format, scale: { ...scale, from: 'mse', format: 'e8m0' } })).toBeLessThanOrEqual(
        errors({
          format: format === 'ternary' ? 'int2' : format,
          scale: { ...scale, from: 'absmax', format: 'e8m0', direction },
        }),
      );
  }
  // The published level for normal data is next to the searched one.
  const searched = errors({ format: 'int4', scale: { per: 'tensor', from: 'mse' } });
  expect(errors({ format: 'int4', scale: { per: 'tensor', from: 'std' } }) / searched).toBeLessThan(1.02);
});

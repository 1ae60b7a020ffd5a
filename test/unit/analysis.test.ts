/** Analyses of quantisers: numbers worked out by hand, published tables, names, refusals. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toReal } from '../../src/arithmetic/index.ts';
import { ArgumentError } from '../../src/errors.ts';
import { SumOfProducts } from '../../src/quantizers/analysis/sums.ts';
import { analyze, errorAgainstBits, namedQuantizer, quantizer } from '../../src/quantizers/index.ts';
import { gaussians } from '../../src/train/random.ts';

const numbers = (...values: number[]): Float32Array => new Float32Array(values);
/** int4 in units of 1. */
const units = quantizer({ format: 'int4', scale: { per: 'tensor', from: 'constant', value: 1 } });

test('by hand: errors, saturation, underflow, codes, size', () => {
  const analysis = analyze(numbers(3, -4, 0.25, 0, 12, 1.5, -0.5, 7), units);
  // 3 -4 0 0 7 2 0 7: errors 0 0 .25 0 5 .5 .5 0.
  const [signal, noise] = [9 + 16 + 0.0625 + 144 + 2.25 + 0.25 + 49, 0.0625 + 25 + 0.25 + 0.25];
  expect(analysis).toMatchObject({
    elements: 8,
    nonFinite: 0,
    relativeError: Math.sqrt(noise / signal),
    largestRelativeError: 1,
    largestError: 5,
    alignment: (9 + 16 + 84 + 3 + 49) / signal,
    saturated: 1 / 8,
    underflowed: 2 / 8,
    zeros: 3 / 8,
    codes: [
      { code: 12, element: -4, count: 1 },
      { code: 0, element: 0, count: 3 },
      { code: 2, element: 2, count: 1 },
      { code: 3, element: 3, count: 1 },
      { code: 7, element: 7, count: 2 },
    ],
    // 8 codes of 4 bits and one binary32 scale.
    bytes: 8,
    bitsPerElement: 8,
  });
  expect(Math.abs(analysis.sqnr - 10 * Math.log10(signal / noise))).toBeLessThan(1e-12);
  const shares = [1, 3, 1, 1, 2].map((count) => count / 8);
  const entropy = shares.reduce((sum, p) => sum - p * Math.log2(p), 0);
  expect(Math.abs(analysis.entropy - entropy)).toBeLessThan(1e-14);
});

test('nothing lost, nothing there', () => {
  expect(analyze(numbers(3, -4), units)).toMatchObject({
    sqnr: Infinity,
    relativeError: 0,
    alignment: 1,
    entropy: 1,
  });
  const zeros = analyze(numbers(0, 0), units);
  expect(zeros).toMatchObject({ sqnr: Infinity, relativeError: 0, alignment: 1, zeros: 1, underflowed: 0 });
  expect(Object.is(zeros.entropy, 0)).toBe(true);
});

test('what is lost is no perfect result: lost elements are counted, and their error is infinite', () => {
  const lost = { sqnr: -Infinity, relativeError: Infinity, largestError: Infinity, alignment: NaN };
  // A NaN makes the whole of its group NaN.
  expect(analyze(numbers(1, NaN, 2, 3), 'mxfp4')).toMatchObject({ nonFinite: 1, lost: 3, ...lost });
  const wide = quantizer({
    format: 'e5m2',
    scale: { per: 'tensor', from: 'constant', value: 1 },
    saturation: 'none',
  });
  expect(analyze(numbers(1, 1e6, -1e6), wide)).toMatchObject({
    nonFinite: 0,
    lost: 2,
    ...lost,
    saturated: 2 / 3,
  });
  expect(analyze(numbers(1e6), wide)).toMatchObject({ lost: 1, ...lost });
  // Nothing finite, nothing to measure.
  expect(analyze(numbers(NaN, NaN), wide)).toMatchObject({
    nonFinite: 2,
    lost: 0,
    sqnr: NaN,
    relativeError: NaN,
  });
  const points = errorAgainstBits(numbers(1, NaN, 2, 3), { a: wide, b: 'e4m3fn', c: 'e5m2' });
  expect(points.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});

/** A tensor's measures from exact rationals: squares as integers over one power of two. */
function exactMeasures(
  x: ArrayLike<number>,
  values: ArrayLike<number>,
): { sqnr: number; relativeError: number; alignment: number } {
  const unit = (value: number): bigint => {
    const { negative, significand, exponent } = toReal(value);
    const magnitude = significand << BigInt(exponent + 1074);
    return negative ? -magnitude : magnitude;
  };
  let [signal, noise, overlap] = [0n, 0n, 0n];
  for (let i = 0; i < x.length; i++) {
    const [given, value] = [unit(x[i]!), unit(values[i]!)];
    signal += given * given;
    noise += (value - given) ** 2n;
    overlap += value * given;
  }
  /** a / b as a binary64 number of any exponent: 64 bits of the quotient. */
  const parts = (a: bigint, b: bigint): [number, number] => {
    const shift = 64 - (a.toString(2).length - b.toString(2).length);
    const quotient = shift >= 0 ? (a << BigInt(shift)) / b : a / (b << BigInt(-shift));
    return [Number(quotient), -shift];
  };
  const [m, e] = noise === 0n ? [0, 0] : parts(signal, noise);
  const [n, f] = noise === 0n ? [0, 0] : parts(noise, signal);
  const [o, g] = parts(overlap < 0n ? -overlap : overlap, signal);
  return {
    sqnr: noise === 0n ? Infinity : 10 * (Math.log10(m) + e * Math.log10(2)),
    relativeError: Math.sqrt(n * 2 ** (f % 2)) * 2 ** Math.trunc(f / 2),
    alignment: (overlap < 0n ? -1 : 1) * o * 2 ** g,
  };
}

test('sums neither overflow nor underflow: the measures of exact rationals, at every magnitude', () => {
  const near = (given: number, exact: number): boolean =>
    Object.is(given, exact) || Math.abs(given - exact) <= 1e-12 * Math.max(Math.abs(exact), 1e-3);
  const base = gaussians(64, 1, 3, 'magnitudes');
  for (const magnitude of [5e-324, 1e-310, 1e-200, 1e-160, 1e-150, 1, 1e150, 1e160, 1e200, 1e307])
    for (const by of [
      'int4',
      'e4m3fn',
      'mxfp4',
      'nvfp4',
      'int8/block:16',
      'bfloat16/tensor',
      'binary64/tensor',
    ]) {
      const x = Float64Array.from(base, (value) => value * magnitude);
      const { values } = namedQuantizer(by).quantize(x);
      const measured = analyze(x, by);
      const exact = exactMeasures(x, values);
      for (const name of ['sqnr', 'relativeError', 'alignment'] as const)
        expect(
          near(measured[name], exact[name]),
          `${magnitude} ${by} ${name} ${measured[name]} ${exact[name]}`,
        ).toBe(true);
      expect(measured.lost).toBe(0);
    }
});

test('sums of products of numbers of any size are those of exact integers', () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  const exactly = (a: number): bigint => {
    const { negative, significand, exponent } = toReal(a);
    return (negative ? -significand : significand) << BigInt(exponent + 1074);
  };
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 8 }), (list) => {
      const sum = new SumOfProducts();
      let exact = 0n;
      for (const a of list) {
        sum.add(a, a);
        exact += exactly(a) ** 2n;
      }
      const { m, exponent } = sum.total;
      if (exact === 0n) return m === 0;
      // m 2^exponent in units of 2^-2148, to within the error of eight sums of squares.
      const length = exact.toString(2).length;
      expect(exponent + 2148).toBeGreaterThanOrEqual(length - 2);
      const ratio = Number((exact << 70n) >> BigInt(length)) / 2 ** 70;
      return Math.abs((m * 2 ** (exponent + 2148 - length)) / ratio - 1) < 2 ** -48;
    }),
    { numRuns: 2000 },
  );
});

test('NaN and infinities are counted, and count for no error', () => {
  const wide = quantizer({
    format: 'e5m2',
    scale: { per: 'tensor', from: 'constant', value: 1 },
    saturation: 'none',
  });
  const analysis = analyze(numbers(1, NaN, Infinity, 1.1), wide);
  expect(analysis).toMatchObject({ nonFinite: 2, saturated: 1 / 4 });
  expect(analysis.codes.at(-1)!.element).toBeNaN();
  expect(Math.abs(analysis.largestError - 0.1)).toBeLessThan(1e-7);
});

test('codes of -0 and 0 are two codes, in this order', () => {
  const { codes, entropy } = analyze(numbers(-0.01, 0.01, 6), 'e2m1');
  expect(codes.map(({ code, element }) => [code, element])).toEqual([
    [8, -0],
    [0, 0],
    [7, 6],
  ]);
  expect(Math.abs(entropy - Math.log2(3))).toBeLessThan(1e-14);
});

test('an absmax scale saturates nothing, whatever its rounding', () => {
  for (let i = 1; i < 200; i++) expect(analyze(numbers(i / 7, -i / 9), 'int8').saturated).toBe(0);
});

test('with a transform: errors of what comes back, or of the transformed tensor if it stays', () => {
  const x = gaussians(256, 1, 1, 'analysis');
  const options = { format: 'int4', scale: { per: 'block', size: 16, from: 'absmax' } } as const;
  const transform = { name: 'hadamard', size: 16, seed: 1 };
  const back = analyze(x, quantizer({ ...options, transform }));
  const stays = analyze(x, quantizer({ ...options, transform, invert: false }));
  // A rotation keeps norms, to rounding.
  expect(Math.abs(back.relativeError / stays.relativeError - 1)).toBeLessThan(1e-4);
  expect(back.relativeError).toBeLessThan(0.15);
  expect(back.codes).toEqual(stays.codes);
  const outliers = analyze(x, quantizer({ ...options, transform: { name: 'keep-outliers', count: 4 } }));
  // 256 codes of 4 bits, 16 binary32 scales, 4 outliers of 8 bytes.
  expect(outliers.bytes).toBe(128 + 64 + 32);
});

test.each(['logarithmic(4,3)', 'int35', 'fixed(20,20)', 'binary64'])(
  '%s, whose values binary32 has not, analyses binary32 numbers as binary64 ones',
  (name) => {
    const x = numbers(1, -0.1, 3.4028234663852886e38, 1e-45, 0);
    expect(analyze(x, name)).toEqual(analyze(Float64Array.from(x), name));
    expect(errorAgainstBits(x, [name, 'int8'])).toContainEqual({ name: 'int8', ...analyze(x, 'int8') });
  },
);

test('a quantiser with memory stays as it is', () => {
  const moving = quantizer({ format: 'int8', scale: { per: 'tensor', from: 'absmax', decay: 0.9 } });
  moving.fakeQuantize(numbers(1, 2));
  const state = JSON.stringify(moving.state());
  analyze(numbers(100, 200), moving);
  expect(JSON.stringify(moving.state())).toBe(state);
});

test.each([
  ['nvfp4', 0.009],
  ['e2m1/block:16/scale:ue5m3', 0.009],
  ['mxfp4', 0.0132],
  ['int4/block:32', 0.0094],
  ['int8/block:32', 2.9e-5],
  ['e4m3fn', 7e-4],
  ['e5m2', 2.8e-3],
  ['ternary', 0.263],
])('Gaussian data by %s: the published squared error %f within 3 %%', (name, published) => {
  const x = gaussians(1 << 17, 1, 5, 'table');
  const { relativeError } = analyze(x, name, { shape: [128, 1024] });
  expect(Math.abs(relativeError ** 2 / published - 1)).toBeLessThan(0.03);
});

test('Gaussian data by mxfp4: 2.3 % beyond the largest element; ternary: 31 % zeros', () => {
  const x = gaussians(1 << 17, 1, 5, 'table');
  expect(Math.abs(analyze(x, 'mxfp4').saturated - 0.023)).toBeLessThan(0.001);
  const ternary = analyze(x, 'ternary');
  expect(Math.abs(ternary.zeros - 0.31)).toBeLessThan(0.003);
  expect(ternary.underflowed).toBe(ternary.zeros);
});

test('error against bits: sorted, by names of one’s own too', () => {
  const x = gaussians(1024, 1, 2, 'points');
  const points = errorAgainstBits(x, ['e5m2', 'mxfp4', 'e4m3fn', 'nvfp4']);
  expect(points.map(({ name }) => name)).toEqual(['mxfp4', 'nvfp4', 'e4m3fn', 'e5m2']);
  const { name, ...analysis } = points[0]!;
  expect([name, analysis]).toEqual(['mxfp4', analyze(x, 'mxfp4')]);
  const own = errorAgainstBits(x, { mine: units, other: 'int4/row' });
  expect(own.map((point) => point.name).sort()).toEqual(['mine', 'other']);
});

test('stochastic rounding: the same call gives the same analysis, another seed another', () => {
  const x = gaussians(1024, 1, 2, 'seeds');
  const by = namedQuantizer('e2m1/row', { rounding: 'stochastic', seed: 1 });
  expect(analyze(x, by)).toEqual(analyze(x, by));
  expect(analyze(x, by, { call: { seed: 2 } })).not.toEqual(analyze(x, by));
});

test.each([
  ['int4', { format: 'int4', scale: { per: 'tensor', from: 'absmax' } }],
  ['ternary', { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } }],
  ['int8/row', { format: 'int8', scale: { per: 'row', from: 'absmax' } }],
  ['int8/std/column', { format: 'int8', scale: { per: 'column', from: 'std' } }],
  [
    'e2m1/block:16/scale:ue5m3',
    { format: 'e2m1', scale: { per: 'block', size: 16, from: 'absmax', format: 'ue5m3' } },
  ],
  ['float(4,3)/tile:4x8/mse', { format: 'e4m3', scale: { per: 'tile', rows: 4, columns: 8, from: 'mse' } }],
])('%s names a quantiser', (name, options) => {
  expect(namedQuantizer(name).toJSON()).toMatchObject(options);
});

test.each([
  'int4/blok:32',
  'int4/block:',
  'int4/block:32x32',
  'int4/tile:32',
  'int4/constant',
  'mxfp4/row',
  'int4/',
  '',
  'e9m9',
])('refuses the name %s', (name) => {
  expect(() => namedQuantizer(name)).toThrow(ArgumentError);
});

test('refuses an empty tensor and a shape that does not fit', () => {
  expect(() => analyze(new Float32Array(0), 'int4')).toThrow(/^x: /);
  expect(analyze([1, 2], 'int4')).toEqual(analyze(Float64Array.of(1, 2), 'int4'));
  expect(() => analyze(Int32Array.of(1, 2) as never, 'int4')).toThrow(/^x: /);
  expect(() => analyze(numbers(1, 2), 'int4', { shape: [3] })).toThrow(/^shape: /);
});

/** What must not matter to a quantiser: powers of two, other blocks, chunks; and what must hold on average. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import {
  dequantize,
  type QuantizerOptions,
  quantize,
  quantizer,
  type ScaleOptions,
} from '../../src/quantizers/index.ts';
import { randomIntegers } from '../../src/rounding/index.ts';
import { normals } from '../normals.ts';

const block = (size: number, rest: object = {}): ScaleOptions => ({
  per: 'block',
  size,
  from: 'absmax',
  ...rest,
});

/** Quantisers whose groups lie within rows of 32. */
const local: Readonly<Record<string, QuantizerOptions>> = {
  int8: { format: 'int8', scale: { per: 'row', from: 'absmax', least: 0 } },
  'int4, std': { format: 'int4', scale: { per: 'block', size: 8, from: 'std' } },
  'uint4, zero points': { format: 'uint4', scale: { per: 'block', size: 16, from: 'minmax' } },
  'ternary, fitted': {
    format: 'ternary',
    scale: { per: 'row', from: 'absmean', level: 'least-squares', least: 0 },
  },
  'nf4, bfloat16 scales': { format: 'nf4', scale: block(32, { format: 'bfloat16' }) },
  'e2m1, ue5m3 scales': { format: 'e2m1', scale: block(16, { format: 'ue5m3' }) },
  mxfp4: { format: 'e2m1', scale: block(32, { format: 'e8m0', direction: 'rceil' }) },
  'mxfp8e4m3, even': { format: 'e4m3fn', scale: block(32, { format: 'e8m0', direction: 'even' }) },
  'e4m3fn, percentile': { format: 'e4m3fn', scale: { per: 'row', from: 'percentile', percentile: 90 } },
  'int3, searched': { format: 'int3', scale: { per: 'block', size: 16, from: 'mse' } },
  posit8: { format: 'posit8', scale: { per: 'row', from: 'rms', multiplier: 2, target: 4 } },
};
const withRounding = (
  options: QuantizerOptions,
  rounding: 'nearest-even' | 'stochastic',
): QuantizerOptions => ({
  ...options,
  rounding,
  seed: 3,
});

const rows = 6;
const columns = 32;
const shape = [rows, columns];
const x = normals(rows * columns, 5);

describe.each(Object.entries(local))('%s', (_name, options) => {
  it.each(['nearest-even', 'stochastic'] as const)(
    '%s: multiplying by a power of two multiplies the result',
    (rounding) => {
      const q = quantizer(withRounding(options, rounding));
      // Within the range of ue5m3 scales.
      for (const factor of [2 ** -9, 0.5, 2 ** 10]) {
        const scaled = q.fakeQuantize(
          x.map((value) => value * factor),
          shape,
        );
        expect(scaled).toEqual(q.fakeQuantize(x, shape).map((value) => value * factor));
      }
    },
  );

  it('a group depends on its own elements alone', () => {
    const q = quantizer(options);
    const before = q.fakeQuantize(x, shape);
    const other = x.slice();
    other.fill(1000, columns, 2 * columns);
    const after = q.fakeQuantize(other, shape);
    expect(after.subarray(0, columns)).toEqual(before.subarray(0, columns));
    expect(after.subarray(2 * columns)).toEqual(before.subarray(2 * columns));
  });

  it.each(['nearest-even', 'stochastic'] as const)(
    '%s: chunks, with their offsets, make the whole',
    (rounding) => {
      const q = quantizer(withRounding(options, rounding));
      const whole = q.quantize(x, shape);
      const cut = 2 * columns;
      const first = q.quantize(x.subarray(0, cut), [2, columns]);
      const second = q.quantize(x.subarray(cut), [rows - 2, columns], { offset: cut });
      expect([...first.values, ...second.values]).toEqual([...whole.values]);
      expect([...first.codes, ...second.codes]).toEqual([...whole.codes]);
      expect([...first.scaleCodes, ...second.scaleCodes]).toEqual([...whole.scaleCodes]);
    },
  );

  it.each(['nearest-even', 'stochastic'] as const)(
    '%s: codes and scales are the values, packed and not',
    (rounding) => {
      const q = quantizer(withRounding(options, rounding));
      const result = q.quantize(x, shape);
      expect(result.values).toEqual(q.fakeQuantize(x, shape));
      expect(dequantize(result)).toEqual(result.values);
      const packed = result.pack();
      expect(packed.length).toBe(result.bytes);
      const unpacked = q.unpack(packed, shape);
      expect(unpacked.codes).toEqual(result.codes);
      expect(unpacked.values).toEqual(result.values);
      expect(unpacked.bytes).toBe(result.bytes);
    },
  );
});

describe('idempotence', () => {
  it('holds for MX and block floating point, under every direction', () => {
    const cases = fc.record({
      name: fc.constantFrom('mxfp8e4m3', 'mxfp8e5m2', 'mxfp6e3m2', 'mxfp4', 'mxint8', 'bfp(5,16)'),
      direction: fc.constantFrom('floor', 'ceil', 'even', 'rceil'),
      list: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 80 }),
    });
    fc.assert(
      fc.property(cases, ({ name, direction, list }) => {
        // With -2 in use, a block may need the next scale for it the second time.
        const options = { direction, symmetric: name === 'mxint8' } as const;
        const once = quantize(Float32Array.from(list), name, options).values as Float32Array;
        // Rounded up past the largest binary32 number a value is clipped: no multiple of its scale.
        fc.pre(once.every((value) => Math.abs(value) < formats.binary32.max));
        expect(quantize(once, name, options).values).toEqual(once);
      }),
      { numRuns: 600 },
    );
  });

  it('holds for stored decode scales from absmax', () => {
    for (const format of ['int4', 'e4m3fn', 'e2m1'] as const) {
      const q = quantizer({ format, scale: block(16, { format: 'binary32', stored: 'decode', least: 0 }) });
      const once = q.fakeQuantize(x, shape);
      const twice = q.fakeQuantize(once, shape);
      expect(q.quantize(twice, shape).codes).toEqual(q.quantize(once, shape).codes);
    }
  });
});

describe('unbiasedness of the whole pipeline, scaling included', () => {
  const draws = 4096;
  const sample = normals(32, 9);
  /** Mean of the quantised values over many draws, and whether each is within five standard errors of x. */
  function expectUnbiased(image: (stream: number) => ArrayLike<number>, mayClip: ReadonlySet<number>): void {
    const sums = new Float64Array(sample.length);
    const squares = new Float64Array(sample.length);
    for (let stream = 0; stream < draws; stream++) {
      const values = image(stream);
      for (let i = 0; i < sample.length; i++) {
        sums[i]! += values[i]!;
        squares[i]! += values[i]! ** 2;
      }
    }
    sample.forEach((value, i) => {
      if (mayClip.has(i)) return;
      const mean = sums[i]! / draws;
      const deviation = Math.sqrt(Math.max(squares[i]! / draws - mean ** 2, 0) / draws);
      expect(Math.abs(mean - value), `element ${i}`).toBeLessThanOrEqual(
        5 * deviation + 1e-6 * Math.abs(value),
      );
    });
  }

  it.each<[string, QuantizerOptions]>([
    ['int8 row', { format: 'int8', scale: { per: 'row', from: 'absmax' } }],
    ['int4 block', { format: 'int4', scale: block(16) }],
    ['uint8 with zero points', { format: 'uint8', scale: { per: 'block', size: 16, from: 'minmax' } }],
    ['mxfp4, rceil', { format: 'e2m1', scale: block(32, { format: 'e8m0', direction: 'rceil' }) }],
    ['mxfp4 with 3/4 (Quartet)', { format: 'e2m1', scale: block(32, { format: 'e8m0', prescale: 0.75 }) }],
    ['nf4', { format: 'nf4', scale: block(32) }],
  ])('%s', (_name, options) => {
    const q = quantizer({ ...options, rounding: 'stochastic', seed: 1 });
    // A rounded zero point moves the ends of the range by up to half a step, so the outermost elements may clip.
    const halves = [sample.subarray(0, 16), sample.subarray(16)];
    const ends = halves
      .flatMap((half) => [Math.min(...half), Math.max(...half)])
      .map((end) => sample.indexOf(end));
    const mayClip = new Set(options.scale.from === 'minmax' ? ends : []);
    expectUnbiased((stream) => q.fakeQuantize(sample, [1, 32], undefined, { stream }), mayClip);
  });

  it('mxfp4, floor, is biased where elements clip: 3/4 is what mends it', () => {
    const clipped = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? 7.9 : 1));
    const floor = quantizer({ format: 'e2m1', rounding: 'stochastic', scale: block(32, { format: 'e8m0' }) });
    for (let stream = 0; stream < 20; stream++)
      expect(floor.fakeQuantize(clipped, [32], undefined, { stream })[0]).toBe(6);
  });
});

it('supplied random integers give the same bits', () => {
  const long = normals(1 << 16, 4);
  const q = quantizer({ format: 'e4m3fn', rounding: 'stochastic', seed: 8, scale: block(32) });
  const alone = q.fakeQuantize(long);
  const random = randomIntegers(long.length, { seed: 8 });
  expect(q.fakeQuantize(long, [long.length], undefined, { random })).toEqual(alone);
});

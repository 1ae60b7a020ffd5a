/** Masks of gradients on kernels agree on every bit with the loops of the definition, which take what is of binary64. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipped, trust } from '../../src/quantizers/gradients/masks.ts';
import type { Grouping } from '../../src/quantizers/grouping.ts';
import { type Explained, quantizer } from '../../src/quantizers/index.ts';
import { firstDifference } from '../kernels-compare.ts';

/** The same in binary64. */
function widened(explained: Explained): Explained {
  const { x, scaled, elements, values } = explained;
  const wide = { x, scaled, elements, values };
  const arrays = Object.entries(wide).map(([name, array]) => [name, Float64Array.from(array)]);
  return { ...explained, ...Object.fromEntries(arrays) };
}

const bits = new Uint32Array(1);
const number = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -4096, max: 4096 }).map((x) => x / 256) },
  { weight: 2, arbitrary: fc.integer({ min: -12, max: 12 }).map((x) => x / 2) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 6, -6, 2 ** -149, -(2 ** 127)) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((pattern) => {
      bits[0] = pattern;
      return new Float32Array(bits.buffer)[0]!;
    }),
  },
);

const groupings: fc.Arbitrary<Grouping> = fc.constantFrom<Grouping>(
  { per: 'tensor' },
  { per: 'row' },
  { per: 'column' },
  { per: 'block', size: 5 },
  { per: 'block', size: 32 },
  { per: 'block', size: 1 },
  { per: 'block', size: 4, axis: 0 },
  { per: 'tile', rows: 3, columns: 4 },
  { per: 'tile', rows: 2, columns: 1 },
  { per: 'tile', rows: 4, columns: 80 },
);
const rules = [clipped(), clipped({ strict: true }), trust({ multiplier: 2.5 }), trust({ bits: 3 })];

function check(explained: Explained, gradient: Float32Array): void {
  for (const rule of rules) {
    const { x } = rule.pullback(explained, gradient);
    const wide = widened(explained);
    const mixed = { ...explained, scaled: wide.scaled };
    expect(firstDifference(rule.pullback(mixed, gradient).x, x, gradient)).toBeUndefined();
    const wanted = rule.pullback(wide, Float64Array.from(gradient)).x;
    expect(firstDifference(rule.pullback(wide, gradient).x, wanted, gradient)).toBeUndefined();
    expect(x).toBeInstanceOf(Float32Array);
    expect(firstDifference(x, wanted, gradient)).toBeUndefined();
  }
}

describe('masks', () => {
  it.each(['int4', 'e2m1', 'e4m3fn'])('of %s, 300 tensors', (format) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 70 }),
        groupings,
        fc.infiniteStream(number),
        (rows, columns, grouping, stream) => {
          const [x, gradient] = [0, 1].map(() =>
            Float32Array.from({ length: rows * columns }, () => stream.next().value),
          ) as [Float32Array, Float32Array];
          // With scales below the largest, so that some are clipped.
          const scale = { ...grouping, from: 'rms', multiplier: 1.5 } as const;
          const made = quantizer({ format, scale, nan: 'group' });
          check(made.explain(x, [rows, columns]), gradient);
          const scaled = Float32Array.from(x);
          check({ ...made.explain(x, [rows, columns]), scaled }, gradient);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each(['int4', 'uint8', 'int8'])('of %s with zero points, 200 tensors', (format) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
        groupings,
        fc.infiniteStream(number),
        (shape, grouping, stream) => {
          fc.pre(!('axis' in grouping) || shape.length > 1);
          const length = shape.reduce((all, side) => all * side, 1);
          const [x, gradient] = [0, 1].map(() =>
            Float32Array.from({ length }, () => stream.next().value),
          ) as [Float32Array, Float32Array];
          const scale = { ...grouping, from: 'minmax' } as const;
          const explained = quantizer({ format, scale, nan: 'zero' }).explain(x, shape);
          const zeroPoints = explained.scales.map(() => stream.next().value);
          check({ ...explained, zeroPoints }, gradient);
          check({ ...explained, zeroPoints: Float64Array.from(zeroPoints, (z) => z / 3) }, gradient);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('with ends that are no binary32 numbers', () => {
    const low = -(2 ** 24) - 1;
    for (const high of [2 ** 24 + 1, 2 ** 24 + 3, 1e300]) {
      const scaled = Float32Array.from([
        low,
        low - 1,
        low + 1,
        high,
        high - 1,
        high + 1,
        high + 2,
        NaN,
        Infinity,
      ]);
      const explained = quantizer({ format: 'int8', scale: { per: 'tensor', from: 'absmax' } }).explain(
        new Float32Array(scaled.length).fill(1),
      );
      check({ ...explained, scaled, low, high }, new Float32Array(scaled.length).fill(2));
    }
  });

  it('in several pieces', () => {
    const x = Float32Array.from({ length: 40_002 }, (_, i) => Math.sin(i) * (1 + (i % 11)));
    const gradient = Float32Array.from(x, (y, i) => y * Math.cos(i));
    for (const [shape, grouping] of [
      [[40_002], { per: 'tensor' }],
      [[2, 20_001], { per: 'row' }],
      [[6, 6667], { per: 'block', size: 32 }],
      [[40_002], { per: 'block', size: 17_000 }],
      [[2, 20_001], { per: 'column' }],
      [[113, 177, 2], { per: 'column' }],
      [[6, 6667], { per: 'tile', rows: 4, columns: 2500 }],
      [[3, 13_334], { per: 'block', size: 2, axis: 0 }],
      [[113, 177, 2], { per: 'block', size: 32, axis: 1 }],
    ] as const) {
      const scale = { ...grouping, from: 'rms', multiplier: 1.5 } as const;
      const explained = quantizer({ format: 'e2m1', scale }).explain(x, shape);
      check(explained, gradient);
      check({ ...explained, zeroPoints: explained.scales.map((_, i) => Math.sin(i)) }, gradient);
    }
  });
});

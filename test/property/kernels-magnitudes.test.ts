/** Powers of magnitudes, their statistics and steps: the kernels have the bits of the scalar definitions, for all float32 numbers. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateFloat32, logShift, quantizer, release } from '../../src/index.ts';
import { magnitudesFor } from '../../src/kernels/quantizers/magnitudes.ts';
import { factorsReference } from '../../src/quantizers/gradients/differentiable.ts';
import type { Grouping } from '../../src/quantizers/grouping.ts';
import { shiftReference } from '../../src/quantizers/transforms/log-shift.ts';
import { randomIntegers } from '../../src/rounding/index.ts';

const sameBits = (a: Float32Array, b: Float32Array): number =>
  a.length === b.length ? a.findIndex((value, i) => !Object.is(value, b[i])) : a.length;

/** Numbers of all patterns, or within some binades, and a few that are special. */
function numbers(length: number, seed: number, kind: 'any' | 'near' | 'finite' | 'tiny'): Float32Array {
  const words = randomIntegers(length, { seed });
  const x = new Float32Array(words.buffer).slice();
  const near = (i: number): number => (words[i]! / 2 ** 31 - 1) * 2 ** ((words[i]! % 40) - 20);
  if (kind !== 'any')
    for (let i = 0; i < length; i++) x[i] = Number.isFinite(x[i]) && kind !== 'near' ? x[i]! : near(i);
  if (kind === 'tiny') for (let i = 0; i < length; i++) x[i] = near(i) * 2 ** -140;
  const specials = kind === 'any' ? [NaN, Infinity, -Infinity, 0, -0] : [0, -0, 2 ** -149, 1, -(2 ** 127)];
  if (seed % 3 === 0) for (let i = 0; i < length; i += 41) x[i] = specials[(i / 41) % 5]!;
  return x;
}

const kinds = fc.constantFrom('any', 'near', 'finite', 'tiny');

const groupings = fc.oneof(
  fc.constantFrom<Grouping>({ per: 'tensor' }, { per: 'row' }, { per: 'column' }),
  fc.record({
    per: fc.constant('block' as const),
    size: fc.integer({ min: 1, max: 9 }),
    axis: fc.constantFrom(0, 1),
  }),
  fc.record({
    per: fc.constant('tile' as const),
    rows: fc.integer({ min: 1, max: 5 }),
    columns: fc.integer({ min: 1, max: 7 }),
  }),
);

/** What the definition gives: statistics by binary64 arrays, which no kernel takes, and numbers one by one. */
function expected(x: Float32Array, shape: number[], grouping: Grouping, options: object) {
  const wide = logShift({ grouping, ...options }).forward(Float64Array.from(x), shape);
  if (wide.residue.kind !== 'statistics') throw new Error('not the statistics');
  const stored = wide.residue.values;
  return { stored, values: shiftReference(x, shape, grouping, stored, 'forward') };
}

const options = fc.constantFrom(
  ...[{}, { target: 3 }, { cap: 1.5 }, { cap: 1e6, target: 1000 }, { target: 1e-3 }, { target: 60, cap: 40 }],
);

describe('shift and squeeze', () => {
  it('of any groups, there and back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(1e6),
        kinds,
        groupings,
        options,
        (rows, columns, seed, kind, grouping, given) => {
          const x = numbers(rows * columns, seed, kind as 'any');
          const shape = [rows, columns];
          const transform = logShift({ grouping, ...given });
          const { values, residue } = transform.forward(x, shape);
          const { stored, values: wanted } = expected(x, shape, grouping, given);
          if (residue.kind !== 'statistics') throw new Error('not the statistics');
          expect(sameBits(residue.values, stored)).toBe(-1);
          expect(sameBits(values, wanted)).toBe(-1);
          const back = shiftReference(values, shape, grouping, stored, 'inverse');
          expect(sameBits(transform.inverse(values, shape, residue), back)).toBe(-1);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    ['whole tensors', 1],
    ['with zeros', 3],
  ])('of long arrays, %s, in shared memory too', (_, seed) => {
    for (const length of [511, 512, 2048, 2049, 5000, 16384, 16385, 40001]) {
      const x = numbers(length, seed, 'near');
      const { stored, values } = expected(x, [length], { per: 'tensor' }, {});
      const own = allocateFloat32(length);
      own.set(x);
      for (const given of [x, own]) {
        const result = logShift().forward(given, [length]);
        expect(result.residue).toEqual({ kind: 'statistics', perGroup: 2, values: stored });
        expect(sameBits(result.values, values)).toBe(-1);
      }
      release(own);
    }
  });
});

describe('steps', () => {
  it('of any bounds, bounds that are the same among them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 0x7f800000 }), { minLength: 0, maxLength: 255 }),
        fc.boolean(),
        fc.nat(1e6),
        (given, isNarrow, seed) => {
          const bounds = Int32Array.from(given, (bound) =>
            isNarrow ? 0x3f800000 + (bound % 3000) : bound,
          ).sort();
          const images = Int32Array.from({ length: bounds.length + 1 }, (_, i) => 0x3f000000 + i);
          const x = numbers(603, seed, isNarrow ? 'near' : 'finite');
          if (isNarrow) for (let i = 0; i < 300; i++) x[i] = 1 + i * 2 ** -20;
          const out = new Float32Array(x.length);
          const { kernels, stream } = magnitudesFor(x, out);
          kernels.place(x.length, stream, { bounds, images });
          const patterns = new Int32Array(x.buffer);
          const wanted = patterns.map((bits) => {
            const size = bits & 0x7fffffff;
            return images[bounds.filter((bound) => bound <= size).length]! | (bits & -0x80000000);
          });
          expect(new Int32Array(out.buffer)).toEqual(wanted);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('in shared memory, in place', () => {
    const q = quantizer({
      format: 'e5m2',
      scale: { per: 'tensor', from: 'constant', value: 1 },
      transform: logShift(),
    });
    const x = numbers(20_000, 1, 'near');
    const own = allocateFloat32(x.length);
    own.set(x);
    expect(sameBits(q.fakeQuantize(own, [x.length], own), q.fakeQuantize(x))).toBe(-1);
    release(own);
  });
});

describe('slopes of the differentiable estimator', () => {
  it.each(['e2m1', 'e4m3fn', 'e5m2', 'int4', 'int8', 'ternary', 'nf4', 'e3m2', 'posit8', 'binary8p3se'])(
    '%s, any numbers, gradients, modes and constants',
    (format) => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 5 }),
          fc.integer({ min: 1, max: 40 }),
          fc.nat(1e6),
          kinds,
          fc.constantFrom([5, 3], [1, 3], [2.5, 0.4], [1000, 1e6], [7, 1e-3]),
          fc.constantFrom('nearest-even', 'toward-zero', 'stochastic', 'nearest-away'),
          (rows, columns, seed, kind, constants, rounding) => {
            const [sharpness, clip] = constants as [number, number];
            const x = numbers(rows * columns, seed, kind as 'any');
            const q = quantizer({
              format,
              rounding: format === 'posit8' ? 'stochastic' : (rounding as 'stochastic'),
              scale: { per: 'row', from: 'absmax' },
              gradient: { name: 'dge', sharpness, clip },
              nan: 'group',
            });
            const explained = q.explain(x, [rows, columns]);
            // Numbers beyond the range, and at values of the format.
            const scaled = explained.scaled.map((each, i) =>
              i % 7 === 0 ? each * 3 : i % 7 === 1 ? explained.elements[i]! : each,
            );
            const given = { ...explained, scaled };
            const gradient = numbers(x.length, seed + 1, 'any');
            const factors = factorsReference(given, sharpness, clip);
            const wanted = gradient.map((g, i) => g * factors[i]!);
            expect(sameBits(q.gradient.pullback(given, gradient).x, wanted)).toBe(-1);
          },
        ),
        { numRuns: 60 },
      );
    },
  );
});

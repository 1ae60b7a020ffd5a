/**
 * Products of small integers times powers of two, whatever format carries them: the same bits as the definition at and beyond the
 * bounds within which order does not matter, in every mode, and the kernel for them is chosen exactly within.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveAccumulator } from '../../src/arithmetic/accumulate/model.ts';
import { toFormat } from '../../src/formats/names.ts';
import { integer32 } from '../../src/kernels/generated/layout-products.ts';
import { nothing, type OperandExtent } from '../../src/kernels/products/extent.ts';
import { matmulArray } from '../../src/kernels/products/product-arrays.ts';
import { planProduct } from '../../src/kernels/products/product-planner.ts';
import type { Addend } from '../../src/products/model.ts';
import { resolveRounding, roundingModes } from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';
import { reference } from '../products-compare.ts';

function integers(length: number, most: number, seed: number, unit: number, extremes: boolean): Float64Array {
  let state = Math.imul(seed + 1, 2654435761) >>> 0;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const draw = state / 2 ** 32;
    if (extremes) return (draw < 0.9 ? most : -most) * unit;
    return Math.round((2 * draw - 1) * most) * unit;
  });
}

const models = fc.constantFrom(
  {},
  { products: 'exact', accumulate: 'binary32' },
  { accumulate: 'binary64' },
  { accumulate: 'int32' },
  { accumulate: 'exact' },
  { accumulate: 'binary16' },
  { accumulate: 'float(8,20)', order: 'pairwise' },
  { accumulate: 'binary32', order: { chunk: 50 } },
) as fc.Arbitrary<object>;

const cases = fc.record({
  format: fc.constantFrom('binary32', 'binary64', 'tf32', 'bfloat16'),
  rounding: fc.constantFrom('nearest-even', 'nearest-even', ...roundingModes),
  model: models,
  most: fc.constantFrom(1, 7, 60, 127, 128, 181, 4095, 32767, 32768),
  other: fc.constantFrom(1, 7, 12, 127, 128, 511),
  scales: fc.tuple(fc.integer({ min: -20, max: 10 }), fc.integer({ min: -20, max: 10 })),
  m: fc.integer({ min: 2, max: 6 }),
  n: fc.integer({ min: 2, max: 10 }),
  k: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 70 }) },
    fc.constantFrom(511, 513, 1040, 1100),
  ),
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  batch: fc.constantFrom(1, 1, 2),
  extremes: fc.boolean(),
  addend: fc.boolean(),
  special: fc.constantFrom(undefined, undefined, undefined, -0, NaN, Infinity),
  wide: fc.boolean(),
  seed: fc.nat(1000),
});

const runs = Math.ceil(Number(process.env['HALFULP_RUNS'] ?? 600) / 2);

describe('products of small integers', () => {
  it(`are those of the definition, ${runs} products`, () => {
    fc.assert(
      fc.property(cases, ({ format: name, rounding, model: given, most, other, scales, ...rest }) => {
        const { k, extremes, addend, special, wide, seed, ...shape } = rest;
        const [m, n] = k > 100 ? [2, Math.min(shape.n, 3)] : [shape.m, shape.n];
        const format = toFormat(name);
        const call = resolveRounding(format, { rounding, seed: 3, offset: 5 });
        const model = resolveAccumulator(format, call, given);
        const [x, y] = scales.map((exponent) => 2 ** exponent) as [number, number];
        const Type = wide || name === 'binary64' ? Float64Array : Float32Array;
        const a = Type.from(integers(shape.batch * m * k, most, seed, x, extremes));
        const b = Type.from(integers(shape.batch * k * n, other, seed + 1, y, extremes));
        if (special !== undefined) a[seed % a.length] = special;
        const start: Addend | undefined = addend
          ? { values: Type.from(integers(m * n, 100, seed + 2, x * y, false)), stride: 0 }
          : undefined;
        const whole = { ...shape, m, n, k, batchStrideA: m * k, batchStrideB: k * n };
        const out = new Type(shape.batch * m * n);
        if (matmulArray(a, b, out, whole, model, call, 1, start))
          expect(firstDifference(out, reference(a, b, whole, model, call, start), out)).toBeUndefined();
      }),
      { numRuns: runs },
    );
  });

  const format = toFormat('binary32');
  const extent = (largest: number, grain = 1): OperandExtent => {
    const top = Math.floor(Math.log2(largest));
    const known = { finite: true, hasNegativeZero: false };
    return { ...known, bits: 8, low: top - 7, top, bottom: 0, largest, grain: () => grain };
  };
  const kernelOf = (
    a: OperandExtent,
    b: OperandExtent,
    start: OperandExtent,
    k: number,
    given: object = {},
  ) => {
    const model = resolveAccumulator(format, resolveRounding(format), given);
    return planProduct(model, a, b, start, k, true, 2)?.sum.kernel;
  };

  it('have their kernel as long as the largest sum is at most 2^24', () => {
    const int8 = extent(127);
    expect(kernelOf(int8, int8, nothing, 1040)).toBe(integer32);
    expect(kernelOf(int8, int8, nothing, 1041)).not.toBe(integer32);
    expect(kernelOf(extent(128), extent(128), nothing, 1024)).toBe(integer32);
    expect(kernelOf(extent(128), extent(128), nothing, 1025)).not.toBe(integer32);
    expect(kernelOf(int8, int8, extent(3056), 1040)).toBe(integer32);
    expect(kernelOf(int8, int8, extent(3057), 1040)).not.toBe(integer32);
    expect(kernelOf(extent(32767), extent(1), nothing, 10)).toBe(integer32);
    expect(kernelOf(extent(32768), extent(1), nothing, 10)).not.toBe(integer32);
    expect(kernelOf(extent(127, 1 / 2), int8, nothing, 1040)).not.toBe(integer32);
    expect(kernelOf({ ...int8, finite: false }, int8, nothing, 10)).not.toBe(integer32);
  });

  it('have it where no rounding of the model changes a sum', () => {
    const int4 = extent(7);
    expect(kernelOf(int4, int4, nothing, 41, { accumulate: 'binary16' })).toBe(integer32);
    expect(kernelOf(int4, int4, nothing, 42, { accumulate: 'binary16' })).not.toBe(integer32);
    expect(kernelOf(int4, int4, nothing, 10, { accumulate: 'uint8' })).not.toBe(integer32);
    expect(kernelOf(int4, int4, nothing, 2, { accumulate: 'int8' })).toBe(integer32);
    expect(kernelOf(int4, int4, nothing, 3, { accumulate: 'int8' })).not.toBe(integer32);
    expect(kernelOf(int4, int4, nothing, 9, { rounding: 'toward-negative' })).not.toBe(integer32);
    expect(kernelOf(int4, int4, { ...extent(3), hasNegativeZero: true }, 9)).not.toBe(integer32);
  });
});

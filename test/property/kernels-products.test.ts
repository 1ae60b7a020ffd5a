/**
 * Matrix products with an accumulator model agree with the scalar reference on every bit: for random shapes, transposes and
 * batches, formats, modes, orders, magnitudes, specials, addends, supplied integers, wherever a kernel takes them at all; and it
 * takes what it promises.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveAccumulator } from '../../src/arithmetic/accumulate/model.ts';
import { createArithmetic } from '../../src/arithmetic/arithmetic.ts';
import type { FloatFormat } from '../../src/formats/format.ts';
import { toFormat } from '../../src/formats/names.ts';
import { allocateFloat32, release } from '../../src/kernels/heap.ts';
import { matmulArray } from '../../src/kernels/products/product-arrays.ts';
import { arithmetic } from '../../src/operations/arithmetic.ts';
import {
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  roundingModes,
} from '../../src/rounding/index.ts';
import { randomIntegers } from '../../src/rounding/philox.ts';
import { firstDifference } from '../kernels-compare.ts';
import { checkProduct, members, orders, type ProductCase, reference, shapes } from '../products-compare.ts';

const names = [
  ...[
    'binary16',
    'bfloat16',
    'e5m2',
    'e4m3',
    'e4m3fn',
    'e4m3fnuz',
    'e3m4',
    'e2m1',
    'e2m3',
    'dlfloat16',
    'tf32',
    'binary32',
  ],
  ...[
    'binary8p3se',
    'binary8p4sf',
    'binary8p1se',
    'binary6p2ue',
    'int8',
    'uint8',
    'ternary',
    'fixed(3,4)',
    'float(6,9)',
  ],
  ...['float(8,14)', 'posit8', 'posit16', 'posit(6,0)', 'e8m0', 'nf4'],
] as const;

function cases(modes: readonly RoundingMode[], formats: readonly string[]): fc.Arbitrary<ProductCase> {
  return fc.record({
    name: fc.constantFrom(...formats),
    options: fc.record({
      rounding: fc.constantFrom(...modes),
      saturation: fc.constantFrom('none', 'none', 'finite', 'propagate'),
      subnormals: fc.constantFrom('keep', 'keep', 'keep', 'flush', 'round-to-minimum-normal'),
      randomBits: fc.constantFrom(1, 3, 6, 8, 11, 16, 23, 32),
      variant: fc.constantFrom('A', 'A', 'B', 'C'),
      seed: fc.nat(99),
      stream: fc.constantFrom(0, 5, 2n ** 64n - 1n),
      offset: fc.constantFrom(0, 1, 13, 2 ** 40 + 7),
    }),
    given: fc.record(
      {
        products: fc.constantFrom('exact', 'rounded'),
        accumulate: fc.constantFrom(
          'binary32',
          'binary64',
          'binary16',
          'bfloat16',
          'exact',
          'exact',
          'e5m2',
          'tf32',
          'posit16',
        ),
        order: orders,
        rounding: fc.constantFrom(...modes),
      },
      { requiredKeys: [] },
    ),
    shape: shapes,
    seed: fc.nat(1000),
    scales: fc.tuple(fc.integer({ min: -18, max: 16 }), fc.integer({ min: -18, max: 16 })),
    spread: fc.constantFrom(2, 6, 20, 60),
    special: fc.boolean(),
    wide: fc.boolean(),
    addend: fc.constantFrom('none', 'own', 'shared'),
    lift: fc.integer({ min: -12, max: 12 }),
    supplied: fc.constantFrom(false, false, true),
  });
}

/** Positive or negative, posits have two modes only. */
const fitting = ({ name, given, options }: ProductCase): boolean => {
  const isPosit = name.startsWith('posit') || given.accumulate === 'posit16';
  const modes = [options.rounding, given.rounding ?? options.rounding];
  return !isPosit || modes.every((mode) => mode === 'nearest-even' || mode === 'stochastic');
};

const runs = Number(process.env['HALFULP_RUNS'] ?? 600);

describe(`matmulArray against the definition, ${runs} random cases each`, () => {
  for (const [title, modes, formats] of [
    ['to nearest even, all formats', ['nearest-even'], names],
    ['stochastic, narrow floats', ['stochastic'], names.slice(0, 10)],
    ['to the nearest posit', ['nearest-even'], ['posit8', 'posit16', 'posit(6,0)', 'posit(12,3)']],
    ['every mode, all formats', roundingModes, names],
  ] as const)
    it(title, () => {
      let taken = 0;
      let all = 0;
      fc.assert(
        fc.property(cases(modes, formats).filter(fitting), (given) => {
          all++;
          if (checkProduct(given)) taken++;
        }),
        { numRuns: runs },
      );
      expect(taken).toBeGreaterThan(all / 2);
    });
});

/** 1 x 1 products at an offset of the draws; the kernel must take them. */
function checkTerms(name: string, options: RoundOptions, a: readonly number[], b: readonly number[]): void {
  const format = toFormat(name);
  const call = resolveRounding(format, options);
  const model = resolveAccumulator(format, call, {});
  const whole = { m: 1, n: 1, k: a.length, transposeA: false, transposeB: false, batch: 1 };
  const shape = { ...whole, batchStrideA: a.length, batchStrideB: a.length };
  const [left, right, out] = [Float32Array.from(a), Float32Array.from(b), new Float32Array(1)];
  expect(matmulArray(left, right, out, shape, model, call)).toBe(true);
  expect(firstDifference(out, reference(left, right, shape, model, call), out)).toBeUndefined();
}

describe('stochastic sums and products that random integers miss or meet by less than their bits', () => {
  const draws = 2 ** 16;

  for (const [name, randomBits, variant] of [
    ['binary16', 1, 'A'],
    ['binary16', 8, 'A'],
    ['bfloat16', 3, 'B'],
    ['e5m2', 16, 'A'],
    ['binary16', 13, 'A'],
    ['binary16', 17, 'A'],
    ['binary16', 32, 'A'],
    ['bfloat16', 32, 'A'],
  ] as const)
    it(`${name}, N = ${randomBits}, variant ${variant}: just below a number`, () => {
      const { precision } = toFormat(name) as FloatFormat;
      // 4096 - tiny is short of 4096 by less than a random integer can tell, unless its highest bits are all 0.
      const seen = Math.min(randomBits, 24 - precision);
      const integers = randomIntegers(draws, { randomBits, seed: 7, stream: 1 });
      const low = [...integers.keys()]
        .filter((i) => i > 0 && integers[i]! >>> (randomBits - seen) === 0)
        .slice(0, 12);
      const others = [...integers.keys()].filter((i) => i > 0).slice(0, 12);
      for (const index of [...low, ...others])
        for (const factor of [2 ** -8, 2 ** -7, 1.5 * 2 ** -10, 2 ** -12])
          for (const sign of [1, -1]) {
            const options = {
              rounding: 'stochastic',
              randomBits,
              variant,
              seed: 7,
              offset: index - 1,
            } as const;
            checkTerms(name, options, [64 * sign, -sign * factor, 0], [64, factor, 0]);
          }
      expect(low.length + others.length).toBeGreaterThan(12);
    });

  it('binary16, N = 32: products below the smallest normal number, decided by their last bits', () => {
    const integers = randomIntegers(draws, { randomBits: 32, seed: 7 });
    let met = 0;
    for (let i = 1; i < 60; i++) {
      const [a, b] = [(1 + (17 * i) / 1024) * 2 ** -12, (1 + (1023 - 11 * i) / 1024) * 2 ** -12];
      const fraction = (a * b * 2 ** 24) % 1;
      const missing = 2 ** 13 - 1 - Math.floor(fraction * 2 ** 13);
      const index = integers.findIndex((integer) => integer >>> 19 === missing);
      if (index < 0) continue;
      met++;
      checkTerms('binary16', { rounding: 'stochastic', seed: 7, offset: index }, [a, 0], [b, 0]);
    }
    expect(met).toBeGreaterThan(40);
  });
});

describe('what a random case seldom meets', () => {
  /** Sums beside `reference`, in several shapes of kernels. */
  const both = (name: string, rounding: RoundingMode) =>
    [arithmetic(name, { rounding }), createArithmetic(name, { rounding })] as const;

  it.each(['nearest-even', 'toward-positive', 'toward-zero', 'to-odd'] as const)(
    '%s: a product beyond the end that a large sum brings back, after a block of k',
    (rounding) => {
      const a = new Float32Array(300);
      const b = new Float32Array(300).fill(1);
      [a[0], a[256], b[256]] = [60000, -280, 250];
      const [fast, slow] = both('binary16', rounding);
      expect(fast.dot(a, b)).toBe(slow.dot(a, b));
      [a[0], a[256], a[1], b[1]] = [0, 0, -280, 250];
      expect(fast.dot(a, b, { c: 60000 })).toBe(slow.dot(a, b, { c: 60000 }));
    },
  );

  it.each([
    ['binary16', {}],
    ['binary16', { order: 'pairwise' }],
    ['binary16', { order: { chunk: 3 } }],
    ['binary32', { products: 'exact', order: { chunk: 3, sums: 'exact' } }],
    ['binary16', { accumulate: 'exact' }],
    ['binary32', { accumulate: 'exact' }],
    ['binary32', {}],
    ['bfloat16', { products: 'exact', accumulate: 'binary32' }],
  ] as const)('%s %o: zeros of either sign, from zeros of either sign', (name, model) => {
    const [fast, slow] = both(name, 'nearest-even');
    const k = 70;
    for (const start of [0, -0])
      for (const factor of [0, -0]) {
        const a = new Float32Array(k).fill(factor);
        const b = new Float32Array(k).fill(1);
        expect(fast.dot(a, b, { ...model, c: start })).toBe(slow.dot(a, b, { ...model, c: start }));
      }
  });

  it.each(['nearest-even', 'toward-negative', 'to-odd'] as const)(
    '%s: 16-bit integers in chunks, summed exactly and flushed',
    (rounding) => {
      const [fast, slow] = both('binary32', rounding);
      const [m, k, n] = [7, 150, 9];
      const integers = (count: number, seed: number): Float32Array =>
        Float32Array.from({ length: count }, (_, i) => ((i + seed) * 7919 * (i + 3)) % 16384).map(
          (x, i) => (i % 3 === 0 ? -x : x) * 2 ** -20,
        );
      const [a, b] = [integers(m * k, 1), integers(k * n, 5)];
      for (const chunk of [1, 8, 32, 150, 400]) {
        const model = { products: 'exact', accumulate: 'binary32', order: { chunk, sums: 'exact' } } as const;
        const resolved = resolveAccumulator(
          toFormat('binary32'),
          resolveRounding(toFormat('binary32'), { rounding }),
          model,
        );
        expect(
          matmulArray(
            a,
            b,
            new Float32Array(m * n),
            { m, n, k },
            resolved,
            resolveRounding(toFormat('binary32')),
          ),
        ).toBe(true);
        expect(fast.matmul(a, b, { m, k, n }, model)).toEqual(slow.matmul(a, b, { m, k, n }, model));
      }
    },
  );

  it('an addend that is the result, and a result that is an operand', () => {
    const [fast, slow] = both('binary16', 'nearest-even');
    const shape = { m: 9, k: 9, n: 9 };
    const some = (seed: number): Float32Array =>
      Float32Array.from(members(toFormat('binary16'), 81, seed, 0, 6, false));
    for (const shared of [false, true]) {
      const arrays = [some(1), some(2), some(3)].map((x) => {
        const copy = shared ? allocateFloat32(81) : new Float32Array(81);
        copy.set(x);
        return copy;
      });
      const [a, b, c] = arrays as [Float32Array, Float32Array, Float32Array];
      const expected = slow.matmul(some(1), some(2), { ...shape, c: some(3) });
      expect(fast.matmul(a, b, { ...shape, c, out: c })).toEqual(expected);
      c.set(some(3));
      expect(fast.matmul(a, b, { ...shape, c, out: a })).toEqual(expected);
      a.set(some(1));
      expect(fast.matmul(a, b, { ...shape, c: b, out: b })).toEqual(
        slow.matmul(some(1), some(2), { ...shape, c: some(2) }),
      );
      if (shared) for (const x of arrays) release(x);
    }
  });

  it('supplied integers that run out have no kernel', () => {
    const format = toFormat('binary16');
    const call = { ...resolveRounding(format, { rounding: 'stochastic' }), random: new Uint32Array(7) };
    const model = resolveAccumulator(format, call, {});
    const shape = { m: 1, n: 1, k: 4 };
    const [a, out] = [new Float32Array(4).fill(1), new Float32Array(1)];
    expect(matmulArray(a, a, out, shape, model, call)).toBe(false);
    expect(matmulArray(a, a, out, shape, model, { ...call, random: new Uint32Array(8) })).toBe(true);
  });
});

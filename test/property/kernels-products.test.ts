/**
 * Matrix products with an accumulator model agree with the scalar reference on every bit: for random shapes, transposes and
 * batches, formats, modes, orders, magnitudes, specials, wherever a kernel takes them at all; and it takes what it promises.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawsOf } from '../../src/arithmetic/accumulate/draws.ts';
import { innerProduct } from '../../src/arithmetic/accumulate/inner-product.ts';
import {
  type AccumulatorModel,
  drawingParts,
  isMatrixUnit,
  type ResolvedAccumulator,
  resolveAccumulator,
} from '../../src/arithmetic/accumulate/model.ts';
import { toFormat } from '../../src/formats/catalogue.ts';
import type { FloatFormat, Format } from '../../src/formats/format.ts';
import { type MatmulShape, matmulArray, type ProductModel } from '../../src/kernels/index.ts';
import {
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  roundScalar,
} from '../../src/rounding/index.ts';
import { randomIntegers } from '../../src/rounding/philox.ts';
import { fitsBinary32 } from '../../src/tensor/arrays.ts';
import { firstDifference } from '../kernels-compare.ts';

type RealArray = Float32Array | Float64Array;

/** What the definition gives, output by output. */
function reference(
  a: RealArray,
  b: RealArray,
  shape: Required<MatmulShape>,
  model: ResolvedAccumulator,
  call: ReturnType<typeof resolveRounding>,
): number[] {
  const { m, n, k, batch, transposeA, transposeB, batchStrideA, batchStrideB } = shape;
  const slots = batch * m * n * Math.max(k, 1);
  const draw = drawsOf(call, drawingParts(model, true), slots);
  const results: number[] = [];
  for (let item = 0; item < batch; item++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        const row = Float64Array.from(
          { length: k },
          (_, l) => a[item * batchStrideA + (transposeA ? l * m + i : i * k + l)]!,
        );
        const column = Float64Array.from(
          { length: k },
          (_, l) => b[item * batchStrideB + (transposeB ? j * k + l : l * n + j)]!,
        );
        const output = results.length;
        results.push(
          innerProduct({ a: row, b: column, start: 0 }, model, (part, index) =>
            draw(part, output * k + index),
          ),
        );
      }
  return results;
}

/** Numbers of a format around 2^scale, a wide or a narrow band of them, with zeros and perhaps infinities and NaNs. */
function members(
  format: Format,
  length: number,
  seed: number,
  scale: number,
  spread: number,
  special: boolean,
): number[] {
  const nearest = resolveRounding(format, { saturation: format.kind === 'float' ? 'finite' : 'none' });
  let state = Math.imul(seed, 2654435761) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length }, () => {
    const kind = next();
    if (special && kind < 0.02) return format.hasInfinity ? (next() < 0.5 ? -Infinity : Infinity) : 0;
    if (special && kind < 0.03) return format.hasNaN ? NaN : 0;
    if (kind < 0.08)
      return format.kind === 'float' && !format.hasZero
        ? format.max
        : next() < 0.5 && format.hasNegativeZero
          ? -0
          : 0;
    const exponent = scale + Math.floor((next() - 0.5) * spread);
    const value = (1 + next()) * 2 ** exponent * (format.isSigned && next() < 0.5 ? -1 : 1);
    return roundScalar(Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value)), format, nearest, 0);
  });
}

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
  ...['float(8,14)', 'posit8', 'e8m0', 'nf4'],
] as const;

interface Case {
  readonly name: string;
  readonly options: RoundOptions;
  readonly given: AccumulatorModel;
  readonly shape: Required<MatmulShape>;
  readonly seed: number;
  readonly scales: readonly [number, number];
  readonly spread: number;
  readonly special: boolean;
  readonly wide: boolean;
}

/** Whether a kernel took the case; fails where its result is not the reference's. */
function check(
  { name, options, given, shape, seed, scales, spread, special, wide }: Case,
  threads = 1,
): boolean {
  const format = toFormat(name);
  const call = resolveRounding(format, options);
  const model = resolveAccumulator(format, call, given);
  if (isMatrixUnit(model.accumulate)) throw new Error('no case has a matrix unit');
  const { m, n, k, batch, batchStrideA, batchStrideB } = shape;
  const Type = wide || !fitsBinary32(format) ? Float64Array : Float32Array;
  const a = Type.from(members(format, (batch - 1) * batchStrideA + m * k, seed, scales[0], spread, special));
  const b = Type.from(
    members(format, (batch - 1) * batchStrideB + k * n, seed + 1, scales[1], spread, special),
  );
  const out = new Type(batch * m * n).fill(0.125);
  const taken = matmulArray(a, b, out, shape, model as ProductModel, call, threads);
  const expected = taken ? reference(a, b, shape, model, call) : new Array<number>(out.length).fill(0.125);
  expect(firstDifference(out, expected, out)).toBeUndefined();
  return taken;
}

const size = fc.integer({ min: 1, max: 11 });
const order = fc.oneof(
  { weight: 3, arbitrary: fc.constant('sequential' as const) },
  fc.constant('pairwise' as const),
  fc.integer({ min: 1, max: 20 }).map((chunk) => ({ chunk })),
);

const shapes = fc
  .record({
    m: size,
    n: size,
    k: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }) },
      fc.integer({ min: 250, max: 530 }),
    ),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    batch: fc.constantFrom(1, 1, 1, 2, 3),
    repeatA: fc.boolean(),
    repeatB: fc.boolean(),
  })
  .map(({ repeatA, repeatB, ...shape }) => {
    const { m, n, k } = shape;
    // Long inner products are few.
    const [rows, columns] = k > 100 ? [Math.min(m, 3), Math.min(n, 5)] : [m, n];
    const strides = { batchStrideA: repeatA ? 0 : rows * k, batchStrideB: repeatB ? 0 : k * columns };
    return { ...shape, m: rows, n: columns, ...strides };
  });

function cases(modes: readonly RoundingMode[], formats: readonly string[]): fc.Arbitrary<Case> {
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
        ),
        order,
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
  });
}

/** Positive or negative, posits have two modes only. */
const fitting = ({ name, given, options }: Case): boolean => {
  const isPosit = name.startsWith('posit');
  const modes = [options.rounding, given.rounding ?? options.rounding];
  return !isPosit || modes.every((mode) => mode === 'nearest-even' || mode === 'stochastic');
};

const runs = Number(process.env['HALFULP_RUNS'] ?? 600);

describe(`matmulArray against the definition, ${runs} random cases each`, () => {
  for (const [title, modes, formats] of [
    ['to nearest even, all formats', ['nearest-even'], names],
    ['stochastic, narrow floats', ['stochastic'], names.slice(0, 10)],
    ['every mode, all formats', roundingModes, names],
  ] as const)
    it(title, () => {
      let taken = 0;
      let all = 0;
      fc.assert(
        fc.property(cases(modes, formats).filter(fitting), (given) => {
          all++;
          if (check(given)) taken++;
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
  expect(matmulArray(left, right, out, shape, model as ProductModel, call)).toBe(true);
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

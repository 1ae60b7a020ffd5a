/** Transforms undo themselves, exactly or within their stated bounds; rotations are orthogonal, cancel and carry gradients. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RealArray } from '../../src/operations/conversions.ts';
import {
  clampResidual,
  compose,
  hadamard,
  keepOutliers,
  logShift,
  noise,
  powerExpansion,
  prescale,
  shiftGroups,
  type Transform,
  type TransformContext,
} from '../../src/quantizers/transforms/index.ts';

const unit = 2 ** -24;
const smallestNormal = 2 ** -126;

const roundTrip = <A extends RealArray>(
  given: Transform,
  x: A,
  shape: readonly number[],
  context?: TransformContext,
): A => {
  const { values, residue } = given.forward(x, shape, context);
  return given.inverse(values, shape, residue, context);
};

/** A tensor of rank 1 to 3 and its elements. */
const tensor = (element: fc.Arbitrary<number>): fc.Arbitrary<{ x: Float32Array; shape: number[] }> =>
  fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }).chain((shape) =>
    fc
      .array(element, {
        minLength: shape.reduce((a, b) => a * b),
        maxLength: shape.reduce((a, b) => a * b),
      })
      .map((values) => ({ x: Float32Array.from(values), shape })),
  );

/** Anything that binary32 holds, with many equal and many large magnitudes. */
const anything = fc.oneof(fc.float(), fc.constantFrom(0, -0, 1, -1, 1000, -1000, 2 ** -149, NaN, Infinity));
const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
/** Magnitudes within 2^-40 and 2^40, and zeros. */
const moderate = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .record({
        m: fc.float({ min: 1, max: 2, noNaN: true }),
        e: fc.integer({ min: -40, max: 40 }),
        s: fc.boolean(),
      })
      .map(({ m, e, s }) => Math.fround((s ? -m : m) * 2 ** e)),
  },
  { weight: 1, arbitrary: fc.constantFrom(0, -0) },
);
const groupings = fc.constantFrom(
  { per: 'tensor' } as const,
  { per: 'row' } as const,
  { per: 'column' } as const,
  { per: 'block', size: 3 } as const,
  { per: 'block', size: 2, axis: 0 } as const,
  { per: 'tile', rows: 2, columns: 3 } as const,
);

test('clamp with residual: exact for any numbers, both kinds of arrays', () => {
  fc.assert(
    fc.property(tensor(anything), fc.double({ min: 0.51, max: 1, noNaN: true }), ({ x, shape }, alpha) => {
      expect(roundTrip(clampResidual({ alpha }), x, shape)).toEqual(x);
      const wide = Float64Array.from(x, (element) => element * 1.1);
      expect(roundTrip(clampResidual({ alpha }), wide, shape)).toEqual(wide);
    }),
  );
});

test('clamp: everything within the bounds, and the bounds are quantiles', () => {
  fc.assert(
    fc.property(tensor(finite), ({ x, shape }) => {
      const { values, residue } = clampResidual({ alpha: 0.8 }).forward(x, shape);
      if (residue.kind !== 'clamped') throw new Error(residue.kind);
      const share = (beyond: (element: number) => boolean): number => x.filter(beyond).length / x.length;
      expect(values.every((value) => value >= residue.low && value <= residue.high)).toBe(true);
      expect(share((element) => element > residue.high)).toBeLessThanOrEqual(0.2 + 1 / x.length);
      expect(share((element) => element < residue.low)).toBeLessThanOrEqual(0.2 + 1 / x.length);
    }),
  );
});

test('outliers kept: exact for any numbers, none of the rest is larger', () => {
  fc.assert(
    fc.property(
      tensor(anything),
      groupings,
      fc.integer({ min: 1, max: 4 }),
      ({ x, shape }, grouping, count) => {
        expect(roundTrip(keepOutliers({ count, grouping }), x, shape)).toEqual(x);
      },
    ),
  );
  fc.assert(
    fc.property(tensor(finite), fc.integer({ min: 1, max: 4 }), ({ x, shape }, count) => {
      const { values, residue } = keepOutliers({ count }).forward(x, shape);
      if (residue.kind !== 'sparse') throw new Error(residue.kind);
      const least = Math.min(...residue.values.map(Math.abs));
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(least);
      expect(residue.indices).toHaveLength(Math.min(count, x.length));
    }),
  );
});

test('shift groups: exact for any numbers; no channel exceeds the largest; few different shifts', () => {
  fc.assert(
    fc.property(
      tensor(anything),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      ({ x, shape }, groups, first) => {
        const given = shiftGroups({ groups, axis: first ? 0 : -1 });
        expect(roundTrip(given, x, shape)).toEqual(x);
        const { values, residue } = given.forward(x, shape);
        if (residue.kind !== 'shifts') throw new Error(residue.kind);
        expect(new Set(residue.shifts).size).toBeLessThanOrEqual(groups);
        const largest = (array: Float32Array): number =>
          Math.max(0, ...array.filter(Number.isFinite).map(Math.abs));
        expect(largest(values)).toBe(largest(x));
      },
    ),
  );
});

test('powers of two: exact; other factors within two roundings', () => {
  fc.assert(
    fc.property(tensor(moderate), fc.integer({ min: -60, max: 60 }), ({ x, shape }, exponent) => {
      expect(roundTrip(prescale({ factor: -(2 ** exponent) }), x, shape)).toEqual(x);
    }),
  );
  fc.assert(
    fc.property(tensor(moderate), fc.double({ min: 0.01, max: 100, noNaN: true }), ({ x, shape }, factor) => {
      const back = roundTrip(prescale({ factor }), x, shape);
      for (let i = 0; i < x.length; i++)
        expect(Math.abs(back[i]! - x[i]!)).toBeLessThanOrEqual(2.0001 * unit * Math.abs(x[i]!));
    }),
  );
});

const transforms = [
  [
    'log shift',
    (grouping: Parameters<typeof logShift>[0] & object) => logShift(grouping),
    (p: number) => 1 + 1 / p,
  ],
  [
    'power expansion',
    (grouping: Parameters<typeof powerExpansion>[0] & object) => powerExpansion(grouping),
    (p: number) => 1 + 1 / p,
  ],
] as const;

test.each(transforms)('%s: within its bound wherever the image is a normal number', (_, make, unitsFor) => {
  fc.assert(
    fc.property(tensor(moderate), groupings, ({ x, shape }, grouping) => {
      const given = make({ grouping });
      const { values, residue } = given.forward(x, shape);
      if (residue.kind !== 'statistics') throw new Error(residue.kind);
      const back = given.inverse(values, shape, residue);
      // The group of least exponent has the loosest bound; those of other groups are checked by the tensor grouping.
      const powers = residue.values.filter((_value, i) => i % 2 === 0);
      const units = unitsFor(Math.min(...powers));
      for (let i = 0; i < x.length; i++) {
        if (x[i] === 0) expect(back[i]).toBe(x[i]);
        else if (Math.abs(values[i]!) >= smallestNormal)
          expect(Math.abs(back[i]! - x[i]!)).toBeLessThanOrEqual((units * unit + 2 ** -40) * Math.abs(x[i]!));
      }
    }),
  );
});

test('log shift: the mean of the logarithms is 0 and the largest magnitude 2^15', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -30, max: 30 }), { minLength: 2, maxLength: 50 }), (exponents) => {
      fc.pre(Math.max(...exponents) - exponents.reduce((a, b) => a + b) / exponents.length > 1);
      const x = Float64Array.from(exponents, (e) => 2 ** e);
      const { values } = logShift().forward(x, [x.length]);
      const logarithms = Array.from(values, Math.log2);
      // alpha and beta are binary32 numbers: relative 2^-24 of exponents up to 30 alpha, alpha up to 15.
      expect(Math.abs(logarithms.reduce((a, b) => a + b) / x.length)).toBeLessThan(1e-4);
      expect(Math.abs(Math.max(...logarithms) - 15)).toBeLessThan(1e-4);
    }),
  );
});

test('power expansion: the ratio of magnitudes reaches the range but does not exceed it', () => {
  fc.assert(
    fc.property(
      fc.float({ min: Math.fround(1.01), max: 2 ** 100, noNaN: true }),
      fc.float({ min: 2 ** -10, max: 1024, noNaN: true }),
      (ratio, least) => {
        const x = new Float64Array([least, -least * ratio]);
        const { values, residue } = powerExpansion().forward(x, [2]);
        if (residue.kind !== 'statistics') throw new Error(residue.kind);
        const power = residue.values[0]!;
        const expanded = Math.abs(values[1]! / values[0]!);
        expect(power * 16).toBe(Math.floor(power * 16));
        expect(expanded).toBeLessThanOrEqual(100352 * (1 + 1e-9));
        if (power < 64) expect(expanded * ratio ** (1 / 16)).toBeGreaterThan(100352 * (1 - 1e-9));
      },
    ),
  );
});

test('subtracted noise: within two roundings', () => {
  fc.assert(
    fc.property(
      tensor(moderate),
      groupings,
      fc.integer({ min: 0, max: 2 ** 32 }),
      ({ x, shape }, grouping, seed) => {
        for (const distribution of ['uniform', 'gaussian', 'rounded-gaussian'] as const) {
          const given = noise({ bits: 4, distribution, inverse: 'subtract', grouping, seed });
          const { values, residue } = given.forward(x, shape);
          const back = given.inverse(values, shape, residue);
          for (let i = 0; i < x.length; i++)
            expect(Math.abs(back[i]! - x[i]!)).toBeLessThanOrEqual(
              unit * (Math.abs(values[i]!) + Math.abs(back[i]!)),
            );
        }
      },
    ),
    { numRuns: 50 },
  );
});

/** -0 as 0. */
const unsigned = (x: Float32Array): Float32Array => x.map((value) => value + 0);

/** Squared Euclidean norms of the pieces that a Hadamard transform along an axis works on, and which piece an element is in. */
function pieces(
  x: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
  size: number,
): { norms: Map<string, number>; of: (i: number) => string } {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const length = shape[axis]!;
  const cuts: number[] = [];
  for (let at = 0, n = size; at < length; at += n) {
    while (n > length - at) n /= 2;
    cuts.push(at);
  }
  const of = (i: number): string => {
    const place = Math.floor(i / inner) % length;
    const cut = cuts.filter((begin) => begin <= place).length;
    return `${Math.floor(i / (inner * length))} ${i % inner} ${cut}`;
  };
  const norms = new Map<string, number>();
  for (let i = 0; i < x.length; i++) norms.set(of(i), (norms.get(of(i)) ?? 0) + x[i]! ** 2);
  return { norms, of };
}

test('Hadamard: undone within the stated bound, any axis, any length', () => {
  fc.assert(
    fc.property(
      tensor(moderate),
      fc.constantFrom(1, 2, 4, 8, 16),
      fc.nat(2),
      fc.nat(),
      ({ x, shape }, size, k, seed) => {
        const axis = k % shape.length;
        const back = roundTrip(hadamard({ size, axis, seed }), x, shape);
        const { norms, of } = pieces(x, shape, axis, size);
        const bound = (2 * Math.log2(size) + 4) * unit * 1.00001;
        for (let i = 0; i < x.length; i++)
          expect(Math.abs(back[i]! - x[i]!)).toBeLessThanOrEqual(bound * Math.sqrt(norms.get(of(i))!));
      },
    ),
  );
});

test('Hadamard of a power of four: exact on integers, orthogonal to the bit', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 4, 16, 64, 256),
      fc.array(fc.integer({ min: -8192, max: 8192 }), { minLength: 256, maxLength: 256 }),
      fc.nat(),
      (size, integers, seed) => {
        const x = Float32Array.from(integers);
        const given = hadamard({ size, seed });
        const { values } = given.forward(x, [256]);
        // Zeros may come back with the other sign.
        expect(unsigned(roundTrip(given, x, [256]))).toEqual(unsigned(x));
        const square = (array: Float32Array): number => array.reduce((sum, value) => sum + value * value, 0);
        expect(square(values)).toBe(square(x));
      },
    ),
  );
});

test('every row of the Hadamard matrix is 1 and -1, and the rows are orthogonal, up to 256', () => {
  for (let n = 1; n <= 256; n *= 2) {
    const rows = Array.from({ length: n }, (_, i) => {
      const x = new Float64Array(n);
      x[i] = 1;
      return hadamard({ size: n }).forward(x, [n]).values;
    });
    const signs = rows.map((row) => Array.from(row, Math.sign));
    // Sylvester's order: entry (i, j) is -1 to the number of common bits of i and j.
    const parity = (bits: number): number => (bits === 0 ? 1 : -parity(bits & (bits - 1)));
    const wrong = signs.flatMap((row, i) => row.filter((sign, j) => sign !== parity(i & j)));
    expect(wrong).toEqual([]);
    expect(new Set(rows.flatMap((row) => Array.from(row, Math.abs)))).toEqual(new Set([Math.sqrt(1 / n)]));
  }
});

/** A B^T of integers, exact in binary64. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, m: number, n: number, k: number): number[] {
  return Array.from({ length: m * n }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a[Math.floor(at / n) * k + i]! * b[(at % n) * k + i]!;
    return sum;
  });
}

test('random Hadamard on both operands cancels in their product, exactly', () => {
  const integers = (count: number): fc.Arbitrary<number[]> =>
    fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: count, maxLength: count });
  fc.assert(
    fc.property(integers(3 * 20), integers(2 * 20), fc.nat(), (first, second, seed) => {
      const a = Float32Array.from(first);
      const b = Float32Array.from(second);
      // 20 = 16 + 4 along the contraction axis.
      const rotation = hadamard({ size: 16, seed });
      const rotated = product(
        rotation.forward(a, [3, 20]).values,
        rotation.forward(b, [2, 20]).values,
        3,
        2,
        20,
      );
      expect(rotated).toEqual(product(a, b, 3, 2, 20));
      // The second operand stored with the contraction along its first axis.
      const transposed = Float32Array.from({ length: 40 }, (_, i) => b[(i % 2) * 20 + Math.floor(i / 2)]!);
      const columns = rotation.forward(transposed, [20, 2], { axis: 0 }).values;
      const rows = Float32Array.from({ length: 40 }, (_, i) => columns[(i % 20) * 2 + Math.floor(i / 20)]!);
      expect(rows).toEqual(rotation.forward(b, [2, 20]).values);
    }),
  );
});

test('composition: the inverses in the opposite order, exact where the parts are', () => {
  fc.assert(
    fc.property(tensor(fc.integer({ min: -100_000, max: 100_000 })), fc.nat(), ({ x, shape }, seed) => {
      const parts = [
        keepOutliers({ count: 1 }),
        shiftGroups(),
        prescale({ factor: 0.25 }),
        hadamard({ size: 4, seed }),
      ];
      const all = compose(...parts);
      // Remainders of length 2 have an inexact factor.
      const exact = shape.at(-1)! % 4 < 2;
      const back = roundTrip(all, x, shape);
      if (exact && x.every((element) => Math.abs(element) < 2 ** 17)) {
        const nested = compose(compose(parts[0]!, parts[1]!), compose(parts[2]!, parts[3]!));
        expect(nested.forward(x, shape).values).toEqual(all.forward(x, shape).values);
        expect(roundTrip(nested, x, shape)).toEqual(back);
      }
      let step: Float32Array = x;
      for (const part of parts) step = part.forward(step, shape).values;
      expect(all.forward(x, shape).values).toEqual(step);
    }),
  );
});

/** Whether no other element lies between x[i] and the bound. */
const isNext = (x: Float64Array, i: number, bound: number): boolean =>
  !x.some((other) => (other - x[i]!) * (bound - other) > 0);

test('the gradient through a transform is that of finite differences', () => {
  // In place of a quantiser a smooth function, f(y) = y + y^2 / 8, with derivative 1 + y / 4. All exact in binary64 but the factor.
  const f = (y: Float64Array): Float64Array => y.map((value) => value + value ** 2 / 8);
  const linear = [
    hadamard({ size: 8, seed: 3 }),
    hadamard({ size: 4, axis: 0 }),
    prescale({ factor: 0.5 }),
    shiftGroups({ groups: 2 }),
    compose(prescale({ factor: 4 }), hadamard({ size: 4 })),
    compose(keepOutliers({ count: 1 }), hadamard({ size: 4, seed: 1 })),
    clampResidual({ alpha: 0.8 }),
  ];
  const shape = [4, 8];
  const x = Float64Array.from({ length: 32 }, (_, i) => (((i * 37) % 64) - 31) / 16 + (i === 9 ? 40 : 0));
  const g = Float64Array.from({ length: 32 }, (_, i) => ((i * 11) % 7) - 3);
  const h = 2 ** -16;
  for (const given of linear) {
    const { values: y, residue } = given.forward(x, shape);
    const gradient = given.pullback(g, shape, residue, (inner) =>
      inner.map((value, i) => value * (1 + y[i]! / 4)),
    );
    for (let i = 0; i < 32; i++) {
      const loss = (by: number): number => {
        const moved = x.slice();
        moved[i]! += by;
        const there = given.forward(moved, shape);
        const back = given.inverse(f(there.values), shape, there.residue);
        return back.reduce((sum, value, j) => sum + value * g[j]!, 0);
      };
      const slope = (loss(h) - loss(-h)) / (2 * h);
      // The elements next to a bound move it; the rule takes bounds as constants.
      if (residue.kind === 'clamped' && [residue.low, residue.high].some((bound) => isNext(x, i, bound)))
        continue;
      expect(Math.abs(slope - gradient[i]!), `${given.name} ${i}`).toBeLessThan(1e-6 * (1 + Math.abs(slope)));
    }
  }
});

test('noise of the published kinds: shares and moments of many draws', () => {
  const n = 300_000;
  const draws = (distribution: 'rounded-gaussian' | 'gaussian' | 'uniform'): Float64Array =>
    noise({ bits: 1, distribution, grouping: { per: 'tensor' }, seed: 7 })
      .forward(new Float64Array(n).fill(1), [n])
      .values.map((value) => value - 1);
  const moments = (values: Float64Array): { mean: number; deviation: number } => {
    const mean = values.reduce((a, b) => a + b) / n;
    return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n) };
  };
  const rounded = draws('rounded-gaussian');
  const share = (of: (value: number) => boolean): number => rounded.filter(of).length / n;
  expect(rounded.every(Number.isInteger)).toBe(true);
  expect(Math.abs(share((value) => value === 0) - 0.6827)).toBeLessThan(0.004);
  expect(Math.abs(share((value) => Math.abs(value) === 1) - 0.3146)).toBeLessThan(0.004);
  expect(Math.abs(share((value) => Math.abs(value) > 1) - 0.0027)).toBeLessThan(0.0006);
  const { mean, deviation } = moments(rounded);
  expect(Math.abs(mean)).toBeLessThan(0.006);
  expect(Math.abs(deviation - 0.57)).toBeLessThan(0.004);
  const gaussian = moments(draws('gaussian'));
  expect([Math.abs(gaussian.mean) < 0.004, Math.abs(gaussian.deviation - 0.5) < 0.003]).toEqual([true, true]);
  const uniform = draws('uniform');
  const ofUniform = moments(uniform);
  expect(Math.abs(ofUniform.deviation - Math.sqrt(1 / 12))).toBeLessThan(0.001);
  expect(uniform.every((value) => Math.abs(value) < 0.5)).toBe(true);
});

test('the gradient of the bits is that of finite differences', () => {
  const x = Float64Array.from({ length: 48 }, (_, i) => ((i * 29) % 48) / 8 - 3);
  const g = Float64Array.from({ length: 48 }, (_, i) => ((i * 5) % 9) - 4);
  const bits = [3.5, 4, 5.25];
  for (const from of ['absmax', 'range'] as const) {
    const given = (own: readonly number[]): ReturnType<typeof noise> =>
      noise({ bits: own, from, distribution: 'gaussian', grouping: { per: 'row' }, seed: 1 });
    const { residue } = given(bits).forward(x, [3, 16]);
    const slopes = given(bits).bitGradient(g, [3, 16], residue);
    bits.forEach((_, group) => {
      // Steps are binary32 numbers: a wide difference, whose own error is of third order.
      const loss = (by: number): number => {
        const moved = bits.map((b, i) => (i === group ? b + by : b));
        return given(moved)
          .forward(x, [3, 16])
          .values.reduce((sum, value, i) => sum + value * g[i]!, 0);
      };
      const h = 2 ** -6;
      const slope = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h);
      expect(Math.abs(slopes[group]! - slope)).toBeLessThan(1e-4 * Math.abs(slope) + 1e-5);
    });
  }
});

/** Methods after training, against what is proved of them and what their papers and the project's specification measured. */
import fc from 'fast-check';
import { Matrix, SVD } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import {
  channelMask,
  kmeansCodebooks,
  lowRankError,
  searchMinifloat,
  secondOrder,
} from '../../src/after/index.ts';
import { formats } from '../../src/formats/index.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { gaussians } from '../../src/train/random.ts';

const relativeError = (w: Float32Array, values: ArrayLike<number>): number => {
  const squares = w.reduce((sum, x) => sum + x * x, 0);
  return Math.sqrt(w.reduce((sum, x, i) => sum + (values[i]! - x) ** 2, 0) / squares);
};
const square = gaussians(256 * 256, 1, 7, 'after');

describe('k-means', () => {
  test('never makes the error larger, and keeps the outliers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(1000),
        fc.boolean(),
        fc.constantFrom(0, 0.0045, 0.1, 1),
        (rows, columns, bits, seed, isWeighted, outliers) => {
          const w = gaussians(rows * columns, 1, seed, 'w').map((x) =>
            seed % 3 === 0 ? Math.round(x) : x ** 3,
          );
          const sensitivity = gaussians(w.length, 1, seed, 'f').map((x) => (x > 1 ? 0 : x * x));
          const given = { bits, outliers, ...(isWeighted && { sensitivity }) };
          const done = kmeansCodebooks(w, [rows, columns], given);
          for (let round = 1; round < done.errors.length; round++)
            expect(done.errors[round]!).toBeLessThanOrEqual(done.errors[round - 1]!);
          const apart = new Map([...done.outliers.indices].map((at, i) => [at, done.outliers.values[i]!]));
          expect(apart.size).toBe(Math.round(outliers * w.length));
          for (let at = 0; at < w.length; at++) {
            const book = done.codebooks.subarray(Math.floor(at / columns) * 2 ** bits).subarray(0, 2 ** bits);
            expect(done.values[at]).toBe(apart.get(at) ?? book[done.codes[at]!]);
            if (apart.has(at)) expect(apart.get(at)).toBe(w[at]);
            // No number of the codebook is nearer.
            else
              for (const centre of book)
                expect(Math.abs(done.values[at]! - w[at]!)).toBeLessThanOrEqual(Math.abs(centre - w[at]!));
          }
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });

  test('beats a uniform grid at 3 bits, and looks at what matters', () => {
    const w = square.subarray(0, 64 * 256);
    const plain = kmeansCodebooks(w, [64, 256], { outliers: 0 });
    expect(relativeError(w, plain.values)).toBeLessThan(
      0.9 * relativeError(w, quantizer('int3/row/mse').quantize(w, [64, 256]).values),
    );
    const sparse = kmeansCodebooks(w, [64, 256]);
    expect(relativeError(w, sparse.values)).toBeLessThan(relativeError(w, plain.values));
    expect(sparse.bits).toBe(3 * w.length + 32 * 64 * 8 + 64 * Math.round(0.0045 * w.length));
    const sensitivity = gaussians(w.length, 1, 5, 'g').map((x) => x ** 4);
    const weighted = (values: Float32Array): number =>
      w.reduce((sum, x, i) => sum + sensitivity[i]! * (values[i]! - x) ** 2, 0);
    const knowing = kmeansCodebooks(w, [64, 256], { outliers: 0, sensitivity });
    expect(weighted(knowing.values)).toBeLessThan(weighted(plain.values));
    expect(knowing.errors.at(-1)!).toBeCloseTo(weighted(knowing.values), 6);
  });
});

test("an error term of low rank: the specification's numbers, and the least error that there is", async () => {
  const errors: number[] = [];
  for (const rank of [4, 8, 16])
    errors.push(relativeError(square, (await lowRankError(square, [256, 256], { rank })).values));
  const nearest = relativeError(square, quantizer('int4/row').quantize(square, [256, 256]).values);
  const measured = [0.1256, 0.1211, 0.117, 0.1095];
  // They are of one drawing of the weights; so is this.
  for (const [i, error] of [nearest, ...errors].entries())
    expect(Math.abs(error - measured[i]!)).toBeLessThan(0.002);
  // What is left is what the other singular values say (Eckart, Young).
  const image = quantizer('int4/row').quantize(square, [256, 256]).values;
  const { diagonal } = new SVD(
    Matrix.from1DArray(
      256,
      256,
      Array.from(square, (x, i) => x - image[i]!),
    ),
  );
  const size = Math.sqrt(square.reduce((sum, x) => sum + x * x, 0));
  for (const [i, rank] of [4, 8, 16].entries()) {
    const left = Math.sqrt(diagonal.slice(rank).reduce((sum, x) => sum + x * x, 0)) / size;
    expect(errors[i]! / left).toBeCloseTo(1, 6);
  }
  // Of full rank nothing is lost but the rounding to binary32.
  const small = square.subarray(0, 12 * 8);
  const whole = await lowRankError(small, [12, 8], { rank: 8, quantizer: 'ternary' });
  expect(relativeError(small, whole.values)).toBeLessThan(1e-6);
  expect(whole.bits).toBe(8 * quantizer('ternary').quantize(small, [12, 8]).bytes + 32 * 8 * 20);
});

describe('a mask of channels', () => {
  test('takes 1.61 bits a weight, and chooses by weights and inputs', () => {
    const shape = [4096, 4096] as const;
    const [rows, columns] = [64, 256];
    const w = square.slice(0, rows * columns);
    for (let i = 0; i < rows; i++) w[i * columns + 17] = 20 * w[i * columns + 17]!;
    const plain = channelMask(w, [rows, columns]);
    expect(plain.mask[17]).toBe(1);
    expect(plain.mask.reduce((sum, bit) => sum + bit, 0)).toBe(51);
    const activations = gaussians(32 * columns, 1, 3, 'x').map((x, i) => (i % columns === 90 ? 100 * x : x));
    expect(channelMask(w, [rows, columns], { activations }).mask[90]).toBe(1);
    // Of a layer of the usual size, codes, signs and mask: scales add 0.016.
    const part = Math.round(0.2 * shape[1]);
    const bits = (shape[0] * (4 * part + (shape[1] - part)) + shape[1]) / (shape[0] * shape[1]);
    expect(bits).toBeCloseTo(1.6, 2);
  });

  test('has the best sign and scale elsewhere', () => {
    const w = Float32Array.of(1, -3, 2, -2, 8, 8);
    const { values, scales, mask } = channelMask(w, [2, 3], { part: 0 });
    expect([...mask]).toEqual([0, 0, 0]);
    expect([...scales]).toEqual([2, 6]);
    expect([...values]).toEqual([2, -2, 2, -6, 6, 6]);
  });
});

describe('the search of a minifloat', () => {
  test('finds the format that numbers are of, whatever their size', () => {
    for (const exponent of [-9, 0, 5]) {
      const w = Float32Array.from(formats.e3m2.values(), (x) => x * 2 ** exponent);
      const { best, values } = searchMinifloat(w, { bits: 6 });
      expect(best.error).toBe(0);
      expect(values).toEqual(w);
      expect(quantizer(best.quantizer).format).toMatchObject({ exponentBits: 3, mantissaBits: 2 });
    }
    const integers = Float32Array.from({ length: 15 }, (_, i) => i - 7);
    expect(searchMinifloat(integers, { bits: 4 }).best.name).toBe('int4/tensor/absmax');
  });

  test('is never worse than any that it tries', () => {
    const { best, tried } = searchMinifloat(square, { bits: 4 });
    expect(best.error).toBe(Math.min(...tried.map(({ error }) => error)));
    expect(tried.length).toBe(2 * 7 + 2);
    expect(best.name).not.toBe('int4/tensor/absmax');
  });
});

describe('second-order rounding', () => {
  const outputs = (w: ArrayLike<number>, x: Float32Array, rows: number, columns: number): Float64Array => {
    const y = new Float64Array((rows * x.length) / columns);
    for (let s = 0; s < x.length / columns; s++)
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) y[s * rows + i]! += x[s * columns + j]! * w[i * columns + j]!;
    return y;
  };

  test.each(['int4/row', 'int3/row/mse', 'mxfp4', 'nvfp4', 'int4/block:8', 'nf4', 'ternary'])(
    'under %s is never worse than nearest, and better on inputs that go together',
    (name) => {
      const [rows, columns, samples] = [24, 64, 96];
      const w = square.slice(0, rows * columns);
      const common = gaussians(samples, 1, 4, 'common');
      const x = gaussians(samples * columns, 0.5, 3, 'x').map(
        (value, at) => value + common[Math.floor(at / columns)]!,
      );
      const done = secondOrder(w, [rows, columns], { activations: x, quantizer: name });
      const y = outputs(w, x, rows, columns);
      const lost = (values: ArrayLike<number>): number =>
        outputs(values, x, rows, columns).reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0);
      expect(done.error / lost(done.values)).toBeCloseTo(1, 6);
      expect(done.nearestError / lost(quantizer(name).quantize(w, [rows, columns]).values)).toBeCloseTo(1, 6);
      expect(done.error).toBeLessThan(0.8 * done.nearestError);
    },
  );

  test('is rounding to nearest where inputs have nothing in common', () => {
    const n = 16;
    const w = square.slice(0, 4 * n);
    const identity = new Float32Array(n * n);
    for (let i = 0; i < n; i++) identity[i * n + i] = 1;
    const { values, error, nearestError } = secondOrder(w, [4, n], { activations: identity });
    expect(values).toEqual(quantizer('int4/row').quantize(w, [4, n]).values);
    expect(error).toBe(nearestError);
  });

  test('draws for each weight, by seed and stream, where it rounds stochastically', () => {
    const n = 64;
    const w = new Float32Array(2 * n).fill(0.3).map((x, i) => (i % n === 0 ? 1 : x));
    const identity = new Float32Array(n * n);
    for (let i = 0; i < n; i++) identity[i * n + i] = 1;
    const rounded = (more: object): Float32Array => {
      const options = {
        format: 'int2',
        scale: { per: 'row', from: 'absmax' },
        rounding: 'stochastic',
        ...more,
      } as const;
      return secondOrder(w, [2, n], { activations: identity, quantizer: quantizer(options) }).values;
    };
    const plain = rounded({ seed: 1 });
    expect(rounded({ seed: 1 })).toEqual(plain);
    expect(rounded({ seed: 2 })).not.toEqual(plain);
    expect(rounded({ seed: 1, stream: 3 })).not.toEqual(plain);
    for (const row of [plain.subarray(0, n), plain.subarray(n)])
      expect(new Set(row.subarray(1))).toEqual(new Set([0, 1]));
    expect(plain.subarray(0, n)).not.toEqual(plain.subarray(n));
  });

  test('of groups of rows is that of each by itself', () => {
    const [groups, each, columns, samples] = [3, 2, 9, 20];
    const x = gaussians(groups * samples * columns, 1, 2, 'x').map((value) => value + 0.7);
    const w = square.slice(0, groups * each * columns);
    for (const name of ['int3/row', 'int4/block:4', 'ternary/row']) {
      const done = secondOrder(w, [groups * each, columns], { activations: x, groups, quantizer: name });
      let error = 0;
      for (let g = 0; g < groups; g++) {
        const part = <T extends Float32Array>(of: T, size: number) => of.slice(g * size, (g + 1) * size);
        const alone = secondOrder(part(w, each * columns), [each, columns], {
          activations: part(x, samples * columns),
          quantizer: name,
        });
        expect(part(done.values, each * columns), name).toEqual(alone.values);
        error += alone.error;
      }
      expect(done.error).toBeCloseTo(error, 10);
      expect(done.error).toBeLessThan(done.nearestError);
    }
    const mask = channelMask(w, [groups * each, columns], { activations: x, groups, part: 0.3 });
    for (let g = 0; g < groups; g++) {
      const activations = x.slice(g * samples * columns, (g + 1) * samples * columns);
      const rows = w.slice(g * each * columns, (g + 1) * each * columns);
      // The scale of the signs is the best for the group's own inputs.
      const power = Float64Array.from({ length: columns }, (_, j) =>
        activations.reduce((sum, value, at) => (at % columns === j ? sum + value ** 2 : sum), 0),
      );
      for (let i = 0; i < each; i++) {
        const left = [...power.keys()].filter((j) => mask.mask[j] === 0);
        const total = left.reduce((sum, j) => sum + power[j]!, 0);
        const sum = left.reduce((sum, j) => sum + power[j]! * Math.abs(rows[i * columns + j]!), 0);
        expect(mask.scales[g * each + i]! / (sum / total)).toBeCloseTo(1, 6);
      }
    }
  });

  test('never loses more than nearest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(999),
        (rows, columns, samples, seed) => {
          const activations = gaussians(samples * columns, 1, seed, 'x').map((x) =>
            seed % 4 === 0 ? Math.max(0, x) : x,
          );
          const w = gaussians(rows * columns, 1, seed, 'w');
          const { error, nearestError } = secondOrder(w, [rows, columns], { activations });
          expect(error).toBeLessThanOrEqual(nearestError);
        },
      ),
      { seed: 4, numRuns: 200 },
    );
  });
});

test.each<[string, () => unknown]>([
  ['w', () => kmeansCodebooks(new Float32Array(5), [2, 2])],
  [
    'sensitivity[1]',
    () => kmeansCodebooks(new Float32Array(2), [1, 2], { sensitivity: Float32Array.of(1, -1) }),
  ],
  ['bits', () => kmeansCodebooks(new Float32Array(2), [1, 2], { bits: 9 })],
  ['part', () => channelMask(new Float32Array(2), [1, 2], { part: 2 })],
  ['activations', () => channelMask(new Float32Array(2), [1, 2], { activations: new Float32Array(3) })],
  ['activations', () => secondOrder(new Float32Array(2), [1, 2], { activations: undefined as never })],
  [
    'quantizer',
    () =>
      secondOrder(new Float32Array(4), [2, 2], {
        activations: new Float32Array(2),
        quantizer: 'uint4/minmax',
      }),
  ],
  [
    'damping',
    () => secondOrder(new Float32Array(2), [1, 2], { activations: new Float32Array(2), damping: 0 }),
  ],
  ['groups', () => secondOrder(new Float32Array(6), [3, 2], { activations: new Float32Array(4), groups: 2 })],
  [
    'activations',
    () => secondOrder(new Float32Array(4), [2, 2], { activations: new Float32Array(2), groups: 2 }),
  ],
  ['groups', () => channelMask(new Float32Array(4), [2, 2], { groups: 2 })],
  ['ranks', () => lowRankError(new Float32Array(2), [1, 2], { ranks: 3 } as never)],
  ['bits', () => searchMinifloat(new Float32Array(2), { bits: 2 })],
  ['w', () => searchMinifloat(new Float32Array())],
])('a wrong %s is refused', async (argument, call) => {
  await expect(async () => call()).rejects.toMatchObject({ name: 'ArgumentError', argument });
});

/**
 * The number of threads changes no bit of a matrix product, whichever kernel makes it and whichever way the work is divided; nor
 * does it matter whether the arrays lie in the shared memory.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { resolveAccumulator } from '../../src/arithmetic/accumulate/model.ts';
import { matrixUnit } from '../../src/arithmetic/matrix-unit/index.ts';
import { toFormat } from '../../src/formats/names.ts';
import { allocateFloat32, release } from '../../src/kernels/heap.ts';
import { matmulArray } from '../../src/kernels/products/product-arrays.ts';
import { roundArray } from '../../src/kernels/rounding-arrays.ts';
import { startThreads, stopThreads } from '../../src/kernels/threads.ts';
import type { BatchShape } from '../../src/products/shape.ts';
import { type RoundOptions, resolveRounding } from '../../src/rounding/index.ts';
import { firstDifference } from '../kernels-compare.ts';

function numbers(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * 2 ** ((state % 7) - 5);
  });
}

const shapes: Record<string, BatchShape> = {
  square: { m: 131, n: 129, k: 140, transposeB: true },
  vector: { m: 4200, n: 1, k: 500 },
  row: { m: 2, n: 1100, k: 1000, transposeA: true },
  batch: { m: 37, n: 70, k: 120, batch: 7 },
};

const cases: readonly (readonly [string, RoundOptions, object])[] = [
  ['binary32', {}, {}],
  ['binary16', {}, {}],
  ['bfloat16', { rounding: 'stochastic', randomBits: 8, seed: 4, offset: 3 }, {}],
  ['e5m2', { rounding: 'toward-negative' }, {}],
  ['binary16', {}, { products: 'exact', accumulate: 'exact' }],
  ['binary16', {}, { order: { chunk: 50 }, accumulate: 'binary32' }],
  ['e4m3fn', { rounding: 'nearest-away' }, { order: 'pairwise' }],
  ['int8', {}, { accumulate: 'binary32' }],
  ['posit16', {}, {}],
  ['binary16', {}, { accumulate: matrixUnit('hopper-fp16') }],
];

afterAll(() => stopThreads());

describe('matrix products by 1, 2 and 3 threads', () => {
  for (const [title, shape] of Object.entries(shapes))
    for (const [name, options, given] of cases)
      it(`${title}, ${name} ${options.rounding ?? 'nearest-even'} ${JSON.stringify(given)}`, async () => {
        await startThreads(3);
        const format = toFormat(name);
        const call = resolveRounding(format, options);
        const model = resolveAccumulator(format, call, given);
        const { m, n, k, batch = 1 } = shape;
        const [a, b] = [numbers(batch * m * k, 1), numbers(batch * k * n, 2)];
        for (const x of [a, b]) roundArray(x, x, format, resolveRounding(format));
        const run = (out: Float32Array, threads: number, left = a, right = b): Float32Array => {
          expect(matmulArray(left, right, out, shape, model, call, threads)).toBe(true);
          return out;
        };
        const expected = run(new Float32Array(batch * m * n), 1);
        for (const threads of [2, 3]) {
          const actual = run(new Float32Array(batch * m * n), threads);
          expect(firstDifference(actual, expected, expected)).toBeUndefined();
        }
        const shared = [a.length, b.length, expected.length].map((length) => allocateFloat32(length));
        const [sharedA, sharedB, out] = shared as [Float32Array, Float32Array, Float32Array];
        sharedA.set(a);
        sharedB.set(b);
        expect(firstDifference(run(out, 2, sharedA, sharedB), expected, expected)).toBeUndefined();
        for (const array of shared) release(array);
      });
});

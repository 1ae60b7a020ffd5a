/**
 * The matrix product agrees on every bit with a triple loop in binary32, for any shape, transposition, batch and blocking;
 * on shared and on unshared memory.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Heap, sharedHeap } from '../../src/kernels/heap.ts';
import { kernelsOn } from '../../src/kernels/heap-kernels.ts';
import type { ProductShape } from '../../src/products/shape.ts';
import { firstDifference } from '../kernels-compare.ts';

/** out[i, j] = the sum over k in order, from +0, product and sum each rounded to binary32. */
function reference(a: Float32Array, b: Float32Array, shape: ProductShape): Float32Array {
  const { m, n, k, transposeA, transposeB, batch, batchStrideA, batchStrideB } = shape;
  const out = new Float32Array(batch * m * n);
  for (let item = 0; item < batch; item++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let step = 0; step < k; step++) {
          const left = a[item * batchStrideA + (transposeA ? step * m + i : i * k + step)]!;
          const right = b[item * batchStrideB + (transposeB ? j * k + step : step * n + j)]!;
          sum = Math.fround(sum + Math.fround(left * right));
        }
        out[(item * m + i) * n + j] = sum;
      }
    }
  }
  return out;
}

/** Numbers of all sizes, so that every rounding shows. */
function fill(length: number, seed: number): Float32Array {
  let state = seed * 2 + 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * 2 ** ((state % 9) - 4);
  });
}

function check(heap: Heap, shape: ProductShape, seed: number): void {
  const { m, n, k, batch, batchStrideA, batchStrideB } = shape;
  const a = fill((batch - 1) * batchStrideA + m * k, seed);
  const b = fill((batch - 1) * batchStrideB + k * n, seed + 1);
  const kernels = kernelsOn(heap);
  const length = batch * m * n;
  const pointers = [a.length, b.length, length].map((elements) => heap.allocate(4 * elements));
  const [pa, pb, po] = pointers as [number, number, number];
  new Float32Array(heap.memory.buffer, pa, a.length).set(a);
  new Float32Array(heap.memory.buffer, pb, b.length).set(b);
  new Float32Array(heap.memory.buffer, po, length).fill(NaN);
  kernels.matmulFloat32(pa, pb, po, shape);
  const actual = new Float32Array(heap.memory.buffer, po, length).slice();
  kernels.release();
  for (const pointer of pointers) heap.free(pointer);
  expect(firstDifference(actual, reference(a, b, shape), actual)).toBeUndefined();
}

/** A heap that never frees, on an unshared memory such as that of tfjs-wasm. */
function unsharedHeap(): Heap {
  const memory = new WebAssembly.Memory({ initial: 256 });
  let next = 64;
  return {
    memory,
    allocate(bytes) {
      const pointer = next;
      next += Math.ceil(bytes / 16) * 16;
      return pointer;
    },
    free() {},
  };
}

const runs = 300;
const size = fc.integer({ min: 1, max: 40 });

describe(`matmulFloat32 against a triple loop, ${runs} random shapes and the blocks' edges`, () => {
  it('random shapes', () => {
    const shapes = fc.record({
      m: size,
      n: size,
      k: fc.integer({ min: 0, max: 40 }),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      batch: fc.integer({ min: 1, max: 3 }),
      repeatA: fc.boolean(),
      repeatB: fc.boolean(),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(shapes, ({ repeatA, repeatB, seed, ...shape }) => {
        const batchStrideA = repeatA ? 0 : shape.m * shape.k;
        const batchStrideB = repeatB ? 0 : shape.k * shape.n;
        check(sharedHeap(), { ...shape, batchStrideA, batchStrideB }, seed);
      }),
      { numRuns: runs },
    );
  });

  for (const [m, n, k] of [
    [129, 7, 257],
    [3, 521, 30],
    [130, 10, 513],
    [4, 8, 256],
    [1, 70, 131],
    [53, 1, 130],
    [1, 1, 999],
  ] as const) {
    for (const transposed of [false, true]) {
      it(`${m} x ${k} times ${k} x ${n}${transposed ? ', both transposed' : ''}`, () => {
        const shape = { m, n, k, transposeA: transposed, transposeB: transposed, batch: 1 };
        const strides = { batchStrideA: m * k, batchStrideB: k * n };
        check(sharedHeap(), { ...shape, ...strides }, m + n);
        check(unsharedHeap(), { ...shape, ...strides }, m + n);
      });
    }
  }
});

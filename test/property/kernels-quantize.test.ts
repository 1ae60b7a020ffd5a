/** The quantiser kernels agree on every bit with the reference of `src/tensor/quantizers`. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernelsOn, sharedHeap } from '../../src/kernels/index.ts';
import { quantizer } from '../../src/tensor/quantizers/index.ts';
import { firstDifference } from '../kernels-compare.ts';

const heap = sharedHeap();
const kernels = kernelsOn(heap);

/** Runs a kernel over a copy of x in the heap, in place. */
function run(x: Float32Array, kernel: (pointer: number) => void): Float32Array {
  const pointer = heap.allocate(4 * x.length);
  new Float32Array(heap.memory.buffer, pointer, x.length).set(x);
  kernel(pointer);
  const result = new Float32Array(heap.memory.buffer, pointer, x.length).slice();
  heap.free(pointer);
  return result;
}

const runs = 1500;
const ordinary = fc.integer({ min: -4000, max: 4000 }).map((x) => x / 1024);
const element = fc.oneof(
  { weight: 30, arbitrary: ordinary },
  { weight: 3, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 3e38, 1e-40) },
);
const special = fc.oneof({ weight: 60, arbitrary: element }, fc.constantFrom(NaN, Infinity, -Infinity));
const matrix = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 35 }), fc.constantFrom(element, special))
  .chain(([rows, columns, of]) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      values: fc.array(of, { minLength: rows * columns, maxLength: rows * columns }),
    }),
  );

describe(`quantiser kernels against the reference, ${runs} random matrices each`, () => {
  for (const format of ['int8', 'int4', 'ternary']) {
    it(`${format}, scaled by the largest magnitude of each row`, () => {
      const reference = quantizer({ format, scale: { per: 'row', from: 'absmax' } });
      const limit = reference.format.max;
      fc.assert(
        fc.property(matrix, ({ rows, columns, values }) => {
          const x = Float32Array.from(values);
          const actual = run(x, (p) => kernels.fakeQuantizeRowsAbsmax(p, p, rows, columns, { limit }));
          expect(firstDifference(actual, reference.fakeQuantize(x, [rows, columns]), x)).toBeUndefined();
        }),
        { numRuns: runs },
      );
    });

    it(`${format}, scaled by the mean magnitude of the tensor`, () => {
      const reference = quantizer({ format, scale: { per: 'tensor', from: 'absmean' } });
      const limit = reference.format.max;
      fc.assert(
        fc.property(matrix, ({ values }) => {
          const x = Float32Array.from(values);
          const actual = run(x, (p) => kernels.fakeQuantizeAbsmean(p, p, x.length, { limit }));
          expect(firstDifference(actual, reference.fakeQuantize(x), x)).toBeUndefined();
        }),
        { numRuns: runs },
      );
    });
  }
});

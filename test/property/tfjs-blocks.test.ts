/** Blocks along any axis of a tensor on the wasm backend: the bits of the quantiser on an array. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantizer } from '../../src/index.ts';
import { blockQuantizerOptions } from '../../src/tensor/quantizers/index.ts';
import { fakeQuantize, wasmBackend } from '../../src/tfjs/index.ts';

const tf = await wasmBackend();

const names = ['mxfp8e4m3', 'mxfp8e5m2', 'mxfp6e2m3', 'mxfp6e3m2', 'mxfp4', 'mxint8', 'nvfp4'];
const number = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: -9, max: 9, noNaN: true }).map(Math.fround) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1e-30, -3e30, Infinity, -Infinity, Number.NaN) },
);
const shapes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });

test.each(names)('%s', (name) => {
  const options = blockQuantizerOptions(name)!;
  const { scale } = options;
  const drawn = fc.tuple(
    shapes,
    fc.nat(3),
    fc.boolean(),
    fc.constantFrom(2, 3, 16, 32),
    fc.infiniteStream(number),
  );
  const holds = ([shape, which, isNegative, size, numbers]: [
    number[],
    number,
    boolean,
    number,
    Iterable<number>,
  ]): void => {
    const index = which % shape.length;
    const axis = isNegative ? index - shape.length : index;
    const made = quantizer({ ...options, scale: { ...scale, size, axis } } as typeof options);
    const length = shape.reduce((product, side) => product * side, 1);
    const stream = numbers[Symbol.iterator]();
    const values = Float32Array.from({ length }, () => stream.next().value as number);
    tf.tidy(() => {
      const image = fakeQuantize(tf, tf.tensor(values, shape), made);
      expect(Array.from(image.dataSync())).toEqual(Array.from(made.fakeQuantize(values, shape)));
    });
  };
  fc.assert(fc.property(drawn, holds), { numRuns: 150 });
});

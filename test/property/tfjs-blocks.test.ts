/** Quantisers in groups of any kind, rotated or not, on the wasm backend: the bits of the quantiser on an array. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type QuantizerOptions, quantizer } from '../../src/index.ts';
import { blockQuantizerOptions } from '../../src/quantizers/index.ts';
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

const size = fc.integer({ min: 1, max: 20 });
const groupings = fc.oneof(
  fc.record({ per: fc.constant('block' as const), size, axis: fc.integer({ min: -2, max: 1 }) }),
  fc.record({ per: fc.constant('tile' as const), rows: size, columns: size }),
  fc.constantFrom({ per: 'tensor' as const }, { per: 'row' as const }, { per: 'column' as const }),
);
const rotations = fc.oneof(
  fc.constant({}),
  fc.record({
    transform: fc.record(
      {
        name: fc.constant('hadamard' as const),
        size: fc.constantFrom(1, 2, 4, 8, 16, 32),
        seed: fc.integer({ min: 0, max: 9 }),
        axis: fc.constantFrom(-1, -1, -1, 0),
      },
      { requiredKeys: ['name'] },
    ),
    invert: fc.boolean(),
  }),
);
const elements = fc.constantFrom(
  { format: 'e2m1', scale: { from: 'absmax', format: 'e8m0' } },
  { format: 'e2m1', scale: { from: 'absmax', format: 'e4m3fn', tensorScale: true } },
  { format: 'int8', scale: { from: 'absmax' } },
);

test('formats x groupings x rotations x rounding, seeds of the call and of the options', () => {
  const drawn = fc.tuple(
    fc.record({ elements, grouping: groupings, rotation: rotations, isStochastic: fc.boolean() }),
    fc.tuple(fc.constantFrom(1, 2, 3, 7, 20), fc.constantFrom(1, 4, 6, 8, 12, 20, 32, 50)),
    fc.constantFrom({}, { seed: 5, stream: 7n, offset: 11 }),
    fc.infiniteStream(number),
  );
  const holds = ([given, shape, call, numbers]: typeof drawn extends fc.Arbitrary<infer T>
    ? T
    : never): void => {
    const { format, scale } = given.elements;
    const made = quantizer({
      format,
      scale: { ...scale, ...given.grouping },
      ...(given.isStochastic ? { rounding: 'stochastic', seed: 3 } : {}),
      ...given.rotation,
    } as QuantizerOptions);
    const stream = numbers[Symbol.iterator]();
    const values = Float32Array.from({ length: shape[0] * shape[1] }, () => stream.next().value as number);
    tf.tidy(() => {
      const image = fakeQuantize(tf, tf.tensor(values, shape), made, call);
      expect(Array.from(image.dataSync())).toEqual(
        Array.from(made.fakeQuantize(values, shape, undefined, call)),
      );
    });
  };
  fc.assert(fc.property(drawn, holds), { numRuns: 1500 });
});

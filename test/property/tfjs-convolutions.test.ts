/** Convolutions on the wasm backend under emulation: any geometry against the cpu backend, and the cases stock kernels get wrong. */
import type { Tensor, Tensor3D, Tensor4D, Tensor5D } from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulation, emulate, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { compareConvolutions, paddings, sizes, steps } from '../convolutions-compare.ts';

const pair = (most: number) => fc.tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most }));
const explicit = fc.array(fc.nat(4), { minLength: 4, maxLength: 4 }).map(
  ([a, b, c, d]) =>
    [
      [0, 0],
      [a!, b!],
      [c!, d!],
      [0, 0],
    ] as const,
);
const padding = fc.oneof(fc.constantFrom('same' as const, 'valid' as const), fc.nat(5), explicit);

describe('convolutions under emulation', () => {
  let tf: TensorFlow;
  let emulation: Emulation;
  beforeAll(async () => {
    tf = await wasmBackend();
    emulation = await emulate(tf, {});
  });
  afterAll(() => emulation.stop());

  test('have the values of the cpu backend in geometries up to 11 x 11', () => {
    const one = fc.constant([1, 1] as const);
    const strided = fc.record({ strides: pair(5), dilations: one });
    const dilated = fc.record({ strides: one, dilations: pair(4) });
    const geometry = fc
      .tuple(fc.record({ input: pair(11), filter: pair(8), pad: padding }), fc.oneof(strided, dilated))
      .map(([sized, stepped]) => ({ ...sized, ...stepped }));
    fc.assert(
      fc.property(geometry, (drawn) => {
        compareConvolutions(tf, [drawn]);
      }),
      { numRuns: 600 },
    );
  });

  test('have the values of the cpu backend in every 401st geometry up to 7 x 7', () => {
    const all = paddings.flatMap((pad) =>
      sizes.flatMap((input) =>
        sizes.flatMap((filter) => steps.map((step) => ({ input, filter, ...step, pad }))),
      ),
    );
    const some = all.filter((_, i) => i % 401 === 0);
    expect(compareConvolutions(tf, some)).toBeGreaterThan(3 * some.length);
  });

  /** The values of an operation on wasm and on cpu. */
  function onBoth(make: () => Tensor): [wasm: unknown, cpu: unknown] {
    const values = (name: string): unknown => {
      tf.setBackend(name);
      return tf.tidy(() => {
        const result = make();
        return [result.shape, Array.from(result.dataSync())] as never;
      });
    };
    const cpu = values('cpu');
    return [values('wasm'), cpu];
  }

  test('skipped rows and columns are not zeros', () => {
    const result = tf.conv2d(tf.ones([1, 4, 2, 1]) as Tensor4D, tf.ones([1, 2, 1, 1]) as Tensor4D, 2, 'same');
    expect(Array.from(result.dataSync())).toEqual([2, 2]);
  });

  test('in one and three dimensions, and fused', () => {
    const numbers = (shape: number[]): Tensor =>
      tf.tidy(() =>
        tf
          .range(
            0,
            shape.reduce((x, y) => x * y, 1),
          )
          .mod(7)
          .sub(3)
          .reshape(shape),
      );
    for (const stride of [1, 2, 3, 4])
      for (const size of [1, 2, 3])
        for (const pad of ['same', 'valid'] as const) {
          const one = () =>
            tf.conv1d(numbers([2, 7, 2]) as Tensor3D, numbers([size, 2, 3]) as Tensor3D, stride, pad);
          const three = () =>
            tf.conv3d(
              numbers([1, 5, 7, 6, 2]) as Tensor5D,
              numbers([size, 3, 2, 2, 3]) as Tensor5D,
              stride,
              pad,
            );
          const fused = () =>
            tf.fused.depthwiseConv2d({
              x: numbers([2, 7, 6, 2]) as Tensor4D,
              filter: numbers([size, 1, 2, 2]) as Tensor4D,
              strides: stride,
              pad,
              bias: numbers([4]),
              activation: 'relu',
            });
          for (const make of [one, three, fused]) {
            const [wasm, cpu] = onBoth(make);
            expect(wasm).toEqual(cpu);
          }
        }
  });
});

/** Our replacements of wasm kernels that move and sum: against the stock kernels and against plain loops. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { emulate, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { bitsOf, tensorBits } from './tfjs-programs.ts';

describe('own kernels on the wasm backend', () => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await wasmBackend();
  });

  /** Shapes, types and bits of what a program makes, with our kernels and with the stock ones. */
  async function both(program: () => Tensor[]): Promise<[own: unknown, stock: unknown]> {
    const run = (): unknown =>
      tf.tidy(() => program().map((t) => [t.shape, t.dtype, Array.from(t.dataSync())]) as never);
    const memory = tf.memory();
    const own = await emulate.scope(tf, { kernels: 'own' }, run);
    expect(tf.memory()).toEqual(memory);
    return [own, await emulate.scope(tf, { kernels: 'stock' }, run)];
  }

  const dtypes = ['float32', 'int32', 'bool'] as const;
  const data = (shape: number[], dtype: (typeof dtypes)[number]): Tensor => {
    const size = shape.reduce((x, y) => x * y, 1);
    return tf.tensor(
      Array.from({ length: size }, (_, i) => (dtype === 'bool' ? Number(i % 3 === 0) : (i * 37) % 101)),
      shape,
      dtype,
    );
  };

  test.each(dtypes)(
    'slices, splits, joins and gathers of %s have the values of the stock kernels',
    async (dtype) => {
      const [own, stock] = await both(() => {
        const x = data([3, 4, 5, 6], dtype);
        const wide = data([4, 130], dtype);
        return [
          tf.slice(x, [1, 0, 0, 0], [2, -1, -1, -1]),
          tf.slice(x, [0, 0, 2, 0], [3, 4, 1, 6]),
          tf.slice(x, [0, 0, 0, 3], [3, 4, 5, 2]),
          tf.slice(x, [1, 1, 1, 1], [1, 2, 3, 4]),
          tf.slice(x, [0, 0, 0, 0], [3, 4, 5, 6]),
          tf.slice(x, [0, 0, 0, 6], [3, 4, 5, 0]),
          tf.slice(x, 1),
          tf.slice(wide, [0, 64], [4, 60]),
          ...tf.split(x, 2, 1),
          ...tf.split(x, [1, -1, 2], -1),
          ...tf.split(wide, [100, 30], 1),
          ...tf.split(x, 3),
          tf.concat([x, x, x], 0),
          tf.concat([x, tf.slice(x, [0, 0, 0, 0], [3, 4, 5, 2])], -1),
          tf.concat([tf.slice(x, [0, 0, 0, 0], [3, 4, 0, 6]), x], 2),
          tf.gather(x, tf.tensor2d([2, 0, 1, 2], [2, 2], 'int32')),
          tf.gather(wide, tf.tensor1d([3, 3, 0], 'int32')),
          tf.gather(x, tf.tensor1d([4, 0], 'int32'), 2),
          tf.cast(x, dtype),
          tf.cast(x, 'float32'),
          x.clone(),
        ];
      });
      expect(own).toEqual(stock);
    },
  );

  test.each(dtypes)(
    'transpositions of %s in every order have the values of the stock kernel',
    async (dtype) => {
      const orders = (rank: number): number[][] =>
        rank === 0
          ? [[]]
          : orders(rank - 1).flatMap((rest) =>
              Array.from({ length: rank }, (_, at) => [...rest.slice(0, at), rank - 1, ...rest.slice(at)]),
            );
      const shapes = [
        [],
        [7],
        ...[1, 2, 3, 4, 5, 8, 9, 17, 64].flatMap((rows) =>
          [1, 3, 4, 6, 8, 33].map((columns) => [rows, columns]),
        ),
        ...[
          [3, 5, 9],
          [2, 1, 7],
          [4, 8, 12],
          [0, 4],
          [2, 3, 4, 5],
          [2, 1, 3, 1],
          [5, 4, 1, 8],
        ],
      ];
      const [own, stock] = await both(() =>
        shapes.flatMap((shape) =>
          orders(shape.length).map((order) => tf.transpose(data(shape, dtype), order)),
        ),
      );
      expect(own).toEqual(stock);
    },
  );

  test('an index out of range is refused as by the stock kernel', async () => {
    await emulate.scope(tf, { kernels: 'own' }, () => {
      const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
      const indices = tf.tensor1d([0, 2], 'int32');
      expect(() => tf.gather(x, indices)).toThrow('not in [0, 1]');
      tf.dispose([x, indices]);
    });
  });

  test('shared data outlives the tensor that it was shared from, and is freed with the last', async () => {
    await emulate.scope(tf, { kernels: 'own' }, () => {
      const memory = tf.memory();
      const x = tf.tensor1d([1, 2, 3]);
      const copy = x.clone();
      const cast = tf.cast(x, 'float32');
      x.dispose();
      expect(Array.from(copy.dataSync())).toEqual([1, 2, 3]);
      copy.dispose();
      expect(Array.from(cast.dataSync())).toEqual([1, 2, 3]);
      cast.dispose();
      expect(tf.memory()).toEqual(memory);
    });
  });

  test('sums and means over leading axes are in order, in binary32; other axes are the stock kernel', async () => {
    const x = tf.randomNormal([37, 5, 9], 0, 1, 'float32', 1);
    const values = x.dataSync();
    const columnSums = (columns: number): Float32Array => {
      const sums = new Float32Array(columns);
      values.forEach((value, i) => {
        sums[i % columns]! += value;
      });
      return sums;
    };
    await emulate.scope(tf, { kernels: 'own' }, () => {
      tf.tidy(() => {
        expect(tensorBits(tf.sum(x, 0))).toEqual(bitsOf(columnSums(45)));
        expect(tf.sum(x, [0, 1], true).shape).toEqual([1, 1, 9]);
        expect(tensorBits(tf.sum(x, [1, -3]))).toEqual(bitsOf(columnSums(9)));
        expect(tensorBits(tf.mean(x, 0))).toEqual(bitsOf(columnSums(45).map((sum) => sum / 37)));
        expect(tf.sum(tf.zeros([0, 3]), 0).arraySync()).toEqual([0, 0, 0]);
      });
    });
    const [own, stock] = await both(() => [
      tf.sum(x),
      tf.sum(x, -1),
      tf.sum(x, 1),
      tf.mean(x),
      tf.mean(x, [0, 2]),
      tf.sum(tf.cast(x, 'int32'), 0),
    ]);
    expect(own).toEqual(stock);
    x.dispose();
  });

  test('a dense layer has the gradients of the stock kernels where sums are exact', async () => {
    const [own, stock] = await both(() => {
      const x = tf.cast(data([16, 12], 'int32'), 'float32') as Tensor2D;
      const kernel = tf.cast(data([12, 7], 'int32'), 'float32') as Tensor2D;
      const bias = tf.tensor1d([1, 2, 3, 4, 5, 6, 7]);
      return tf.grads((a, w, b) => tf.square(tf.add(tf.matMul(a as Tensor2D, w as Tensor2D), b)).sum())([
        x.div(128),
        kernel.div(128),
        bias,
      ]);
    });
    expect(own).toEqual(stock);
  });
});

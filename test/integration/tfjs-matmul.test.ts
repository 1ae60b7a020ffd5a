/** Our matrix product under TensorFlow.js: against a plain loop in binary32, bit for bit, and against the stock kernel. */
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Emulation, emulate, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { bitsOf, tensorBits } from './tfjs-programs.ts';

/** One product, in order of k from +0, multiply and add each rounded. */
function product(
  a: Float32Array,
  b: Float32Array,
  [m, n, k]: readonly [number, number, number],
  transposeA: boolean,
  transposeB: boolean,
): Float32Array {
  const out = new Float32Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let q = 0; q < k; q++) {
        const x = transposeA ? a[q * m + i]! : a[i * k + q]!;
        const y = transposeB ? b[j * k + q]! : b[q * n + j]!;
        sum = Math.fround(sum + Math.fround(x * y));
      }
      out[i * n + j] = sum;
    }
  return out;
}

const sizes = [
  [1, 1, 1],
  [4, 8, 16],
  [3, 5, 7],
  [33, 17, 70],
  [130, 9, 300],
] as const;
const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

describe('matrix products on the wasm backend', () => {
  let tf: TensorFlow;
  let emulation: Emulation;
  beforeAll(async () => {
    tf = await wasmBackend();
    emulation = await emulate(tf, { kernels: 'own' });
  });
  afterAll(() => emulation.stop());

  const random = (shape: number[], seed: number): Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);

  test.each(sizes)('%i x %i with %i products an element: the bits of a plain loop', (m, n, k) => {
    for (const [transposeA, transposeB] of transposes)
      tf.tidy(() => {
        const a = random(transposeA ? [k, m] : [m, k], 1);
        const b = random(transposeB ? [n, k] : [k, n], 2);
        const out = tf.matMul(a, b, transposeA, transposeB);
        const expected = product(
          a.dataSync() as Float32Array,
          b.dataSync() as Float32Array,
          [m, n, k],
          transposeA,
          transposeB,
        );
        expect(tensorBits(out)).toEqual(bitsOf(expected));
      });
  });

  test.each([
    [[4], [4]],
    [[4], []],
    [[], [3]],
    [
      [2, 3],
      [2, 3],
    ],
    [
      [2, 3],
      [2, 1],
    ],
    [
      [2, 1],
      [1, 3],
    ],
    [[3], [2, 1]],
  ])('batches %j and %j broadcast', (batchA, batchB) => {
    for (const [transposeA, transposeB] of transposes)
      tf.tidy(() => {
        const [m, n, k] = [5, 6, 9] as const;
        const a = random([...batchA, ...(transposeA ? [k, m] : [m, k])], 1);
        const b = random([...batchB, ...(transposeB ? [n, k] : [k, n])], 2);
        const out = tf.matMul(a, b, transposeA, transposeB);
        const batch = out.shape.slice(0, -2);
        const total = batch.reduce((x, y) => x * y, 1);
        const tile = (x: Tensor): Float32Array =>
          tf.add(x, tf.zeros([...batch, 1, 1])).dataSync() as Float32Array;
        const [allA, allB] = [tile(a), tile(b)];
        const expected = Array.from({ length: total }, (_, i) =>
          bitsOf(
            product(
              allA.subarray(i * m * k, (i + 1) * m * k),
              allB.subarray(i * k * n, (i + 1) * k * n),
              [m, n, k],
              transposeA,
              transposeB,
            ),
          ),
        );
        expect(tensorBits(out)).toEqual(expected.flat());
      });
  });

  test('a product without transposes has the bits of the stock kernel', async () => {
    const a = random([65, 130], 1);
    const b = random([130, 41], 2);
    const own = tensorBits(tf.matMul(a, b));
    const stock = await emulate.scope(tf, { kernels: 'stock' }, () => tensorBits(tf.matMul(a, b)));
    expect(own).toEqual(stock);
    tf.dispose([a, b]);
  });

  test('empty operands: no rows give nothing, no products give +0', () => {
    tf.tidy(() => {
      expect(tf.matMul(tf.zeros([0, 3]), tf.ones([3, 2])).shape).toEqual([0, 2]);
      expect(tensorBits(tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 2])))).toEqual([0, 0, 0, 0]);
    });
  });

  test.each(['linear', 'relu', 'relu6', 'elu', 'sigmoid'] as const)(
    'a fused product is product, bias, %s, each in float32',
    (activation) => {
      tf.tidy(() => {
        const a = random([6, 20], 1) as never;
        const b = random([20, 9], 2) as never;
        const bias = random([9], 3);
        const sum = tf.add(tf.matMul(a, b), bias);
        const expected = activation === 'linear' ? sum : tf[activation](sum);
        const fused = tf.fused.matMul({ a, b, transposeA: false, transposeB: false, bias, activation });
        expect(tensorBits(fused)).toEqual(tensorBits(expected));
      });
    },
  );

  test('a fused leaky or parametric rectifier keeps its slope', () => {
    tf.tidy(() => {
      const a = random([6, 20], 1) as never;
      const b = random([20, 9], 2) as never;
      const bias = random([9], 3);
      const sum = tf.add(tf.matMul(a, b), bias);
      const leaky = tf.fused.matMul({ a, b, bias, activation: 'leakyrelu', leakyreluAlpha: 0.3 });
      expect(tensorBits(leaky)).toEqual(tensorBits(tf.leakyRelu(sum, 0.3)));
      const slopes = random([9], 4);
      const options = { a, b, bias, activation: 'prelu' as const, preluActivationWeights: slopes };
      expect(tensorBits(tf.fused.matMul(options))).toEqual(tensorBits(tf.prelu(sum, slopes)));
    });
  });
});

/** Kernels that we add to TensorFlow.js: those its wasm backend lacks, and quantisers as tensor operations. */
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import { round } from '../../src/index.ts';
import { type QuantizerOptions, quantizer } from '../../src/quantizers/index.ts';
import {
  cpuBackend,
  emulate,
  fakeQuantize,
  installMissingKernels,
  type TensorFlow,
  wasmBackend,
} from '../../src/tfjs/index.ts';
import { bitsOf, registryOf, tensorBits } from './tfjs-programs.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

describe('installMissingKernels', () => {
  afterEach(() => tf.setBackend('wasm'));

  test('adds what is missing, once, and takes it back with the last user', async () => {
    const before = registryOf(tf);
    expect(before.has('UnsortedSegmentSum')).toBe(false);
    const first = installMissingKernels(tf);
    const installed = registryOf(tf);
    const second = installMissingKernels(tf);
    expect(registryOf(tf)).toEqual(installed);
    expect(installed.has('UnsortedSegmentSum')).toBe(true);
    await emulate.scope(tf, { format: 'bfloat16' }, () => {
      first();
      first();
    });
    expect(registryOf(tf)).toEqual(installed);
    second();
    expect(registryOf(tf)).toEqual(before);
  });

  test('UnsortedSegmentSum sums in order in binary32, and leaves out ids out of range', () => {
    const uninstall = installMissingKernels(tf);
    tf.tidy(() => {
      const x = tf.randomNormal([40, 3], 0, 1, 'float32', 1) as Tensor2D;
      const ids = Array.from({ length: 40 }, (_, i) => ((i * 7) % 11) - 1);
      const values = x.dataSync();
      const expected = new Float32Array(9 * 3);
      ids.forEach((id, i) => {
        if (id >= 0 && id < 9) for (let j = 0; j < 3; j++) expected[id * 3 + j]! += values[i * 3 + j]!;
      });
      const sums = tf.unsortedSegmentSum(x, tf.tensor1d(ids, 'int32'), 9);
      expect(sums.shape).toEqual([9, 3]);
      expect(tensorBits(sums)).toEqual(bitsOf(expected));
      const integers = tf.unsortedSegmentSum(
        tf.tensor1d([1, 2, 4], 'int32'),
        tf.tensor1d([1, 0, 1], 'int32'),
        3,
      );
      expect([integers.dtype, Array.from(integers.dataSync())]).toEqual(['int32', [2, 5, 0]]);
    });
    uninstall();
  });

  test('convolution gradients and einsum give what the cpu backend gives', async () => {
    const compute = (): number[][] =>
      tf.tidy(() => {
        // Small integers: every order of summation gives the same.
        const integers = (shape: number[], seed: number): Tensor4D =>
          tf.randomUniform(shape, -9, 9, 'float32', seed).round() as Tensor4D;
        const x = integers([2, 6, 6, 3], 1);
        const filter = integers([3, 3, 3, 4], 2);
        const depth = integers([3, 3, 3, 2], 3);
        const filterGradient = tf.grad((f) => tf.conv2d(x, f as Tensor4D, 1, 'same').sum())(filter);
        const depthwise = tf.grads((a, f) =>
          tf.depthwiseConv2d(a as Tensor4D, f as Tensor4D, 1, 'same').sum(),
        )([x, depth]);
        const product = tf.einsum('bij,bkj->bik', tf.reshape(x, [6, 6, 6]), tf.reshape(x, [6, 6, 6]));
        return [filterGradient, ...depthwise, product].map((t) => tensorBits(t as Tensor)) as never;
      });
    const uninstall = installMissingKernels(tf);
    const memory = tf.memory().numTensors;
    const wasm = compute();
    expect(tf.memory().numTensors).toBe(memory);
    uninstall();
    await tf.setBackend('cpu');
    const cpu = compute();
    expect(wasm).toEqual(cpu);
  });

  test('an embedding layer trains on wasm', async () => {
    const uninstall = installMissingKernels(tf);
    const model = tf.sequential({
      layers: [
        tf.layers.embedding({
          inputDim: 7,
          outputDim: 4,
          inputLength: 5,
          embeddingsInitializer: tf.initializers.randomNormal({ seed: 1 }),
        }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 2, kernelInitializer: tf.initializers.glorotUniform({ seed: 2 }) }),
      ],
    });
    model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
    const xs = tf.tensor2d(
      Array.from({ length: 60 }, (_, i) => (i * i) % 7),
      [12, 5],
    );
    const ys = tf.tensor2d(
      Array.from({ length: 24 }, (_, i) => (i * i * i) % 5),
      [12, 2],
    );
    const { history } = await model.fit(xs, ys, { epochs: 60, shuffle: false, verbose: 0 });
    const losses = history['loss'] as number[];
    expect(losses[59]).toBeLessThan(losses[0]! / 2);
    model.dispose();
    tf.dispose([xs, ys]);
    uninstall();
  });
});

const options: QuantizerOptions[] = [
  { format: 'int8', scale: { per: 'row', from: 'absmax' } },
  { format: 'int4', scale: { per: 'tensor', from: 'absmax' } },
  { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } },
  { format: 'ternary', scale: { per: 'row', from: 'absmean' } },
  { format: 'int8', rounding: 'toward-zero', scale: { per: 'row', from: 'absmax' } },
];

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('fakeQuantize on %s', (_, load) => {
  beforeAll(async () => {
    tf = await load();
  });

  test.each(options)('has the bits of the reference: %j', (option) => {
    tf.tidy(() => {
      for (const shape of [[5, 33], [2, 3, 8], [7], [1, 1], [0, 4]]) {
        const x = tf.randomNormal(shape, 0, 0.02, 'float32', 1);
        const expected = quantizer(option).fakeQuantize(x.dataSync() as Float32Array, shape);
        const actual = fakeQuantize(tf, x, option);
        expect(actual.shape).toEqual(shape);
        expect(tensorBits(actual)).toEqual(bitsOf(expected));
        expect(tensorBits(fakeQuantize(tf, x, quantizer(option)))).toEqual(bitsOf(expected));
      }
      const scalar = tf.scalar(0.3);
      expect(tensorBits(fakeQuantize(tf, scalar, option))).toEqual(
        bitsOf(quantizer(option).fakeQuantize(Float32Array.of(0.3))),
      );
    });
  });

  test('is one tensor, which no role rounds again, and refuses what is not float32', async () => {
    const x = tf.randomNormal([4, 9], 0, 1, 'float32', 1);
    const option: QuantizerOptions = { format: 'int8', scale: { per: 'row', from: 'absmax' } };
    const memory = tf.memory().numTensors;
    fakeQuantize(tf, x, option).dispose();
    expect(tf.memory().numTensors).toBe(memory);
    const eye = tf.eye(9);
    const rounded = tf.tensor2d(round(x.dataSync() as Float32Array, 'bfloat16'), [4, 9]);
    const quantized = fakeQuantize(tf, rounded, option);
    const expected = tensorBits(quantized);
    expect(quantized.dataSync().every((value) => formats.bfloat16.has(value))).toBe(false);
    await emulate.scope(
      tf,
      { roles: { other: 'bfloat16' }, kernels: { matmul: { format: 'binary32' } } },
      () => {
        tf.tidy(() => {
          const image = fakeQuantize(tf, x, option);
          expect(tensorBits(image)).toEqual(expected);
          expect(tensorBits(tf.matMul(tf.transpose(tf.transpose(image)), eye))).toEqual(expected);
          expect(formats.bfloat16.has(tf.add(image, 0).dataSync()[1]!)).toBe(true);
        });
      },
    );
    tf.dispose([eye, rounded, quantized]);
    x.dispose();
    const integers = tf.tensor1d([1, 2], 'int32');
    expect(() => fakeQuantize(tf, integers, option)).toThrow(ArgumentError);
    integers.dispose();
  });
});

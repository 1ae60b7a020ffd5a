/** Which operands a policy's `inputs` treats, and along which axis blocks lie. */
import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { quantizer } from '../../src/index.ts';
import { cpuBackend, emulate, type Policy, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { summedAxis } from '../../src/tfjs/products.ts';
import { tensorBits } from './tfjs-programs.ts';

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('on the %s backend', (backend, load) => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await load();
  });

  const random = (shape: number[], seed: number): Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);
  const under = <T>(policy: Policy, fn: () => T): Promise<T> =>
    emulate.scope(tf, { roles: { other: {} }, ...policy }, () => tf.tidy(() => fn() as never) as T);
  const block = { format: 'e2m1', scale: { per: 'block', size: 4, from: 'absmax' } } as const;

  test.each<Policy['inputs'] & (object | string)>([{ format: 'e4m3fn' }, 'mxfp4', block])(
    'one treatment for all is for the operands of the product: %j',
    async (inputs) => {
      const [a, b, bias] = [random([9, 32], 1) as Tensor2D, random([32, 8], 2) as Tensor2D, random([8], 3)];
      const policy: Policy = { format: 'bfloat16', inputs, fused: 'decomposed' };
      for (const activation of ['linear', 'relu'] as const) {
        const fused = await under(policy, () => tensorBits(tf.fused.matMul({ a, b, bias, activation })));
        const steps = await under(policy, () => {
          const sum = tf.add(tf.matMul(a, b), bias);
          return tensorBits(activation === 'relu' ? tf.relu(sum) : sum);
        });
        expect(fused).toEqual(steps);
      }
      // By its name the bias is treated too.
      const named = await under({ ...policy, inputs: { bias: { format: 'e4m3fn' } } }, () =>
        tensorBits(tf.fused.matMul({ a, b, bias })),
      );
      const plain = await under({ ...policy, inputs: {} }, () => tensorBits(tf.fused.matMul({ a, b, bias })));
      expect(named).not.toEqual(plain);
      tf.dispose([a, b, bias]);
    },
  );

  test('a dense layer gives in a gradient what it gives in predict, whatever its activation', async () => {
    const policy: Policy = { format: 'bfloat16', inputs: 'mxfp8e4m3', fused: 'decomposed' };
    for (const activation of ['linear', 'relu', 'sigmoid'] as const) {
      const model = tf.sequential({
        layers: [
          tf.layers.dense({
            units: 5,
            inputShape: [32],
            activation,
            biasInitializer: tf.initializers.randomNormal({ seed: 1 }),
            kernelInitializer: tf.initializers.randomNormal({ seed: 2 }),
          }),
        ],
      });
      const x = random([3, 32], 4);
      await emulate.scope(tf, policy, () =>
        tf.tidy(() => {
          const predicted = tensorBits(model.predict(x) as Tensor);
          let taped: number[] = [];
          tf.grad((y) => {
            const output = model.apply(y) as Tensor;
            taped = tensorBits(output);
            return output.sum();
          })(x);
          expect(taped).toEqual(predicted);
        }),
      );
      model.dispose();
      x.dispose();
    }
  });

  test.runIf(backend === 'cpu')('with channels first, bias and slope go along the channels', async () => {
    const x = random([2, 3, 5, 4], 1) as Tensor4D;
    const filter = random([2, 2, 3, 6], 2) as Tensor4D;
    const [bias, alpha] = [random([6], 3), random([6], 4)];
    for (const activation of ['linear', 'relu', 'prelu'] as const) {
      const given = {
        filter,
        strides: 1,
        pad: 'same',
        bias,
        activation,
        ...(activation === 'prelu' ? { preluActivationWeights: alpha } : {}),
      } as const;
      for (const fused of ['once', 'decomposed'] as const) {
        const policy: Policy = { format: 'bfloat16', fused };
        const first = await under(policy, () =>
          tensorBits(tf.transpose(tf.fused.conv2d({ ...given, x, dataFormat: 'NCHW' }), [0, 2, 3, 1])),
        );
        const last = await under(policy, () =>
          tensorBits(tf.fused.conv2d({ ...given, x: tf.transpose(x, [0, 2, 3, 1]) })),
        );
        expect([activation, fused, first]).toEqual([activation, fused, last]);
      }
    }
    tf.dispose([x, filter, bias, alpha]);
  });

  test('blocks of operands lie along the axis that the product sums over', async () => {
    const [a, b] = [random([8, 12], 1) as Tensor2D, random([8, 6], 2) as Tensor2D];
    const along = (x: Tensor, axis: number): Tensor =>
      tf.tensor(
        quantizer({ ...block, scale: { ...block.scale, axis } }).fakeQuantize(
          x.dataSync() as Float32Array,
          x.shape,
        ),
        x.shape,
      );
    // Sums over the first axis of both, in whatever way that is said.
    const products: ((x: Tensor2D, y: Tensor2D) => Tensor)[] = [
      (x, y) => tf.matMul(x, y, true, false),
      (x, y) => tf.einsum('ki,kj->ij', x, y),
    ];
    for (const product of products) {
      const expected = await under({}, () =>
        tensorBits(product(along(a, 0) as Tensor2D, along(b, 0) as Tensor2D)),
      );
      expect(await under({ inputs: block }, () => tensorBits(product(a, b)))).toEqual(expected);
    }
    const image = random([1, 2, 8, 3], 3) as Tensor4D;
    const gradient = random([1, 2, 8, 4], 4) as Tensor4D;
    const filterGradient = (x: Tensor4D, dy: Tensor4D): Tensor =>
      tf.grad((f) => tf.conv2d(x, f as Tensor4D, 1, 'same'))(tf.zeros([1, 1, 3, 4]), dy);
    // The same kernels in both runs, so that sums have one order.
    const exact = await under({}, () =>
      tensorBits(filterGradient(along(image, 2) as Tensor4D, along(gradient, 2) as Tensor4D)),
    );
    expect(await under({ inputs: block }, () => tensorBits(filterGradient(image, gradient)))).toEqual(exact);
    tf.dispose([a, b, image, gradient]);
  });
});

test('the summed axis of every operand of a product', () => {
  const axes = (name: string, operands: string[], attrs = {}): number[] =>
    operands.map((operand) => summedAxis(name, operand, attrs));
  expect(axes('BatchMatMul', ['a', 'b'])).toEqual([-1, -2]);
  expect(axes('_FusedMatMul', ['a', 'b'], { transposeA: true, transposeB: true })).toEqual([-2, -1]);
  for (const name of ['Conv2D', 'FusedConv2D', 'Conv3D'])
    expect(axes(name, ['x', 'filter'])).toEqual([-1, -2]);
  for (const name of ['Conv2DBackpropInput', 'Conv3DBackpropInputV2'])
    expect(axes(name, ['dy', 'filter'])).toEqual([-1, -1]);
  for (const name of [
    'Conv2DBackpropFilter',
    'Conv3DBackpropFilterV2',
    'DepthwiseConv2dNativeBackpropFilter',
  ])
    expect(axes(name, ['x', 'dy'])).toEqual([-2, -2]);
  for (const name of ['DepthwiseConv2dNative', 'FusedDepthwiseConv2D'])
    expect(axes(name, ['x', 'filter'])).toEqual([-2, -3]);
  expect(axes('DepthwiseConv2dNativeBackpropInput', ['dy', 'filter'])).toEqual([-2, -3]);
  expect(axes('Conv2D', ['x', 'filter'], { dataFormat: 'NCHW' })).toEqual([-3, -2]);
  expect(axes('Conv2DBackpropFilter', ['x', 'dy'], { dataFormat: 'NCHW' })).toEqual([-1, -1]);
  expect(axes('Einsum', ['0', '1'], { equation: 'nqhd,nkhd->nhqk' })).toEqual([-1, -1]);
  expect(axes('Einsum', ['0', '1'], { equation: 'dq, kd -> qk' })).toEqual([-2, -1]);
  expect(axes('Einsum', ['0', '1'], { equation: 'i,j->ij' })).toEqual([-1, -1]);
  expect(axes('Softmax', ['logits'])).toEqual([-1]);
});

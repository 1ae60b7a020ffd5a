/**
 * One training step of every kind of layer on the wasm backend: against the cpu backend in float32, and under bfloat16 with
 * every tensor that a rounding role made looked at.
 */
import type { LayersModel, Scalar, Sequential, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import { cpuBackend, emulate, type Policy, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { observeKernels, tensorBits } from './tfjs-programs.ts';

type Layer = Parameters<Sequential['add']>[0];

/** Layers between the input and a dense head. */
type Net = (
  tf: TensorFlow,
  seed: () => { kernelInitializer: ReturnType<TensorFlow['initializers']['randomNormal']> },
) => Layer[];

const pool = { poolSize: 2, strides: 2 } as const;
const nets: Record<string, [shape: number[], net: Net]> = {
  dense: [[5], (tf, k) => [tf.layers.dense({ units: 6, activation: 'tanh', ...k() })]],
  conv1d: [[9, 3], (tf, k) => [tf.layers.conv1d({ filters: 4, kernelSize: 3, activation: 'relu', ...k() })]],
  'conv1d strided': [
    [9, 3],
    (tf, k) => [tf.layers.conv1d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', ...k() })],
  ],
  conv2d: [
    [6, 6, 2],
    (tf, k) => [tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu', ...k() })],
  ],
  'conv2d strided': [
    [7, 7, 2],
    (tf, k) => [tf.layers.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same', ...k() })],
  ],
  conv3d: [[4, 4, 4, 2], (tf, k) => [tf.layers.conv3d({ filters: 3, kernelSize: 2, ...k() })]],
  depthwise: [
    [6, 6, 3],
    (tf) => [
      tf.layers.depthwiseConv2d({
        kernelSize: 3,
        depthMultiplier: 2,
        depthwiseInitializer: tf.initializers.randomNormal({ stddev: 0.4, seed: 5 }),
      }),
    ],
  ],
  separable: [
    [6, 6, 3],
    (tf) => [
      tf.layers.separableConv2d({
        filters: 4,
        kernelSize: 3,
        depthwiseInitializer: tf.initializers.randomNormal({ stddev: 0.4, seed: 5 }),
        pointwiseInitializer: tf.initializers.randomNormal({ stddev: 0.4, seed: 6 }),
      }),
    ],
  ],
  transposed: [
    [4, 4, 3],
    (tf, k) => [
      tf.layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: 'same', ...k() }),
    ],
  ],
  'max pooling': [
    [6, 6, 2],
    (tf, k) => [
      tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', ...k() }),
      tf.layers.maxPooling2d(pool),
    ],
  ],
  'average pooling': [
    [6, 6, 2],
    (tf, k) => [
      tf.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', ...k() }),
      tf.layers.averagePooling2d(pool),
    ],
  ],
  'pooling 1d': [
    [8, 2],
    (tf, k) => [
      tf.layers.conv1d({ filters: 3, kernelSize: 3, padding: 'same', ...k() }),
      tf.layers.maxPooling1d(pool),
      tf.layers.averagePooling1d(pool),
    ],
  ],
  'pooling 3d': [
    [4, 4, 4, 2],
    (tf, k) => [
      tf.layers.conv3d({ filters: 3, kernelSize: 3, padding: 'same', ...k() }),
      tf.layers.maxPooling3d(pool),
      tf.layers.averagePooling3d(pool),
    ],
  ],
  'global pooling': [
    [6, 6, 2],
    (tf, k) => [
      tf.layers.conv2d({ filters: 3, kernelSize: 3, ...k() }),
      tf.layers.globalAveragePooling2d({}),
    ],
  ],
  'batch norm': [[6], (tf, k) => [tf.layers.dense({ units: 5, ...k() }), tf.layers.batchNormalization({})]],
  'batch norm 2d': [
    [5, 5, 2],
    (tf, k) => [tf.layers.conv2d({ filters: 3, kernelSize: 3, ...k() }), tf.layers.batchNormalization({})],
  ],
  'layer norm': [[6], (tf, k) => [tf.layers.dense({ units: 5, ...k() }), tf.layers.layerNormalization({})]],
  dropout: [
    [6],
    (tf, k) => [tf.layers.dense({ units: 30, ...k() }), tf.layers.dropout({ rate: 0.3, seed: 7 })],
  ],
  embedding: [
    [5],
    (tf) => [
      tf.layers.embedding({
        inputDim: 7,
        outputDim: 4,
        embeddingsInitializer: tf.initializers.randomNormal({ seed: 8 }),
      }),
    ],
  ],
  simpleRNN: [
    [4, 3],
    (tf, k) => [
      tf.layers.simpleRNN({
        units: 5,
        recurrentInitializer: tf.initializers.randomNormal({ stddev: 0.3, seed: 9 }),
        ...k(),
      }),
    ],
  ],
  lstm: [
    [4, 3],
    (tf, k) => [
      tf.layers.lstm({
        units: 5,
        recurrentInitializer: tf.initializers.randomNormal({ stddev: 0.3, seed: 9 }),
        ...k(),
      }),
    ],
  ],
  gru: [
    [4, 3],
    (tf, k) => [
      tf.layers.gru({
        units: 5,
        recurrentInitializer: tf.initializers.randomNormal({ stddev: 0.3, seed: 9 }),
        ...k(),
      }),
    ],
  ],
  'upsampling, padding': [
    [4, 4, 2],
    (tf, k) => [
      tf.layers.zeroPadding2d({}),
      tf.layers.conv2d({ filters: 3, kernelSize: 3, ...k() }),
      tf.layers.upSampling2d({}),
    ],
  ],
  activations: [
    [6],
    (tf, k) => [
      tf.layers.dense({ units: 8, ...k() }),
      tf.layers.leakyReLU({}),
      tf.layers.dense({ units: 8, activation: 'elu', ...k() }),
      tf.layers.dense({ units: 8, activation: 'selu', ...k() }),
      tf.layers.dense({ units: 8, activation: 'softplus', ...k() }),
      tf.layers.dense({ units: 8, activation: 'sigmoid', ...k() }),
    ],
  ],
};

function build(tf: TensorFlow, name: string): { model: LayersModel; xs: Tensor; ys: Tensor } {
  const [shape, net] = nets[name]!;
  let seed = 10;
  const layers = net(tf, () => ({
    kernelInitializer: tf.initializers.randomNormal({ stddev: 0.4, seed: seed++ }),
  }));
  const model = tf.sequential();
  model.add(tf.layers.inputLayer({ inputShape: shape }));
  for (const layer of layers) model.add(layer);
  if ((model.outputs[0]!.shape.length ?? 0) > 2) model.add(tf.layers.flatten());
  model.add(
    tf.layers.dense({
      units: 3,
      activation: 'softmax',
      kernelInitializer: tf.initializers.randomNormal({ seed: 4 }),
    }),
  );
  model.compile({ optimizer: tf.train.sgd(0.1), loss: 'categoricalCrossentropy' });
  const size = [6, ...shape];
  const xs = tf.tidy(() =>
    name === 'embedding'
      ? tf.floor(tf.randomUniform(size, 0, 7, 'float32', 1))
      : tf.randomNormal(size, 0, 1, 'float32', 1),
  );
  const ys = tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 2, 1, 0, 2], 'int32'), 3).toFloat());
  return { model, xs, ys };
}

/** Two losses, so the second one depends on every gradient of the first step; and the weights after the steps. */
async function train(
  tf: TensorFlow,
  name: string,
  policy: Policy,
): Promise<{ losses: number[]; weights: Float32Array[] }> {
  const { model, xs, ys } = build(tf, name);
  try {
    return await emulate.scope(tf, policy, async () => {
      const losses: number[] = [];
      for (let step = 0; step < 2; step++) losses.push((await model.trainOnBatch(xs, ys)) as number);
      return { losses, weights: model.getWeights().map((w) => Float32Array.from(w.dataSync())) };
    });
  } finally {
    (model.optimizer as unknown as { dispose(): void }).dispose();
    model.dispose();
    tf.dispose([xs, ys]);
  }
}

describe('layers', () => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await wasmBackend();
  });
  afterAll(() => tf.setBackend('wasm'));

  // The cpu backend's gradient of nearest-neighbour resizing is wrong for all images but the first.
  const comparable = Object.keys(nets).filter((name) => name !== 'upsampling, padding');
  test.each(comparable)('%s trains as on the cpu backend', async (name) => {
    await tf.setBackend('wasm');
    const memory = tf.memory().numTensors;
    const wasm = await train(tf, name, { kernels: 'own' });
    expect(tf.memory().numTensors).toBe(memory);
    await cpuBackend();
    const cpu = await train(tf, name, { kernels: 'own' });
    await tf.setBackend('wasm');
    // Other orders of summation and other elementary functions: some rounding errors of 2^-24 each, amplified by a small net.
    const bound = 2 ** -14;
    wasm.losses.forEach((loss, i) => {
      expect(Math.abs(loss - cpu.losses[i]!)).toBeLessThan(bound * Math.abs(cpu.losses[i]!));
    });
    wasm.weights.forEach((weights, i) => {
      const expected = cpu.weights[i]!;
      const norm = Math.hypot(...expected);
      const difference = Math.hypot(...weights.map((w, j) => w - expected[j]!));
      // A bias before a batch norm has gradient 0, of which rounding errors are left.
      expect(difference).toBeLessThanOrEqual(bound * Math.max(norm, bound));
    });
  });

  test.each(Object.keys(nets))(
    '%s: under bfloat16 every result of arithmetic of a rounding role is on the grid',
    async (name) => {
      await tf.setBackend('wasm');
      const { model, xs, ys } = build(tf, name);
      const off: string[] = [];
      const seen = { forward: 0, backward: 0 };
      await emulate.scope(tf, { format: 'bfloat16' }, async () => {
        const end = observeKernels(tf, ({ kernel, role, isArithmetic, results }) => {
          if (!isArithmetic || (role !== 'forward' && role !== 'backward')) return;
          seen[role] += results.length;
          for (const values of results)
            if (!values.every((value) => formats.bfloat16.has(value))) off.push(`${role} ${kernel}`);
        });
        await model.trainOnBatch(xs, ys);
        end();
      });
      expect(off).toEqual([]);
      expect(seen.forward).toBeGreaterThan(1);
      expect(seen.backward).toBeGreaterThan(1);
      model.dispose();
      tf.dispose([xs, ys]);
    },
  );

  test('the gradient of upsampling is the sum over the copies of an element', async () => {
    await tf.setBackend('wasm');
    await emulate.scope(tf, { kernels: 'own' }, () =>
      tf.tidy(() => {
        const dy = tf.randomUniform([3, 4, 6, 2], -9, 9, 'float32', 1).round() as Tensor4D;
        const x = tf.zeros([3, 2, 3, 2]) as Tensor4D;
        const gradient = tf.grad((t) => tf.image.resizeNearestNeighbor(t as Tensor4D, [4, 6]))(x, dy);
        const expected = dy.reshape([3, 2, 2, 3, 2, 2]).sum([2, 4]);
        expect(Array.from(gradient.dataSync())).toEqual(Array.from(expected.dataSync()));
      }),
    );
  });

  test('the gradient of maximum pooling goes to the first largest element of each window', async () => {
    await tf.setBackend('wasm');
    await emulate.scope(tf, { kernels: 'own' }, () =>
      tf.tidy(() => {
        const x = tf.tensor4d([-1, -2, -3, -4, 5, 5, -7, 2, 0], [1, 3, 3, 1]);
        const gradient = tf.grad((t) => tf.maxPool(t as Tensor4D, 2, 1, 'same'))(
          x,
          tf.tensor4d([1, 2, 4, 8, 16, 32, 64, 128, 256], [1, 3, 3, 1]),
        );
        expect(Array.from(gradient.dataSync())).toEqual([0, 0, 0, 0, 27, 36, 0, 192, 256]);
      }),
    );
  });

  test('attention by einsum and a custom gradient train under bfloat16, on the grid', async () => {
    await tf.setBackend('wasm');
    const [n, t, h, d] = [2, 5, 2, 4] as const;
    const variable = (shape: number[], seed: number): Variable =>
      tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, 0.5, 'float32', seed)));
    const [wq, wk, wv] = [1, 2, 3].map((seed) => variable([8, h, d], seed)) as [Variable, Variable, Variable];
    const x = tf.randomNormal([n, t, 8], 0, 1, 'float32', 4);
    const clip = tf.customGrad((y) => ({
      value: (y as Tensor).clone(),
      gradFunc: (dy: Tensor) => tf.clipByValue(dy, -0.1, 0.1),
    }));
    const loss = (): Scalar => {
      const [q, k, v] = [wq, wk, wv].map((w) => tf.einsum('nti,ihd->nthd', x, w)) as [Tensor, Tensor, Tensor];
      const scores = tf.softmax(tf.einsum('nqhd,nkhd->nhqk', q, k));
      return clip(tf.einsum('nhqk,nkhd->nqhd', scores, v))
        .square()
        .mean() as Scalar;
    };
    const off: string[] = [];
    const memory = tf.memory();
    await emulate.scope(tf, { format: 'bfloat16' }, () => {
      const end = observeKernels(tf, ({ kernel, role, isArithmetic, results }) => {
        if (!isArithmetic || (role !== 'forward' && role !== 'backward')) return;
        for (const values of results)
          if (!values.every((value) => formats.bfloat16.has(value))) off.push(`${role} ${kernel}`);
      });
      const optimizer = tf.train.sgd(0.5);
      const before = [wq, wk, wv].map(tensorBits);
      optimizer.minimize(loss, false, [wq, wk, wv]);
      expect([wq, wk, wv].map(tensorBits).every((bits, i) => String(bits) !== String(before[i]))).toBe(true);
      optimizer.dispose();
      end();
    });
    expect(off).toEqual([]);
    expect(tf.memory()).toEqual(memory);
    tf.dispose([wq, wk, wv, x]);
  });

  test('complex numbers are refused at the call', async () => {
    await cpuBackend();
    await emulate.scope(tf, { roles: { other: 'bfloat16' } }, () =>
      tf.tidy(() => {
        expect(() => tf.complex([1], [2]).mul(2)).toThrow(ArgumentError);
        expect(() => tf.fft(tf.complex([1, 2], [2, 1]))).toThrow('complex64');
      }),
    );
    await tf.setBackend('wasm');
  });
});

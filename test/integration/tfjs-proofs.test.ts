/** What must hold over whole programs: the identity format, long runs, everything restored, a program of the public kind. */
import type { Rank, Scalar, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { emulate, type Policy, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { attentionProgram, registryOf, tensorBits } from './tfjs-programs.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** A convolutional net with batch norm and an LSTM, trained by model.fit: the bits of its weights and losses. */
async function trainNet(policy: Policy): Promise<unknown> {
  const seeded = (seed: number) => tf.initializers.randomNormal({ stddev: 0.3, seed });
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 2],
        filters: 4,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: seeded(1),
      }),
      tf.layers.batchNormalization({}),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.reshape({ targetShape: [3, 12] }),
      tf.layers.lstm({ units: 6, kernelInitializer: seeded(2), recurrentInitializer: seeded(3) }),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: seeded(4) }),
    ],
  });
  const optimizer = tf.train.adam(0.01);
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  const xs = tf.randomNormal([40, 8, 8, 2], 0, 1, 'float32', 5);
  const ys = tf.tidy(() => tf.oneHot(tf.range(0, 40, 1, 'int32').mod(3).toInt(), 3).toFloat());
  const run = () =>
    model.fit(xs, ys, { epochs: 2, batchSize: 8, shuffle: false, validationSplit: 0.2, verbose: 0 });
  const { history } = await emulate.scope(tf, policy, run);
  const result = [model.getWeights().map(tensorBits), history];
  model.dispose();
  optimizer.dispose();
  tf.dispose([xs, ys]);
  return result;
}

test('a model.fit with the identity format has the bits of our kernels without a policy', async () => {
  const plain = await trainNet({ kernels: 'own' });
  expect(await trainNet({ format: 'binary32' })).toEqual(plain);
  expect(await trainNet({ format: 'binary32', roles: { optimizer: 'binary32', other: 'binary32' } })).toEqual(
    plain,
  );
  // Clamping infinities takes the whole machinery, and there are none; the accumulator takes that of products.
  expect(await trainNet({ format: 'binary32', saturation: 'finite' })).toEqual(plain);
  expect(await trainNet({ format: 'binary32', log: true, layers: { lstm: 'binary32' } })).toEqual(plain);
  expect(await trainNet({ format: 'binary32', accumulator: { accumulate: 'binary32' } })).toEqual(plain);
});

test('with stock kernels it has the bits of the stock wasm backend', async () => {
  const train = async (policy: Policy | null): Promise<number[][]> => {
    const dense = (seed: number) => tf.initializers.randomNormal({ stddev: 0.3, seed });
    const model = tf.sequential({
      layers: [
        tf.layers.lstm({
          inputShape: [4, 3],
          units: 6,
          kernelInitializer: dense(1),
          recurrentInitializer: dense(2),
        }),
        tf.layers.layerNormalization({}),
        tf.layers.dense({ units: 2, kernelInitializer: dense(3) }),
      ],
    });
    const optimizer = tf.train.adam(0.01);
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const [xs, ys] = [
      tf.randomNormal([24, 4, 3], 0, 1, 'float32', 5),
      tf.randomNormal([24, 2], 0, 1, 'float32', 6),
    ];
    const run = () => model.fit(xs, ys, { epochs: 2, batchSize: 8, shuffle: false, verbose: 0 });
    await (policy === null ? run() : emulate.scope(tf, policy, run));
    const bits = model.getWeights().map(tensorBits);
    model.dispose();
    optimizer.dispose();
    tf.dispose([xs, ys]);
    return bits;
  };
  const stock = await train(null);
  expect(await train({ format: 'binary32', kernels: 'stock' })).toEqual(stock);
  expect(await train({ format: 'binary32', kernels: { implementation: 'stock' } })).toEqual(stock);
  expect(await train({ format: 'binary32', saturation: 'finite', kernels: 'stock' })).toEqual(stock);
});

test('nested scopes with every feature leave nothing behind', async () => {
  const kernels = registryOf(tf);
  const engine = tf.engine() as unknown as Record<string, unknown>;
  const seen = (): unknown[] => [
    Object.getOwnPropertyNames(engine).sort(),
    engine['addTapeNode'],
    tf.layers.Layer.prototype.apply,
    tf.SGDOptimizer.prototype.applyGradients,
    tf.getGradient('Einsum'),
    tf.memory(),
    tf.backend().numDataIds(),
  ];
  const { variables, loss, dispose } = attentionProgram(tf);
  const before = seen();
  const block = {
    format: 'e2m1',
    scale: { per: 'block', size: 4, from: 'absmax' },
    rounding: 'stochastic',
  } as const;
  const outer: Policy = { format: 'bfloat16', inputs: block, accumulator: 'binary16', log: true };
  const inner: Policy = { format: 'e5m2', rounding: 'stochastic', fused: 'decomposed', layers: { x: null } };
  const gradients = (): void =>
    tf.dispose(Object.values(tf.tidy(() => tf.variableGrads(loss, variables)) as never));
  await emulate.scope(tf, outer, async () => {
    gradients();
    await emulate.scope(tf, inner, gradients);
    await expect(
      emulate.scope(tf, { format: 'binary16' }, () => Promise.reject(new Error('stop'))),
    ).rejects.toThrow();
    gradients();
  });
  expect(seen()).toEqual(before);
  for (const [name, config] of registryOf(tf)) expect(config).toBe(kernels.get(name));
  dispose();
});

test('memory does not grow over 1000 steps', async () => {
  const w = tf.tidy(() =>
    tf.variable(tf.randomNormal([3, 3, 2, 3], 0, 0.3, 'float32', 1)),
  ) as Variable<Rank.R4>;
  const v = tf.tidy(() => tf.variable(tf.randomNormal([3, 2], 0, 0.3, 'float32', 2))) as Variable;
  const x = tf.randomNormal([4, 6, 6, 2], 0, 1, 'float32', 3) as Tensor4D;
  const loss = (): Scalar =>
    tf
      .einsum('nc,cd->nd', tf.relu(tf.conv2d(x, w, 2, 'same')).mean([1, 2]), v)
      .square()
      .mean() as Scalar;
  const optimizer = tf.train.momentum(0.01, 0.9);
  const wasm = (tf.backend() as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } }).wasm.asm;
  const policy: Policy = {
    format: 'e4m3fn',
    saturation: 'finite',
    rounding: 'stochastic',
    accumulator: 'bfloat16',
  };
  await emulate.scope(tf, policy, () => {
    const step = (): void => void optimizer.minimize(loss, false, [w, v]);
    for (let i = 0; i < 10; i++) step();
    const state = (): unknown[] => [tf.memory(), tf.backend().numDataIds(), wasm.memory.buffer.byteLength];
    const before = state();
    for (let i = 0; i < 1000; i++) step();
    expect(state()).toEqual(before);
  });
  optimizer.dispose();
  tf.dispose([w, v, x]);
});

describe('a program of the kind that tutorials have', () => {
  /** Curve fitting with tf.train and tidy, as if written for TensorFlow.js alone. */
  async function tutorial(): Promise<{ coefficients: number[]; loss: number }> {
    const truth = { a: -0.8, b: -0.2, c: 0.9, d: 0.5 };
    const xs = tf.linspace(-1, 1, 100);
    const ys = tf.tidy(() =>
      xs.pow(3).mul(truth.a).add(xs.square().mul(truth.b)).add(xs.mul(truth.c)).add(truth.d),
    );
    const [a, b, c, d] = [0.1, 0.3, -0.2, 0].map((value) => tf.variable(tf.scalar(value)));
    const predict = (x: Tensor): Tensor =>
      tf.tidy(() => a!.mul(x.pow(3)).add(b!.mul(x.square())).add(c!.mul(x)).add(d!));
    const optimizer = tf.train.sgd(0.5);
    for (let i = 0; i < 150; i++)
      optimizer.minimize(() => tf.losses.meanSquaredError(ys, predict(xs)) as Scalar);
    const loss = tf.tidy(
      () => (tf.losses.meanSquaredError(ys, predict(xs)) as Scalar).dataSync()[0]!,
    ) as never as number;
    const coefficients = [a, b, c, d].map((v) => v!.dataSync()[0]!);
    tf.dispose([xs, ys, a!, b!, c!, d!]);
    optimizer.dispose();
    return { coefficients, loss };
  }

  test('runs unchanged after one added line, and is rounded', async () => {
    const plain = await tutorial();
    const emulation = await emulate(tf, { format: 'bfloat16', roles: { optimizer: 'bfloat16' } });
    const emulated = await tutorial();
    emulation.stop();
    expect(plain.loss).toBeLessThan(0.001);
    expect(emulated.loss).toBeLessThan(0.01);
    expect(emulated.coefficients.every((x) => formats.bfloat16.has(x))).toBe(true);
    expect(plain.coefficients.every((x) => formats.bfloat16.has(x))).toBe(false);
    expect(await tutorial()).toEqual(plain);
  });
});

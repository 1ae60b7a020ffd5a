/** Loss scaling: exact where nothing overflows, skipping and halving where something does, in loops and in model.fit. */
import type { Scalar, Variable } from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { emulate, lossScaling, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { denseProgram, tensorBits } from './tfjs-programs.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const variable = (values: number[]): Variable => tf.tidy(() => tf.variable(tf.tensor1d(values)));

test('gradients in float32 have the bits that they have without it', () => {
  const w = variable([1.25, -0.3, 7]);
  const loss = (): Scalar => w.square().mul(w).sum() as Scalar;
  const plain = tf.variableGrads(loss, [w]);
  const scaling = lossScaling(tf, { initial: 1024 });
  const scaled = scaling.variableGrads(loss, [w]);
  expect(scaled.finite).toBe(true);
  expect(tensorBits(scaled.value)).toEqual(tensorBits(plain.value));
  expect(tensorBits(Object.values(scaled.grads)[0]!)).toEqual(tensorBits(Object.values(plain.grads)[0]!));
  tf.dispose([plain.value, plain.grads, scaled.value, scaled.grads, w] as never);
});

test('gradients below the smallest number of binary16 are lost without it, and kept with it', async () => {
  const w = variable([1, -2]);
  const loss = (): Scalar =>
    w
      .mul(2 ** -15)
      .mul(2 ** -15)
      .sum() as Scalar;
  await emulate.scope(tf, { format: 'binary16', roles: { forward: null } }, () => {
    const gradientOf = (initial: number): number[] => {
      const { value, grads } = lossScaling(tf, { initial }).variableGrads(loss, [w]);
      const [gradient] = Object.values(grads).map((g) => Array.from(g.dataSync()));
      tf.dispose([value, grads] as never);
      return gradient!;
    };
    expect(gradientOf(1)).toEqual([0, 0]);
    expect(gradientOf(2 ** 15)).toEqual([2 ** -30, 2 ** -30]);
  });
  w.dispose();
});

test('a step that is not finite is left out and halves the scale; finite ones double it', async () => {
  const w = variable([1]);
  const optimizer = tf.train.sgd(2 ** -4);
  const scaling = lossScaling(tf, { initial: 2 ** 15, growthInterval: 3, largest: 2 ** 15 });
  const memory = tf.memory();
  await emulate.scope(tf, { format: 'binary16' }, () => {
    const step = (): void => void scaling.minimize(optimizer, () => w.mul(8).sum() as Scalar, false, [w]);
    // 8 x 2^15 and 8 x 2^14, 2^13 overflow binary16.
    const scales: number[] = [];
    const weights: number[] = [];
    for (let i = 0; i < 9; i++) {
      step();
      scales.push(Math.log2(scaling.scale));
      weights.push(w.dataSync()[0]!);
    }
    expect(scales).toEqual([14, 13, 12, 12, 12, 13, 12, 12, 12]);
    expect(weights).toEqual([1, 1, 1, 0.5, 0, -0.5, -0.5, -1, -1.5]);
    expect(scaling.state).toEqual({ scale: 2 ** 12, finiteSteps: 2, skipped: 4 });
    const saved = JSON.parse(JSON.stringify(scaling.state)) as typeof scaling.state;
    const other = lossScaling(tf);
    other.restore(saved);
    expect(other.state).toEqual(saved);
  });
  expect(tf.memory()).toEqual(memory);
  const fixed = lossScaling(tf, { initial: 4, dynamic: false });
  const bad = fixed.variableGrads(() => w.mul(Number.POSITIVE_INFINITY).sum() as Scalar, [w]);
  expect([bad.finite, fixed.scale, fixed.state.skipped]).toEqual([false, 4, 1]);
  tf.dispose([bad.value, bad.grads, w] as never);
  optimizer.dispose();
});

test('model.fit with a wrapped optimiser in float32 has the bits that it has without', async () => {
  const train = async (scaled: boolean): Promise<number[][]> => {
    const { model, xs, ys, dispose } = denseProgram(tf);
    const optimizer = tf.train.adam(0.01);
    const scaling = lossScaling(tf, { initial: 256, growthInterval: 2 });
    model.compile({
      optimizer: scaled ? scaling.wrap(optimizer) : optimizer,
      loss: 'categoricalCrossentropy',
    });
    await emulate.scope(tf, { kernels: 'own' }, () =>
      model.fit(xs, ys, { epochs: 2, batchSize: 16, shuffle: false, verbose: 0 }),
    );
    expect(scaling.scale).toBe(scaled ? 2048 : 256);
    const bits = model.getWeights().map(tensorBits);
    dispose();
    optimizer.dispose();
    return bits;
  };
  expect(await train(true)).toEqual(await train(false));
});

test.each([
  [{ initial: 3 }, 'initial'],
  [{ initial: 0 }, 'initial'],
  [{ initial: 2 ** 30 }, 'initial'],
  [{ growthInterval: 0 }, 'growthInterval'],
  [{ smallest: -1 }, 'smallest'],
])('wrong options %j are refused by name', (options, name) => {
  expect(() => lossScaling(tf, options)).toThrow(ArgumentError);
  expect(() => lossScaling(tf, options)).toThrow(name);
});

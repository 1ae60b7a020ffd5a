/** Statistics, counters and element counts are those of float32 under emulation; nothing of the user is written to. */
import type { NamedTensorMap, Scalar, Tensor, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { round } from '../../src/index.ts';
import { cpuBackend, emulate, type Policy, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { inForward, narrow } from './tfjs-float32.ts';
import { tensorBits } from './tfjs-programs.ts';

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('on the %s backend', (_, load) => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await load();
  });

  describe('statistics', () => {
    const decay = 0.99;
    const batchNorm = async (policy: Policy | null, loop: 'fit' | 'own'): Promise<number[][]> => {
      const model = tf.sequential({
        layers: [
          tf.layers.batchNormalization({ inputShape: [2], momentum: decay }),
          tf.layers.dense({ units: 1, kernelInitializer: 'ones' }),
        ],
      });
      const optimizer = tf.train.sgd(0.125);
      model.compile({ optimizer, loss: 'meanSquaredError' });
      const xs = tf.tensor2d([1, 5, 2, 7, 3, 4, 8, 2.5], [4, 2]);
      const ys = tf.tensor2d([1, 2, 3, 4], [4, 1]);
      const run = async (): Promise<void> => {
        if (loop === 'fit') await model.fit(xs, ys, { epochs: 30, shuffle: false, verbose: 0 });
        else
          for (let i = 0; i < 30; i++)
            optimizer.minimize(() =>
              tf.losses.meanSquaredError(ys, model.apply(xs, { training: true }) as Tensor),
            );
      };
      await (policy === null ? run() : emulate.scope(tf, policy, run));
      const moving = model.getWeights().slice(-2).length === 2 ? model.layers[0]!.getWeights().slice(2) : [];
      const bits = moving.map(tensorBits);
      model.dispose();
      optimizer.dispose();
      tf.dispose([xs, ys]);
      return bits;
    };

    test.each(['fit', 'own'] as const)(
      'moving mean and variance are those of float32 in %s',
      async (loop) => {
        const exact = await batchNorm(null, loop);
        for (const policy of narrow) expect(await batchNorm(policy, loop)).toEqual(exact);
        const rounded = await batchNorm({ format: 'bfloat16', roles: { statistics: {} } }, loop);
        expect(rounded).not.toEqual(exact);
        for (const values of rounded)
          expect(
            [...new Float32Array(Uint32Array.from(values).buffer)].every((x) => formats.bfloat16.has(x)),
          ).toBe(true);
      },
    );

    test.each(narrow)('counters and averages of loops of one’s own are float32: %j', async (policy) => {
      const run = (): number[][] => {
        const variable = (values: number | number[], trainable: boolean): Variable =>
          tf.tidy(() => tf.variable(tf.tensor(values), trainable));
        const count = variable(255, false);
        const steps = variable(255, true);
        const average = variable([0.1, 0.2], false);
        const moved = variable([0.1, 0.2, 0.3], false);
        const weight = variable([1, 1], true);
        const x = tf.tensor2d([1, 2, 3, 5, 7, 11], [3, 2]);
        const optimizer = tf.train.sgd(0.1);
        for (let step = 0; step < 5; step++)
          optimizer.minimize(
            () => {
              count.assign(count.add(1));
              // Nobody said that it is not trained.
              steps.assign(steps.add(1));
              average.assign(average.mul(0.9).add(x.mean(0).mul(0.1)));
              const sums = x.sum(1) as never;
              moved.assign(tf.movingAverage(moved as never, sums, 0.99, undefined, false) as Tensor);
              return tf.losses.meanSquaredError(tf.zeros([3, 2]), x.mul(weight)) as Scalar;
            },
            false,
            [weight],
          );
        const bits = [count, steps, average, moved].map(tensorBits);
        tf.dispose([count, steps, average, moved, weight, x]);
        optimizer.dispose();
        return bits;
      };
      const exact = run();
      const memory = tf.memory();
      expect(await emulate.scope(tf, policy, run)).toEqual(exact);
      expect(tf.memory()).toEqual(memory);
    });

    test('a layer of one’s own keeps its state in float32, in fit and in predict', async () => {
      class Running extends tf.layers.Layer {
        static className = 'Running';
        total: { read(): Tensor; write(value: Tensor): unknown } | undefined;
        override build(shape: number[]): void {
          this.total = this.addWeight(
            'total',
            [shape[1]!],
            'float32',
            tf.initializers.zeros(),
            undefined,
            false,
          ) as never;
          super.build(shape);
        }
        override call(inputs: Tensor | Tensor[]): Tensor {
          return tf.tidy(() => {
            const x = Array.isArray(inputs) ? inputs[0]! : inputs;
            const total = this.total!.read();
            this.total!.write(total.mul(0.9).add(x.sum(0).mul(0.3)));
            return x.mul(1);
          });
        }
      }
      const run = async (): Promise<number[]> => {
        const layer = new Running({ inputShape: [2] } as never);
        const model = tf.sequential({
          layers: [layer, tf.layers.dense({ units: 1, kernelInitializer: 'ones' })],
        });
        model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
        const [xs, ys] = [tf.tensor2d([1, 2, 3, 5], [2, 2]), tf.tensor2d([1, 2], [2, 1])];
        await model.fit(xs, ys, { epochs: 3, verbose: 0 });
        tf.dispose(model.predict(xs));
        const bits = tensorBits(layer.getWeights()[0]!);
        model.dispose();
        tf.dispose([xs, ys]);
        return bits;
      };
      const exact = await run();
      const emulated = await emulate.scope(tf, { format: 'bfloat16' }, run);
      expect(emulated).toEqual(exact);
      expect(await emulate.scope(tf, { format: 'bfloat16', roles: { statistics: {} } }, run)).not.toEqual(
        exact,
      );
    });
  });

  describe('element counts', () => {
    const size = 102_400;
    test('the mean of many elements has its value and gradient in binary16 and e4m3fn', async () => {
      const [x, target] = [tf.fill([size], 2), tf.zeros([size])];
      for (const policy of [{ format: 'binary16' }, { format: 'e4m3fn', saturation: 'finite' }] as const) {
        await emulate.scope(tf, policy, () =>
          tf.tidy(() => {
            const { value, grad } = tf.valueAndGrad((y) => tf.losses.meanSquaredError(target, y))(x);
            expect(value.dataSync()[0]).toBe(4);
            expect(grad.dataSync()[7]).toBe(Math.fround(4 / size));
            // A mean that is part of the model: its count is exact, its gradient a number of the format.
            const mean = tf.grad((y) => y.mean())(x, tf.scalar(256));
            expect(mean.dataSync()[7]).toBe(round(Float32Array.of(256 / size), policy.format)[0]);
            const axes = tf.grad((y) => (y as Tensor2D).mean(1))(x.reshape([2, size / 2]), tf.fill([2], 256));
            expect(axes.dataSync()[7]).toBe(round(Float32Array.of(512 / size), policy.format)[0]);
          }),
        );
      }
      tf.dispose([x, target]);
    });

    test('global pooling divides by its count', async () => {
      const layer = tf.layers.globalAveragePooling2d({});
      const x = tf.ones([1, 25, 41, 1]);
      await emulate.scope(tf, { format: 'e4m3fn', saturation: 'finite' }, () =>
        tf.tidy(() => {
          const gradient = tf.grad((y) => layer.apply(y) as Tensor)(x, tf.fill([1, 1], 256));
          expect(gradient.dataSync()[3]).toBe(0.25);
        }),
      );
      x.dispose();
    });
  });

  test('predict and evaluate inside a gradient are part of it', async () => {
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 1, inputShape: [1], kernelInitializer: 'ones' })],
    });
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const x = tf.tensor2d([[1 + 2 ** -12]]);
    const predicted = (): number => (model.predict(x) as Tensor).dataSync()[0]!;
    await emulate.scope(tf, { format: 'bfloat16', roles: { predict: null } }, () => {
      expect(inForward(tf, predicted)).toBe(1);
      expect(tf.tidy(() => predicted() as never)).toBe(1 + 2 ** -12);
      expect(inForward(tf, () => (model.evaluate(x, tf.tensor2d([[1]])) as Scalar).dataSync()[0])).toBe(0);
    });
    await emulate.scope(tf, { format: 'bfloat16', roles: { forward: null } }, () => {
      expect(inForward(tf, predicted)).toBe(1 + 2 ** -12);
      expect(tf.tidy(() => predicted() as never)).toBe(1);
    });
    model.dispose();
    x.dispose();
  });

  test('an optimiser whose update calls another’s makes one step', async () => {
    class Twice extends tf.SGDOptimizer {
      override applyGradients(gradients: NamedTensorMap): void {
        super.applyGradients(gradients);
      }
    }
    const w = tf.variable(tf.scalar(1));
    const optimizer = new Twice(0.1);
    const emulation = await emulate(tf, { format: 'bfloat16', log: true });
    for (let i = 0; i < 3; i++) optimizer.minimize(() => w.square() as Scalar, false, [w as Variable]);
    emulation.stop();
    expect([...new Set(emulation.log!.heatMap('underflow').map(({ step }) => step))]).toEqual([0, 1, 2]);
    w.dispose();
    optimizer.dispose();
  });

  test('rounding writes to no tensor of the user', async () => {
    const x = tf.tensor2d([1.1, 2.2, 3.3, 4.4], [2, 2]);
    const before = tensorBits(x);
    const kernels = {
      Slice: {},
      SplitV: {},
      Unpack: {},
      Reshape: {},
      Cast: {},
      Identity: {},
      StridedSlice: {},
    };
    const policy: Policy = { format: 'e4m3fn', kernels: { ...kernels, Sum: {} } as never };
    await emulate.scope(tf, policy, () => {
      inForward(tf, () => {
        for (const y of [
          x.slice([0, 0], [1, 2]),
          x.slice([0, 0], [2, 2]),
          ...tf.split(x, 2),
          ...tf.unstack(x),
          x.reshape([4]),
          x.toFloat(),
          x.clone(),
          tf.avgPool(x.reshape([1, 2, 2, 1]) as Tensor4D, 1, 1, 'same'),

          tf.tensor1d([1000, 1001], 'int32').toFloat(),
        ])
          y.dataSync();
      });
    });
    expect(tensorBits(x)).toEqual(before);
    x.dispose();
  });
});

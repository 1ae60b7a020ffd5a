/**
 * A program means under emulation what it meant: ids, labels, losses, metrics, statistics and counts are those of float32, in
 * `fit`, in loops of one's own and in gradients, while the arithmetic of the model is rounded.
 */
import type {
  LayersModel,
  NamedTensorMap,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor4D,
  Variable,
} from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { formats, toFormat } from '../../src/formats/index.ts';
import { round } from '../../src/index.ts';
import {
  cpuBackend,
  emulate,
  inRole,
  type Policy,
  type TensorFlow,
  wasmBackend,
} from '../../src/tfjs/index.ts';
import { bitsOf, tensorBits } from './tfjs-programs.ts';

const narrow: Policy[] = [
  { format: 'bfloat16' },
  { format: 'binary16' },
  { format: 'e4m3fn', saturation: 'finite' },
  { format: 'e5m2', rounding: 'stochastic', seed: 3 },
];

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('on the %s backend', (_, load) => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await load();
  });

  /** A value computed in the role `forward`. */
  const inForward = <T>(fn: () => T): T => {
    let value: T | undefined;
    tf.tidy(() => {
      tf.grad((x) => {
        value = fn();
        return x.square();
      })(tf.scalar(1));
    });
    return value as T;
  };

  const bitsUnder = (policy: Policy | null, fn: () => Tensor): Promise<number[]> => {
    const run = (): number[] => inForward(() => tensorBits(fn()));
    return policy === null ? Promise.resolve(run()) : emulate.scope(tf, policy, run);
  };

  describe('ids, labels and indices', () => {
    const rows = 20_001;
    const ids = [0, 1, 255, 256, 257, 999, 4097, 20_000];

    const embeddingModel = (): LayersModel => {
      const table = tf.tidy(() => tf.range(0, rows).reshape([rows, 1]).mod(61).div(64));
      const layer = tf.layers.embedding({ inputDim: rows, outputDim: 1, inputLength: ids.length });
      const model = tf.sequential({ layers: [layer] });
      layer.setWeights([table]);
      table.dispose();
      return model;
    };

    test.each(narrow)('an embedding reads the rows of its ids: %j', async (policy) => {
      const model = embeddingModel();
      const expected = ids.map((id) => (id % 61) / 64);
      for (const dtype of ['int32', 'float32'] as const) {
        const xs = tf.tensor2d(ids, [1, ids.length], dtype);
        await emulate.scope(tf, policy, () => {
          const rowsOf = (output: Tensor): number[] => Array.from(output.dataSync());
          expect(tf.tidy(() => rowsOf(model.predict(xs) as Tensor))).toEqual(expected);
          expect(inForward(() => rowsOf(model.apply(xs) as Tensor))).toEqual(expected);
        });
        xs.dispose();
      }
      model.dispose();
    });

    test.each(narrow)('fit updates the rows of its ids and no other: %j', async (policy) => {
      const model = embeddingModel();
      const [before] = model.getWeights().map((w) => Float32Array.from(w.dataSync()));
      model.compile({ optimizer: tf.train.sgd(1), loss: 'meanSquaredError' });
      const xs = tf.tensor2d(ids, [1, ids.length], 'int32');
      const ys = tf.ones([1, ids.length, 1]);
      await emulate.scope(tf, policy, () => model.fit(xs, ys, { epochs: 1, verbose: 0 }));
      const after = model.getWeights()[0]!.dataSync();
      const changed = [...after.keys()].filter((i) => after[i] !== before![i]);
      expect(changed).toEqual(ids);
      model.dispose();
      tf.dispose([xs, ys]);
    });

    test.each(narrow)('sparse labels and accuracy are those of float32: %j', async (policy) => {
      const classes = 1000;
      const model = tf.sequential({
        layers: [tf.layers.prelu({ inputShape: [classes] })],
      });
      model.compile({
        optimizer: tf.train.sgd(0),
        loss: 'sparseCategoricalCrossentropy',
        metrics: ['accuracy'],
      });
      const labels = [257, 255, 256, 999];
      const outputs = tf.tidy(() =>
        tf
          .oneHot(tf.tensor1d([257, 255, 257, 999], 'int32'), classes)
          .toFloat()
          .mul(0.75)
          .add(2 ** -12),
      );
      const xs = tf.tensor2d(round(outputs.dataSync() as Float32Array, policy.format!), [4, classes]);
      const ys = tf.tensor2d(labels, [4, 1]);
      const exact = (model.evaluate(xs, ys) as Scalar[]).map((t) => t.dataSync()[0]!);
      expect(exact[1]).toBe(0.75);
      await emulate.scope(tf, policy, async () => {
        expect((model.evaluate(xs, ys) as Scalar[]).map((t) => t.dataSync()[0]!)).toEqual(exact);
        expect(await model.trainOnBatch(xs, ys)).toEqual(exact);
        const options = {
          epochs: 1,
          shuffle: false,
          verbose: 0,
          validationData: [xs, ys] as [Tensor, Tensor],
        };
        const { history } = await model.fit(xs, ys, options);
        expect([history['loss'], history['acc'], history['val_loss'], history['val_acc']].flat()).toEqual([
          ...exact,
          ...exact,
        ]);
      });
      model.dispose();
      tf.dispose([outputs, xs, ys]);
    });

    test.each(narrow)(
      'kernels that carry values give in a gradient what they give without emulation: %j',
      async (policy) => {
        const whole = tf.tensor2d([257, 1001, 4099, 20_001], [2, 2]);
        const part = tf.tensor2d([257.3, -1000.7, 0.1, 19_999.9], [2, 2]);
        const indices = tf.tensor1d([1, 0], 'int32');
        const carrying: Record<string, (x: Tensor2D) => Tensor> = {
          cast: (x) => x.toInt().toFloat(),
          reshape: (x) => x.reshape([4]),
          expandDims: (x) => x.expandDims(0),
          transpose: (x) => x.transpose(),
          slice: (x) => x.slice([0, 1], [2, 1]),
          stridedSlice: (x) => x.stridedSlice([0, 0], [2, 2], [1, 2]),
          split: (x) => tf.split(x, 2, 1)[1]!,
          concat: (x) => tf.concat([x, x], 1),
          stack: (x) => tf.stack([x, x]),
          unstack: (x) => tf.unstack(x)[1]!,
          tile: (x) => x.tile([2, 1]),
          reverse: (x) => x.reverse(1),
          gather: (x) => x.gather(indices),
          gatherND: (x) => tf.gatherND(x, tf.tensor2d([1, 0], [1, 2], 'int32')),
          pad: (x) =>
            x.pad(
              [
                [1, 1],
                [0, 0],
              ],
              259,
            ),
          mirrorPad: (x) =>
            tf.mirrorPad(
              x,
              [
                [0, 0],
                [1, 1],
              ],
              'symmetric',
            ),
          where: (x) => tf.where(x.greater(258), x, tf.zerosLike(x)),
          floor: (x) => x.floor(),
          ceil: (x) => x.ceil(),
          round: (x) => x.round(),
          max: (x) => x.max(1),
          minimum: (x) => tf.minimum(x, 20_000.5),
          topk: (x) => tf.topk(x, 1).values,
          relu: (x) => x.relu(),
          argMax: (x) => x.argMax(1),
          equal: (x) => tf.equal(x, 257),
          greater: (x) => x.greater(256),
          oneHot: (x) => tf.oneHot(x.toInt().flatten() as Tensor1D, 300),
          range: () => tf.range(250, 300),
          fill: () => tf.fill([3], 0.1),
          meanOfBool: (x) => x.greater(257).mean(),
          resize: (x) => tf.image.resizeNearestNeighbor(x.reshape([1, 2, 2, 1]), [4, 4]),
        };
        for (const [name, fn] of Object.entries(carrying))
          for (const x of [whole, part])
            expect([name, await bitsUnder(policy, () => fn(x))]).toEqual([
              name,
              await bitsUnder(null, () => fn(x)),
            ]);
        // Clipping chooses among whole numbers, and computes with others.
        const clip = (x: Tensor): Tensor => x.clipByValue(0, 19_999);
        expect(await bitsUnder(policy, () => clip(whole))).toEqual(await bitsUnder(null, () => clip(whole)));
        const clipped = await emulate.scope(tf, policy, () => inForward(() => clip(part).dataSync()));
        expect(clipped.every((value) => toFormat(policy.format!).has(value))).toBe(true);
        tf.dispose([whole, part, indices]);
      },
    );

    test('a rule for a kernel by its name is heard', async () => {
      const x = tf.tensor1d([257, 3]);
      await emulate.scope(tf, { format: 'bfloat16', kernels: { Reverse: {} } }, () => {
        expect(inForward(() => Array.from(x.reverse().dataSync()))).toEqual([3, 256]);
        expect(inForward(() => Array.from(x.reshape([2, 1]).dataSync()))).toEqual([257, 3]);
      });
      x.dispose();
    });
  });

  describe('losses, metrics, regularisers', () => {
    /** Outputs on every grid, targets, and what makes a distribution of the outputs. */
    const data = (): { outputs: Tensor2D; targets: Tensor2D; probabilities: Tensor2D; labels: Tensor2D } => ({
      outputs: tf.tensor2d([1, -2, 0.5, 3, 0.25, -1, 2, 0, 1.5], [3, 3]),
      targets: tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]),
      probabilities: tf.tensor2d([0.5, 0.25, 0.25, 0, 1, 0, 0.125, 0.375, 0.5], [3, 3]),
      labels: tf.tensor2d([0, 1, 2], [3, 1]),
    });

    const core: Record<string, (t: Tensor2D, y: Tensor2D) => Tensor> = {
      absoluteDifference: (t, y) => tf.losses.absoluteDifference(t, y),
      cosineDistance: (t, y) => tf.losses.cosineDistance(t, y, 1),
      hingeLoss: (t, y) => tf.losses.hingeLoss(t, y),
      huberLoss: (t, y) => tf.losses.huberLoss(t, y),
      logLoss: (t, y) => tf.losses.logLoss(t, y),
      meanSquaredError: (t, y) => tf.losses.meanSquaredError(t, y),
      weighted: (t, y) => tf.losses.meanSquaredError(t, y, [[0.1], [0], [0.7]]),
      sigmoidCrossEntropy: (t, y) => tf.losses.sigmoidCrossEntropy(t, y, undefined, 0.1),
      softmaxCrossEntropy: (t, y) => tf.losses.softmaxCrossEntropy(t, y, undefined, 0.1),
      ...Object.fromEntries(
        (
          [
            'meanSquaredError',
            'meanAbsoluteError',
            'meanAbsolutePercentageError',
            'categoricalCrossentropy',
            'binaryCrossentropy',
            'cosineProximity',
          ] as const
        ).map((name) => [`metrics.${name}`, (t: Tensor2D, y: Tensor2D) => tf.metrics[name](t, y)]),
      ),
    };

    test.each(narrow)('values and gradients of losses have the bits of float32: %j', async (policy) => {
      const { outputs, targets, probabilities } = data();
      const compute = (): Record<string, number[][]> =>
        Object.fromEntries(
          Object.entries(core).map(([name, loss]) => {
            const y = /log|categorical|binary/i.test(name) ? probabilities : outputs;
            return tf.tidy(() => {
              const weight = tf.scalar(0.3);
              const { value, grad } = tf.valueAndGrad((x) =>
                loss(targets, x as Tensor2D)
                  .mean()
                  .mul(weight)
                  .add(0.1),
              )(y);
              return [name, [tensorBits(value), tensorBits(grad)]] as never;
            });
          }),
        );
      const exact = compute();
      expect(await emulate.scope(tf, policy, compute)).toEqual(exact);
      const rounded = await emulate.scope(tf, { ...policy, roles: { loss: {} } }, compute);
      expect(rounded['softmaxCrossEntropy']).not.toEqual(exact['softmaxCrossEntropy']);
      const unnamed = await emulate.scope(tf, { ...policy, layers: { '': {} } }, compute);
      expect(unnamed).toEqual(rounded);
      tf.dispose([outputs, targets, probabilities]);
    });

    const lossNames = [
      'meanSquaredError',
      'meanAbsoluteError',
      'meanAbsolutePercentageError',
      'meanSquaredLogarithmicError',
      'squaredHinge',
      'hinge',
      'categoricalHinge',
      'logcosh',
      'categoricalCrossentropy',
      'binaryCrossentropy',
      'kullbackLeiblerDivergence',
      'poisson',
      'cosineProximity',
    ] as const;

    test.each(narrow)(
      'fit, fitDataset, trainOnBatch and evaluate report losses and metrics of float32: %j',
      async (policy) => {
        // Positive, so that no gradient is beyond the range of the backward pass.
        const targets = tf.tensor2d([0.75, 0.125, 0.125, 0.25, 0.5, 0.25, 0.125, 0.125, 0.75], [3, 3]);
        const probabilities = tf.tensor2d([0.5, 0.25, 0.25, 0.125, 0.75, 0.125, 0.125, 0.375, 0.5], [3, 3]);
        for (const loss of lossNames) {
          // The identity as a layer with weights, so that there is something to train.
          const dense = tf.layers.dense({
            units: 3,
            inputShape: [3],
            kernelInitializer: tf.initializers.identity({}),
            kernelRegularizer: tf.regularizers.l1l2({ l1: 0.01, l2: 0.03 }),
          });
          const model = tf.sequential({ layers: [dense] });
          const metrics = ['accuracy', 'mse', tf.metrics.categoricalCrossentropy];
          model.compile({ optimizer: tf.train.sgd(0), loss, metrics });
          const batch = { xs: probabilities, ys: targets };
          const report = async (): Promise<number[][]> => {
            const evaluated = (model.evaluate(probabilities, targets) as Scalar[]).map(
              (t) => t.dataSync()[0]!,
            );
            const trained = (await model.trainOnBatch(probabilities, targets)) as number[];
            const clones = () => ({ xs: batch.xs.clone(), ys: batch.ys.clone() });
            const dataset = tf.data.generator(function* () {
              yield clones();
            } as never);
            const { history } = await model.fitDataset(dataset as never, {
              epochs: 1,
              verbose: 0,
              validationData: [probabilities, targets],
            });
            const ofDataset = (await model.evaluateDataset(
              tf.data.generator(function* () {
                yield clones();
              } as never) as never,
              {},
            )) as Scalar[];
            return [
              evaluated,
              trained,
              Object.values(history).flat() as number[],
              ofDataset.map((t) => t.dataSync()[0]!),
            ];
          };
          const exact = await report();
          expect([loss, await emulate.scope(tf, policy, report)]).toEqual([loss, exact]);
          expect(exact[0]!.every((value) => Number.isFinite(value))).toBe(true);
          model.dispose();
        }
        tf.dispose([targets, probabilities]);
      },
    );

    test('the gradient that reaches the outputs in fit is that of float32, and is rounded by what reads it', async () => {
      const kernel = [
        [1, 0],
        [0, 1],
      ];
      const train = async (policy: Policy): Promise<number[]> => {
        const layer = tf.layers.dense({ units: 2, inputShape: [2], useBias: false });
        const model = tf.sequential({ layers: [layer] });
        layer.setWeights([tf.tensor2d(kernel)]);
        model.compile({ optimizer: tf.train.sgd(1), loss: 'meanSquaredError' });
        const [xs, ys] = [tf.tensor2d([[1, 2]]), tf.tensor2d([[0.3, -0.7]])];
        await emulate.scope(tf, policy, () => model.fit(xs, ys, { epochs: 1, verbose: 0 }));
        const after = Array.from(model.getWeights()[0]!.dataSync());
        model.dispose();
        tf.dispose([xs, ys]);
        return after;
      };
      const gradient = [1 - Math.fround(0.3), 2 - Math.fround(-0.7)].map(Math.fround);
      const rounded = round(Float32Array.from(gradient), 'bfloat16');
      const product = [rounded[0]!, rounded[1]!, rounded[0]! * 2, rounded[1]! * 2];
      expect(await train({ format: 'bfloat16' })).toEqual(
        kernel.flat().map((w, i) => Math.fround(w - product[i]!)),
      );
    });

    test('the gradient of a regulariser reaches the weight in float32, beside that of the model', async () => {
      const train = async (policy: Policy): Promise<number> => {
        const layer = tf.layers.dense({
          units: 1,
          inputShape: [1],
          useBias: false,
          kernelInitializer: 'ones',
          kernelRegularizer: tf.regularizers.l2({ l2: 2 ** -13 }),
        });
        const model = tf.sequential({ layers: [layer] });
        model.compile({ optimizer: tf.train.sgd(1), loss: 'meanSquaredError' });
        const [xs, ys] = [tf.tensor2d([[1]]), tf.tensor2d([[0.75]])];
        await emulate.scope(tf, policy, () => model.fit(xs, ys, { epochs: 1, verbose: 0 }));
        const after = model.getWeights()[0]!.dataSync()[0]!;
        model.dispose();
        tf.dispose([xs, ys]);
        return after;
      };
      expect(await train({ format: 'bfloat16' })).toBe(1 - 0.5 - 2 ** -12);
      expect(await train({ format: 'bfloat16', roles: { loss: {} } })).toBe(1 - 0.5);
    });

    test('dropout keeps as many elements as it says', async () => {
      const x = tf.ones([20_000]);
      const kept = (): number =>
        tf.tidy(() => tf.dropout(x, 0.1, undefined, 5).greater(0).sum().dataSync()[0] as never);
      const exact = kept();
      await emulate.scope(tf, { format: 'e4m3fn' }, () => expect(inForward(kept)).toBe(exact));
      x.dispose();
    });

    test('a hand-written loss is part of the model unless its role is said', async () => {
      const x = tf.tensor1d([1, 2, 3, 4]);
      const difference = (y: Tensor): Scalar => y.sub(0.3).square().mean() as Scalar;
      const run = (loss: (y: Tensor) => Scalar): number[][] =>
        tf.tidy(() => {
          const { value, grad } = tf.valueAndGrad((y) => loss(y.mul(1)))(x);
          return [tensorBits(value), tensorBits(grad)] as never;
        });
      const exact = run(difference);
      await emulate.scope(tf, { format: 'bfloat16' }, () => {
        expect(run(difference)[0]).not.toEqual(exact[0]);
        const [value, gradient] = run((y) => inRole(tf, 'loss', () => difference(y)));
        expect(value).toEqual(exact[0]);
        // The product before it is the model's: it rounds what it reads and gives.
        const read = Float32Array.from(new Float32Array(Uint32Array.from(exact[1]!).buffer));
        expect(gradient).toEqual(bitsOf(round(read, 'bfloat16')));
      });
      x.dispose();
    });
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
      expect(inForward(predicted)).toBe(1);
      expect(tf.tidy(() => predicted() as never)).toBe(1 + 2 ** -12);
      expect(inForward(() => (model.evaluate(x, tf.tensor2d([[1]])) as Scalar).dataSync()[0])).toBe(0);
    });
    await emulate.scope(tf, { format: 'bfloat16', roles: { forward: null } }, () => {
      expect(inForward(predicted)).toBe(1 + 2 ** -12);
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
      inForward(() => {
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

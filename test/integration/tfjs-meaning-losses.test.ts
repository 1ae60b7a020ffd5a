/** Losses, metrics and regularisers are those of float32 under emulation, and so are their gradients. */
import type { LayersModel, Optimizer, Scalar, SymbolicTensor, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { round } from '../../src/index.ts';
import {
  cpuBackend,
  type Emulation,
  emulate,
  inRole,
  lossScaling,
  type Policy,
  type TensorFlow,
  wasmBackend,
} from '../../src/tfjs/index.ts';
import { inForward, narrow } from './tfjs-float32.ts';
import { bitsOf, tensorBits } from './tfjs-programs.ts';

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('on the %s backend', (_, load) => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await load();
  });

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
          const evaluated = (model.evaluate(probabilities, targets) as Scalar[]).map((t) => t.dataSync()[0]!);
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

  /** Two outputs with losses of their own, one of the user's making; identities, so that every output is on every grid. */
  const twoOutputs = (optimizer: Optimizer): LayersModel => {
    const input = tf.input({ shape: [3] });
    const identity = { units: 3, kernelInitializer: 'identity' } as const;
    const outputs = ['left', 'right'].map(
      (name) => tf.layers.dense({ ...identity, name }).apply(input) as SymbolicTensor,
    );
    const model = tf.model({ inputs: input, outputs });
    const own = (t: Tensor, y: Tensor): Tensor => y.sub(t).mul(0.3).square().mean(-1);
    model.compile({
      optimizer,
      loss: { left: 'categoricalCrossentropy', right: own as never },
      metrics: { left: 'accuracy', right: (t: Tensor, y: Tensor) => y.sub(t).abs().mul(0.1).mean() } as never,
    });
    return model;
  };

  test.each(narrow)(
    'outputs, class weights and metrics of one’s own, from the middle of a fit on: %j',
    async (policy) => {
      const targets = tf.tensor2d([0.75, 0.125, 0.125, 0.25, 0.5, 0.25, 0.125, 0.125, 0.75], [3, 3]);
      const xs = tf.tensor2d([0.5, 0.25, 0.25, 0.125, 0.75, 0.125, 0.125, 0.375, 0.5], [3, 3]);
      for (const scaled of [false, true]) {
        const optimizer = tf.train.sgd(0);
        const model = twoOutputs(scaled ? lossScaling(tf, { initial: 4 }).wrap(optimizer) : optimizer);
        let emulation: Emulation | undefined;
        const { history } = await model.fit(xs, [targets, targets], {
          epochs: 3,
          shuffle: false,
          verbose: 0,
          classWeight: [
            { 0: 0.1, 1: 0.7, 2: 1.3 },
            { 0: 1, 1: 1, 2: 1 },
          ] as never,
          validationData: [xs, [targets, targets]],
          callbacks: {
            onEpochBegin: async (epoch) => {
              if (epoch === 1) emulation = await emulate(tf, policy);
            },
          },
        });
        emulation!.stop();
        expect(Object.keys(history).length).toBe(10);
        for (const [name, values] of Object.entries(history))
          expect([name, values]).toEqual([name, [values[0], values[0], values[0]]]);
        model.dispose();
      }
      tf.dispose([targets, xs]);
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
    await emulate.scope(tf, { format: 'e4m3fn' }, () => expect(inForward(tf, kept)).toBe(exact));
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

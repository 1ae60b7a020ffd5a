/** Ids, labels, indices and masks are under emulation what they are without it; arithmetic alone is rounded. */
import type { LayersModel, Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { toFormat } from '../../src/formats/index.ts';
import { round } from '../../src/index.ts';
import { cpuBackend, emulate, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { bitsUnder, inForward, narrow } from './tfjs-float32.ts';

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('on the %s backend', (_, load) => {
  let tf: TensorFlow;
  beforeAll(async () => {
    tf = await load();
  });

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
        expect(inForward(tf, () => rowsOf(model.apply(xs) as Tensor))).toEqual(expected);
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
          expect([name, await bitsUnder(tf, policy, () => fn(x))]).toEqual([
            name,
            await bitsUnder(tf, null, () => fn(x)),
          ]);
      // Clipping chooses among whole numbers, and computes with others.
      const clip = (x: Tensor): Tensor => x.clipByValue(0, 19_999);
      expect(await bitsUnder(tf, policy, () => clip(whole))).toEqual(
        await bitsUnder(tf, null, () => clip(whole)),
      );
      const clipped = await emulate.scope(tf, policy, () => inForward(tf, () => clip(part).dataSync()));
      expect(clipped.every((value) => toFormat(policy.format!).has(value))).toBe(true);
      tf.dispose([whole, part, indices]);
    },
  );

  test('a rule for a kernel by its name is heard', async () => {
    const x = tf.tensor1d([257, 3]);
    await emulate.scope(tf, { format: 'bfloat16', kernels: { Reverse: {} } }, () => {
      expect(inForward(tf, () => Array.from(x.reverse().dataSync()))).toEqual([3, 256]);
      expect(inForward(tf, () => Array.from(x.reshape([2, 1]).dataSync()))).toEqual([257, 3]);
    });
    x.dispose();
  });
});

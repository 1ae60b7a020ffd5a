/** What the loss feels of errors in weights: traces and eigenvalues against an exact Hessian, gradients and losses against plain loops. */
import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { quantizer } from '../../src/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { hessianProduct, hessianTrace, largestEigenvalue } from '../../src/train/hessian.ts';
import { formatFront, measuredLayers } from '../../src/train/index.ts';
import { numbers } from '../oracles/recipes/slots.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** Softmax regression of samples on classes: its loss, gradient and Hessian in closed form, in binary64. */
const [samples, features, classes] = [7, 4, 3] as const;
const size = features * classes;
const x = (batch: number): Float32Array => numbers(samples * features, 11 + batch);
const label = (sample: number): number => (sample * 2) % classes;

function softmaxRegression(weights: ArrayLike<number>, batch: number) {
  const inputs = x(batch);
  const hessian = Array.from({ length: size }, () => new Float64Array(size));
  const gradient = new Float64Array(size);
  let loss = 0;
  for (let s = 0; s < samples; s++) {
    const row = Array.from(inputs.subarray(s * features, (s + 1) * features));
    const logits = Array.from({ length: classes }, (_, c) =>
      row.reduce((sum, v, f) => sum + v * weights[f * classes + c]!, 0),
    );
    const total = logits.reduce((sum, v) => sum + Math.exp(v), 0);
    const p = logits.map((v) => Math.exp(v) / total);
    loss -= Math.log(p[label(s)]!) / samples;
    for (let i = 0; i < size; i++) {
      const [f, c] = [Math.floor(i / classes), i % classes];
      gradient[i]! += (row[f]! * (p[c]! - (label(s) === c ? 1 : 0))) / samples;
      for (let j = 0; j < size; j++) {
        const [g, d] = [Math.floor(j / classes), j % classes];
        hessian[i]![j]! += (row[f]! * row[g]! * ((c === d ? p[c]! : 0) - p[c]! * p[d]!)) / samples;
      }
    }
  }
  return { loss, gradient, hessian };
}

const weights = numbers(size, 3);
const traceOf = (hessian: readonly Float64Array[]): number =>
  hessian.reduce((sum, row, i) => sum + row[i]!, 0);

/** Of a symmetric matrix, by many rounds of power iteration in binary64. */
function eigenvalueOf(hessian: readonly Float64Array[]): number {
  let v = Float64Array.from({ length: size }, (_, i) => Math.sin(i + 1));
  let value = 0;
  for (let round = 0; round < 2000; round++) {
    const next = Float64Array.from(hessian, (row) => row.reduce((sum, h, j) => sum + h * v[j]!, 0));
    value = Math.sqrt(next.reduce((sum, a) => sum + a * a, 0));
    v = next.map((a) => a / value);
  }
  return value;
}

describe('second derivatives', () => {
  const { hessian } = softmaxRegression(weights, 0);
  const gradient = (at: Float32Array): Float64Array => softmaxRegression(at, 0).gradient;

  it('of central differences are the Hessian times a vector, to a relative error of 1e-4', () => {
    for (const seed of [1, 2, 3]) {
      const v = Float64Array.from(numbers(size, seed));
      const exact = hessian.map((row) => row.reduce((sum, h, j) => sum + h * v[j]!, 0));
      const norm = Math.hypot(...exact);
      const error = Math.hypot(...hessianProduct(gradient, weights, v).map((a, i) => a - exact[i]!));
      expect(error / norm).toBeLessThan(1e-4);
    }
    expect([...hessianProduct(gradient, weights, new Float64Array(size))]).toEqual(new Array(size).fill(0));
  });

  it('have the trace in the mean over random signs, within three deviations of the mean', () => {
    const trace = traceOf(hessian);
    const count = 2000;
    // Of v^T H v over signs: 2 sum of the squares off the diagonal.
    let square = 0;
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) if (i !== j) square += 2 * hessian[i]![j]! ** 2;
    const found = hessianTrace(gradient, weights, { count, seed: 1, purpose: 'test' });
    expect(Math.abs(found - trace)).toBeLessThan(3 * Math.sqrt(square / count));
    expect(hessianTrace(gradient, weights, { count: 2, seed: 1, purpose: 'test' })).toBe(
      hessianTrace(gradient, weights, { count: 2, seed: 1, purpose: 'test' }),
    );
  });

  it('have the largest eigenvalue after some rounds', () => {
    const found = largestEigenvalue(gradient, weights, { count: 60, seed: 1, purpose: 'test' });
    expect(Math.abs(found / eigenvalueOf(hessian) - 1)).toBeLessThan(1e-3);
  });
});

describe('layers of a program', () => {
  const program = () => {
    const kernel = tf.variable(tf.tensor2d(weights, [features, classes]), true, 'dense/kernel');
    const bias = tf.variable(tf.zeros([classes]), true, 'dense/bias');
    const loss = (batch: number): Scalar => {
      const inputs = tf.tensor2d(x(batch), [samples, features]);
      const labels = tf.oneHot(
        tf.tensor1d(
          Array.from({ length: samples }, (_, s) => label(s)),
          'int32',
        ),
        classes,
      );
      const logits = tf.add(tf.matMul(inputs, kernel as unknown as Tensor2D), bias);
      return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), labels), 1))) as Scalar;
    };
    return { variables: [kernel, bias], kernel, loss, dispose: () => tf.dispose([kernel, bias]) };
  };
  const turned = (values: ArrayLike<number>): number[] =>
    Array.from({ length: size }, (_, i) => values[(i % features) * classes + Math.floor(i / features)]!);
  const batches = 2;
  const exact = [0, 1].map((batch) => softmaxRegression(weights, batch));

  it('are matrices of a row for each output, with what was measured, and leave weights and memory as they were', () => {
    const { variables, kernel, loss, dispose } = program();
    const before = tf.memory().numTensors;
    for (const by of ['weights', 'sqnr', 'gradients', 'hessian', 'eigenvalue', 'loss'] as const) {
      const candidates = by === 'loss' ? { candidates: ['int2/row', 'int8/row'] } : {};
      const [layer, ...rest] = measuredLayers(tf, {
        variables,
        loss,
        batches,
        by,
        draws: 200,
        ...candidates,
      });
      expect(rest).toEqual([]);
      expect([layer!.name, layer!.shape]).toEqual(['dense/kernel', [classes, features]]);
      expect([...layer!.weights]).toEqual(turned(weights));
      const { curvature = new Float32Array(), costs } = layer!;
      if (by === 'weights') expect(curvature).toHaveLength(0);
      if (by === 'sqnr') expect(curvature[0]).toBe(1 / weights.reduce((sum, w) => sum + w * w, 0));
      if (by === 'gradients')
        turned(exact[0]!.gradient.map((g, i) => (g ** 2 + exact[1]!.gradient[i]! ** 2) / 2)).forEach(
          (square, i) => {
            expect(Math.abs(curvature[i]! - square)).toBeLessThan(1e-4 * Math.max(square, 1e-4));
          },
        );
      if (by === 'hessian') {
        const trace = (traceOf(exact[0]!.hessian) + traceOf(exact[1]!.hessian)) / 2;
        expect(Math.abs(curvature[0]! / (trace / size / 2) - 1)).toBeLessThan(0.1);
      }
      if (by === 'eigenvalue') {
        const [a, b] = exact.map(({ hessian }) => eigenvalueOf(hessian)) as [number, number];
        const expected = ((a + b) / 2 + Math.abs(a - b) / 2) / 2;
        expect(Math.abs(curvature[0]! / expected - 1)).toBeLessThan(0.01);
      }
      if (by === 'loss')
        (['int2', 'int8'] as const).forEach((format, i) => {
          const made = quantizer({ format, scale: { per: 'row', from: 'absmax' } });
          const images = made.fakeQuantize(Float32Array.from(turned(weights)), [classes, features]);
          const back = Array.from(
            { length: size },
            (_, k) => images[(k % classes) * features + Math.floor(k / classes)]!,
          );
          const grown = [0, 1].map((batch) => softmaxRegression(back, batch).loss - exact[batch]!.loss);
          expect(Math.abs(costs![i]! - (grown[0]! + grown[1]!) / 2)).toBeLessThan(1e-5);
        });
    }
    expect([...kernel.dataSync()]).toEqual([...weights]);
    expect(tf.memory().numTensors).toBe(before);
    dispose();
  });

  it('of a model of the layers API give a front', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [6, 6, 2],
          filters: 3,
          kernelSize: 3,
          activation: 'relu',
          name: 'filter',
        }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 2, name: 'last' }),
      ],
    });
    const inputs = tf.tensor4d(numbers(4 * 72, 5), [4, 6, 6, 2]);
    const loss = (): Scalar => tf.mean(tf.square(model.apply(inputs) as Tensor2D)) as Scalar;
    const layers = measuredLayers(tf, { model, loss, batches: 1, by: 'gradients' });
    expect(layers.every(({ curvature }) => curvature!.some((h) => h > 0))).toBe(true);
    expect(layers.map(({ name, shape }) => [name, shape])).toEqual([
      ['filter/kernel', [3, 9, 2]],
      ['last/kernel', [2, 48]],
    ]);
    const filter = model.getLayer('filter').getWeights()[0]!.dataSync();
    expect([...layers[0]!.weights]).toEqual(
      Array.from({ length: 54 }, (_, i) => filter[(i % 18) * 3 + Math.floor(i / 18)]!),
    );
    const front = formatFront(layers, ['int2/row', 'int8/row']);
    expect(front.length).toBeGreaterThan(2);
    model.dispose();
    inputs.dispose();
  });

  it.each([
    [{ by: 'luck' }, 'by'],
    [{ loss: 3 }, 'loss'],
    [{ batches: 0 }, 'batches'],
    [{ draws: 0 }, 'draws'],
    [{ by: 'loss' }, 'candidates'],
    [{ by: 'loss', candidates: ['int'] }, 'candidates[0].format'],
    [{ by: 'hessian', candidates: ['int8'] }, 'candidates'],
    [{ seed: -1 }, 'seed'],
    [{ more: 1 }, 'more'],
  ])('refuse %j', (more, argument) => {
    const { variables, loss, dispose } = program();
    const options = { variables, loss, by: 'weights', ...more };
    try {
      expect(() => measuredLayers(tf, options as never)).toThrow(expect.objectContaining({ argument }));
    } finally {
      dispose();
    }
  });
});

/** Every operation with a gradient rule of its own against what TensorFlow.js derives from the plain composite. */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { cpuBackend, type TensorFlow } from '../../src/tfjs/index.ts';
import { crossEntropy, lossSum } from '../../src/train/cross-entropy.ts';
import {
  causalAttention,
  layerNorm,
  type Rotation,
  rmsNorm,
  rotate,
  swiglu,
} from '../../src/train/operations.ts';
import { gaussians } from '../../src/train/random.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await cpuBackend();
});

function gaussian<T extends Tensor>(name: string, shape: number[]): T {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return tf.tensor(gaussians(size, 1, 1, name), shape) as T;
}

/** Largest difference relative to the largest magnitude. */
function difference(actual: Tensor, expected: Tensor): number {
  expect(actual.shape).toEqual(expected.shape);
  const a = actual.dataSync();
  const b = expected.dataSync();
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  expect(largest).toBeGreaterThan(0);
  return worst / largest;
}

/** Float32 on both sides, in different orders: 16 units in the last place of the largest element. */
const tolerance = 16 * 2 ** -24;

function expectSame(
  ours: (...inputs: Tensor[]) => Tensor,
  composite: (...inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
): void {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const value = composite(...inputs);
    expect(difference(ours(...inputs), value)).toBeLessThan(tolerance);
    const upstream = gaussian('upstream', value.shape);
    const expected = tf.grads(composite)(inputs, upstream);
    tf.grads(ours)(inputs, upstream).forEach((gradient, i) => {
      expect(difference(gradient, expected[i]!)).toBeLessThan(tolerance);
    });
  });
  expect(tf.memory().numTensors).toBe(before);
}

describe('operations with their own gradients', () => {
  const inverseRoot = (x: Tensor) => tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), 1e-5));

  it('rmsNorm', () => {
    const x = gaussian<Tensor2D>('x', [7, 12]);
    expectSame(
      (t) => rmsNorm(tf, t as Tensor2D, 1e-5),
      (t) => tf.mul(t, inverseRoot(t)),
      [x],
    );
    expectSame(
      (t, gain) => rmsNorm(tf, t as Tensor2D, 1e-5, gain as Tensor1D),
      (t, gain) => tf.mul(tf.mul(t, inverseRoot(t)), gain!),
      [x, gaussian<Tensor1D>('gain', [12])],
    );
  });

  it('layerNorm', () => {
    expectSame(
      (t) => layerNorm(tf, t as Tensor2D, 1e-5),
      (t) => {
        const centred = tf.sub(t, tf.mean(t, 1, true));
        return tf.mul(centred, inverseRoot(centred));
      },
      [tf.add(gaussian<Tensor2D>('x', [7, 12]), 0.5)],
    );
  });

  it('rotate', () => {
    const half = 3;
    const rotation: Rotation = {
      cosine: gaussian('cosine', [5, 2 * half]),
      sine: tf.tile(gaussian<Tensor2D>('sine', [5, half]), [1, 2]),
      quarterTurn: tf.tensor2d(
        Array.from({ length: 2 * half }, (_, row) =>
          Array.from({ length: 2 * half }, (_, column) =>
            row - column === half ? -1 : column - row === half ? 1 : 0,
          ),
        ),
      ),
    };
    expectSame(
      (x) => rotate(tf, x as Tensor3D, rotation),
      (x) => {
        const [a, b] = tf.split(x, 2, 2) as [Tensor, Tensor];
        return tf.add(tf.mul(x, rotation.cosine), tf.mul(tf.concat([tf.neg(b), a], 2), rotation.sine));
      },
      [gaussian('x', [4, 5, 2 * half])],
    );
  });

  it('causalAttention', () => {
    const size = 6;
    const mask = tf.tensor2d(
      Array.from({ length: size }, (_, row) =>
        Array.from({ length: size }, (_, column) => (column > row ? -1e9 : 0)),
      ),
    );
    expectSame(
      (q, k, v) => causalAttention(tf, q as Tensor3D, k as Tensor3D, v as Tensor3D, mask),
      (q, k, v) => {
        const weights = tf.softmax(tf.add(tf.matMul(q!, k!, false, true), mask));
        return tf.matMul(weights, v!);
      },
      ['q', 'k', 'v'].map((name) => gaussian(name, [3, size, 4])),
    );
  });

  it('swiglu', () => {
    expectSame(
      (gate, up) => swiglu(tf, gate as Tensor2D, up as Tensor2D),
      (gate, up) => tf.mul(tf.mul(gate!, tf.sigmoid(gate!)), up!),
      [gaussian('gate', [5, 8]), gaussian('up', [5, 8])],
    );
  });

  it('crossEntropy', () => {
    const targets = tf.oneHot(tf.tensor1d([2, 0, 3, 3, 1], 'int32'), 4).toFloat() as Tensor2D;
    expectSame(
      (logits) => crossEntropy(tf, logits as Tensor2D, targets),
      (logits) => tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits as Tensor2D), targets), 1))),
      [gaussian('logits', [5, 4])],
    );
  });

  it('lossSum is finite for logits of any size', () => {
    const targets = tf.tensor2d([[0, 1, 0]]);
    expect(lossSum(tf, tf.tensor2d([[1000, 0, -1000]]), targets)).toBe(1000);
    expect(lossSum(tf, tf.tensor2d([[0, 1000, 0]]), targets)).toBe(0);
    expect(lossSum(tf, tf.tensor2d([[0, Number.NaN, 0]]), targets)).toBeNaN();
  });
});

/** Gradients of products through slots: those of drawn operands are right on average, those of smooth surrogates are their slopes. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import type { LinearSlots, OperandSpec } from '../../src/train/index.ts';
import { withSlots } from './slotted-products.ts';

beforeAll(async () => {
  await wasmBackend();
});

const normal = (shape: [number, number], seed: number): tf.Tensor2D =>
  tf.randomNormal(shape, 0, 1, 'float32', seed) as tf.Tensor2D;

const plain: LinearSlots = {
  forward: { x: null, w: null },
  inputGradient: { g: null, w: null },
  weightGradient: { g: null, x: null },
};

interface Gradients {
  readonly dx: Float32Array;
  readonly dw: Float32Array;
}

function gradients(
  { x, w, g }: { readonly x: tf.Tensor2D; readonly w: tf.Tensor2D; readonly g: tf.Tensor2D },
  slots: LinearSlots,
  step = 0,
): Gradients {
  return withSlots(
    tf,
    w,
    slots,
    () =>
      tf.tidy(() => {
        const product = (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D);
        const [dx, dw] = tf.grads(product as never)([x, w], g) as [tf.Tensor, tf.Tensor];
        return { dx: dx.dataSync<'float32'>().slice(), dw: dw.dataSync<'float32'>().slice() };
      }),
    { step, seed: 3 },
  );
}

describe('the mean of gradients whose operands are drawn', () => {
  const drawn = { format: 'int3', rounding: 'stochastic', scale: { per: 'row', from: 'absmax' } } as const;
  const turned = {
    ...drawn,
    transform: { name: 'hadamard', size: 8, seed: 'step' },
    invert: false,
  } as const;
  const cases: [string, LinearSlots][] = [
    [
      'both operands',
      { ...plain, weightGradient: { g: drawn, x: drawn }, inputGradient: { g: drawn, w: drawn } },
    ],
    [
      'both operands, rotated with signs of the step',
      { ...plain, weightGradient: { g: turned, x: turned }, inputGradient: { g: drawn, w: null } },
    ],
    [
      'results',
      {
        ...plain,
        weightGradient: { g: null, x: null, dw: drawn },
        inputGradient: {
          g: null,
          w: null,
          dx: { format: 'e2m1', rounding: 'stochastic', scale: drawn.scale },
        },
      },
    ],
  ];
  it.each(cases)(
    'is the unquantised one within four standard errors: %s',
    (_, slots) => {
      const operands = { x: normal([8, 4], 1), w: normal([4, 3], 2), g: normal([8, 3], 3) };
      const exact = gradients(operands, plain);
      const draws = 2000;
      const sums = (['dx', 'dw'] as const).map((part) => ({
        part,
        sum: new Float64Array(exact[part].length),
        squares: new Float64Array(exact[part].length),
      }));
      for (let step = 0; step < draws; step++) {
        const found = gradients(operands, slots, step);
        for (const { part, sum, squares } of sums)
          found[part].forEach((value, i) => {
            const error = value - exact[part][i]!;
            sum[i]! += error;
            squares[i]! += error * error;
          });
      }
      for (const { part, sum, squares } of sums)
        sum.forEach((total, i) => {
          const mean = total / draws;
          const variance = (squares[i]! - draws * mean * mean) / (draws - 1);
          // The largest of a row is on the grid: its rounding is no more than that of binary32.
          const bound = Math.max(4 * Math.sqrt(variance / draws), 1e-6);
          expect(Math.abs(mean), `${part}[${i}]`).toBeLessThanOrEqual(bound);
        });
      // They were drawn.
      expect(sums.every(({ squares }) => squares.some((square) => square > 0))).toBe(true);
      tf.dispose(Object.values(operands));
    },
    240_000,
  );
});

describe('a smooth surrogate', () => {
  const ends = [-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const sharpness = 3;
  /** The step between neighbouring values of e2m1 whose slope the estimator is. */
  const surrogate = (x: number): number => {
    const above = ends.findIndex((end) => end > x);
    const [low, high] = [ends[above - 1]!, ends[above]!];
    const p = (2 * x - (low + high)) / (high - low);
    return low + ((high - low) / 2) * (1 + Math.sign(p) * Math.abs(p) ** (1 / sharpness));
  };
  /** A place in each step between values, away from its middle and its ends. */
  const places = ends
    .slice(0, -1)
    .flatMap((low, i) => [0.15, 0.8].map((part) => low + part * (ends[i + 1]! - low)));
  const rule: OperandSpec = {
    format: 'e2m1',
    scale: { per: 'tensor', from: 'constant', value: 1 },
    gradient: { name: 'dge', sharpness, clip: 100 },
  };

  it.each(['x', 'w'] as const)('of %s has the gradient that differences have', (operand) => {
    const values = tf.tensor2d(places, [7, 4]);
    const other = normal(operand === 'x' ? [4, 5] : [6, 7], 2);
    const [x, w] = operand === 'x' ? [values, other] : [other, values];
    const g = normal([x.shape[0], w.shape[1]], 3);
    const slots = { ...plain, forward: { ...plain.forward, [operand]: rule } };
    const found = gradients({ x, w, g }, slots)[operand === 'x' ? 'dx' : 'dw'];
    const [columns, inner] = [w.shape[1], w.shape[0]];
    const [a, b, upstream] = [x, w, g].map((one) => one.dataSync<'float32'>());
    const loss = (moved: readonly number[]): number => {
      const image = moved.map(surrogate);
      const [left, right] = operand === 'x' ? [image, b!] : [a!, image];
      let sum = 0;
      for (let i = 0; i < x.shape[0]; i++)
        for (let j = 0; j < columns; j++)
          for (let k = 0; k < inner; k++)
            sum += left[i * inner + k]! * right[k * columns + j]! * upstream![i * columns + j]!;
      return sum;
    };
    const stored = [...values.dataSync<'float32'>()];
    const h = 2 ** -18;
    stored.forEach((value, i) => {
      const at = (by: number): number => loss(stored.map((one, j) => (j === i ? value + by : one)));
      const slope = (at(h) - at(-h)) / (2 * h);
      expect(Math.abs(found[i]! - slope), `${operand}[${i}]`).toBeLessThan(
        1e-4 * Math.max(1, Math.abs(slope)),
      );
    });
    tf.dispose([x, w, g]);
  });
});

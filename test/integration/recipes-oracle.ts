/** A recipe and its oracle on a net of two layers: what the tests of single recipes run. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { expect } from 'vitest';
import type { TensorFlow } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe } from '../../src/train/index.ts';
import { type Training, trainNet } from '../oracles/recipes/net.ts';
import type { Matrix } from '../oracles/recipes/numbers.ts';

export interface NetSizes {
  readonly tokens: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
}

/** Normal numbers with some rows far larger and some zeros, so that scales differ and blocks of zeros occur. */
function uneven(tf: TensorFlow, rows: number, columns: number, deviation: number, seed: number): Matrix {
  const normal = tf.tidy(() => tf.randomNormal([rows, columns], 0, deviation, 'float32', seed).dataSync());
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: columns }, (_, c) => {
      const x = normal[r * columns + c]!;
      if (r % 7 === 3 && c < 32) return 0;
      return Math.fround(r % 5 === 1 ? x * 37 : x);
    }),
  );
}

const numbers = (m: Matrix): number[] => m.flat();

/** Where two lists differ, by their bits. */
function differences(given: ArrayLike<number>, expected: readonly number[]): string[] {
  expect(given.length).toBe(expected.length);
  return expected
    .flatMap((x, i) => (Object.is(given[i], x) ? [] : [`${i}: ${given[i]}, not ${x}`]))
    .slice(0, 5);
}

/** Trains the net under a recipe and by the recipe's oracle; gradients of all steps and the last weights have the same bits. */
export async function expectOracle(
  tf: TensorFlow,
  recipe: Recipe,
  oracle: Parameters<typeof trainNet>[0],
  { tokens, inputs, hidden, outputs }: NetSizes,
  more: Partial<Training> = {},
): Promise<void> {
  const names = ['first/kernel', 'second/kernel'] as const;
  const training: Training = { seed: 11, names, rate: 0.01, steps: 2, lossScale: 2 ** -30, ...more };
  const x = uneven(tf, tokens, inputs, 1, 1);
  const initial = [uneven(tf, inputs, hidden, 0.1, 2), uneven(tf, hidden, outputs, 0.1, 3)] as const;
  const target = uneven(tf, tokens, outputs, 1, 4);
  const expected = trainNet(oracle, initial, x, target, training);

  const variables = initial.map((w, i) => tf.variable(tf.tensor2d(w as number[][]), true, training.names[i]));
  const [xs, ts] = [tf.tensor2d(x as number[][]), tf.tensor2d(target as number[][])];
  const run = await applyRecipe(tf, recipe, { variables, steps: training.steps, seed: training.seed });
  const optimizer = run.optimizer(training.rate);
  try {
    for (const [step, gradients] of expected.gradients.entries()) {
      const { grads } = tf.variableGrads(() => {
        const h = tf.relu(tf.matMul(xs, variables[0] as Tensor2D));
        const y = tf.matMul(h, variables[1] as Tensor2D);
        return tf.mul(tf.sum(tf.square(tf.sub(y, ts))), training.lossScale).asScalar();
      });
      for (const [i, { name }] of variables.entries())
        expect(
          differences(grads[name]!.dataSync(), numbers(gradients[i]!)),
          `step ${step}, gradient of ${name}`,
        ).toEqual([]);
      optimizer.applyGradients(grads);
      tf.dispose(grads);
    }
    for (const [i, variable] of variables.entries())
      expect(
        differences(variable.dataSync(), numbers(expected.weights[i]!)),
        `${variable.name} at the end`,
      ).toEqual([]);
  } finally {
    run.stop();
    tf.dispose([xs, ts, ...variables]);
    optimizer.dispose();
  }
}

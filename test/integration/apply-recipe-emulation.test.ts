/** Emulation beside slots: results of kernels are rounded, and images of operands stay on the grid of their slot. */
import type { Scalar, Tensor2D, Variable } from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { arithmetic, type QuantizerOptions, quantizer, round } from '../../src/index.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe, recipes } from '../../src/train/index.ts';
import { bitsOf, tensorBits } from './tfjs-programs.ts';

const int8 = { format: 'int8', scale: { per: 'row', from: 'absmax' } } as const;
const blocks = { format: 'int8', scale: { per: 'block', size: 4, from: 'absmax' } } as const;

test.each([int8, blocks])('images of %j are not rounded again, forward and backward', async (spec) => {
  const tf = await wasmBackend();
  const [m, k, n] = [8, 16, 12];
  const values = (shape: number[], seed: number): Float32Array =>
    tf.tidy(() => tf.randomNormal(shape, 0, 1, 'float32', seed).dataSync()) as Float32Array;
  const [x, w, g] = [values([m, k], 1), values([k, n], 2), values([m, n], 3)];
  const given: QuantizerOptions = spec;
  const transposed = (from: Float32Array, rows: number, columns: number): Float32Array =>
    Float32Array.from({ length: from.length }, (_, i) => from[(i % rows) * columns + Math.floor(i / rows)]!);
  /** The image of a matrix, rows and blocks along its last axis, or along its first. */
  const image = (matrix: Float32Array, rows: number, columns: number, first = false): Float32Array => {
    const made = quantizer(given);
    if (!first) return made.fakeQuantize(matrix, [rows, columns]);
    const turned = made.fakeQuantize(transposed(matrix, rows, columns), [columns, rows]);
    return transposed(turned, columns, rows);
  };
  const product = (a: Float32Array, b: Float32Array, shape: object): number[] =>
    bitsOf(
      round(arithmetic('binary32').matmul(a, b, shape as { m: number; k: number; n: number }), 'bfloat16'),
    );
  // Images that bfloat16 does not have.
  expect(bitsOf(round(image(x, m, k), 'bfloat16'))).not.toEqual(bitsOf(image(x, m, k)));

  const base = recipes.float32();
  const slots = {
    forward: { x: spec, w: spec },
    inputGradient: { g: spec, w: spec },
    weightGradient: { g: spec, x: spec },
  };
  const recipe: Recipe = {
    ...base,
    extraNorm: null,
    phases: [{ ...base.phases[0]!, linear: slots, emulate: { format: 'bfloat16' } }],
  };
  const weight = tf.tidy(() => tf.variable(tf.tensor2d(w, [k, n]))) as Variable;
  const [input, upstream] = [tf.tensor2d(x, [m, k]), tf.tensor2d(g, [m, n])];
  const run = await applyRecipe(tf, recipe, { variables: [weight], steps: 10, seed: 1 });
  tf.tidy(() => {
    let forward: number[] = [];
    const [dx, dw] = tf.grads((a, b) => {
      const y = tf.matMul(a as Tensor2D, b as unknown as Tensor2D);
      forward = tensorBits(y);
      return y as unknown as Scalar;
    })([input, weight as unknown as Tensor2D], upstream);
    expect(forward).toEqual(product(image(x, m, k), image(w, k, n, true), { m, k, n }));
    expect(tensorBits(dx!)).toEqual(
      product(image(g, m, n), image(w, k, n), { m, k: n, n: k, transposeB: true }),
    );
    expect(tensorBits(dw!)).toEqual(
      product(image(x, m, k, true), image(g, m, n, true), { m: k, k: m, n, transposeA: true }),
    );
  });
  run.stop();
  tf.dispose([weight, input, upstream]);
});

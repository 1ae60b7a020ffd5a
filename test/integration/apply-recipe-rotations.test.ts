/** Rotations of recipes cancel in every product of TensorFlow.js: with exact formats nothing is left of them but rounding to binary32. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe, recipes } from '../../src/train/index.ts';
import { drawing, mxBlocks, toNearest } from '../oracles/recipes/mxfp4.ts';
import { f, type Matrix, signsOf, transposed, turned, turnedBack } from '../oracles/recipes/numbers.ts';
import { publishedSigns, twoLevels } from '../oracles/recipes/nvfp4.ts';

beforeAll(async () => {
  await wasmBackend();
});

type Product = (x: tf.Tensor, w: tf.Tensor) => tf.Tensor;
type Case = readonly [product: Product, w: number[], x: number[], name?: string];

/** A product that takes operands of any rank. */
const of = (product: (x: never, w: never) => tf.Tensor): Product => product as Product;
const convolution = (stride: number, pad: 'same' | 'valid' | number): Product =>
  of((x: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2d(x, w, stride, pad));
const depthwise = of((x: tf.Tensor4D, w: tf.Tensor4D) => tf.depthwiseConv2d(x, w, 1, 'same'));
const summed = (equation: string): Product => of((x: tf.Tensor, w: tf.Tensor) => tf.einsum(equation, x, w));

const products: Readonly<Record<string, Case>> = {
  'a matrix': [of(tf.matMul), [24, 16], [7, 24]],
  'a matrix, first': [of((x: tf.Tensor2D, w: tf.Tensor2D) => tf.matMul(w, x)), [16, 24], [24, 7]],
  'a matrix, transposed': [
    of((x: tf.Tensor2D, w: tf.Tensor2D) => tf.matMul(x, w, false, true)),
    [16, 24],
    [7, 24],
  ],
  convolution: [convolution(1, 'same'), [3, 3, 16, 8], [2, 6, 5, 16]],
  'convolution with strides': [convolution(2, 'same'), [3, 3, 16, 8], [2, 7, 6, 16]],
  'convolution of one tap': [convolution(1, 'valid'), [1, 1, 16, 8], [2, 3, 4, 16]],
  'convolution of one tap with strides': [convolution(2, 'valid'), [1, 1, 16, 8], [2, 5, 4, 16]],
  'convolution of one tap with a margin': [convolution(1, 1), [1, 1, 16, 8], [2, 3, 4, 16]],
  'convolution of a reshaped matrix': [
    of((x: tf.Tensor4D, w: tf.Tensor2D) => tf.conv2d(x, tf.reshape(w, [3, 3, 16, 8]), 1, 'same')),
    [144, 8],
    [2, 5, 5, 16],
  ],
  'convolution in one dimension': [
    of((x: tf.Tensor3D, w: tf.Tensor3D) => tf.conv1d(x, w, 1, 'valid')),
    [3, 16, 8],
    [2, 9, 16],
  ],
  'convolution in three dimensions': [
    of((x: tf.Tensor5D, w: tf.Tensor5D) => tf.conv3d(x, w, 1, 'same')),
    [2, 2, 2, 16, 8],
    [1, 3, 4, 3, 16],
  ],
  'transposed convolution': [
    of((x: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2dTranspose(x, w, [2, 9, 9, 8], 2, 'same')),
    [3, 3, 8, 16],
    [2, 5, 5, 16],
  ],
  'depthwise convolution': [depthwise, [3, 3, 16, 2], [2, 5, 5, 16], 'layers/0/depthwise_kernel'],
  'depthwise convolution, as its kernel alone says': [depthwise, [3, 3, 16, 1], [2, 5, 5, 16]],
  'a sum over letters': [summed('bsd,dhk->bshk'), [16, 4, 8], [2, 7, 16]],
  'a sum over letters in another order': [summed('bshk,khd->bsd'), [8, 4, 16], [2, 7, 4, 8]],
  'a sum with another order of rows': [summed('bsk,kd->sbd'), [16, 8], [2, 7, 16]],
};

/** Formats that are exact in place of those of a recipe; rotations and where they stay as they are. */
function exact(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(exact);
  if (typeof given !== 'object' || given === null) return given;
  const {
    format,
    scale: _scale,
    rounding: _rounding,
    gradient: _gradient,
    ...rest
  } = given as Record<string, unknown>;
  const others = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, exact(value)]));
  return format === undefined ? { ...(given as object), ...others } : { ...others, format: 'binary32' };
}

const bare = { extraNorm: null } as const;
const rotated: Readonly<Record<string, Recipe>> = {
  nvfp4: recipes.nvfp4(bare),
  'nvfp4, signs of the step': recipes.nvfp4({ ...bare, hadamard: 'step' }),
  mxfp4: recipes.mxfp4({ ...bare, hadamard: 'step' }),
  quartet: recipes.quartet(bare),
  quest: recipes.quest(bare),
  'quest, weights only': recipes.quest({ ...bare, activations: false }),
  'halo, level 1': recipes.halo({ ...bare, level: 1 }),
  'halo, level 2': recipes.halo({ ...bare, level: 2 }),
  'fp4 design, backward': recipes.fp4Design({ ...bare, hadamard: 'backward' }),
  'fp4 design, all': recipes.fp4Design({ ...bare, hadamard: 'all' }),
};

/** The result and both gradients of a product. */
async function results(recipe: Recipe, [product, shapeW, shapeX, name = 'layers/0/kernel']: Case) {
  const [w, x] = [
    tf.variable(tf.randomNormal(shapeW, 0, 1, 'float32', 1), true, name),
    tf.variable(tf.randomNormal(shapeX, 0, 1, 'float32', 2), true, 'input'),
  ];
  const run = await applyRecipe(tf, recipe, { variables: [w], steps: 1, seed: 1 });
  try {
    return tf.tidy(() => {
      let y: Float32Array | undefined;
      const { grads } = tf.variableGrads(() => {
        const result = product(x, w);
        y = result.dataSync<'float32'>().slice();
        return tf.sum(tf.mul(result, tf.randomNormal(result.shape, 0, 1, 'float32', 3))) as tf.Scalar;
      });
      const [dx, dw] = [x, w].map((one) => grads[one.name]!.dataSync<'float32'>().slice());
      return { y: y!, dx: dx!, dw: dw! };
    });
  } finally {
    run.stop();
    tf.dispose([w, x]);
  }
}

function distance(a: Float32Array, b: Float32Array): number {
  const energy = (one: (i: number) => number) => b.reduce((sum, _, i) => sum + one(i) ** 2, 0);
  return Math.sqrt(energy((i) => a[i]! - b[i]!) / energy((i) => b[i]!));
}

describe.each(Object.entries(products))('%s', (_, given) => {
  it.each(Object.entries(rotated))('under %s', async (_, recipe) => {
    const plain = await results(recipes.float32(bare), given);
    const phases = exact(recipe.phases) as Recipe['phases'];
    const found = await results({ ...recipe, phases }, given);
    for (const part of ['y', 'dx', 'dw'] as const)
      expect(distance(found[part], plain[part]), part).toBeLessThan(2e-6);
  });
});

/** What a quantiser makes of rows that are turned before and turned back after. */
const around = (
  m: Matrix,
  size: number,
  signs: readonly number[],
  quantised: (inner: Matrix) => Matrix,
): number[][] => turnedBack(quantised(turned(m, size, signs)), size, signs);

describe('a convolution has the bits of plain loops', () => {
  const [images, height, width, channels, outputs, stride, seed] = [2, 5, 6, 20, 7, 2, 3] as const;
  const taps = Array.from({ length: 9 }, (_, t) => [Math.floor(t / 3), t % 3] as const);
  /** Rows of positions by channels. */
  const rowsOf = (values: Float32Array, columns: number): number[][] =>
    Array.from({ length: values.length / columns }, (_, r) => [
      ...values.subarray(r * columns, (r + 1) * columns),
    ]);
  /** The position that a tap of an output reads, or undefined in the padding; `rows` and `columns` of outputs. */
  const placeOf = (
    p: number,
    [dy, dx]: readonly [number, number],
    rows: number,
    columns: number,
    by: number,
  ) => {
    const [image, y, x] = [Math.floor(p / (rows * columns)), Math.floor(p / columns) % rows, p % columns];
    const [before, left] = [height, width].map((size, i) =>
      Math.floor((([rows, columns][i]! - 1) * by + 3 - size) / 2),
    ) as [number, number];
    const [row, column] = [y * by + dy - before, x * by + dx - left];
    const isInside = row >= 0 && row < height && column >= 0 && column < width;
    return isInside ? (image * height + row) * width + column : undefined;
  };
  const given = (shape: number[], own: number): Float32Array =>
    tf.tidy(() => tf.randomNormal(shape, 0, 1, 'float32', own).dataSync<'float32'>().slice());

  it.each(['nvfp4', 'mxfp4'] as const)('in the gradient of a filter under %s', async (name) => {
    const layer = 'layers/0/kernel';
    const [rows, columns] = [3, 3];
    const x = given([images, height, width, channels], 2);
    const w = given([3, 3, channels, outputs], 1);
    const g = given([images, rows, columns, outputs], 4);
    const call = { seed, step: 0, layer, x: [], w: [] };
    const signs =
      name === 'nvfp4' ? publishedSigns : signsOf({ ...call, product: 'weightGradient', operand: '' }, 32);
    const draw = drawing(call, 'weightGradient', 'g');
    const [left, right] = (
      name === 'nvfp4'
        ? [
            around(transposed(rowsOf(x, channels)), 16, signs, (m) => twoLevels(m, {}).values),
            around(transposed(rowsOf(g, outputs)), 16, signs, (m) => twoLevels(m, { round: draw }).values),
          ]
        : [
            around(transposed(rowsOf(x, channels)), 32, signs, (m) => mxBlocks(m, toNearest)),
            around(transposed(rowsOf(g, outputs)), 32, signs, (m) => mxBlocks(m, draw, 0.75)),
          ]
    ) as [number[][], number[][]];
    const expected = taps.flatMap((tap) =>
      left.flatMap((channel) =>
        right.map((output) =>
          output.reduce((sum, each, p) => {
            const place = placeOf(p, tap, rows, columns, stride);
            return f(sum + f((place === undefined ? 0 : channel[place]!) * each));
          }, 0),
        ),
      ),
    );
    const recipe =
      name === 'nvfp4'
        ? recipes.nvfp4(bare)
        : recipes.mxfp4({ ...bare, rounding: 'stochastic', prescale: 0.75, hadamard: 'step' });
    const weight = tf.variable(tf.tensor4d(w, [3, 3, channels, outputs]), true, layer);
    const run = await applyRecipe(tf, recipe, { variables: [weight], steps: 1, seed });
    try {
      tf.tidy(() => {
        const { grads } = tf.variableGrads(() => {
          const y = tf.conv2d(
            tf.tensor4d(x, [images, height, width, channels]),
            weight as never,
            stride,
            'same',
          );
          return tf.sum(tf.mul(y, tf.tensor4d(g, [images, rows, columns, outputs]))) as tf.Scalar;
        });
        expect([...grads[layer]!.dataSync()]).toEqual(expected);
      });
    } finally {
      run.stop();
      weight.dispose();
    }
  });
});

/** Steps of a net of two layers under a recipe, as the oracles of `test/oracles/recipes` have them. */
import type { Tensor, Tensor2D, Variable } from '@tensorflow/tfjs';
import type { TensorFlow } from '../../src/tfjs/index.ts';
import { applyRecipe, type Recipe } from '../../src/train/index.ts';
import { type Matrix, matrix, type Net, numbers, type step } from '../oracles/recipes/slots.ts';

/** Tokens, inputs, hidden, outputs. */
export type Sizes = readonly [number, number, number, number];

/** A net of its own for each seed, its numbers over several magnitudes. */
export function netOf(seed: number, size = 1, [tokens, inputs, hidden, outputs]: Sizes = [6, 8, 5, 3]): Net {
  const of = (rows: number, columns: number, own: number): Matrix =>
    matrix(
      rows,
      columns,
      numbers(rows * columns, 10 * seed + own).map((v) => v * size),
    );
  return {
    ...{ x: of(tokens, inputs, 1), a: of(inputs, hidden, 2) },
    ...{ b: of(hidden, outputs, 3), t: of(tokens, outputs, 4) },
  };
}

const fromTensor = (tensor: Tensor): Matrix => {
  const [rows, columns] = tensor.shape as [number, number];
  return { rows, columns, values: tensor.dataSync<'float32'>().slice() };
};

/** A product of a layer: rows of tokens by a weight. */
type Product = (x: Tensor2D, w: Tensor2D) => Tensor2D;

/**
 * A step of gradient descent for each net, all under one run of the recipe, as of its one model: weights are assigned before
 * each, so that only what quantisers remember goes from one to the next. Without the recipe's extra norm and clipping.
 */
export async function trained(
  tf: TensorFlow,
  recipe: Recipe,
  nets: readonly Net[],
  lossScale = 1,
  product: Product = (x, w) => tf.matMul(x, w),
) {
  const rate = 2 ** -4;
  const given = ({ rows, columns, values }: Matrix): Tensor2D => tf.tensor2d(values, [rows, columns]);
  const [first] = nets;
  const a: Variable = tf.variable(given(first!.a), true, 'layers/0/kernel');
  const b: Variable = tf.variable(given(first!.b), true, 'layers/1/kernel');
  const operators = recipe.update?.gradient?.filter(({ kind }) => kind !== 'clipByGlobalNorm') ?? [];
  const bare = { ...recipe, extraNorm: null, update: { ...recipe.update, gradient: operators } };
  const run = await applyRecipe(tf, bare, { variables: [a, b], steps: nets.length, seed: 1 });
  const optimizer = tf.train.sgd(rate);
  try {
    return nets.map((net) => {
      let after: ReturnType<typeof step> | undefined;
      tf.tidy(() => {
        a.assign(given(net.a));
        b.assign(given(net.b));
        const [x, t] = [given(net.x), given(net.t)];
        let y: Matrix | undefined;
        const { grads } = tf.variableGrads(() => {
          const hidden = tf.relu(product(x, a as unknown as Tensor2D));
          const result = product(hidden, b as unknown as Tensor2D);
          y = fromTensor(result);
          return tf.sum(tf.mul(result, t)).asScalar();
        });
        const [da, db] = [a, b].map(({ name }) => fromTensor(tf.div(grads[name]!, lossScale)));
        optimizer.applyGradients(grads);
        after = { y: y!, da: da!, db: db!, a: fromTensor(a), b: fromTensor(b) };
      });
      return after!;
    });
  } finally {
    run.stop();
    optimizer.dispose();
    tf.dispose([a, b]);
  }
}

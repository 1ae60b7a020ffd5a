/** Settings of optimisers that change from step to step. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { curveAt } from '../../src/train/curve.ts';
import {
  adamW,
  type Curve,
  checkRecipe,
  lion,
  recipes,
  sgd,
  type TrainingOptimizer,
} from '../../src/train/index.ts';

beforeAll(async () => {
  await wasmBackend();
});

const steps = 6;
const gradients = Array.from({ length: steps }, (_, i) => Float32Array.of(1 + i, -0.5 * i, 0.25));

/** The values of a variable after each step. */
function trained(make: () => TrainingOptimizer): number[][] {
  const variable = tf.variable(tf.tensor1d([1, 2, 3]), true, 'curved');
  const optimizer = make();
  const values = gradients.map((gradient) => {
    tf.tidy(() => optimizer.applyGradients({ curved: tf.tensor1d(gradient) }));
    return [...variable.dataSync()];
  });
  optimizer.dispose();
  variable.dispose();
  return values;
}

const flat = (value: number): Curve => ({ kind: 'steps', points: [[0, value]] });

describe('values', () => {
  it.each<[string, () => TrainingOptimizer, () => TrainingOptimizer]>([
    ['beta1', () => adamW(tf, {}, { values: { beta1: flat(0.5) }, steps }), () => adamW(tf, { beta1: 0.5 })],
    [
      'epsilon',
      () => adamW(tf, {}, { values: { epsilon: flat(0.125) }, steps }),
      () => adamW(tf, { epsilon: 0.125 }),
    ],
    ['beta2', () => lion(tf, {}, { values: { beta2: flat(0.5) }, steps }), () => lion(tf, { beta2: 0.5 })],
    [
      'momentum',
      () => sgd(tf, {}, { values: { momentum: flat(0.25) }, steps }),
      () => sgd(tf, { momentum: 0.25 }),
    ],
  ])('%s along a flat line are the setting', (_, curved, constant) => {
    expect(trained(curved)).toEqual(trained(constant));
  });

  it('change where the curve does, and no earlier', () => {
    const curve: Curve = {
      kind: 'steps',
      points: [
        [0, 0.9],
        [0.5, 0.5],
      ],
    };
    const changing = trained(() => sgd(tf, { momentum: 0.9 }, { values: { momentum: curve }, steps }));
    const constant = trained(() => sgd(tf, { momentum: 0.9 }));
    expect(changing.slice(0, 3)).toEqual(constant.slice(0, 3));
    expect(changing[3]).not.toEqual(constant[3]);
  });

  it.each<[string, Curve['points']]>([
    [
      'rising from 0',
      [
        [0, 0],
        [1, 0.9],
      ],
    ],
    [
      'falling to 0 and rising again',
      [
        [0, 0.5],
        [0.5, 0],
        [1, 0.5],
      ],
    ],
  ])('a momentum %s is that of the equations', (_, points) => {
    const curve: Curve = { kind: 'linear', points };
    const all = trained(() => sgd(tf, { momentum: 0.9 }, { values: { momentum: curve }, steps }));
    const f = Math.fround;
    let [values, momenta] = [
      [1, 2, 3],
      [0, 0, 0],
    ];
    gradients.forEach((gradient, step) => {
      const momentum = f(curveAt(curve, step, steps));
      momenta = momenta.map((m, i) => f(f(m * momentum) + gradient[i]!));
      values = values.map((w, i) => f(w - f(momenta[i]! * f(0.01))));
      expect(all[step], `step ${step}`).toEqual(values);
    });
  });

  it('of a momentum that stores feed back into are above 0', () => {
    const values = { momentum: flat(0) };
    const recipe = {
      ...recipes.dqt({ bits: 8, eco: true }),
      values: {
        'optimizer.beta1': {
          kind: 'linear',
          points: [
            [0, 0.9],
            [1, 0],
          ],
        },
      },
    } as const;
    expect(() => checkRecipe(recipe)).toThrow(
      expect.objectContaining({ argument: "recipe.values['optimizer.beta1'].points[1]" }),
    );
    const store = { kind: 'bfloat16', rounding: 'stochastic', feedback: 'momentum' } as const;
    expect(() => sgd(tf, {}, { values, steps, store })).toThrow(
      expect.objectContaining({ argument: 'options.values.momentum.points[0]' }),
    );
    expect(() => sgd(tf, {}, { values, steps })).not.toThrow();
  });

  it.each<[string, unknown, string]>([
    ['optimizer.beta1', flat(1), "recipe.values['optimizer.beta1'].points[0]"],
    ['optimizer.beta1', { kind: 'linear' }, "recipe.values['optimizer.beta1'].points"],
    ['optimizer.momentum', flat(0.5), "recipe.values['optimizer.momentum']"],
    ['optimizer.weightDecay', flat(0.5), "recipe.values['optimizer.weightDecay']"],
    ['beta1', flat(0.5), 'recipe.values.beta1'],
    ['learn.bits', flat(0.5), "recipe.values['learn.bits']"],
  ])('%s = %j is refused', (name, curve, argument) => {
    const recipe = { ...recipes.float32(), values: { [name]: curve } };
    expect(() => checkRecipe(recipe as never)).toThrow(expect.objectContaining({ argument }));
  });

  it('need the number of steps, and a momentum that is held', () => {
    const without = () => adamW(tf, {}, { values: { beta1: flat(0.5) } });
    expect(without).toThrow(expect.objectContaining({ argument: 'options.steps' }));
    const unheld = () => sgd(tf, { momentum: 0 }, { values: { momentum: flat(0.5) }, steps });
    expect(unheld).toThrow(expect.objectContaining({ argument: 'options.values.momentum' }));
  });
});

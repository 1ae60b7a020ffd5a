/** What slots do to products, where mathematics says what must come out. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { quantizer } from '../../src/quantizers/index.ts';
import { wasmBackend } from '../../src/tfjs/index.ts';
import { applyRecipe, type LinearSlots, type Recipe, recipes } from '../../src/train/index.ts';
import { programs } from './apply-recipe-programs.ts';
import { withSlots } from './slotted-products.ts';

beforeAll(async () => {
  await wasmBackend();
});

const identity = { format: 'binary32' } as const;

function all(operand: LinearSlots['forward']['x']): LinearSlots {
  return {
    forward: { x: operand, w: operand },
    inputGradient: { g: operand, w: operand },
    weightGradient: { g: operand, x: operand },
  };
}

function withPhase(linear: LinearSlots): Recipe {
  const [phase] = recipes.float32().phases;
  return { ...recipes.float32({ extraNorm: null }), phases: [{ ...phase!, linear }] };
}

const numbers = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

interface Outcome {
  readonly y: number[];
  readonly dx: number[];
  readonly dw: number[];
}

function dense(x: tf.Tensor2D, w: tf.Tensor2D, g: tf.Tensor2D, slots: LinearSlots): Outcome {
  return withSlots(tf, w, slots, () => {
    const product = (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D);
    const [dx, dw] = tf.grads(product as never)([x, w], g) as [tf.Tensor, tf.Tensor];
    return { y: numbers(product(x, w)), dx: numbers(dx), dw: numbers(dw) };
  });
}

function operands(rows = 24, inputs = 32, outputs = 16) {
  const normal = (shape: [number, number], seed: number) =>
    tf.randomNormal(shape, 0, 1, 'float32', seed) as tf.Tensor2D;
  return { x: normal([rows, inputs], 1), w: normal([inputs, outputs], 2), g: normal([rows, outputs], 3) };
}

describe('identity formats', () => {
  it.each(Object.keys(programs))('in every slot change no bit of %s', async (name) => {
    const losses = async (recipe: Recipe): Promise<number[]> => {
      const program = programs[name]!();
      const run = await applyRecipe(tf, recipe, { ...program.target, steps: 4, seed: 1 });
      const optimizer = run.optimizer(0.01);
      const found = [0, 1, 2, 3].map((step) => program.step(optimizer, step));
      run.stop();
      optimizer.dispose();
      program.dispose();
      return found;
    };
    const plain = await losses(recipes.float32({ extraNorm: null }));
    const { forward, ...backward } = all(identity);
    const outputs = {
      forward: { ...forward, y: identity },
      inputGradient: { ...backward.inputGradient, dx: identity },
      weightGradient: { ...backward.weightGradient, dw: identity },
    };
    expect(await losses(withPhase(outputs))).toEqual(plain);
    expect(await losses(withPhase({ ...all(identity), inputGradient: { g: identity, w: 'same' } }))).toEqual(
      plain,
    );
  });

  it('with a rotation pair give the same products but for rounding', () => {
    const { x, w, g } = operands();
    const turned = {
      ...identity,
      transform: { name: 'hadamard', size: 8, seed: 'step' },
      invert: false,
    } as const;
    const plain = dense(x, w, g, all(null));
    const pairs: LinearSlots[] = [
      all(turned),
      { ...all(null), forward: { x: turned, w: turned } },
      // What the backward products read is turned, and so is what comes out, until it is turned back.
      {
        forward: { x: turned, w: turned },
        inputGradient: { g: null, w: 'same' },
        weightGradient: { g: null, x: 'same' },
      },
      { ...all(null), weightGradient: { g: turned, x: turned } },
    ];
    for (const slots of pairs) {
      const found = dense(x, w, g, slots);
      for (const part of ['y', 'dx', 'dw'] as const)
        found[part].forEach((value, i) => {
          expect(Math.abs(value - plain[part][i]!), `${part}[${i}]`).toBeLessThan(2e-5);
        });
    }
  });
});

describe('a norm before the quantiser', () => {
  it.each(['rms', 'layer'] as const)('%s has the gradient that differences have', (norm) => {
    const { x, w, g } = operands(3, 16, 4);
    const slots: LinearSlots = {
      ...all(null),
      forward: { x: { norm }, w: null },
      weightGradient: { g: null, x: 'same' },
    };
    const { dx, y } = dense(x, w, g, slots);
    const loss = (values: readonly number[]): number => {
      const given = tf.tensor2d([...values], [3, 16]);
      return dense(given, w, g, slots).y.reduce((sum, value, i) => sum + value * numbers(g)[i]!, 0);
    };
    expect(y).toHaveLength(12);
    const base = numbers(x);
    const step = 2 ** -7;
    for (const i of [0, 7, 20, 47]) {
      const moved = (by: number) => base.map((value, j) => (j === i ? value + by : value));
      const slope = (loss(moved(step)) - loss(moved(-step))) / (2 * step);
      expect(Math.abs(slope - dx[i]!)).toBeLessThan(2e-3);
    }
  });
});

describe('a gradient rule', () => {
  it('clipped passes nothing of what the quantiser clamps', () => {
    const { x, w, g } = operands();
    const clip = {
      format: 'int4',
      scale: { per: 'tensor', from: 'constant', value: 0.25 },
      gradient: 'clipped',
    } as const;
    const plain = dense(x, w, g, { ...all(null), inputGradient: { g: null, w: null } }).dx;
    const { dx } = dense(x, w, g, { ...all(null), forward: { x: clip, w: null } });
    const made = quantizer(clip);
    const explained = made.explain(x.dataSync() as Float32Array, x.shape);
    const expected = [...made.pullback(explained, Float32Array.from(plain)).x];
    expect(expected).toContain(0);
    expect(expected).not.toEqual(plain);
    expect(dx).toEqual(expected);
  });
});

describe('a convolution of one tap', () => {
  it.each<[string, LinearSlots]>([
    ['rows', all({ format: 'int8', scale: { per: 'row', from: 'absmax' } })],
    ['blocks', all({ format: 'e2m1', scale: { per: 'block', size: 8, from: 'absmax', format: 'e8m0' } })],
    ['columns', all({ format: 'int4', scale: { per: 'column', from: 'absmax' } })],
    [
      'stochastic rounding',
      all({ format: 'int4', rounding: 'stochastic', scale: { per: 'tensor', from: 'absmax' } }),
    ],
  ])('has the bits of the dense product: %s', (_, slots) => {
    const { x, w, g } = operands();
    const reference = dense(x, w, g, slots);
    const filter = tf.reshape(w, [1, 1, 32, 16]) as tf.Tensor4D;
    const image = tf.reshape(x, [2, 3, 4, 32]) as tf.Tensor4D;
    const found = withSlots(tf, filter, slots, () => {
      const convolved = (a: tf.Tensor, b: tf.Tensor) =>
        tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same');
      const [dx, dw] = tf.grads(convolved as never)([image, filter], tf.reshape(g, [2, 3, 4, 16])) as [
        tf.Tensor,
        tf.Tensor,
      ];
      return { y: numbers(convolved(image, filter)), dx: numbers(dx), dw: numbers(dw) };
    });
    expect(found).toEqual(reference);
  });
});

describe('two models trained in turn', () => {
  it('have clocks of their own', async () => {
    const [one, two] = ['one', 'two'].map((name) =>
      tf.variable(tf.randomNormal([8, 8], 0, 1, 'float32', 5), true, name),
    ) as tf.Variable<tf.Rank.R2>[];
    const x = tf.randomNormal([4, 8], 0, 1, 'float32', 6) as tf.Tensor2D;
    const recipe = recipes.bitnetTransition({ at: 0.5, first: 'binary32', extraNorm: null });
    const run = await applyRecipe(tf, recipe, { variables: [one, two], steps: 4, seed: 1 });
    const read = (variable: tf.Variable<tf.Rank.R2>) =>
      tf.tidy(() => {
        const { value } = tf.variableGrads(() => tf.sum(tf.matMul(x, variable)) as tf.Scalar, [variable]);
        return value.dataSync()[0]!;
      });
    const plain = (variable: tf.Variable<tf.Rank.R2>) =>
      tf.tidy(() => tf.sum(tf.matMul(x, tf.clone(variable).add(0) as tf.Tensor2D)).dataSync()[0]!);
    const optimizers = [tf.train.sgd(0.01), tf.train.sgd(0.01)];
    const step = (index: number, variable: tf.Variable<tf.Rank.R2>) =>
      optimizers[index]!.minimize(() => tf.sum(tf.matMul(x, variable)) as tf.Scalar, false, [variable]);
    // The first model has its ternary weights after two steps of its own, however many the other has had.
    step(0, one!);
    step(0, one!);
    step(1, two!);
    expect(read(one!)).not.toBe(plain(one!));
    expect(read(two!)).toBe(plain(two!));
    step(1, two!);
    expect(read(two!)).not.toBe(plain(two!));
    expect(run.step).toBe(2);
    run.stop();
    tf.dispose([one!, two!, x, ...optimizers] as never);
  });
});

describe('misuse', () => {
  it('is refused by name and leaves the program as it was', async () => {
    const weight = tf.variable(tf.ones([8, 8]), true, 'mine/weight');
    const target = { variables: [weight], steps: 4, seed: 1 };
    const kernel = tf.getKernel('BatchMatMul', tf.getBackend());
    const refused = async (recipe: Recipe, argument: string, options: object = target) =>
      expect(applyRecipe(tf, recipe, options as never)).rejects.toMatchObject({
        name: 'ArgumentError',
        argument,
      });
    const bitnet = recipes.bitnet();
    const ruled = (where: object): Recipe => ({ ...bitnet, rules: [{ where, set: { frozen: true } }] });
    await refused(ruled({ layer: 'yours/*' }), 'recipe.rules[0].where');
    await refused(ruled({ role: 'convolution' }), 'recipe.rules[0].where');
    await refused(bitnet, 'variables[0]', { ...target, variables: [tf.tensor(1)] });
    await refused(bitnet, 'model', { model: {}, steps: 4, seed: 1 });
    await refused(bitnet, 'step', { ...target, step: 4 });
    await refused(bitnet, 'steps', { ...target, steps: 0 });
    const whole = tf.variable(tf.ones([4, 4], 'int32'), true, 'whole');
    await refused(recipes.dqt({ bits: 8 }), 'variables[0]', { ...target, variables: [whole] });
    expect(tf.getKernel('BatchMatMul', tf.getBackend())).toBe(kernel);
    const run = await applyRecipe(tf, bitnet, target);
    await refused(bitnet, 'recipe');
    run.stop();
    run.stop();
    expect(tf.getKernel('BatchMatMul', tf.getBackend())).toBe(kernel);
    tf.dispose([weight, whole]);
  });
});

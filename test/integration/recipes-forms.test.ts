/** Recipes whose quantisers stand behind a form: powers, complex weights, adapters and branches, against their papers' algebra. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { formats } from '../../src/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { powerBits } from '../../src/train/engine/form-power.ts';
import { applyRecipe, bitsPerWeight, type Recipe, type RecipeRun, recipes } from '../../src/train/index.ts';
import { Powers, powerSlopes, powerValue } from '../oracles/recipes/power.ts';
import { type LayerSlots, matrix, numbers, step } from '../oracles/recipes/slots.ts';
import { netOf, trained } from './recipe-steps.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const f = Math.fround;

/** Gradient descent at a rate that stays as it is. */
const descent = {
  optimizer: { kind: 'sgd', momentum: 0 },
  schedule: { kind: 'linear', warmup: 0, final: 1 },
} as const;

/** One matrix y = x w under a recipe, loss the sum of t y. */
async function withMatrix(
  recipe: Recipe,
  [tokens, inputs, outputs]: readonly [number, number, number],
  fn: (program: {
    readonly run: RecipeRun;
    readonly x: Float32Array;
    readonly w: Float32Array;
    /** The result, and the gradient of the weight; takes a step at a rate. */
    step(rate?: number): { readonly y: Float32Array; readonly dw: Float32Array; readonly dx: Float32Array };
    numbers(): number[];
    /** The weight as it is by now. */
    weight(): Float32Array;
  }) => void,
  steps = 4,
): Promise<void> {
  const [x, w, t] = [
    numbers(tokens * inputs, 1),
    numbers(inputs * outputs, 2),
    numbers(tokens * outputs, 3),
  ] as const;
  const weight = tf.variable(tf.tensor2d(w, [inputs, outputs]), true, 'layer/kernel');
  const [xs, ts] = [tf.tensor2d(x, [tokens, inputs]), tf.tensor2d(t, [tokens, outputs])];
  const bare = { ...recipe, extraNorm: null, update: { gradient: [] } };
  const run = await applyRecipe(tf, bare, { variables: [weight], steps, seed: 1 });
  try {
    fn({
      ...{ run, x, w },
      step: (rate = 0) => {
        const optimizer = tf.train.sgd(rate);
        let y: Float32Array | undefined;
        const input = tf.variable(xs);
        const { grads } = tf.variableGrads(() => {
          const result = tf.matMul(input as Tensor2D, weight as Tensor2D);
          y = result.dataSync<'float32'>().slice();
          return tf.sum(tf.mul(result, ts)).asScalar();
        }, [weight, input]);
        const [dw, dx] = [weight, input].map(({ name }) => grads[name]!.dataSync<'float32'>().slice());
        optimizer.applyGradients({ [weight.name]: grads[weight.name]! });
        tf.dispose([grads as unknown as Tensor, input]);
        optimizer.dispose();
        return { y: y!, dw: dw!, dx: dx! };
      },
      numbers: () => {
        const saved = [...run.save().arrays].find(([name]) => name.endsWith('/form'));
        return [...new Float64Array(saved![1].data.slice().buffer)];
      },
      weight: () => weight.dataSync().slice() as Float32Array,
    });
  } finally {
    run.stop();
    tf.dispose([weight, xs, ts]);
  }
}

describe('powers on a grid', () => {
  it('have the derivatives of the value, rounding being a constant', () => {
    const h = 2 ** -20;
    for (const x of [...numbers(40, 5), 0, 3, -3])
      for (const given of [
        { d: 0.02, q: 0.5, t: 0.8 },
        { d: 0.1, q: 2, t: 1.5 },
      ]) {
        const u = (Math.sign(x) * Math.min(Math.abs(x), given.q) ** given.t) / given.d;
        const rest = Math.round(u) - u;
        const smooth = (moved: typeof given): number => powerValue(x, moved, (v) => v + rest);
        const slopes = powerSlopes(x, given);
        for (const name of ['d', 'q', 't'] as const) {
          const up = smooth({ ...given, [name]: given[name] + h });
          const down = smooth({ ...given, [name]: given[name] - h });
          expect(Math.abs((up - down) / (2 * h) - slopes[name]), `${name} at ${x}`).toBeLessThan(1e-7);
        }
      }
  });

  it.each([
    [[4, 16], 8],
    [[2, 5], 4],
    [[3, 6], 6],
  ] as const)('bits %j from %d: the bits of plain loops', async (bits, initial) => {
    const setting = { bits, initial, scaleRate: 2 ** -12, formRate: 2 ** -8 };
    const recipe = recipes.geta({ ...setting, ...descent });
    const nets = [0.5, 1, 2].map((size, i) => netOf(i + 3, size));
    const layers = [true, false].map((isFirst) => {
      const [x, w] = [new Powers(setting), new Powers(setting)];
      const slots: LayerSlots = {
        ...{ x: x.read, w: w.read, dw: 'same', wx: 'same', ww: w.pullBackTransposed },
        ...(isFirst ? {} : { dx: x.pullBack }),
      };
      return { slots, next: () => [x, w].forEach((one) => void one.step()) };
    });
    const expected = nets.map((net) => {
      const after = step(net, [layers[0]!.slots, layers[1]!.slots], 2 ** -4);
      for (const one of layers) one.next();
      return after;
    });
    expect(await trained(tf, recipe, nets)).toEqual(expected);
  });

  it('move d, q and t along the slopes of the loss, by finite differences away from the kinks', async () => {
    const size = [5, 6, 4] as const;
    const t = numbers(size[0] * size[2], 3);
    // So wide a range of bits holds d nowhere.
    const recipe = recipes.geta({
      ...{ bits: [2, 16], initial: 4, activations: false, scaleRate: 2 ** -14, formRate: 2 ** -5 },
      ...descent,
    });
    const h = 2 ** -16;
    let clipped = 0;
    await withMatrix(recipe, size, ({ run, x, weight, step: next, numbers: read }) => {
      const all = () => {
        const d = [...run.save().arrays].find(([name]) => name.endsWith('/scales'))![1];
        const [q, power] = read();
        return { d: new Float64Array(d.data.slice().buffer)[0]!, q: q!, t: power! };
      };
      // Weights begin within q: they have to move.
      next(2 ** -4);
      const w = weight();
      for (let i = 1; i < 4; i++) {
        const now = all();
        // The loss where rounding adds to each weight what it adds at present.
        const rests = Array.from(w, (v) => {
          const u = (Math.sign(v) * Math.min(Math.abs(v), now.q) ** now.t) / now.d;
          expect(Math.abs(Math.abs(v) - now.q)).toBeGreaterThan(h);
          expect(Math.abs(Math.abs(u - Math.trunc(u)) - 0.5)).toBeGreaterThan(1e-4);
          return Math.round(u) - u;
        });
        clipped += w.filter((v) => Math.abs(v) > now.q).length;
        const loss = (moved: typeof now): number =>
          rests.reduce((sum, rest, at) => {
            const [input, output] = [Math.floor(at / size[2]), at % size[2]];
            const value = powerValue(w[at]!, moved, (u) => u + rest);
            for (let token = 0; token < size[0]; token++)
              sum += t[token * size[2] + output]! * x[token * size[1] + input]! * value;
            return sum;
          }, 0);
        next();
        const after = all();
        for (const [name, rate] of [
          ['d', 2 ** -14],
          ['q', 2 ** -5],
          ['t', 2 ** -5],
        ] as const) {
          const slope =
            (loss({ ...now, [name]: now[name] + h }) - loss({ ...now, [name]: now[name] - h })) / (2 * h);
          const moved = (now[name] - after[name]) / rate;
          // The numbers are binary32, and so are the products.
          expect(Math.abs(moved - slope), `${name}, step ${i}`).toBeLessThan(
            (2 ** -23 * now[name]) / rate + 1e-4,
          );
        }
      }
    });
    expect(clipped).toBeGreaterThan(0);
  });

  it('begin within the range of bits where there is nothing but zeros', async () => {
    const recipe = recipes.geta({ bits: [5, 7], activations: false, ...descent });
    const weight = tf.variable(tf.zeros([3, 2]), true, 'layer/kernel');
    const run = await applyRecipe(tf, recipe, { variables: [weight], steps: 1, seed: 1 });
    const { grads } = tf.variableGrads(
      () => tf.sum(tf.matMul(tf.ones([1, 3]), weight as unknown as Tensor2D)).asScalar(),
      [weight],
    );
    const scales = [...run.save().arrays].find(([name]) => name.endsWith('/scales'))![1];
    // q is 1, and 5 bits have 15 steps.
    expect([...new Float64Array(scales.data.slice().buffer)]).toEqual([f(1 / 15)]);
    run.stop();
    tf.dispose([weight, grads as unknown as Tensor]);
  });

  it('have bits within the range, however fast steps are trained', async () => {
    const recipe = recipes.geta({
      bits: [3, 6],
      activations: false,
      scaleRate: 0.5,
      formRate: 0.5,
      ...descent,
    });
    await withMatrix(recipe, [5, 6, 4], ({ run, step: next, numbers: read }) => {
      for (let i = 0; i < 4; i++) {
        next();
        const scales = [...run.save().arrays].find(([name]) => name.endsWith('/scales'))![1];
        const [limit, exponent] = read();
        const bits = powerBits(limit!, exponent!, new Float64Array(scales.data.slice().buffer)[0]!);
        expect(bits).toBeGreaterThan(3 - 1e-6);
        expect(bits).toBeLessThan(6 + 1e-6);
      }
    });
  });
});

describe('complex weights', () => {
  type Complex = readonly [number, number];
  const times = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c];
  const [tokens, inputs, outputs] = [3, 8, 6];

  /** The complex numbers of a row: real parts, then imaginary ones. */
  const complexRow = (values: Float32Array, row: number, columns: number): Complex[] =>
    Array.from({ length: columns / 2 }, (_, j) => [
      values[row * columns + j]!,
      values[row * columns + columns / 2 + j]!,
    ]);

  it.each(['conjugate', 'plain'] as const)('%s: are explicit complex algebra', async (product) => {
    const recipe = recipes.ifairy({ product, activations: false });
    await withMatrix(recipe, [tokens, inputs, outputs], ({ x, w, step: next }) => {
      const { y, dx } = next();
      // What the matrix, (inputs, outputs), says of r + i c: the mean of what its quarters do.
      const at = (out: number, input: number): number => w[input * outputs + out]!;
      const [half, width] = [outputs / 2, inputs / 2];
      const sign = product === 'conjugate' ? -1 : 1;
      const weights: Complex[][] = Array.from({ length: half }, (_, i) =>
        Array.from({ length: width }, (_, j) => [
          f((at(i, j) + sign * at(i + half, j + width)) / 2),
          f((at(i + half, j) - sign * at(i, j + width)) / 2),
        ]),
      );
      const rootOf = ([r, c]: Complex): Complex => {
        const distance = ([a, b]: Complex): number => -(a * r + b * c);
        return formats.fourthRoots
          .values()
          .reduce((best, one) => (distance(one) < distance(best) ? one : best));
      };
      const all = weights.flat();
      const scaleOf = (part: 0 | 1): number => {
        const own = all.filter((one) => rootOf(one)[part] !== 0);
        return f(own.reduce((sum, one) => sum + Math.abs(one[part]), 0) / own.length);
      };
      const scales = [scaleOf(0), scaleOf(1)] as const;
      const image = weights.map((row) =>
        row.map((one): Complex => {
          const [a, b] = rootOf(one);
          return [f(a * scales[0]), f(b * scales[1])];
        }),
      );
      for (let token = 0; token < tokens; token++) {
        const given = complexRow(x, token, inputs);
        image.forEach((row, i) => {
          const sum = row.reduce<Complex>(
            ([a, b], one, j) => {
              const [re, im] = given[j]!;
              const [c, d] = times(one, product === 'conjugate' ? [re, -im] : [re, im]);
              return [a + c, b + d];
            },
            [0, 0],
          );
          const [re, im] = complexRow(y, token, outputs)[i]!;
          expect(Math.abs(re - sum[0])).toBeLessThan(1e-6);
          expect(Math.abs(im - sum[1])).toBeLessThan(1e-6);
        });
      }
      expect(dx.every(Number.isFinite)).toBe(true);
    });
  });

  it('move along gradients that went straight through, and stay complex', async () => {
    const recipe = recipes.ifairy({ activations: false });
    await withMatrix(recipe, [tokens, inputs, outputs], ({ x, step: next }) => {
      const { dw } = next();
      const t = numbers(tokens * outputs, 3);
      // Straight through: x transposed times t, of which the complex part is left.
      const full = (i: number, o: number): number =>
        Array.from({ length: tokens }, (_, k) => k).reduce(
          (sum, k) => f(sum + f(x[k * inputs + i]! * t[k * outputs + o]!)),
          0,
        );
      for (let i = 0; i < inputs / 2; i++)
        for (let o = 0; o < outputs / 2; o++) {
          const [i2, o2] = [i + inputs / 2, o + outputs / 2];
          const real = f((full(i, o) - full(i2, o2)) / 2);
          const imaginary = f((full(i, o2) + full(i2, o)) / 2);
          const read = (a: number, b: number): number => dw[a * outputs + b]!;
          expect([read(i, o), read(i2, o2), read(i, o2), read(i2, o)]).toEqual([
            real,
            -real,
            imaginary,
            imaginary,
          ]);
        }
    });
  });

  /** What a weight is read as under the recipe. */
  const readAs = async (
    w: Float32Array,
    shape: readonly number[],
    name: string,
    read: (weight: Tensor) => Tensor,
  ): Promise<Float32Array> => {
    const weight = tf.variable(tf.tensor(w, [...shape]), true, name);
    const recipe = { ...recipes.ifairy({ activations: false }), extraNorm: null };
    const run = await applyRecipe(tf, recipe, { variables: [weight], steps: 1, seed: 1 });
    const image = tf.tidy(() => read(weight).dataSync().slice() as Float32Array);
    run.stop();
    weight.dispose();
    return image;
  };

  it('are of channels, in each tap: odd ones and those without partners stay real', async () => {
    // Two taps beside each other, each met by a one of its own.
    const perTap = (inputs: number): Tensor => {
      const ones = [0, 1].flatMap((tap) =>
        Array.from({ length: inputs }, (_, c) =>
          Array.from({ length: 2 * inputs }, (_one, i) => (i === tap * inputs + c ? 1 : 0)),
        ),
      );
      return tf.tensor4d(ones.flat(), [2 * inputs, 1, 2, inputs]);
    };
    const [odd, even] = [numbers(2 * 2 * 3, 4), numbers(2 * 2 * 4, 5)];
    const convolved = (inputs: number) => (weight: Tensor) =>
      tf.conv2d(perTap(inputs) as never, weight as never, 1, 'valid');
    expect(await readAs(odd, [1, 2, 2, 3], 'odd/kernel', convolved(2))).toEqual(odd);
    const image = await readAs(even, [1, 2, 2, 4], 'even/kernel', convolved(2));
    for (const tap of [0, 1])
      for (const o of [0, 1]) {
        const at = (input: number, output: number): number => image[(2 * tap + input) * 4 + output]!;
        // Real parts have opposite signs, imaginary ones the same; one of both is 0.
        expect(at(1, o + 2)).toBe(-at(0, o) + 0);
        expect(at(0, o + 2)).toBe(at(1, o));
        expect([at(0, o), at(1, o)].filter((part) => part !== 0)).toHaveLength(1);
      }
    // Channels of a depthwise filter do not meet.
    const apart = numbers(2 * 2, 6);
    const depthwise = (weight: Tensor): Tensor =>
      tf.sum(tf.depthwiseConv2d(perTap(2) as never, weight as never, 1, 'valid'), -1);
    expect(await readAs(apart, [1, 2, 2, 1], 'depthwise_kernel', depthwise)).toEqual(apart);
    // A stack of matrices with an odd side is real, with even sides a complex one each.
    const stacked = (inputs: number) => (weight: Tensor) =>
      tf.matMul(tf.tile(tf.reshape(tf.eye(inputs), [1, inputs, inputs]), [2, 1, 1]), weight);
    expect(await readAs(odd, [2, 2, 3], 'stack', stacked(2))).toEqual(odd);
    expect(await readAs(even, [2, 2, 4], 'stack', stacked(2))).toEqual(image);
  });

  it('have 2 bits for each complex number, and odd ones stay real', async () => {
    const parameters = [{ name: 'layer', role: 'linear', shape: [6, 8] }] as const;
    expect(bitsPerWeight(recipes.ifairy(), 0, { parameters })).toBe(0.5);
    expect(bitsPerWeight(recipes.ifairy(), 0, { parameters: [{ ...parameters[0], shape: [5, 8] }] })).toBe(
      32,
    );
    const bitsOf = (...filter: number[]): number =>
      bitsPerWeight(recipes.ifairy(), 0, {
        parameters: [{ name: 'filter', role: 'convolution', shape: filter }],
      });
    expect([bitsOf(2, 2, 4, 3), bitsOf(3, 3, 3, 4), bitsOf(3, 3, 4, 2)]).toEqual([32, 32, 0.5]);
    await withMatrix(recipes.ifairy({ activations: false }), [3, 7, 6], ({ x, w, step: next }) => {
      const { y } = next();
      const net = netOf(1, 1, [3, 7, 6, 1]);
      const plain = step({ ...net, x: matrix(3, 7, x), a: matrix(7, 6, w) }, [{}, {}], 0);
      expect(plain.a.values).toEqual(w);
      const sums = Array.from(y, (_, at) => {
        const [row, column] = [Math.floor(at / 6), at % 6];
        return Array.from({ length: 7 }, (_, k) => k).reduce(
          (sum, k) => f(sum + f(x[row * 7 + k]! * w[k * 6 + column]!)),
          0,
        );
      });
      expect([...y]).toEqual(sums);
    });
  });
});

describe('adapters merged before the quantiser', () => {
  const rate = 2 ** -6;
  const [tokens, inputs, outputs] = [5, 8, 6];

  it('begin with nothing, and are trained through it', async () => {
    const recipe = recipes.l4q({
      bits: 4,
      group: 4,
      rank: 2,
      alpha: 6,
      at: 0,
      adapterRate: rate,
      scaleRate: rate,
      ...descent,
    });
    const plain = { ...recipe.phases[0]!, rules: [] };
    const { form: _, ...bare } = plain.linear.forward.w as Exclude<
      typeof plain.linear.forward.w,
      string | null
    >;
    const without: Recipe = {
      ...recipe,
      name: 'without',
      phases: [
        {
          ...plain,
          linear: { ...plain.linear, forward: { x: null, w: { ...bare, learn: bare.learn!.slice(0, 2) } } },
        },
      ],
    };
    let first: { readonly y: Float32Array; readonly dw: Float32Array } | undefined;
    await withMatrix(without, [tokens, inputs, outputs], ({ step: next }) => {
      first = next();
    });
    await withMatrix(recipe, [tokens, inputs, outputs], ({ step: next, numbers: read }) => {
      // W is read as it is, so result and gradient are those of the quantiser alone.
      const own = next(2 ** -3);
      expect(own.y).toEqual(first!.y);
      expect(own.dw).toEqual(first!.dw);
      const after = read();
      // (outputs, rank) and (rank, inputs); the second has had no gradient, as the first was 0.
      const [left, right] = [after.slice(0, outputs * 2), after.slice(outputs * 2)];
      expect(right.every((v) => v !== 0)).toBe(true);
      const expected = left.map((_, at) => {
        const [o, k] = [Math.floor(at / 2), at % 2];
        let sum = 0;
        for (let i = 0; i < inputs; i++) sum += 3 * own.dw[i * outputs + o]! * right[k * inputs + i]!;
        return f(0 - f(f(sum) * f(rate)));
      });
      expect(left).toEqual(expected);
      // Weights are frozen; what is read is the quantiser of W + 3 left right.
      const later = next(2 ** -3);
      expect(later.y).not.toEqual(own.y);
      expect(read().slice(outputs * 2)).not.toEqual(right);
    });
  });
});

describe('branches that go', () => {
  it('begin with the best of the error, and are gone in the end', async () => {
    const recipe = recipes.qvgen({
      bits: 3,
      rank: 2,
      until: 0.5,
      activations: false,
      branchRate: 2 ** -8,
      ...descent,
    });
    const form = (recipe.phases[0]!.linear.forward.w as { readonly form: object }).form;
    const { learn: _l, form: _f, ...w } = recipe.phases[0]!.linear.forward.w as Record<string, unknown>;
    const bare = {
      ...recipe,
      phases: [
        {
          ...recipe.phases[0]!,
          linear: { ...recipe.phases[0]!.linear, forward: { x: null, w: w as never } },
        },
      ],
    };
    const results: Float32Array[] = [];
    await withMatrix(bare, [5, 8, 6], ({ step: next }) => {
      results.push(next().y);
    });
    expect(form).toMatchObject({
      at: 'after',
      fade: {
        points: [
          [0, 1],
          [0.5, 0],
        ],
      },
    });
    await withMatrix(recipe, [5, 8, 6], ({ x, w: weight, step: next }) => {
      const errorOf = (y: Float32Array): number =>
        Array.from(y, (v, at) => {
          const [row, column] = [Math.floor(at / 6), at % 6];
          let exact = 0;
          for (let k = 0; k < 8; k++) exact += x[row * 8 + k]! * weight[k * 6 + column]!;
          return (v - exact) ** 2;
        }).reduce((sum, v) => sum + v, 0);
      const own = Array.from({ length: 4 }, () => next().y);
      expect(errorOf(own[0]!)).toBeLessThan(0.6 * errorOf(results[0]!));
      // The factor is 1, 1/2, then 0.
      expect(own[1]).not.toEqual(own[0]);
      expect(own[2]).toEqual(results[0]);
      expect(own[3]).toEqual(results[0]);
    });
  });
});

/** The model as a function: causal, with a gradient that is its slope, and with the optimiser's published update. */
import type { Tensor } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { emulate, inRole, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { crossEntropy } from '../../src/train/cross-entropy.ts';
import { createLanguageModel } from '../../src/train/language-model.ts';
import { type LanguageModelConfig, modelConfig, models } from '../../src/train/model-config.ts';
import { oneHot } from '../../src/train/one-hot.ts';
import { adamW, clipByGlobalNorm, defaultOptimizer } from '../../src/train/optimizers/index.ts';
import { gaussians } from '../../src/train/random.ts';
import type { ExtraNorm } from '../../src/train/recipe.ts';
import { bitnetSlots } from '../../src/train/recipes/index.ts';
import { parameterCounts } from '../../src/train/tasks.ts';
import { withModelSlots } from './slotted-products.ts';

const config: LanguageModelConfig = {
  name: 'test',
  width: 16,
  layers: 2,
  heads: 2,
  hidden: 24,
  context: 6,
  sequences: 3,
  learningRate: 1e-2,
};
const vocabulary = 7;
const tokens = Int32Array.from({ length: 18 }, (_, i) => (i * i) % vocabulary);
const targets = tokens.map((token) => (token + 1) % vocabulary);

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

describe('a stable embedding', () => {
  const stable = { ...config, stableEmbedding: true };

  it('begins with uniform values of Xavier, and its norm has a gain and a bias', () => {
    const model = createLanguageModel(tf, stable, vocabulary, 3, null);
    expect(model.parameters.slice(0, 3).map(({ name, role, shape }) => [name, role, shape])).toEqual([
      ['embedding', 'embedding', [vocabulary, 16]],
      ['embedding.norm', 'gain', [16]],
      ['embedding.bias', 'bias', [16]],
    ]);
    const values = model.parameters[0]!.variable.dataSync() as Float32Array;
    const limit = Math.sqrt(6 / (vocabulary + 16));
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(limit);
    expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.9 * limit);
    const square = values.reduce((sum, x) => sum + x * x, 0) / values.length;
    expect(Math.abs(square / (limit ** 2 / 3) - 1)).toBeLessThan(0.25);
    model.dispose();
    expect(() => modelConfig({ ...config, stableEmbedding: 1 } as never)).toThrow(
      /^model.stableEmbedding: got 1/,
    );
  });

  it('hands the blocks a norm of what was looked up', () => {
    // Whatever is added to or multiplies all of a token's channels is gone behind the norm.
    const logitsOf = (change: (x: Tensor) => Tensor): Float32Array => {
      const model = createLanguageModel(tf, stable, vocabulary, 3, null);
      const { variable } = model.parameters[0]!;
      tf.tidy(() => variable.assign(change(variable)));
      const logits = tf.tidy(
        () =>
          model
            .forward(oneHot(tf, tokens, vocabulary))
            .dataSync()
            .slice() as never,
      );
      model.dispose();
      return logits as unknown as Float32Array;
    };
    const usual = logitsOf((x) => tf.mul(x, 1));
    logitsOf((x) => tf.add(tf.mul(x, 512), 1)).forEach((y, i) => {
      expect(Math.abs(y - usual[i]!)).toBeLessThan(2e-4);
    });
    expect(logitsOf((x) => tf.square(x))).not.toEqual(usual);
  });
});

describe('planted outliers', () => {
  const valuesOf = (given: LanguageModelConfig): Map<string, Float32Array> => {
    const model = createLanguageModel(tf, given, vocabulary, 3, null);
    const values = model.parameters.map(
      ({ name, variable }) => [name, variable.dataSync().slice() as Float32Array] as const,
    );
    model.dispose();
    return new Map(values);
  };
  const readers = /\.(query|key|value|gate|up)$/;
  const gains = /\.norm$/;

  it.each([
    [0.01, 20, [8]],
    [0.125, 20, [4, 12]],
    [0.13, 3, [2, 8, 13]],
    [1, 2 ** 16, Array.from({ length: 16 }, (_, i) => i)],
  ])('of part %d, times %d, are channels %j of what blocks read', (part, factor, channels) => {
    const plain = valuesOf(config);
    const planted = valuesOf({ ...config, outliers: { part, factor } });
    expect([...planted.keys()]).toEqual([...plain.keys()]);
    for (const [name, values] of planted) {
      const factorOf = gains.test(name) ? factor : readers.test(name) ? 1 / factor : 1;
      const expected = plain
        .get(name)!
        .map((value, i) => (channels.includes(i % config.width) ? value * factorOf : value));
      expect(values, name).toEqual(expected);
      if (factorOf !== 1) expect(values, name).not.toEqual(plain.get(name));
    }
  });

  it.each([1, 2, 16, 2 ** 16])('times %d leave the function as it is, to the bit', (factor) => {
    const logitsOf = (given: LanguageModelConfig) => {
      const model = createLanguageModel(tf, given, vocabulary, 3, { kind: 'rms', where: 'o,down' });
      const logits = tf.tidy(() => model.forward(oneHot(tf, tokens, vocabulary)).dataSync());
      model.dispose();
      return logits;
    };
    expect(logitsOf({ ...config, outliers: { part: 0.2, factor } })).toEqual(logitsOf(config));
  });

  it('cost 4-bit activations their signal, and clamping brings it back', () => {
    const outliers = { part: 0.01, factor: 20 };
    const sqnrOf = (given: LanguageModelConfig, transform: object): number => {
      const wide = { ...given, width: 96, hidden: 96, heads: 4 };
      const model = createLanguageModel(tf, wide, vocabulary, 3, null);
      const gain = model.parameters.find(({ name }) => gains.test(name))!.variable.dataSync();
      model.dispose();
      const x = gaussians(96 * 64, 1, 5, 'rows').map((value, i) => value * gain[i % 96]!);
      const made = quantizer({ format: 'e2m1', scale: { per: 'row', from: 'absmax' }, ...transform });
      const image = made.fakeQuantize(x, [64, 96]);
      const isPlain = (i: number) => gain[i % 96] === 1;
      const sum = (of: (i: number) => number) =>
        x.reduce((total, _, i) => total + (isPlain(i) ? of(i) : 0), 0);
      return sum((i) => x[i]! ** 2) / sum((i) => (x[i]! - image[i]!) ** 2);
    };
    const clamped = { transform: { name: 'clamp-residual', alpha: 0.99 } };
    const [without, planted] = [sqnrOf(config, {}), sqnrOf({ ...config, outliers }, {})];
    expect(planted).toBeLessThan(without / 4);
    expect(sqnrOf({ ...config, outliers }, clamped)).toBeGreaterThan(2 * planted);
  });

  it.each([
    [{ part: 0, factor: 20 }, 'model.outliers.part'],
    [{ part: 1.5, factor: 20 }, 'model.outliers.part'],
    [{ part: 0.1, factor: 0.5 }, 'model.outliers.factor'],
    [{ part: 0.1 }, 'model.outliers.factor'],
    [{ part: 0.1, factor: 2, at: [1] }, 'model.outliers.at'],
  ])('refuse %j', (outliers, argument) => {
    expect(() => modelConfig({ ...config, outliers } as never)).toThrow(
      expect.objectContaining({ argument }),
    );
  });
});

describe('the model', () => {
  const norms: (ExtraNorm | null)[] = [
    null,
    { kind: 'rms', where: 'o,down' },
    { kind: 'layer', where: 'all' },
  ];

  it.each(norms)('with extra norm %j is causal', (extraNorm) => {
    const model = createLanguageModel(tf, config, vocabulary, 1, extraNorm);
    const logits = (changed: number) => {
      const input = tokens.slice();
      if (changed >= 0) input[changed] = (input[changed]! + 3) % vocabulary;
      return withModelSlots(tf, model, bitnetSlots, () =>
        tf.tidy(() => model.forward(oneHot(tf, input, vocabulary)).arraySync()),
      );
    };
    const before = logits(-1);
    // Position 2 of the second sequence.
    const after = logits(6 + 2);
    expect(after.slice(0, 8)).toEqual(before.slice(0, 8));
    expect(after.slice(12)).toEqual(before.slice(12));
    for (let row = 8; row < 12; row++) expect(after[row]).not.toEqual(before[row]);
    model.dispose();
  });

  it.each(norms)('with extra norm %j has the slope of its loss as gradient', (extraNorm) => {
    const model = createLanguageModel(tf, config, vocabulary, 1, extraNorm);
    // Far from the flat start, and with gains that are not 1.
    for (const { name, variable } of model.parameters)
      tf.tidy(() => {
        const noise = tf.tensor(gaussians(variable.size, 0.15, 2, name), variable.shape);
        variable.assign(tf.add(variable, noise));
      });
    const loss = () =>
      crossEntropy(tf, model.forward(oneHot(tf, tokens, vocabulary)), oneHot(tf, targets, vocabulary));
    const variables = model.parameters.map(({ variable }) => variable);
    const { grads, value } = tf.variableGrads(loss, variables);
    for (const { name, variable } of model.parameters) {
      const { slope, steepness } = tf.tidy(() => {
        const gradient = grads[variable.name]!;
        const norm = tf.norm(gradient).dataSync()[0]!;
        const direction = tf.div(gradient, norm);
        const origin = variable.clone();
        const at = (t: number) => {
          variable.assign(tf.add(origin, tf.mul(direction, t)));
          return loss().dataSync()[0]!;
        };
        const h = 2 ** -7;
        const rise = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
        variable.assign(origin.clone());
        return { slope: rise, steepness: norm };
      }) as unknown as { slope: number; steepness: number };
      expect([name, Math.abs(slope - steepness) < 2e-3 * steepness + 1e-5]).toEqual([name, true]);
    }
    tf.dispose([value, ...Object.values(grads)]);
    model.dispose();
  });

  it('starts from the seed, the same for every arithmetic', () => {
    const initial = (seed: number, norm: ExtraNorm | null) => {
      const model = createLanguageModel(tf, config, vocabulary, seed, norm);
      const values = model.parameters.map(({ name, variable }) => [name, [...variable.dataSync()]]);
      model.dispose();
      return values;
    };
    expect(initial(1, null)).toEqual(initial(1, norms[1]!));
    expect(initial(1, null)).not.toEqual(initial(2, null));
  });

  it('has the sizes of its preset', () => {
    const counts = parameterCounts(models['llama-tiny']!, 80);
    const linear = counts.filter(({ role }) => role === 'linear').reduce((sum, { size }) => sum + size, 0);
    expect(linear).toBe(2 * (4 * 96 * 96 + 3 * 96 * 256));
    expect(counts.reduce((sum, { size }) => sum + size, 0)).toBe(linear + 2 * 80 * 96 + 5 * 96);
  });

  it('evaluates in the emulated format', async () => {
    const model = createLanguageModel(tf, config, vocabulary, 1, norms[1]!);
    await emulate.scope(tf, { format: 'bfloat16' }, () => {
      const logits = tf.tidy(() =>
        inRole(tf, 'predict', () => model.forward(oneHot(tf, tokens, vocabulary))).dataSync(),
      );
      expect(logits.every((value) => formats.bfloat16.has(value))).toBe(true);
    });
    model.dispose();
  });
});

describe('AdamW', () => {
  /** The update of the paper, with its two bias corrections written out, in binary64. */
  function reference(w: number[], gradients: number[][], rate: number, decay: number): number[] {
    const { beta1, beta2, epsilon } = defaultOptimizer;
    return w.map((start, i) => {
      let [p, m, v] = [start, 0, 0];
      gradients.forEach((gradient, t) => {
        m = beta1 * m + (1 - beta1) * gradient[i]!;
        v = beta2 * v + (1 - beta2) * gradient[i]! ** 2;
        const mHat = m / (1 - beta1 ** (t + 1));
        const vHat = v / (1 - beta2 ** (t + 1));
        p -= rate * (mHat / (Math.sqrt(vHat) + epsilon) + decay * p);
      });
      return p;
    });
  }

  it.each([
    ['a matrix, with decay', [2, 3], defaultOptimizer.weightDecay],
    ['a vector, without', [6], 0],
  ])('updates %s', (_, shape, decay) => {
    const start = [...gaussians(6, 1, 1, 'w')];
    const gradients = [1, 2, 3].map((step) => [...gaussians(6, 0.1, step, 'g')]);
    const variable = tf.variable(tf.tensor(start, shape));
    const optimizer = adamW(tf, defaultOptimizer);
    optimizer.learningRate = 0.01;
    const apply = () => {
      for (const gradient of gradients)
        optimizer.applyGradients({ [variable.name]: tf.tensor(gradient, shape) });
      return [...variable.dataSync()];
    };
    const expected = reference(start, gradients, 0.01, decay);
    const first = apply();
    first.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(4 * 2 ** -24 * Math.max(1, Math.abs(expected[i]!)));
    });
    expect(optimizer.iterations).toBe(3);
    // After a reset it is a new optimiser.
    optimizer.reset();
    variable.assign(tf.tensor(start, shape));
    expect(apply()).toEqual(first);
    optimizer.dispose();
    variable.dispose();
  });

  it('clips the gradients together, and only when they are too long', () => {
    const gradients = { a: tf.tensor1d([3, 0]), b: tf.tensor2d([[0], [4]]) } as Record<string, Tensor>;
    const clipped = clipByGlobalNorm(tf, gradients, 1);
    expect(clipped.norm).toBe(5);
    expect([...clipped.gradients['b']!.dataSync()]).toEqual([0, Math.fround(0.8)]);
    expect(clipByGlobalNorm(tf, gradients, 5).gradients).toBe(gradients);
  });
});

/** Updates of the optimisers where binary32 ends: what must still be a number, what is refused, what states draw. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  adafactor,
  adamW,
  DivergenceError,
  defaultAdafactor,
  defaultOptimizer,
  type OptimizerSettings,
} from '../../src/train/index.ts';
import { clipByGlobalNorm, optimizerOf } from '../../src/train/optimizers/index.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

/** The updates of Adafactor without decay at rate 1, step after step. */
function updatesOf(
  shape: readonly [number, number],
  gradients: readonly (readonly number[])[],
  settings: Partial<typeof defaultAdafactor> = {},
): Float32Array[] {
  return tf.tidy(() => {
    const optimizer = adafactor(tf, { ...defaultAdafactor, weightDecay: 0, ...settings });
    optimizer.learningRate = 1;
    const variable = tf.variable(tf.zeros([...shape]));
    const updates = gradients.map((gradient) => {
      variable.assign(tf.zeros([...shape]));
      optimizer.applyGradients({ [variable.name]: tf.tensor2d([...gradient], [...shape]) });
      return (variable.dataSync() as Float32Array).map((value) => 0 - value);
    });
    optimizer.dispose();
    variable.dispose();
    return updates as unknown as Tensor;
  }) as unknown as Float32Array[];
}

/** Algorithm 4 in binary64, from the binary32 gradients. */
function exactUpdates(
  [rows, columns]: readonly [number, number],
  gradients: readonly (readonly number[])[],
  { decayExponent, epsilon1, clipThreshold } = defaultAdafactor,
): number[][] {
  const row = new Float64Array(rows);
  const column = new Float64Array(columns);
  return gradients.map((gradient, step) => {
    const keep = 1 - (step + 1) ** -decayExponent;
    const square = gradient.map((g) => Math.fround(g) ** 2 + epsilon1);
    for (let i = 0; i < rows; i++) {
      const mean = square.slice(i * columns, (i + 1) * columns).reduce((a, b) => a + b) / columns;
      row[i] = keep * row[i]! + (1 - keep) * mean;
    }
    for (let j = 0; j < columns; j++) {
      const mean = square.filter((_, k) => k % columns === j).reduce((a, b) => a + b) / rows;
      column[j] = keep * column[j]! + (1 - keep) * mean;
    }
    const mean = row.reduce((a, b) => a + b) / rows;
    const raw = gradient.map(
      (g, k) => Math.fround(g) / Math.sqrt((row[Math.floor(k / columns)]! / mean) * column[k % columns]!),
    );
    const size = Math.sqrt(raw.reduce((sum, x) => sum + x * x, 0) / raw.length);
    return raw.map((x) => x / Math.max(size / clipThreshold, 1));
  });
}

describe('Adafactor', () => {
  it('gives rows and columns of zeros no update, and the rest what it is', () => {
    // Estimates 1, 2^-99, 2^-99 and 2^-198, which binary32 has not.
    const gradient = [1, 0, 0, 0];
    const epsilon1 = 2 ** -100;
    expect(updatesOf([2, 2], [gradient, gradient], { epsilon1 })).toEqual([
      Float32Array.of(1, 0, 0, 0),
      Float32Array.of(1, 0, 0, 0),
    ]);
    // As a dead unit and a dead pixel give it, with the source's constants.
    const dead = Array.from({ length: 64 }, (_, k) => (k < 8 || k % 8 === 0 ? 0 : 0.01 * ((k % 5) - 2)));
    for (const update of updatesOf([8, 8], [dead, dead, dead])) {
      dead.forEach((g, k) => {
        expect(Number.isFinite(update[k])).toBe(true);
        if (g === 0) expect(update[k]).toBe(0);
        else expect(Math.sign(update[k]!)).toBe(Math.sign(g));
      });
    }
  });

  it('keeps a small gradient that is alone in its row and its column', () => {
    // Its quotient is 1e20 times the others', so that it is all that is left after clipping.
    const gradient = [1, 0, 0, 0, 1, 0, 0, 0, 1e-20];
    const [update] = updatesOf([3, 3], [gradient]);
    const [exact] = exactUpdates([3, 3], [gradient]);
    expect(Math.abs(update![8]! / exact![8]! - 1)).toBeLessThan(2 ** -22);
    expect(Math.abs(exact![8]! - 3)).toBeLessThan(1e-6);
  });

  it('is within a few units in the last place of binary64 wherever gradients lie', () => {
    const entry = fc.oneof(
      { weight: 1, arbitrary: fc.constant(0) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.double({ min: 1, max: 2, noNaN: true }), fc.integer({ min: -50, max: 40 }))
          .map(([x, k]) => Math.fround(x * 2 ** k)),
      },
    );
    const matrices = fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
      .chain(([rows, columns]) =>
        fc.tuple(
          fc.constant([rows, columns] as const),
          fc.array(fc.array(entry, { minLength: rows * columns, maxLength: rows * columns }), {
            minLength: 1,
            maxLength: 3,
          }),
          fc.boolean(),
        ),
      );
    fc.assert(
      fc.property(matrices, ([shape, gradients, isDead]) => {
        // Half of the cases have a row and a column of zeros.
        const given = gradients.map((gradient) =>
          gradient.map((g, k) => (isDead && (k < shape[1] || k % shape[1] === 0) ? 0 : g)),
        );
        const updates = updatesOf(shape, given);
        exactUpdates(shape, given).forEach((exact, step) => {
          exact.forEach((x, k) => {
            // What is below binary32's normal range counts as its least number.
            const scale = Math.max(Math.abs(x), 2 ** -126);
            expect(Math.abs(updates[step]![k]! - x) / scale).toBeLessThan(2 ** -20);
          });
        });
      }),
      { numRuns: 300 },
    );
  });

  it('has the bits of the plain float32 operations where those keep to normal numbers', () => {
    const plain = (gradient: readonly number[]) => {
      let least = 0;
      const update = tf.tidy(() => {
        const g = tf.tensor2d([...gradient], [3, 4]);
        const square = tf.add(tf.square(g), 1e-30) as Tensor2D;
        const row = tf.matMul(square, tf.fill([4, 1], 1 / 4) as Tensor2D);
        const column = tf.matMul(tf.fill([1, 3], 1 / 3) as Tensor2D, square);
        const share = tf.div(row, tf.mean(row));
        const estimate = tf.mul(share, column);
        least = tf.minimum(tf.min(share), tf.min(estimate)).dataSync()[0]!;
        const raw = tf.div(g, tf.sqrt(estimate));
        const size = tf.sqrt(tf.mean(tf.square(raw)));
        return tf
          .div(raw, tf.maximum(tf.div(size, 1), 1))
          .dataSync()
          .slice() as unknown as Tensor;
      }) as unknown as Float32Array;
      return { update, isNormal: least >= 2 ** -126 };
    };
    let compared = 0;
    const entry = fc.oneof(fc.double({ min: -2, max: 2, noNaN: true }), fc.constant(0));
    const entries = fc.tuple(
      fc.array(entry, { minLength: 12, maxLength: 12 }),
      fc.integer({ min: -40, max: 30 }),
    );
    fc.assert(
      fc.property(entries, ([numbers, exponent]) => {
        const gradient = numbers.map((x) => Math.fround(x * 2 ** exponent));
        const before = plain(gradient);
        if (!before.isNormal) return;
        compared++;
        const [update] = updatesOf([3, 4], [gradient]);
        // -0 is lost in the difference that the update is read from.
        expect(update).toEqual(before.update.map((x) => x + 0));
      }),
      { numRuns: 300 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});

describe.each<[string, OptimizerSettings]>([
  ['AdamW', defaultOptimizer],
  ['Adafactor', defaultAdafactor],
  ['AdamW in 8 bits', { ...defaultOptimizer, second: { kind: 'dynamic8', block: 4, least: 0 } }],
  ['Adafactor in bfloat16', { ...defaultAdafactor, second: { kind: 'bfloat16' } }],
])('%s', (_, settings) => {
  /** What an update by a gradient throws, and the values after it. */
  function attempt(gradient: number[], values = [1, 2, 3, 4], rate = 0.1) {
    const before = tf.memory().numTensors;
    const optimizer = optimizerOf(tf, settings);
    optimizer.learningRate = rate;
    const variable = tf.variable(tf.tensor2d(values, [2, 2]), true, 'layer/w');
    const apply = (g: number[]): void =>
      tf.tidy(() => void optimizer.applyGradients({ 'layer/w': tf.tensor2d(g, [2, 2]) }));
    let thrown: unknown;
    apply([1, 1, 1, 1]);
    const settled = [...variable.dataSync()];
    const saved = JSON.stringify([...optimizer.save().arrays].map(([name, { data }]) => [name, [...data]]));
    try {
      apply(gradient);
    } catch (error) {
      thrown = error;
    }
    const isKept =
      JSON.stringify([...optimizer.save().arrays].map(([name, { data }]) => [name, [...data]])) === saved &&
      JSON.stringify([...variable.dataSync()]) === JSON.stringify(settled);
    optimizer.dispose();
    variable.dispose();
    tf.disposeVariables();
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 1);
    return { thrown, isKept };
  }

  it.each([
    ['NaN', [1, Number.NaN, 1, 1]],
    ['an infinity', [1, 1, Number.NEGATIVE_INFINITY, 1]],
    ['a number whose square is beyond binary32', [1, 1, 1e25, 1]],
  ])('refuses a gradient with %s, by tensor and step, and keeps what it had', (_, gradient) => {
    const { thrown, isKept } = attempt(gradient);
    expect(thrown).toBeInstanceOf(DivergenceError);
    expect(thrown).toMatchObject({ name: 'DivergenceError', step: 2 });
    expect((thrown as DivergenceError).tensor).toMatch(/^layer\/w(\/\w+)?$/);
    expect((thrown as Error).message).toMatch(
      /^step 2: the (update|state) of 'layer\/w(\/\w+)?' is not finite/,
    );
    expect(isKept).toBe(true);
  });

  it('refuses an update beyond binary32', () => {
    const rate = 3e38;
    const values = [3e38, -3e38, 3e38, -3e38];
    const optimizer = optimizerOf(tf, settings);
    optimizer.learningRate = rate;
    const variable = tf.variable(tf.tensor2d(values, [2, 2]), true, 'w');
    expect(() =>
      tf.tidy(() => void optimizer.applyGradients({ w: tf.tensor2d([-1, 1, -1, 1], [2, 2]) })),
    ).toThrow(expect.objectContaining({ name: 'DivergenceError', of: 'update', tensor: 'w', step: 1 }));
    expect([...variable.dataSync()]).toEqual(values.map(Math.fround));
    optimizer.dispose();
    variable.dispose();
  });
});

describe('clipping', () => {
  it('is right where the squares leave binary32', () => {
    tf.tidy(() => {
      const { norm, gradients } = clipByGlobalNorm(
        tf,
        { a: tf.tensor1d([3e30, 0]), b: tf.tensor1d([4e30]) },
        1,
      );
      expect(Math.abs(norm / 5e30 - 1)).toBeLessThan(2 ** -23);
      const [x, zero] = gradients['a']!.dataSync();
      expect([Math.abs(x! - 0.6) < 2 ** -23, zero]).toEqual([true, 0]);
      expect(clipByGlobalNorm(tf, { a: tf.tensor1d([1, Number.NaN]) }, 1).norm).toBeNaN();
    });
  });
});

describe('states that are rounded stochastically', () => {
  const codec = {
    kind: 'quantizer',
    least: 0,
    quantizer: { format: 'int4', rounding: 'stochastic', scale: { per: 'tensor', from: 'absmax' } },
  } as const;

  /** The codes of every state after each of two equal updates of two equal parameters. */
  function codes(seed: number, prefix: string, from = 0): Map<string, string> {
    const optimizer = adamW(
      tf,
      { ...defaultOptimizer, beta1: 0, beta2: 0, first: codec, second: codec },
      { seed, prefix },
    );
    optimizer.learningRate = 0;
    optimizer.step = from;
    const gradient = Array.from({ length: 64 }, (_, i) => Math.sqrt(i + 1));
    const variables = ['a', 'b'].map((name) => tf.variable(tf.zeros([8, 8]), true, prefix + name));
    const seen = new Map<string, string>();
    for (const step of [0, 1]) {
      tf.tidy(
        () =>
          void optimizer.applyGradients(
            Object.fromEntries(variables.map(({ name }) => [name, tf.tensor2d(gradient, [8, 8])])),
          ),
      );
      for (const [name, { data }] of optimizer.save().arrays)
        seen.set(`${name.slice(prefix.length)} ${from + step}`, data.join());
    }
    optimizer.dispose();
    for (const variable of variables) variable.dispose();
    return seen;
  }

  it('draw by (seed, parameter, state, step), whatever variables are called', () => {
    const first = codes(1, 'halfulp7/');
    expect([...first.keys()].filter((key) => key.includes('second'))).toHaveLength(4);
    // The first and the second moment have other values, so each state is compared with its like.
    for (const state of ['first', 'second']) {
      const like = [...first].filter(([key]) => key.includes(state)).map(([, value]) => value);
      expect(new Set(like).size).toBe(4);
    }
    expect(codes(1, 'halfulp8/')).toEqual(first);
    expect(codes(2, 'halfulp7/')).not.toEqual(first);
    const [later] = [...codes(1, '', 1)].filter(([key]) => key === 'a/first/codes 1');
    expect(later![1]).toBe(first.get('a/first/codes 1'));
  });
});

describe('what an optimiser is handed', () => {
  const made = () => adamW(tf, defaultOptimizer);
  it.each([undefined, null, 1, 'x', [null], [1], [{}], [{ name: 'x', tensor: 1 }], { x: 1 }, { x: {} }])(
    'refuses %j for gradients',
    (given) => {
      expect(() => made().applyGradients(given as never)).toThrow(
        expect.objectContaining({ name: 'ArgumentError', argument: expect.stringMatching(/^gradients/) }),
      );
    },
  );
  it('knows no variable by a name that every object has', () => {
    const gradients = { toString: tf.scalar(1) } as never;
    expect(() => made().applyGradients(gradients)).toThrow(/^gradients: got 'toString'/);
  });
  it.each([undefined, null, {}, { counters: {}, arrays: {} }, { counters: { step: -1 }, arrays: new Map() }])(
    'refuses %j for a state',
    (given) => {
      expect(() => made().restore(given as never, new Map())).toThrow(/^state/);
      expect(() => made().restore(made().save(), given as never)).toThrow(/^shapes/);
    },
  );
});

/**
 * Every optimiser against its definition, one binary32 operation after the other, to the bit; and as an optimiser of
 * TensorFlow.js that needs no recipe.
 */
import type { Tensor } from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { round } from '../../src/operations/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  adafactor,
  adamW,
  lion,
  type OptimizerOptions,
  scheduleFactor,
  sgd,
  type TrainingOptimizer,
} from '../../src/train/index.ts';
import { fnv1a32 } from '../../src/train/random.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const f = Math.fround;
const mul = (a: number, b: number): number => f(f(a) * f(b));
const add = (a: number, b: number): number => f(f(a) + f(b));
const sub = (a: number, b: number): number => f(f(a) - f(b));
const div = (a: number, b: number): number => f(f(a) / f(b));
const root = (a: number): number => f(Math.sqrt(a));

interface Case {
  readonly make: (more: object, options: OptimizerOptions) => TrainingOptimizer;
  /** What is subtracted from one weight, by its gradients and rates so far. */
  readonly steps: (
    gradients: readonly number[],
    rates: readonly number[],
    m: (x: number) => number,
  ) => number[];
}

const cases: Readonly<Record<string, Case>> = {
  adamW: {
    make: (more, options) => adamW(tf, { beta1: 0.8, beta2: 0.97, epsilon: 1e-6, ...more }, options),
    steps(gradients, rates, held) {
      let [m, v, power1, power2] = [0, 0, 1, 1];
      return gradients.map((g, t) => {
        power1 *= 0.8;
        power2 *= 0.97;
        const correction = Math.sqrt(1 - power2);
        const first = add(mul(m, 0.8), mul(g, 1 - 0.8));
        const second = add(mul(v, 0.97), mul(mul(g, g), 1 - 0.97));
        m = held(first);
        v = second;
        return mul(div(first, add(root(second), 1e-6 * correction)), (rates[t]! * correction) / (1 - power1));
      });
    },
  },
  'sgd with momentum': {
    make: (more, options) => sgd(tf, { momentum: 0.7, ...more }, options),
    steps(gradients, rates, held) {
      let m = 0;
      return gradients.map((g, t) => {
        const first = add(mul(m, 0.7), g);
        m = held(first);
        return mul(first, rates[t]!);
      });
    },
  },
  "sgd with Nesterov's": {
    make: (more, options) => sgd(tf, { momentum: 0.7, nesterov: true, ...more }, options),
    steps(gradients, rates, held) {
      let m = 0;
      return gradients.map((g, t) => {
        const first = add(mul(m, 0.7), g);
        m = held(first);
        return mul(add(g, mul(first, 0.7)), rates[t]!);
      });
    },
  },
  'plain sgd': {
    make: ({ first: _, ...more }: { first?: unknown }, options) => sgd(tf, { momentum: 0, ...more }, options),
    steps: (gradients, rates) => gradients.map((g, t) => mul(g, rates[t]!)),
  },
  lion: {
    make: (more, options) => lion(tf, { beta1: 0.85, beta2: 0.95, ...more }, options),
    steps(gradients, rates, held) {
      let m = 0;
      return gradients.map((g, t) => {
        const mixed = (beta: number): number => add(mul(m, beta), mul(g, 1 - beta));
        const direction = Math.sign(mixed(0.85));
        m = held(mixed(0.95));
        return mul(direction, rates[t]!);
      });
    },
  },
};

/** Rates of three significant digits, gradients of any size that training has. */
const number = fc
  .tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.integer({ min: -20, max: 6 }))
  .map(([x, k]) => f(x * 2 ** k));

/** A matrix's values after each of several steps by the same optimiser. */
function walk(optimizer: TrainingOptimizer, initial: readonly number[], gradients: readonly number[][]) {
  const variable = tf.tidy(() =>
    tf.variable(tf.tensor2d([...initial], [1, initial.length]), true, 'layer/w'),
  );
  const seen = gradients.map((gradient) => {
    tf.tidy(() => void optimizer.applyGradients({ 'layer/w': tf.tensor2d(gradient, [1, initial.length]) }));
    return [...variable.dataSync()];
  });
  optimizer.dispose();
  variable.dispose();
  return seen;
}

describe.each(Object.entries(cases))('%s', (_, { make, steps }) => {
  it.each([
    ['before', undefined],
    ['after', undefined],
    ['before', 'bfloat16'],
  ] as const)('has the bits of its definition (decay %s, momentum in %s)', (decay, codec) => {
    const held = (x: number): number => (codec === undefined ? x : round(x, codec));
    const first = codec === undefined ? {} : { first: { kind: codec } };
    fc.assert(
      fc.property(
        fc.array(number, { minLength: 3, maxLength: 3 }),
        fc.array(fc.array(number, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
        (initial, gradients) => {
          const schedule = { kind: 'linear', warmup: 0.4, final: 0.1 } as const;
          const rates = gradients.map((_, t) => 0.03 * scheduleFactor(schedule, t, 5));
          const options = { learningRate: 0.03, schedule, steps: 5 };
          const seen = walk(make({ weightDecay: 0.2, decay, ...first }, options), initial, gradients);
          initial.forEach((w, i) => {
            const all = steps(
              gradients.map((g) => g[i]!),
              rates,
              held,
            );
            all.reduce((before, step, t) => {
              const shrink = 1 - rates[t]! * 0.2;
              const after =
                decay === 'before' ? sub(mul(before, shrink), step) : mul(sub(before, step), shrink);
              expect(seen[t]![i]! + 0).toBe(after + 0);
              return after;
            }, w);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(['stochastic', 'nearest-even'] as const)('writes back to a 16-bit format, %s', (rounding) => {
    const initial = [1, -0.3, 7];
    const gradients = [
      [0.1, -0.2, 0.01],
      [0.3, 0.2, 0.1],
    ];
    const store = { kind: 'format', format: 'binary16', rounding } as const;
    const options = { learningRate: 0.01, store, seed: 5 };
    const seen = walk(make({ weightDecay: 0 }, options), initial, gradients);
    const all = initial.map((_, i) =>
      steps(
        gradients.map((g) => g[i]!),
        [0.01, 0.01],
        (x) => x,
      ),
    );
    let values = Float32Array.from(initial);
    for (const t of [0, 1]) {
      const updated = values.map((w, i) => sub(w, all[i]![t]!));
      const stream = (BigInt(fnv1a32('layer/w/store')) << 32n) | BigInt(t);
      values = round(updated, 'binary16', {
        saturation: 'finite',
        ...(rounding === 'stochastic' ? { rounding, seed: 5, stream } : {}),
      }) as typeof values;
      expect(seen[t]).toEqual([...values]);
    }
  });

  it('goes on from its state to the bit, store and moments in few bits included', () => {
    const codec = {
      kind: 'quantizer',
      least: 0,
      quantizer: { format: 'int8', rounding: 'stochastic', scale: { per: 'tensor', from: 'absmax' } },
    };
    const options: OptimizerOptions = {
      learningRate: 0.01,
      seed: 3,
      store: { kind: 'grid', format: 'e4m3fn', rounding: 'stochastic', range: { deviations: 6 } },
    };
    const shape: [number, number] = [4, 8];
    const gradient = (t: number): Tensor => tf.randomNormal(shape, 0, 1, 'float32', t);
    const finish = (resumesAt?: number): Float32Array => {
      let optimizer = make({ first: codec }, options);
      const variable = tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, 1, 'float32', 9), true, 'w'));
      for (let t = 1; t <= 6; t++) {
        if (t === resumesAt) {
          const state = structuredClone(optimizer.save());
          optimizer.dispose();
          optimizer = make({ first: codec }, options);
          optimizer.restore(state, new Map([['w', shape]]));
        }
        tf.tidy(() => void optimizer.applyGradients({ w: gradient(t) }));
      }
      const values = variable.dataSync().slice() as Float32Array;
      optimizer.dispose();
      variable.dispose();
      return values;
    };
    const plain = finish();
    for (const at of [2, 4, 6]) expect(finish(at)).toEqual(plain);
  });
});

describe('without a recipe', () => {
  const makers = {
    adamW: () => adamW(tf, {}, { learningRate: 0.02 }),
    adafactor: () => adafactor(tf, {}, { learningRate: 0.02 }),
    sgd: () => sgd(tf, { nesterov: true }, { learningRate: 0.05 }),
    lion: () => lion(tf, {}, { learningRate: 0.01 }),
  };

  it.each(Object.entries(makers))(
    '%s trains a model of the layers API, and memory does not grow',
    async (_, make) => {
      const model = tf.sequential({
        layers: [
          tf.layers.dense({
            units: 8,
            activation: 'tanh',
            inputShape: [4],
            kernelInitializer: tf.initializers.glorotNormal({ seed: 1 }),
          }),
          tf.layers.dense({ units: 1, kernelInitializer: tf.initializers.glorotNormal({ seed: 2 }) }),
        ],
      });
      const optimizer = make();
      model.compile({ optimizer, loss: 'meanSquaredError' });
      const x = tf.randomNormal([32, 4], 0, 1, 'float32', 3);
      const y = tf.tidy(() => x.sum(1, true));
      const first = await model.fit(x, y, { epochs: 1, verbose: 0, shuffle: false });
      const { numTensors } = tf.memory();
      const history = await model.fit(x, y, { epochs: 60, verbose: 0, shuffle: false });
      expect(tf.memory().numTensors).toBe(numTensors);
      const [before, after] = [first, history].map(({ history: { loss } }) => loss!.at(-1) as number);
      expect(after).toBeLessThan(0.3 * before!);
      model.dispose();
      optimizer.dispose();
      tf.dispose([x, y]);
    },
  );

  it('sgd has the bits of tf.train.momentum', () => {
    for (const nesterov of [false, true]) {
      const ends = [
        sgd(tf, { momentum: 0.9, nesterov, weightDecay: 0 }, { learningRate: 0.1 }),
        tf.train.momentum(0.1, 0.9, nesterov),
      ].map((optimizer) => {
        const w = tf.tidy(() => tf.variable(tf.randomNormal([64], 0, 1, 'float32', 1)));
        for (let t = 0; t < 5; t++) {
          const cost = optimizer.minimize(() => w.square().mul(w.add(1)).sum(), true, [w])!;
          cost.dispose();
        }
        const values = w.dataSync().slice();
        optimizer.dispose();
        w.dispose();
        return values;
      });
      expect(ends[0]).toEqual(ends[1]);
    }
  });

  it.each<[string, () => unknown, string]>([
    ['a setting', () => adamW(tf, { beta1: 1 }), 'settings.beta1'],
    ['a setting of another kind', () => lion(tf, { epsilon: 1 } as never), 'settings.epsilon'],
    ['a kind', () => sgd(tf, { kind: 'lion' } as never), 'settings.kind'],
    [
      'a state that it has not',
      () => sgd(tf, { momentum: 0, first: { kind: 'bfloat16' } }),
      'settings.first',
    ],
    ['a rate', () => adamW(tf, {}, { learningRate: -1 }), 'options.learningRate'],
    [
      'a schedule without its length',
      () => adamW(tf, {}, { schedule: { kind: 'linear', warmup: 0, final: 0 } }),
      'options.steps',
    ],
    [
      'a store of unsigned numbers',
      () => sgd(tf, {}, { store: { kind: 'format', format: 'uint8', rounding: 'stochastic' } }),
      'options.store.format',
    ],
    ['an option', () => sgd(tf, {}, { rate: 1 } as never), 'rate'],
  ])('refuses %s by its name', (_, make, name) => {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(expect.objectContaining({ argument: expect.stringContaining(name) }));
  });
});

/** Ternary experts: a mixture against loops that know nothing of the library, its router, its model, its runs. */
import type { Scalar, Tensor2D, Variable } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { balanceTerm, chosenExperts, type Experts, mixture } from '../../src/train/experts.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import {
  applyRecipe,
  decodeCheckpoint,
  type LanguageModelConfig,
  modelConfig,
  models,
  parameterCounts,
  recipes,
  roleTable,
  type TrainOptions,
  textData,
} from '../../src/train/index.ts';
import { createLanguageModel } from '../../src/train/language-model.ts';
import { oneHot } from '../../src/train/one-hot.ts';
import { mixtureStep } from '../oracles/recipes/experts.ts';
import { type Matrix, matrix, numbers } from '../oracles/recipes/slots.ts';
import { tracedRun } from '../traced-run.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const [rows, inputs, outputs] = [6, 8, 3] as const;
const random = (height: number, width: number, seed: number): Matrix =>
  matrix(height, width, numbers(height * width, seed));
const tensor = ({ rows: height, columns, values }: Matrix): Tensor2D =>
  tf.tensor2d(values, [height, columns]);
const fromTensor = (given: { dataSync(): ArrayLike<number>; shape: number[] }): Matrix =>
  matrix(given.shape[0]!, given.shape[1]!, given.dataSync());

/** A mixture of single matrices, and its gradients for t. */
function mixtureNet(count: number, seed: number) {
  const [x, t] = [random(rows, inputs, seed), random(rows, outputs, seed + 1)];
  const weights = {
    shared: random(outputs, inputs, seed + 2),
    router: random(count, inputs, seed + 3),
    experts: Array.from({ length: count }, (_, i) => random(outputs, inputs, seed + 4 + i)),
  };
  const variables = new Map<string, Variable>();
  const variable = (name: string, w: Matrix): void => {
    const given = tensor(w);
    variables.set(name, tf.variable(given, true, name));
    given.dispose();
  };
  variable('shared', weights.shared);
  variable('router', weights.router);
  weights.experts.forEach((w, i) => {
    variable(`experts.${i}`, w);
  });
  const get = (name: string): Tensor2D => variables.get(name) as unknown as Tensor2D;
  const forward = (experts: Experts, look?: (probabilities: Matrix) => void) => {
    const input = tensor(x);
    let term: Scalar | undefined;
    const logits: Tensor2D = tf.matMul(input, get('router'), false, true);
    look?.(fromTensor(tf.softmax(logits)));
    const added = mixture(
      tf,
      experts,
      { x: input, logits },
      (i, own) => tf.matMul(own, get(`experts.${i}`), false, true),
      (one) => {
        term = one;
      },
    );
    const shared: Tensor2D = tf.matMul(input, get('shared'), false, true);
    return { y: tf.add<Tensor2D>(shared, added), term };
  };
  return { x, t, weights, variables, forward, dispose: () => tf.dispose([...variables.values()]) };
}

describe('a mixture of ternary experts', () => {
  it.each([
    [2, 1, 0.5, 1],
    [3, 1, 0.01, 20],
    [3, 2, 0, 40],
    [4, 4, 0.25, 60],
  ])('of %d, of which %d are asked: the bits of plain loops', async (count, active, balance, seed) => {
    const net = mixtureNet(count, seed);
    const recipe = { ...recipes.mote({ at: 0, extraNorm: null }), update: { gradient: [] } };
    const variables = [...net.variables.values()];
    const run = await applyRecipe(tf, recipe, { variables, steps: 2, seed: 1 });
    try {
      tf.tidy(() => {
        let [y, probabilities, term]: [Matrix?, Matrix?, number?] = [];
        const { grads } = tf.variableGrads(() => {
          const made = net.forward({ count, active, balance }, (seen) => {
            probabilities = seen;
          });
          y = fromTensor(made.y);
          term = made.term?.dataSync()[0];
          const loss = tf.sum(tf.mul(made.y, tensor(net.t))) as Scalar;
          return made.term === undefined ? loss : tf.add<Scalar>(loss, made.term);
        });
        const expected = mixtureStep(net.weights, net.x, net.t, probabilities!, { active, balance });
        const plain = ({ values }: Matrix): number[] => Array.from(values, (v) => v + 0);
        expect(plain(y!)).toEqual(plain(expected.y));
        expect(term).toBe(balance === 0 ? undefined : expected.term);
        const gradient = (name: string): number[] => plain(fromTensor(grads[name]!));
        expect(gradient('shared')).toEqual(plain(expected.shared));
        expect(gradient('router')).toEqual(plain(expected.router));
        net.weights.experts.forEach((_, i) => {
          expect(gradient(`experts.${i}`)).toEqual(plain(expected.experts[i]!));
        });
      });
    } finally {
      run.stop();
      net.dispose();
    }
  });

  it('asks the likeliest, of equals the first', () => {
    const p = Float32Array.of(0.25, 0.25, 0.25, 0.25, 0.1, 0.2, 0.3, 0.4, 0.3, 0.1, 0.3, 0.3);
    expect([...chosenExperts(p, 4, 1)]).toEqual([1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0]);
    expect([...chosenExperts(p, 4, 2)]).toEqual([1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0]);
  });

  it('has the gradient of its router, by finite differences', () => {
    const count = 3;
    for (const active of [1, 2, 3]) {
      const net = mixtureNet(count, 80);
      const experts = { count, active, balance: 0.5 };
      const loss = (): Scalar => {
        const { y, term } = net.forward(experts);
        return tf.add(tf.sum(tf.mul(y, tensor(net.t))) as Scalar, term!);
      };
      const router = net.variables.get('router')!;
      tf.tidy(() => {
        const { grads } = tf.variableGrads(loss, [router]);
        const gradient = grads['router']!.dataSync();
        const w = net.weights.router.values;
        const h = 2 ** -8;
        const valueAt = (i: number, by: number): number => {
          router.assign(
            tf.tensor2d(
              w.map((v, at) => (at === i ? v + by : v)),
              [count, inputs],
            ),
          );
          return loss().dataSync()[0]!;
        };
        const largest = Math.max(...gradient.map(Math.abs));
        w.forEach((_, i) => {
          const slope = (valueAt(i, h) - valueAt(i, -h)) / (2 * h);
          expect(Math.abs(slope - gradient[i]!), `${active}, ${i}`).toBeLessThan(2e-3 * largest);
        });
      });
      net.dispose();
    }
  });

  it('has a term that is its weight where all are asked alike, and more where one is asked', () => {
    tf.tidy(() => {
      const of = (p: readonly number[], count: number): number => {
        const chosen = chosenExperts(Float32Array.from(p), count, 1);
        return balanceTerm(tf, tf.tensor2d([...p], [p.length / count, count]), chosen, 0.5).dataSync()[0]!;
      };
      expect(of([1, 0, 0, 1], 2)).toBe(0.5);
      expect(of([1, 0, 1, 0], 2)).toBe(1);
      expect(of([0.75, 0.25, 0.75, 0.25], 2)).toBe(0.75);
    });
  });
});

const tiny: LanguageModelConfig = {
  ...{ name: 'tiny', width: 16, layers: 2, heads: 2, hidden: 24, context: 8, sequences: 2 },
  ...{ learningRate: 1e-2, experts: { count: 3, active: 2, balance: 0.1 } },
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(40));

describe('a language model with experts', () => {
  it('has a router, a shared layer and its experts in each block', () => {
    const sizes = parameterCounts(tiny, 7).filter(({ name }) => name.startsWith('layers.1.mlp'));
    expect(sizes.map(({ name, role, size }) => [name.slice(13), role, size])).toEqual([
      ...[
        ['norm', 'gain', 16],
        ['gate', 'linear', 384],
        ['up', 'linear', 384],
        ['down', 'linear', 384],
      ],
      ['router', 'router', 48],
      ...[0, 1, 2].flatMap((i) =>
        ['gate', 'up', 'down'].map((kind) => [`experts.${i}.${kind}`, 'linear', 384]),
      ),
    ]);
    expect(models['llama-tiny-moe']).toMatchObject({ experts: { count: 4 } });
  });

  it.each([
    [{ count: 1 }, 'model.experts.count'],
    [{ count: 3, active: 4 }, 'model.experts.active'],
    [{ count: 3, active: 0 }, 'model.experts.active'],
    [{ count: 3, balance: -1 }, 'model.experts.balance'],
    [{ count: 3, more: 1 }, 'model.experts.more'],
    [{}, 'model.experts.count'],
    [3, 'model.experts'],
  ])('refuses experts %j', (experts, argument) => {
    expect(() => modelConfig({ ...tiny, experts } as never)).toThrow(expect.objectContaining({ argument }));
  });

  it('is the model without experts where these give nothing', () => {
    const tokens = Int32Array.from({ length: 16 }, (_, i) => (i * i) % 7);
    const { experts: _, ...plain } = tiny;
    const logits = [plain, tiny].map((config) => {
      const model = createLanguageModel(tf, config, 7, 3, null);
      for (const one of model.parameters)
        if (/experts.*down/.test(one.name)) model.load(one, new Float32Array(384));
      const given = tf.tidy(
        () =>
          model
            .forward(oneHot(tf, tokens, 7))
            .dataSync()
            .slice() as never,
      );
      model.dispose();
      return given;
    });
    expect(logits[1]).toEqual(logits[0]);
  });

  const run = async (more: Partial<TrainOptions> = {}) => {
    const { losses, bytes, result } = await tracedRun({
      ...{ tf, model: tiny, data, recipe: recipes.mote(), steps: 6, seed: 1 },
      ...more,
    });
    return { losses, checkpoints: bytes, result };
  };
  const weightsOf = (bytes: Uint8Array): Map<string, string> =>
    new Map(
      [...decodeCheckpoint(bytes, 'memory').arrays].flatMap(([name, { data: own }]) =>
        name.startsWith('weights/') ? [[name.slice(8, -7), fnv1a64(own)]] : [],
      ),
    );

  it('trains experts and routers alone once they are ternary; looked at and resumed it has the same bits', async () => {
    const plain = await run();
    expect(plain.losses.every(Number.isFinite)).toBe(true);
    const [half, last] = [plain.checkpoints[2]!, plain.checkpoints.at(-1)!].map(weightsOf);
    const moved = [...half!].filter(([name, hash]) => last!.get(name) !== hash).map(([name]) => name);
    const trained = [...half!.keys()].filter((name) => /experts|router/.test(name));
    expect(moved).toEqual(trained);
    const all = await run({ recipe: recipes.mote({ trains: 'all' }) });
    expect(weightsOf(all.checkpoints.at(-1)!).get('head')).not.toBe(half!.get('head'));
    const looked = await run({ evaluateEvery: 2, evaluationWindows: 4, probeEvery: 1, gradientDraws: 1 });
    expect(looked.losses).toEqual(plain.losses);
    for (const at of [1, 3, 5]) {
      const rest = await run({ resume: decodeCheckpoint(plain.checkpoints[at - 1]!, 'memory') });
      expect(rest.losses).toEqual(plain.losses.slice(at));
      expect(rest.checkpoints.map(fnv1a64)).toEqual(plain.checkpoints.slice(at).map(fnv1a64));
      expect(rest.result.validationLoss).toBe(plain.result.validationLoss);
    }
  });

  it('has the term in the loss of a step, not in the validation', async () => {
    const balanced = await run({ steps: 1 });
    const free = await run({ steps: 1, model: { ...tiny, experts: { count: 3, active: 2, balance: 0 } } });
    const term = balanced.losses[0]! - free.losses[0]!;
    // Two blocks, each about its weight where the router has not learned.
    expect(term).toBeGreaterThan(0.19);
    expect(term).toBeLessThan(0.4);
    expect(balanced.result.memory.savedActivations).toBe(free.result.memory.savedActivations);
  });

  it('keeps for its backward pass what the rows that are asked need', async () => {
    const { experts: _, ...dense } = tiny;
    const bytesOf = async (model: LanguageModelConfig, recipe = recipes.float32({ extraNorm: null })) =>
      (await run({ model, recipe, steps: 1 })).result.memory.savedActivations;
    const [count, asked] = [3, Math.ceil((16 * 2) / 3)];
    // Router: its input and probabilities; an expert: input, three hidden arrays, the down projection's input, its result.
    const each = 4 * asked * (16 + 3 * 24 + 24 + 16);
    const more = 2 * (4 * 16 * (16 + count) + count * each);
    expect((await bytesOf(tiny)) - (await bytesOf(dense))).toBe(more);
    const ternary = recipes.mote({ at: 0, trains: 'all', extraNorm: null });
    // Inputs of experts in 8 bits with a scale a row.
    const saved = 2 * count * asked * (3 * (16 + 24) - 2 * 4);
    expect((await bytesOf(tiny)) - (await bytesOf(tiny, ternary))).toBe(saved);
  });

  it('reads what its role table says', () => {
    const [first, second] = roleTable(recipes.mote(), tiny);
    const w = (phase: typeof first, name: string) => phase!.rows.find(([own]) => own === name)?.[2];
    expect(second!.rows.length).toBeGreaterThan(first!.rows.length - 1);
    expect(w(second, 'layers.0.mlp.experts.1.up')).toContain('ternary');
    for (const name of ['layers.0.mlp.up', 'layers.0.mlp.router', 'layers.0.attention.query'])
      expect(w(second, name) ?? '-').toBe('-');
    expect(w(first, 'layers.0.mlp.experts.1.up') ?? '-').toBe('-');
  });

  it('is refused by models without experts', async () => {
    const { experts: _, ...dense } = tiny;
    await expect(run({ model: dense })).rejects.toThrow(/expert/);
  });
});

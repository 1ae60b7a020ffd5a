/** Teachers and objectives: soft targets, what blocks give, intervention, training block by block. */
import type { Tensor2D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import {
  applyRecipe,
  type Checkpoint,
  labelledData,
  type ObjectiveSpec,
  type Recipe,
  recipes,
  type TrainOptions,
  textData,
} from '../../src/train/index.ts';
import { featureLoss, softLoss } from '../../src/train/objective.ts';
import { numbers } from '../oracles/recipes/slots.ts';
import { tracedRun } from '../traced-run.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const data = labelledData(
  numbers(36 * 60, 1),
  Array.from({ length: 60 }, (_, i) => i % 3),
);
const model = { kind: 'mlp', name: 'tiny', hidden: [12, 10], samples: 8, learningRate: 1e-2 } as const;
const descent = {
  optimizer: { kind: 'sgd', momentum: 0, weightDecay: 0 },
  schedule: { kind: 'linear', warmup: 0, final: 1 },
} as const;

async function run(recipe: Recipe, more: Partial<TrainOptions> = {}) {
  const taught: object[] = [];
  const traced = await tracedRun({
    ...{ tf, model, data, recipe, steps: 6, seed: 1, onTeacher: (record) => void taught.push(record) },
    ...more,
  });
  return { ...traced, taught };
}

/** A float32 recipe with an objective. */
const withObjective = (objective: ObjectiveSpec, initial = false): Recipe => {
  const plain = recipes.float32(descent);
  return { ...plain, name: 'taught', phases: [{ ...plain.phases[0]!, objective }], teacher: { initial } };
};

const valuesOf = ({ arrays }: Checkpoint, name: string): Float32Array =>
  new Float32Array(arrays.get(`weights/${name}/values`)!.data.slice().buffer);

describe('terms of the loss', () => {
  const [rows, columns] = [3, 5];
  const tensor = (seed: number, spread = 4): Tensor2D =>
    tf.tensor2d(
      numbers(rows * columns, seed).map((x) => x * spread),
      [rows, columns],
    );

  it('are 0 with gradient 0 where student and teacher agree', () => {
    tf.tidy(() => {
      const [x, same] = [tensor(1), tensor(1)];
      for (const temperature of [1, 2.5]) expect(softLoss(tf, x, same, temperature).dataSync()[0]).toBe(0);
      expect(featureLoss(tf, x, same).dataSync()[0]).toBe(0);
      const gradient = tf.grad((given) => softLoss(tf, given as Tensor2D, same, 2))(x);
      const ofFeatures = tf.grad((given) => featureLoss(tf, given, same))(x);
      for (const one of [gradient, ofFeatures]) expect(one.dataSync().every((g) => g === 0)).toBe(true);
    });
  });

  it('have their gradients, by finite differences and closed form', () => {
    tf.tidy(() => {
      const [x, teacher] = [tensor(2), tensor(3)];
      const h = 2 ** -7;
      const temperature = 2;
      const given = tf
        .grad((own) => softLoss(tf, own as Tensor2D, teacher, temperature))(x)
        .dataSync();
      const softmax = (v: ArrayLike<number>, row: number): number[] => {
        const e = Array.from({ length: columns }, (_, i) => Math.exp(v[row * columns + i]! / temperature));
        const sum = e.reduce((a, b) => a + b, 0);
        return e.map((one) => one / sum);
      };
      const [values, wanted] = [x.dataSync(), teacher.dataSync()];
      for (let i = 0; i < rows * columns; i++) {
        const at = (by: number): number =>
          softLoss(
            tf,
            tf.tensor2d(values.map((v, j) => (j === i ? v + by : v)) as Float32Array, [rows, columns]),
            teacher,
            temperature,
          ).dataSync()[0]!;
        const row = Math.floor(i / columns);
        const closed =
          (temperature / rows) * (softmax(values, row)[i % columns]! - softmax(wanted, row)[i % columns]!);
        expect(Math.abs(given[i]! - closed)).toBeLessThan(1e-6);
        expect(Math.abs(given[i]! - (at(h) - at(-h)) / (2 * h))).toBeLessThan(1e-4);
      }
      const features = tf
        .grad((own) => featureLoss(tf, own, teacher))(x)
        .dataSync();
      for (let i = 0; i < features.length; i++)
        expect(Math.abs(features[i]! - (2 / (rows * columns)) * (values[i]! - wanted[i]!))).toBeLessThan(
          1e-6,
        );
    });
  });
});

describe('a teacher', () => {
  it('that is not given is trained first, and said so; given, it makes the same run', async () => {
    const recipe = recipes.distillation({ bits: 2, temperature: 2, features: 1 });
    const own = await run(recipe);
    expect(own.taught).toEqual([{ recipe: 'float32', steps: 6, from: 0 }]);
    expect(own.result.teacher).toBe('trained');
    const float32 = await run(recipes.float32());
    expect(float32.result.teacher).toBeUndefined();
    const given = await run(recipe, { teacher: float32.checkpoints.at(-1)! });
    expect(given.taught).toEqual([]);
    expect(given.result.teacher).toBe('given');
    expect(given.losses).toEqual(own.losses);
    expect(given.result.validationLoss).toBe(own.result.validationLoss);
    const other = await run(recipe, { teacher: float32.checkpoints[0]! });
    expect(other.losses).not.toEqual(own.losses);
  });

  it('that is kept is trained once, by whichever run is first; equal runs have equal bits', async () => {
    const recipe = recipes.distillation({ bits: 2 });
    const plain = await run(recipe);
    const kept = new Map<string, Checkpoint>();
    const teachers = {
      read: (name: string) => kept.get(name) ?? null,
      write: (name: string, one: Checkpoint) => void kept.set(name, one),
    };
    const [first, second] = [await run(recipe, { teachers }), await run(recipe, { teachers })];
    expect([first, second].map(({ taught }) => taught)).toEqual([
      [{ recipe: 'float32', steps: 6, from: 0 }],
      [],
    ]);
    for (const { bytes, result } of [first, second]) {
      expect(bytes).toEqual(plain.bytes);
      expect(result.teacher).toBe('trained');
    }
    // Learned levels are of the student.
    expect((await run(recipes.distillation({ bits: 3, levels: 'learned' }), { teachers })).taught).toEqual(
      [],
    );
    for (const more of [{ seed: 2 }, { steps: 5 }, { batch: 4 }, { learningRate: 0.1 }])
      expect((await run(recipe, { teachers, ...more })).taught).toHaveLength(1);
    expect((await run(recipes.distillation({ extraNorm: null }), { teachers })).taught).toHaveLength(1);
    expect(kept.size).toBe(6);
  });

  it('whose training is stopped teaches nobody, and goes on where it was', async () => {
    const recipe = recipes.distillation({ bits: 2 });
    const plain = await run(recipe);
    for (const isKept of [true, false]) {
      const kept = new Map<string, Checkpoint>();
      const controller = new AbortController();
      let { signal }: { signal?: AbortSignal } = controller;
      const teachers = {
        read: (name: string) => kept.get(name) ?? null,
        write(name: string, one: Checkpoint) {
          if (isKept) kept.set(name, one);
          if (one.state.step === 2) controller.abort();
        },
      };
      const stopped = run(recipe, { teachers, signal });
      await expect(stopped).rejects.toMatchObject({
        name: 'AbortError',
        message: "stopped at step 2 of the teacher's 6",
      });
      signal = new AbortController().signal;
      const again = await run(recipe, { teachers, signal });
      expect(again.taught).toEqual([{ recipe: 'float32', steps: 6, from: isKept ? 2 : 0 }]);
      expect(again.bytes).toEqual(plain.bytes);
    }
    const aborted = new AbortController();
    aborted.abort();
    await expect(run(recipe, { signal: aborted.signal })).rejects.toThrow(/at step 1 of/);
  });

  it.each([
    [{ teachers: 3 }, 'teachers'],
    [{ teachers: { read: (): null => null } }, 'teachers.write'],
    [{ teachers: { read: (): null => null, write: () => {}, more: 1 } }, 'teachers.more'],
  ])('is kept by %j: refused', async (more, argument) => {
    await expect(run(recipes.distillation(), more as never)).rejects.toMatchObject({ argument });
  });

  it('is kept where one is trained first, and nowhere else', async () => {
    const teachers = { read: () => null, write: () => {} };
    await expect(run(recipes.float32(), { teachers })).rejects.toMatchObject({ argument: 'teachers' });
    const teacher = (await run(recipes.float32())).checkpoints.at(-1)!;
    await expect(run(recipes.distillation(), { teachers, teacher })).rejects.toMatchObject({
      argument: 'teachers',
    });
  });

  it('that agrees has nothing to teach: loss and gradients are 0', async () => {
    for (const objective of [
      { task: 0, soft: 1, temperature: 3 },
      { task: 0, features: 1 },
      { task: 0, features: 1, intervenes: true },
    ]) {
      const { losses, norms } = await run(withObjective(objective, true));
      expect(losses).toEqual(new Array(6).fill(0));
      expect(norms).toEqual(new Array(6).fill(0));
    }
  });

  it('answers in float32, whatever the student computes in', async () => {
    const recipe = withObjective({ task: 0, soft: 1 }, true);
    const emulated = recipe.phases.map((phase) => ({ ...phase, emulate: { format: 'bfloat16' } }));
    const { losses } = await run({ ...recipe, phases: emulated }, { steps: 1 });
    // A teacher that was rounded alike would agree.
    expect(losses[0]).toBeGreaterThan(0);
    expect(losses[0]).toBeLessThan(1e-2);
  });

  it('at weight 0 changes no bit', async () => {
    const recipe = recipes.distillation({ bits: 3, alpha: 1 });
    const { objective: _o, ...phase } = recipe.phases[0]!;
    const [taught, alone] = [await run(recipe), await run({ ...recipe, phases: [phase] })];
    expect(taught.losses).toEqual(alone.losses);
    expect(taught.result.validationLoss).toBe(alone.result.validationLoss);
  });

  it('must be one, for somebody, of the same model', async () => {
    const refused = (recipe: unknown, more: Partial<TrainOptions> = {}) => run(recipe as Recipe, more);
    const { teacher: _, ...without } = withObjective({ task: 0.5, soft: 0.5 });
    await expect(refused(without)).rejects.toThrow(/recipe.teacher/);
    await expect(refused({ ...recipes.float32(), teacher: {} })).rejects.toThrow(/recipe.teacher/);
    const unasked = recipes.distillation({ alpha: 1 });
    expect(unasked.teacher).toBeUndefined();
    await expect(refused({ ...unasked, teacher: {} })).rejects.toThrow(/recipe.teacher/);
    await expect(refused(withObjective({ task: 0 }))).rejects.toThrow(/objective.task/);
    await expect(refused(withObjective({ task: 1, temperature: 2 }))).rejects.toThrow(
      /objective.temperature/,
    );
    await expect(refused(withObjective({ task: 1, features: 1, block: 2 }))).rejects.toThrow(
      /objective.block/,
    );
    const { checkpoints } = await run(recipes.float32(), { model: { ...model, hidden: [12, 9] } });
    const [other] = checkpoints;
    await expect(refused(withObjective({ task: 0, soft: 1 }), { teacher: other! })).rejects.toThrow(
      /teacher.hidden.1/,
    );
    await expect(refused(recipes.float32(), { teacher: other! })).rejects.toThrow(/teacher/);
    await expect(
      applyRecipe(tf, recipes.distillation(), {
        variables: [tf.variable(tf.zeros([2, 2]))],
        steps: 1,
        seed: 1,
      }),
    ).rejects.toThrow(/recipe.teacher/);
  });
});

describe('blocks', () => {
  it('that read what the teacher gave are trained alone', async () => {
    const recipe = withObjective({ task: 0, features: 1, block: 1, intervenes: true });
    const { checkpoints } = await run(recipe);
    const [first, last] = [checkpoints[0]!, checkpoints.at(-1)!];
    expect(valuesOf(last, 'hidden.0')).toEqual(valuesOf(first, 'hidden.0'));
    expect(valuesOf(last, 'hidden.1')).not.toEqual(valuesOf(first, 'hidden.1'));
    // Without intervention the block before is trained too.
    const joined = await run(withObjective({ task: 0, features: 1, block: 1 }));
    expect(valuesOf(joined.checkpoints.at(-1)!, 'hidden.0')).not.toEqual(valuesOf(first, 'hidden.0'));
  });

  it.each([
    ['mlp', model, data],
    [
      'language',
      {
        ...{ name: 'tiny', width: 16, layers: 2, heads: 2, hidden: 16, context: 8, sequences: 2 },
        learningRate: 1e-2,
      },
      textData('the quick brown fox jumps over the lazy dog. '.repeat(40)),
    ],
  ] as const)('of EfficientQAT are trained one by one, then steps alone: %s', async (_, given, text) => {
    const recipe = recipes.efficientQat({ bits: 3, group: 8, blockwise: 0.5, scaleRate: 1e-2 });
    const { checkpoints } = await run(recipe, { model: given, data: text, steps: 8 });
    const changed = (from: number, to: number): string[] => {
      const [a, b] = [checkpoints[from]!, checkpoints[to]!];
      return [...a.arrays.keys()].filter(
        (name) =>
          /^weights\/|\/(scales|zeroPoints)$/.test(name) &&
          !Buffer.from(a.arrays.get(name)!.data).equals(Buffer.from(b.arrays.get(name)!.data)),
      );
    };
    const isMlp = given.name === 'tiny' && 'kind' in given;
    const block = (i: number): RegExp =>
      isMlp ? new RegExp(`/hidden\\.${i}`) : new RegExp(`/layers\\.${i}\\.`);
    for (const [i, from, to] of [
      [0, 0, 1],
      [1, 2, 3],
    ] as const) {
      const own = changed(from, to);
      expect(own.some((name) => name.startsWith('weights/'))).toBe(true);
      expect(own.some((name) => name.endsWith('/scales'))).toBe(true);
      expect(own.filter((name) => !block(i).test(`/${name}`))).toEqual([]);
    }
    const end = changed(4, 7);
    expect(end.length).toBeGreaterThan(1);
    expect(end.filter((name) => !name.endsWith('/scales'))).toEqual([]);
  });
});

describe('learned levels', () => {
  it('move by the sum of gradient times scale over what became them', async () => {
    const rate = 2 ** -7;
    const { teacher: _, ...recipe } = recipes.distillation({
      bits: 2,
      group: 4,
      levels: 'learned',
      levelRate: rate,
      ...descent,
    });
    const { objective: _o, ...phase } = recipe.phases[0]!;
    const [inputs, outputs] = [8, 3];
    const [w, g] = [numbers(inputs * outputs, 5), numbers(inputs * outputs, 6)];
    const weight = tf.variable(tf.tensor2d(w, [inputs, outputs]), true, 'layer/kernel');
    const ts = tf.tensor2d(g, [inputs, outputs]);
    const bare = { ...recipe, phases: [phase], extraNorm: null, update: { gradient: [] } };
    const handle = await applyRecipe(tf, bare, { variables: [weight], steps: 3, seed: 1 });
    const optimizer = tf.train.sgd(0);
    try {
      let levels = [-3, -1, 1, 3];
      for (let step = 0; step < 3; step++) {
        optimizer.minimize(() => {
          const y = tf.matMul(tf.eye(inputs), weight as unknown as Tensor2D);
          return tf.sum(tf.mul(y, ts)).asScalar();
        });
        const sums = [0, 0, 0, 0];
        const f = Math.fround;
        for (let o = 0; o < outputs; o++)
          for (let from = 0; from < inputs; from += 4) {
            const own = Array.from({ length: 4 }, (_, k) => (from + k) * outputs + o);
            const scale = f(Math.max(...own.map((i) => Math.abs(w[i]!))) / 3);
            for (const i of own) {
              const u = f(w[i]! / scale);
              const rank = levels.reduce(
                (best, level, k) => (Math.abs(level - u) < Math.abs(levels[best]! - u) ? k : best),
                0,
              );
              sums[rank]! += g[i]! * scale;
            }
          }
        levels = levels.map((level, k) => f(level - f(f(sums[k]!) * f(rate))));
        const saved = [...handle.save().arrays].find(([name]) => name.endsWith('/levels'))![1];
        expect([...new Float64Array(saved.data.slice().buffer)]).toEqual(levels);
      }
    } finally {
      handle.stop();
      tf.dispose([weight, ts]);
      optimizer.dispose();
    }
  });
});

/** Classification: the multilayer perceptron as a function, and runs of it through the public entry point. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { crossEntropy } from '../../src/train/cross-entropy.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import {
  type Checkpoint,
  decodeCheckpoint,
  type EvaluationRecord,
  encodeCheckpoint,
  labelledData,
  type MlpConfig,
  mnist,
  models,
  parameterCounts,
  type Recipe,
  recipes,
  roleTable,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';
import { plainSlots } from '../../src/train/linear-slots.ts';
import { createMlp } from '../../src/train/mlp.ts';
import { oneHot } from '../../src/train/one-hot.ts';
import { gaussians } from '../../src/train/random.ts';
import type { ExtraNorm } from '../../src/train/recipe.ts';

const config: MlpConfig = { kind: 'mlp', name: 'test', hidden: [24, 16], samples: 16, learningRate: 1e-2 };

/** Which of three rings around the origin a point lies in: no line parts them. */
function rings(count: number) {
  const noise = gaussians(3 * count, 1, 5, 'rings');
  const labels = Array.from({ length: count }, (_, i) => i % 3);
  const inputs = labels.flatMap((ring, i) => {
    const [x, y, z] = noise.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
    const scale = (0.5 + ring + 0.08 * z) / Math.sqrt(x * x + y * y);
    return [x * scale, y * scale];
  });
  return labelledData(inputs, labels, { name: 'rings' });
}
const data = rings(600);

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const options = (recipe: Recipe, more: Partial<TrainOptions> = {}): TrainOptions => ({
  ...{ tf, model: config, data, recipe, steps: 12, seed: 3 },
  ...more,
});

describe('the perceptron', () => {
  const sizes = { inputs: 5, outputs: 3 };
  const rows = gaussians(6 * 5, 1, 1, 'rows');
  const norms: (ExtraNorm | null)[] = [
    null,
    { kind: 'rms', where: 'o,down' },
    { kind: 'layer', where: 'all' },
  ];

  it.each(norms)('with extra norm %j has the slope of its loss as gradient', (extraNorm) => {
    const model = createMlp(tf, config, sizes, 1, extraNorm);
    for (const { name, variable } of model.parameters)
      tf.tidy(() => {
        const noise = tf.tensor(gaussians(variable.size, 0.1, 2, name), variable.shape);
        variable.assign(tf.add(variable, noise));
      });
    const loss = () =>
      crossEntropy(
        tf,
        model.forward(tf.tensor2d(rows, [6, 5])),
        oneHot(tf, Int32Array.of(0, 1, 2, 2, 1, 0), 3),
      );
    const { grads, value } = tf.variableGrads(
      loss,
      model.parameters.map(({ variable }) => variable),
    );
    for (const { name, variable } of model.parameters) {
      const [slope, steepness] = tf.tidy(() => {
        const norm = tf.norm(grads[variable.name]!).dataSync()[0]!;
        const direction = tf.div(grads[variable.name]!, norm);
        const origin = variable.clone();
        const at = (t: number) => {
          variable.assign(tf.add(origin, tf.mul(direction, t)));
          return loss().dataSync()[0]!;
        };
        const h = 2 ** -9;
        const rise = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
        variable.assign(origin.clone());
        return [rise, norm] as unknown as number[];
      }) as [number, number];
      expect([name, Math.abs(slope - steepness) < 5e-3 * steepness + 1e-4]).toEqual([name, true]);
    }
    tf.dispose([value, ...Object.values(grads)]);
    model.dispose();
  });

  it('norms the layers that the recipe says, and no other', () => {
    // A norm before the first layer makes the logits independent of the size of the input.
    const logits = (extraNorm: ExtraNorm | null, scale: number): number[] => {
      const model = createMlp(tf, { ...config, hidden: [] }, sizes, 1, extraNorm);
      const values = tf.tidy(() => [...model.forward(tf.tensor2d(rows, [6, 5]).mul(scale)).dataSync()]);
      model.dispose();
      return values as number[];
    };
    const [none, inner, all] = norms.map((norm) => [logits(norm, 1), logits(norm, 1024)] as const);
    for (const [once, scaled] of [none!, inner!]) expect(scaled).toEqual(once.map((x) => 1024 * x));
    all![1].forEach((x, i) => {
      expect(Math.abs(x - all![0][i]!)).toBeLessThan(1e-3);
    });
  });

  it('has the widths of the data at its ends', () => {
    const linear = parameterCounts(models['mlp']!, 784, 10).filter(({ role }) => role === 'linear');
    expect(linear).toEqual([
      { name: 'hidden.0', role: 'linear', size: 784 * 256 },
      { name: 'hidden.1', role: 'linear', size: 256 * 256 },
      { name: 'output', role: 'linear', size: 256 * 10 },
    ]);
    const [table] = roleTable(recipes.bitnet(), models['mlp']!);
    expect(table!.rows.map(([name, x]) => [name, x])).toEqual(
      ['hidden.0', 'hidden.1', 'output'].flatMap((name) => [
        [name, 'int8 row absmax'],
        [`${name}.bias`, '-'],
      ]),
    );
  });
});

describe('a run', () => {
  it.each([recipes.float32(), recipes.bitnet(), recipes.dqt({ bits: 4, range: { deviations: 4 } })])(
    'of $name learns what no line parts, and tells accuracy beside the loss',
    async (recipe) => {
      const evaluations: EvaluationRecord[] = [];
      const before = tf.memory().numTensors;
      const result = await train(
        options(recipe, {
          steps: 300,
          evaluateEvery: 100,
          onEvaluation: (one) => void evaluations.push(one),
        }),
      );
      expect(tf.memory().numTensors).toBe(before);
      expect(evaluations.map(({ step, predictions }) => [step, predictions])).toEqual([
        [100, 120],
        [200, 120],
        [300, 120],
      ]);
      expect(evaluations.at(-1)).toMatchObject({
        loss: result.validationLoss,
        accuracy: result.validationAccuracy,
      });
      expect(result).toMatchObject({ validationPredictions: 120, interrupted: false });
      expect(result.validationAccuracy).toBeGreaterThan(0.85);
      for (const { accuracy } of result.inference) expect(accuracy).toBeGreaterThan(0.34);
      expect(result.predictionsPerSecond).toBe((300 * 16) / result.seconds);
    },
  );

  it('reads digits', async () => {
    const result = await train(
      options(recipes.bitnet(), { model: 'mlp', data: await mnist(), steps: 120, evaluateEvery: 0 }),
    );
    expect(result).toMatchObject({ validationPredictions: 2000 });
    expect(result.validationAccuracy).toBeGreaterThan(0.85);
  }, 60_000);

  it('holds codes between its steps', async () => {
    const checkpoints: Checkpoint[] = [];
    const { memory } = await train(
      options(recipes.dqt({ bits: 1.58 }), {
        checkpointEvery: 12,
        onCheckpoint: (one) => void checkpoints.push(one),
      }),
    );
    const { arrays } = checkpoints[0]!;
    const weights = 2 * 24 + 24 * 16 + 16 * 3;
    const biases = 24 + 16 + 3;
    expect([...arrays.keys()].filter((name) => name.startsWith('weights/')).sort()).toEqual([
      ...['weights/hidden.0.bias/values', 'weights/hidden.0/codes', 'weights/hidden.0/scale'],
      ...['weights/hidden.1.bias/values', 'weights/hidden.1/codes', 'weights/hidden.1/scale'],
      ...['weights/output.bias/values', 'weights/output/codes', 'weights/output/scale'],
    ]);
    // Two bits a weight; scales and biases are float32.
    expect(memory.weights).toBeLessThanOrEqual(weights / 4 + 4 * biases + 3 * 8);
    expect(memory.gradients).toBe(4 * (weights + biases));
  });

  it('ends with the same bits wherever it was stopped', async () => {
    const trace = async (resume?: Checkpoint) => {
      const records: unknown[] = [];
      const checkpoints: Uint8Array[] = [];
      const result = await train(
        options(recipes.dqt({ bits: 3, rounding: 'stochastic' }), {
          ...{ evaluateEvery: 2, evaluationWindows: 50, probeEvery: 4, checkpointEvery: 1 },
          onStep: ({ seconds: _, ...record }) => void records.push(record),
          onEvaluation: (record) => void records.push(record),
          onCheckpoint: ({ state, arrays }) =>
            void checkpoints.push(encodeCheckpoint({ state: { ...state, seconds: 0 }, arrays })),
          ...(resume === undefined ? {} : { resume }),
        }),
      );
      return { records, checkpoints, result: [result.validationLoss, result.validationAccuracy] };
    };
    const whole = await trace();
    for (const at of [1, 4, 7, 12]) {
      const rest = await trace(decodeCheckpoint(whole.checkpoints[at - 1]!, 'memory'));
      expect(rest.checkpoints.map(fnv1a64)).toEqual(whole.checkpoints.slice(at).map(fnv1a64));
      expect(rest.records).toEqual(whole.records.slice(whole.records.length - rest.records.length));
      expect(rest.result).toEqual(whole.result);
    }
    const resume = decodeCheckpoint(whole.checkpoints[3]!, 'memory');
    const same = { evaluateEvery: 2, evaluationWindows: 50, probeEvery: 4, resume };
    await expect(
      train(options(recipes.dqt({ bits: 3 }), { ...same, data: rings(603) })),
    ).rejects.toMatchObject({ argument: 'resume.data' });
  });

  it('selects layers by name', async () => {
    const [phase] = recipes.bitnet().phases;
    const spared: Recipe = {
      ...recipes.bitnet(),
      phases: [{ ...phase!, layers: [{ match: '^(hidden\\.0|output)$', linear: plainSlots }] }],
    };
    const seen: Record<string, unknown>[] = [];
    await train(
      options(spared, {
        ...{ steps: 1, probeEvery: 1 },
        onStep: ({ probes }) => void seen.push({ ...probes!.weights!.layers }),
      }),
    );
    expect(Object.keys(seen[0]!)).toEqual(['hidden.1']);
  });

  it.each<[string, Partial<TrainOptions>]>([
    ['model', { model: 'llama-tiny' }],
    ['model', { data: textData('the quick brown fox '.repeat(50)) }],
    ['model.hidden', { model: { ...config, hidden: 24 as unknown as number[] } }],
    ['model.hidden[1]', { model: { ...config, hidden: [24, 0] } }],
    ['model.samples', { model: { ...config, samples: 0 } }],
    ['batch', { batch: -1 }],
    ['data.classes', { data: { ...data, classes: ['one'] } }],
  ])('refuses a wrong %s', async (argument, wrong) => {
    await expect(train(options(recipes.float32(), wrong))).rejects.toMatchObject({
      name: 'ArgumentError',
      argument,
    });
  });
});

/** The convolutional net of the harness: as a function, and runs of it through the public entry point. */
import { beforeAll, describe, expect, it } from 'vitest';
import { installMissingKernels, type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { operandView } from '../../src/tfjs/operand-views.ts';
import { createConvNet } from '../../src/train/conv-net.ts';
import { crossEntropy } from '../../src/train/cross-entropy.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import {
  applyRecipe,
  bitsPerWeight,
  type Checkpoint,
  type ConvNetConfig,
  decodeCheckpoint,
  encodeCheckpoint,
  labelledData,
  mnist,
  models,
  type Recipe,
  recipes,
  roleTable,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';
import { plainSlots } from '../../src/train/linear-slots.ts';
import { savedActivationBytes } from '../../src/train/memory.ts';
import { oneHot } from '../../src/train/one-hot.ts';
import { gaussians } from '../../src/train/random.ts';
import type { ExtraNorm } from '../../src/train/recipe.ts';
import { taskOf } from '../../src/train/tasks.ts';
import { weightMatrixShape, weightMatrixValues } from '../../src/train/weight-matrix.ts';

const config: ConvNetConfig = {
  ...{ kind: 'conv', name: 'test', channels: [4, 6], norm: 'l2', samples: 16, learningRate: 1e-2 },
};

/** Horizontal, vertical or diagonal bars on 7 x 5 pixels with noise. */
function bars(count: number) {
  const noise = gaussians(35 * count, 0.2, 5, 'bars');
  const labels = Array.from({ length: count }, (_, i) => i % 3);
  const inputs = labels.flatMap((label, i) =>
    Array.from({ length: 35 }, (_, pixel) => {
      const [row, column] = [Math.floor(pixel / 5), pixel % 5];
      const place = [row, column, row + column][label]! + (i % 4);
      return (place % 4 === 0 ? 1 : 0) + noise[35 * i + pixel]!;
    }),
  );
  return labelledData(inputs, labels, { name: 'bars' });
}
const data = bars(480);
const image = [7, 5, 1] as const;
const model: ConvNetConfig = { ...config, image };

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

const options = (recipe: Recipe, more: Partial<TrainOptions> = {}): TrainOptions => ({
  ...{ tf, model, data, recipe, steps: 12, seed: 3 },
  ...more,
});

describe('the net', () => {
  const rows = gaussians(4 * 35, 1, 1, 'rows');
  const cases: (readonly ['l2' | 'l1', ExtraNorm | null])[] = [
    ['l2', null],
    ['l1', null],
    ['l1', { kind: 'layer', where: 'all' }],
  ];

  it.each(cases)(
    'with norm %s and extra norm %j has the slope of its loss as gradient',
    (norm, extraNorm) => {
      const uninstall = installMissingKernels(tf);
      const net = createConvNet(tf, { ...config, norm }, { image, outputs: 3 }, 1, extraNorm);
      for (const { name, variable } of net.parameters)
        tf.tidy(() => {
          const noise = tf.tensor(gaussians(variable.size, 0.1, 2, name), variable.shape);
          variable.assign(tf.add(variable, noise));
        });
      const loss = () =>
        crossEntropy(tf, net.forward(tf.tensor2d(rows, [4, 35])), oneHot(tf, Int32Array.of(0, 1, 2, 1), 3));
      const { grads, value } = tf.variableGrads(
        loss,
        net.parameters.map(({ variable }) => variable),
      );
      for (const { name, variable } of net.parameters) {
        const [slope, steepness] = tf.tidy(() => {
          const steep = tf.norm(grads[variable.name]!).dataSync()[0]!;
          const direction = tf.div(grads[variable.name]!, steep);
          const origin = variable.clone();
          const at = (t: number) => {
            variable.assign(tf.add(origin, tf.mul(direction, t)));
            return loss().dataSync()[0]!;
          };
          // Short enough to cross few kinks of ReLU and pools.
          const h = 2 ** -10;
          const rise = (at(h) - at(-h)) / (2 * h);
          variable.assign(origin.clone());
          return [rise, steep] as unknown as number[];
        }) as [number, number];
        expect([name, Math.abs(slope - steepness) < 2e-2 * steepness + 2e-4]).toEqual([name, true]);
      }
      tf.dispose([value, ...Object.values(grads)]);
      net.dispose();
      uninstall();
    },
  );

  it('norms by the deviation that its configuration says', () => {
    // One pixel, one channel pair: the normed values can be told by hand.
    const one: ConvNetConfig = { ...config, channels: [2] };
    const logits = (['l2', 'l1'] as const).map((norm) => {
      const net = createConvNet(tf, { ...one, norm }, { image: [1, 1, 1], outputs: 2 }, 1, null);
      for (const { name, role, shape } of net.parameters) {
        const parameter = net.parameters.find((each) => each.name === name)!;
        // The middle tap of the filter reads the pixel.
        const filter = Float32Array.from({ length: 18 }, (_, i) => (i === 8 ? 3 : i === 9 ? -1 : 0));
        if (role === 'convolution') net.load(parameter, filter);
        if (name === 'output') net.load(parameter, Float32Array.of(1, 0, 0, 1));
        if (name === 'norm.0.bias') net.load(parameter, new Float32Array(shape[0]!).fill(4));
      }
      const values = tf.tidy(() => [...net.forward(tf.tensor2d([1], [1, 1])).dataSync()]);
      net.dispose();
      return values as number[];
    });
    // 3 and -1: mean 1, both deviations 2.
    for (const [a, b] of logits) expect([a!.toFixed(4), b!.toFixed(4)]).toEqual(['5.0000', '3.0000']);
  });

  it('has layers with slots in the order that they are read, and biases without', () => {
    const [table] = roleTable(recipes.bitnet(), models['conv']!);
    expect(table!.rows.map(([name, x]) => [name, x])).toEqual([
      ...[0, 1].flatMap((i) => [
        [`convolution.${i}`, 'int8 row absmax'],
        [`norm.${i}`, '-'],
        [`norm.${i}.bias`, '-'],
      ]),
      ['output', 'int8 row absmax'],
      ['output.bias', '-'],
    ]);
  });

  it('keeps inputs, what norms make and what pools read', () => {
    const step = { slots: () => plainSlots, extraNorm: null, bits: 32 };
    const size = { inputs: 35, outputs: 3, predictions: 16 };
    const first = 35 + 2 * 35 * 4 + 1;
    const second = 4 * 3 * 4 + 2 * 4 * 3 * 6 + 1;
    const last = 2 * 2 * 6 + 3;
    expect(savedActivationBytes(model, { parameters: [] }, size, step)).toBe(
      4 * 16 * (first + second + last),
    );
  });
});

describe('a filter as a quantiser sees it', () => {
  const shape = [3, 2, 5, 4];
  const values = gaussians(120, 1, 1, 'filter');

  it.each([false, true])('is that of a product, in blocks: %j', (blocks) => {
    const scale = blocks ? { per: 'block', size: 5, from: 'absmax' } : { per: 'row', from: 'absmax' };
    const matrix = tf.tidy(() => {
      const view = operandView(tf, 'Conv2D', 'filter', shape, {}, { blocks, stored: false, flips: true });
      return [...view.toMatrix(tf.tensor(values, shape)).dataSync()] as unknown as number[];
    });
    const one = { role: 'convolution', shape } as const;
    expect([...weightMatrixValues(one, values)]).toEqual(matrix);
    expect(weightMatrixShape(one, { format: 'int8', scale } as never)).toEqual(blocks ? [24, 5] : [4, 30]);
  });

  it('counts in the bits of a weight', () => {
    const recipe: Recipe = {
      ...recipes.float32(),
      phases: [
        {
          ...recipes.float32().phases[0]!,
          linear: {
            ...plainSlots,
            forward: { x: null, w: { format: 'int8', scale: { per: 'row', from: 'absmax' } } },
          },
        },
      ],
    };
    const parameters = [{ name: 'convolution.0', role: 'convolution' as const, shape }];
    expect(bitsPerWeight(recipe, 0, { parameters })).toBe(8 + 32 / 30);
  });
});

describe('a run', () => {
  it.each([recipes.float32(), recipes.bitnet(), recipes.dqt({ bits: 4, range: { deviations: 4 } })])(
    'of $name learns bars',
    async (recipe) => {
      const before = tf.memory().numTensors;
      const result = await train(options(recipe, { steps: 150, evaluateEvery: 0 }));
      expect(tf.memory().numTensors).toBe(before);
      expect(result.validationAccuracy).toBeGreaterThan(0.9);
    },
  );

  it('reads digits', async () => {
    const result = await train(
      options(recipes.float32(), { model: 'conv-l1', data: await mnist(), steps: 60, evaluateEvery: 0 }),
    );
    expect(result.validationAccuracy).toBeGreaterThan(0.85);
  }, 60_000);

  it('ends with the same bits wherever it was stopped, whether it is looked at or not', async () => {
    const trace = async (resume?: Checkpoint, more: Partial<TrainOptions> = {}) => {
      const records: unknown[] = [];
      const checkpoints: Uint8Array[] = [];
      const result = await train(
        options(recipes.dqt({ bits: 3, rounding: 'stochastic' }), {
          ...{ steps: 8, evaluateEvery: 2, evaluationWindows: 50, probeEvery: 4, checkpointEvery: 1 },
          onStep: ({ seconds: _, ...record }) => void records.push(record),
          onCheckpoint: ({ state, arrays }) =>
            void checkpoints.push(encodeCheckpoint({ state: { ...state, seconds: 0 }, arrays })),
          ...(resume === undefined ? {} : { resume }),
          ...more,
        }),
      );
      return {
        records,
        checkpoints: checkpoints.map(fnv1a64),
        bytes: checkpoints,
        loss: result.validationLoss,
      };
    };
    const whole = await trace();
    const rest = await trace(decodeCheckpoint(whole.bytes[2]!, 'memory'));
    expect(rest.checkpoints).toEqual(whole.checkpoints.slice(3));
    expect(rest.records).toEqual(whole.records.slice(3));
    expect(Object.is(rest.loss, whole.loss)).toBe(true);
    const unseen = await trace(undefined, { probeEvery: 0, evaluateEvery: 0 });
    expect(Object.is(unseen.loss, whole.loss)).toBe(true);
    expect(
      (whole.records[4] as { probes: { weights: { layers: object } } }).probes.weights.layers,
    ).toHaveProperty('convolution.1');
  });

  it('has the bits of the same net under applyRecipe', async () => {
    const recipe = { ...recipes.bitnet(), extraNorm: null };
    const losses: number[] = [];
    await train({
      ...options(recipe, { steps: 1 }),
      onStep: ({ loss }) => void losses.push(loss),
    });
    const task = taskOf(model, data);
    const net = task.createModel(tf, 3, null);
    const variables = net.parameters.map(({ variable }) => variable);
    const run = await applyRecipe(tf, recipe, { variables, steps: 1, seed: 3 });
    try {
      const { inputs, targets } = task.trainingBatch(0, 3);
      const { value, grads } = tf.variableGrads(
        () => crossEntropy(tf, net.forward(inputs(tf)), oneHot(tf, targets, 3)),
        variables,
      );
      expect(Object.is(value.dataSync()[0], losses[0])).toBe(true);
      expect(String(run.roles)).toContain('convolution.0');
      tf.dispose([value, ...Object.values(grads)]);
    } finally {
      run.stop();
      net.dispose();
    }
  });

  it.each<[string, Partial<TrainOptions>]>([
    ['model', { data: textData('the quick brown fox '.repeat(50)) }],
    ['model.kind', { model: { ...model, kind: 'cnn' as never } }],
    ['model.channels', { model: { ...model, channels: [] } }],
    ['model.channels[1]', { model: { ...model, channels: [4, 0] } }],
    ['model.norm', { model: { ...model, norm: 'l3' as never } }],
    ['model.image', { model: config }],
    ['model.image', { model: { ...config, image: [5, 5, 1] } }],
    ['model.image', { model: { ...config, image: [7, 5] as never } }],
    ['batch', { batch: 0 }],
  ])('refuses a wrong %s', async (argument, wrong) => {
    await expect(train(options(recipes.float32(), wrong))).rejects.toMatchObject({
      name: 'ArgumentError',
      argument,
    });
  });
});

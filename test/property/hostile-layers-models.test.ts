/**
 * Layers models whose topology claims what the file does not hold, for each kind of layer that has weights: refused in one line before
 * anything of the claimed size is made. What is right is read, whatever kinds of layers a model has.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { expectBoundedMemory, expectDoneOrRefused, hostileJson, inTime } from '../hostile.ts';
import { npy } from '../model-file-makers.ts';
import { numbers } from '../oracles/recipes/slots.ts';
import { testWorld } from '../unit/cli-world.ts';

const numRuns = Number(process.env['HALFULP_HOSTILE'] ?? 150);
let tf: TensorFlow;
let folder: string;
beforeAll(async () => {
  tf = await wasmBackend();
  folder = mkdtempSync(join(tmpdir(), 'halfulp-layers-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  expectBoundedMemory();
});

type Json = { [key: string]: Json } & { readonly length?: never };
interface Saved {
  readonly json: { modelTopology: Json; weightsManifest: { paths: string[]; weights: object[] }[] };
  readonly bytes: Buffer;
}

async function saved(model: LayersModel, options: object = {}): Promise<Saved> {
  let found: Saved | undefined;
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const weightsManifest = [{ paths: ['g.bin'], weights: weightSpecs! }];
      found = {
        json: JSON.parse(JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest })),
        bytes: Buffer.from(weightData as ArrayBuffer),
      };
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
    options,
  );
  return found!;
}

/** What `evaluate` says of a model on so many samples of a shape, the targets being zeros. */
async function evaluated(
  { json, bytes }: { readonly json: unknown; readonly bytes: Uint8Array },
  [shape, outputs]: readonly [readonly number[], readonly number[]],
) {
  mkdirSync(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  writeFileSync(file('model.json'), typeof json === 'string' ? json : JSON.stringify(json));
  writeFileSync(file('g.bin'), bytes);
  const array = (name: string, own: readonly number[], values: Float32Array): void =>
    writeFileSync(file(name), npy('<f4', [...own], new Uint8Array(values.buffer)));
  const size = (own: readonly number[]): number => own.reduce((a, b) => a * b, 1);
  array(
    'x.npy',
    shape,
    numbers(size(shape), 3).map((value) => Math.min(1, Math.abs(Math.round(value)))),
  );
  array('y.npy', outputs, new Float32Array(size(outputs)));
  const world = testWorld();
  const samples = ['--inputs', file('x.npy'), '--targets', file('y.npy'), '--loss', 'meanSquaredError'];
  const code = await run(['evaluate', file('model.json'), ...samples, '--json'], world.io);
  return { code, world, error: world.stderr() };
}

type Layers = TensorFlow['layers'];
type Build = (layers: Layers) => { apply(x: SymbolicTensor): unknown };
/** A layer of each kind that has weights, the shape of its inputs, and the fields of its configuration that say how large they are. */
const kinds: readonly (readonly [string, readonly number[], Build, readonly string[]])[] = [
  ['dense', [3], (l) => l.dense({ units: 2 }), ['units']],
  ['embedding', [3], (l) => l.embedding({ inputDim: 2, outputDim: 2 }), ['input_dim', 'output_dim']],
  ['conv1d', [5, 2], (l) => l.conv1d({ filters: 2, kernelSize: 2 }), ['filters']],
  ['conv2d', [4, 4, 2], (l) => l.conv2d({ filters: 2, kernelSize: 2 }), ['filters']],
  ['conv3d', [3, 3, 3, 1], (l) => l.conv3d({ filters: 2, kernelSize: 2 }), ['filters']],
  ['conv2dTranspose', [3, 3, 2], (l) => l.conv2dTranspose({ filters: 2, kernelSize: 2 }), ['filters']],
  ['separableConv2d', [4, 4, 2], (l) => l.separableConv2d({ filters: 2, kernelSize: 2 }), ['filters']],
  ['depthwiseConv2d', [4, 4, 2], (l) => l.depthwiseConv2d({ kernelSize: 2 }), ['depth_multiplier']],
  ['batchNormalization', [3], (l) => l.batchNormalization(), []],
  ['layerNormalization', [3], (l) => l.layerNormalization(), []],
  ['prelu', [3], (l) => l.prelu() as never, []],
  ['simpleRNN', [3, 2], (l) => l.simpleRNN({ units: 2 }), ['units']],
  ['gru', [3, 2], (l) => l.gru({ units: 2 }), ['units']],
  ['lstm', [3, 2], (l) => l.lstm({ units: 2, unitForgetBias: true }), ['units']],
  [
    'rnn',
    [3, 2],
    (l) =>
      l.rnn({
        cell: l.stackedRNNCells({ cells: [l.lstmCell({ units: 2 }), l.gruCell({ units: 3 })] }) as never,
      }) as never,
    ['units'],
  ],
  ['convLstm2d', [2, 4, 4, 1], (l) => l.convLstm2d({ filters: 2, kernelSize: 2 }) as never, ['filters']],
  [
    'bidirectional',
    [3, 2],
    (l) => l.bidirectional({ layer: l.gru({ units: 2 }) as never, mergeMode: 'concat' }),
    ['units'],
  ],
  ['timeDistributed', [3, 2], (l) => l.timeDistributed({ layer: l.dense({ units: 2 }) }), ['units']],
];

function modelOf(shape: readonly number[], layer: { apply(x: SymbolicTensor): unknown }): LayersModel {
  const x = tf.input({ shape: [...shape] });
  return tf.model({ inputs: x, outputs: layer.apply(x) as SymbolicTensor });
}

/** The shapes of two samples and of what a model gives for them. */
const shapesOf = (model: LayersModel): readonly [readonly number[], readonly number[]] => [
  [2, ...(model.inputs[0]!.shape.slice(1) as number[])],
  [2, ...(model.outputs[0]!.shape.slice(1) as number[])],
];

/** The places of a field, in the configuration of whatever layer. */
function placesOf(data: unknown, field: string): Record<string, unknown>[] {
  if (typeof data !== 'object' || data === null) return [];
  const own = field in data ? [data as Record<string, unknown>] : [];
  return [...own, ...Object.values(data).flatMap((one) => placesOf(one, field))];
}

/** Refused in one line, and nothing that is large was made. */
async function expectRefused(
  file: { readonly json: unknown; readonly bytes: Uint8Array },
  shapes: readonly [readonly number[], readonly number[]],
  message: RegExp,
): Promise<void> {
  const before = tf.memory().numBytes;
  const { addWeight } = tf.layers.Layer.prototype as unknown as { addWeight: unknown };
  const { code, world, error } = await inTime(() => evaluated(file, shapes));
  expect({ code, error }).toMatchObject({ code: 2, error: expect.stringMatching(message) });
  expectDoneOrRefused(code, world);
  expect(tf.memory().numBytes - before).toBeLessThan(1e6);
  expect((tf.layers.Layer.prototype as unknown as { addWeight: unknown }).addWeight).toBe(addWeight);
}

describe.each(kinds)('%s', (_kind, shape, build, fields) => {
  it('is read as it is, and refused where weights are of other sizes than the file has', async () => {
    const model = modelOf(shape, build(tf.layers));
    const shapes = shapesOf(model);
    const file = await saved(model);
    model.dispose();
    const right = await evaluated(file, shapes);
    expect({ code: right.code, error: right.error }).toEqual({ code: 0, error: '' });
    for (const field of fields)
      for (const size of [7, 20_000_000, 1_000_000_000, 1e300]) {
        const json = structuredClone(file.json);
        const places = placesOf(json.modelTopology, field);
        expect(places.length).toBeGreaterThan(0);
        for (const place of places) place[field] = size;
        await expectRefused(
          { json, bytes: file.bytes },
          shapes,
          /model\.json.*modelTopology: .* asks for a weight .*more than weightsManifest has/,
        );
      }
    // The sizes of some kinds are those of their inputs.
    const wide = structuredClone(file.json);
    for (const place of placesOf(wide.modelTopology, 'batch_input_shape'))
      place['batch_input_shape'] = [null, ...shape.slice(0, -1), 20_000_000];
    if (_kind !== 'embedding')
      await expectRefused({ json: wide, bytes: file.bytes }, shapes, /asks for a weight/);
    // A shard that is cut, and shapes in the manifest that are more than it.
    await expectRefused(
      { json: file.json, bytes: file.bytes.subarray(4) },
      shapes,
      /it ends at byte \d+ of the \d+ in g\.bin/,
    );
    for (const claimed of [[1e9], [2 ** 40, 2 ** 40], Array(64).fill(2 ** 52), [0, 2 ** 52]]) {
      const json = structuredClone(file.json);
      (json.weightsManifest[0]!.weights[0] as { shape: number[] }).shape = claimed;
      await expectRefused({ json, bytes: file.bytes }, shapes, /weightsManifest/);
    }
  }, 60_000);
});

describe('a model', () => {
  it('within another, layers that are shared, and an optimiser beside it are read', async () => {
    const inner = tf.sequential({
      layers: [tf.layers.dense({ units: 3, inputShape: [3] }), tf.layers.batchNormalization()],
    });
    const shared = tf.layers.dense({ units: 3 });
    const x = tf.input({ shape: [3] });
    const once = shared.apply(inner.apply(x)) as SymbolicTensor;
    const sum = tf.layers.add().apply([shared.apply(once) as SymbolicTensor, x]) as SymbolicTensor;
    const model = tf.model({ inputs: x, outputs: sum });
    model.compile({ optimizer: tf.train.momentum(0.1, 0.9), loss: 'meanSquaredError' });
    const [a, b] = [tf.ones([2, 3]), tf.zeros([2, 3])];
    await model.fit(a, b, { epochs: 1, verbose: 0 });
    const shapes = shapesOf(model);
    for (const options of [{}, { includeOptimizer: true }]) {
      const file = await saved(model, options);
      const { code, error } = await evaluated(file, shapes);
      expect({ code, error }).toEqual({ code: 0, error: '' });
      const json = structuredClone(file.json);
      for (const place of placesOf(json.modelTopology, 'units')) place['units'] = 20_000_000;
      await expectRefused({ json, bytes: file.bytes }, shapes, /asks for a weight/);
    }
    tf.dispose([a, b]);
    model.dispose();
  });

  it('whose layers ask for more weights of a shape than there are is refused', async () => {
    const layers = Array.from({ length: 3 }, () => tf.layers.dense({ units: 3, inputShape: [3] }));
    const model = tf.sequential({ layers });
    const { json, bytes } = await saved(model);
    const [group] = json.weightsManifest;
    group!.weights = group!.weights.slice(2);
    const shapes = shapesOf(model);
    await expectRefused(
      { json, bytes: bytes.subarray(48) },
      shapes,
      /asks for a weight kernel of 3 x 3, more/,
    );
  });

  it.each([
    ['upSampling2d', [4, 4, 2], (l: Layers) => l.upSampling2d({ size: [2, 2] }), 'size', [30_000, 30_000]],
    [
      'zeroPadding2d',
      [4, 4, 2],
      (l: Layers) => l.zeroPadding2d({ padding: 1 }),
      'padding',
      [
        [30_000, 30_000],
        [30_000, 30_000],
      ],
    ],
    ['repeatVector', [4], (l: Layers) => l.repeatVector({ n: 2 }), 'n', 1e9],
    ['repeatVector', [4], (l: Layers) => l.repeatVector({ n: 2 }), 'n', 1e300],
  ] as const)('of %s that gives more than can be held is refused', async (_, shape, build, field, size) => {
    // Sizes of samples that the topology leaves open, too.
    for (const open of [false, true]) {
      const x = tf.input({ shape: [...shape] });
      // A model has weights.
      const first = tf.layers.batchNormalization().apply(x) as SymbolicTensor;
      const model = tf.model({ inputs: x, outputs: build(tf.layers).apply(first) as SymbolicTensor });
      const shapes = shapesOf(model);
      const file = await saved(model);
      expect((await evaluated(file, shapes)).error).toBe('');
      const json = structuredClone(file.json);
      for (const place of placesOf(json.modelTopology, field)) place[field] = size;
      if (open && shape.length > 1)
        for (const place of placesOf(json.modelTopology, 'batch_input_shape'))
          place['batch_input_shape'] = [null, null, null, 2];
      await expectRefused(
        { json, bytes: file.bytes },
        shapes,
        /modelTopology: .* gives 1 x .* for a sample, more than 268435456 numbers/,
      );
    }
  });

  it('without weights is refused', async () => {
    const model = modelOf([3], tf.layers.reLU() as never);
    const { code, error } = await evaluated(await saved(model), shapesOf(model));
    expect(code).toBe(2);
    expect(error).toMatch(/^halfulp: <run>: got '.*model\.json'; accepted: a model that has trained weights/);
  });

  it(
    'changed at random is evaluated or refused in one line',
    async () => {
      const model = tf.sequential({
        layers: [
          tf.layers.conv2d({ filters: 2, kernelSize: 2, inputShape: [4, 4, 1] }),
          tf.layers.batchNormalization(),
          tf.layers.flatten(),
          tf.layers.dense({ units: 2 }),
        ],
      });
      const shapes = shapesOf(model);
      const { json, bytes } = await saved(model);
      await fc.assert(
        fc.asyncProperty(hostileJson(json.modelTopology), async (topology) => {
          const { modelTopology: _, ...rest } = json;
          const text = `{"modelTopology":${topology},${JSON.stringify(rest).slice(1)}`;
          const { code, world } = await inTime(() => evaluated({ json: text, bytes }, shapes));
          expectDoneOrRefused(code, world);
        }),
        { seed: 7, numRuns },
      );
    },
    600_000 + 400 * numRuns,
  );
});

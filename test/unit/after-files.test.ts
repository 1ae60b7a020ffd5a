/** Methods after training on files: the numbers are those of the library, in the file's own layout. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import {
  channelMask,
  kmeansCodebooks,
  lowRankError,
  openModel,
  quantizeModel,
  searchMinifloat,
  secondOrder,
} from '../../src/model-files/index.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { gaussians } from '../../src/train/random.ts';
import { bytesOf, safetensors } from '../model-file-makers.ts';
import { testWorld, withFolder } from './cli-world.ts';

const [rows, columns, samples] = [8, 24, 40];
const w = gaussians(rows * columns, 0.1, 1, 'w');
const turned = Float32Array.from(w, (_, at) => w[(at % rows) * columns + Math.floor(at / rows)]!);
const common = gaussians(samples, 1, 4, 'common');
const activations = gaussians(samples * columns, 0.5, 3, 'x').map(
  (x, at) => x + common[Math.floor(at / columns)]!,
);
const sensitivity = gaussians(w.length, 1, 5, 'g').map((x) => x * x);

const f32 = (name: string, shape: readonly number[], x: Float32Array) => ({
  name,
  dtype: 'F32',
  shape,
  bytes: bytesOf(x),
});

/** What a method makes of w in a file, and of the same with its inputs first. */
async function made(folder: string, options: object): Promise<[Float32Array, Float32Array]> {
  const [model, calibration, out] = ['m', 'c', 'o'].map((name) => join(folder, `${name}.safetensors`));
  writeFileSync(model!, safetensors([f32('w', [rows, columns], w), f32('b', [rows], w.slice(0, rows))]));
  writeFileSync(calibration!, safetensors([f32('w', [samples, columns], activations)]));
  const given = 'calibration' in options ? { ...options, calibration } : options;
  const read = async (): Promise<Float32Array> => {
    const opened = await openModel(out!);
    const parts: Uint8Array[] = [];
    for await (const piece of opened.tensors.find(({ name }) => name === 'w')!.pieces(1e6)) parts.push(piece);
    opened.close();
    return new Float32Array(new Uint8Array(Buffer.concat(parts)).buffer);
  };
  await quantizeModel(model!, { ...given, out: out!, dequantized: true });
  const straight = await read();
  writeFileSync(model!, safetensors([f32('w', [columns, rows], turned)]));
  await quantizeModel(model!, { ...given, out: out!, dequantized: true, axis: 0 });
  const back = await read();
  return [
    straight,
    Float32Array.from(back, (_, at) => back[(at % columns) * rows + Math.floor(at / columns)]!),
  ];
}

describe('the values in a file are those of the library, whichever axis the inputs are on', () => {
  const shape = [rows, columns] as const;
  test.each<[string, object, () => Float32Array | Promise<Float32Array>]>([
    ['kmeans', { bits: 2 }, () => kmeansCodebooks(w, shape, { bits: 2 }).values],
    [
      'lowRankError',
      { to: 'int4/row', rank: 3 },
      async () => (await lowRankError(w, shape, { rank: 3 })).values,
    ],
    ['bitmask', { calibration: true }, () => channelMask(w, shape, { activations }).values],
    ['minifloat', { bits: 5 }, () => searchMinifloat(w, { bits: 5 }).values],
    [
      'secondOrder',
      { to: 'int3/row', calibration: true },
      () => secondOrder(w, shape, { activations, quantizer: 'int3/row' }).values,
    ],
    [
      'secondOrder',
      { to: 'mxfp4', calibration: true },
      () => secondOrder(w, shape, { activations, quantizer: 'mxfp4' }).values,
    ],
  ])('%s %j', async (after, options, expected) => {
    await withFolder(async (folder) => {
      const [straight, back] = await made(folder, { ...options, after });
      expect(straight).toEqual(await expected());
      expect(back).toEqual(straight);
    });
  });
});

test('mse searches scales, and has codes', async () => {
  await withFolder(async (folder) => {
    const [model, out] = ['m', 'o'].map((name) => join(folder, `${name}.safetensors`));
    writeFileSync(model!, safetensors([f32('w', [rows, columns], w)]));
    const nearest = await quantizeModel(model!, { to: 'int3/row', after: 'nearest' });
    const searched = await quantizeModel(model!, { to: 'int3/row', after: 'mse', out: out! });
    expect(searched.errors!.sqnr).toBeGreaterThan(nearest.errors!.sqnr);
    const file = readFileSync(out!);
    const own = quantizer('int3/row/mse').quantize(w, [rows, columns]);
    expect(Buffer.from(own.pack()).equals(file.subarray(-own.pack().length))).toBe(true);
  });
});

test('squared gradients weigh the clusters', async () => {
  await withFolder(async (folder) => {
    const [model, fisher, out] = ['m', 'f', 'o'].map((name) => join(folder, `${name}.safetensors`));
    writeFileSync(model!, safetensors([f32('w', [rows, columns], w)]));
    writeFileSync(fisher!, safetensors([f32('w', [rows, columns], sensitivity)]));
    await quantizeModel(model!, { after: 'kmeans', calibration: fisher!, out: out!, dequantized: true });
    const expected = kmeansCodebooks(w, [rows, columns], { sensitivity }).values;
    expect(readFileSync(out!).subarray(-w.byteLength)).toEqual(Buffer.from(bytesOf(expected)));
  });
});

test.each<[string[], RegExp]>([
  [['--to', 'int4', '--after', 'kmeans'], /^halfulp: --to: got 'int4'; accepted: nothing with after kmeans/],
  [['--after', 'secondOrder', '--to', 'int4'], /^halfulp: --calibration: /],
  [['--after', 'kmeans', '--out', 'FILE/o.safetensors'], /^halfulp: --dequantized: .*no place/],
  [['--after', 'kmeans', '--bits', '9'], /^halfulp: --bits: /],
  [['--after', 'kmeans', '--axis', '1'], /^halfulp: --axis: /],
  [['--after', 'minifloat', '--rank', '3'], /^halfulp: --rank: /],
  [['--after', 'kmean'], /^halfulp: --after: .*did you mean kmeans/],
  [['--to', 'int4', '--rank', '3'], /^halfulp: --rank: .*nothing with after nearest/],
  [
    ['--to', 'int4', '--after', 'secondOrder', '--calibration', 'FILE/m.safetensors', '--check'],
    /calibration: .*\[\.\.\., 24\]/,
  ],
])('%j is refused', async (argv, message) => {
  await withFolder(async (folder) => {
    const model = join(folder, 'm.safetensors');
    mkdirSync(join(folder, 'x'));
    writeFileSync(model, safetensors([f32('w', [rows, columns], w)]));
    const world = testWorld();
    const code = await run(
      ['quantize', model, '--check', ...argv.map((word) => word.replace('FILE', folder))],
      world.io,
    );
    expect([world.stdout(), code]).toEqual(['', 2]);
    expect(world.stderr()).toMatch(message);
  });
});

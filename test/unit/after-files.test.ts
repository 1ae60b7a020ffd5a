/** Methods after training on files: the numbers are those of the library, in the file's own layout. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import {
  channelMask,
  dequantizeModel,
  inspectModel,
  kmeansCodebooks,
  lowRankError,
  openModel,
  quantizeModel,
  searchMinifloat,
  secondOrder,
} from '../../src/model-files/index.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { gaussians } from '../../src/train/random.ts';
import { bytesOf, safetensors, sealed } from '../model-file-makers.ts';
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
  const read = (): Promise<Float32Array> => numbersOf(out!);
  await quantizeModel(model!, { ...given, out: out!, dequantized: true });
  const straight = await read();
  writeFileSync(model!, safetensors([f32('w', [columns, rows], turned)]));
  // A tensor whose scale is one for all has no rows.
  const axis = (options as { after?: string }).after === 'minifloat' ? {} : { axis: 0 };
  await quantizeModel(model!, { ...given, out: out!, dequantized: true, ...axis });
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

/** The tensor w of a file in binary32. */
async function numbersOf(file: string): Promise<Float32Array> {
  const opened = await openModel(file);
  const parts: Uint8Array[] = [];
  for await (const piece of opened.tensors.find(({ name }) => name === 'w')!.pieces(1e6)) parts.push(piece);
  opened.close();
  return new Float32Array(new Uint8Array(Buffer.concat(parts)).buffer);
}

describe('codes become the values', () => {
  const shapes = [[24, 8], [3, 2, 5, 6], [7], [1, 1]] as const;
  const methods: readonly [string, object][] = [
    ...[1, 3, 8].map((bits): [string, object] => ['kmeans', { bits }]),
    ...['uint3/row/minmax', 'nvfp4', 'int2/block:5'].map((to): [string, object] => [
      'lowRankError',
      { to, rank: 2 },
    ]),
    ...[undefined, 'uint4/row/minmax', 'e2m1'].map((to): [string, object] => [
      'bitmask',
      to === undefined ? {} : { to },
    ]),
    ...[3, 6].map((bits): [string, object] => ['minifloat', { bits }]),
    ...['int3/block:5/mse', 'nvfp4', 'mxfp4', 'nf4/tensor'].map((to): [string, object] => [
      'secondOrder',
      { to, calibration: true },
    ]),
    ['bitmask', { calibration: true }],
  ];
  test.each(methods.flatMap(([after, options]) => shapes.map((shape) => [after, options, shape] as const)))(
    '%s %j %j',
    async (after, options, shape) => {
      await withFolder(async (folder) => {
        const [model, own, codes, back, calibration] = ['m', 'v', 'q', 'b', 'c'].map((name) =>
          join(folder, `${name}.safetensors`),
        ) as [string, string, string, string, string];
        const size = shape.reduce((product: number, extent) => product * extent, 1);
        const x = gaussians(size, 0.1, size, 'w');
        writeFileSync(model, safetensors([f32('w', shape, x), f32('w_scale', [1], x.slice(0, 1))]));
        for (const axis of after === 'minifloat' ? [undefined] : [undefined, 0]) {
          const outputs = shape.length < 2 ? 1 : axis === 0 ? shape.at(-1)! : shape[0]!;
          const inputs = size / outputs;
          const given = gaussians(9 * inputs, 1, 2, 'x').map((value) => value + 0.5);
          writeFileSync(calibration, safetensors([f32('w', [9, inputs], given)]));
          const all = {
            ...{ ...options, after: after as 'kmeans', rules: [{ match: 'w_scale', to: 'keep' }] },
            ...('calibration' in options && { calibration }),
            ...(axis === 0 && { axis }),
          };
          await quantizeModel(model, { ...all, out: own, dequantized: true });
          const report = await quantizeModel(model, { ...all, out: codes });
          await dequantizeModel(codes, { out: back });
          expect(await numbersOf(back)).toEqual(await numbersOf(own));
          const { quantized, tensors } = await inspectModel(codes);
          const stored = tensors.reduce((sum, { bytes }) => sum + bytes, 0) - 4;
          expect(report.tensors[0]!.bytesAfter).toBe(stored);
          expect(quantized).toMatchObject([{ name: 'w', shape, bytes: stored }]);
          expect(quantized![0]!.bitsPerElement).toBe((8 * stored) / size);
          expect(tensors.map(({ name }) => name)).toContain('w_scale');
        }
      });
    },
  );

  describe('and what says something else is refused', () => {
    const said = 'halfulp.quantized';
    test.each<[string, object, (own: Record<string, unknown>, bytes: Uint8Array) => void, RegExp]>([
      ['no such method', { after: 'kmeans' }, (own) => Object.assign(own, { method: 'kmean' }), /kmeans/],
      ['no method', { after: 'kmeans' }, (own) => Reflect.deleteProperty(own, 'method'), /quantized\.w/],
      ['9 bits', { after: 'kmeans' }, (own) => Object.assign(own, { bits: 9 }), /bits/],
      ['other bits', { after: 'kmeans' }, (own) => Object.assign(own, { bits: 4 }), /the tensor w is no U8/],
      ['no bits', { after: 'kmeans' }, (own) => Reflect.deleteProperty(own, 'bits'), /bits is missing/],
      ['a rank', { after: 'kmeans' }, (own) => Object.assign(own, { rank: 1 }), /rank is nothing of kmeans/],
      [
        'a quantiser',
        { after: 'kmeans' },
        (own) => Object.assign(own, { quantizer: 'int4' }),
        /quantizer is/,
      ],
      [
        'a mask',
        { after: 'kmeans' },
        (own) => Object.assign(own, { mask: 'b' }),
        /mask is nothing of kmeans/,
      ],
      ['a part twice', { after: 'kmeans' }, (own) => Object.assign(own, { outlier: 'w' }), /the tensor w is/],
      [
        'no codebook',
        { after: 'kmeans' },
        (own) => Reflect.deleteProperty(own, 'codebook'),
        /codebook is missing/,
      ],
      [
        'a long shape',
        { after: 'kmeans' },
        (own) => Object.assign(own, { shape: [2 ** 40, 2 ** 40] }),
        /more than/,
      ],
      ['no elements', { after: 'kmeans' }, (own) => Object.assign(own, { shape: [0, 24] }), /shape\[0\]/],
      [
        'many outliers',
        { after: 'kmeans' },
        (own) => Object.assign(own, { outliers: 1e9 }),
        /1000000000 outliers/,
      ],
      ['axis 1', { after: 'kmeans' }, (own) => Object.assign(own, { axis: 1 }), /axis/],
      ['values', { after: 'kmeans' }, (own) => Object.assign(own, { values: 'F64' }), /values/],
      // Behind 72 bytes of codes and 256 of codebooks.
      [
        'an outlier beyond',
        { after: 'kmeans' },
        (_, bytes) => bytes.fill(255, 328, 332),
        /outlier 0 is at 4294967295/,
      ],
      [
        'rank 0',
        { after: 'lowRankError', to: 'int4/row' },
        (own) => Object.assign(own, { rank: 0 }),
        /rank 0 of 8 x 24/,
      ],
      [
        'rank 9',
        { after: 'lowRankError', to: 'int4/row' },
        (own) => Object.assign(own, { rank: 9 }),
        /rank 9 of 8 x 24/,
      ],
      [
        'no quantiser',
        { after: 'lowRankError', to: 'int4/row' },
        (own) => Reflect.deleteProperty(own, 'quantizer'),
        /quantizer is missing/,
      ],
      [
        'no such one',
        { after: 'lowRankError', to: 'int4/row' },
        (own) => Object.assign(own, { quantizer: 'int4/rows' }),
        /int4\/rows|rows/,
      ],
      [
        'another one',
        { after: 'lowRankError', to: 'int4/row' },
        (own) => Object.assign(own, { quantizer: 'uint4/row/minmax' }),
        /zeroPoint is missing/,
      ],
      ['columns', { after: 'bitmask' }, (own) => Object.assign(own, { columns: 25 }), /25 columns of 24/],
      // Behind 19 bytes of signs of 19 columns.
      [
        'another mask',
        { after: 'bitmask' },
        (_, bytes) => bytes.fill(255, 19, 22),
        /the mask is of 24 columns, not 5/,
      ],
    ])('%s', async (_, way, change, message) => {
      await withFolder(async (folder) => {
        const [model, codes] = ['m', 'q'].map((name) => join(folder, `${name}.safetensors`)) as [
          string,
          string,
        ];
        writeFileSync(model, safetensors([f32('w', [rows, columns], w)]));
        await quantizeModel(model, { ...way, out: codes });
        const file = new Uint8Array(readFileSync(codes));
        const length = Number(new DataView(file.buffer).getBigUint64(0, true));
        const header = JSON.parse(Buffer.from(file.subarray(8, 8 + length)).toString());
        const descriptions = JSON.parse(header.__metadata__[said]);
        const arrays = file.slice(8 + length);
        change(descriptions.w, arrays);
        header.__metadata__[said] = JSON.stringify(descriptions);
        writeFileSync(codes, sealed(header, arrays));
        const world = testWorld();
        const out = join(folder, 'o.safetensors');
        const code = await run(['dequantize', codes, '--out', out], world.io);
        expect([world.stdout(), code, existsSync(out)]).toEqual(['', 2, false]);
        expect(world.stderr()).toMatch(message);
        expect(world.stderr().trim().split('\n')).toHaveLength(1);
      });
    });
  });

  test('with the bits that the methods count', async () => {
    await withFolder(async (folder) => {
      const [model, out] = ['m', 'q'].map((name) => join(folder, `${name}.safetensors`)) as [string, string];
      const x = gaussians(64 * 256, 0.1, 9, 'w');
      writeFileSync(model, safetensors([f32('w', [64, 256], x)]));
      const counted = {
        kmeans: kmeansCodebooks(x, [64, 256]).bits,
        bitmask: channelMask(x, [64, 256]).bits,
        lowRankError: (await lowRankError(x, [64, 256])).bits,
        minifloat: searchMinifloat(x).bits,
      };
      for (const [after, bits] of Object.entries(counted)) {
        const to = after === 'lowRankError' ? { to: 'int4/row' } : {};
        const report = await quantizeModel(model, { ...to, after: after as 'kmeans', out });
        expect([after, 8 * report.tensors[0]!.bytesAfter]).toEqual([after, bits]);
      }
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

describe('inputs of a file that says what their weights are', () => {
  const said = (own: object) => ({ 'halfulp.calibration': JSON.stringify({ w: own }) });
  const [groups, taps, multiplier, count] = [4, 6, 2, 30];
  const own = gaussians(49, 0.1, 3, 'w');
  const x = gaussians(groups * count * taps, 1, 6, 'x').map((value) => value + 0.6);
  /** The tensor with some axes in front, and back. */
  const inFront = (values: Float32Array, shape: readonly number[], axes: readonly number[]): Float32Array => {
    const order = [...axes, ...shape.keys()].filter((axis, i, all) => all.indexOf(axis) === i);
    const sizes = order.map((axis) => shape[axis]!);
    return values.map((_, at) => {
      const index = sizes.map(
        (size, i) => Math.floor(at / sizes.slice(i + 1).reduce((a, b) => a * b, 1)) % size,
      );
      const place = shape.reduce((sum, extent, axis) => sum * extent + index[order.indexOf(axis)]!, 0);
      return values[place]!;
    });
  };

  test.each<[string, readonly number[], { outputs: number[]; groups?: number }, readonly number[]]>([
    ['depthwise', [3, 2, groups, multiplier], { outputs: [2, 3], groups }, [groups, count, taps]],
    ['transposed', [2, 2, 3, 4], { outputs: [2] }, [count, 16]],
    ['of heads', [6, 4, 2], { outputs: [1, 2] }, [count, 6]],
    ['square', [7, 7], { outputs: [1] }, [7, 7]],
    ['as it is', [8, 6], { outputs: [0] }, [count, 6]],
  ])('%s: values are those of the library, in codes too', async (_, shape, how, shapeOfX) => {
    await withFolder(async (folder) => {
      const [model, calibration, out, codes] = ['m', 'c', 'o', 'q'].map((name) =>
        join(folder, `${name}.safetensors`),
      ) as [string, string, string, string];
      const size = shape.reduce((product, extent) => product * extent, 1);
      const inputs = x.slice(
        0,
        shapeOfX.reduce((product, extent) => product * extent, 1),
      );
      const weights = own.slice(0, size);
      writeFileSync(model, safetensors([f32('w', shape, weights)]));
      writeFileSync(calibration, safetensors([f32('w', shapeOfX, inputs)], said(how)));
      const outputs = how.outputs.reduce((product, axis) => product * shape[axis]!, 1);
      const matrix = [outputs, size / outputs] as const;
      for (const [after, to] of [
        ['secondOrder', 'int3/row'],
        ['secondOrder', 'int3/block:4'],
        ['bitmask', undefined],
      ] as const) {
        const asked = { after, calibration, ...(to && { to }) };
        const rows = inFront(weights, shape, how.outputs);
        const given = { activations: inputs, ...(how.groups && { groups: how.groups }) };
        const expected =
          after === 'bitmask'
            ? channelMask(rows, matrix, given)
            : secondOrder(rows, matrix, { ...given, quantizer: to });
        await quantizeModel(model, { ...asked, out, dequantized: true });
        const written = await numbersOf(out);
        expect(inFront(written, shape, how.outputs)).toEqual(expected.values);
        await quantizeModel(model, { ...asked, out: codes });
        await dequantizeModel(codes, { out });
        expect(await numbersOf(out)).toEqual(written);
        expect((await inspectModel(codes)).quantized).toMatchObject([{ shape }]);
      }
    });
  });

  test.each<[string, object, object, RegExp]>([
    [
      'another axis',
      { outputs: [0] },
      { axis: 0 },
      /^axis: got 0; accepted: nothing for w, whose outputs are axis 0/,
    ],
    [
      'another axis in a rule',
      { outputs: [1] },
      { rules: [{ match: 'w', to: 'int4/row', axis: -1 }] },
      /^axis: got -1/,
    ],
    ['no axis of it', { outputs: [2] }, {}, /^calibration: .*axes of \[4,4\]/],
    ['an axis twice', { outputs: [0, 0] }, {}, /^calibration: .*axes of/],
    ['more groups', { outputs: [0], groups: 3 }, {}, /^calibration: .*inputs \[3, \.\.\., 4\]/],
    [
      'squared gradients',
      { of: 'gradients' },
      {},
      /^calibration: got 'w, squared gradients'; accepted: inputs \[\.\.\., 4\]/,
    ],
    [
      'inputs for kmeans',
      { outputs: [1] },
      { after: 'kmeans', to: undefined },
      /^calibration: got 'w, inputs'; accepted: squared gradients \[4,4\]/,
    ],
    ['something else', { outputs: 'first' }, {}, /halfulp\.calibration/],
  ])('%s is refused', async (_, how, options, message) => {
    await withFolder(async (folder) => {
      const [model, calibration] = ['m', 'c'].map((name) => join(folder, `${name}.safetensors`)) as [
        string,
        string,
      ];
      writeFileSync(model, safetensors([f32('w', [4, 4], own.slice(0, 16))]));
      writeFileSync(calibration, safetensors([f32('w', [4, 4], x.slice(0, 16))], said(how)));
      await expect(
        quantizeModel(model, { after: 'secondOrder', to: 'int4/row', calibration, ...options } as object),
      ).rejects.toThrow(message);
    });
  });

  test('a rule may say where inputs are, whatever scales are of', async () => {
    await withFolder(async (folder) => {
      const [model, calibration, out] = ['m', 'c', 'o'].map((name) =>
        join(folder, `${name}.safetensors`),
      ) as [string, string, string];
      writeFileSync(model, safetensors([f32('w', [columns, rows], turned)]));
      writeFileSync(calibration, safetensors([f32('w', [samples, columns], activations)]));
      const rules = [{ match: 'w', to: 'int3/row', axis: 0 }];
      await quantizeModel(model, { after: 'secondOrder', rules, calibration, out, dequantized: true });
      const { values } = secondOrder(w, [rows, columns], { activations, quantizer: 'int3/row' });
      expect(inFront(await numbersOf(out), [columns, rows], [1])).toEqual(values);
      const wrong = [{ match: 'w', to: 'int3/row', axis: 1 }];
      await expect(quantizeModel(model, { after: 'secondOrder', rules: wrong, calibration })).rejects.toThrow(
        /rules\[0\], axis/,
      );
    });
  });
});

test.each<[string[], RegExp]>([
  [['--to', 'int4', '--after', 'kmeans'], /^halfulp: --to: got 'int4'; accepted: nothing with after kmeans/],
  [['--after', 'secondOrder', '--to', 'int4'], /^halfulp: --calibration: /],
  [['--after', 'kmeans', '--bits', '9'], /^halfulp: --bits: /],
  [['--after', 'kmeans', '--axis', '1'], /^halfulp: --axis: /],
  [['--after', 'minifloat', '--axis', '0'], /^halfulp: --axis: .*nothing with after minifloat/],
  [['--after', 'minifloat', '--rank', '3'], /^halfulp: --rank: /],
  [['--after', 'kmean'], /^halfulp: --after: .*did you mean kmeans/],
  [['--to', 'int4', '--rank', '3'], /^halfulp: --rank: .*nothing with after nearest/],
  [
    ['--to', 'int4', '--after', 'secondOrder', '--axis', '0', '--calibration', 'FILE/m.safetensors'],
    /calibration: .*\[\.\.\., 8\]/,
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

/** Model files of every kind: read, quantised, written as codes and scales and in their own layout, read back to the same bits. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { pack } from '../../src/formats/packing.ts';
import { dequantizeModel, openModel, quantizeModel } from '../../src/model-files/index.ts';
import { numbersIn } from '../../src/model-files/model-file.ts';
import { decode, encode } from '../../src/operations/index.ts';
import { dequantize, quantize, quantizer } from '../../src/quantizers/index.ts';
import { gaussians } from '../../src/train/random.ts';
import { bytesOf, type Made, npy, npz, onnx, safetensors } from '../model-file-makers.ts';
import { withFolder } from './cli-world.ts';

const weights = gaussians(6 * 32, 0.1, 3, 'weights');
const bias = gaussians(6, 1, 4, 'bias');
const positions = BigInt64Array.of(1n, -5n, 9223372036854775807n);

const f32 = (name: string, shape: readonly number[], x: Float32Array): Made => ({
  ...{ name, dtype: 'F32', shape, bytes: bytesOf(x) },
});
const small: readonly Made[] = [
  f32('layer.0.weight', [6, 32], weights),
  f32('layer.0.bias', [6], bias),
  { name: 'positions', dtype: 'I64', shape: [3], bytes: bytesOf(positions) },
];

/** All tensors of a file: type, shape, bytes. */
async function contents(
  path: string,
): Promise<Record<string, { dtype: string; shape: readonly number[]; bytes: Buffer }>> {
  const model = await openModel(path);
  try {
    const entries = [];
    for (const tensor of model.tensors) {
      const parts: Uint8Array[] = [];
      for await (const piece of tensor.pieces(5)) parts.push(piece);
      entries.push([
        tensor.name,
        { dtype: tensor.dtype, shape: tensor.shape, bytes: Buffer.concat(parts) },
      ] as const);
    }
    return Object.fromEntries(entries);
  } finally {
    model.close();
  }
}

const floats = (bytes: Buffer): Float32Array => new Float32Array(new Uint8Array(bytes).buffer);

describe('codes and scales', () => {
  const names = [
    ...'mxfp4 nvfp4 mxfp6e2m3 mxfp8e4m3 mxint8 bfp(3,4) nf4 int4 int4/row int4/block:32 int3/column uint4/row/minmax'.split(
      ' ',
    ),
    ...'ternary e4m3fn e5m2/row int8/tile:4x8 bfloat16 binary16 posit8 e2m1/block:16/scale:ue5m3 int5/block:7/mse'.split(
      ' ',
    ),
    ...'fixed(3,4) logarithmic(4,3) binary64 posit32 e4m3fn/unscaled'.split(' '),
  ];
  test.each(names)('of %s are read back to the bits of the quantiser', async (name) => {
    await withFolder(async (folder) => {
      const [model, codes, values] = ['model', 'codes', 'values'].map((file) =>
        join(folder, `${file}.safetensors`),
      );
      writeFileSync(model!, safetensors(small, { format: 'pt' }));
      await quantizeModel(model!, { to: name, out: codes! });
      await dequantizeModel(codes!, { out: values! });
      const read = await contents(values!);
      const q = quantizer(name);
      const isWide = /^(binary64|posit32|logarithmic)/.test(name);
      const expected = q.quantize(isWide ? Float64Array.from(weights) : weights, [6, 32]);
      expect(read['layer.0.weight']).toEqual({
        dtype: isWide ? 'F64' : 'F32',
        shape: [6, 32],
        bytes: Buffer.from(bytesOf(dequantize(expected))),
      });
      // The bias has one axis, integers are no floats: both are as they were.
      expect(read['layer.0.bias']!.bytes).toEqual(Buffer.from(bytesOf(bias)));
      expect(read['positions']!.bytes).toEqual(Buffer.from(bytesOf(positions)));
      expect(Object.keys(read)).toHaveLength(3);
      // All that the packed tensor has is in the file.
      const stored = await contents(codes!);
      const parts = ['', '_scale', '_tensor_scale', '_zero_point'].map(
        (end) => stored[`layer.0.weight${end}`]?.bytes,
      );
      const isUnscaled = parts[1] === undefined;
      const whole = Buffer.concat(parts.filter((part) => part !== undefined));
      expect(whole).toEqual(Buffer.from(isUnscaled ? expected.pack().slice(0, -4) : expected.pack()));
    });
  });

  test('have types and shapes that other programs know', async () => {
    await withFolder(async (folder) => {
      const model = join(folder, 'model.safetensors');
      writeFileSync(model, safetensors(small));
      const headings = async (to: string): Promise<Record<string, unknown>> => {
        const out = join(folder, 'out.safetensors');
        await quantizeModel(model, { to, out });
        const read = await contents(out);
        return Object.fromEntries(
          Object.entries(read).flatMap(([name, { dtype, shape }]) =>
            name.startsWith('layer.0.weight') ? [[name.slice(14), `${dtype} ${shape}`]] : [],
          ),
        );
      };
      expect(await headings('mxfp4')).toEqual({ '': 'U8 6,16', _scale: 'U8 6,1' });
      expect(await headings('nvfp4')).toEqual({
        '': 'U8 6,16',
        _scale: 'F8_E4M3 6,2',
        _tensor_scale: 'F32 ',
      });
      expect(await headings('e4m3fn/row')).toEqual({ '': 'F8_E4M3 6,32', _scale: 'F32 6' });
      expect(await headings('int8/row')).toEqual({ '': 'I8 6,32', _scale: 'F32 6' });
      expect(await headings('uint8/minmax')).toEqual({ '': 'U8 6,32', _scale: 'F32 ', _zero_point: 'U8 ' });
      expect(await headings('bfloat16')).toEqual({ '': 'BF16 6,32' });
      expect(await headings('int5/row')).toEqual({ '': 'U8 6,20', _scale: 'F32 6' });
      expect(await headings('int3/column')).toEqual({ '': 'U8 6,12', _scale: 'F32 32' });
    });
  });
});

describe('the kinds of files', () => {
  const rows = quantizer('int8/row').quantize(weights, [6, 32]).values as Float32Array;

  test.each(['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'] as const)(
    'safetensors of %s',
    async (dtype) => {
      const format = {
        F64: 'binary64',
        F32: 'binary32',
        F16: 'binary16',
        BF16: 'bfloat16',
        F8_E4M3: 'e4m3fn',
        F8_E5M2: 'e5m2',
      } as const;
      const codes = encode(Float64Array.from(weights), format[dtype]);
      const given = decode(codes, format[dtype]);
      await withFolder(async (folder) => {
        const [model, out, values] = ['model', 'out', 'values'].map((file) =>
          join(folder, `${file}.safetensors`),
        );
        writeFileSync(
          model!,
          safetensors([{ name: 'w', dtype, shape: [6, 32], bytes: bytesOf(codes) }], { format: 'pt' }),
        );
        await quantizeModel(model!, { to: 'int8/row', out: out!, dequantized: true });
        const expected = quantizer('int8/row').quantize(given, [6, 32]).values;
        const read = await contents(out!);
        const own = encode(expected, format[dtype], { saturation: 'propagate' });
        expect(read['w']).toEqual({ dtype, shape: [6, 32], bytes: Buffer.from(bytesOf(own)) });
        // The header is that of before.
        expect(readFileSync(out!).subarray(0, 90)).toEqual(readFileSync(model!).subarray(0, 90));
        await quantizeModel(model!, { to: 'int8/row', out: out! });
        await dequantizeModel(out!, { out: values!, dtype: 'own' });
        expect((await contents(values!))['w']).toEqual(read['w']);
        await dequantizeModel(out!, { out: values! });
        expect((await contents(values!))['w']!.bytes).toEqual(Buffer.from(bytesOf(expected)));
      });
    },
  );

  test('sharded safetensors', async () => {
    await withFolder(async (folder) => {
      const index = join(folder, 'model.safetensors.index.json');
      writeFileSync(join(folder, 'a.safetensors'), safetensors(small.slice(0, 1), { format: 'pt' }));
      writeFileSync(join(folder, 'b.safetensors'), safetensors(small.slice(1)));
      const map = {
        'layer.0.weight': 'a.safetensors',
        'layer.0.bias': 'b.safetensors',
        positions: 'b.safetensors',
      };
      writeFileSync(index, JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }));
      const one = join(folder, 'codes.safetensors');
      const report = await quantizeModel(index, { to: 'int8/row', out: one });
      expect(report.tensors.map(({ name, quantizer }) => [name, quantizer])).toEqual([
        ['layer.0.weight', 'int8/row'],
        ['layer.0.bias', null],
        ['positions', null],
      ]);
      const out = join(folder, 'out', 'model.safetensors.index.json');
      mkdirSync(join(folder, 'out'));
      await quantizeModel(index, { to: 'int8/row', out, dequantized: true });
      expect(readFileSync(out)).toEqual(readFileSync(index));
      expect(readFileSync(join(folder, 'out', 'b.safetensors'))).toEqual(
        readFileSync(join(folder, 'b.safetensors')),
      );
      expect(floats((await contents(out))['layer.0.weight']!.bytes)).toEqual(rows);
      await expect(quantizeModel(index, { to: 'int4', out: index, dequantized: true })).rejects.toThrow(
        /being read/,
      );
    });
  });

  test('tfjs models, their shards cut anywhere, quantised weights and texts among them', async () => {
    await withFolder(async (folder) => {
      const half = encode(weights, 'binary16');
      const eight = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
      const words = Buffer.from([2, 0, 0, 0, 0x68, 0x69, 0, 0, 0, 0]);
      const bytes = Buffer.concat([bytesOf(weights), words, bytesOf(half), eight, bytesOf(bias)]);
      const cut = [0, 5, 777, bytes.length];
      const paths = ['group1-shard1of3.bin', 'group1-shard2of3.bin', 'group1-shard3of3.bin'];
      paths.forEach((path, i) => {
        writeFileSync(join(folder, path), bytes.subarray(cut[i], cut[i + 1]));
      });
      const quantization = { dtype: 'uint8', scale: 0.5, min: -3.25, original_dtype: 'float32' };
      const manifest = [
        {
          paths,
          weights: [
            { name: 'dense/kernel', shape: [6, 32], dtype: 'float32' },
            { name: 'words', shape: [2], dtype: 'string' },
            { name: 'half', shape: [32, 6], dtype: 'float32', quantization: { dtype: 'float16' } },
            { name: 'eight', shape: [3, 4], dtype: 'float32', quantization },
            { name: 'dense/bias', shape: [6], dtype: 'float32' },
          ],
        },
      ];
      const model = join(folder, 'model.json');
      writeFileSync(
        model,
        JSON.stringify({ format: 'layers-model', modelTopology: { a: 1 }, weightsManifest: manifest }),
      );
      const opened = await openModel(model);
      expect(opened.unread).toEqual(['words']);
      const read: Record<string, number[]> = {};
      for (const tensor of opened.tensors) {
        read[tensor.name] = [];
        for await (const piece of numbersIn(tensor, 7)) read[tensor.name]!.push(...piece);
      }
      opened.close();
      expect(read['dense/kernel']).toEqual([...weights]);
      expect(read['half']).toEqual([...decode(half, 'binary16')]);
      expect(read['eight']).toEqual([...eight].map((code) => Math.fround(code * 0.5 - 3.25)));
      expect(read['dense/bias']).toEqual([...bias]);

      const codes = join(folder, 'codes.safetensors');
      await quantizeModel(model, { to: 'int8/row', rules: [{ match: 'eight', to: 'keep' }], out: codes });
      const kept = await contents(codes);
      expect(kept['eight']).toMatchObject({ dtype: 'F32', shape: [3, 4] });
      expect([...floats(kept['eight']!.bytes)]).toEqual(read['eight']);

      // Nothing with a scale of its own changes: the shards keep their lengths.
      const same = join(folder, 'same', 'model.json');
      mkdirSync(join(folder, 'same'));
      await quantizeModel(model, {
        rules: [{ match: 'dense/kernel', to: 'int8/row' }],
        out: same,
        dequantized: true,
      });
      expect(readFileSync(same)).toEqual(readFileSync(model));
      for (const path of paths)
        expect(readFileSync(join(folder, 'same', path))).toHaveLength(
          readFileSync(join(folder, path)).length,
        );
      const changed = await contents(same);
      expect(floats(changed['dense/kernel']!.bytes)).toEqual(rows);
      expect(changed['eight']!.bytes).toEqual(Buffer.from(eight));

      // A weight of 8 bits becomes binary32, which its manifest says.
      const plain = join(folder, 'plain', 'model.json');
      mkdirSync(join(folder, 'plain'));
      await quantizeModel(model, { to: 'int4/row', out: plain, dequantized: true });
      const four = quantizer('int4/row').quantize(Float32Array.from(read['eight']!), [3, 4]).values;
      const grown = await contents(plain);
      expect(grown['eight']).toEqual({ dtype: 'F32', shape: [3, 4], bytes: Buffer.from(bytesOf(four)) });
      expect(grown['dense/bias']!.bytes).toEqual(Buffer.from(bytesOf(bias)));
      expect(grown['half']!.dtype).toBe('F16');
      const json = JSON.parse(readFileSync(plain, 'utf8'));
      expect(json.modelTopology).toEqual({ a: 1 });
      expect(json.weightsManifest[0].weights[2].quantization).toEqual({ dtype: 'float16' });
      expect(json.weightsManifest[0].weights[3].quantization).toBeUndefined();
    });
  });

  test('ONNX initialisers: raw, lists, external data, graphs within nodes', async () => {
    await withFolder(async (folder) => {
      const half = encode(weights, 'binary16');
      const brain = encode(weights, 'bfloat16');
      const model = join(folder, 'model.onnx');
      writeFileSync(
        join(folder, 'data.bin'),
        Buffer.concat([Buffer.alloc(16), bytesOf(weights), Buffer.alloc(3)]),
      );
      const file = onnx(
        [
          { name: 'raw', type: 1, shape: [6, 32], raw: bytesOf(weights) },
          { name: 'list', type: 1, shape: [6, 32], floats: [...weights] },
          { name: 'unpacked', type: 1, shape: [2, 3], floats: [...bias], isUnpacked: true },
          { name: 'half', type: 10, shape: [6, 32], int32s: [...half] },
          { name: 'brain', type: 16, shape: [6, 32], raw: bytesOf(brain) },
          { name: 'double', type: 11, shape: [2, 3], doubles: [...bias] },
          { name: 'eight', type: 3, shape: [4], int32s: [1, -1, 127, -128] },
          { name: 'shape', type: 7, shape: [3], raw: bytesOf(positions) },
          { name: 'text', type: 8, shape: [0] },
          { name: 'scalar', type: 1, shape: [], floats: [0.5] },
          {
            ...{ name: 'out', type: 1, shape: [6, 32] },
            external: { location: 'data.bin', offset: '16', length: String(weights.byteLength) },
          },
        ],
        [{ name: 'inner', type: 1, shape: [6, 32], raw: bytesOf(weights) }],
      );
      writeFileSync(model, file);
      const read = await contents(model);
      for (const name of ['raw', 'list', 'out', 'graph1/inner'])
        expect(floats(read[name]!.bytes)).toEqual(weights);
      expect(floats(read['unpacked']!.bytes)).toEqual(bias);
      expect(read['half']).toEqual({ dtype: 'F16', shape: [6, 32], bytes: Buffer.from(bytesOf(half)) });
      expect(read['brain']).toEqual({ dtype: 'BF16', shape: [6, 32], bytes: Buffer.from(bytesOf(brain)) });
      expect([...new Float64Array(new Uint8Array(read['double']!.bytes).buffer)]).toEqual([...bias]);
      expect([...read['eight']!.bytes]).toEqual([1, 255, 127, 128]);
      expect(read['scalar']!.shape).toEqual([]);

      const codes = join(folder, 'codes.safetensors');
      const report = await quantizeModel(model, { to: 'int8/row', out: codes });
      expect(report.unread).toEqual(['text']);
      const values = join(folder, 'values.safetensors');
      await dequantizeModel(codes, { out: values });
      const back = await contents(values);
      for (const name of ['raw', 'list', 'out', 'graph1/inner'])
        expect(floats(back[name]!.bytes)).toEqual(rows);
      expect(back['shape']!.bytes).toEqual(Buffer.from(bytesOf(positions)));

      const own = join(folder, 'own', 'model.onnx');
      mkdirSync(join(folder, 'own'));
      await expect(quantizeModel(model, { to: 'int8/row', out: own, dequantized: true })).rejects.toThrow(
        /half are a list of integers/,
      );
      await quantizeModel(model, {
        to: 'int8/row',
        rules: [{ match: 'half', to: 'keep' }],
        out: own,
        dequantized: true,
      });
      const changed = await contents(own);
      for (const name of ['raw', 'list', 'out', 'graph1/inner'])
        expect(floats(changed[name]!.bytes)).toEqual(rows);
      expect(changed['half']).toEqual(read['half']);
      expect(readFileSync(own)).toHaveLength(file.length);
      const data = readFileSync(join(folder, 'own', 'data.bin'));
      expect([...data.subarray(-3)]).toEqual([0, 0, 0]);
    });
  });

  test('.npy, whatever the order of its bytes and axes', async () => {
    await withFolder(async (folder) => {
      const model = join(folder, 'x.npy');
      const swapped = Buffer.from(bytesOf(weights)).swap32();
      const turned = Float32Array.from({ length: 192 }, (_, i) => weights[(i % 6) * 32 + Math.floor(i / 6)]!);
      const files = [
        npy('<f4', [6, 32], bytesOf(weights)),
        npy('>f4', [6, 32], swapped, { version: 2 }),
        npy('<f4', [6, 32], bytesOf(turned), { fortran: true, version: 3 }),
      ];
      for (const file of files) {
        writeFileSync(model, file);
        expect(floats((await contents(model))['data']!.bytes)).toEqual(weights);
        const out = join(folder, 'out.npy');
        await quantizeModel(model, { to: 'int8/row', out, dequantized: true });
        expect(new Uint8Array(readFileSync(out))).toEqual(npy('<f4', [6, 32], bytesOf(rows)));
      }
      // A file without a tensor of two axes has all its floats quantised.
      writeFileSync(model, npy('<f8', [5], bytesOf(Float64Array.of(1, -2, 0.3, 4, 0))));
      const report = await quantizeModel(model, { to: 'int8' });
      expect(report.tensors[0]).toMatchObject({ quantizer: 'int8', bytesBefore: 40, bytesAfter: 9 });
    });
  });

  test.each([false, true])('.npz, compressed: %s', async (compress) => {
    await withFolder(async (folder) => {
      const model = join(folder, 'x.npz');
      const arrays = {
        w: npy('<f4', [6, 32], bytesOf(weights)),
        'layer/b': npy('<f8', [6], bytesOf(Float64Array.from(bias))),
        n: npy('|i1', [3], Uint8Array.of(1, 2, 255)),
        none: npy('<f4', [0, 4], new Uint8Array()),
      };
      writeFileSync(model, await npz(arrays, { compress }));
      const read = await contents(model);
      expect(Object.keys(read)).toEqual(['w', 'layer/b', 'n', 'none']);
      expect(floats(read['w']!.bytes)).toEqual(weights);
      const out = join(folder, 'out.npz');
      await quantizeModel(model, { to: 'int8/row', out, dequantized: true });
      const changed = await contents(out);
      expect(floats(changed['w']!.bytes)).toEqual(rows);
      expect({ ...changed, w: read['w'] }).toEqual(read);
      await quantizeModel(model, { to: 'int8/row', out: join(folder, 'out.safetensors') });
      expect((await contents(join(folder, 'out.safetensors')))['n']!.bytes).toEqual(read['n']!.bytes);
    });
  });
});

describe('rules', () => {
  test('are by globs, the last that matches counting', async () => {
    await withFolder(async (folder) => {
      const model = join(folder, 'm.safetensors');
      const names = ['a.mlp.up', 'a.mlp.down', 'b.norm', 'embed'];
      writeFileSync(model, safetensors(names.map((name) => f32(name, [6, 32], weights))));
      const of = async (rules: { match: string; to: string }[], to?: string) => {
        const { tensors } = await quantizeModel(model, { rules, ...(to !== undefined && { to }) });
        return tensors.map(({ quantizer }) => quantizer);
      };
      expect(
        await of([
          { match: '*.norm', to: 'int4' },
          { match: 'embed', to: 'int8/row' },
        ]),
      ).toEqual([null, null, 'int4', 'int8/row']);
      expect(
        await of(
          [
            { match: 'a.**', to: 'int4' },
            { match: '**.down', to: 'keep' },
          ],
          'mxfp4',
        ),
      ).toEqual([...['int4', null, 'mxfp4', 'mxfp4']]);
      await expect(
        of([
          { match: 'a.**', to: 'int4' },
          { match: 'a.mlp.upp', to: 'int4' },
        ]),
      ).rejects.toThrow(
        "rules[1]: got 'a.mlp.upp'; accepted: a glob of some tensor's name, ** for what goes across . and / (did you mean a.mlp.up?)",
      );
      await expect(of([{ match: 'a.**', to: 'int44/roww' }])).rejects.toThrow(/rules\[0\]/);
    });
  });

  test('of blocks along another axis', async () => {
    await withFolder(async (folder) => {
      const [model, codes, values] = ['m', 'c', 'v'].map((name) => join(folder, `${name}.safetensors`));
      writeFileSync(model!, safetensors([f32('w', [6, 32], weights)]));
      await quantizeModel(model!, { rules: [{ match: 'w', to: 'int4/block:4', axis: 0 }], out: codes! });
      await dequantizeModel(codes!, { out: values! });
      const expected = quantize(weights, 'int4/block:4', { shape: [6, 32], axis: 0 });
      expect(floats((await contents(values!))['w']!.bytes)).toEqual(expected.values);
      expect((await contents(codes!))['w']!.bytes).toEqual(Buffer.from(pack(expected.codes, formats.int4)));
    });
  });

  test('with a rounding, whose random bits are of one stream for each tensor', async () => {
    await withFolder(async (folder) => {
      const [model, codes, values] = ['m', 'c', 'v'].map((name) => join(folder, `${name}.safetensors`));
      writeFileSync(model!, safetensors([f32('a', [6, 32], weights), f32('b', [6, 32], weights)]));
      await quantizeModel(model!, { to: 'int4/row', rounding: 'stochastic', seed: 3, out: codes! });
      await dequantizeModel(codes!, { out: values! });
      const q = quantizer({
        format: 'int4',
        rounding: 'stochastic',
        seed: 3,
        scale: { per: 'row', from: 'absmax' },
      });
      const read = await contents(values!);
      for (const [stream, name] of ['a', 'b'].entries())
        expect(floats(read[name]!.bytes)).toEqual(q.quantize(weights, [6, 32], { stream }).values);
    });
  });
});

test('codes are not quantised again', async () => {
  await withFolder(async (folder) => {
    const [model, codes] = ['m', 'c'].map((name) => join(folder, `${name}.safetensors`));
    writeFileSync(model!, safetensors(small));
    await quantizeModel(model!, { to: 'e4m3fn/row', out: codes! });
    await expect(quantizeModel(codes!, { to: 'int4' })).rejects.toThrow(
      /codes and scales, which dequantize reads/,
    );
  });
});

test('names that are taken are not taken again', async () => {
  await withFolder(async (folder) => {
    const [model, codes, values] = ['m', 'c', 'v'].map((name) => join(folder, `${name}.safetensors`));
    writeFileSync(model!, safetensors([f32('w', [6, 32], weights), f32('w_scale', [6], bias)]));
    await quantizeModel(model!, { to: 'int8/row', out: codes! });
    expect(Object.keys(await contents(codes!)).sort()).toEqual(['w', 'w_scale', 'w_scale_']);
    await dequantizeModel(codes!, { out: values! });
    expect(floats((await contents(values!))['w_scale']!.bytes)).toEqual(bias);
  });
});

test('NaN is refused by the name of its tensor, or becomes what is said', async () => {
  await withFolder(async (folder) => {
    const model = join(folder, 'm.safetensors');
    writeFileSync(model, safetensors([f32('w', [2, 2], Float32Array.of(1, Number.NaN, 3, 4))]));
    await expect(quantizeModel(model, { to: 'int4' })).rejects.toThrow(
      "nan: got 'error'; accepted: zero, max or group, as the tensor w has NaN",
    );
    const { errors } = await quantizeModel(model, { to: 'int4', nan: 'zero' });
    expect(errors!.lost).toBe(0);
  });
});

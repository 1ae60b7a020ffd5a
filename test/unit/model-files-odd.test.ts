/** Model files at the edges of what they may hold: every number is worked out here, and what has no effect is refused. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import {
  channelMask,
  dequantizeModel,
  inspectModel,
  kmeansCodebooks,
  lowRankError,
  openModel,
  type QuantizeModelOptions,
  quantizeModel,
  searchMinifloat,
  secondOrder,
} from '../../src/model-files/index.ts';
import { readValues } from '../../src/model-files/values.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { bytesOf, type Made, npy, npz, onnx, safetensors } from '../model-file-makers.ts';
import { testWorld, withFolder } from './cli-world.ts';

const made = (name: string, shape: readonly number[], x: Float32Array | Float64Array | Int32Array): Made => ({
  ...{ name, shape, bytes: bytesOf(x) },
  dtype: x instanceof Float32Array ? 'F32' : x instanceof Float64Array ? 'F64' : 'I32',
});
const waves = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i * i + 1));

/** The bytes of the tensors of a file. */
async function bytesIn(path: string): Promise<Record<string, Uint8Array>> {
  const model = await openModel(path);
  const found: Record<string, Uint8Array> = {};
  for (const { name, pieces } of model.tensors) {
    const parts: Uint8Array[] = [];
    for await (const piece of pieces(3)) parts.push(piece);
    found[name] = new Uint8Array(Buffer.concat(parts));
  }
  model.close();
  return found;
}
const f32 = (bytes: Uint8Array | undefined): number[] => [...new Float32Array(bytes!.buffer)];

/** A folder with a model w [4, 12] and b [4]. */
const withModel = (work: (path: (name: string) => string, w: Float32Array) => Promise<void>): Promise<void> =>
  withFolder(async (folder) => {
    const w = waves(48);
    const path = (name: string): string => join(folder, name);
    writeFileSync(
      path('m.safetensors'),
      safetensors([made('w', [4, 12], w), made('b', [4], Float32Array.of(1, 2, 3, 4))]),
    );
    await work(path, w);
  });

describe('what is read', () => {
  // Short arrays lie in memory that Buffers share; longer ones do not.
  test.each([3, 4000])('arrays of %i rows in column-major order, big-endian or compressed', async (rows) => {
    await withFolder(async (folder) => {
      const values = Float32Array.from({ length: rows * 4 }, (_, i) => i - 5);
      const columns = Float32Array.from(values, (_, at) => values[(at % rows) * 4 + Math.floor(at / rows)]!);
      const swapped = Buffer.from(bytesOf(columns)).swap32();
      const array = npy('<f4', [rows, 4], bytesOf(columns), { fortran: true });
      writeFileSync(
        join(folder, 'big.npy'),
        npy('>f4', [rows, 4], new Uint8Array(swapped), { fortran: true }),
      );
      writeFileSync(join(folder, 'x.npz'), await npz({ data: array }, { compress: true }));
      for (const name of ['big.npy', 'x.npz'])
        expect(f32((await bytesIn(join(folder, name)))['data'])).toEqual([...values]);
    });
  });

  test('weights that a file has as integers are numbers too', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'm.safetensors');
      writeFileSync(path, safetensors([made('w', [2], Int32Array.of(3, -4)), made('b', [1], waves(1))]));
      const found = await readValues(path, '--weights', new Set(['w']));
      expect([...found]).toEqual([['w', { shape: [2], values: Float32Array.of(3, -4) }]]);
    });
  });

  test('a compressed array that claims more than its bytes can become is refused', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'x.npz');
      const bytes = await npz({ a: npy('<f4', [50, 1000], new Uint8Array(200_000)) }, { compress: true });
      const claim = npy('<f4', [50, 1000], new Uint8Array(200_000)).length;
      for (let at = 0; at + 4 <= bytes.length; at++) {
        const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4);
        if (view.getUint32(0, true) === claim) view.setUint32(0, 2 ** 30, true);
      }
      writeFileSync(path, bytes);
      await expect(openModel(path)).rejects.toThrow(
        /a\.npy: \d+ compressed bytes cannot become the 1073741824/,
      );
    });
  });

  test('ONNX: integers of 32 bits in lists', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'm.onnx');
      // uint64_data is field 11: numbers in 7-bit parts.
      const numbers = [1, 4294967295, 300];
      const list = [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xac, 0x02];
      const marker = onnx([{ name: 'u', type: 12, shape: [3], raw: Uint8Array.from(list) }]);
      const key = marker.findIndex((byte, at) => byte === 0x4a && marker[at + 1] === list.length);
      marker[key] = (11 << 3) | 2;
      writeFileSync(path, marker);
      expect([...new Uint32Array((await bytesIn(path))['u']!.buffer)]).toEqual(numbers);
    });
  });
});

describe('weights of TensorFlow.js with a scale', () => {
  const kernel = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
  const bias = Uint8Array.of(1, 2, 250);
  const counts = Uint16Array.of(65535, 1, 40000);
  const by = (dtype: string, scale: number, min: number) => ({ dtype, scale, min });
  const weightsManifest = [
    {
      paths: ['g.bin'],
      weights: [
        { name: 'b', shape: [3], dtype: 'float32', quantization: by('uint8', 0.1, 2) },
        { name: 'k', shape: [4, 3], dtype: 'float32', quantization: by('uint8', 0.5, -1) },
        { name: 'plain', shape: [2], dtype: 'float32' },
        { name: 'n', shape: [3], dtype: 'int32', quantization: by('uint16', 1000.5, -3e7) },
      ],
    },
  ];
  const numbers = [...counts].map((code) => Math.round(code * 1000.5 - 3e7));
  const write = (folder: string): string => {
    const plain = bytesOf(Float32Array.of(7, 8));
    writeFileSync(join(folder, 'g.bin'), Buffer.concat([bias, kernel, plain, bytesOf(counts)]));
    writeFileSync(join(folder, 'model.json'), JSON.stringify({ weightsManifest }));
    return join(folder, 'model.json');
  };

  test('that are kept lose it with those that are quantised', async () => {
    await withFolder(async (folder) => {
      const out = join(folder, 'out', 'model.json');
      mkdirSync(dirname(out));
      const report = await quantizeModel(write(folder), { to: 'int8/row', out, dequantized: true });
      const found = await bytesIn(out);
      expect(f32(found['b'])).toEqual([...bias].map((code) => Math.fround(code * 0.1 + 2)));
      const k = Float32Array.from(kernel, (code) => code * 0.5 - 1);
      expect(f32(found['k'])).toEqual([...quantizer('int8/row').quantize(k, [4, 3]).values]);
      expect(f32(found['plain'])).toEqual([7, 8]);
      expect([...new Int32Array(found['n']!.buffer)]).toEqual(numbers);
      // Codes 12, scales 16; 3 and 2 binary32 numbers, 3 integers.
      expect(report.bytesAfter).toBe(12 + 16 + 12 + 8 + 12);
    });
  });

  test('that are integers are rounded once, however large', async () => {
    await withFolder(async (folder) => {
      const out = join(folder, 'q.safetensors');
      await quantizeModel(write(folder), { to: 'int8/row', out });
      expect([...new Int32Array((await bytesIn(out))['n']!.buffer)]).toEqual(numbers);
      const { tensors } = await inspectModel(join(folder, 'model.json'));
      expect(tensors[3]!.integers).toMatchObject({
        least: Math.min(...numbers),
        largest: Math.max(...numbers),
      });
    });
  });
});

test('a shard that is there twice is not written in its own layout', async () => {
  await withFolder(async (folder) => {
    const model = join(folder, 'model.json');
    const weights = [{ name: 'w', shape: [2, 4], dtype: 'float32' }];
    writeFileSync(join(folder, 'a.bin'), bytesOf(waves(4)));
    writeFileSync(model, JSON.stringify({ weightsManifest: [{ paths: ['a.bin', 'a.bin'], weights }] }));
    mkdirSync(join(folder, 'out'));
    const out = join(folder, 'out', 'model.json');
    await expect(quantizeModel(model, { to: 'int8/row', out, dequantized: true })).rejects.toThrow(
      /^dequantized: .*a\.bin is there twice/,
    );
  });
});

test('numbers below those of a format without 0 become its least', async () => {
  await withFolder(async (folder) => {
    const [model, out] = [join(folder, 'm.safetensors'), join(folder, 'o.safetensors')];
    // 2^0, 2^-20, 2^-127, NaN; in int8 the largest is 127 steps.
    const bytes = Uint8Array.of(127, 107, 0, 255);
    writeFileSync(model, safetensors([{ name: 's', dtype: 'F8_E8M0', shape: [1, 4], bytes }]));
    await quantizeModel(model, { to: 'int8/row', nan: 'zero', out, dequantized: true });
    expect([...(await bytesIn(out))['s']!]).toEqual([127, 0, 0, 0]);
  });
});

test('a name breaks no line of a table', async () => {
  await withFolder(async (folder) => {
    const model = join(folder, 'm.safetensors');
    writeFileSync(model, safetensors([made('a\nb', [2, 2], waves(4))]));
    const world = testWorld();
    expect(await run(['inspect', model], world.io)).toBe(0);
    expect(world.stdout()).toContain('a\\u000ab  F32');
  });
});

describe('what is written is read', () => {
  test.each([
    [1000, 3],
    [25, 200],
    [7, 1000],
  ])('k-means of %i x %i, of which 0.45 %% ends in a half', async (rows, columns) => {
    await withFolder(async (folder) => {
      const [model, out] = [join(folder, 'm.safetensors'), join(folder, 'q.safetensors')];
      writeFileSync(model, safetensors([made('w', [rows, columns], waves(rows * columns))]));
      await quantizeModel(model, { after: 'kmeans', bits: 1, out });
      await expect(dequantizeModel(out, { out: join(folder, 'v.safetensors') })).resolves.toHaveLength(1);
    });
  });

  test('scales that are all 1, one for each group', async () => {
    await withModel(async (path, w) => {
      const to = { format: 'e4m3fn', scale: { per: 'row', from: 'constant', value: 1 } } as const;
      await quantizeModel(path('m.safetensors'), { to, out: path('q.safetensors') });
      await dequantizeModel(path('q.safetensors'), { out: path('v.safetensors') });
      const { values } = quantizer(to).quantize(w, [4, 12]);
      expect(f32((await bytesIn(path('v.safetensors')))['w'])).toEqual([...values]);
    });
  });

  test('a tensor called as the metadata are is refused', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'x.npz');
      writeFileSync(path, await npz({ __metadata__: npy('<f4', [2, 3], new Uint8Array(24)) }));
      const out = join(folder, 'q.safetensors');
      await expect(quantizeModel(path, { to: 'int8/row', out })).rejects.toThrow(
        /__metadata__.*another name/,
      );
      expect(existsSync(out)).toBe(false);
    });
  });
});

describe('files are not written over', () => {
  test('that are read', async () => {
    await withModel(async (path) => {
      writeFileSync(path('c.safetensors'), safetensors([made('w', [5, 12], waves(60))]));
      const before = readFileSync(path('c.safetensors'));
      const calibration = path('c.safetensors');
      const options: QuantizeModelOptions = { to: 'int4/row', after: 'secondOrder', calibration };
      await expect(quantizeModel(path('m.safetensors'), { ...options, out: calibration })).rejects.toThrow(
        /^out: .*being read/,
      );
      writeFileSync(path('r.json'), '[{"match":"w","to":"int8/row"}]');
      const world = testWorld();
      const args = ['quantize', path('m.safetensors'), '--rules', path('r.json'), '--out', path('r.json')];
      expect(await run(args, world.io)).toBe(2);
      expect(world.stderr()).toMatch(/^halfulp: --out: .*being read/);
      expect(readFileSync(path('c.safetensors'))).toEqual(before);
    });
  });

  test('that are the shards of another model', async () => {
    await withFolder(async (folder) => {
      const model = join(folder, 'm.onnx');
      const external = { location: 'e.bin' };
      writeFileSync(join(folder, 'e.bin'), bytesOf(waves(6)));
      writeFileSync(model, onnx([{ name: 'w', type: 1, shape: [2, 3], external }]));
      mkdirSync(join(folder, 'other'));
      writeFileSync(join(folder, 'other', 'e.bin'), 'mine');
      const out = join(folder, 'other', 'm.onnx');
      const quantized = (): Promise<unknown> =>
        quantizeModel(model, { to: 'int8/row', out, dequantized: true });
      await expect(quantized()).rejects.toThrow(/^out: .*e\.bin, which would be replaced/);
      expect(readFileSync(join(folder, 'other', 'e.bin'), 'utf8')).toBe('mine');
      // Where the model itself is replaced, its shards are too.
      writeFileSync(out, '');
      await quantized();
      expect(readFileSync(join(folder, 'other', 'e.bin'))).toHaveLength(24);
    });
  });
});

describe('what has no effect is refused', () => {
  const constant = { format: 'int8', scale: { per: 'tensor', from: 'constant', value: 0.5 } } as const;
  test.each<[QuantizeModelOptions, RegExp]>([
    [{ after: 'kmeans', rounding: 'stochastic' }, /^rounding: .*kmeans/],
    [{ after: 'kmeans', nan: 'zero' }, /^nan: .*kmeans/],
    [{ after: 'minifloat', rounding: 'toward-zero' }, /^rounding: .*minifloat/],
    [{ after: 'bitmask', nan: 'max' }, /^nan: .*bitmask/],
    [{ to: { format: 'int8', scale: { per: 'tensor', from: 'absmax', decay: 0.9 } } }, /^to, scale\.decay: /],
    [
      { to: { format: 'int8', scale: { per: 'tensor', from: 'absmax', history: { length: 2 } } } },
      /^to, scale\.history: /,
    ],
    [{ to: { format: 'int8', scale: { per: 'tensor', from: 'learned' } } }, /^to, scale\.from: /],
    [{ to: 'bfloat16', after: 'mse' }, /^to: .*searched, with after mse/],
    [{ to: constant, after: 'mse' }, /^to: .*searched, with after mse/],
  ])('%j', async (options, message) => {
    await withModel(async (path) => {
      await expect(quantizeModel(path('m.safetensors'), options)).rejects.toThrow(message);
    });
  });

  test('a calibration that is of no tensor, or of numbers that are none', async () => {
    await withModel(async (path) => {
      const calibration = path('c.safetensors');
      const quantized = (tensors: readonly Made[], options: QuantizeModelOptions) => {
        writeFileSync(calibration, safetensors(tensors));
        return quantizeModel(path('m.safetensors'), { ...options, calibration });
      };
      const inputs = waves(60);
      for (const after of ['kmeans', 'bitmask'] as const)
        await expect(quantized([made('v', [5, 12], inputs)], { after })).rejects.toThrow(
          /^calibration: .*with tensors of w$/,
        );
      const lost = inputs.map((x, i) => (i === 3 ? Number.NaN : x));
      await expect(quantized([made('w', [5, 12], lost)], { after: 'bitmask' })).rejects.toThrow(
        /^calibration: got 'w'; accepted: finite/,
      );
      const below = waves(48).map((x, i) => (i === 7 ? -1 : x * x));
      await expect(quantized([made('w', [4, 12], below)], { after: 'kmeans' })).rejects.toThrow(
        /^calibration, w\[7\]: got -1/,
      );
      const whole = Int32Array.from(inputs, (x) => 10 * x);
      const second: QuantizeModelOptions = { to: 'int4/row', after: 'secondOrder' };
      const { errors } = await quantized([made('w', [5, 12], whole)], second);
      const same = await quantized([made('w', [5, 12], Float32Array.from(whole))], second);
      expect(errors).toEqual(same.errors);
      await expect(
        quantized([made('w', [5, 12], inputs)], { ...second, to: 'uint4/row/minmax' }),
      ).rejects.toThrow(/^to, w: .*without zero points/);
    });
  });
});

describe('magnitudes in figures have 8 significant bits, rounded down', () => {
  test.each<[string, Float32Array | Float64Array, number]>([
    ['large', Float64Array.of(1e200, 1e200, 1e200, 1e300), 1e200],
    ['small', Float64Array.of(1e-300, 1e-300, 1e-300, 1), 1e-300],
    ['subnormal', Float32Array.of(3e-43, 3e-43, 3e-43, 1), Math.fround(3e-43)],
    ['just below a power', Float64Array.of(2 - 2 ** -40, 2 - 2 ** -40, 2 - 2 ** -40, 100), 2 - 2 ** -40],
  ])('%s', async (_, x, number) => {
    await withFolder(async (folder) => {
      const path = join(folder, 'm.safetensors');
      writeFileSync(path, safetensors([made('x', [4], x)]));
      const { tensors } = await inspectModel(path);
      const step = 2 ** (Math.floor(Math.log2(number)) - 7);
      expect(tensors[0]!.numbers!.magnitudes.median).toBe(Math.floor(number / step) * step);
    });
  });
});

describe('methods', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY])('take no %d', async (x) => {
    const [w, whole] = [Float32Array.of(1, x, 3), waves(3)];
    const wrong = /^w\[1\]: got (NaN|Infinity); accepted: a finite number/;
    expect(() => kmeansCodebooks(w, [1, 3])).toThrow(wrong);
    expect(() => channelMask(w, [1, 3])).toThrow(wrong);
    expect(() => searchMinifloat(w)).toThrow(wrong);
    expect(() => secondOrder(w, [1, 3], { activations: whole })).toThrow(wrong);
    await expect(lowRankError(w, [1, 3])).rejects.toThrow(wrong);
    const inputs = /^activations\[1\]: /;
    expect(() => channelMask(whole, [1, 3], { activations: w })).toThrow(inputs);
    expect(() => secondOrder(whole, [1, 3], { activations: w })).toThrow(inputs);
  });

  test('a searched minifloat has no number beyond binary32', () => {
    for (const w of [Float32Array.of(3.3e38, -1e38, 1), Float32Array.of(1e-45, 3e-45)]) {
      const { best, tried, values } = searchMinifloat(w, { bits: 4 });
      expect(tried.length).toBeGreaterThan(1);
      expect(values).toBeInstanceOf(Float32Array);
      expect(best.error).toBe(Math.min(...tried.map(({ error }) => error)));
    }
  });

  test('signs of inputs that are all 0 keep the scale of their weights', () => {
    const { scales, values } = channelMask(Float32Array.of(8, 1, -2, 3, 4), [1, 5], {
      activations: Float32Array.of(1, 0, 0, 0, 0),
    });
    expect([...scales]).toEqual([2.5]);
    expect([...values]).toEqual([8, 2.5, -2.5, 2.5, 2.5]);
  });

  test('second-order rounding uses the range that its quantiser has', () => {
    // One output, two inputs that are alike: what the first weight loses the second makes good, beyond -7.
    const w = Float32Array.of(-3.4, -7.4, 8);
    const activations = Float32Array.of(1, 1, 0, 1, 1, 0, 0, 0, 1);
    const at = (range: 'full' | 'restricted') =>
      secondOrder(w, [1, 3], {
        activations,
        damping: 1e-6,
        quantizer: quantizer({ format: 'int4', range, scale: { per: 'tensor', from: 'constant', value: 1 } }),
      }).values;
    expect([...at('restricted')]).toEqual([-3, -7, 7]);
    expect([...at('full')]).toEqual([-3, -8, 7]);
  });

  test('and refuses what it cannot follow', () => {
    const transform = { name: 'hadamard', size: 2 } as const;
    const rotated = quantizer({ format: 'int4', transform, scale: { per: 'row', from: 'absmax' } });
    expect(() => secondOrder(waves(4), [2, 2], { activations: waves(2), quantizer: rotated })).toThrow(
      /^quantizer: .*transform/,
    );
  });
});

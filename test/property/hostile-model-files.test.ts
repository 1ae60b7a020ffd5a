/**
 * Model files of every kind, changed at random and by intent: each is read right or refused in one line, in bounded time and memory,
 * nothing is written but where it was asked for, and nothing is read beside the model's folder. HALFULP_HOSTILE sets the number of cases.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { type QuantizeModelOptions, quantizeModel } from '../../src/model-files/index.ts';
import {
  expectBoundedMemory,
  expectDoneOrRefused,
  hostileBytes,
  hostileJson,
  inTime,
  treeOf,
} from '../hostile.ts';
import { bytesOf, type Made, npy, npz, onnx, safetensors, sealed } from '../model-file-makers.ts';
import { testWorld } from '../unit/cli-world.ts';

const numRuns = Number(process.env['HALFULP_HOSTILE'] ?? 150);
const seed = 32;
/** Milliseconds that the cases of a kind of file may take. */
const limit = 600_000 + 400 * numRuns;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-hostile-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  expectBoundedMemory();
});

const x = Float32Array.from({ length: 24 }, (_, i) => (i - 9) / 7);
const tensors: readonly Made[] = [
  { name: 'w', dtype: 'F32', shape: [4, 6], bytes: bytesOf(x) },
  { name: 'h', dtype: 'BF16', shape: [2, 3], bytes: Uint8Array.from({ length: 12 }, (_, i) => 9 * i) },
  { name: 'n', dtype: 'I64', shape: [2], bytes: new Uint8Array(16) },
];
const right = safetensors(tensors, { format: 'pt' });
const headerOf = (file: Uint8Array): { header: object; arrays: Uint8Array } => {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return {
    header: JSON.parse(Buffer.from(file.subarray(8, 8 + length)).toString()),
    arrays: file.slice(8 + length),
  };
};
const { header, arrays } = headerOf(right);

/** Does with a file what commands do with files; gives the last line that was said. */
async function tried(
  path: string,
  ...commands: ('quantize' | 'own' | 'inspect' | 'dequantize')[]
): Promise<string> {
  let last = '';
  const out = join(folder, 'out');
  for (const command of commands) {
    const world = testWorld();
    const argv: Record<typeof command, string[]> = {
      quantize: ['quantize', path, '--to', 'int4/block:4', '--nan', 'zero', '--out', out, '--quiet'],
      own: ['quantize', path, '--to', 'int8', '--nan', 'zero', '--dequantized', '--out', out, '--quiet'],
      inspect: ['inspect', path, '--quiet'],
      dequantize: ['dequantize', path, '--out', out, '--quiet'],
    };
    const code = await inTime(() => run(argv[command], world.io));
    expectDoneOrRefused(code, world);
    rmSync(out, { force: true });
    last = world.stderr();
  }
  return last;
}

describe('safetensors', () => {
  it(
    'changed at random',
    async () => {
      const file = join(folder, 'm.safetensors');
      const changed = fc.oneof(
        hostileBytes(right),
        hostileJson(header).map((text) => sealed(text, arrays)),
      );
      await fc.assert(
        fc.asyncProperty(changed, async (bytes) => {
          writeFileSync(file, bytes);
          await tried(file, 'quantize', 'inspect', 'own');
        }),
        { seed, numRuns },
      );
      expect(treeOf(folder)).toEqual(['m.safetensors']);
    },
    limit,
  );

  const huge = (length: bigint): Uint8Array => {
    const bytes = new Uint8Array(64);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    return bytes;
  };
  const one = (fields: object, text?: string): Uint8Array =>
    sealed(
      text ?? { w: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16], ...fields } },
      new Uint8Array(16),
    );
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(), /0 bytes, not even/],
    ['a header beyond the file', huge(2n ** 40n), /byte 0: a header of 1099511627776 bytes does not fit/],
    ['a header of 2^64 - 1 bytes', huge(2n ** 64n - 1n), /byte 0: a header of/],
    ['a header that is no UTF-8', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe), /not UTF-8/],
    ['a header that is no JSON', sealed('{', new Uint8Array()), /not JSON/],
    [
      'a header nested 70 deep',
      sealed(`${'['.repeat(70)}${']'.repeat(70)}`, new Uint8Array()),
      /nests deeper/,
    ],
    [
      'a name twice',
      one(
        {},
        '{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}',
      ),
      /key w twice/,
    ],
    ['a shape whose product overflows', one({ shape: [2 ** 31, 2 ** 31, 2 ** 31] }), /do not fit together/],
    ['a shape whose product is infinite', one({ shape: Array(64).fill(2 ** 52) }), /do not fit together/],
    ['a negative length', one({ shape: [-2, -2] }), /shape\[0\]/],
    ['a shape of 65 axes', one({ shape: Array(65).fill(1) }), /header\.w\.shape/],
    ['offsets the wrong way', one({ data_offsets: [16, 0] }), /do not fit together/],
    ['offsets beyond the file', one({ shape: [4, 2], data_offsets: [0, 32] }), /ends at byte 32 of 16/],
    ['a gap before', one({ shape: [2], data_offsets: [8, 16] }), /begins at 8, not at 0/],
    ['bytes of no tensor', one({ shape: [2], data_offsets: [0, 8] }), /end at byte 8 of 16/],
    [
      'overlapping tensors',
      one(
        {},
        '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}',
      ),
      /begins at 8, not at 12/,
    ],
    ['half a byte of F4', one({ dtype: 'F4', shape: [31] }), /31 elements of F4 do not fill whole bytes/],
    ['bytes of more F6 than said', one({ dtype: 'F6_E2M3', shape: [20] }), /do not fit together/],
    ['an unknown type', one({ dtype: 'F33' }), /F33.*F32/],
    ['metadata that are no texts', one({}, '{"__metadata__":{"a":1}}'), /__metadata__\.a/],
  ])('%s', async (_, bytes, message) => {
    const file = join(folder, 'm.safetensors');
    writeFileSync(file, bytes);
    expect(await tried(file, 'inspect')).toMatch(message);
    expect(await tried(file, 'quantize')).toMatch(message);
  });
});

describe('indexes of shards', () => {
  it(
    'changed at random',
    async () => {
      const own = join(folder, 'sharded');
      mkdirSync(own);
      writeFileSync(join(own, 'a.safetensors'), right);
      const index = join(own, 'm.safetensors.index.json');
      const map = {
        metadata: { total_size: 5 },
        weight_map: { w: 'a.safetensors', h: 'a.safetensors', n: 'a.safetensors' },
      };
      await fc.assert(
        fc.asyncProperty(hostileJson(map), async (text) => {
          writeFileSync(index, text);
          await tried(index, 'quantize', 'inspect');
        }),
        { seed, numRuns },
      );
      rmSync(own, { recursive: true });
    },
    limit,
  );

  it.each([
    '../m.safetensors',
    '/etc/passwd',
    'a/../../m.safetensors',
    '',
    '.',
    'C:\\x',
    'a\\..\\b',
    'x\0y',
    'none.safetensors',
  ])('with the shard %j', async (name) => {
    writeFileSync(join(folder, 'm.safetensors'), right);
    const own = join(folder, 'below');
    mkdirSync(own, { recursive: true });
    const index = join(own, 'm.safetensors.index.json');
    writeFileSync(index, JSON.stringify({ weight_map: { w: name } }));
    expect(await tried(index, 'inspect', 'quantize', 'own')).toMatch(/no name of a file|cannot be read/);
    rmSync(own, { recursive: true });
  });
});

describe('tfjs models', () => {
  const weights = [
    { name: 'k', shape: [4, 6], dtype: 'float32' },
    { name: 'q', shape: [3], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } },
    { name: 't', shape: [1], dtype: 'string' },
  ];
  const model = { modelTopology: {}, weightsManifest: [{ paths: ['g1.bin', 'g2.bin'], weights }] };
  const bytes = Buffer.concat([bytesOf(x), Uint8Array.of(1, 2, 3), Uint8Array.of(1, 0, 0, 0, 65)]);

  it(
    'changed at random',
    async () => {
      const own = join(folder, 'tfjs');
      mkdirSync(own);
      const file = join(own, 'model.json');
      await fc.assert(
        fc.asyncProperty(hostileJson(model), hostileBytes(bytes), fc.nat(2), async (text, shards, which) => {
          const given = which === 0 ? shards : bytes;
          writeFileSync(join(own, 'g1.bin'), given.subarray(0, 50));
          writeFileSync(join(own, 'g2.bin'), given.subarray(50));
          writeFileSync(file, which === 0 ? JSON.stringify(model) : text);
          await tried(file, 'quantize', 'inspect', 'own');
        }),
        { seed, numRuns },
      );
      rmSync(own, { recursive: true });
      for (const name of ['g1.bin', 'g2.bin']) rmSync(join(folder, name), { force: true });
    },
    limit,
  );

  it('with a text of 2^32 bytes, or a shape beyond all files', async () => {
    const file = join(folder, 'model.json');
    const of = async (weight: object, content: Uint8Array): Promise<string> => {
      writeFileSync(join(folder, 'g.bin'), content);
      writeFileSync(
        file,
        JSON.stringify({ weightsManifest: [{ paths: ['g.bin'], weights: [{ name: 'a', ...weight }] }] }),
      );
      return tried(file, 'inspect', 'quantize');
    };
    expect(await of({ shape: [2], dtype: 'string' }, Uint8Array.of(255, 255, 255, 255))).toMatch(
      /it ends at byte/,
    );
    expect(await of({ shape: [2 ** 40], dtype: 'string' }, new Uint8Array(40))).toMatch(/it ends at byte/);
    expect(await of({ shape: [2 ** 40, 2 ** 40], dtype: 'float32' }, new Uint8Array(4))).toMatch(
      /it ends at byte/,
    );
    rmSync(file);
    rmSync(join(folder, 'g.bin'));
  });
});

describe('ONNX', () => {
  const file = (): string => join(folder, 'm.onnx');
  const whole = onnx(
    [
      { name: 'w', type: 1, shape: [4, 6], raw: bytesOf(x) },
      { name: 'f', type: 1, shape: [2, 2], floats: [1, 2, 3, 4] },
      { name: 'h', type: 10, shape: [2, 2], int32s: [1, 2000, 3, 65535] },
    ],
    [{ name: 'i', type: 11, shape: [2], doubles: [1, 2] }],
  );

  it(
    'changed at random',
    async () => {
      await fc.assert(
        fc.asyncProperty(hostileBytes(whole), async (bytes) => {
          writeFileSync(file(), bytes);
          await tried(file(), 'quantize', 'inspect', 'own');
        }),
        { seed, numRuns },
      );
    },
    limit,
  );

  it.each<[string, Parameters<typeof onnx>[0], RegExp]>([
    [
      'external data beside the folder',
      [{ name: 'w', type: 1, shape: [1], external: { location: '../m.safetensors' } }],
      /no name of a file/,
    ],
    [
      'external data at an absolute path',
      [{ name: 'w', type: 1, shape: [1], external: { location: '/etc/passwd' } }],
      /no name of a file/,
    ],
    [
      'external data that are the model',
      [{ name: 'w', type: 1, shape: [1], external: { location: 'm.onnx' } }],
      /names the file itself/,
    ],
    [
      'external data beyond their file',
      [
        {
          name: 'w',
          type: 1,
          shape: [1],
          external: { location: 'd.bin', offset: '4', length: '99999999999' },
        },
      ],
      /external data up to byte/,
    ],
    [
      'an offset that is no number',
      [{ name: 'w', type: 1, shape: [1], external: { location: 'd.bin', offset: '-4' } }],
      /offset '-4'/,
    ],
    [
      'fewer bytes than its shape',
      [{ name: 'w', type: 1, shape: [2 ** 30, 2 ** 20], raw: new Uint8Array(8) }],
      /8 bytes where its shape says/,
    ],
    [
      'fewer numbers than its shape',
      [{ name: 'w', type: 10, shape: [2 ** 30, 2], int32s: [1, 2] }],
      /no more than 2 numbers/,
    ],
    ['a negative length', [{ name: 'w', type: 1, shape: [-1], raw: new Uint8Array(8) }], /the shape -1/],
    [
      'a name twice',
      [
        { name: 'w', type: 1, shape: [1], floats: [1] },
        { name: 'w', type: 1, shape: [1], floats: [1] },
      ],
      /two initialisers are called w/,
    ],
    ['no name', [{ name: '', type: 1, shape: [1], floats: [1] }], /without a name/],
  ])('with %s', async (_, initialisers, message) => {
    writeFileSync(join(folder, 'd.bin'), new Uint8Array(8));
    writeFileSync(file(), onnx(initialisers));
    expect(await tried(file(), 'inspect', 'quantize')).toMatch(message);
  });

  it('with a list of integers cut within one', async () => {
    const bytes = onnx([{ name: 'h', type: 10, shape: [3], int32s: [300, 300, 300] }]);
    const at = Buffer.from(bytes).indexOf(Buffer.from([0xac, 0x02, 0xac, 0x02, 0xac, 0x02]));
    bytes[at + 5] = 0xac;
    writeFileSync(file(), bytes);
    expect(await tried(file(), 'inspect')).toMatch(/does not have the numbers/);
  });
});

describe('NumPy files', () => {
  it(
    'changed at random',
    async () => {
      const one = join(folder, 'x.npy');
      const several = join(folder, 'x.npz');
      const files = [
        npy('<f4', [4, 6], bytesOf(x)),
        npy('>f8', [3], bytesOf(new Float64Array(3))),
        npy('<f2', [2, 3], new Uint8Array(12), { fortran: true }),
      ];
      const plain = await npz({ a: files[0]!, b: files[1]! });
      const packed = await npz({ a: files[0]!, b: files[2]! }, { compress: true });
      await fc.assert(
        fc.asyncProperty(hostileBytes(...files), hostileBytes(plain, packed), async (array, archive) => {
          writeFileSync(one, array);
          await tried(one, 'quantize', 'inspect', 'own');
          writeFileSync(several, archive);
          await tried(several, 'quantize', 'inspect', 'own');
        }),
        { seed, numRuns },
      );
    },
    limit,
  );

  it('that say more than they have', async () => {
    const one = join(folder, 'x.npy');
    writeFileSync(one, npy('<f4', [2 ** 40, 2 ** 40], new Uint8Array(8)));
    expect(await tried(one, 'inspect', 'quantize')).toMatch(/ends after 2 of/);
    writeFileSync(one, npy('<f4', [1], new Uint8Array(8)));
    expect(await tried(one, 'inspect')).toMatch(/4 bytes after its numbers/);
    writeFileSync(one, npy('|O', [1], new Uint8Array(8)));
    expect(await tried(one, 'inspect')).toMatch(/elements .O:/);
    const several = join(folder, 'x.npz');
    writeFileSync(
      several,
      await npz({ a: npy('<f4', [2 ** 30, 2 ** 20], new Uint8Array(8)) }, { compress: true }),
    );
    expect(await tried(several, 'inspect', 'quantize')).toMatch(/a\.npy, byte/);
  });
});

describe('files of codes and scales', () => {
  it(
    'changed at random',
    async () => {
      const model = join(folder, 'm.safetensors');
      const codes = join(folder, 'c.safetensors');
      writeFileSync(model, safetensors(tensors));
      const variants: { header: { __metadata__: Record<string, string> }; arrays: Uint8Array }[] = [];
      const inputs = join(folder, 'i.safetensors');
      writeFileSync(
        inputs,
        safetensors(tensors.slice(0, 2).map((one) => ({ ...one, shape: [1, ...one.shape] }))),
      );
      const ways: QuantizeModelOptions[] = [
        ...['nvfp4', 'uint4/row/minmax', 'int5/block:4'].map((to) => ({ to })),
        ...(['kmeans', 'bitmask', 'minifloat'] as const).map((after) => ({ after })),
        { after: 'lowRankError', to: 'nvfp4' },
        { after: 'secondOrder', to: 'int4/row', calibration: inputs },
      ];
      for (const way of ways) {
        await quantizeModel(model, { ...way, out: codes });
        variants.push(headerOf(new Uint8Array(readFileSync(codes))) as never);
      }
      const changed = fc.constantFrom(...variants).chain(({ header: own, arrays: bytes }) => {
        const said = JSON.parse(own.__metadata__['halfulp.quantized']!);
        const damaged = hostileBytes(bytes).map((changes) =>
          changes.length === bytes.length ? changes : bytes,
        );
        return fc
          .tuple(fc.oneof(hostileJson(said), fc.constant(JSON.stringify(said))), damaged)
          .map(([text, arrays]) =>
            sealed({ ...own, __metadata__: { ...own.__metadata__, 'halfulp.quantized': text } }, arrays),
          );
      });
      await fc.assert(
        fc.asyncProperty(changed, async (bytes) => {
          writeFileSync(codes, bytes);
          await tried(codes, 'dequantize', 'inspect');
        }),
        { seed, numRuns },
      );
      rmSync(inputs);
    },
    limit,
  );
});

it('a folder, a device and a link in a circle are no models', async () => {
  for (const [name, make] of [
    ['f.safetensors', (path: string) => mkdirSync(path)],
    ['d.npy', (path: string) => symlinkSync('/dev/zero', path)],
    ['l.onnx', (path: string) => symlinkSync(path, path)],
  ] as const) {
    const path = join(folder, name);
    make(path);
    expect(await tried(path, 'inspect')).toMatch(/<model>.*readable file/);
    rmSync(path, { recursive: true, force: true });
  }
});

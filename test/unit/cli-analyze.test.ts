/** `halfulp analyze`: tables, JSON, files, the picture, refusals. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { errorPlot } from '../../src/cli/analyze/error-plot.ts';
import { run } from '../../src/cli/main.ts';
import { readNpy } from '../../src/model-files/npy.ts';
import { analyze, errorAgainstBits } from '../../src/quantizers/index.ts';
import { gaussians } from '../../src/train/random.ts';
import { testWorld, withFolder } from './cli-world.ts';

async function halfulp(...argv: string[]): Promise<{ out: string; err: string; code: number }> {
  const world = testWorld();
  const code = await run(['analyze', ...argv], world.io);
  return { out: world.stdout(), err: world.stderr(), code };
}

/** What --json prints. */
// biome-ignore lint/suspicious/noExplicitAny: parsed JSON
async function record(...argv: string[]): Promise<any> {
  const { out, err, code } = await halfulp(...argv, '--json');
  expect([err, code]).toEqual(['', 0]);
  return JSON.parse(out);
}

/** A .npy file of version 1. */
function npy(descr: string, shape: readonly number[], data: ArrayBufferView, fortran = false): Uint8Array {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sides}), }`;
  // Magic, version, length, header with a line break: a multiple of 64 bytes.
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([
    Buffer.from([0x93]),
    Buffer.from('NUMPY\x01\x00', 'latin1'),
    length,
    Buffer.from(padded),
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  ]);
}

test('a tensor small enough to check by hand, in full', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'x.json');
    writeFileSync(file, '[[6, -0.2], [1.3, 3.1]]');
    const { out, code } = await halfulp('--formats', 'e2m1', '--data', file, '--codes');
    expect(code).toBe(0);
    // 6 -0 1.5 3 with scale 1: errors 0 .2 .2 .1, so .09 of 47.34.
    expect(
      out,
    ).toBe(`            bits /          SQNR  relative   largest    satu-  under-                 entropy  codes
quantiser  element  bytes     dB     error  relative  rated %  flow %  zeros %  lost     bits   used
---------  -------  -----  -----  --------  --------  -------  ------  -------  ----  -------  -----
e2m1            12      6  27.21    0.0436         1     0.00   25.00    25.00     0     2.00      4

e2m1: share of each code
   -0   25.00 %  ########################################
  1.5   25.00 %  ########################################
    3   25.00 %  ########################################
    6   25.00 %  ########################################
`);
  });
});

test('JSON: the numbers of the library', async () => {
  const given = await record('--formats', 'mxfp4,float(4,3)/row,nvfp4', '--shape', '8,32', '--seed', '3');
  expect(given).toMatchObject({
    data: 'gaussian',
    shape: [8, 32],
    seed: 3,
    rounding: 'nearest-even',
    transform: null,
  });
  expect(given.results.map(({ name }: { name: string }) => name)).toEqual([
    'mxfp4',
    'nvfp4',
    'float(4,3)/row',
  ]);
  const { codes, ...analysis } = analyze(gaussians(256, 1, 3, 'analyze'), 'mxfp4', { shape: [8, 32] });
  expect(given.results[0]).toEqual({ name: 'mxfp4', ...analysis, codesUsed: codes.length });
  const withCodes = await record('--formats', 'mxfp4', '--shape', '8,32', '--seed', '3', '--codes');
  expect(withCodes.results[0].codes.map(({ count }: { count: number }) => count)).toEqual(
    codes.map(({ count }) => count),
  );
});

test('rounding, transform and seed take effect, and come back in JSON', async () => {
  const plain = await record('--formats', 'int4', '--shape', '16,16');
  const stochastic = await record('--formats', 'int4', '--shape', '16,16', '--rounding', 'stochastic');
  expect(stochastic.results[0].relativeError).toBeGreaterThan(plain.results[0].relativeError);
  expect(stochastic.rounding).toBe('stochastic');
  const rotated = await record('--formats', 'int4', '--shape', '16,16', '--transform', 'hadamard:16');
  expect(rotated.transform).toEqual({ name: 'hadamard', size: 16 });
  expect(rotated.results[0].sqnr).not.toBe(plain.results[0].sqnr);
  const json = '{"name":"keep-outliers","count":2}';
  expect(
    (await record('--formats', 'int4', '--shape', '16,16', '--transform', json)).transform,
  ).toMatchObject({ count: 2 });
});

test('elements that are lost: a column, a field, and what --nan makes of NaN', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'x.npy');
    writeFileSync(file, npy('<f4', [2, 32], new Float32Array(64).fill(1.25).fill(NaN, 7, 8)));
    const { out, code } = await halfulp('--formats', 'mxfp4', '--data', file);
    expect(code).toBe(0);
    expect(out.split('\n')[3]).toMatch(/^mxfp4 +4\.25 +34 +-inf +inf +inf +0\.00 +0\.00 +0\.00 +31 /);
    const lossy = await record('--formats', 'mxfp4', '--data', file);
    expect(lossy.nan).toBe(null);
    expect(lossy.results[0]).toMatchObject({
      nonFinite: 1,
      lost: 31,
      sqnr: '-Infinity',
      relativeError: 'Infinity',
      alignment: 'NaN',
    });
    const refused = await halfulp('--formats', 'int4', '--data', file);
    expect([refused.out, refused.code]).toEqual(['', 2]);
    expect(refused.err).toMatch(/^halfulp.*--nan: got 'error'; accepted: zero, max or group.*x\[7\]/);
    for (const nan of ['zero', 'max', 'group']) {
      const { nan: given, results } = await record('--formats', 'mxfp4,int4', '--data', file, '--nan', nan);
      expect(given).toBe(nan);
      for (const { nonFinite, lost } of results)
        expect([nonFinite, lost > 0], nan).toEqual([1, nan === 'group']);
    }
  });
});

test('the distributions', async () => {
  const errorOf = async (data: string): Promise<number> =>
    (await record('--formats', 'int8', '--data', data, '--shape', '16,256')).results[0].relativeError;
  const [uniform, gaussian, laplace, outliers] = await Promise.all(
    ['uniform', 'gaussian', 'laplace', 'outliers'].map(errorOf),
  );
  // Uniform data, absmax int8: step 1/127, error step / sqrt(12) of a root mean square 1/sqrt(3).
  expect(Math.abs(uniform! - 1 / 254)).toBeLessThan(1e-4);
  expect(uniform!).toBeLessThan(gaussian!);
  expect(gaussian!).toBeLessThan(laplace!);
  expect(outliers).not.toBe(gaussian);
});

test('.npy files: types, byte order, column-major, versions', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'x.npy');
    const summary = async (bytes: Uint8Array): Promise<unknown> => {
      writeFileSync(file, bytes);
      const { shape, results } = await record('--formats', 'binary32/row', '--data', file, '--codes');
      // biome-ignore lint/suspicious/noExplicitAny: parsed JSON
      return [shape, results[0].codes.map(({ element }: any) => element)];
    };
    const rowMajor = await summary(npy('<f4', [2, 2], new Float32Array([1, 2, 0.5, 4])));
    expect(rowMajor).toEqual(await summary(npy('<f8', [2, 2], new Float64Array([1, 2, 0.5, 4]))));
    expect(rowMajor).toEqual(await summary(npy('<f4', [2, 2], new Float32Array([1, 0.5, 2, 4]), true)));
    expect(rowMajor).toEqual(
      await summary(npy('<f2', [2, 2], new Uint16Array([0x3c00, 0x4000, 0x3800, 0x4400]))),
    );
    const swapped = new Uint8Array(new Float32Array([1, 2, 0.5, 4]).buffer).reverse();
    expect(await summary(npy('>f4', [2, 2], swapped))).toEqual(
      await summary(npy('<f4', [2, 2], new Float32Array([4, 0.5, 2, 1]))),
    );
    expect(await summary(npy('|i1', [3], new Int8Array([-8, 0, 4])))).toEqual(
      await summary(npy('<i4', [3], new Int32Array([-8, 0, 4]))),
    );
    expect(await summary(npy('<u2', [2], new Uint16Array([1, 65535])))).toEqual(
      await summary(npy('<u4', [2], new Uint32Array([1, 65535]))),
    );
    const first = npy('<f4', [4], new Float32Array([1, 2, 3, 4]));
    const second = Buffer.concat([
      first.subarray(0, 6),
      Buffer.from([2, 0, first[8]!, first[9]!, 0, 0]),
      first.subarray(10),
    ]);
    expect(await summary(second)).toEqual(await summary(first));
  });
});

test('.npy files: 64-bit integers that are binary64 numbers, and booleans', () => {
  const wide = [0n, 1n, -1n, 2n ** 53n, 2n ** 53n + 2n, -(2n ** 63n), 2n ** 62n + 2n ** 10n];
  for (const endian of ['<', '>']) {
    const bytes = new DataView(new ArrayBuffer(8 * wide.length));
    for (const [i, value] of wide.entries()) bytes.setBigInt64(8 * i, value, endian === '<');
    expect(readNpy(npy(`${endian}i8`, [wide.length], bytes))).toEqual({
      values: Float64Array.from(wide, Number),
      shape: [wide.length],
    });
    bytes.setBigUint64(0, 2n ** 64n - 2n ** 11n, endian === '<');
    expect(readNpy(npy(`${endian}u8`, [1], bytes)).values).toEqual(new Float64Array([2 ** 64 - 2 ** 11]));
  }
  expect(readNpy(npy('|b1', [4], new Uint8Array([0, 1, 2, 255]))).values).toEqual(
    new Float32Array([0, 1, 1, 1]),
  );
});

test('damaged files: which, and where', async () => {
  await withFolder(async (folder) => {
    const whole = npy('<f4', [4], new Float32Array([1, 2, 3, 4]));
    const problem = async (name: string, bytes: Uint8Array | string): Promise<string> => {
      const file = join(folder, name);
      writeFileSync(file, bytes);
      const { out, err, code } = await halfulp('--data', file);
      expect([out, code]).toEqual(['', 2]);
      expect(err).toContain(`halfulp: ${file}: `);
      return err.slice(`halfulp: ${file}: `.length).trim();
    };
    expect(await problem('a.npy', whole.subarray(0, -5))).toMatch(/ends after 2 of 4 numbers/);
    expect(await problem('a.npy', whole.subarray(0, 20))).toMatch(/byte 20: ends in its header/);
    expect(await problem('a.npy', 'PK\x03\x04 something else')).toMatch(/byte 0/);
    expect(await problem('a.npy', npy('<c8', [1], new Float32Array(2)))).toMatch(/elements <c8/);
    expect(await problem('a.npy', npy('<constructor', [1], new Float64Array(1)))).toMatch(
      /elements <constructor: not one of f2, /,
    );
    // 2^53 + 1 in row 1, column 0 of three rows: stored third of six, or second in column-major order.
    const odd = 2n ** 53n + 1n;
    expect(await problem('a.npy', npy('<i8', [3, 2], new BigInt64Array([1n, 2n, -odd, 4n, 5n, 6n])))).toBe(
      'element [1, 0], at byte 144: -9007199254740993 is no binary64 number',
    );
    expect(
      await problem('a.npy', npy('<u8', [3, 2], new BigUint64Array([1n, odd, 3n, 4n, 5n, 6n]), true)),
    ).toMatch(/^element \[1, 0\], at byte 136: 9007199254740993 is no/);
    expect(await problem('a.npy', npy('<u8', [1], new BigUint64Array([2n ** 64n - 1n])))).toMatch(
      /^element \[0\], at byte 128: 18446744073709551615 is no/,
    );
    const version = Uint8Array.from(whole);
    version[6] = 9;
    expect(await problem('a.npy', version)).toMatch(/version 9/);
    expect(
      await problem('a.npy', Buffer.from(whole).toString('latin1').replace("'descr'", "'desc_'")),
    ).toMatch(/header|byte/);
    expect(await problem('b.json', '[1, 2')).toMatch(/no JSON/);
    expect(await problem('b.json', '[[1, 2], [3]]')).toMatch(/data\[1\]: not an array of 2/);
    expect(await problem('b.json', '[1, "2"]')).toMatch(/data\[1\]: not a number/);
    expect(await problem('b.json', '{"a": 1}')).toMatch(/not an array of numbers/);
  });
});

test('the picture: well-formed, every quantiser named once, nothing half-written', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'error.svg');
    const formats = 'ternary,mxfp4,nvfp4,e2m1/block:16/scale:ue5m3,int8';
    expect((await halfulp('--formats', formats, '--shape', '16,64', '--plot', file)).code).toBe(0);
    const svg = readFileSync(file, 'utf8');
    const { document } = parseHTML(svg);
    const texts = [...document.querySelectorAll('text')].map((text) => text.textContent);
    for (const name of formats.split(',')) expect(texts.filter((text) => text === name)).toHaveLength(1);
    expect(document.querySelectorAll('circle')).toHaveLength(5);
    expect(svg).toContain('rate-distortion');
    expect(readdirSync(folder)).toEqual(['error.svg']);
    const deeper = join(folder, 'new', 'x.svg');
    expect((await halfulp('--formats', 'int8', '--shape', '4,4', '--plot', deeper)).code).toBe(0);
    expect(readFileSync(deeper, 'utf8')).toMatch(/^<svg/);
  });
});

test.each(['', '.', '/', '/proc/x/error.svg', '/dev/full/x.svg'])(
  'the picture in %j is refused before anything is computed',
  async (path) => {
    // The work would take minutes.
    const { out, err, code } = await halfulp('--shape', '4096,16384', '--plot', path);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^halfulp: --plot: got '[^\n]*\n$/);
  },
);

test('the picture of lossless and of no quantisers', () => {
  const x = new Float32Array([1, -1, 1, 1]);
  const svg = errorPlot(errorAgainstBits(x, ['binary', 'int4']), { data: 'signs', gaussian: false });
  expect(svg).toContain('Exact: binary, int4.');
  expect(svg).not.toContain('rate-distortion');
  const holed = errorAgainstBits(new Float32Array([1, NaN, 2, 3]), ['mxfp4', 'e5m2']);
  const lossy = errorPlot(holed, { data: 'holed', gaussian: false });
  expect(lossy).toContain('With elements that became NaN or infinite: mxfp4, e5m2.');
  expect(lossy).not.toContain('Exact');
  const empty = errorAgainstBits(new Float32Array([NaN, NaN]), ['e5m2']);
  expect(errorPlot(empty, { data: 'NaN', gaussian: false })).toContain('Without a relative error: e5m2.');
});

test('a narrow terminal gets blocks', async () => {
  const world = testWorld(40);
  await run(['analyze', '--formats', 'int8', '--shape', '4,4'], world.io);
  expect(world.stdout()).toMatch(/int8.*\n\s+bits per element\s+10\n/);
});

test.each<[string[], RegExp]>([
  [['--formats', 'e9m9'], /--formats: got 'e9m9'/],
  [['--formats', 'fp17'], /binary16, .*a name that/],
  [['--formats', 'int4,,int8'], /--formats/],
  [['--formats', 'mxfp4/row'], /mxfp4 alone/],
  [['--formats', 'int4/blok:3'], /block:SIZE/],
  [['--formats', 'posit(40,2)'], /bits/],
  [['--formats', 'fourthRoots'], /--formats/],
  [['--data', 'cauchy'], /gaussian, uniform, laplace, outliers, FILE\.npy, FILE\.json/],
  [['--data', '/nowhere/x.npy'], /ENOENT/],
  [['--shape', '0,4'], /--shape/],
  [['--transform', 'fourier'], /hadamard/],
  [['--transform', '{"name":"hadamard","size":12}'], /--transform size: got 12/],
  [['--transform', 'hadmard'], /--transform: got 'hadmard'; .*did you mean hadamard/],
  [['--transform', '{"name":"hadmard"}'], /--transform name: got 'hadmard'; .*did you mean hadamard/],
  [['--transform', '{broken'], /--transform: got '\{broken'; accepted: JSON \(.*position 1/],
  [['--rounding', 'up'], /--rounding/],
  [['--nan', 'drop'], /--nan: got 'drop'; accepted: error, zero, max, group/],
  [['--seed', '-1'], /--seed/],
])('refuses %j', async (argv, message) => {
  const { out, err, code } = await halfulp(...argv);
  expect([out, code]).toEqual(['', 2]);
  expect(err).toMatch(message);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
});

test('a shape that does not fit the file', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'x.json');
    writeFileSync(file, '[1, 2, 3, 4]');
    expect((await record('--formats', 'int4/row', '--data', file, '--shape', '2,2')).shape).toEqual([2, 2]);
    expect((await halfulp('--data', file, '--shape', '3,2')).err).toMatch(
      /--shape: got '3,2'; .*product is 4/,
    );
    writeFileSync(file, '[]');
    expect((await halfulp('--data', file)).err).toMatch(/--data.*a file with numbers/);
  });
});

/** `halfulp quantize`, `dequantize` and `inspect`: tables, JSON, files, refusals, Ctrl-C. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { bytesOf, type Made, npy, safetensors } from '../model-file-makers.ts';
import { testWorld, withFolder } from './cli-world.ts';

async function halfulp(...argv: string[]): Promise<{ out: string; err: string; code: number }> {
  const world = testWorld();
  const code = await run([...argv, '--quiet'], world.io);
  return { out: world.stdout(), err: world.stderr(), code };
}

const x = Float32Array.of(6, -0.2, 1.3, 3.1);
const tensors: readonly Made[] = [
  { name: 'layer.weight', dtype: 'F32', shape: [2, 2], bytes: bytesOf(x) },
  { name: 'layer.bias', dtype: 'F32', shape: [2], bytes: bytesOf(Float32Array.of(0.5, -240)) },
  { name: 'ids', dtype: 'I64', shape: [2], bytes: bytesOf(BigInt64Array.of(-9n, 2n ** 62n)) },
];

test('a model small enough to check by hand, in full', async () => {
  await withFolder(async (folder) => {
    const model = join(folder, 'm.safetensors');
    writeFileSync(model, safetensors(tensors));
    const checked = await halfulp('quantize', model, '--to', 'e2m1', '--check');
    // 6 -0 1.5 3 with scale 1: errors 0 .2 .2 .1, so .09 of 47.34.
    expect(checked).toEqual({
      err: '',
      code: 0,
      out: `                                 bytes  bytes   SQNR  relative  largest  under-
tensor        shape  quantiser  before  after     dB     error    error  flow %
------------  -----  ---------  ------  -----  -----  --------  -------  ------
layer.weight  2 x 2  e2m1           16      6  27.21    0.0436      0.2   25.00

1 of 3 tensors quantised, 40 B become 30 B, SQNR 27.21 dB
nothing written (--out FILE)
`,
    });
    const inspected = await halfulp('inspect', model);
    expect(
      inspected.out,
    ).toBe(`                                                              max /  99.9 %                not  exact     range
tensor        type  shape  least              largest    rms    rms   below  zeros %  finite %  in        of
------------  ----  -----  -----  -------------------  -----  -----  ------  -------  --------  --------  ------
layer.weight  F32   2 x 2   -0.2                    6   3.44    1.7       6     0.00      0.00  binary32  e2m1
layer.bias    F32       2   -240                  0.5  169.7    1.4     240     0.00      0.00  e4m3fn    e4m3fn
ids           I64       2     -9  4611686018427387904      -      -       -        -         -  -         -

safetensors: 3 tensors, 8 elements, 40 B
`);
  });
});

test('JSON has every tensor', async () => {
  await withFolder(async (folder) => {
    const [model, out, values] = ['m', 'q', 'v'].map((name) => join(folder, `${name}.safetensors`));
    writeFileSync(model!, safetensors(tensors));
    const rules = join(folder, 'rules.json');
    writeFileSync(rules, '[{ "match": "**.weight", "to": "int8/row" }, { "match": "*.bias", "to": "nf4" }]');
    const written = await halfulp('quantize', model!, '--rules', rules, '--out', out!, '--json');
    expect([written.err, written.code]).toEqual(['', 0]);
    const report = JSON.parse(written.out);
    expect(report).toMatchObject({ model, out, unread: [], bytesBefore: 40 });
    expect(
      report.tensors.map(({ name, quantizer: by, bytesAfter }: never) => [name, by, bytesAfter]),
    ).toEqual([
      ['layer.weight', 'int8/row', 12],
      ['layer.bias', 'nf4', 5],
      ['ids', null, 16],
    ]);
    const read = await halfulp('dequantize', out!, '--out', values!);
    expect(read).toEqual({
      out: `${values}: 3 tensors, 2 of them from codes and scales\n`,
      err: '',
      code: 0,
    });
    const figures = JSON.parse((await halfulp('inspect', values!, '--json')).out);
    expect(figures).toMatchObject({ kind: 'safetensors', elements: 8, bytes: 40 });
    const [weight, , ids] = figures.tensors;
    const expected = quantizer('int8/row').quantize(x, [2, 2]).values;
    expect(weight.numbers).toMatchObject({
      least: Math.min(...expected),
      largest: 6,
      zeros: 0,
      nan: 0,
      infinite: 0,
    });
    expect(ids.integers).toEqual({ least: '-9', largest: String(2n ** 62n), exact: [] });
  });
});

test('inspect tells what holds a tensor, and its outliers', async () => {
  await withFolder(async (folder) => {
    const model = join(folder, 'x.npy');
    const figures = async (given: number[]) => {
      writeFileSync(model, npy('<f8', [given.length], bytesOf(Float64Array.from(given))));
      return JSON.parse((await halfulp('inspect', model, '--json')).out).tensors[0].numbers;
    };
    expect(await figures([1, -6, 0.5, 0])).toMatchObject({
      ...{ least: -6, largest: 1, smallest: 0.5, mean: -1.125, zeros: 0.25 },
      exact: [
        'e2m1',
        'e2m3',
        'e3m2',
        'e4m3fn',
        'e5m2',
        'binary16',
        'bfloat16',
        'tf32',
        'binary32',
        'binary64',
      ],
    });
    const far = await figures([...Array(999).fill(1), 1000]);
    expect(far.magnitudes).toEqual({ median: 1, p99: 1, p999: 1, p9999: 1000 });
    expect(far.peak).toBeCloseTo(1000 / Math.sqrt((999 + 1e6) / 1000), 12);
    expect(far.inRange).toEqual(['e5m2', 'binary16', 'bfloat16', 'tf32', 'binary32', 'binary64']);
    expect((await figures([1e308, -1e308])).inRange).toEqual(['binary64']);
    // NaN and infinities need a format that has them, and count in nothing else.
    expect(await figures([Number.NaN, Infinity, 2, 2])).toMatchObject({
      ...{ least: 2, largest: 2, nan: 0.25, infinite: 0.25, rms: 2, peak: 1 },
      exact: ['e5m2', 'binary16', 'bfloat16', 'tf32', 'binary32', 'binary64'],
    });
    expect(await figures([Number.NaN])).toMatchObject({ least: 'NaN', rms: 'NaN', nan: 1 });
  });
});

test.each<[string[], RegExp]>([
  [['quantize', 'FILE/m.safetensors'], /^halfulp: --to: got undefined/],
  [['quantize', 'FILE/none.safetensors', '--to', 'int4'], /^halfulp: <model>: .*no such file/],
  [['quantize', 'FILE/m.pt', '--to', 'int4'], /^halfulp: <model>: .*FILE\.safetensors/],
  [['quantize', 'FILE/m.safetensors', '--to', 'mxfp44'], /^halfulp: --to: got 'mxfp44'.*mxfp4/],
  [['quantize', 'FILE/m.safetensors', '--to', 'int4', '--axis', '0'], /^halfulp: --to, axis: got 0/],
  [
    ['quantize', 'FILE/m.safetensors', '--to', 'int4/block:2', '--axis', '5', '--check'],
    /tensor layer\.weight\.axis/,
  ],
  [['quantize', 'FILE/m.safetensors', '--rules', 'FILE/bad.json'], /^halfulp: --rules \[0\]\.match/],
  [['quantize', 'FILE/m.safetensors', '--rules', 'FILE/none.json'], /^halfulp: --rules: /],
  [['quantize', 'FILE/m.safetensors', '--to', 'int4', '--dequantized'], /^halfulp: --out: /],
  [
    ['quantize', 'FILE/m.safetensors', '--to', 'int4', '--out', 'FILE/m.safetensors'],
    /^halfulp: --out: .*being read/,
  ],
  [
    ['dequantize', 'FILE/m.safetensors', '--out', 'FILE/v.safetensors'],
    /^halfulp: <file>: .*that quantize wrote/,
  ],
  [['inspect', 'FILE'], /^halfulp: <model>: /],
])('%j is refused', async (argv, message) => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, 'm.safetensors'), safetensors(tensors));
    writeFileSync(join(folder, 'bad.json'), '[{ "to": "int4" }]');
    const before = readdirSync(folder);
    const { out, err, code } = await halfulp(...argv.map((word) => word.replace('FILE', folder)));
    expect([out, code]).toEqual(['', 2]);
    expect(err).toMatch(message);
    expect(err.split('\n')).toHaveLength(2);
    expect(readdirSync(folder)).toEqual(before);
  });
});

test('Ctrl-C leaves what was there', async () => {
  await withFolder(async (folder) => {
    const model = join(folder, 'm.safetensors');
    const bytes = new Uint8Array(4 * 2 ** 20);
    const many = Array.from(
      { length: 8 },
      (_, i): Made => ({ name: `w${i}`, dtype: 'F32', shape: [2 ** 10, 2 ** 10], bytes }),
    );
    writeFileSync(model, safetensors(many));
    for (const out of ['codes.safetensors', 'own.safetensors']) {
      writeFileSync(join(folder, out), 'before');
      const world = testWorld();
      const work = run(
        [
          'quantize',
          model,
          '--to',
          'int8/row',
          '--out',
          join(folder, out),
          ...(out.startsWith('own') ? ['--dequantized'] : []),
        ],
        world.io,
      );
      setTimeout(() => world.send('SIGINT'), 50);
      expect(await work).toBe(130);
      expect([world.stdout(), world.listening()]).toEqual(['', 0]);
      expect(readFileSync(join(folder, out), 'utf8')).toBe('before');
    }
    expect(readdirSync(folder).sort()).toEqual(['codes.safetensors', 'm.safetensors', 'own.safetensors']);
  });
});

test('without --out a file of codes is put where one is, and none is replaced', async () => {
  await withFolder(async (folder) => {
    const model = join(folder, 'deep', 'm.safetensors');
    mkdirSync(join(folder, 'deep'));
    writeFileSync(model, safetensors(tensors));
    const here = process.cwd();
    try {
      process.chdir(folder);
      expect((await halfulp('quantize', model, '--to', 'int4/block:2')).code).toBe(0);
      expect(existsSync('m-int4-block-2.safetensors')).toBe(true);
      const again = await halfulp('quantize', model, '--to', 'int4/block:2');
      expect([again.code, again.err]).toEqual([
        2,
        expect.stringMatching(/there is m-int4-block-2\.safetensors already/),
      ]);
      expect((await halfulp('dequantize', 'm-int4-block-2.safetensors')).out).toMatch(
        /^m-int4-block-2-values/,
      );
    } finally {
      process.chdir(here);
    }
  });
});

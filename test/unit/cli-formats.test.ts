/** `halfulp formats` and `halfulp format`: what they print, in full for small formats, and how they refuse. */

import { expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { type Format, formats, scalarFormats, toFormat } from '../../src/formats/index.ts';
import { testWorld } from './cli-world.ts';

async function halfulp(
  argv: readonly string[],
  columns = 80,
): Promise<{ out: string; err: string; code: number }> {
  const world = testWorld(columns);
  const code = await run(argv, { ...world.io, environment: { NO_COLOR: '1' } });
  return { out: world.stdout(), err: world.stderr(), code };
}

const scalars: readonly Format[] = Object.values(scalarFormats);

test('the catalogue names every format once, in 80 columns', async () => {
  const { out, err, code } = await halfulp(['formats']);
  expect([err, code]).toEqual(['', 0]);
  const names = out.split('\n').map((line) => line.split(' ')[0]);
  for (const name of Object.keys(formats)) expect(names.filter((each) => each === name)).toHaveLength(1);
  expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(out).toContain('e4m3fn         8   e4m3    7        448       2^-6       2^-9   0.125     NaN -0\n');
});

test('the rules for other names name formats that exist', async () => {
  const { out } = await halfulp(['formats']);
  const rules = out.slice(out.indexOf('By name'));
  const names = rules.match(/(?:binary\d|float\(|u?int\d|fixed\(|posit\(|logarithmic\()[^\s;:{]*/g)!;
  expect(names.length).toBeGreaterThan(9);
  for (const name of names) expect(toFormat(name.replace(/,$/, '')).bits).toBeGreaterThan(1);
});

test('filters', async () => {
  const { out } = await halfulp(['formats', '--kind', 'float', '--bits', '4']);
  expect(out).toContain('e2m1');
  expect(out).not.toContain('e4m3fn');
  expect(out).not.toContain('int4');
  expect(out).not.toContain('By name');
  expect((await halfulp(['formats', '--bits', '5'])).out).toBe('The catalogue has no such format.\n');
});

test('the catalogue as JSON has the facts of every format', async () => {
  const { out } = await halfulp(['formats', '--json']);
  const records: Record<string, unknown>[] = JSON.parse(out);
  expect(records.map(({ name }) => name)).toEqual(Object.keys(formats));
  expect(records.find(({ name }) => name === 'e5m2')).toMatchObject({
    ...{
      kind: 'float',
      bits: 8,
      exponentBits: 5,
      mantissaBits: 2,
      bias: 15,
      max: 57344,
      minNormal: 2 ** -14,
    },
    ...{ minPositive: 2 ** -16, epsilon: 0.25, hasInfinity: true, hasNaN: true, hasNegativeZero: true },
  });
});

test('one small format, in full', async () => {
  expect((await halfulp(['format', 'e2m1'])).out).toBe(`e2m1: binary float, 4 bits

      3     2      1        0
  +-------+----------+-------------+
  | sign  | exponent | significand |
  | 1 bit |  2 bits  |    1 bit    |
  +-------+----------+-------------+

  value         (-1)^sign 1.significand 2^(exponent - 1)
                (-1)^sign 0.significand 2^0 if exponent is 0
  precision     2 bits, the hidden one included
  exponents     0 to 2, bias 1
  max           6
  min normal    1
  min positive  0.5, subnormal
  epsilon       0.5; unit roundoff 0.25
  zero          0x0, -0 0x8
  infinity      none
  NaN           none
  values        15 finite ones

All codes

code of -x bits   x
0x0  0x8   0 00 0 0
0x1  0x9   0 00 1 0.5
0x2  0xa   0 01 0 1
0x3  0xb   0 01 1 1.5
0x4  0xc   0 10 0 2
0x5  0xd   0 10 1 3
0x6  0xe   0 11 0 4
0x7  0xf   0 11 1 6
`);
});

const byRule = [
  'binary8p3se',
  'binary6p4uf',
  'fixed(2,2)',
  'fixed(0,5,unsigned)',
  'logarithmic(3,2)',
  'posit(7,1)',
  'int7symmetric',
  'uint5',
  'float(3,2,bias=3,subnormals=false)',
  'float(0,4,fn)',
];

test.each([...scalars.filter(({ bits }) => bits <= 8).map(({ name }) => name), ...byRule])(
  '%s: the grid has every code and its value',
  async (name) => {
    const format = toFormat(name);
    for (const width of [80, 120]) {
      const { out } = await halfulp(['format', name], width);
      expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(width);
      const grid = out.slice(out.indexOf('All codes'));
      const codes = grid.match(/0x[0-9a-f]+/g)!.map(Number);
      expect(codes.sort((a, b) => a - b)).toEqual(
        Array.from({ length: 2 ** format.bits }, (_, code) => code),
      );
    }
    const { codes } = JSON.parse((await halfulp(['format', name, '--json'])).out);
    for (const { code, bits, value } of codes) {
      expect(Number(value)).toBe(format.decode(Number(code)));
      expect(Number.parseInt(Object.values(bits).join(''), 2)).toBe(Number(code));
    }
  },
);

test.each([...scalars.filter(({ bits }) => bits <= 16).map(({ name }) => name), ...byRule])(
  '%s: the codes said to be NaN are those',
  async (name) => {
    const format = toFormat(name);
    const { nanCodes } = JSON.parse((await halfulp(['format', name, '--json'])).out);
    const said = new Set<number>();
    for (const { first, last } of nanCodes)
      for (let code = Number(first); code <= Number(last); code++) said.add(code);
    const are = Array.from({ length: 2 ** format.bits }, (_, code) => code).filter((code) =>
      Number.isNaN(format.decode(code)),
    );
    expect([...said]).toEqual(are);
  },
);

test('landmarks of larger formats have their codes', async () => {
  const { out } = await halfulp(['format', 'binary64']);
  expect(out).toMatch(/largest {13}0x7fefffffffffffff {2}~1\.7976931348623157e308\n/);
  const wide = (await halfulp(['format', 'binary64'], 140)).out;
  expect(wide).toMatch(/largest {13}0x7fefffffffffffff {2}0 1{10}0 1{52} {2}~1\.7976931348623157e308\n/);
  const { landmarks, codes } = JSON.parse((await halfulp(['format', 'binary16', '--json'])).out);
  expect(codes).toBeUndefined();
  for (const { value, code } of landmarks) expect(Number(value)).toBe(formats.binary16.decode(Number(code)));
  expect(landmarks.map(({ name }: { name: string }) => name)).toContain('largest subnormal');
});

test('--table gives every code up to 16 bits, and no further', async () => {
  const { out } = await halfulp(['format', 'posit16', '--table'], 120);
  expect(out.match(/0x[0-9a-f]{4}/g)!.length).toBe(65536 + 2); // zero and NaR are named above the grid, too
  const refused = await halfulp(['format', 'binary32', '--table']);
  expect(refused).toEqual({
    out: '',
    err: "halfulp: --table: got 'binary32'; accepted: formats of at most 16 bits\n",
    code: 2,
  });
});

test.each([
  ['E4M3FN', 'e4m3fn'],
  ['bf16', 'bfloat16'],
  ['mxfp8', 'mxfp8e4m3'],
])('%s is shown by its canonical name', async (alias, name) => {
  expect((await halfulp(['format', alias])).out).toBe((await halfulp(['format', name])).out);
});

test('a format without codes, and the complex one', async () => {
  expect((await halfulp(['format', 'float(Infinity,7)'])).out).toContain('binary float, no codes');
  expect((await halfulp(['format', 'fourthRoots'])).out).toContain('0x3  11  -i\n');
  const { codes } = JSON.parse((await halfulp(['format', 'fourthRoots', '--json'])).out);
  expect(codes[1]).toEqual({ code: '0x1', value: [0, 1] });
});

test.each([
  [['format', 'bflaot16'], "name: got 'bflaot16'; accepted: bfloat16, binary16, or a name that"],
  [
    ['format', 'fp8'],
    "name: got 'fp8'; accepted: e4m3fn (the OCP E4M3, for weights and activations; largest 448) or e5m2 (",
  ],
  [
    ['format', 'nonsense'],
    "name: got 'nonsense'; accepted: a name that `halfulp formats` lists, or one like",
  ],
  [['format', 'posit(40,2)'], 'name posit(40,2): bits: got 40; accepted: an integer from 2 to 32'],
  [['format'], "missing required argument 'name'"],
  [
    ['formats', '--kind', 'blocks'],
    "--kind: got 'blocks'; accepted: float, int, posit, codebook, block, complex",
  ],
  [['formats', '--bits', '0'], '--bits: got 0; accepted: an integer from 1 to 64'],
])('%j is refused in one line', async (argv, message) => {
  const { out, err, code } = await halfulp(argv);
  expect(out).toBe('');
  expect(err).toContain(`halfulp: ${message}`);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  expect(code).toBe(2);
});

test('block formats have a page', async () => {
  const { out, err, code } = await halfulp(['format', 'nvfp4']);
  expect([err, code]).toEqual(['', 0]);
  expect(out).toBe(
    [
      'nvfp4: block format',
      '',
      '  value    element x scale x scale of the tensor',
      '  element  e2m1, 4 bits, up to 6',
      '  scale    e4m3fn, 8 bits, one for 16 elements',
      '  tensor   binary32, one for all',
      '  storage  4.5 bits an element',
      '',
    ].join('\n'),
  );
  expect(JSON.parse((await halfulp(['format', 'bfp(3,8,5)', '--json'])).out)).toMatchObject({
    kind: 'block',
    size: 8,
  });
  expect((await halfulp(['format', 'bfp(0,8)'])).err).toContain('bfp(0,8): mantissaBits: got 0;');
});

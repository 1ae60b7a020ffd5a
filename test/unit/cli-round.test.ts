/** `halfulp round`: the explanation in full for a few cases, JSON against the library, reading of values, refusals. */

import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { scalarFormats } from '../../src/formats/index.ts';
import { encode, round } from '../../src/operations/index.ts';
import { testWorld } from './cli-world.ts';

async function halfulp(
  argv: readonly string[],
  input: readonly string[] = [],
): Promise<{ out: string; err: string; code: number }> {
  const world = testWorld(undefined, input);
  const code = await run(['round', ...argv], world.io);
  return { out: world.stdout(), err: world.stderr(), code };
}

/** The records that --json prints. */
// biome-ignore lint/suspicious/noExplicitAny: parsed JSON
async function records(argv: readonly string[], input: readonly string[] = []): Promise<any[]> {
  const { out, err, code } = await halfulp([...argv, '--json'], input);
  expect([err, code]).toEqual(['', 0]);
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('one value, in full', async () => {
  expect((await halfulp(['0.1', '--format', 'e4m3fn'])).out).toBe(`0.1 to e4m3fn, nearest-even

  input   nearest binary64 number to 0.1, 0x1.999999999999ap-4
          0.1000000000000000055511151231257827021181583404541015625
  above   0.1015625  0x1d  0 0011 101  ~0.2 ulp away
  below   0.09375    0x1c  0 0011 100  ~0.8 ulp away
  goes    above: the nearer one
  result  0.1015625  0x1d  0 0011 101
  error   ~0.0015624999999999944, relative ~0.015625, ~0.2 ulp
  flags   inexact
`);
});

test('one stochastic value, in full', async () => {
  const options = ['--rounding', 'stochastic', '--seed', '7', '--random-bits', '8', '--offset', '3'];
  const random = (await records(['-0.1', '--format', 'e4m3fn', ...options]))[0].draw.random;
  expect((await halfulp(['-0.1', '--format', 'e4m3fn', ...options])).out).toContain(
    `-0.1 to e4m3fn, stochastic, variant A, 8 random bits

  input   nearest binary64 number to -0.1, -0x1.999999999999ap-4
          -0.1000000000000000055511151231257827021181583404541015625
  above   -0.09375    0x9c  1 0011 100  ~0.8 ulp away
  below   -0.1015625  0x9d  1 0011 101  ~0.2 ulp away
  chance  ~0.796875 (204 of 2^8) for the one below, away from zero
          if R >= 52
  drawn   R = ${random} (seed 7, stream 0, index 3)
  goes    ${random >= 52 ? 'below' : 'above'}: by the random integer
`.replace('~0.796875', '0.796875'),
  );
});

const phrases: readonly (readonly [argv: string, phrase: string])[] = [
  ['0.375 --format e4m3fn', 'a value of the format'],
  ['464 --format e4m3fn', 'below: a tie: to the even significand'],
  ['1.0625 --format e4m3fn --rounding nearest-away', 'above: a tie: away from zero'],
  ['1.0625 --format e4m3fn --rounding nearest-to-zero', 'below: a tie: toward zero'],
  ['1.1 --format e4m3fn --rounding to-odd', 'above: inexact: to the odd significand'],
  ['-1.1 --format e4m3fn --rounding toward-positive', 'above: upwards'],
  ['1000 --format e4m3fn', '1024 is beyond the largest value 448; the format has no infinity: NaN'],
  ['1000 --format e4m3fn --saturation finite', '1024 is beyond the largest value 448; clamped to 448'],
  ['1000 --format e4m3fn --rounding toward-zero', 'largest value 448; toward-zero stops at 448'],
  ['1e9 --format binary16', 'is beyond the largest value 65504; inf'],
  ['inf --format e4m3fn', 'infinity is no value; the format has no infinity: NaN'],
  ['inf --format e5m2', 'infinity is a value of the format'],
  ['-inf --format ue4m3', 'the format has no negative values: NaN'],
  ['nan --format int8', 'NaN stays NaN, for which the format has no code'],
  ['inf --format posit8', 'infinity is no value; the format has no infinity: NaR'],
  ['0.001 --format e4m3fn --subnormals flush', 'below the smallest normal value: flushed to zero'],
  [
    '2^-7 --format e4m3fn --subnormals flush',
    '0.0078125 is below the smallest normal value: flushed to zero',
  ],
  ['2^-7 --format e4m3fn --subnormals round-to-minimum-normal', 'a tie: to zero'],
  ['6 --format e8m0', 'a tie: away from zero, there being no significand bits'],
  ['2^-130 --format e8m0', 'above: nothing lies below the smallest value'],
  ['0 --format e8m0', 'the format has no zero: NaN'],
  ['0 --format e8m0 --saturation finite', 'the format has no zero: 2^-127'],
  ['6 --format binary8p1se', 'a tie: to the even code'],
  ['0.5 --format ternary', 'a tie: to the even multiple'],
  ['0 --format binary', 'a tie: to the upper one'],
  ['2.5 --format int4', 'a tie: to the even integer'],
  ['100 --format int4 --saturation wrap', '100 is beyond the largest value 7; wraps around to 4'],
  ['-3 --format uint4', '-3 is beyond the smallest value 0; clamped to 0'],
  ['2 --format nf4', 'beyond the largest value 1; clamped to 1'],
  ['3.14159 --format posit16', 'half way on the encoding is 3.14111328125'],
  ['1e-60 --format posit16', 'no posit but zero rounds to zero: 2^-56'],
];

test.each(phrases)('%s: %s', async (argv, phrase) => {
  const { out, err } = await halfulp(argv.split(' '));
  expect(err).toBe('');
  expect(out).toContain(phrase);
  expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
});

test.each([
  [['-0.1', '--format', 'e4m3fn'], [-0.1]],
  [
    ['--format', 'e4m3fn', '--', '-0.1', '-inf'],
    [-0.1, -Infinity],
  ],
  [
    ['1', '-12', '-0x1p3', '2', '-inf', '--format', 'e4m3fn', '-2^-3'],
    [1, -12, -8, 2, -Infinity, -0.125],
  ],
  [
    ['-0x1', '--format', 'e4m3fn', '--', '-3'],
    [-1, -3],
  ],
  [
    ['-nan', '-.5', '-0', '--format', 'e4m3fn'],
    [NaN, -0.5, -0],
  ],
])('%j: negative numbers are values', async (argv, values) => {
  const world = testWorld();
  // --json stands before the literal marker.
  expect(await run(['round', '--json', ...argv], world.io)).toBe(0);
  const given = world.stdout().trimEnd().split('\n');
  expect(given.map((line) => Number(JSON.parse(line).input.value))).toEqual(values);
});

test('values come from standard input in place of -, with the lines cut anywhere', async () => {
  const all = await records(['1', '-', '2', '--format', 'int8'], ['0.5 1', '.5\n', '\n -0x1p2', '\n']);
  expect(all.map(({ given }) => given)).toEqual(['1', '0.5', '1.5', '-0x1p2', '2']);
  expect((await halfulp(['-', '--format', 'int8'])).out).toBe('');
});

test('numbers of standard input have a line each, those of arguments a page, and --as says otherwise', async () => {
  const given = ['1', '-', '-0.3', '--format', 'e4m3fn,int8'];
  const input = ['0.3\n1e9 -0\n'];
  const lines = '1 1\n0.3125 0\nnan 127\n-0 0\n-0.3125 0\n';
  expect((await halfulp(given, input)).out).toBe(lines);
  expect((await halfulp([...given, '--as', 'value'], input)).out).toBe(lines);
  const { out } = await halfulp([...given, '--as', 'page'], input);
  expect(out.match(/^\S+ to (e4m3fn|int8)/gm)).toHaveLength(10);
  const page = await halfulp(['0.3', '--format', 'int8']);
  expect(page.out).toMatch(/^0\.3 to int8/);
  expect((await halfulp(['0.3', '--format', 'int8', '--as', 'page'])).out).toBe(page.out);
});

test.each([[], ['--as', 'page'], ['--as', 'csv'], ['--json']])(
  'a bad word on standard input is named with its line; what came before is printed: %s',
  async (...form) => {
    const { out, err, code } = await halfulp(['-', '--format', 'int8', ...form], ['1\n2 x\n3\n']);
    const { out: before } = await halfulp(['-', '--format', 'int8', ...form], ['1\n2\n']);
    expect(out).toBe(before);
    expect(err).toMatch(/^halfulp: standard input, line 2: got 'x'; accepted: a number/);
    expect(code).toBe(2);
  },
);

test('the records are those of the library: values, codes, one random integer after another', async () => {
  const values = [0.1, -0.3, 7, 1e9, -0.01, 0.7];
  const argv = [...values.map(String), '--format', 'e4m3fn', '--saturation', 'finite'];
  const options = {
    rounding: 'stochastic',
    seed: 12,
    stream: 3,
    offset: 40,
    randomBits: 9,
    variant: 'C',
  } as const;
  const all = await records([
    ...argv,
    ...['--rounding', 'stochastic', '--seed', '12', '--stream', '3', '--offset', '40'],
    ...['--random-bits', '9', '--variant', 'C'],
  ]);
  const expected = round(Float64Array.from(values), 'e4m3fn', { ...options, saturation: 'finite' });
  expect(all.map(({ result }) => Number(result.value))).toEqual([...expected]);
  const codes = encode(values, 'e4m3fn', { ...options, saturation: 'finite' });
  expect(all.map(({ result }) => Number(result.code))).toEqual([...codes]);
  expect(all.map(({ options: { offset } }) => offset)).toEqual([40, 41, 42, 43, 44, 45]);
});

test('a record has everything', async () => {
  const [record] = await records(['0.1', '--format', 'e4m3fn']);
  expect(record).toEqual({
    given: '0.1',
    input: {
      value: 0.1,
      hex: '0x1.999999999999ap-4',
      decimal: '0.1000000000000000055511151231257827021181583404541015625',
      isExactlyGiven: false,
    },
    format: 'e4m3fn',
    options: { rounding: 'nearest-even', saturation: 'none', subnormals: 'keep' },
    below: {
      ...{ value: 0.09375, hex: '0x1.8p-4', code: '0x1c', inFormat: true },
      bits: { sign: '0', exponent: '0011', significand: '100' },
      ulps: (0.1 - 0.09375) * 128,
    },
    above: {
      ...{ value: 0.1015625, hex: '0x1.ap-4', code: '0x1d', inFormat: true },
      bits: { sign: '0', exponent: '0011', significand: '101' },
      ulps: (0.1015625 - 0.1) * 128,
    },
    goesTo: 'above',
    reason: 'the nearer one',
    result: {
      ...{ value: 0.1015625, hex: '0x1.ap-4', code: '0x1d' },
      bits: { sign: '0', exponent: '0011', significand: '101' },
    },
    error: { absolute: 0.1015625 - 0.1, relative: (0.1015625 - 0.1) / 0.1, ulps: (0.1015625 - 0.1) * 128 },
    flags: ['inexact'],
  });
});

test('special values in records are strings that Number reads', async () => {
  const all = await records(['nan', '-inf', '-0', '1000', '--format', 'e4m3fn']);
  expect(all.map(({ input, result }) => [input.value, result.value])).toEqual([
    ['NaN', 'NaN'],
    ['-Infinity', 'NaN'],
    ['-0', '-0'],
    [1000, 'NaN'],
  ]);
  expect(all[3].error).toBe(null);
  expect(all[0].below).toBe(null);
});

test('bits beyond 16 stand on a line of their own; formats without codes have none', async () => {
  expect((await halfulp(['0.1', '--format', 'binary32'])).out).toContain(
    '  bits    0 01111011 10011001100110011001101\n',
  );
  expect((await halfulp(['0.1', '--format', 'float(Infinity,3)'])).out).toContain('  result  0.1015625\n');
});

test('every format of the catalogue rounds a few numbers without a word on stderr', async () => {
  for (const format of Object.values(scalarFormats)) {
    const { err, code } = await halfulp(['0.1', '-3', '0', '1e30', '-inf', 'nan', '--format', format.name]);
    expect([format.name, err, code]).toEqual([format.name, '', 0]);
  }
});

test('a reader that has gone ends the work', async () => {
  async function* endless(): AsyncGenerator<string> {
    for (;;) yield '0.1\n';
  }
  const world = testWorld();
  let lines = 0;
  const stdout = {
    write: () => {
      lines++;
    },
    get writable() {
      return lines < 5;
    },
  };
  expect(await run(['round', '-', '--format', 'e5m2'], { ...world.io, stdin: endless(), stdout })).toBe(0);
  expect(lines).toBe(5);
  // Node's standard output stays writable when its reader has gone.
  const failing = Object.assign(new EventEmitter(), {
    write: () => {
      if (++lines === 10) failing.emit('error', new Error('EPIPE'));
    },
  });
  const io = { ...world.io, stdin: endless(), stdout: failing };
  expect(await run(['round', '-', '--format', 'e5m2'], io)).toBe(0);
  expect(lines).toBe(10);
  expect(failing.listenerCount('error')).toBe(0);
});

test.each([
  ['0.1', "required option '--format <name>' not specified"],
  ['--format e4m3fn', "missing required argument 'value'"],
  ['0.1 --fromat e4m3fn', "unknown option '--fromat' (Did you mean --format?)"],
  ['0.1 -x --format e4m3fn', "unknown option '-x'"],
  ['0.1 --format fp17', "--format: got 'fp17'; accepted: binary16"],
  ['0.1 --format fourthRoots', "--format: got 'fourthRoots'; accepted: a format of numbers"],
  ['one --format e4m3fn', "value: got 'one'; accepted: a number: decimal"],
  ['0.1 two --format e4m3fn', "value: got 'two'; accepted: a number: decimal"],
  [
    '0.1 --format posit8 --rounding toward-zero',
    "--rounding: got 'toward-zero'; accepted: nearest-even, stochastic",
  ],
  ['0.1 --format e4m3fn --rounding up', "--rounding: got 'up'; accepted: nearest-even, nearest-away"],
  ['0.1 --format e4m3fn --saturation wrap', "--saturation: got 'wrap'; accepted: none, finite, propagate"],
  ['0.1 --format e4m3fn --subnormals no', "--subnormals: got 'no'; accepted: keep, flush"],
  ['0.1 --format e4m3fn --seed -1', '--seed: got -1; accepted: an integer from 0 to 2^64 - 1'],
  ['0.1 --format e4m3fn --stream 18446744073709551616', '--stream: got 18446744073709552000; accepted:'],
  ['0.1 --format e4m3fn --random-bits 33', '--random-bits: got 33; accepted: an integer from 1 to 32'],
  ['0.1 --format e4m3fn --variant D', "--variant: got 'D'; accepted: A, B, C"],
])('%s is refused in one line', async (argv, message) => {
  const { out, err, code } = await halfulp(argv.split(' '));
  expect(out).toBe('');
  expect(err).toContain(`halfulp: ${message}`);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  expect(code).toBe(2);
});

test('seeds of 64 bits', async () => {
  const [record] = await records([
    '0.1',
    '--format',
    'e2m1',
    '--rounding',
    'stochastic',
    '--seed',
    '18446744073709551615',
  ]);
  expect(record.options.seed).toBe('18446744073709551615');
  expect(record.result.value).toBe(round(0.1, 'e2m1', { rounding: 'stochastic', seed: 2n ** 64n - 1n }));
});

test('a block format is refused with what to do', async () => {
  const { err, code } = await halfulp(['0.1', '--format', 'mxfp4']);
  expect([code, err]).toEqual([
    2,
    "halfulp: --format: got 'mxfp4'; accepted: a format of numbers; the elements of mxfp4 are e2m1\n",
  ]);
});

/** Commands of operations, and many numbers a line each: against the library, the rational oracle, and what a stranger types. */
import { expect, test } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { operands } from '../../src/cli/operation/names.ts';
import { toFormat } from '../../src/formats/index.ts';
import { arithmetic } from '../../src/index.ts';
import { encode } from '../../src/operations/index.ts';
import { resolveRounding, roundingModes } from '../../src/rounding/index.ts';
import { oracleRound, oracleRoundRatio } from '../oracles/index.ts';
import { signedUnits, unitExponent } from '../oracles/units.ts';
import { testWorld } from './cli-world.ts';

async function halfulp(argv: readonly string[], input: readonly string[] = []) {
  const world = testWorld(undefined, input);
  const code = await run(argv, world.io);
  return { out: world.stdout(), err: world.stderr(), code };
}

test('an operation, in full', async () => {
  expect(
    (await halfulp(['fma', '0.3', '1.5', '2^-9', '--format', 'e4m3fn'])).out,
  ).toBe(`fma 0.3 1.5 2^-9 in e4m3fn, nearest-even

  a       0.3 rounded to 0.3125 0x2a  0 0101 010
          flags of that rounding: inexact
  b       1.5 0x3c  0 0111 100
  c       2^-9 = 0.001953125 0x01  0 0000 001
  exact   0.470703125
  above   0.5      0x30  0 0110 000  0.9375 ulp away
  below   0.46875  0x2f  0 0101 111  0.0625 ulp away
  goes    below: the nearer one
  result  0.46875  0x2f  0 0101 111
  error   0.001953125, relative ~0.00414938, 0.0625 ulp
  flags   inexact of fma
`);
});

test('operands have the flags of their own rounding, and the result those of the operation', async () => {
  const records = async (text: string, ...rest: string[]) =>
    JSON.parse((await halfulp([...text.split(' '), ...rest, '--json'])).out) as {
      operands: { flags: string[] }[];
      flags: string[];
    };
  const { out } = await halfulp(['add', '1e400', '1', '--format', 'binary16']);
  expect(out).toContain(`
  a       1e400 rounded to inf 0x7c00  0 11111 0000000000
          flags of that rounding: inexact, overflow
  b       1 0x3c00`);
  expect(out).toMatch(/ {2}flags {3}none of add\n$/);
  const cases: [string, string[][], string[]][] = [
    ['add 1e400 1', [['inexact', 'overflow'], []], []],
    ['fma 1e-400 1/3 2', [['inexact', 'underflow'], ['inexact'], []], []],
    ['div 1 0', [[], []], ['divideByZero']],
    ['mul inf 0', [[], []], ['invalid']],
    ['sqrt nan', [[]], []],
    ['exp 70000', [['inexact', 'overflow']], []],
    ['exp 60001', [['inexact']], ['inexact', 'overflow']],
    ['neg 65504', [[]], []],
  ];
  for (const [text, each, own] of cases) {
    const { operands, flags } = await records(text, '--format', 'binary16');
    expect([text, operands.map((operand) => operand.flags), flags]).toEqual([text, each, own]);
  }
  // Half of the least step below 2^-14: tiny before rounding, not after it.
  const tiny = ['neg 0x1.fff8p-15', '--format', 'binary16', '--tininess'] as const;
  expect((await records(...tiny, 'before')).operands[0]!.flags).toEqual(['inexact', 'underflow']);
  expect((await records(...tiny, 'after')).operands[0]!.flags).toEqual(['inexact']);
  const codes = await records('add 0x7c00 0x3c00', '--codes', '--format', 'binary16');
  expect(codes.operands.map(({ flags }) => flags)).toEqual([[], []]);
});

test('every operand has the flags of a conversion of it', async () => {
  for (const format of ['e4m3fn', 'e2m1', 'int8', 'posit8', 'nf4'])
    for (const x of [0, -0, 1, 0.3, -3, 1e-9, 448.5, 1e9, Infinity, -Infinity, NaN]) {
      const { flags } = arithmetic(format).traced.convert(x);
      const text = Object.is(x, -0) ? '-0' : String(x);
      const { out, err } = await halfulp(['add', text, '0', '--format', format, '--json']);
      if (err !== '') throw new Error(err);
      const raised = Object.entries(flags).flatMap(([name, count]) => (count > 0 ? [name] : []));
      expect([format, x, JSON.parse(out).operands[0].flags]).toEqual([format, x, raised]);
    }
});

test('there is a command for every operation and function that is traced, listed by help', async () => {
  const f = arithmetic('e4m3fn');
  expect([...operands.keys()].sort()).toEqual(Object.keys(f.traced).sort());
  const help = (await halfulp(['--help'])).out;
  for (const [name, count] of operands) {
    expect(help).toMatch(new RegExp(`\\b${name}\\b`));
    const texts = ['0.5', '2', '1'].slice(0, count);
    const { out, err, code } = await halfulp([name, ...texts, '--format', 'e4m3fn', '--json']);
    expect([err, code]).toEqual(['', 0]);
    const { value, operation } = JSON.parse(out) as { value: unknown; operation: string };
    expect([operation, Number(value)]).toEqual([name, f.traced[name](...texts.map(Number)).result]);
  }
});

test('every rounding mode, and operands as codes', async () => {
  for (const rounding of roundingModes) {
    const argv = [
      'div',
      '0x38',
      '0b0_1000_100',
      '--codes',
      '--format',
      'e4m3fn',
      '--rounding',
      rounding,
      '--json',
    ];
    const record = JSON.parse((await halfulp(argv)).out) as { value: number; code: string; flags: string[] };
    const { value, code } = arithmetic('e4m3fn', { rounding }).codes.div(0x38, 0x44);
    expect(record).toMatchObject({ value, code: `0x${code!.toString(16)}`, flags: ['inexact'] });
  }
});

test('operands and result of formats of their own', async () => {
  const argv = ['fma', '448', '448', '1', '--operands', 'e4m3fn,e4m3fn,binary32', '--result', 'bf16'];
  const record = JSON.parse((await halfulp([...argv, '--rounding', 'toward-zero', '--json'])).out);
  expect(record).toMatchObject({
    value: 200704,
    format: 'bfloat16',
    operands: [{ format: 'e4m3fn' }, {}, {}],
  });
  const common = await halfulp(['exp', '1/3', '--operands', 'e4m3fn', '--result', 'binary32', '--json']);
  expect(JSON.parse(common.out).value).toBe(
    arithmetic({ operands: 'e4m3fn', result: 'binary32' }).exp(0.34375),
  );
});

test.each([
  [['add', '1', '--format', 'e5m2'], /missing required argument 'b'/],
  [['add', '1', '2', '3', '--format', 'e5m2'], /too many arguments for 'add'/],
  [['add', '1', '2'], /--format: got 'nothing'/],
  [['add', '1', 'x', '--format', 'e5m2'], /^halfulp: b: got 'x'; accepted: a number/],
  [['add', '1', '1.5', '--codes', '--format', 'e5m2'], /b: got '1.5'; accepted: a code of e5m2/],
  [['add', '256', '1', '--codes', '--format', 'e5m2'], /a: got '256'; accepted: a code .* 0 to 255/],
  [['add', '1', '2', '--format', 'e5m22'], /--format: got 'e5m22'; accepted: .*e5m2/],
  [['fma', '1', '2', '3', '--operands', 'e5m2,e5m2', '--result', 'e5m2'], /--operands: .*one format, or 3/],
  [['add', '1', '2', '--operands', 'e5m2,', '--result', 'e5m2'], /--operands: /],
  [['add', '1', '2', '--format', 'e5m2', '--rounding', 'up'], /--rounding: got 'up'/],
  [['add', '1', '2', '--format', 'e5m2', '--tininess', 'x'], /--tininess: got 'x'/],
])('%j is refused', async (argv, message) => {
  const { out, err, code } = await halfulp(argv);
  expect([out, code]).toEqual(['', 2]);
  expect(err).toMatch(message);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
});

/** What a decimal text is, rounded once: the oracle's. */
function exactly(text: string, name: string, rounding: (typeof roundingModes)[number]): number {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)\.?(\d*)$/.exec(text)!;
  const magnitude = {
    numerator: BigInt(whole! + fraction) << unitExponent,
    denominator: 10n ** BigInt(fraction.length),
  };
  const format = toFormat(name);
  const options = resolveRounding(format, { rounding });
  if (magnitude.numerator === 0n) return oracleRound(sign === '-' ? -0 : 0, format, options, 0);
  return oracleRoundRatio(magnitude, sign === '-', format, options, 0);
}

/** Whether a decimal text is exactly a binary64 number. */
function isExactly(text: string, x: number): boolean {
  const [digits, fraction = ''] = [text.replace('.', ''), text.split('.')[1]];
  const { numerator, denominator } = {
    numerator: BigInt(digits),
    denominator: 10n ** BigInt(fraction.length),
  };
  return Number.isFinite(x) && numerator << unitExponent === signedUnits(x) * denominator;
}

// Beside ties and values of the formats by less than binary64 tells.
const hard = [
  ...['1.06250000000000000000000000001', '1.06249999999999999999999999999', '-1.1875000000000000000000001'],
  ...[
    '0.500000000000000000000000000001',
    '2.5',
    '-2.50000000000000000000000001',
    '100.49999999999999999999999999',
  ],
  ...['0.1', '0', '-0', '1.00048828125', '1.00048828125000000000000000001', '65519.999999999999999999999'],
  ...['448', '464', '464.0000000000000000000000001', '463.99999999999999999999999', '0.0009765625'],
  ...['0.00097656250000000000000000000001', '0.333', '12345.678', '-7', '3.25'],
];

test('lines are rounded once, from what is typed, in every mode', async () => {
  for (const name of [
    'e4m3fn',
    'binary16',
    'bfloat16',
    'binary32',
    'int8',
    'fixed(4,4)',
    'nf4',
    'logarithmic(4,3)',
  ])
    for (const rounding of roundingModes.filter((mode) => !mode.startsWith('stochastic'))) {
      const argv = ['round', '-', '--format', name, '--as', 'value', '--rounding', rounding];
      const { out, err } = await halfulp(argv, [hard.join('\n')]);
      expect(err).toBe('');
      const values = out
        .trimEnd()
        .split('\n')
        .map((line) => Number(line.replace('inf', 'Infinity')));
      expect(values, `${name} ${rounding}`).toEqual(hard.map((text) => exactly(text, name, rounding)));
    }
});

/** Beyond binary64, below it, and at its ends by less than it tells; of many digits. */
const outside: readonly (readonly [text: string, numerator: bigint, denominator: bigint])[] = [
  ['1e400', 10n ** 400n, 1n],
  ['-1e400', -(10n ** 400n), 1n],
  ['1e-380', 1n, 10n ** 380n],
  ['-1e-380', -1n, 10n ** 380n],
  [`${2n ** 1024n - 2n ** 970n}`, 2n ** 1024n - 2n ** 970n, 1n],
  [`${2n ** 1024n - 2n ** 970n - 1n}`, 2n ** 1024n - 2n ** 970n - 1n, 1n],
  ['2^1024', 2n ** 1024n, 1n],
  ['2^-1075', 1n, 2n ** 1075n],
  [`1/${2n ** 1075n}`, 1n, 2n ** 1075n],
  [`1/${2n ** 1075n - 1n}`, 1n, 2n ** 1075n - 1n],
  [`${10n ** 900n + 1n}/${10n ** 900n}`, 10n ** 900n + 1n, 10n ** 900n],
  [`1.${'0'.repeat(800)}1`, 10n ** 801n + 1n, 10n ** 801n],
  [`1.0625${'0'.repeat(800)}1`, 10625n * 10n ** 801n + 1n, 10n ** 805n],
];

test('numbers outside binary64 and of many digits are read exactly, and rounded once, with their flags', async () => {
  for (const name of [
    'binary64',
    'float(11,5)',
    'binary16',
    'e4m3fn',
    'int8',
    'posit32',
    'nf4',
    'logarithmic(4,3)',
  ])
    for (const rounding of roundingModes.filter((mode) => !mode.startsWith('stochastic'))) {
      if (name === 'posit32' && rounding !== 'nearest-even') continue;
      const format = toFormat(name as string);
      const options = resolveRounding(format, { rounding });
      const argv = ['--format', name, '--rounding', rounding];
      const lines = await halfulp(
        ['round', '-', ...argv, '--as', 'value'],
        [outside.map(([text]) => text).join('\n')],
      );
      const { out, err } = await halfulp(['round', ...outside.map(([text]) => text), ...argv, '--json']);
      expect([lines.err, err]).toEqual(['', '']);
      const records = out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { result: { value: unknown }; flags: string[] });
      const plain = lines.out
        .trimEnd()
        .split('\n')
        .map((line) => Number(line.replace('inf', 'Infinity')));
      outside.forEach(([text, n, d], i) => {
        const magnitude = { numerator: (n < 0n ? -n : n) << unitExponent, denominator: d };
        const expected = oracleRoundRatio(magnitude, n < 0n, format, options, 0);
        const what = `${text.slice(0, 20)} ${name} ${rounding}`;
        expect([plain[i], Number(records[i]!.result.value)], what).toEqual([expected, expected]);
        if (format.kind !== 'float') return;
        // No case is a value of a format.
        const isBeyond = !['binary64', 'float(11,5)'].includes(name)
          ? n > 10n ** 300n * d || -n > 10n ** 300n * d
          : i < 2 || i === 6 || !Number.isFinite(expected);
        if (isBeyond)
          expect(records[i]!.flags, what).toEqual(expect.arrayContaining(['inexact', 'overflow']));
        else if (n * 10n ** 300n < d)
          expect(records[i]!.flags, what).toEqual(expect.arrayContaining(['inexact', 'underflow']));
        else expect(records[i]!.flags, what).toContain('inexact');
      });
    }
});

test.each([
  ['add 1e400 1 --format binary64', 'Infinity'],
  ['add 1e400 1 --format binary64 --rounding toward-zero', '1.7976931348623157e308'],
  ['sub -1e400 1 --format binary64 --rounding toward-positive', '-1.7976931348623157e308'],
  ['mul 1e-400 1 --format binary64', '0'],
  ['mul 1e-400 1 --format binary64 --rounding toward-positive', '5e-324'],
  ['neg 1e400 --format e4m3fn --saturation finite', '-448'],
])('halfulp %s', async (line, value) => {
  const { out, err } = await halfulp([...line.split(' '), '--json']);
  expect(err).toBe('');
  expect(Number((JSON.parse(out) as { value: unknown }).value)).toBe(Number(value));
});

test('what is explained is what lines say', async () => {
  for (const name of ['e4m3fn', 'binary16', 'binary64'])
    for (const rounding of ['nearest-even', 'toward-positive', 'to-odd'] as const) {
      const options = ['--format', name, '--rounding', rounding];
      const { out } = await halfulp(['round', ...hard, ...options, '--json']);
      const records = out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { result: { value: unknown }; flags: string[]; given: string });
      for (const { result, flags, given } of records) {
        const expected = exactly(given, name, rounding);
        expect(Number(result.value), `${given} ${name} ${rounding}`).toEqual(expected);
        const isExact = isExactly(given, expected);
        expect(flags.includes('inexact') || flags.includes('overflow'), `${given} ${name} ${rounding}`).toBe(
          !isExact,
        );
      }
    }
});

test('random numbers in every form, and stochastic rounding draws as an array does', async () => {
  const numbers = Array.from({ length: 3000 }, (_, i) => ((i * 7919) % 10007) / 97 - 50);
  const options = ['--format', 'e4m3fn', '--rounding', 'stochastic', '--seed', '5', '--random-bits', '8'];
  const whole = Float64Array.from(numbers);
  const rounded = arithmetic('e4m3fn', { rounding: 'stochastic', seed: 5, randomBits: 8 }).convert(whole);
  const pieces = numbers
    .map((x) => `${x}\n`)
    .join('')
    .match(/[\s\S]{1,1000}/g)!;
  const lines = async (form: string): Promise<string[]> =>
    (await halfulp(['round', '-', ...options, '--as', form], pieces)).out.trimEnd().split('\n');
  expect((await lines('value')).map(Number)).toEqual([...rounded]);
  const codes = encode(rounded, 'e4m3fn');
  expect((await lines('code')).map(Number)).toEqual([...codes]);
  expect((await lines('hex')).map(Number)).toEqual([...codes]);
  expect((await lines('csv')).slice(0, 2)).toEqual([
    'number,e4m3fn,e4m3fn code',
    `${numbers[0]},${rounded[0]},0x${codes[0]!.toString(16)}`,
  ]);
});

test('several formats, NaN without a code, and a bad number', async () => {
  const csv = await halfulp([
    'round',
    '1/3',
    'nan',
    '-inf',
    '--format',
    'e4m3fn,float(5,3),int8',
    '--as',
    'csv',
  ]);
  expect(csv.out).toBe(
    'number,e4m3fn,e4m3fn code,"float(5,3)","float(5,3) code",int8,int8 code\n' +
      '1/3,0.34375,0x2b,0.34375,0x06b,0,0x00\nnan,nan,0x7f,nan,0x0fc,nan,\n-inf,nan,0x7f,-inf,0x1f8,-128,0x80\n',
  );
  expect((await halfulp(['round', '2', '--format', 'e4m3fn,int4'])).out.match(/result/g)).toHaveLength(2);
  const bad = await halfulp(
    ['round', '-', '--format', 'int4', '--as', 'value'],
    ['1 2\n\n3\r\n4 x', 'y 5\n'],
  );
  expect([bad.code, bad.err]).toEqual([
    2,
    expect.stringMatching(/^halfulp: standard input, line 4: got 'xy'; accepted: a number/),
  ]);
  const explained = await halfulp(['round', '-', '--format', 'int4'], ['1\nx\n']);
  expect([explained.code, explained.err]).toEqual([2, expect.stringContaining('standard input, line 2')]);
  expect((await halfulp(['round', '1', '--format', 'int4', '--as', 'text'])).err).toContain(
    "--as: got 'text'",
  );
  expect((await halfulp(['round', '1', '--format', 'int4', '--as', 'hex', '--json'])).err).toContain(
    '--json',
  );
});

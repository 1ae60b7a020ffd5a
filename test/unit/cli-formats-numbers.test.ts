/** Reading and printing numbers exactly: decimals, hexadecimal floats, quotients, words of a stream. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isNegativeNumber, readNumber } from '../../src/cli/formats/read-number.ts';
import { wordsOf } from '../../src/cli/formats/words.ts';
import { ArgumentError } from '../../src/errors.ts';
import { hexFloat, one, toBinary64, toDecimal, toUnits } from '../../src/explained/exact.ts';
import { numberText, ratioText, shortText } from '../../src/explained/notation.ts';
import { jsonText } from '../../src/json.ts';

const anyFinite = fc
  .bigInt({ min: 0n, max: (1n << 64n) - 1n })
  .map((bits) => new Float64Array(new BigUint64Array([bits]).buffer)[0]!)
  .filter(Number.isFinite);

test('17 digits are those of the engine, and read back', () => {
  fc.assert(
    fc.property(anyFinite, (x) => {
      const { text } = toDecimal({ numerator: toUnits(x), denominator: one }, 17);
      expect(Number(text)).toBe(x === 0 ? 0 : x);
      expect(Number(text)).toBe(Number(x.toPrecision(17)) + 0);
    }),
    { numRuns: 2000 },
  );
});

test('800 digits are all of them', () => {
  fc.assert(
    fc.property(anyFinite, (x) => {
      const { text, exact } = toDecimal({ numerator: toUnits(x), denominator: one }, 800);
      expect(exact).toBe(true);
      expect(readNumber(text, 'x').exact).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('hexadecimal floats read back, exactly', () => {
  fc.assert(
    fc.property(fc.oneof(anyFinite, fc.constantFrom(0, -0, 1, 5e-324, Number.MAX_VALUE)), (x) => {
      const read = readNumber(hexFloat(x), 'x');
      expect(read.value).toBe(x);
      expect(read.exact).toBe(true);
    }),
  );
});

test.each([
  [0.1, '0x1.999999999999ap-4'],
  [1, '0x1p+0'],
  [-0.1875, '-0x1.8p-3'],
  [5e-324, '0x1p-1074'],
  [-0, '-0x0p+0'],
  [Infinity, 'inf'],
  [NaN, 'nan'],
])('%d in hexadecimal is %s', (x, text) => {
  expect(hexFloat(x)).toBe(text);
});

test('decimal text is read as the engine reads it', () => {
  const digits = fc.stringMatching(/^[0-9]{1,40}$/);
  const exponent = fc.integer({ min: -300, max: 260 });
  fc.assert(
    fc.property(digits, digits, exponent, (before, after, e) => {
      const text = `-${before}.${after}e${e}`;
      expect(readNumber(text, 'x').value).toBe(Number(text));
    }),
    { numRuns: 1000 },
  );
});

test('quotients are rounded once, to even, subnormals and all', () => {
  fc.assert(
    fc.property(anyFinite, anyFinite, (a, b) => {
      fc.pre(b !== 0);
      // Division of the engine is correctly rounded: an independent answer.
      const numerator = b < 0 ? -toUnits(a) : toUnits(a);
      const { value, exact } = toBinary64({ numerator, denominator: toUnits(Math.abs(b)) });
      expect(value + 0).toBe(a / b + 0);
      if (exact) expect(numerator * one).toBe(toUnits(value) * toUnits(Math.abs(b)));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['0.375', 0.375, true],
  ['0.1', 0.1, false],
  ['.5', 0.5, true],
  ['5.', 5, true],
  ['+2e3', 2000, true],
  ['0x1.8p-3', 0.1875, true],
  ['-0X.8P1', -1, true],
  ['0x10', 16, true],
  ['0x1.00000000000008p0', 1, false],
  ['0x1.000000000000080000001p0', 1 + 2 ** -52, false],
  ['2^-9', 2 ** -9, true],
  ['-2^10', -1024, true],
  ['-0', -0, true],
  ['inf', Infinity, true],
  ['-Infinity', -Infinity, true],
  ['NaN', NaN, true],
  ['9007199254740993', 9007199254740992, false],
  ['4.9406564584124654e-324', 5e-324, false],
  ['1/3', 1 / 3, false],
  ['-6/4', -1.5, true],
])('%s is read', (text, value, exact) => {
  expect(readNumber(text, 'value')).toMatchObject({ text, value, exact });
});

test.each([
  '',
  '-',
  'abc',
  '1,5',
  '0x',
  '0xp3',
  '1e',
  '--1',
  '1 2',
  '2^',
  '2^x',
  '1/0',
  '1/',
  '1/-3',
  '1'.repeat(10_001),
])('%j is no number', (text) => {
  expect(() => readNumber(text, 'value')).toThrow(ArgumentError);
  expect(() => readNumber(text, 'value')).toThrow(/^value: got .*; accepted: a number: decimal/);
});

test.each(['1e400', '-1e999999999999', '1e-400', '2^1024', '2^-1076', '0x1p99999999', '0x1p-99999999'])(
  '%s lies outside binary64',
  (text) => {
    expect(() => readNumber(text, 'value')).toThrow('accepted: a number of binary64');
  },
);

test('negative numbers are told from options', () => {
  expect(['-1', '-.5', '-0x1p3', '-inf', '-nan', '-2^3', '-Infinity'].every(isNegativeNumber)).toBe(true);
  expect(['--format', '-h', '-x', '1', '-', '--'].some(isNegativeNumber)).toBe(false);
});

test.each([
  [0.1, '~0.10000000000000001'],
  [0.1015625, '0.1015625'],
  [2 ** -24, '5.9604644775390625e-8'],
  [2 ** -133, '2^-133'],
  [-(2 ** 100), '-2^100'],
  [3 * 2 ** -133, '~2.7550648847397363e-40'],
  [65504, '65504'],
  [-0, '-0'],
  [NaN, 'NaN'],
  [-Infinity, '-inf'],
])('%d is shown as %s', (x, text) => {
  expect(numberText(x)).toBe(text);
});

test('in short: powers of two, six digits if exact, else four', () => {
  expect([448, 114688, 2 ** -9, 0.125, 3.3895313892515355e38, -(2 ** 24)].map(shortText)).toEqual([
    '448',
    '114688',
    '2^-9',
    '0.125',
    '~3.39e38',
    '-2^24',
  ]);
});

test('a ratio next to a half does not pass for a half', () => {
  const ratio = (numerator: bigint, denominator: bigint): string => ratioText({ numerator, denominator });
  expect(ratio(1n, 2n)).toBe('0.5');
  expect(ratio((1n << 53n) - 1n, 1n << 54n)).toBe('~0.49999999999999994');
  expect(ratio(1n, 3n)).toBe('~0.333333');
  expect(ratio(0n, 1n)).toBe('0');
});

test('JSON has strings for what JSON cannot say', () => {
  const text = jsonText({ a: [NaN, -Infinity, -0, 0, 1.5], b: 2n ** 60n, c: undefined });
  expect(text).toBe('{"a":["NaN","-Infinity","-0",0,1.5],"b":"1152921504606846976"}');
  expect(JSON.parse(text).a.map(Number)).toEqual([NaN, -Infinity, -0, 0, 1.5]);
});

async function* piecesOf(pieces: readonly (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* pieces;
}

test('words come whole however the stream is cut', async () => {
  const words = [];
  const bytes = new TextEncoder().encode('µ 4\r\n');
  for await (const { texts, lineOf } of wordsOf(
    piecesOf(['1 2', '5\n\n', '3', bytes.slice(0, 1), bytes.slice(1), '5']),
  ))
    words.push(...texts.map((text, i) => `${lineOf(i)}:${text}`));
  expect(words).toEqual(['1:1', '1:25', '3:3µ', '3:4', '4:5']);
});

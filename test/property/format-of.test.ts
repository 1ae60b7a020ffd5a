/** formatOf operations against rationals: operands of different formats, one rounding, numbers and arrays. */
import { describe, expect, test } from 'vitest';
import { elementaryFunctions } from '../../src/arithmetic/elementary/index.ts';
import { type Format, toFormat } from '../../src/formats/index.ts';
import { arithmetic } from '../../src/index.ts';
import { fitsBinary32 } from '../../src/operations/index.ts';
import { type RoundingMode, resolveRounding, roundingModes } from '../../src/rounding/index.ts';
import { oracleOperations } from '../oracles/arithmetic.ts';
import { type OracleName, oracleElementary } from '../oracles/elementary.ts';
import { formatOfOracle } from '../oracles/format-of.ts';
import { oracleRound } from '../oracles/index.ts';
import { generator } from '../random.ts';

const names = [
  ...[
    'e4m3fn',
    'e5m2',
    'e4m3',
    'e2m1',
    'e4m3fnuz',
    'ue5m3',
    'e8m0',
    'binary8p3se',
    'posit8',
    'int8',
    'uint4',
    'fixed(4,4)',
  ],
  ...['bfloat16', 'binary16', 'tf32', 'binary32', 'binary64', 'posit16', 'ternary', 'logarithmic(4,3)'],
];
const combinations: readonly (readonly [string, string, string, string])[] = [
  ['e4m3fn', 'e4m3fn', 'e5m2', 'e4m3fn'],
  ['e4m3fn', 'e5m2', 'binary32', 'bfloat16'],
  ['e4m3fn', 'e4m3fn', 'binary32', 'bfloat16'],
  ['binary16', 'bfloat16', 'binary32', 'binary16'],
  ['int8', 'e4m3fn', 'binary32', 'e4m3fnuz'],
  ['e4m3fnuz', 'e4m3fn', 'bfloat16', 'e5m2'],
  ['binary64', 'binary32', 'binary64', 'binary16'],
  ['binary64', 'binary64', 'binary64', 'binary32'],
  ['posit16', 'int8', 'posit8', 'posit8'],
  ['binary32', 'binary32', 'e8m0', 'int8'],
];

/** Values of a format: its ends, zeros, specials and random codes. */
function samples(format: Format, count: number, random: () => number): number[] {
  const { bits } = format;
  const some = Array.from({ length: count }, () => {
    const code =
      bits > 32
        ? (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32))
        : Math.floor(random() * 2 ** bits);
    return format.decode(code as number);
  });
  const ends = [
    format.max,
    format.min,
    ...(format.has(0) ? [0] : []),
    ...(format.hasNegativeZero ? [-0] : []),
  ];
  return [
    ...ends,
    ...(format.kind === 'float' && format.hasInfinity ? [Infinity, -Infinity] : []),
    ...some,
  ].filter((x) => Number.isNaN(x) || format.has(x));
}

const modesOf = (format: Format): readonly RoundingMode[] =>
  format.kind === 'posit' ? ['nearest-even'] : roundingModes.filter((mode) => !mode.startsWith('stochastic'));

describe('numbers and arrays give what the exact result, rounded once, is', () => {
  test.each([
    ...combinations,
    ...names.map(
      (name, i) =>
        [
          name,
          names[(i * 7 + 3) % names.length]!,
          names[(i * 5 + 1) % names.length]!,
          names[(i * 11 + 2) % names.length]!,
        ] as const,
    ),
  ])('%s, %s, %s -> %s', (a, b, c, result) => {
    const random = generator(1);
    const [x, y, z] = [a, b, c].map((name) => samples(toFormat(name), 40, random)) as [
      number[],
      number[],
      number[],
    ];
    const target = toFormat(result);
    for (const rounding of modesOf(target))
      for (const saturation of ['none', 'finite'] as const) {
        const f = arithmetic({ operands: [a, b, c], result, rounding, saturation });
        const options = resolveRounding(target, { rounding, saturation });
        const pick = (list: readonly number[], i: number): number => list[i % list.length]!;
        const triples = Array.from(
          { length: 97 },
          (_, i) => [pick(x, i), pick(y, i * 3 + (i >> 5)), pick(z, i * 5)] as const,
        );
        for (const name of oracleOperations) {
          const count = name === 'sqrt' ? 1 : name === 'fma' ? 3 : 2;
          const expected = triples.map((operands) =>
            formatOfOracle(name, operands.slice(0, count), [a, b, c].map(toFormat), target, options),
          );
          const method = f[name] as (...operands: unknown[]) => unknown;
          expect(
            triples.map((operands) => method(...operands.slice(0, count))),
            `${name} ${rounding}`,
          ).toEqual(expected);
          for (const Kind of [Float64Array, Float32Array]) {
            if (Kind === Float32Array && ![a, b, c, result].map(toFormat).every(fitsBinary32)) continue;
            const arrays = [0, 1, 2]
              .slice(0, count)
              .map((k) => Kind.from(triples.map((operands) => operands[k]!)));
            expect(Array.from(method(...arrays) as Float64Array), `${name} ${rounding} ${Kind.name}`).toEqual(
              expected,
            );
          }
        }
      }
  });
});

test('stochastic rounding draws once an element, as round does, on numbers and arrays', () => {
  for (const randomBits of [8, 32]) {
    const spec = {
      operands: ['e4m3fn', 'e5m2', 'binary32'],
      result: 'bfloat16',
      rounding: 'stochastic',
      seed: 5,
      randomBits,
    } as const;
    const one = arithmetic(spec);
    const random = generator(2);
    const [x, y, z] = spec.operands.map((name) =>
      samples(toFormat(name), 300, random).filter(Number.isFinite).slice(0, 200),
    );
    const each = Float64Array.from(x!, (value, i) => one.fma(value, y![i]!, z![i]!));
    const all = arithmetic(spec).fma(Float64Array.from(x!), Float64Array.from(y!), Float64Array.from(z!));
    expect(all).toEqual(each);
    const narrow = arithmetic(spec).fma(Float32Array.from(x!), Float32Array.from(y!), Float32Array.from(z!));
    expect(Float64Array.from(narrow)).toEqual(each);
  }
});

test('sums and products take operands of their formats, exactly as wide arithmetic does', () => {
  const random = generator(3);
  const of = (name: string, count: number): Float32Array =>
    Float32Array.from(
      samples(toFormat(name), 4 * count, random)
        .filter(Number.isFinite)
        .slice(0, count),
    );
  const [a, b, c] = [of('e4m3fn', 6 * 96), of('e5m2', 96 * 5), of('binary32', 30)];
  const mixed = arithmetic({ operands: ['e4m3fn', 'e5m2', 'binary32'], result: 'bfloat16' });
  const wide = arithmetic('binary32');
  const model = { products: 'exact', accumulate: 'binary32' } as const;
  const shape = { m: 6, k: 96, n: 5 };
  const exact = wide.matmul(a, b, { ...shape, c }, model);
  expect(mixed.matmul(a, b, { ...shape, c }, model)).toEqual(arithmetic('bfloat16').convert(exact));
  expect(mixed.dot(a.subarray(0, 96), b.subarray(0, 96), model)).toBe(
    arithmetic('bfloat16').convert(wide.dot(a.subarray(0, 96), b.subarray(0, 96), model)),
  );
  expect(mixed.matvec(a, b.subarray(0, 96), { m: 6, k: 96 }, model)).toEqual(
    arithmetic('bfloat16').convert(wide.matvec(a, b.subarray(0, 96), { m: 6, k: 96 }, model)),
  );
});

test('arguments are checked by operand', () => {
  const f = arithmetic({ operands: ['e4m3fn', 'e2m1'], result: 'binary16' });
  expect(f.mul(448, 6)).toBe(2688);
  expect(() => f.mul(6, 448)).toThrow(/^b: got 448; accepted: a value of e2m1/);
  expect(() => f.mul(Float32Array.of(1), Float32Array.of(7))).toThrow(/^b\[0\]: got 7/);
  expect(() => f.fma(1, 1, 1)).toThrow(/^operands: .*3 formats, as there is an operand c/);
  for (const [given, path] of [
    [{ operands: ['e4m3fn'] }, /^result/],
    [{ result: 'e4m3fn' }, /^operands/],
    [{ operands: [], result: 'e4m3fn' }, /^operands/],
    [{ operands: ['e4m3f'], result: 'e4m3fn' }, /^operands\[0\].*e4m3fn/],
    [{ operands: 'mxfp4', result: 'e4m3fn' }, /^operands/],
    [{ operands: 'e4m3fn', result: 'e4m3f' }, /^result/],
    [{ operands: 'e4m3fn', result: 'e4m3fn', roundin: 'x' }, /^roundin/],
    [{ operands: 'e4m3fn', result: 'e4m3fn', rounding: 'x' }, /^rounding/],
  ] as const)
    expect(() => arithmetic(given as never)).toThrow(path);
  expect(() =>
    (arithmetic as (a: unknown, b: unknown) => unknown)({ operands: 'e4m3fn', result: 'e4m3fn' }, {}),
  ).toThrow(/^options/);
});

test('flags and state are those of arithmetic', () => {
  const f = arithmetic({ operands: ['binary32', 'binary32'], result: 'binary16', flags: true });
  f.mul(70000, 1);
  f.div(1, 0);
  expect(f.flags).toEqual({ inexact: 1, overflow: 1, underflow: 0, invalid: 0, divideByZero: 1 });
  f.clearFlags();
  expect(f.flags.inexact).toBe(0);
});

const functions = Object.keys(elementaryFunctions) as (OracleName | 'remainder')[];
const moves = {
  neg: (a: number) => -a,
  abs: (a: number) => Math.abs(a),
  min: (a: number, b: number) => Math.min(a, b),
  max: (a: number, b: number) => Math.max(a, b),
};

describe('functions and moves are rounded once, to the format of results', () => {
  test.each(combinations)(
    '%s, %s, %s -> %s',
    (a, b, _, result) => {
      const random = generator(4);
      const [x, y] = [a, b].map((name) => samples(toFormat(name), 9, random)) as [number[], number[]];
      const [first, second] = [a, b].map(toFormat) as [Format, Format];
      const target = toFormat(result);
      const given = (value: number, format: Format): number =>
        value === 0 && !format.hasNegativeZero ? 0 : value;
      // What the functions give is a matter of the result's family; zeros have the operands' signs.
      const family = { ...target, hasNegativeZero: true } as Format;
      const pairs = x.map((p, i) => [p, y[(i * 5) % y.length]!] as const);
      const exactly = (exact: (p: number, q: number) => number): number[] =>
        pairs.map(([p, q]) => exact(given(p, first), given(q, second)));
      const cases = [
        ...Object.entries(moves).map(([name, move]) => ({ name, arity: move.length, exact: exactly(move) })),
        ...functions.map((name) => ({
          ...{ name, arity: elementaryFunctions[name].arity },
          exact: exactly((p, q) => oracleElementary(name, p, q, family)),
        })),
      ];
      for (const rounding of modesOf(target))
        for (const flags of [false, true]) {
          const f = arithmetic({ operands: [a, b], result, rounding, flags });
          const options = resolveRounding(target, { rounding });
          for (const { name, arity, exact } of cases) {
            const method = f[name as 'pow'] as (...operands: unknown[]) => unknown;
            const expected = exact.map((value) => oracleRound(value, target, options, 0));
            const each = pairs.map((pair) => method(...pair.slice(0, arity)));
            expect(each, `${name} ${rounding}`).toEqual(expected);
            const arrays = [0, 1].slice(0, arity).map((k) => Float64Array.from(pairs, (pair) => pair[k]!));
            expect(Array.from(method(...arrays) as Float64Array), `${name} ${rounding}`).toEqual(expected);
          }
        }
    },
    120_000,
  );
});

test('one operation at a time: codes of the operands, the exceptions of it alone, its rounding', () => {
  const f = arithmetic({ operands: ['e4m3fn', 'e5m2', 'binary32'], result: 'bfloat16' });
  // 1 x 2 + 1 in binary32.
  expect(f.codes.fma(0x38, 0x40, 0x3f800000)).toMatchObject({
    code: 0x4040,
    value: 3,
    flags: { inexact: 0 },
  });
  expect(f.codes.exp(0x38)).toMatchObject({ code: 0x402e, value: 2.71875, flags: { inexact: 1 } });
  expect(f.codes.max(0x38, 0x40)).toMatchObject({ code: 0x4000, value: 2 });
  expect(f.traced.div(1, 3)).toMatchObject({
    ...{ operandCodes: [0x38, 0x42], isExact: false, reason: 'the nearer one' },
    ...{ result: 0.333984375, flags: { inexact: 1 } },
  });
  expect(f.traced.rsqrt(-0)).toMatchObject({ result: -Infinity, flags: { divideByZero: 1 } });
  expect(arithmetic({ operands: 'e4m3fn', result: 'int8' }).rsqrt(-0)).toBe(-128);
  expect(arithmetic({ operands: 'int8', result: 'e4m3fn' }).neg(0)).toBe(-0);
  expect(() => arithmetic({ operands: ['e4m3fn'], result: 'e5m2' }).codes.add(1, 2)).toThrow(
    /2 formats for add/,
  );
  expect(() => arithmetic({ operands: ['e4m3fn'], result: 'e5m2' }).min(1, 2)).toThrow(/2 formats/);
  for (const name of ['add', 'mul', 'min', 'hypot', 'atan2'] as const)
    for (let a = 0; a < 256; a += 5)
      for (let b = 1; b < 256; b += 17) {
        const pair = [toFormat('e4m3fn').decode(a), toFormat('e5m2').decode(b)] as const;
        const { value } = f.codes[name](a, b);
        expect(value).toBe(f[name](...pair));
        expect(f.traced[name](...pair).result).toBe(value);
      }
});

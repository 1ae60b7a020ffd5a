/**
 * Quantisers at the ends of binary32 and binary64: every statistic, scale format, way of storing and kind of element against
 * rational arithmetic. Of finite numbers nothing may come out NaN or infinite.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codebook, type FloatFormat, type Format, toFormat } from '../../src/formats/index.ts';
import type { RealArray } from '../../src/operations/index.ts';
import {
  dequantize,
  type Quantized,
  type QuantizerOptions,
  quantizer,
  type ScaleOptions,
} from '../../src/quantizers/index.ts';
import { everyCase, times } from '../every-case.ts';
import type { OracleDirection } from '../oracles/blocks.ts';
import {
  type OracleGroup,
  type OracleQuantizer,
  type OracleStatistic,
  oracleLearned,
  oracleQuantize,
  oracleTensorEncode,
} from '../oracles/quantizer.ts';

const largest32 = (2 - 2 ** -23) * 2 ** 127;
const least32 = 2 ** -149;

/** Groups of one length, whose numbers binary32 has. */
const groups32: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0],
  [-0, 0, -0, 0, -0],
  [least32, 0, 0, 0, 0],
  [least32, -least32, least32, 2 * least32, -least32],
  [3 * least32, -5 * least32, 2 ** -130, 2 ** -127, -(2 ** -126)],
  [largest32, largest32, largest32, largest32, largest32],
  [-largest32, largest32, largest32 / 2, -largest32 / 4, 0],
  [largest32, least32, -least32, 0, 1],
  [-largest32, -largest32, -largest32, 2 ** 127, 1.5 * 2 ** 126],
  [Math.fround(1e10), Math.fround(1e-30), Math.fround(1e-30), -Math.fround(1e-30), Math.fround(1e-30)],
  [Math.fround(1e10), Math.fround(1e-30), 0, 0, 0],
  [0, 0, 0, 0, Math.fround(-3e38)],
  [2 ** -126, -(2 ** -126), 2 ** -140, 0, 1.25 * 2 ** -133],
  [1, -2, 0.375, 5.5, -0.0625],
  [Math.fround(0.1), Math.fround(-0.7), Math.fround(0.33), Math.fround(1.9), Math.fround(-1.3)],
  [448, -448, 127, 6, 0.5],
  [-1, -2, -3, -4, -5],
  [2 ** 127, 2 ** 100, -(2 ** 60), 1, 2 ** -60],
];

/** Groups for which binary64 is needed. */
const groups64: readonly (readonly number[])[] = [
  [Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE, Number.MAX_VALUE],
  [Number.MAX_VALUE, 5e-324, 0, 1, -1],
  [-Number.MAX_VALUE, Number.MAX_VALUE, 0, 0, 0],
  [5e-324, 0, 0, 0, 0],
  [5e-324, -1e-323, 2.5e-323, 0, 5e-324],
  [1e300, -1e300, 1e299, 3e300, 0],
  [1e300, 1e-300, -1e-300, 1e-300, 1e-300],
  [1e-300, 3e-300, -2e-300, 1e-310, 0],
  [1e-200, -1e-200, 2e-200, 3e-200, 1e-201],
  [1e200, -1e200, 2e200, 3e200, 1e199],
  [1e48, -2e48, 1e47, 3e48, 1e10],
  [1e50, 1e-50, 0, -1e49, 1],
  [4e38, -1e39, 1, 0, 2e38],
  [1e-46, -2e-46, 3e-45, 0, 1e-60],
  [0.1, -0.7, 0.33, 1.9, -1.3],
  [1e10, 1e-30, 1e-30, 1e-30, -1e-30],
];
const length = 5;

const levels = codebook({ name: 'levels', values: [-3.3, -1, -0.2, 0.1, 0.7, 5.1].map(Math.fround) });
const positive = codebook({ name: 'positive', values: [0.25, 1, 3] });
const elements: readonly Format[] = [
  ...[
    'int8',
    'int4',
    'uint4',
    'e4m3fn',
    'e2m1',
    'binary16',
    'bfloat16',
    'posit8',
    'ternary',
    'binary',
    'nf4',
  ].map(toFormat),
  ...[levels, positive, toFormat('fixed(2,3)'), toFormat('e8m0')],
];

const scaleFormats = [
  ...[
    'binary32',
    'bfloat16',
    'binary16',
    'tf32',
    'e4m3fn',
    'e5m2',
    'ue5m3',
    'ue4m3',
    'binary8p3ue',
    'float(4,3,bias=60)',
  ],
  ...['e8m0', 'float(4,0,bias=20,subnormals=normal,unsigned,zero=false,fn)'],
].map(toFormat) as FloatFormat[];
const isPower = (format: FloatFormat): boolean => !format.hasZero;
const directions: readonly OracleDirection[] = ['floor', 'ceil', 'even', 'rceil'];

interface Case {
  readonly element: Format;
  readonly from: OracleStatistic;
  readonly format: FloatFormat;
  readonly direction?: OracleDirection;
  readonly stored?: 'encode' | 'decode';
  readonly tensorScale?: boolean | 'row';
  readonly level?: 'least-squares';
  readonly multiplier?: number;
  readonly percentile?: number;
  readonly value?: number;
  readonly zeroPoint?: number;
  readonly initial?: 'lsq' | 'absmax' | 'minmax';
}

/** The options of a case, one scale a row. */
function optionsOf({ element, from, ...rest }: Case): QuantizerOptions {
  const scale = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    format: element,
    scale: { per: 'row', from, least: undefined, ...scale } as unknown as ScaleOptions,
  };
}

/** Each row by the oracle. */
function expectedRows(given: Case, rows: readonly (readonly number[])[], isFloat32: boolean): OracleGroup[] {
  const { scale, low } = quantizer(optionsOf(given));
  const { element, from, format, direction = 'floor', level } = given;
  const common: OracleQuantizer = {
    ...{ element, low, from, format, direction },
    percentile: given.percentile ?? 100,
    multiplier: scale.multiplier,
    least: scale.least,
    stored: scale.stored,
    isTwoLevel: scale.tensorScale !== false,
    isNvfp4: scale.isNvfp4,
    leastSquares: level === 'least-squares',
    ...(given.value === undefined ? {} : { given: given.value }),
    ...(given.zeroPoint === undefined ? {} : { zeroPoint: given.zeroPoint }),
  };
  const amaxOf = (x: readonly number[]): number => Math.max(...x.map(Math.abs));
  const most = Math.max(...rows.map(amaxOf));
  return rows.map((x) => {
    const amax = scale.tensorScale === 'row' ? amaxOf(x) : most;
    const encode = scale.tensorScale === false ? 1 : oracleTensorEncode(amax, common);
    if (from === 'learned' && given.initial === 'minmax')
      return oracleQuantize(x, { ...common, from: 'minmax' }, isFloat32, 1);
    const learned =
      from === 'learned'
        ? oracleLearned(x, element, (given.initial as 'lsq' | undefined) ?? 'lsq')
        : undefined;
    return oracleQuantize(
      x,
      learned === undefined ? common : { ...common, given: learned },
      isFloat32,
      encode,
    );
  });
}

/** Each row with its place, so that a failure says which. */
function rowsOf(values: ArrayLike<number>): number[][] {
  const rows = Array.from({ length: values.length / length }, (_, row) =>
    Array.from({ length }, (_, column) => values[row * length + column]!),
  );
  return rows;
}

function check(given: Case, rows: readonly (readonly number[])[], isFloat32: boolean): Quantized {
  const made = quantizer(optionsOf(given));
  const flat = rows.flat();
  const x: RealArray = isFloat32 ? Float32Array.from(flat) : Float64Array.from(flat);
  const shape = [rows.length, length];
  const expected = expectedRows(given, rows, isFloat32);
  const result = made.quantize(x, shape);
  const { elements: found } = made.explain(x, shape, { update: false });
  const wanted = expected.map(({ scale, elements: each, values, zeroPoint }, i) => ({
    ...{ x: rows[i], scale, elements: each, values, zeroPoint },
  }));
  const [ours, values] = [rowsOf(found), rowsOf(result.values)];
  const actual = rows.map((row, i) => ({
    ...{
      x: row,
      scale: result.scales[i],
      elements: ours[i],
      values: values[i],
      zeroPoint: result.zeroPoints?.[i],
    },
  }));
  expect(actual).toEqual(wanted);
  expect([...result.scales, ...result.values].every(Number.isFinite)).toBe(true);
  expect(dequantize(result)).toEqual(result.values);
  expect(made.fakeQuantize(x, shape, undefined, { update: false })).toEqual(result.values);
  expect(made.unpack(result.pack(), shape, { dtype: isFloat32 ? 'float32' : 'float64' }).values).toEqual(
    result.values,
  );
  return result;
}

/** Every way to store scales of a format from a statistic. */
function casesOf(from: OracleStatistic, element: Format, format: FloatFormat): Case[] {
  const isMagnitude = !['minmax', 'constant', 'learned'].includes(from);
  const rest = {
    ...(from === 'percentile' ? { percentile: 60 } : {}),
    ...(from === 'rms' || from === 'std' ? { multiplier: 1.7 } : {}),
  };
  const common = { element, from, format, ...rest };
  if (isPower(format)) {
    // The oracle reads the bits of a significand from the two largest values: e8m0's are a binade apart.
    const isRegular = ['float', 'int', 'fixed'].includes(element.kind) && element.name !== 'e8m0';
    return directions.flatMap((direction) =>
      direction === 'even' && !isRegular ? [] : [{ ...common, direction }],
    );
  }
  if (from === 'minmax') return [common];
  const ways = (['encode', 'decode'] as const).map((stored) => ({ ...common, stored }));
  if (!isMagnitude) return ways;
  return [
    ...ways,
    { ...common, tensorScale: true },
    { ...common, tensorScale: 'row' },
    { ...common, level: 'least-squares' },
  ];
}

/** The cases of a statistic, and what else they need. */
function allCases(from: OracleStatistic): Case[] {
  const integers = elements.filter(({ kind }) => kind === 'int');
  const of = (list: readonly Format[]): Case[] =>
    list.flatMap((element) => scaleFormats.flatMap((format) => casesOf(from, element, format)));
  switch (from) {
    case 'minmax':
      return of(integers);
    case 'constant':
      return of(elements).flatMap((each) => {
        const values = [each.format.min > 0 ? 3e-41 : each.format.minSubnormal * 0.7, 0.3, 1e30];
        const plain = values.map((value) => ({ ...each, value }));
        if (each.element.kind !== 'int' || each.stored === 'encode') return plain;
        const { min, max } = each.element;
        return [
          ...plain,
          ...plain.flatMap((one) => [min, max, 1].map((zeroPoint) => ({ ...one, zeroPoint }))),
        ];
      });
    case 'learned':
      return [
        ...of(elements).flatMap((each) =>
          (['lsq', 'absmax'] as const).map((initial) => ({ ...each, initial })),
        ),
        ...integers.flatMap((element) =>
          scaleFormats.flatMap((format) =>
            casesOf('minmax', element, format).map((each) => ({ ...each, from, initial: 'minmax' as const })),
          ),
        ),
      ];
    default:
      return of(elements);
  }
}

/** Some of a list, the same ones every time, each place as likely. */
function some<T>(list: readonly T[], part: number, seed: number): T[] {
  let state = seed;
  return list.filter(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 < part;
  });
}

const statistics = [
  'absmax',
  'absmean',
  'absmedian',
  'rms',
  'std',
  'percentile',
  'minmax',
  'constant',
  'learned',
] as const;

const words = new Uint32Array(2);
const [singles, doubles] = [new Float32Array(words.buffer), new Float64Array(words.buffer)];
const finite = (x: number): number => (Number.isFinite(x) ? x : 1);
const single = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((pattern) => {
  words[0] = pattern;
  return finite(singles[0]!);
});
const double = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((pattern) => {
  words.set([Number(pattern & 0xffffffffn), Number(pattern >> 32n)]);
  return finite(doubles[0]!);
});
/** Numbers within a few binades, as a tensor has them. */
const near = fc
  .tuple(fc.integer({ min: -(2 ** 23), max: 2 ** 23 }), fc.integer({ min: -27, max: -20 }))
  .map(([significand, exponent]) => significand * 2 ** exponent);

describe('any numbers', () => {
  const cases = statistics.flatMap((from) => allCases(from));
  const group = (member: fc.Arbitrary<number>) => fc.array(member, { minLength: length, maxLength: length });
  it.each([
    ['binary32', single, true],
    ['binary64', double, false],
    ['ordinary binary32', near, true],
  ] as const)('of %s', (_name, member, isFloat32) => {
    fc.assert(
      fc.property(fc.constantFrom(...cases), group(member), group(member), (given, first, second) => {
        check(given, [first, second], isFloat32);
      }),
      { numRuns: times(750) },
    );
  });
});

describe('every statistic, scale format, way of storing and element', () => {
  it.each(statistics)('%s', (from) => {
    const cases = allCases(from);
    expect(cases.length).toBeGreaterThan(from === 'minmax' ? 50 : 500);
    some(cases, everyCase ? 1 : 1 / 3, 7).forEach((given, i) => {
      check(given, some(groups32, 0.15, i), true);
      check(given, some([...groups64, ...groups32], 0.1, i + 1), false);
    });
  });

  // 181 candidates a group.
  it('mse', () => {
    some(allCases('mse'), 0.06, 5).forEach((given, i) => {
      check(given, some(groups32, 0.06, i), true);
      check(given, some([...groups64, ...groups32], 0.04, i + 1), false);
    });
  });
});

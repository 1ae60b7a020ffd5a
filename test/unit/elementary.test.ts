/**
 * Elementary functions case by case: the special values of IEEE 754-2019 section 9.2.1 and where P3109 and posits differ, exact
 * results in every mode, results next to 1, 0 and infinity, wrapping, the hardest arguments of 16-bit formats, tables.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type ElementaryName,
  elementaryFunctions,
  elementaryTable,
} from '../../src/arithmetic/elementary/index.ts';
import { type Format, formats, toFormat } from '../../src/formats/index.ts';
import {
  isStochastic,
  type RoundOptions,
  resolveRounding,
  roundingModes,
  roundScalar,
} from '../../src/rounding/index.ts';
import { modesOf } from '../exhaustive.ts';
import type { HardCase } from '../hardest-elementary.ts';
import { type OracleName, standInByDigits } from '../oracles/elementary.ts';
import { oracleRound } from '../oracles/index.ts';

type Options = RoundOptions & { readonly R?: number };

function at(
  format: Format | string,
  name: ElementaryName,
  x: number,
  y = 0,
  { R = 0, ...options }: Options = {},
): number {
  const resolved = toFormat(format);
  return elementaryFunctions[name].evaluate(x, y, resolved, resolveRounding(resolved, options), R);
}

const hardest = JSON.parse(
  readFileSync(new URL('./elementary-hardest.json', import.meta.url), 'utf8'),
) as Record<string, readonly HardCase[]>;

const inf = Infinity;
const deterministic = roundingModes.filter((mode) => !isStochastic(mode));

describe('special values of the further functions', () => {
  const pi = Math.PI;
  const nearest = (x: number): number => at('binary64', 'atan2', x, 1);
  it.each<[ElementaryName, readonly (readonly [x: number, result: number])[]]>([
    [
      'exp10',
      [
        [inf, inf],
        [-inf, 0],
        [0, 1],
        [-0, 1],
        [22, 1e22],
        [-400, 0],
        [400, inf],
      ],
    ],
    [
      'log10',
      [
        [inf, inf],
        [0, -inf],
        [-0, -inf],
        [1, 0],
        [1e22, 22],
        [-1, NaN],
        [-inf, NaN],
      ],
    ],
    [
      'log1p',
      [
        [inf, inf],
        [-1, -inf],
        [0, 0],
        [-0, -0],
        [-2, NaN],
        [-inf, NaN],
      ],
    ],
    [
      'expm1',
      [
        [inf, inf],
        [-inf, -1],
        [0, 0],
        [-0, -0],
        [-1e300, -1],
      ],
    ],
    [
      'cbrt',
      [
        [inf, inf],
        [-inf, -inf],
        [0, 0],
        [-0, -0],
        [27, 3],
        [-0.125, -0.5],
      ],
    ],
    [
      'softplus',
      [
        [inf, inf],
        [-inf, 0],
        [0, Math.LN2],
        [1e300, 1e300],
      ],
    ],
    [
      'silu',
      [
        [inf, inf],
        [-inf, -0],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'erfc',
      [
        [inf, 0],
        [-inf, 2],
        [0, 1],
        [-0, 1],
        [-1e10, 2],
      ],
    ],
    [
      'asin',
      [
        [inf, NaN],
        [2, NaN],
        [0, 0],
        [-0, -0],
        [1, pi / 2],
        [-1, -pi / 2],
      ],
    ],
    [
      'acos',
      [
        [-inf, NaN],
        [1.5, NaN],
        [1, 0],
        [0, pi / 2],
        [-0, pi / 2],
        [-1, pi],
      ],
    ],
    [
      'asinh',
      [
        [inf, inf],
        [-inf, -inf],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'acosh',
      [
        [inf, inf],
        [-inf, NaN],
        [1, 0],
        [0.5, NaN],
        [0, NaN],
      ],
    ],
    [
      'atanh',
      [
        [1, inf],
        [-1, -inf],
        [2, NaN],
        [inf, NaN],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'sinPi',
      [
        [0, 0],
        [-0, -0],
        [3, 0],
        [-3, -0],
        [0.5, 1],
        [1.5, -1],
        [-0.5, -1],
        [2 ** 60, 0],
        [inf, NaN],
      ],
    ],
    [
      'cosPi',
      [
        [0, 1],
        [1, -1],
        [-1, -1],
        [0.5, 0],
        [-0.5, 0],
        [1.5, 0],
        [2 ** 60, 1],
        [inf, NaN],
      ],
    ],
    [
      'tanPi',
      [
        [0, 0],
        [-0, -0],
        [1, -0],
        [-1, 0],
        [2, 0],
        [-2, -0],
        [0.25, 1],
        [0.75, -1],
        [0.5, inf],
        [-0.5, -inf],
      ],
    ],
  ])('%s', (name, list) => {
    for (const [x, result] of [...list, [NaN, NaN] as const])
      expect(at('binary64', name, x), `${name}(${x})`).toBe(result);
  });

  it('atan2, first the ordinate', () => {
    const list: [y: number, x: number, result: number][] = [
      ...([
        [0, 1, 0],
        [-0, 1, -0],
        [0, 0, 0],
        [-0, 0, -0],
      ] as [number, number, number][]),
      ...([
        [0, -1, pi],
        [-0, -1, -pi],
        [0, -0, pi],
        [-0, -0, -pi],
      ] as [number, number, number][]),
      ...([
        [1, 0, pi / 2],
        [-1, -0, -pi / 2],
        [inf, 1, pi / 2],
        [-inf, -1, -pi / 2],
      ] as [number, number, number][]),
      ...([
        [1, inf, 0],
        [-1, inf, -0],
        [1, -inf, pi],
        [-1, -inf, -pi],
      ] as [number, number, number][]),
      ...([
        [inf, inf, pi / 4],
        [-inf, inf, -pi / 4],
        [inf, -inf, (3 * pi) / 4],
      ] as [number, number, number][]),
      ...([
        [NaN, 1, NaN],
        [1, NaN, NaN],
        [1, 1, pi / 4],
        [-1, -1, (-3 * pi) / 4],
      ] as [number, number, number][]),
    ];
    for (const [y, x, result] of list)
      expect(at('binary64', 'atan2', y, x), `atan2(${y}, ${x})`).toBe(result);
    expect(nearest(1e-320)).toBe(1e-320);
    // arctan q is less than q.
    expect(at('binary16', 'atan2', 2 ** -10, 1, { rounding: 'toward-zero' })).toBe(2 ** -10 - 2 ** -21);
    expect(at('binary16', 'atan2', 3 * 2 ** -10, 3, { rounding: 'toward-zero' })).toBe(2 ** -10 - 2 ** -21);
  });

  it('poles and NaN of P3109 and posits', () => {
    expect(at('binary8p3se', 'tanPi', 0.5)).toBe(NaN);
    expect(at('binary8p3se', 'atanh', 1)).toBe(inf);
    expect(at('posit16', 'atanh', 1)).toBe(NaN);
    expect(at('posit16', 'tanPi', 0.5)).toBe(NaN);
    expect(at('posit16', 'erfc', 60)).toBe(formats.posit16.minPositive);
  });

  it('exact results in every mode, and the next ones', () => {
    for (const rounding of deterministic.filter((mode) => mode !== 'jamming')) {
      expect(at('binary32', 'cbrt', 1.728e3, 0, { rounding })).toBe(12);
      expect(at('binary32', 'exp10', 10, 0, { rounding })).toBe(1e10);
      expect(at('binary32', 'log10', 1e10, 0, { rounding })).toBe(10);
      expect(at('bfloat16', 'cosPi', 3, 0, { rounding })).toBe(-1);
    }
    expect(at('bfloat16', 'expm1', 2 ** -100, 0, { rounding: 'toward-positive' })).toBe(
      2 ** -100 * (1 + 2 ** -7),
    );
    expect(at('bfloat16', 'log1p', 2 ** -100, 0, { rounding: 'toward-zero' })).toBe(
      2 ** -100 * (1 - 2 ** -8),
    );
    expect(at('bfloat16', 'softplus', 1000, 0, { rounding: 'toward-positive' })).toBe(1004);
    expect(at('bfloat16', 'erfc', -100, 0, { rounding: 'toward-zero' })).toBe(2 - 2 ** -7);
  });
});

describe('special values', () => {
  const unary: readonly [ElementaryName, readonly (readonly [number, number])[]][] = [
    [
      'exp',
      [
        [inf, inf],
        [-inf, 0],
        [0, 1],
        [-0, 1],
      ],
    ],
    [
      'exp2',
      [
        [inf, inf],
        [-inf, 0],
        [0, 1],
        [-0, 1],
      ],
    ],
    [
      'log',
      [
        [inf, inf],
        [0, -inf],
        [-0, -inf],
        [1, 0],
        [-1, NaN],
        [-inf, NaN],
      ],
    ],
    [
      'log2',
      [
        [inf, inf],
        [0, -inf],
        [-0, -inf],
        [1, 0],
        [-1, NaN],
        [-inf, NaN],
      ],
    ],
    [
      'sin',
      [
        [inf, NaN],
        [-inf, NaN],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'cos',
      [
        [inf, NaN],
        [-inf, NaN],
        [0, 1],
        [-0, 1],
      ],
    ],
    [
      'tan',
      [
        [inf, NaN],
        [-inf, NaN],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'tanh',
      [
        [inf, 1],
        [-inf, -1],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'sinh',
      [
        [inf, inf],
        [-inf, -inf],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'cosh',
      [
        [inf, inf],
        [-inf, inf],
        [0, 1],
        [-0, 1],
      ],
    ],
    [
      'atan',
      [
        [inf, Math.PI / 2],
        [-inf, -Math.PI / 2],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'rsqrt',
      [
        [inf, 0],
        [0, inf],
        [-0, -inf],
        [-1, NaN],
        [-inf, NaN],
        [1, 1],
      ],
    ],
    [
      'sigmoid',
      [
        [inf, 1],
        [-inf, 0],
        [0, 0.5],
        [-0, 0.5],
      ],
    ],
    [
      'erf',
      [
        [inf, 1],
        [-inf, -1],
        [0, 0],
        [-0, -0],
      ],
    ],
    [
      'gelu',
      [
        [inf, inf],
        [-inf, -0],
        [0, 0],
        [-0, -0],
      ],
    ],
  ];
  it.each(unary)('%s', (name, cases) => {
    for (const [x, expected] of cases) expect(at('binary64', name, x), `${name}(${x})`).toBe(expected);
    expect(at('binary64', name, NaN)).toBe(NaN);
  });

  // [x, y, pow(x, y)]
  const powers: readonly (readonly [number, number, number])[] = [
    ...([0, -0].flatMap((y) => [2, 0, -0, inf, -inf, NaN, -3].map((x) => [x, y, 1])) as [
      number,
      number,
      number,
    ][]),
    ...([2, -2, 0.5, inf, -inf, NaN].map((y) => [1, y, 1]) as [number, number, number][]),
    ...[
      [0, -3, inf],
      [-0, -3, -inf],
      [0, -2, inf],
      [-0, -2, inf],
      [-0, -2.5, inf],
      [0, -inf, inf],
      [-0, -inf, inf],
    ],
    ...[
      [0, 3, 0],
      [-0, 3, -0],
      [-0, 2, 0],
      [-0, 2.5, 0],
      [0, inf, 0],
      [-0, inf, 0],
    ],
    ...[
      [-1, inf, 1],
      [-1, -inf, 1],
      [-1, 3, -1],
      [-1, 2 ** 53, 1],
    ],
    ...[
      [0.5, inf, 0],
      [-0.5, inf, 0],
      [2, inf, inf],
      [-2, inf, inf],
      [0.5, -inf, inf],
      [2, -inf, 0],
      [-2, -inf, 0],
    ],
    ...[
      [inf, 2, inf],
      [inf, -2, 0],
      [inf, 0.5, inf],
      [-inf, 3, -inf],
      [-inf, 2, inf],
      [-inf, 0.5, inf],
    ],
    ...[
      [-inf, -3, -0],
      [-inf, -2, 0],
      [-inf, -0.5, 0],
    ],
    ...[
      [-2, 0.5, NaN],
      [-2, 3, -8],
      [-2, -1, -0.5],
      [NaN, 1, NaN],
      [2, NaN, NaN],
      [0, NaN, NaN],
    ],
  ] as [number, number, number][];
  it('pow', () => {
    for (const [x, y, expected] of powers)
      expect(at('binary64', 'pow', x, y), `pow(${x}, ${y})`).toBe(expected);
  });

  it('hypot', () => {
    for (const [x, y, expected] of [
      [inf, NaN, inf],
      [NaN, -inf, inf],
      [-inf, 1, inf],
      [NaN, 1, NaN],
      [0, -0, 0],
      [-0, -0, 0],
      [-3, 0, 3],
      [0, -0.5, 0.5],
    ] as const)
      expect(at('binary64', 'hypot', x, y)).toBe(expected);
  });

  it('P3109: NaN prevails, 1/0 is NaN', () => {
    const format = 'binary8p3se';
    expect(at(format, 'log', 0)).toBe(-inf);
    expect(at(format, 'rsqrt', 0)).toBe(NaN);
    expect(at(format, 'pow', 0, -1)).toBe(NaN);
    expect(at(format, 'pow', 0, -inf)).toBe(inf);
    expect(at(format, 'hypot', inf, NaN)).toBe(NaN);
    expect(at(format, 'pow', NaN, 0)).toBe(NaN);
    expect(at('binary8p3sf', 'log', 0)).toBe(toFormat('binary8p3sf').min);
    expect(at('binary8p3ue', 'log', 0.5)).toBe(NaN);
    expect(at('binary8p3ue', 'log', 0.5, 0, { saturation: 'finite' })).toBe(0);
  });

  it('posits: NaR for poles, never 0 or NaR for numbers', () => {
    const { minPositive, max } = formats.posit16;
    expect(at('posit16', 'log', 0)).toBe(NaN);
    expect(at('posit16', 'rsqrt', 0)).toBe(NaN);
    expect(at('posit16', 'pow', 0, -1)).toBe(NaN);
    expect(at('posit16', 'pow', NaN, 0)).toBe(NaN);
    expect(at('posit16', 'exp', -max)).toBe(minPositive);
    expect(at('posit16', 'exp', max)).toBe(max);
    expect(at('posit16', 'gelu', -max)).toBe(-minPositive);
    expect(at('posit16', 'sigmoid', -max)).toBe(minPositive);
  });

  it('formats without infinity, NaN, negative zero or zero', () => {
    expect(at('e4m3fn', 'log', 0)).toBe(NaN);
    expect(at('e4m3fn', 'log', 0, 0, { saturation: 'finite' })).toBe(-448);
    expect(at('int8', 'log', 0)).toBe(-128);
    expect(at('int8', 'rsqrt', -0)).toBe(127);
    expect(at('int8', 'log', -3)).toBe(NaN);
    expect(at('e4m3fnuz', 'sin', -0)).toBe(0);
    expect(at('e8m0', 'log', 1)).toBe(NaN);
    expect(at('e8m0', 'cos', 4)).toBe(NaN);
    expect(at('nf4', 'exp', 1)).toBe(1);
  });
});

describe('exact results', () => {
  const cases: readonly (readonly [ElementaryName, number, number, number])[] = [
    ['exp2', 5, 0, 32],
    ['exp2', -14, 0, 2 ** -14],
    ['exp2', -24, 0, 2 ** -24],
    ['log2', 0.125, 0, -3],
    ['log2', 2 ** -24, 0, -24],
    ['log2', 32768, 0, 15],
    ['rsqrt', 0.25, 0, 2],
    ['rsqrt', 16384, 0, 2 ** -7],
    ['rsqrt', 2 ** -24, 0, 4096],
    ['pow', 4, 0.5, 2],
    ['pow', 9, 1.5, 27],
    ['pow', 2.25, 1.5, 3.375],
    ['pow', 16, -0.25, 0.5],
    ['pow', 16, 0.75, 8],
    ['pow', -3, 3, -27],
    ['pow', 1.5, 4, 5.0625],
    ['pow', 2, -24, 2 ** -24],
    ['pow', 256, 0.125, 2],
    ['pow', 0.0625, -1.25, 32],
    ['hypot', 3, 4, 5],
    ['hypot', -5, 12, 13],
    ['hypot', 0.75, 1, 1.25],
    ['hypot', 8, -15, 17],
    ['hypot', 20, 21, 29],
  ];
  const jammed = (x: number, name: string): number =>
    roundScalar(x, toFormat(name), resolveRounding(toFormat(name), { rounding: 'jamming' }), 0);

  it.each(cases)('%s(%d, %d) in every mode', (name, x, y, expected) => {
    for (const format of ['binary16', 'binary64', 'float(6,11)'])
      for (const rounding of roundingModes)
        for (const R of [0, 2 ** 31, 2 ** 32 - 1])
          expect(at(format, name, x, y, { rounding, R })).toBe(
            // Jamming alone changes what is a number of the format.
            rounding === 'jamming' ? jammed(expected, format) : expected,
          );
  });

  it('ties of exact results', () => {
    // 1.5^3 = 3.375, half-way between 3.25 and 3.5 of e4m3fn, and 4.5^2 = 20.25.
    expect(at('e4m3fn', 'pow', 1.5, 3)).toBe(3.5);
    expect(at('e4m3fn', 'pow', 1.5, 3, { rounding: 'nearest-to-zero' })).toBe(3.25);
    expect(at('e4m3fn', 'pow', 1.5, 3, { rounding: 'nearest-away' })).toBe(3.5);
    expect(at('e4m3fn', 'pow', 4.5, 2, { rounding: 'nearest-away' })).toBe(20);
    expect(at('e2m3', 'hypot', 3.25, 0)).toBe(3.25);
  });
});

describe('next to a limit', () => {
  const below = 'toward-negative';
  const above = 'toward-positive';
  it('1 minus almost nothing', () => {
    for (const name of ['tanh', 'erf', 'sigmoid'] as const)
      for (const x of [60, 2000, 65504]) {
        expect(at('binary16', name, x)).toBe(1);
        expect(at('binary16', name, x, 0, { rounding: above })).toBe(1);
        expect(at('binary16', name, x, 0, { rounding: below })).toBe(1 - 2 ** -11);
        expect(at('binary16', name, x, 0, { rounding: 'to-odd' })).toBe(1 - 2 ** -11);
        // Variant A never leaves the lower neighbour with R = 0, and only then.
        expect(at('binary16', name, x, 0, { rounding: 'stochastic', R: 0 })).toBe(1 - 2 ** -11);
        expect(at('binary16', name, x, 0, { rounding: 'stochastic', R: 1 })).toBe(1);
      }
  });
  it('a small argument, and a little more or less', () => {
    const x = 2 ** -24;
    for (const [name, up] of [
      ['sin', false],
      ['tanh', false],
      ['atan', false],
      ['tan', true],
      ['sinh', true],
    ] as const) {
      expect(at('binary16', name, x, 0, { rounding: above })).toBe(up ? 2 * x : x);
      expect(at('binary16', name, x, 0, { rounding: below })).toBe(up ? x : 0);
      expect(at('binary16', name, -x, 0, { rounding: below })).toBe(up ? -2 * x : -x);
      expect(at('binary64', name, 5e-324, 0, { rounding: above })).toBe(up ? 1e-323 : 5e-324);
    }
    expect(at('binary64', 'exp', 5e-324, 0, { rounding: above })).toBe(1 + 2 ** -52);
    expect(at('binary64', 'exp', -5e-324, 0, { rounding: below })).toBe(1 - 2 ** -53);
    expect(at('binary64', 'cos', 5e-324, 0, { rounding: below })).toBe(1 - 2 ** -53);
    expect(at('binary64', 'pow', 1 + 2 ** -52, 5e-324, { rounding: above })).toBe(1 + 2 ** -52);
    expect(at('binary64', 'gelu', 5e-324, 0)).toBe(5e-324);
    expect(at('binary64', 'gelu', -5e-324, 0)).toBe(-0);
  });
  it('overflow and underflow', () => {
    for (const x of [12, 700, 65504]) {
      expect(at('binary16', 'exp', x)).toBe(inf);
      expect(at('binary16', 'exp', x, 0, { rounding: 'toward-zero' })).toBe(65504);
      expect(at('binary16', 'exp', x, 0, { saturation: 'finite' })).toBe(65504);
      expect(at('binary16', 'sinh', -x, 0, { rounding: above })).toBe(-65504);
    }
    for (const x of [-20, -700, -65504]) {
      expect(at('binary16', 'exp', x)).toBe(0);
      expect(at('binary16', 'exp', x, 0, { rounding: above })).toBe(2 ** -24);
      expect(at('binary16', 'gelu', x)).toBe(-0);
      expect(at('binary16', 'gelu', x, 0, { rounding: below })).toBe(-(2 ** -24));
      expect(at('binary16', 'sigmoid', x, 0, { rounding: 'away-from-zero' })).toBe(2 ** -24);
    }
    expect(at('binary64', 'pow', 2, 1e300, { rounding: below })).toBe(Number.MAX_VALUE);
    expect(at('binary64', 'pow', 2, -1e300, { rounding: above })).toBe(5e-324);
    expect(at('binary64', 'hypot', Number.MAX_VALUE, Number.MAX_VALUE)).toBe(inf);
    expect(at('binary64', 'hypot', 5e-324, 5e-324)).toBe(5e-324);
  });
  it('arguments of sine far out, by exact reduction', () => {
    // Known to many digits: Muller et al., Handbook of Floating-Point Arithmetic; x is the worst of binary64 for pi/2.
    expect(at('binary64', 'cos', 6381956970095103 * 2 ** 797)).toBe(-4.687165924254628e-19);
    expect(at('binary64', 'sin', 1e22)).toBe(-0.8522008497671888);
  });
});

describe('wrapping', () => {
  const wrap = { saturation: 'wrap' } as const;
  it('keeps the low bits of large results', () => {
    expect(at('int8', 'pow', 3, 100, wrap)).toBe(Number(BigInt.asIntN(8, 3n ** 100n)));
    expect(at('int8', 'pow', -7, 101, wrap)).toBe(Number(BigInt.asIntN(8, (-7n) ** 101n)));
    expect(at('int8', 'exp', 20, 0, wrap)).toBe(Number(BigInt.asIntN(8, 485165195n)));
    // e^100, from 50 digits.
    expect(at('int8', 'exp', 100, 0, wrap)).toBe(
      Number(BigInt.asIntN(8, 26881171418161354484126255515800135873611119n)),
    );
    // The last 16 bits of e^1000 and e^65535, to the nearest integer, by mpmath.
    expect(at('uint16', 'exp', 1000, 0, wrap)).toBe(11872);
    expect(at('uint16', 'exp', 65535, 0, wrap)).toBe(48392);
    let power = 1n;
    for (let i = 0; i < 32767; i++) power = (power * 32767n) & 0xffffn;
    expect(at('int16', 'pow', 32767, 32767, wrap)).toBe(Number(BigInt.asIntN(16, power)));
  });
  it('saturates beyond 2^(2^17)', () => {
    expect(at('uint53', 'exp', 2 ** 40, 0, wrap)).toBe(2 ** 53 - 1);
    expect(at('int32', 'sinh', -(2 ** 30), 0, wrap)).toBe(-(2 ** 31));
  });
});

describe('the hardest arguments of 16-bit formats', () => {
  it.each(Object.entries(hardest))('%s', (key, cases) => {
    const [name, formatName] = key.split(' ') as [OracleName, string];
    const format = toFormat(formatName);
    expect(cases.length).toBe(2);
    for (const { x, exact } of cases) {
      expect(standInByDigits(name, x)).toBe(exact);
      for (const rounding of modesOf(format).filter((mode) => !isStochastic(mode)))
        expect(at(format, name, x, 0, { rounding })).toBe(
          oracleRound(exact, format, resolveRounding(format, { rounding }), 0),
        );
    }
  });
});

describe('outcomes and tables', () => {
  it('tells exact results from inexact ones, and the exceptions', () => {
    const format = formats.binary16;
    const options = resolveRounding(format);
    const { exp2, log, rsqrt, sin } = elementaryFunctions;
    expect(exp2.outcome(3, 0, format, options, 0)).toMatchObject({ value: 8, real: { sticky: false } });
    expect(exp2.outcome(0.5, 0, format, options, 0)).toMatchObject({
      value: 1.4140625,
      real: { sticky: true },
    });
    expect(log.outcome(0, 0, format, options, 0)).toMatchObject({
      special: { divideByZero: true, invalid: false },
    });
    expect(rsqrt.outcome(-1, 0, format, options, 0)).toMatchObject({ special: { invalid: true } });
    expect(sin.outcome(NaN, 0, format, options, 0)).toMatchObject({ special: { invalid: false } });
  });
  it('tables hold what evaluation gives, and are kept', () => {
    for (const name of ['e4m3fn', 'posit8', 'nf4', 'ternary'] as const)
      for (const rounding of deterministic.filter((mode) => modesOf(formats[name]).includes(mode))) {
        const options = resolveRounding(formats[name], { rounding });
        const table = elementaryTable('gelu', formats[name], options);
        expect(table).toEqual(
          Float64Array.from({ length: 2 ** formats[name].bits }, (_, code) =>
            at(name, 'gelu', formats[name].decode(code), 0, { rounding }),
          ),
        );
        expect(elementaryTable('gelu', formats[name], options)).toBe(table);
      }
    const stochastic = resolveRounding(formats.e4m3fn, { rounding: 'stochastic' });
    expect(elementaryTable('gelu', formats.e4m3fn, stochastic)).toBeUndefined();
    expect(elementaryTable('pow', formats.e4m3fn, resolveRounding(formats.e4m3fn))).toBeUndefined();
    expect(elementaryTable('exp', formats.binary32, resolveRounding(formats.binary32))).toBeUndefined();
  });
});

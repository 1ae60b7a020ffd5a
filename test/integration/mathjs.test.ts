/**
 * mathjs in a format: every scalar operation is that of `arithmetic`, what mathjs builds on it follows, and what is no number of
 * the format (units, indices, other types) is left alone.
 */
import fc from 'fast-check';
import { all, create } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { createArithmetic } from '../../src/arithmetic/arithmetic.ts';
import { ArgumentError } from '../../src/errors.ts';
import { toFormat } from '../../src/formats/index.ts';
import { createMath, type Mathematics } from '../../src/mathjs/index.ts';
import { round } from '../../src/operations/index.ts';
import { finite } from '../../src/testing/index.ts';

const plain = create(all!, { predictable: true });
const precise = create(all!, { number: 'BigNumber', precision: 60, predictable: true });
const modes = [
  'nearest-even',
  'nearest-away',
  'toward-zero',
  'toward-positive',
  'toward-negative',
  'away-from-zero',
  'to-odd',
] as const;

type Scalar = (...x: number[]) => number;
const scalar = (math: unknown, name: string): Scalar => (math as Record<string, Scalar>)[name]!;

describe('scalar operations', () => {
  const named = [
    ['add', 'add'],
    ['subtract', 'sub'],
    ['multiply', 'mul'],
    ['divide', 'div'],
    ['dotMultiply', 'mul'],
    ['dotDivide', 'div'],
    ['pow', 'pow'],
    ['dotPow', 'pow'],
  ] as const;

  it.each(modes)('of two numbers are those of arithmetic, rounding %s', (rounding) => {
    for (const format of ['bfloat16', 'e4m3fn', 'binary16', 'e5m2', 'fixed(4,4)']) {
      const math = createMath(format, { rounding });
      const exact = createArithmetic(format, { rounding, operands: 'round' });
      const number = finite(toFormat(format));
      fc.assert(
        fc.property(number, number, (x, y) => {
          for (const [name, operation] of named)
            expect(scalar(math, name)(x, y), `${name}(${x}, ${y})`).toBe(exact[operation](x, y));
        }),
        { numRuns: 60 },
      );
    }
  });

  it('of one number are those of arithmetic', () => {
    for (const format of ['e4m3fn', 'binary16', 'posit8']) {
      const math = createMath(format);
      const exact = createArithmetic(format, { operands: 'round' });
      const names = [
        'exp',
        'log',
        'log2',
        'sin',
        'cos',
        'tan',
        'sinh',
        'cosh',
        'tanh',
        'atan',
        'sqrt',
        'erf',
        'abs',
      ];
      fc.assert(
        fc.property(finite(toFormat(format)), (x) => {
          for (const name of names)
            expect(scalar(math, name)(x), `${name}(${x})`).toBe(scalar(exact, name)(x));
          expect(math.unaryMinus(x)).toBe(exact.neg(x));
          expect(math.square(x)).toBe(exact.mul(x, x));
        }),
        { numRuns: 60 },
      );
    }
  });

  it('that arithmetic lacks are rounded once from many digits', () => {
    const names = [
      'asin',
      'acos',
      'asinh',
      'log10',
      'cbrt',
      'expm1',
      'log1p',
      'sec',
      'csc',
      'cot',
      'acot',
      'sech',
      'coth',
    ];
    const math = modes.map((rounding) => [rounding, createMath('binary16', { rounding })] as const);
    for (const x of [2 ** -14, 0.333251953125, 0.99951171875])
      for (const name of names) {
        const big = (precise as unknown as Record<string, (x: unknown) => unknown>)[name]!;
        // These values lie far from numbers and midpoints of binary16, so binary64 tells the neighbours.
        const value = Number(big(precise.bignumber(x)));
        expect(toFormat('binary16').has(value)).toBe(false);
        for (const [rounding, instance] of math)
          expect(scalar(instance, name)(x), `${name}(${x}) ${rounding}`).toBe(
            round(value, 'binary16', { rounding }),
          );
      }
  });

  it('with exact results give them in every mode', () => {
    for (const rounding of modes) {
      const math = createMath('binary16', { rounding });
      expect(math.log10(1000)).toBe(3);
      expect(math.log(8, 2)).toBe(3);
      expect(math.log(81, 3)).toBe(4);
      expect(math.nthRoot(27, 3)).toBe(3);
      expect(math.cbrt(-27)).toBe(-3);
      expect(math.acos(1)).toBe(0);
      expect(math.cube(3)).toBe(27);
      expect(math.hypot(2, 3, 6)).toBe(7);
      expect(math.expm1(0)).toBe(0);
    }
  });

  it('keep tiny arguments that sums would cancel', () => {
    const math = createMath('binary64');
    for (const name of ['asinh', 'expm1', 'log1p', 'asin', 'atanh'])
      expect(scalar(math, name)(2 ** -1000), name).toBe(2 ** -1000);
  });

  it('of the remainder have the sign of the divisor and are rounded once', () => {
    const math = createMath('bfloat16');
    expect(math.mod(-7.25, 2)).toBe(0.75);
    expect(math.mod(7.25, -2)).toBe(-0.75);
    expect(math.mod(5, 0)).toBe(5);
    expect(math.mod(-(2 ** -20), 3)).toBe(3);
  });

  it('have no complex results', () => {
    const math = createMath('bfloat16');
    expect(math.sqrt(-1)).toBeNaN();
    expect(math.log(-1)).toBeNaN();
    expect(math.pow(-8, 1 / 3)).toBeNaN();
    expect(math.asin(2)).toBeNaN();
  });

  it('compare exactly, small and near numbers too', () => {
    const math = createMath('binary64');
    expect(math.equal(1e-20, 2e-20)).toBe(false);
    expect(math.smaller(1, 1 + 2 ** -52)).toBe(true);
    expect(math.unequal(1, 1 + 2 ** -52)).toBe(true);
    expect(math.compare(1e-300, 0)).toBe(1);
    expect(math.isPositive(1e-300)).toBe(true);
    expect(createMath('e4m3fn').equal(0.1, 0.1015625)).toBe(true);
  });
});

describe('expressions', () => {
  const math = createMath('bfloat16');
  const r = (x: number): number => round(x, 'bfloat16');

  it('give numbers of the format, constants and variables too', () => {
    expect(math.evaluate('0.1')).toBe(r(0.1));
    expect(math.evaluate('0.1 + 0.2')).toBe(r(r(0.1) + r(0.2)));
    expect(math.evaluate('a * b + c', { a: 1.1, b: 2.3, c: 0.7 })).toBe(r(r(r(1.1) * r(2.3)) + r(0.7)));
    expect(math.evaluate('[0.1; 0.2]').toArray()).toEqual([[r(0.1)], [r(0.2)]]);
    expect(math.compile('pi').evaluate()).toBe(r(Math.PI));
    const scope = new Map<string, unknown>();
    math.evaluate('x = 0.1; y = x', scope);
    expect([scope.get('x'), scope.get('y')]).toEqual([r(0.1), r(0.1)]);
    const parser = math.parser();
    parser.evaluate('f(x) = x^2 / 3');
    expect(parser.evaluate('f(1.1)')).toBe(r(r(r(1.1) ** 2) / 3));
  });

  it('give numbers of the format in objects, results, functions and what the user sets', () => {
    expect(math.evaluate('{a: 0.1, b: {c: [0.2]}}')).toEqual({ a: r(0.1), b: { c: math.matrix([r(0.2)]) } });
    expect(math.evaluate('{a: 0.1}.a')).toBe(r(0.1));
    expect(math.evaluate('0.1; 0.2').entries).toEqual([r(0.2)]);
    expect(math.evaluate('0.1\n0.2').entries).toEqual([r(0.1), r(0.2)]);
    expect(math.evaluate('f(x) = 0.1')(2)).toBe(r(0.1));
    expect(math.evaluate('map([1, 2], f(x) = 0.1)').toArray()).toEqual([r(0.1), r(0.1)]);
    const scope: Record<string, unknown> = {};
    math.evaluate('o = {a: 0.1}; o.b = 0.2; m = [0.1, 0.3]; m[1] = 0.7; g(x) = x / 3', scope);
    expect(scope['o']).toEqual({ a: r(0.1), b: r(0.2) });
    expect((scope['m'] as { toArray(): number[] }).toArray()).toEqual([r(0.7), r(0.3)]);
    expect((scope['g'] as Scalar)(1)).toBe(r(1 / 3));
    const parser = math.parser();
    parser.set('x', 0.1);
    expect([parser.get('x'), parser.getAll()]).toEqual([r(0.1), { x: r(0.1) }]);
    expect(math.chain(0.1).done()).toBe(r(0.1));
    expect(math.chain([0.1, 0.2]).add(1).done()).toEqual([r(r(0.1) + 1), r(r(0.2) + 1)]);
    expect([math.pi, math.e, math.LN2]).toEqual([r(Math.PI), r(Math.E), r(Math.LN2)]);
    // 77/256 is the sum of the two in bfloat16.
    expect(math.simplify('0.1 + 0.2 + x').toString()).toBe('x + 77 / 256');
  });

  it('take functions and values of the user into the format', () => {
    const own = createMath('bfloat16');
    class Kept {
      readonly value = 0.1;
    }
    own.import({
      third: (x: number) => x / 3,
      constant: 0.1,
      pair: own.typed('pair', { number: (x: number) => ({ a: x / 3 }), string: (x: string) => x }),
      Kept,
    });
    const open = own as unknown as Record<string, Scalar> & { constant: number; Kept: typeof Kept };
    expect(open['third']!(1)).toBe(r(1 / 3));
    expect(own.evaluate('third(1)')).toBe(r(1 / 3));
    expect(open.constant).toBe(r(0.1));
    expect(open['pair']!(1)).toEqual({ a: r(1 / 3) });
    expect(own.evaluate('pair("a")')).toBe('a');
    expect(new open.Kept().value).toBe(0.1);
    expect(own.config({ matrix: 'Array' }).matrix).toBe('Array');
    expect(own.evaluate('[0.1, 0.2]')).toEqual([r(0.1), r(0.2)]);
  });

  it('index by integers of any size', () => {
    const v = Array.from({ length: 300 }, (_, i) => i % 7);
    expect(math.evaluate('v[257]', { v })).toBe(256 % 7);
    expect(math.evaluate('v[200 + 57]', { v })).toBe(256 % 7);
    expect(math.evaluate('v[end - 1]', { v })).toBe(298 % 7);
    expect(createMath('e2m1').evaluate('v[7]', { v: [0, 1, 1.5, 2, 3, 4, 6] })).toBe(6);
  });

  it('leave units alone', () => {
    for (const text of [
      '2.54 cm + 1 inch',
      '5 m / 3 s',
      '3.1 kg * 9.81 m/s^2',
      'sqrt(2 m^2)',
      'abs(2.3 cm - 5.1 cm)',
      '2.54 cm to inch',
      '3 km / 7 hour to m/s',
    ])
      expect(math.evaluate(text).toString(), text).toBe(plain.evaluate(text).toString());
    expect(math.evaluate('sin(45 deg)')).toBe(r(Math.SQRT1_2));
    expect(math.unit(1.1, 'm').multiply(math.unit(3, 'm')).toString()).toBe(
      plain.unit(1.1, 'm').multiply(plain.unit(3, 'm')).toString(),
    );
  });

  it('leave big numbers and fractions alone', () => {
    expect(math.evaluate('bignumber(1) / bignumber(3)').toString()).toBe(
      plain.evaluate('bignumber(1) / bignumber(3)').toString(),
    );
    expect(math.evaluate('fraction(1, 3) + fraction(1, 6)').toString()).toBe('0.5');
    expect(math.hypot(math.bignumber(3), math.bignumber(4)).toString()).toBe('5');
  });
});

/**
 * Gaussian elimination with partial pivoting, written out in the arithmetic of the format. The order is that of mathjs: columns
 * from the left, an element less the sum of its products (Golub and Van Loan, Matrix Computations, section 3.2.9).
 */
function solve(a: number[][], b: number[], arithmetic: ReturnType<typeof createArithmetic>): number[] {
  const { add, sub, mul, div, abs } = arithmetic;
  const n = b.length;
  const rows = a.map((row, i) => [...row, b[i]!]);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let k = 0; k < Math.min(i, j); k++) sum = add(sum, mul(rows[i]![k]!, rows[k]![j]!));
      rows[i]![j] = sub(rows[i]![j]!, sum);
    }
    let pivot = j;
    for (let i = j + 1; i < n; i++) if (abs(rows[i]![j]!) > abs(rows[pivot]![j]!)) pivot = i;
    [rows[j], rows[pivot]] = [rows[pivot]!, rows[j]!];
    for (let i = j + 1; i < n; i++) rows[i]![j] = div(rows[i]![j]!, rows[j]![j]!);
  }
  const x = rows.map((row) => row[n]!);
  for (let j = 0; j < n; j++) for (let i = j + 1; i < n; i++) x[i] = sub(x[i]!, mul(x[j]!, rows[i]![j]!));
  for (let j = n - 1; j >= 0; j--) {
    x[j] = div(x[j]!, rows[j]![j]!);
    for (let i = 0; i < j; i++) x[i] = sub(x[i]!, mul(x[j]!, rows[i]![j]!));
  }
  return x;
}

describe('matrices', () => {
  const matrix = (n: number, seed: number): number[][] =>
    Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (_, j) => (((i * 7 + j * 13 + seed) % 17) - 8) / 8 + (i === j ? 3 : 0)),
    );

  it('are computed with in the format, elimination step by step', () => {
    for (const format of ['bfloat16', 'binary16', 'binary32', 'posit16'])
      for (let seed = 0; seed < 5; seed++) {
        const a = matrix(6, seed);
        const b = a.map((row) => row[0]! / 2 + 1);
        const math = createMath(format);
        const arithmetic = createArithmetic(format, { operands: 'round' });
        const inFormat = (x: number): number => arithmetic.convert(x);
        const expected = solve(
          a.map((row) => row.map(inFormat)),
          b.map(inFormat),
          arithmetic,
        );
        const x = math.lusolve(a, b) as unknown as number[][];
        expect(
          x.map(([value]) => value),
          `${format} ${seed}`,
        ).toEqual(expected);
        const factors = math.lup(a);
        expect((factors.L as unknown as number[][]).flat().every((v) => toFormat(format).has(v))).toBe(true);
        expect((factors.U as unknown as number[][]).flat().every((v) => toFormat(format).has(v))).toBe(true);
      }
  });

  it('in binary64 are those of mathjs itself', () => {
    const math = createMath('binary64');
    const a = matrix(5, 3).map((row) => row.map((x) => x / 3));
    expect(math.inv(a)).toEqual(plain.inv(a));
    expect(math.det(a)).toBe(plain.det(a));
    expect(math.qr(a)).toEqual(plain.qr(a));
    expect(math.lup(a)).toEqual(plain.lup(a));
    expect(math.multiply(a, a)).toEqual(plain.multiply(a, a));
    expect(math.lusolve(a, a[0]!)).toEqual(plain.lusolve(a, a[0]!));
    expect(math.std([0.1, 0.5, 0.7])).toBe(plain.std([0.1, 0.5, 0.7]));
  });

  it('have all results in the format: inverse, determinant, QR, products, sparse solutions', () => {
    const format = toFormat('bfloat16');
    const math = createMath(format);
    const a = matrix(5, 1).map((row) => row.map((x) => x / 3));
    const { Q, R } = math.qr(a) as unknown as Record<'Q' | 'R', number[][]>;
    const sparse = math.sparse(a);
    const solution = math.lusolve(sparse, a[0]!) as { toArray(): number[][] };
    const results = [math.inv(a), Q, R, math.multiply(a, a), solution.toArray()] as number[][][];
    for (const result of results) for (const x of result.flat()) expect(format.has(x), String(x)).toBe(true);
    expect(format.has(math.det(a))).toBe(true);
    expect((math.multiply(sparse, sparse) as { toArray(): number[][] }).toArray()).toEqual(
      math.multiply(a, a),
    );
    for (const x of [math.mean([0.1, 0.2, 0.4]), math.sum([0.1, 0.2, 0.4]), math.norm([0.1, 0.2]) as number])
      expect(format.has(x)).toBe(true);
  });
});

describe('stochastic rounding', () => {
  it('draws in order from the seed, and again after a reset', () => {
    const run = (math: Mathematics): number[] =>
      Array.from({ length: 50 }, () => math.add(1, 2 ** -9) as number);
    const math = createMath('bfloat16', { rounding: 'stochastic', seed: 7 });
    const first = run(math);
    expect(new Set(first)).toEqual(new Set([1, 1 + 2 ** -7]));
    math.arithmetic.reset();
    expect(run(math)).toEqual(first);
    expect(run(createMath('bfloat16', { rounding: 'stochastic', seed: 8 }))).not.toEqual(first);
    const { offset } = math.arithmetic.state;
    math.asin(0.3);
    expect(math.arithmetic.state.offset).toBe(offset + 1);
  });
});

describe('bad input', () => {
  it('is named', () => {
    expect(() => createMath('float99' as string)).toThrow(ArgumentError);
    expect(() => createMath('posit8', { rounding: 'toward-zero' })).toThrow(/rounding/);
    expect(() => createMath('bfloat16', {}, { number: 'BigNumber' })).toThrow(/config.number/);
    expect(() => createMath('bfloat16', {}, { predictable: false })).toThrow(/config.predictable/);
    expect(() => createMath('bfloat16', {}, { matrx: 'Array' } as never)).toThrow(/did you mean matrix/);
    expect(() => createMath('bfloat16').config({ number: 'Fraction' })).toThrow(/config.number/);
  });
});

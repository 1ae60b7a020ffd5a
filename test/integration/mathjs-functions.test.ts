/**
 * Functions of mathjs that this project makes anew on a format: integers, ranges, random numbers, complex numbers, eigenvalues.
 */
import fc from 'fast-check';
import { all, create } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { createArithmetic } from '../../src/arithmetic/arithmetic.ts';
import { ArgumentError } from '../../src/errors.ts';
import { toFormat } from '../../src/formats/index.ts';
import { createMath } from '../../src/mathjs/index.ts';
import { round } from '../../src/operations/index.ts';

const plain = create(all!, { predictable: true });
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

describe('integers', () => {
  const factorial = (n: number): bigint => (n < 2 ? 1n : BigInt(n) * factorial(n - 1));
  const choose = (n: number, k: number): bigint => factorial(n) / (factorial(k) * factorial(n - k));
  /** Exact for integers that are not huge: `round` of a binary64 number that keeps what it rounds to. */
  const rounded = (n: bigint, format: string, rounding: (typeof modes)[number]): number => {
    const arithmetic = createArithmetic('binary64', { rounding: 'to-odd' });
    // Digits of 2^26 from the top, each sum rounded to odd: one rounding to odd of the whole.
    let value = 0;
    for (let shift = 26n * BigInt(Math.ceil(n.toString(2).length / 26)); shift >= 0n; shift -= 26n)
      value = arithmetic.add(value, Number((n >> shift) & 0x3ffffffn) * 2 ** Number(shift));
    return round(value, format, { rounding });
  };

  it.each(['bfloat16', 'binary16', 'e5m2', 'binary32'])(
    '%s: exact, rounded once, in every mode',
    (format) => {
      for (const rounding of modes) {
        const math = createMath(format, { rounding }) as unknown as Record<string, Scalar>;
        for (let n = 0; n <= 16; n++) {
          const what = `${rounding} ${n}`;
          if (!toFormat(format).has(n)) continue;
          expect(math['factorial']!(n), what).toBe(rounded(factorial(n), format, rounding));
          expect(math['catalan']!(n), what).toBe(rounded(choose(2 * n, n) / BigInt(n + 1), format, rounding));
          for (let k = 0; k <= n; k++) {
            if (!toFormat(format).has(k)) continue;
            expect(math['combinations']!(n, k), what).toBe(rounded(choose(n, k), format, rounding));
            expect(math['permutations']!(n, k), what).toBe(
              rounded(factorial(n) / factorial(n - k), format, rounding),
            );
            if (n > 0)
              expect(math['combinationsWithRep']!(n, k), what).toBe(
                rounded(choose(n + k - 1, k), format, rounding),
              );
            if (k > 0)
              expect(math['composition']!(n, k), what).toBe(rounded(choose(n - 1, k - 1), format, rounding));
          }
        }
      }
    },
  );

  it('of sets, of Bernoulli, of several parts', () => {
    const math = createMath('binary64');
    // OEIS A000110, A008277, A027641 over A027642.
    expect([0, 1, 2, 3, 4, 5, 10].map((n) => math.bellNumbers(n))).toEqual([1, 1, 2, 5, 15, 52, 115975]);
    expect([0, 1, 2, 3, 4, 5].map((k) => math.stirlingS2(5, k))).toEqual([0, 1, 15, 25, 10, 1]);
    expect([0, 1, 2, 3, 4, 12].map((n) => math.bernoulli(n))).toEqual([
      1,
      -0.5,
      1 / 6,
      0,
      -1 / 30,
      -691 / 2730,
    ]);
    expect(math.multinomial([1, 2, 3])).toBe(60);
    expect(createMath('bfloat16').multinomial([5, 6, 7])).toBe(round(14702688, 'bfloat16'));
    expect(createMath('int8', { saturation: 'wrap' }).factorial(6)).toBe(-48);
  });

  it('beyond the largest number overflow, however large, and at once', () => {
    const math = createMath('bfloat16');
    const open = math as unknown as Record<string, Scalar>;
    for (const [name, ...args] of [
      ['factorial', 2 ** 100],
      ['combinations', 2 ** 100, 2 ** 99],
      ['catalan', 2 ** 100],
      ['bellNumbers', 2 ** 100],
      ['permutations', 2 ** 100, 2 ** 90],
      ['stirlingS2', 2 ** 16, 2 ** 8],
    ] as const)
      expect(open[name]!(...args), name).toBe(Infinity);
    expect([math.bernoulli(2 ** 100), math.bernoulli(2 ** 100 + 2 ** 93)]).toEqual([-Infinity, -Infinity]);
    expect(createMath('binary64').catalan(2 ** 1000)).toBe(Infinity);
    expect(() => math.combinations(2, 3)).toThrow(/combinations: got 3; accepted: at most 2/);
    expect(() => math.factorial(-1)).toThrow(/non-negative/);
    expect(() => open['combinations']!(2.5, 1)).toThrow(/combinations: got 2.5; accepted: an integer/);
  });

  it('have exact multiples, divisors and inverses, of any size', () => {
    const math = createMath('binary64');
    expect(math.lcm(2 ** 40 + 1, 2 ** 41 + 1)).toBe(Number((2n ** 40n + 1n) * (2n ** 41n + 1n)));
    for (const [a, b] of [
      [240, 46],
      [-5, 3],
      [0, 0],
      [2 ** 60, 2 ** 59 + 128],
    ] as const) {
      const [g, x, y] = (math.xgcd(a, b) as unknown as { toArray(): number[] }).toArray() as [
        number,
        number,
        number,
      ];
      expect(BigInt(x) * BigInt(a) + BigInt(y) * BigInt(b)).toBe(BigInt(g));
    }
    expect(scalar(math, 'invmod')(3, 7)).toBe(5);
    expect(scalar(math, 'invmod')(2, 4)).toBeNaN();
    expect(createMath('bfloat16').lcm(255, 254)).toBe(round(255 * 254, 'bfloat16'));
  });

  it('of decimals are exact before they are rounded', () => {
    const math = createMath('binary64');
    expect([math.round(0.49999999999999994), math.round(2.5), math.round(-2.5)]).toEqual([0, 3, -3]);
    expect([math.floor(2.9999999999999996), math.ceil(1 + 2 ** -52)]).toEqual([2, 2]);
    // The binary64 number 2.675 is below the half.
    expect([math.round(2.675, 2), math.round(1.125, 2), math.floor(-1.121, 2)]).toEqual([2.67, 1.13, -1.13]);
    const upward = createMath('bfloat16', { rounding: 'toward-positive' });
    expect(upward.floor(1.3125, 2)).toBe(round(1.31, 'bfloat16', { rounding: 'toward-positive' }));
    expect(() => math.round(1.5, 16)).toThrow();
  });
});

describe('ranges and random numbers', () => {
  it('ranges have every element once, whatever the digits', () => {
    const math = createMath('bfloat16');
    const values = (math.range(250, 266) as unknown as { toArray(): number[] }).toArray();
    expect(values).toEqual(Array.from({ length: 16 }, (_, i) => round(250 + i, 'bfloat16')));
    expect(math.evaluate('250:266').size()).toEqual([17]);
    expect(math.evaluate('1:-0.5:0').toArray()).toEqual([1, 0.5, 0]);
    expect((createMath('e2m1').range('0:10') as unknown as { toArray(): number[] }).toArray()).toEqual([
      0, 1, 2, 3, 4, 4,
    ]);
    expect(math.range('1:3', true)).toEqual(math.matrix([1, 2, 3]));
  });

  it('places in matrices are integers, whatever the digits', () => {
    const math = createMath('e4m3fn');
    const tall = Array.from({ length: 40 }, (_, i) => [i % 7, i % 5]);
    expect(math.column(tall, 1)).toEqual(tall.map(([, x]) => [x]));
    expect(math.row(tall, 37)).toEqual([tall[37]]);
    expect(math.size(tall)).toEqual([40, 2]);
    const cyclic = Array.from({ length: 20 }, (_, i) =>
      Array.from({ length: 20 }, (__, j) => Number(j === (i + 1) % 20)),
    );
    const { p } = math.lup(cyclic);
    expect([...(p as number[])].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(math.evaluate('lup(a).p', { a: cyclic })).toEqual(p);
    const sorted = Array.from({ length: 41 }, (_, i) => i / 16);
    expect(math.quantileSeq(sorted, 0.41, true)).toBe(round(16.5 / 16, 'e4m3fn'));
    expect(math.sylvester([[2]], [[1]], [[3]])).toEqual([[1]]);
  });

  it('random numbers are of the format, from the least on and below the largest', () => {
    for (const format of ['e2m1', 'e4m3fn', 'posit8', 'nf4']) {
      const math = createMath(format, {}, { randomSeed: 'a' });
      const one = toFormat(format).has(1) ? 1 : toFormat(format).max;
      const drawn = Array.from({ length: 300 }, () => math.random(0, one));
      for (const x of drawn)
        expect(x >= 0 && x < one && toFormat(format).has(x), `${format} ${x}`).toBe(true);
      expect(new Set(drawn).size).toBeGreaterThan(1);
    }
    const halves = Array.from({ length: 2000 }, () => createHalves.random());
    expect(Math.abs(halves.filter((x) => x === 0.5).length - 1000)).toBeLessThan(120);
    const integers = createMath('bfloat16', {}, { randomSeed: 'b' }).randomInt(
      [200],
      300,
      400,
    ) as unknown as number[];
    for (const x of integers) expect(x >= 300 && x < 400 && x % 2 === 0).toBe(true);
  });
  const createHalves = createMath('e2m1', {}, { randomSeed: 'c' });
});

describe('complex numbers', () => {
  const math = createMath('bfloat16');
  const r = (x: number): number => round(x, 'bfloat16');
  const open = math as unknown as Record<string, (...x: unknown[]) => { re: number; im: number }>;

  it('have sums, products and quotients with each part rounded once', () => {
    const part = fc.integer({ min: -255, max: 255 }).map((n) => n / 16);
    fc.assert(
      fc.property(part, part, part, part, (a, b, c, d) => {
        const [x, y] = [math.complex(a, b), math.complex(c, d)];
        // Products of numbers of 8 bits and their sums are exact in binary64.
        expect(open['multiply']!(x, y)).toMatchObject({ re: r(a * c - b * d) + 0, im: r(a * d + b * c) + 0 });
        expect(open['add']!(x, y)).toMatchObject({ re: r(a + c), im: r(b + d) });
        expect(math.abs(x as never)).toBe(createArithmetic('bfloat16').hypot(a, b));
        if (c === 0 && d === 0) return;
        const square = c * c + d * d;
        // No quotient of such integers lies so near a midpoint that binary64 cannot tell, but may be one.
        expect(open['divide']!(x, y)).toMatchObject({
          re: r((a * c + b * d) / square) + 0,
          im: r((b * c - a * d) / square) + 0,
        });
      }),
      { numRuns: 300 },
    );
  });

  it('have roots and exponentials with each part rounded once, others rounded from binary64', () => {
    const z = math.complex(1.5, -2.25);
    for (const name of ['sqrt', 'exp', 'log', 'sin', 'tanh', 'asin']) {
      const near = (plain as unknown as typeof open)[name]!(z);
      expect(open[name]!(z), name).toMatchObject({ re: r(near.re), im: r(near.im) });
    }
    expect(open['sqrt']!(math.complex(-4, 0))).toMatchObject({ re: 0, im: 2 });
    expect(open['sqrt']!(math.complex(3, -4))).toMatchObject({ re: 2, im: -1 });
  });

  it('transform as the definition says, and back', () => {
    for (const n of [1, 2, 3, 5, 6, 8, 12]) {
      const x = Array.from({ length: n }, (_, i) => ((i * 5) % 7) - 3);
      const exact = createMath('binary64');
      const spectrum = exact.fft(x) as unknown as { re: number; im: number }[];
      for (const [k, value] of spectrum.entries()) {
        const sum = (f: (t: number) => number): number =>
          x.reduce((all, xj, j) => all + xj * f((2 * Math.PI * j * k) / n), 0);
        if (n === 1) continue;
        expect(Math.abs(value.re - sum(Math.cos))).toBeLessThan(1e-13);
        expect(Math.abs(value.im + sum(Math.sin))).toBeLessThan(1e-13);
      }
      const back = exact.ifft(exact.fft(x)) as unknown as { re: number }[];
      if (n > 1)
        for (const [j, value] of back.entries()) expect(Math.abs(value.re - x[j]!)).toBeLessThan(1e-14);
    }
    // Factors 1, -1, i and -i are exact.
    expect(
      (math.fft([1, 2, 3, 4]) as unknown as { re: number; im: number }[]).map(({ re, im }) => [re, im]),
    ).toEqual([
      [10, 0],
      [-2, 2],
      [-2, 0],
      [-2, -2],
    ]);
  });
});

describe('symmetric eigenvalues', () => {
  const symmetric = (n: number, seed: number): number[][] => {
    const a = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (__, j) => (((i * 7 + j * 13 + seed) % 17) - 8) / 4),
    );
    return a.map((row, i) => row.map((x, j) => (j < i ? a[j]![i]! : x)));
  };

  it.each(['bfloat16', 'binary16', 'binary32', 'binary64', 'posit16'])(
    '%s: in the format, to its precision',
    (name) => {
      const format = toFormat(name);
      const math = createMath(format);
      const unit = {
        bfloat16: 2 ** -8,
        binary16: 2 ** -11,
        binary32: 2 ** -24,
        binary64: 2 ** -53,
        posit16: 2 ** -11,
      }[name]!;
      for (const n of [1, 2, 3, 5])
        for (let seed = 0; seed < 6; seed++) {
          const a = symmetric(n, seed);
          const { values, eigenvectors } = math.eigs(a) as unknown as {
            values: number[];
            eigenvectors: { value: number; vector: number[] }[];
          };
          const exact = (plain.eigs(a) as unknown as { values: number[] }).values;
          const size = Math.max(...exact.map(Math.abs));
          const what = `${n} ${seed}`;
          for (const x of [...values, ...eigenvectors.flatMap(({ vector }) => vector)])
            expect(format.has(x), what).toBe(true);
          // By value: an eigenvalue moves by at most the error of the matrix, a few roundings of its size a step.
          const byValue = (list: number[]): number[] => [...list].sort((x, y) => x - y);
          for (const [i, value] of byValue(values).entries())
            expect(Math.abs(value - byValue(exact)[i]!), what).toBeLessThanOrEqual(16 * n * unit * size);
          expect(values.map(Math.abs)).toEqual(values.map(Math.abs).sort((x, y) => x - y));
          for (const [i, { value, vector }] of eigenvectors.entries()) {
            expect(value).toBe(values[i]);
            const image = a.map((row) => row.reduce((sum, x, j) => sum + x * vector[j]!, 0));
            for (const [j, x] of image.entries())
              expect(Math.abs(x - value * vector[j]!), what).toBeLessThanOrEqual(32 * n * unit * size);
            expect(Math.abs(Math.hypot(...vector) - 1), what).toBeLessThanOrEqual(16 * n * unit);
          }
        }
    },
  );

  it('options act; other matrices have values, but no vectors', () => {
    const math = createMath('binary32');
    const a = symmetric(4, 3);
    expect(math.eigs(a, { eigenvectors: false } as never)).toEqual({
      values: (math.eigs(a) as { values: unknown }).values,
    });
    expect((math.eigs(a, 0.5 as never) as { values: unknown }).values).not.toEqual(
      (math.eigs(a) as { values: unknown }).values,
    );
    expect((math.eigs(math.matrix(a)) as { values: unknown }).values).toEqual(
      math.matrix((math.eigs(a) as { values: number[] }).values),
    );
    expect(() =>
      math.eigs([
        [2, 1],
        [0.5, 3],
      ]),
    ).toThrow(ArgumentError);
    for (const format of ['bfloat16', 'binary16', 'e5m2', 'binary64']) {
      const { values } = createMath(format).eigs(
        [
          [2, 1],
          [0, 3],
        ],
        { eigenvectors: false } as never,
      ) as unknown as { values: number[] };
      expect(values, format).toEqual([2, 3]);
    }
    expect(
      (
        math.eigs([
          [NaN, 1],
          [1, 2],
        ]) as unknown as { values: number[] }
      ).values,
    ).toEqual([NaN, NaN]);
    expect(
      math.norm(
        [
          [3, 0],
          [0, -4],
        ],
        2,
      ),
    ).toBe(4);
  });
});

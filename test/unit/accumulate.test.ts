/** Accumulator models by hand: orders, shapes, draws, the cursor, matrix units as accumulators, and wrong arguments. */
import { describe, expect, it } from 'vitest';
import type { AccumulatorModel, MatmulShape } from '../../src/arithmetic/accumulate/index.ts';
import { createArithmetic } from '../../src/arithmetic/arithmetic.ts';
import { matrixUnit } from '../../src/arithmetic/matrix-unit/index.ts';
import { ArgumentError } from '../../src/errors.ts';
import { formats } from '../../src/formats/index.ts';
import { resolveRounding, roundScalar } from '../../src/rounding/index.ts';
import { oracleInnerProduct, philoxDraw } from '../oracles/accumulate.ts';

function values(...list: number[]): Float64Array {
  return Float64Array.from(list);
}

/** Values of the format, of alternating sizes, the same in every run. */
function spread(
  format: keyof typeof formats & ('binary16' | 'e4m3fn' | 'e5m2'),
  count: number,
  step = 7,
): Float64Array {
  const target = formats[format];
  const options = resolveRounding(target, { saturation: 'finite' });
  return Float64Array.from({ length: count }, (_, i) => {
    const units = ((i * step * 37) % 61) - 30;
    return roundScalar(units * 2 ** (((i * step) % 7) - 5), target, options, 0);
  });
}

describe('orders', () => {
  const e4m3 = createArithmetic('e4m3fn');
  const ones = new Float64Array(40).fill(1);

  it('rounds every partial sum: 16 + 1 is a tie, to 16', () => {
    expect(e4m3.sum(ones)).toBe(16);
    expect(e4m3.sum(ones, { order: { chunk: 8 } })).toBe(40);
    expect(e4m3.sum(ones, { order: 'pairwise' })).toBe(40);
    expect(e4m3.sum(ones, { accumulate: 'exact' })).toBe(40);
    expect(e4m3.sum(ones, { accumulate: 'binary16' })).toBe(40);
  });

  it('splits pairs at the largest power of two below the length', () => {
    // (16 + 1) + 1 is 16, and 16 + (1 + 1) is 18: three terms split as two and one.
    expect(e4m3.sum(values(16, 1, 1), { order: 'pairwise' })).toBe(16);
    expect(e4m3.sum(values(1, 1, 16), { order: 'pairwise' })).toBe(18);
    // Five split as four and one, the four as two and two: (16 + 2) + 1 is a tie, to 20.
    expect(e4m3.sum(values(16, 1, 1, 1, 1), { order: 'pairwise' })).toBe(20);
    // A single exact product is rounded when it joins the start.
    expect(e4m3.dot(values(1.125), values(1.125), { order: 'pairwise', products: 'exact' })).toBe(1.25);
  });

  it.each([1, 2, 3, 4, 5, 16, 17])('chunks of %i or more, and of one, are sequential', (length) => {
    const a = spread('e5m2', length);
    const b = spread('e5m2', length, 11);
    const arithmetic = createArithmetic('e5m2', { rounding: 'toward-positive' });
    const sequential = arithmetic.dot(a, b);
    expect(arithmetic.dot(a, b, { order: { chunk: length } })).toBe(sequential);
    expect(arithmetic.dot(a, b, { order: { chunk: 1 } })).toBe(sequential);
    expect(arithmetic.dot(a, b, { order: { chunk: length + 5 } })).toBe(sequential);
  });

  it('starts at the addend', () => {
    expect(e4m3.sum(values(1, 1, 1), { c: 16 })).toBe(16);
    expect(e4m3.sum(values(1, 1, 1), { c: 16, order: { chunk: 3 } })).toBe(20);
    expect(e4m3.sum(new Float64Array(0), { c: 3 })).toBe(3);
    expect(e4m3.sum(new Float64Array(0))).toBe(0);
    expect(e4m3.dot(values(-0), values(1), { c: -0, accumulate: 'exact' })).toBe(-0);
  });

  it('converts the addend where there are no terms', () => {
    const random = Uint32Array.of(255);
    const options = {
      rounding: 'stochastic',
      randomBits: 8,
      subnormals: 'round-to-minimum-normal',
      random,
    } as const;
    const half = createArithmetic('binary16', options);
    expect(half.sum(new Float64Array(0), { c: 2 ** -15 })).toBe(2 ** -14);
    expect(half.state.supplied).toBe(1);
  });

  it('converts once, from the accumulator to the format', () => {
    const half = createArithmetic('binary16');
    // 1 + 2^-11 is a tie in binary16; in binary32 it is exact.
    const terms = values(1, 2 ** -11, 2 ** -20);
    expect(half.sum(terms)).toBe(1);
    expect(half.sum(terms, { accumulate: 'binary32' })).toBe(1 + 2 ** -10);
    expect(half.sum(values(2048, 1, 1))).toBe(2048);
    expect(half.sum(values(2048, 1, 1), { accumulate: 'binary32' })).toBe(2050);
    expect(half.sum(values(2048, 1), { rounding: 'toward-positive' })).toBe(2050);
    expect(half.sum(values(2048, 1), { accumulate: 'exact', rounding: 'toward-positive' })).toBe(2050);
  });

  it('rounds products to the accumulator, or not at all', () => {
    const half = createArithmetic('binary16');
    const x = values(1 + 2 ** -10, -1);
    const y = values(1 + 2 ** -10, 1 + 2 ** -9);
    // (1 + 2^-10)^2 = 1 + 2^-9 + 2^-20
    expect(half.dot(x, y)).toBe(0);
    expect(half.dot(x, y, { accumulate: 'exact' })).toBe(2 ** -20);
    expect(half.dot(x, y, { accumulate: 'exact', products: 'rounded' })).toBe(0);
    expect(half.dot(x, y, { accumulate: 'binary32' })).toBe(2 ** -20);
  });
});

describe('norm', () => {
  it('is the root of the exact sum, rounded once', () => {
    const half = createArithmetic('binary16');
    expect(half.norm(values(3, 4))).toBe(5);
    expect(half.norm(values(300, 400))).toBe(Infinity);
    expect(half.norm(values(300, 400), { accumulate: 'exact' })).toBe(500);
    expect(half.norm(values(1, 1), { accumulate: 'exact' })).toBe(1.4140625);
    expect(half.norm(new Float64Array(0))).toBe(0);
    expect(half.norm(values(NaN, 1))).toBeNaN();
    expect(createArithmetic('binary64').norm(values(1e200), { accumulate: 'exact' })).toBe(1e200);
  });
});

describe('matrix products', () => {
  const model: AccumulatorModel = { accumulate: 'e5m2', order: { chunk: 3 }, products: 'rounded' };
  const options = { rounding: 'stochastic', randomBits: 7, seed: 99, stream: 3, offset: 17 } as const;
  const [m, k, n, batch] = [3, 7, 4, 2];
  const a = spread('e4m3fn', batch * m * k);
  const b = spread('e4m3fn', batch * k * n, 13);
  const c = spread('e4m3fn', batch * m * n, 5);

  function transposed(x: Float64Array, rows: number, columns: number): Float64Array {
    return x.map((_, index) => {
      const item = Math.floor(index / (rows * columns));
      const place = index % (rows * columns);
      return x[item * rows * columns + (place % rows) * columns + Math.floor(place / rows)]!;
    });
  }

  /** Every output by the simulation, with the draws of its own number. */
  function simulated(withAddend: boolean): number[] {
    const format = formats.e4m3fn;
    const resolved = resolveRounding(format, options);
    const inner = { format: formats.e5m2, options: resolved };
    return Array.from({ length: batch * m * n }, (_, o) => {
      const item = Math.floor(o / (m * n));
      const [i, j] = [Math.floor((o % (m * n)) / n), o % n];
      const row = Array.from({ length: k }, (_, l) => a[item * m * k + i * k + l]!);
      const column = Array.from({ length: k }, (_, l) => b[item * k * n + l * n + j]!);
      const literal = {
        products: inner,
        sums: inner,
        order: { chunk: 3 },
        result: { format, options: resolved },
      };
      return oracleInnerProduct(row, column, withAddend ? c[o]! : 0, literal, philoxDraw(resolved, o, k));
    });
  }

  const product = (shape: Partial<MatmulShape<Float64Array>>, x = a, y = b): number[] =>
    Array.from(createArithmetic('e4m3fn', options).matmul(x, y, { m, k, n, batch, ...shape }, model));

  it('draws by output and term, whichever way the operands are stored', () => {
    const expected = simulated(false);
    expect(new Set(expected).size).toBeGreaterThan(8);
    expect(product({})).toEqual(expected);
    expect(product({ transposeA: true }, transposed(a, m, k))).toEqual(expected);
    expect(product({ transposeB: true }, a, transposed(b, k, n))).toEqual(expected);
    expect(product({ transposeA: true, transposeB: true }, transposed(a, m, k), transposed(b, k, n))).toEqual(
      expected,
    );
    expect(product({ c })).toEqual(simulated(true));
  });

  it('uses one operand for the whole batch, and writes where it is told', () => {
    const exact = createArithmetic('binary64');
    const shared = exact.matmul(a.subarray(0, m * k), b, { m, k, n, batch });
    const twice = Float64Array.from([...a.subarray(0, m * k), ...a.subarray(0, m * k)]);
    expect(shared).toEqual(exact.matmul(twice, b, { m, k, n, batch }));
    const square = values(1, 2, 3, 4);
    const out = exact.matmul(square, square, { m: 2, k: 2, n: 2, out: square });
    expect(out).toBe(square);
    expect(Array.from(out)).toEqual([7, 10, 15, 22]);
  });

  it('multiplies a vector', () => {
    const exact = createArithmetic('binary32');
    const matrix = Float32Array.of(1, 2, 3, 4, 5, 6);
    const x = Float32Array.of(1, 10, 100);
    expect(exact.matvec(matrix, x, { m: 2, k: 3 })).toEqual(Float32Array.of(321, 654));
    const y = Float32Array.of(1, 10);
    const addend = Float32Array.of(1000, 2000, 3000);
    expect(exact.matvec(matrix, y, { m: 3, k: 2, transpose: true, c: addend })).toEqual(
      Float32Array.of(1041, 2052, 3063),
    );
  });

  it('moves the cursor by outputs times terms, and back', () => {
    const arithmetic = createArithmetic('e4m3fn', options);
    const first = arithmetic.matmul(a, b, { m, k, n, batch }, model);
    expect(arithmetic.state.offset).toBe(17 + batch * m * n * k);
    const second = arithmetic.matmul(a, b, { m, k, n, batch }, model);
    expect(second).not.toEqual(first);
    arithmetic.reset();
    expect(arithmetic.matmul(a, b, { m, k, n, batch }, model)).toEqual(first);
    expect(arithmetic.matmul(a, b, { m, k, n, batch }, model)).toEqual(second);
  });

  it('gives the addend for no terms', () => {
    const none = new Float64Array(0);
    const exact = createArithmetic('e4m3fn');
    expect(exact.matmul(none, none, { m: 1, k: 0, n: 2 })).toEqual(values(0, 0));
    expect(exact.matmul(none, none, { m: 1, k: 0, n: 2, c: values(1, -2) })).toEqual(values(1, -2));
    expect(exact.matmul(none, none, { m: 0, k: 3, n: 0 })).toEqual(none);
  });
});

describe('matrix units as accumulators', () => {
  const unit = matrixUnit('hopper-fp8');

  it('chain instructions along k, filled up with zeros', () => {
    const length = 70;
    const a = spread('e4m3fn', length);
    const b = spread('e4m3fn', length, 13);
    let sum = 0;
    for (let start = 0; start < length; start += unit.k) {
      const tile = (x: Float64Array, rows: number): Float64Array => {
        const whole = new Float64Array(rows * unit.k);
        whole.set(x.subarray(start, start + unit.k));
        return whole;
      };
      const left = tile(a, unit.m);
      const right = new Float64Array(unit.k * unit.n);
      tile(b, 1).forEach((value, i) => {
        right[i * unit.n] = value;
      });
      const c = new Float64Array(unit.m * unit.n);
      c[0] = sum;
      sum = unit.multiply(left, right, c)[0]!;
    }
    const single = createArithmetic('binary32');
    const [x, y] = [Float32Array.from(a), Float32Array.from(b)];
    expect(single.dot(x, y, { accumulate: unit })).toBe(sum);
    expect(single.matmul(x, y, { m: 1, k: length, n: 1 }, { accumulate: unit })).toEqual(
      Float32Array.of(sum),
    );
    const half = createArithmetic('e4m3fn', { saturation: 'finite' });
    const clamped = roundScalar(
      sum,
      formats.e4m3fn,
      resolveRounding(formats.e4m3fn, { saturation: 'finite' }),
      0,
    );
    expect(half.dot(a, b, { accumulate: unit })).toBe(clamped);
  });

  it('add up with factors of 1, and take squares', () => {
    const single = createArithmetic('binary32');
    expect(single.sum(Float32Array.of(1, 2 ** -9), { accumulate: unit })).toBe(1 + 2 ** -9);
    expect(single.sum(Float32Array.of(256, 2 ** -9), { accumulate: unit })).toBe(256);
    expect(single.norm(Float32Array.of(3, 4), { accumulate: unit })).toBe(5);
  });

  it('leave nothing else to be chosen', () => {
    const single = createArithmetic('binary32');
    const one = Float32Array.of(1);
    expect(() => single.dot(one, one, { accumulate: unit, products: 'exact' })).toThrow(ArgumentError);
    expect(() => single.dot(one, one, { accumulate: unit, order: 'pairwise' })).toThrow(
      /order.*hopper|Hopper/i,
    );
    expect(() => single.dot(Float32Array.of(1.03125), one, { accumulate: unit })).toThrow(/^a: .*e4m3fn/);
    const half = matrixUnit('volta-fp16-fp16');
    expect(() => single.sum(one, { accumulate: half, c: 1 + 2 ** -20 })).toThrow(/^c: .*binary16/);
  });
});

describe('wrong arguments', () => {
  const half = createArithmetic('binary16');
  const x = values(1, 2, 3, 4);

  it.each<[string, () => unknown]>([
    ['products', () => half.dot(x, x, { products: 'all' as 'exact' })],
    ['order', () => half.dot(x, x, { order: 'random' as 'pairwise' })],
    ['order', () => half.dot(x, x, { order: {} as { chunk: number } })],
    ['order.chunk', () => half.dot(x, x, { order: { chunk: 0 } })],
    ['accumulate', () => half.dot(x, x, { accumulate: 'binary17' })],
    ['rounding', () => half.dot(x, x, { accumulate: 'posit16', rounding: 'toward-zero' })],
    ['model', () => half.dot(x, x, null as unknown as AccumulatorModel)],
    ['b', () => half.dot(x, values(1))],
    ['b', () => half.dot(x, Float32Array.from(x) as unknown as Float64Array)],
    ['x', () => half.sum(1 as unknown as Float64Array)],
    ['x[1]', () => half.sum(values(1, 1 + 2 ** -12))],
    ['c', () => half.sum(x, { c: 1 + 2 ** -12 })],
    ['c', () => half.sum(x, { c: '1' as unknown as number })],
    ['m', () => half.matmul(x, x, { k: 2, n: 2 } as unknown as MatmulShape<Float64Array>)],
    ['k', () => half.matmul(x, x, { m: 2, k: 1.5, n: 2 })],
    ['a', () => half.matmul(x, x, { m: 2, k: 3, n: 2 })],
    ['b', () => half.matmul(x, x, { m: 2, k: 2, n: 3 })],
    ['c', () => half.matmul(x, x, { m: 2, k: 2, n: 2, c: values(1) })],
    ['out', () => half.matmul(x, x, { m: 2, k: 2, n: 2, out: new Float64Array(3) })],
    ['transposeA', () => half.matmul(x, x, { m: 2, k: 2, n: 2, transposeA: 1 as unknown as boolean })],
    ['shape', () => half.matmul(x, x, 4 as unknown as MatmulShape<Float64Array>)],
    ['x', () => half.matvec(x, x, { m: 2, k: 2 })],
    ['shape', () => half.matvec(x, x, undefined as unknown as { m: number; k: number })],
  ])('%s', (argument, call) => {
    let thrown: unknown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ArgumentError);
    expect((thrown as ArgumentError).argument).toBe(argument);
  });

  it('too few supplied integers leave the cursor', () => {
    const random = Uint32Array.of(1, 2, 3, 4, 5);
    const few = createArithmetic('binary16', { rounding: 'stochastic', randomBits: 8, random });
    expect(() => few.dot(x, x)).toThrow(/random/);
    expect(few.state.supplied).toBe(0);
    few.sum(x);
    expect(few.state.supplied).toBe(4);
  });
});

it('a product that no memory holds is refused in words', () => {
  const long = new Float32Array(2 ** 20);
  for (const format of ['e4m3fn', 'binary32'] as const)
    expect(() => createArithmetic(format).matmul(long, long, { m: 2 ** 20, n: 2 ** 20, k: 1 })).toThrow(
      expect.objectContaining({
        name: 'RangeError',
        message: expect.stringMatching(/^no (memory for an array of|room for) \d+ /),
      }),
    );
});

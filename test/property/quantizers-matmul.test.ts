/** The product on codes and scales: against exact rationals, and against the product of values wherever they must agree. */
import fc from 'fast-check';
import { type Fraction, fraction } from 'mathjs';
import { describe, expect, it } from 'vitest';
import {
  type Quantized,
  type QuantizerOptions,
  quantize,
  quantizedMatmul,
  quantizer,
} from '../../src/quantizers/index.ts';
import { normals } from '../normals.ts';

const exactly = (x: number): Fraction => fraction(BigInt(x * 2 ** 149), 2n ** 149n);

/** Element (row, column) as a fraction, from its code and its scales. */
function exactValue(q: Quantized, i: number, group: number): Fraction {
  const element = exactly(q.format.decode(q.codes[i]!) - (q.zeroPoints?.[group] ?? 0));
  const scale = exactly(q.scales[group]!);
  const value = q.stored === 'encode' ? element.div(scale) : element.mul(scale);
  return q.tensorScale === undefined ? value : value.mul(exactly(q.tensorScale as number));
}

/** Whether a binary32 number is nearest to an exact one, ties to even. */
function isNearest(actual: number, exact: Fraction): boolean {
  const bits = new Int32Array(1);
  const view = new Float32Array(bits.buffer);
  view[0] = actual;
  const even = bits[0]! % 2 === 0;
  const distance = exactly(actual).sub(exact).abs();
  return [-1, 1].every((step) => {
    view[0] = actual;
    bits[0] = actual === 0 ? (step < 0 ? -0x7fffffff : 1) : bits[0]! + step;
    const other = exactly(view[0]!).sub(exact).abs();
    const order = distance.compare(other);
    return order < 0 || (order === 0 && even);
  });
}

const [m, k, n] = [3, 20, 4];
type Made = { readonly q: Quantized; readonly group: (row: number, column: number) => number };

/** An operand (rows, k) whose groups the test numbers by itself. */
const operands: Readonly<Record<string, (x: Float32Array, rows: number) => Made>> = {
  'int8 rows': (x, rows) => ({
    q: quantizer({ format: 'int8', scale: { per: 'row', from: 'absmax' } }).quantize(x, [rows, k]),
    group: (row) => row,
  }),
  'ternary, one scale': (x, rows) => ({
    q: quantizer({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } }).quantize(x, [rows, k]),
    group: () => 0,
  }),
  'mxfp4 blocks of 32': (x, rows) => ({ q: quantize(x, 'mxfp4', { shape: [rows, k] }), group: (row) => row }),
  'nvfp4, ragged': (x, rows) => ({
    q: quantize(x, 'nvfp4', { shape: [rows, k] }),
    group: (row, column) => row * 2 + Math.floor(column / 16),
  }),
  'int4 blocks of 8': (x, rows) => ({
    q: quantizer({ format: 'int4', scale: { per: 'block', size: 8, from: 'absmax' } }).quantize(x, [rows, k]),
    group: (row, column) => row * 3 + Math.floor(column / 8),
  }),
  'uint8 with zero points, columns': (x, rows) => ({
    q: quantizer({ format: 'uint8', scale: { per: 'column', from: 'minmax' } }).quantize(x, [rows, k]),
    group: (_row, column) => column,
  }),
  'e5m2 tiles': (x, rows) => ({
    q: quantizer({
      format: 'e5m2',
      scale: { per: 'tile', rows: 2, columns: 8, from: 'absmax', format: 'ue5m3' },
    }).quantize(x, [rows, k]),
    group: (row, column) => Math.floor(row / 2) * 3 + Math.floor(column / 8),
  }),
};

describe('codes: the exact product, rounded once', () => {
  const names = fc.constantFrom(...Object.keys(operands));
  it('any two operands', () => {
    fc.assert(
      fc.property(names, names, fc.integer({ min: 0, max: 1000 }), (left, right, seed) => {
        const a = operands[left]!(normals(m * k, seed), m);
        const b = operands[right]!(normals(n * k, seed + 1), n);
        const product = quantizedMatmul(a.q, b.q, { transposeB: true });
        expect(product).toBeInstanceOf(Float32Array);
        for (let i = 0; i < m; i++)
          for (let j = 0; j < n; j++) {
            let exact = fraction(0);
            for (let c = 0; c < k; c++)
              exact = exact.add(
                exactValue(a.q, i * k + c, a.group(i, c)).mul(exactValue(b.q, j * k + c, b.group(j, c))),
              );
            expect(isNearest(product[i * n + j]!, exact), `${left} by ${right}, ${i}, ${j}`).toBe(true);
          }
      }),
      { numRuns: 60 },
    );
  }, 30_000);
});

/** Quantises the (rows, k) matrix and its transpose alike, groups along k. */
function bothWays(
  options: (axis: number) => QuantizerOptions,
  x: Float32Array,
  rows: number,
  length: number,
): [Quantized, Quantized] {
  const transposed = Float32Array.from(x, (_, i) => x[(i % rows) * length + Math.floor(i / rows)]!);
  return [
    quantizer(options(1)).quantize(x, [rows, length]),
    quantizer(options(0)).quantize(transposed, [length, rows]),
  ];
}

describe('codes and values agree bit for bit where no rounding happens on the way', () => {
  const length = 1024;
  const [rows, columns] = [4, 6];
  const along = (size: number) => (axis: number) =>
    ({ per: 'block', size, axis, from: 'absmax', format: 'e8m0' }) as const;
  it.each<[string, (axis: number) => QuantizerOptions]>([
    // 127 * 127 * 1024 < 2^24, one power of two for each row and column.
    ['int8, a power of two a row', (axis) => ({ format: 'int8', scale: along(length)(axis) })],
    ['e2m1, a power of two a row', (axis) => ({ format: 'e2m1', scale: along(length)(axis) })],
    [
      'ternary, a constant',
      () => ({ format: 'ternary', scale: { per: 'tensor', from: 'constant', value: 0.5 } }),
    ],
    [
      'int8, a constant',
      () => ({ format: 'int8', scale: { per: 'tensor', from: 'constant', value: 2 ** -5 } }),
    ],
  ])('%s', (_name, options) => {
    const [a] = bothWays(options, normals(rows * length, 1), rows, length);
    const [bRows, bColumns] = bothWays(options, normals(columns * length, 2), columns, length);
    const codes = quantizedMatmul(a, bRows, { transposeB: true });
    expect(quantizedMatmul(a, bRows, { transposeB: true, domain: 'values' })).toEqual(codes);
    expect(quantizedMatmul(a, bColumns)).toEqual(codes);
    expect(quantizedMatmul(a, bColumns, { domain: 'values' })).toEqual(codes);
  });

  it('e4m3fn is not exact in binary32: the values are off by roundings, the codes are not', () => {
    const options = (axis: number): QuantizerOptions => ({ format: 'e4m3fn', scale: along(length)(axis) });
    const [a] = bothWays(options, normals(rows * length, 1), rows, length);
    const [b] = bothWays(options, normals(columns * length, 2), columns, length);
    const codes = quantizedMatmul(a, b, { transposeB: true });
    const values = quantizedMatmul(a, b, { transposeB: true, domain: 'values' });
    expect(values).not.toEqual(codes);
    codes.forEach((exact, i) => {
      expect(Math.abs(values[i]! - exact)).toBeLessThan(1e-3);
    });
  });

  it('binary64 holds what binary32 does not', () => {
    const wide = (x: Float32Array): Float64Array => Float64Array.from(x);
    const q = quantizer({ format: 'e4m3fn', scale: along(length)(1) });
    const a = q.quantize(wide(normals(rows * length, 1)), [rows, length]);
    const b = q.quantize(wide(normals(columns * length, 2)), [columns, length]);
    const codes = quantizedMatmul(a, b, { transposeB: true });
    expect(codes).toBeInstanceOf(Float64Array);
    expect(quantizedMatmul(a, b, { transposeB: true, domain: 'values' })).toEqual(codes);
  });
});

describe('ends', () => {
  it('takes either operand transposed', () => {
    const a = quantize(new Float32Array([1, 2, 3, 4]), 'mxfp8e4m3', { shape: [2, 2] });
    expect([...quantizedMatmul(a, a)]).toEqual([7, 10, 15, 22]);
    expect([...quantizedMatmul(a, a, { transposeA: true })]).toEqual([10, 14, 14, 20]);
    expect([...quantizedMatmul(a, a, { transposeB: true })]).toEqual([5, 11, 11, 25]);
  });

  it('adds exactly what binary64 would lose', () => {
    const q = quantizer({ format: 'e5m2', scale: { per: 'tensor', from: 'constant', value: 1 } });
    const a = q.quantize(new Float32Array([57344, 2 ** -16, 57344]), [1, 3]);
    const b = q.quantize(new Float32Array([57344, 2 ** -16, -57344]), [3, 1]);
    expect([...quantizedMatmul(a, b)]).toEqual([2 ** -32]);
  });

  it('hands NaN and infinities on', () => {
    const a = quantize(new Float32Array([1, NaN, 3, 4]), 'mxfp4', { shape: [2, 2] });
    const b = quantize(new Float32Array([1, 1, 1, 1]), 'mxfp4', { shape: [2, 2] });
    expect([...quantizedMatmul(a, b)]).toEqual([NaN, NaN, 7, 7]);
    const open = quantizer({
      format: 'e5m2',
      saturation: 'none',
      scale: { per: 'tensor', from: 'constant', value: 1 },
    });
    const infinite = open.quantize(new Float32Array([1e6, 1, 0, 1]), [2, 2]);
    expect([...quantizedMatmul(infinite, b)]).toEqual([Infinity, Infinity, 1, 1]);
  });

  it('says what does not fit', () => {
    const a = quantize(new Float32Array(6), 'mxfp4', { shape: [2, 3] });
    expect(() => quantizedMatmul(a, a)).toThrow(/b: got .*3 elements along the axis summed over/);
    expect(() => quantizedMatmul({ ...a }, a)).toThrow(/quantized: /);
    expect(() => quantizedMatmul(quantize([1, 2], 'mxfp4'), a)).toThrow(/a: got .*two axes/);
    const rotated = quantizer({
      format: 'int8',
      scale: { per: 'row', from: 'absmax' },
      transform: { name: 'prescale', factor: 2 },
    }).quantize(new Float32Array(6), [2, 3]);
    expect(() => quantizedMatmul(rotated, a, { transposeB: true })).toThrow(/a: got 'prescale'/);
  });
});

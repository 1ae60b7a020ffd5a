/** Operations on codes and traced operations: the code, the value, the exceptions of this one, and how it was rounded. */
import { describe, expect, test } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { arithmetic, decode, encode, round } from '../../src/operations/index.ts';
import { roundingModes } from '../../src/rounding/index.ts';

const quiet = { inexact: 0, overflow: 0, underflow: 0, invalid: 0, divideByZero: 0 };

test('codes of numbers', () => {
  expect(encode(0.3, 'e4m3fn')).toBe(0x2a);
  expect(decode(0x38, 'e4m3fn')).toBe(1);
  expect(decode(0x7f, 'e4m3fn')).toBeNaN();
  expect(encode(1, 'binary64')).toBe(0x3ff0000000000000n);
  expect(decode(0x3ff0000000000000n, 'binary64')).toBe(1);
  expect(encode(1e9, 'e4m3fn', { saturation: 'finite' })).toBe(0x7e);
  expect(() => encode(NaN, 'int8')).toThrow(RangeError);
  expect(() => decode(256, 'e4m3fn')).toThrow(RangeError);
  expect(() => encode('1' as never, 'e4m3fn')).toThrow(/a number/);
  for (let code = 0; code < 256; code++) {
    const value = decode(code, 'e5m2');
    if (!Number.isNaN(value)) expect(encode(value, 'e5m2')).toBe(code);
  }
});

describe('codes', () => {
  const f = arithmetic('e4m3fn');
  test('give code, value and the exceptions of this operation', () => {
    // 1 * 2 + 2^-9
    expect(f.codes.fma(0x38, 0x40, 0x01)).toEqual({ code: 0x40, value: 2, flags: { ...quiet, inexact: 1 } });
    expect(f.codes.add(0x38, 0x38)).toEqual({ code: 0x40, value: 2, flags: quiet });
    expect(f.codes.div(0x38, 0x00)).toEqual({ code: 0x7f, value: NaN, flags: { ...quiet, divideByZero: 1 } });
    expect(f.codes.mul(0x7e, 0x7e)).toEqual({
      code: 0x7f,
      value: NaN,
      flags: { ...quiet, inexact: 1, overflow: 1 },
    });
    expect(f.codes.sqrt(0xb8)).toEqual({ code: 0x7f, value: NaN, flags: { ...quiet, invalid: 1 } });
    expect(f.codes.neg(0x38).code).toBe(0xb8);
    expect(f.codes.exp(0x38)).toMatchObject({ value: 2.75, flags: { inexact: 1 } });
    expect(f.codes.convert(0.3)).toEqual({ code: 0x2a, value: 0.3125, flags: { ...quiet, inexact: 1 } });
    expect(f.flags).toBeUndefined();
  });

  test('count in an object that counts, and agree with its methods everywhere', () => {
    const counting = arithmetic('e4m3fn', { flags: true });
    counting.codes.div(0x38, 0x44);
    expect(counting.flags.inexact).toBe(1);
    for (let a = 0; a < 256; a += 7)
      for (let b = 0; b < 256; b += 11)
        for (const name of ['add', 'mul', 'div', 'min'] as const) {
          const { code, value } = f.codes[name](a, b);
          expect(value).toBe(f[name](decode(a, 'e4m3fn'), decode(b, 'e4m3fn')));
          expect(code).toBe(Number.isNaN(value) ? 0x7f : formats.e4m3fn.encode(value));
        }
  });

  test('draw like the methods', () => {
    const [one, other] = [0, 0].map(() => arithmetic('bfloat16', { rounding: 'stochastic', seed: 7 }));
    for (let i = 0; i < 20; i++) expect(one!.codes.div(0x3f80, 0x4040).value).toBe(other!.div(1, 3));
  });

  test('refuse what is no code, and another number of operands', () => {
    expect(() => f.codes.add(256, 0)).toThrow(RangeError);
    expect(() => (f.codes.add as (a: number) => unknown)(1)).toThrow(/2 for add/);
    expect(arithmetic('int8').codes.div(0, 0)).toMatchObject({
      code: undefined,
      value: NaN,
      flags: { invalid: 1 },
    });
  });
});

describe('traced', () => {
  test('tells neighbours, decision, error and exceptions', () => {
    const f = arithmetic('e4m3fn');
    expect(f.traced.div(1, 3)).toMatchObject({
      ...{ operation: 'div', operands: [1, 3], operandCodes: [0x38, 0x44], isExact: false },
      ...{
        result: 0.34375,
        code: 0x2b,
        goesTo: 'above',
        reason: 'the nearer one',
        flags: { ...quiet, inexact: 1 },
      },
      ...{ below: { value: 0.3125, code: 0x2a }, above: { value: 0.34375, code: 0x2b } },
    });
    expect(f.traced.add(1, 0.0625)).toMatchObject({
      exact: 1.0625,
      isExact: true,
      result: 1,
      reason: expect.stringMatching(/a tie/),
    });
    expect(f.traced.add(1, 1)).toMatchObject({
      isExact: true,
      result: 2,
      reason: 'a value of the format',
      flags: quiet,
    });
    expect(f.traced.mul(448, 448)).toMatchObject({ exact: 200704, result: NaN, flags: { overflow: 1 } });
  });

  test('has the result of the method in every mode, and the neighbour that it says', () => {
    const values = formats.e4m3fn.values().filter((_, i) => i % 23 === 0);
    for (const rounding of roundingModes) {
      const [f, same] = [0, 0].map(() => arithmetic('e4m3fn', { rounding, seed: 3, saturation: 'finite' }));
      for (const a of values)
        for (const b of values)
          for (const name of ['add', 'mul', 'div'] as const) {
            const trace = f!.traced[name](a, b);
            const value = same![name](a, b);
            expect(trace.result).toBe(value);
            if (trace.goesTo !== undefined && trace[trace.goesTo]!.value !== undefined)
              expect(trace[trace.goesTo]!.value).toBe(
                value + (value === 0 ? trace[trace.goesTo]!.value! : 0),
              );
          }
    }
  });
});

describe('flags of accumulations', () => {
  const x = Float32Array.of(1, 0.0625, 0.0625, 448);
  test('count each rounding', () => {
    const f = arithmetic('e4m3fn', { flags: true });
    // 1 + 1/16 is a tie, to 1; again; 1 + 448 = 449 is no value.
    expect(f.sum(x)).toBe(448);
    expect(f.flags).toEqual({ ...quiet, inexact: 3 });
    f.clearFlags();
    f.sum(x, { accumulate: 'exact' });
    expect(f.flags).toEqual({ ...quiet, inexact: 1 });
    f.clearFlags();
    f.dot(x, x);
    // 1, 2^-8 and again are values; 448^2 is beyond; 1 + 2^-8 twice, and NaN stays NaN.
    expect(f.flags).toEqual({ ...quiet, inexact: 3, overflow: 1 });
    f.clearFlags();
    f.dot(Float32Array.of(3), Float32Array.of(5), { accumulate: 'binary32' });
    expect(f.flags).toEqual(quiet);
    f.norm(Float32Array.of(1, 1));
    expect(f.flags).toEqual({ ...quiet, inexact: 1 });
  });

  test('are those of the sequence of operations, in every order', () => {
    const random = Float32Array.from({ length: 40 }, (_, i) => round(Math.sin(i) * 4, 'e5m2'));
    const counted = arithmetic('e5m2', { flags: true });
    const plain = arithmetic('e5m2');
    for (const order of ['sequential', 'pairwise', { chunk: 7 }, { chunk: 7, sums: 'exact' }] as const)
      for (const products of ['exact', 'rounded'] as const)
        expect(counted.dot(random, random, { order, products })).toBe(
          plain.dot(random, random, { order, products }),
        );
    const [byHand, bySum] = [0, 0].map(() => arithmetic('e5m2', { flags: true }));
    let sum = 0;
    for (const value of random) sum = byHand!.add(sum, value);
    expect(bySum!.sum(random)).toBe(sum);
    expect(bySum!.flags).toEqual(byHand!.flags);
    const matrix = bySum!.matmul(random, random, { m: 1, k: 40, n: 1 });
    expect(matrix[0]).toBe(plain.dot(random, random));
  });

  test('count invalid sums and products of infinities', () => {
    const f = arithmetic('binary16', { flags: true });
    f.sum(Float32Array.of(Infinity, -Infinity));
    f.dot(Float32Array.of(Infinity), Float32Array.of(0), { accumulate: 'exact' });
    f.dot(Float32Array.of(Infinity), Float32Array.of(0), { products: 'exact' });
    f.sum(Float32Array.of(NaN));
    expect(f.flags).toEqual({ ...quiet, invalid: 3 });
  });
});

/**
 * The formats whose values are lists: each value is the correct rounding of the number that the construction asks for.
 * Proved by exact brackets in integers, no root or logarithm being computed: v is the nearest to y if y lies between the
 * middles of v and its neighbours.
 */
import { describe, expect, it } from 'vitest';
import { formats, logarithmic } from '../../src/formats/index.ts';
import { nextMagnitude } from '../../src/testing/index.ts';
import { codeTable } from '../../src/train/optimizers/block-codes.ts';
import { logarithmOf } from '../oracles/decode.ts';
import { signedUnits, unitExponent } from '../oracles/units.ts';

/** Twice the middle of two numbers, in units. */
const twiceMiddle = (a: number, b: number): bigint => signedUnits(a) + signedUnits(b);

describe('logarithmic values are 2^(k / 2^f) correctly rounded to binary64', () => {
  /**
   * Whether the middle of a and b is below 2^(k / d), as (a + b)^d against 2^k (2 units)^d, d = 2^f: integers, exact.
   * (a + b) is shortened by the power of two that it is a multiple of first.
   */
  function middleIsBelow(a: number, b: number, k: number, d: number): boolean {
    let sum = twiceMiddle(a, b);
    let shift = -(unitExponent + 1n);
    while (sum % 2n === 0n) {
      sum /= 2n;
      shift += 1n;
    }
    const exponent = BigInt(k) - shift * BigInt(d);
    if (exponent < 0n) return false;
    return sum ** BigInt(d) < 1n << exponent;
  }

  function isNearest(value: number, k: number, d: number): boolean {
    return (
      middleIsBelow(nextMagnitude(value, -1), value, k, d) &&
      !middleIsBelow(value, nextMagnitude(value, 1), k, d)
    );
  }

  it.each([
    [4, 3],
    [10, 0],
    [9, 1],
    [8, 4],
    [5, 6],
    [3, 8],
  ])('every code, i = %i, f = %i', (integerBits, fractionBits) => {
    const format = logarithmic({ integerBits, fractionBits });
    const wrong: string[] = [];
    for (let code = 0; code < 2 ** format.bits; code++) {
      const meaning = logarithmOf(format, BigInt(code));
      const value = format.decode(code);
      if (meaning === undefined ? !Object.is(value, 0) : value < 0 !== meaning.negative)
        wrong.push(`${code}: ${value}`);
      else if (meaning !== undefined && !isNearest(Math.abs(value), meaning.k, 2 ** fractionBits))
        wrong.push(`${code}, k = ${meaning.k}: ${value}`);
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    [1, 14],
    [1, 11],
    [3, 12],
  ])('some codes, i = %i, f = %i', (integerBits, fractionBits) => {
    const format = logarithmic({ integerBits, fractionBits });
    const codes = 2 ** (format.bits - 1);
    for (const code of [1, 3, 77, Math.floor(codes / 3), codes / 2 - 1, codes / 2 + 1, codes - 1]) {
      const { k } = logarithmOf(format, BigInt(code))!;
      expect([code, isNearest(format.decode(code), k, 2 ** fractionBits)]).toEqual([code, true]);
    }
  });
});

describe('dynamic8: midpoints of equal parts of [0.1, 1] times powers of ten, correctly rounded to binary32', () => {
  /** The next binary32 number above a positive one. */
  function nextBinary32(x: number, direction: 1 | -1): number {
    const bits = new Uint32Array(Float32Array.of(x).buffer);
    bits[0] = bits[0]! + direction;
    return new Float32Array(bits.buffer)[0]!;
  }

  /** Whether the binary32 number nearest to numerator / denominator is x. */
  function isNearest32(x: number, numerator: bigint, denominator: bigint): boolean {
    const twice = (2n * numerator) << unitExponent;
    const low = twiceMiddle(nextBinary32(x, -1), x) * denominator;
    const high = twiceMiddle(x, nextBinary32(x, 1)) * denominator;
    return low < twice && twice < high;
  }

  it.each([
    ['dynamic8', 1, 127],
    ['dynamicUnsigned8', 2, 254],
  ] as const)('%s', (name, perDecade, count) => {
    const positive = formats[name].values().filter((value) => value > 0);
    // The largest, 1, is added; below it lie 2^i (signed) or 2^(i + 1) parts in decade i.
    expect(positive.length).toBe(count + 1);
    expect(positive.at(-1)).toBe(1);
    let at = 0;
    for (let decade = 0; decade < 7; decade++) {
      const parts = perDecade * 2 ** decade;
      for (let j = 0; j < parts; j++) {
        // 1/10 + 9/10 (2 j + 1) / (2 parts), times 10^(decade - 6).
        const numerator = BigInt(2 * parts + 9 * (2 * j + 1));
        const denominator = BigInt(20 * parts) * 10n ** BigInt(6 - decade);
        expect([decade, j, isNearest32(positive[at++]!, numerator, denominator)]).toEqual([decade, j, true]);
      }
    }
  });

  it.each(['dynamic8', 'dynamicUnsigned8'] as const)('a code of %s is the place of its value', (name) => {
    const format = formats[name];
    const values = Array.from({ length: 256 }, (_, code) => format.decode(code));
    expect(format.values()).toEqual(values);
    values.slice(1).forEach((value, code) => {
      expect(value).toBeGreaterThan(values[code]!);
    });
    const held = codeTable(format).values;
    values.forEach((value, code) => {
      expect(Object.is(held[code], value)).toBe(true);
    });
  });

  it.each([
    ['int8', (code: number) => (code < 128 ? code : code - 256)],
    ['uint8', (code: number) => code],
  ] as const)('what they are compared with is equally spaced: %s', (name, numberAt) => {
    const held = codeTable(formats[name]).values;
    for (let code = 0; code < 256; code++) expect(Object.is(held[code], numberAt(code))).toBe(true);
  });

  it('the signed one is symmetric but for 1, with zero', () => {
    const values = formats.dynamic8.values();
    expect(values.length).toBe(256);
    expect(values.filter((value) => !values.includes(0 - value))).toEqual([1]);
    expect(values).toContain(0);
    expect(formats.dynamicUnsigned8.values().slice(0, 1)).toEqual([0]);
  });
});

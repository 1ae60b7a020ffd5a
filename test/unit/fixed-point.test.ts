/** Words of fixed point: exact operations whose formats grow, one quantisation, codes of any width. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FixedWord,
  fixed,
  fixedPoint,
  formats,
  roundingModes,
  type WordFormat,
} from '../../src/index.ts';
import { drawIntegers, isStochastic, resolveRounding, roundScalar } from '../../src/rounding/index.ts';

/** Formats of 1 to 64 bits. */
const anyFormat = fc
  .record({ bits: fc.integer({ min: 2, max: 64 }), part: fc.nat(64), signed: fc.boolean() })
  .map(({ bits, part, signed }) => {
    const own = bits - (signed ? 1 : 0);
    const fractionBits = part % (own + 1);
    return fixedPoint({ integerBits: own - fractionBits, fractionBits, signed });
  });

/** A word of a format, with weight on its ends. */
function wordOf(format: WordFormat, bits: bigint, end: number): FixedWord {
  const top = 1n << BigInt(format.bits - 1);
  const code = [bits, 0n, 1n, top, top - 1n, 2n * top - 1n, bits, bits][end]!;
  return format.fromCode(BigInt.asUintN(format.bits, code));
}

const anyWord = fc
  .tuple(anyFormat, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(7))
  .map(([format, bits, end]) => wordOf(format, bits, end));

/** The value in units of 2^-4096. */
function exactOf({ units, format }: FixedWord): bigint {
  return units << BigInt(4096 - format.fractionBits);
}

function fits({ units, format }: FixedWord): boolean {
  const steps = 1n << BigInt(format.integerBits + format.fractionBits);
  return units < steps && units >= (format.isSigned ? -steps : 0n);
}

describe('operations', () => {
  it('a (4.4) times a (4.4) is an (8.8)', () => {
    const q = fixedPoint({ integerBits: 4, fractionBits: 4, signed: false });
    const p = q.from(15.9375).mul(q.from(15.9375));
    expect([String(p.format), p.toNumber(), p.code]).toEqual([
      'fixed(8,8,unsigned)',
      15.9375 ** 2,
      255n * 255n,
    ]);
    const s = fixedPoint('fixed(3,4)');
    // 8 bits by 8 bits are 16: the product of both ends is 64.
    const both = s.from(-8).mul(s.from(-8));
    expect([both.format.name, both.format.bits, both.toNumber()]).toEqual(['fixed(7,8)', 16, 64]);
    expect(s.from(7.9375).add(s.from(7.9375)).format.name).toBe('fixed(4,4)');
    expect(q.from(0).sub(q.from(15.9375))).toMatchObject({ format: { name: 'fixed(4,4)' }, units: -255n });
    expect(s.from(-8).neg().toNumber()).toBe(8);
    expect(s.from(-8).abs()).toMatchObject({ format: { name: 'fixed(4,4,unsigned)' }, units: 128n });
  });

  it('are exact and never overflow, in words of up to 64 bits', () => {
    fc.assert(
      fc.property(anyWord, anyWord, (a, b) => {
        const [x, y] = [exactOf(a), exactOf(b)];
        for (const [made, value] of [
          [a.add(b), x + y],
          [a.sub(b), x - y],
          [a.neg(), -x],
          [a.abs(), x < 0n ? -x : x],
        ] as const) {
          expect(exactOf(made)).toBe(value);
          expect(fits(made)).toBe(true);
        }
        const product = a.mul(b);
        expect(product.units).toBe(a.units * b.units);
        expect(product.format.fractionBits).toBe(a.format.fractionBits + b.format.fractionBits);
        expect(fits(product)).toBe(true);
        expect(a.compare(b)).toBe(x < y ? -1 : x > y ? 1 : 0);
        expect(product.format.fromCode(product.code).units).toBe(product.units);
      }),
      { numRuns: 2000, seed: 3 },
    );
  });

  it('no format is wider than it must be', () => {
    for (const [a, b] of [
      [true, true],
      [true, false],
      [false, false],
    ] as const) {
      const [p, q] = [a, b].map((signed) => fixedPoint({ integerBits: 3, fractionBits: 1, signed })) as [
        WordFormat,
        WordFormat,
      ];
      const every = (format: WordFormat): FixedWord[] =>
        Array.from({ length: 2 ** format.bits }, (_, code) => format.fromCode(code));
      for (const operation of ['add', 'mul'] as const) {
        const results = every(p).flatMap((x) => every(q).map((y) => x[operation](y)));
        const { integerBits, fractionBits } = results[0]!.format;
        const half = 1n << BigInt(integerBits + fractionBits - 1);
        expect(
          results.some(({ units }) => units >= half || units < -half),
          `${operation} ${a} ${b}`,
        ).toBe(true);
      }
    }
  });
});

describe('quantize', () => {
  it('is round for formats that binary64 holds, in every mode', () => {
    const target = fixed({ integerBits: 2, fractionBits: 3 });
    const source = fixedPoint('fixed(4,7)');
    const codes = Array.from({ length: 2 ** 12 }, (_, code) => code);
    for (const rounding of roundingModes)
      for (const saturation of ['none', 'wrap', 'keep-sign'] as const) {
        const options = resolveRounding(target, { rounding, saturation, randomBits: 8 });
        const random = isStochastic(rounding) ? drawIntegers(codes.length, options) : undefined;
        for (const code of codes) {
          const word = source.fromCode(code);
          const R = random?.[code] ?? 0;
          const ours = word.quantize(target, { rounding, saturation, randomBits: 8, random: R }).toNumber();
          expect(ours).toBe(roundScalar(word.toNumber(), target, options, R) + 0);
        }
      }
  });

  it('keeps the sign and the low bits, as numeric_std does', () => {
    const wide = fixedPoint({ integerBits: 7, fractionBits: 0 });
    const resized = (x: number): number =>
      wide.from(x).quantize('fixed(3,0)', { saturation: 'keep-sign' }).toNumber();
    // resize(signed, 4): the sign bit, and the three bits to the right.
    expect([7, 8, 9, 15, 16, -8, -9, -1, -16, -128].map(resized)).toEqual([
      7, 0, 1, 7, 0, -8, -1, -1, -8, -8,
    ]);
    const wrapped = (x: number): number =>
      wide.from(x).quantize('fixed(3,0)', { saturation: 'wrap' }).toNumber();
    expect([8, 9, -9].map(wrapped)).toEqual([-8, -7, 7]);
    const bare = wide.from(9).abs().quantize('fixed(3,0,unsigned)', { saturation: 'keep-sign' });
    expect(bare.code).toBe(1n);
  });

  it('rounds products of 64-bit words once', () => {
    const q = fixedPoint('fixed(0,63)');
    expect(q.bits).toBe(64);
    const a = q.fromCode(0x7fffffffffffffffn);
    const square = a.mul(a);
    // (1 - u)^2 = 1 - 2u + u^2 with u = 2^-63.
    expect(square.quantize(q).units).toBe(2n ** 63n - 2n);
    expect(square.quantize(q, { rounding: 'toward-positive' }).units).toBe(2n ** 63n - 1n);
    expect(
      q
        .fromCode(2n ** 63n)
        .mul(q.fromCode(2n ** 63n))
        .quantize(q).units,
    ).toBe(2n ** 63n - 1n);
    const wrapped = q
      .fromCode(2n ** 63n)
      .mul(q.fromCode(2n ** 63n))
      .quantize(q, { saturation: 'wrap' });
    expect(wrapped.code).toBe(2n ** 63n);
    fc.assert(
      fc.property(anyWord, anyWord, anyFormat, (x, y, to) => {
        const word = x.mul(y);
        const shift = BigInt(Math.max(0, word.format.fractionBits - to.fractionBits));
        const up = BigInt(Math.max(0, to.fractionBits - word.format.fractionBits));
        const floor = (word.units << up) >> shift;
        const steps = 1n << BigInt(to.integerBits + to.fractionBits);
        const least = to.isSigned ? -steps : 0n;
        const wanted = floor < least ? least : floor >= steps ? steps - 1n : floor;
        expect(word.quantize(to, { rounding: 'toward-negative' }).units).toBe(wanted);
      }),
      { numRuns: 1000, seed: 4 },
    );
  });
});

describe('words', () => {
  it('come from numbers, bigints and codes that the format has', () => {
    const q = fixedPoint(formats.int8);
    expect([q.name, q.bits]).toEqual(['fixed(7,0)', 8]);
    expect(q.from(-128).code).toBe(128n);
    expect(q.from(5n).units).toBe(5n);
    expect(q.fromCode(255).toNumber()).toBe(-1);
    expect(() => q.from(128)).toThrow('value: got 128; accepted: a value of fixed(7,0)');
    expect(() => q.from(0.5)).toThrow(RangeError);
    expect(() => q.from(NaN)).toThrow(RangeError);
    expect(() => q.from('1' as never)).toThrow('a number or a bigint');
    expect(() => q.fromCode(256)).toThrow('0 to 2^8 - 1');
    expect(() => q.from(1).add(1 as never)).toThrow('a word that fixedPoint made');
    expect(() => fixedPoint({ integerBits: 0, fractionBits: 0 })).toThrow('2 to 4096 bits');
    expect(() => fixedPoint('binary16')).toThrow('a fixed-point or integer format');
    expect(() => q.from(1).quantize('fixed(1,1)', { rounding: 'stochastic' })).toThrow(
      'random: got undefined',
    );
    expect(() => q.from(1).quantize('fixed(1,1)', { saturation: 'sign' as never })).toThrow('keep-sign');
    expect(fixedPoint(q)).toBe(q);
  });

  it('become numbers by one rounding', () => {
    const wide = fixedPoint({ integerBits: 3000, fractionBits: 1000 });
    expect(wide.from(2n ** 2000n).toNumber()).toBe(Infinity);
    expect(wide.fromCode(3n).toNumber()).toBe(3 * 2 ** -1000);
    expect(
      fixedPoint('fixed(64,0)')
        .from(2n ** 53n + 1n)
        .toNumber(),
    ).toBe(2 ** 53);
    expect(String(fixedPoint('fixed(4,4)').from(-1.5))).toBe('-1.5 in fixed(4,4)');
  });
});

/** Quires: any sequence of exact sums and products against BigInt, rounded once by the oracle; the posit quire's code and range. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createArithmetic } from '../../src/arithmetic/arithmetic.ts';
import { ArgumentError } from '../../src/errors.ts';
import { type Format, fixed, formats, posit } from '../../src/formats/index.ts';
import { type RoundingMode, resolveRounding, roundingModes } from '../../src/rounding/index.ts';
import { finite } from '../../src/testing/index.ts';
import { oracleRound, oracleRoundRatio } from '../oracles/index.ts';
import { oracleRandomInteger } from '../oracles/philox.ts';
import { signedUnits, unitExponent } from '../oracles/units.ts';

const tested: readonly Format[] = [
  formats.posit8,
  formats.posit16,
  formats.posit32,
  posit({ bits: 16, es: 1 }),
  formats.binary16,
  formats.bfloat16,
  formats.binary32,
  formats.binary64,
  formats.e4m3fn,
  formats.int8,
  fixed({ integerBits: 4, fractionBits: 8 }),
  formats.nf4,
];

const steps = [
  'add',
  'subtract',
  'addProduct',
  'subtractProduct',
  'negate',
  'abs',
  'clear',
  'addQuire',
] as const;

interface Step {
  readonly kind: (typeof steps)[number];
  readonly x: number;
  readonly y: number;
}

function sequences(format: Format): fc.Arbitrary<Step[]> {
  const value = finite(format).filter((x) => x === 0 || (Math.abs(x) > 2 ** -500 && Math.abs(x) < 2 ** 500));
  const kind = fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom(...steps.slice(0, 4)) },
    fc.constantFrom(...steps),
  );
  return fc.array(fc.record({ kind, x: value, y: value }), { maxLength: 25 });
}

/** The exact content, in units of 2^-1300. Products are multiples of one. */
function follow(content: bigint, { kind, x, y }: Step): bigint {
  const product = (signedUnits(x) * signedUnits(y)) >> unitExponent;
  switch (kind) {
    case 'add':
      return content + signedUnits(x);
    case 'subtract':
      return content - signedUnits(x);
    case 'addProduct':
      return content + product;
    case 'subtractProduct':
      return content - product;
    case 'negate':
      return -content;
    case 'abs':
      return content < 0n ? -content : content;
    case 'clear':
      return 0n;
    case 'addQuire':
      return content + product;
  }
}

describe.each(tested.map((format) => ({ format, name: format.name })))('quire of $name', ({ format }) => {
  const modes: readonly RoundingMode[] =
    format.kind === 'posit' ? ['nearest-even', 'stochastic'] : roundingModes;

  it('is exact, and rounds once', () => {
    fc.assert(
      fc.property(sequences(format), fc.constantFrom(...modes), (sequence, rounding) => {
        const options = { rounding, randomBits: 9, seed: 4, stream: 7, offset: 3 } as const;
        const arithmetic = createArithmetic(format, options);
        const quire = arithmetic.quire();
        let content = 0n;
        for (const step of sequence) {
          const { kind, x, y } = step;
          if (kind === 'negate' || kind === 'abs' || kind === 'clear') quire[kind]();
          else if (kind === 'addQuire') quire.add(arithmetic.quire().addProduct(x, y));
          else quire[kind](x, y);
          content = follow(content, step);
        }
        const resolved = resolveRounding(format, options);
        const random = oracleRandomInteger(3n, 4n, 9n, 9);
        const ratio = { numerator: content < 0n ? -content : content, denominator: 1n };
        const expected =
          content === 0n
            ? oracleRound(0, format, resolved, random)
            : oracleRoundRatio(ratio, content < 0n, format, resolved, random);
        const ours = quire.value();
        // The sign of a zero is another test's matter.
        expect(ours === 0 ? 0 : ours).toBe(expected === 0 ? 0 : expected);
        if (format.kind === 'posit') {
          const width = (format.bits - 2) * 2 ** format.es;
          expect(quire.bits).toBe(32 + 4 * width);
          expect(BigInt.asIntN(quire.bits, quire.code()) << (unitExponent - 2n * BigInt(width))).toBe(
            content,
          );
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe('the quire of the posit standard', () => {
  it.each([8, 16, 32])('has 16 n bits for n = %i', (bits) => {
    expect(createArithmetic(posit({ bits })).quire().bits).toBe(16 * bits);
  });

  it('keeps NaR, and becomes NaR when it overflows', () => {
    const posits = createArithmetic('posit8');
    const { max } = formats.posit8;
    const nar = 1n << 127n;
    expect(posits.quire().add(NaN).code()).toBe(nar);
    expect(posits.quire().add(1).addProduct(NaN, 1).subtract(1).value()).toBeNaN();
    expect(posits.quire().add(NaN).clear().add(1).value()).toBe(1);
    const quire = posits.quire().addProduct(max, max);
    // max^2 = 2^48 of the 2^79 units of 1 that fit: doubling it 31 times is one time too many.
    for (let i = 0; i < 30; i++) quire.add(quire);
    expect(quire.value()).toBe(max);
    expect(quire.code()).toBe(1n << 126n);
    quire.add(quire);
    expect(quire.code()).toBe(nar);
    expect(quire.value()).toBeNaN();
  });

  it('holds the smallest product in its last bit', () => {
    const posits = createArithmetic('posit16');
    const { minPositive } = formats.posit16;
    expect(posits.quire().addProduct(minPositive, minPositive).code()).toBe(1n);
    expect(posits.quire().subtractProduct(minPositive, minPositive).code()).toBe((1n << 256n) - 1n);
    expect(posits.quire().subtractProduct(minPositive, minPositive).value()).toBe(-minPositive);
  });
});

describe('quires of floats', () => {
  const half = createArithmetic('binary16');

  it('follow IEEE 754 for specials and zeros', () => {
    expect(half.quire().value()).toBe(0);
    expect(half.quire().add(-0).value()).toBe(-0);
    expect(half.quire().add(1).subtract(1).value({ rounding: 'toward-negative' })).toBe(-0);
    expect(half.quire().add(Infinity).add(1).value()).toBe(Infinity);
    expect(half.quire().add(Infinity).subtract(Infinity).value()).toBeNaN();
    expect(half.quire().addProduct(Infinity, 0).value()).toBeNaN();
    expect(half.quire().add(Infinity).negate().value()).toBe(-Infinity);
  });

  it('do not overflow on the way, and round as they are told', () => {
    const quire = half.quire().addProduct(65504, 65504).add(1).subtractProduct(65504, 65504);
    expect(quire.value()).toBe(1);
    quire.addProduct(2 ** -24, 2 ** -24);
    expect(quire.value()).toBe(1);
    expect(quire.value({ rounding: 'toward-positive' })).toBe(1 + 2 ** -10);
  });

  it('take values of their format only', () => {
    const quire = half.quire();
    expect(() => quire.add(1 + 2 ** -12)).toThrow(ArgumentError);
    expect(() => quire.addProduct(1, 1e9)).toThrow(/b: got 1000000000/);
    expect(() => quire.add(createArithmetic('posit8').quire())).toThrow(/quire of binary16/);
    expect(() => quire.add(createArithmetic('bfloat16').quire())).toThrow(/quire of binary16/);
    expect(() => quire.add({} as unknown as number)).toThrow(ArgumentError);
    expect(() => quire.value({ rounding: 'up' as 'to-odd' })).toThrow(ArgumentError);
    expect(() => quire.code()).toThrow(ArgumentError);
    expect(quire.value()).toBe(0);
  });
});

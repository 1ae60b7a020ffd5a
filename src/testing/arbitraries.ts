/**
 * fast-check arbitraries of formats, codes and numbers, biased to where roundings go wrong: values, their neighbours,
 * midpoints, the ends of the range and of binary64.
 */
import fc from 'fast-check';
import { scaleByPowerOfTwo } from '../binary64.ts';
import { checkNumber, oneOf } from '../check.ts';
import { noCodes } from '../formats/codes.ts';
import {
  type Code,
  codebook,
  type FloatFormat,
  type Format,
  type FormatArgument,
  type FormatSpelling,
  fixed,
  float,
  int,
  logarithmic,
  posit,
  type SubnormalEncoding,
  toFormat,
} from '../formats/index.ts';

/**
 * The binary64 number with the next larger (`direction` 1) or smaller (-1) magnitude; -1 keeps zero.
 *
 * @throws ArgumentError for what is no number, or another direction.
 */
export function nextMagnitude(x: number, direction: 1 | -1): number {
  checkNumber('x', x);
  oneOf('direction', direction, [1, -1]);
  if (x === 0 && direction < 0) return x;
  const bits = new BigInt64Array(new Float64Array([Math.abs(x)]).buffer);
  bits[0] = bits[0]! + BigInt(direction);
  const magnitude = new Float64Array(bits.buffer)[0]!;
  return x < 0 ? -magnitude : magnitude;
}

/**
 * Float formats over all parameters that fit in binary64: exponent 1 to 11 bits (or unbounded), significand 0 to 52,
 * shifted biases, every kind of special codes.
 */
export function anyFloat(): fc.Arbitrary<FloatFormat> {
  return fc
    .record({
      exponentBits: fc.integer({ min: 1, max: 11 }),
      mantissaBits: fc.integer({ min: 0, max: 52 }),
      biasShift: fc.integer({ min: -40, max: 40 }),
      specials: fc.constantFrom('ieee', 'fn', 'fnuz', 'finite', 'p3109'),
      subnormals: fc.constantFrom<SubnormalEncoding>(true, true, true, false, 'normal'),
      signed: fc.constantFrom(true, true, false),
      domain: fc.constantFrom('extended', 'finite'),
      unbounded: fc.integer({ min: 0, max: 30 }),
      /** How far below the field's own end the largest numbers are, in some formats. */
      lowered: fc.constantFrom(0, 0, 0, 1, 2, 5),
    } as const)
    .map(({ biasShift, domain, unbounded, lowered, ...p }) => {
      try {
        const whole = (emax?: number): FloatFormat =>
          float({
            ...p,
            bias: 2 ** (p.exponentBits - 1) - 1 + biasShift,
            ...(p.specials === 'p3109' && { domain, subnormals: true }),
            ...(emax === undefined ? {} : { emax }),
          });
        if (unbounded !== 0)
          return lowered === 0 || p.specials === 'p3109' ? whole() : whole(whole().emax - lowered);
        return float({ exponentBits: Infinity, mantissaBits: p.mantissaBits });
      } catch {
        return undefined; // a combination that the parameters rule out, or that leaves binary64
      }
    })
    .filter((format) => format !== undefined);
}

function anyPosit(): fc.Arbitrary<Format> {
  return fc
    .record({ bits: fc.integer({ min: 2, max: 32 }), es: fc.integer({ min: 0, max: 4 }) })
    .filter(({ bits, es }) => (bits - 2) * 2 ** es <= 1022)
    .map(posit);
}

function anyGrid(): fc.Arbitrary<Format> {
  const integers = fc.record({ bits: fc.integer({ min: 2, max: 53 }), signed: fc.boolean() }).map(int);
  const fractions = fc
    .record({
      integerBits: fc.integer({ min: 1, max: 26 }),
      fractionBits: fc.integer({ min: 0, max: 26 }),
      signed: fc.boolean(),
    })
    .map(fixed);
  return fc.oneof(integers, fractions);
}

function anyLogarithmic(): fc.Arbitrary<Format> {
  return fc
    .record({ integerBits: fc.integer({ min: 2, max: 7 }), fractionBits: fc.integer({ min: 0, max: 5 }) })
    .map(logarithmic);
}

function anyCodebook(): fc.Arbitrary<Format> {
  return fc
    .uniqueArray(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 40 })
    .map((values) => [...new Set(values.map((value) => value + 0))].sort((a, b) => a - b))
    .filter((values) => values.length >= 2)
    .map((values) => codebook({ name: 'any', values }));
}

/** Formats of every kind. */
export function anyFormat(): fc.Arbitrary<Format> {
  return fc.oneof(
    { weight: 5, arbitrary: anyFloat() },
    { weight: 1, arbitrary: anyPosit() },
    { weight: 1, arbitrary: anyGrid() },
    { weight: 1, arbitrary: anyLogarithmic() },
    { weight: 1, arbitrary: anyCodebook() },
  );
}

/** Codes of the format, all equally likely. Throws RangeError for a format without codes, ArgumentError for no format. */
export function code<const F extends FormatSpelling>(format: FormatArgument<F>): fc.Arbitrary<Code> {
  const target = toFormat(format);
  if (target.bits === Infinity) throw noCodes(target.name);
  return codeOfBits(target.bits, target);
}

/** Codes below 2^bits, in the carrier of the format's codes. */
function codeOfBits(bits: number, format: Format): fc.Arbitrary<Code> {
  if (format.bits <= 32) return fc.integer({ min: 0, max: 2 ** bits - 1 });
  return fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
}

/** Bits of a code that can be set in a value: without the padding that some float formats have. */
function usedBits(format: Format): number {
  return format.kind === 'float'
    ? (format.isSigned ? 1 : 0) + format.exponentBits + format.mantissaBits
    : format.bits;
}

/** Finite values of the format. Throws ArgumentError for no format. */
export function finite<const F extends FormatSpelling>(given: FormatArgument<F>): fc.Arbitrary<number> {
  const format = toFormat(given);
  if (format.bits === Infinity) {
    const precision = (format as FloatFormat).precision;
    return fc
      .record({
        units: fc.integer({ min: -(2 ** Math.min(precision, 30)), max: 2 ** Math.min(precision, 30) }),
        exponent: fc.integer({ min: -900, max: 900 }),
      })
      .map(({ units, exponent }) => scaleByPowerOfTwo(units, exponent));
  }
  return codeOfBits(usedBits(format), format)
    .map((given) => format.decode(given))
    .filter(Number.isFinite);
}

/** The smallest value of the format above a value of the format, by its codes; undefined at the top. */
function successor(format: Format, value: number): number | undefined {
  if (format.kind === 'float' && format.exponentBits === Infinity) return undefined;
  const start = BigInt(format.encode(value));
  for (const step of [1n, -1n]) {
    const next = start + step;
    if (next < 0n || next >> BigInt(format.bits) !== 0n) continue;
    const decoded = format.decode(format.bits <= 32 ? Number(next) : next);
    if (Number.isFinite(decoded) && decoded > value) return decoded;
  }
  return undefined;
}

/** Midpoints of neighbouring values of the format, and the binary64 numbers next to them. */
export function nearTie<const F extends FormatSpelling>(given: FormatArgument<F>): fc.Arbitrary<number> {
  const format = toFormat(given);
  return fc
    .record({ value: finite(format), nudge: fc.constantFrom(-1, 0, 0, 1) } as const)
    .map(({ value, nudge }) => {
      const next = successor(format, value);
      if (next === undefined) return value;
      const middle = value / 2 + next / 2;
      return nudge === 0 ? middle : nextMagnitude(middle, nudge);
    });
}

/** Values of the format and their binary64 neighbours; zeros, the ends of the range and beyond, NaN, infinities. */
export function boundary<const F extends FormatSpelling>(given: FormatArgument<F>): fc.Arbitrary<number> {
  const format = toFormat(given);
  const smallest =
    format.kind === 'float'
      ? [format.minNormal, format.minSubnormal, format.minSubnormal / 2]
      : format.kind === 'posit' || format.kind === 'logarithmic'
        ? [format.minPositive, format.minPositive / 2]
        : [0.5, 1];
  const ends = [0, format.max, format.max * (1 + 2 ** -10), format.max * 2, ...smallest];
  const atEnds = fc
    .constantFrom(...ends)
    .chain((x) => fc.constantFrom(x, nextMagnitude(x, 1), nextMagnitude(x, -1)))
    .chain((x) => fc.constantFrom(x, -x));
  const atValues = finite(format).chain((x) => fc.constantFrom(x, nextMagnitude(x, 1), nextMagnitude(x, -1)));
  return fc.oneof(atEnds, atValues, fc.constantFrom(0, -0, Infinity, -Infinity, NaN));
}

/** Binary64 numbers for rounding to the format: near ties, boundaries, and all bit patterns. */
export function real<const F extends FormatSpelling>(given: FormatArgument<F>): fc.Arbitrary<number> {
  const format = toFormat(given);
  const anyBits = fc
    .bigInt({ min: 0n, max: (1n << 64n) - 1n })
    .map((bits) => new Float64Array(new BigUint64Array([bits]).buffer)[0]!);
  const within = (x: number): number => Math.min(Math.max(x, -1e300), 1e300);
  const inRange = fc.double({ min: within(format.min), max: within(format.max), noNaN: true });
  return fc.oneof(nearTie(format), boundary(format), inRange, anyBits);
}

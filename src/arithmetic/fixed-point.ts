/**
 * Fixed point as hardware has it: words in two's complement (or unsigned) whose operations are exact, in a format that grows, and one
 * explicit quantisation. A product of 64-bit words has 128 bits; codes and units are bigints. Numbers that binary64 holds have
 * `fixed` and `arithmetic` instead, which round every operation.
 *
 * Sources: of the growth rules, fixed_generic_pkg of IEEE 1076-2008 and the documentation of APyTypes (differences of unsigned words are
 * signed here); of `keep-sign`, RESIZE of numeric_std, IEEE 1076.3.
 */

import { toBigIntSignificand } from '../binary64.ts';
import { checkBoolean, checkFields, integerInRange, oneOf } from '../check.ts';
import { ArgumentError, describe } from '../errors.ts';
import { scalarFormats } from '../formats/catalogue.ts';
import { checkCode } from '../formats/codes.ts';
import { type FixedParameters, fixed } from '../formats/fixed.ts';
import type { FixedFormat, IntFormat } from '../formats/format.ts';
import { type FormatSpelling, toFormat } from '../formats/names.ts';
import { goesAway, truncatedFraction } from '../rounding/decide.ts';
import {
  isStochastic,
  type RoundOptions,
  resolveRounding,
  type Saturation,
  saturations,
} from '../rounding/index.ts';
import { withoutHighBits } from '../rounding/round-list.ts';
import { roundReal } from './real.ts';

/** How a word is quantised. */
export interface QuantizeOptions extends Pick<RoundOptions, 'rounding' | 'randomBits' | 'variant'> {
  /** Default `'none'`, which clamps, as fixed point has no infinity. */
  readonly saturation?: Saturation;
  /** The random integer of a stochastic mode, below 2^randomBits. */
  readonly random?: number;
}

/** A format of words: integers times 2^-fractionBits. */
export interface WordFormat {
  /** `fixed(4,4)`, as `fixed` names it where it has such a format. */
  readonly name: string;
  readonly integerBits: number;
  readonly fractionBits: number;
  readonly isSigned: boolean;
  /** Integer and fraction bits, and one for the sign. */
  readonly bits: number;
  /** The word of a number that the format has: nothing is rounded. Throws RangeError for any other. */
  from(value: number | bigint): FixedWord;
  /** The word of a code: an unsigned integer of `bits` bits. Throws RangeError for any other. */
  fromCode(code: number | bigint): FixedWord;
  toString(): string;
}

/** A word: its value is units 2^-fractionBits. Results of operations are exact, in the least format that holds all of them. */
export interface FixedWord {
  readonly format: WordFormat;
  readonly units: bigint;
  /** Two's complement in `format.bits` bits. */
  readonly code: bigint;
  add(other: FixedWord): FixedWord;
  sub(other: FixedWord): FixedWord;
  mul(other: FixedWord): FixedWord;
  neg(): FixedWord;
  abs(): FixedWord;
  /** -1, 0 or 1 as the value is below, equal to or above the other's. */
  compare(other: FixedWord): -1 | 0 | 1;
  /** Rounds to another format, once. */
  quantize(format: WordFormatSpelling, options?: QuantizeOptions): FixedWord;
  /** The value as a number, rounded to the nearest where it has more than 53 bits. */
  toNumber(): number;
  toString(): string;
}

/** What a format of words is made of: parameters, a format of `fixed` or `int`, a name such as `fixed(32,31)`, or one itself. */
export type WordFormatSpelling = WordFormat | FixedParameters | FixedFormat | IntFormat | FormatSpelling;

/** Bits of the widest word; the products of 64-bit words have 128. */
const mostBits = 4096;

interface Shape {
  readonly integerBits: number;
  readonly fractionBits: number;
  readonly isSigned: boolean;
}

const words = new WeakSet<object>();

function isWord(given: unknown): given is FixedWord {
  return typeof given === 'object' && given !== null && words.has(given);
}

function checkWord(path: string, given: unknown): FixedWord {
  if (!isWord(given)) throw new ArgumentError(path, given, 'a word that fixedPoint made');
  return given;
}

/** The parameters that a spelling stands for. */
function shapeOf(given: unknown): Shape {
  if (typeof given === 'string') {
    const call = /^fixed\(\s*(\d{1,4})\s*,\s*(\d{1,4})\s*(?:,\s*(unsigned)\s*)?\)$/.exec(given);
    if (call === null) return shapeOf(toFormat(given));
    return { integerBits: Number(call[1]), fractionBits: Number(call[2]), isSigned: call[3] === undefined };
  }
  const kind = (given as { kind?: unknown } | null)?.kind;
  if (kind === 'fixed') return given as FixedFormat;
  if (kind === 'int') {
    const { bits, isSigned } = given as IntFormat;
    return { integerBits: bits - (isSigned ? 1 : 0), fractionBits: 0, isSigned };
  }
  if (kind !== undefined) throw new ArgumentError('format', given, 'a fixed-point or integer format');
  const parameters = checkFields(
    '',
    given as FixedParameters | undefined,
    ['integerBits', 'fractionBits', 'signed'],
    'parameters',
  );
  return {
    integerBits: integerInRange('integerBits', parameters.integerBits, 0, mostBits),
    fractionBits: integerInRange('fractionBits', parameters.fractionBits, 0, mostBits),
    isSigned: checkBoolean('signed', parameters.signed, true),
  };
}

const formats = new WeakSet<object>();

/**
 * A format of words of up to 4096 bits.
 *
 * @example
 * const q = fixedPoint({ integerBits: 4, fractionBits: 4, signed: false });
 * const p = q.from(3.5).mul(q.from(2.25)); // 7.875, of fixed(8,8,unsigned)
 * p.quantize(q, { saturation: 'wrap' }).code; // 126n
 *
 * @throws ArgumentError for parameters or a format that it cannot be.
 */
export function fixedPoint(format: WordFormatSpelling): WordFormat {
  if (typeof format === 'object' && format !== null && formats.has(format)) return format as WordFormat;
  return formatOf(shapeOf(format));
}

function formatOf({ integerBits, fractionBits, isSigned }: Shape): WordFormat {
  const bits = integerBits + fractionBits + (isSigned ? 1 : 0);
  if (bits < 1 || bits > mostBits || (isSigned && bits < 2))
    throw new ArgumentError(
      'fractionBits',
      fractionBits,
      `${isSigned ? 2 : 1} to ${mostBits} bits in all; these are ${bits}`,
    );
  const name = `fixed(${integerBits},${fractionBits}${isSigned ? '' : ',unsigned'})`;

  function from(value: number | bigint): FixedWord {
    const units = unitsOf(value, fractionBits);
    if (units === undefined || clamped(units, made) !== units)
      throw new RangeError(`value: got ${describe(value)}; accepted: a value of ${name} (from never rounds)`);
    return wordOf(units, made);
  }

  const made: WordFormat = Object.freeze({
    name,
    integerBits,
    fractionBits,
    isSigned,
    bits,
    from,
    fromCode: (code: number | bigint): FixedWord => {
      const whole = checkCode(code, bits, name);
      return wordOf(isSigned ? BigInt.asIntN(bits, whole) : whole, made);
    },
    toString: (): string => name,
  });
  formats.add(made);
  return made;
}

/** The number in units of 2^-fractionBits, if it is a whole number of them. */
function unitsOf(value: unknown, fractionBits: number): bigint | undefined {
  if (typeof value === 'bigint') return value << BigInt(fractionBits);
  if (typeof value !== 'number') throw new ArgumentError('value', value, 'a number or a bigint');
  if (!Number.isFinite(value)) return undefined;
  const { significand, exponent } = toBigIntSignificand(value);
  const shift = exponent + fractionBits;
  const units = shift >= 0 ? significand << BigInt(shift) : significand >> BigInt(-shift);
  if (shift < 0 && units << BigInt(-shift) !== significand) return undefined;
  return value < 0 ? -units : units;
}

/** The ends of a format, in its units. */
function endsOf({ integerBits, fractionBits, isSigned }: Shape): { least: bigint; most: bigint } {
  const steps = 1n << BigInt(integerBits + fractionBits);
  return { least: isSigned ? -steps : 0n, most: steps - 1n };
}

function clamped(units: bigint, shape: Shape): bigint {
  const { least, most } = endsOf(shape);
  return units < least ? least : units > most ? most : units;
}

/** What a number of units becomes in a format. */
function placed(units: bigint, format: WordFormat, saturation: Saturation): bigint {
  if (clamped(units, format) === units) return units;
  if (saturation !== 'wrap' && saturation !== 'keep-sign') return clamped(units, format);
  return withoutHighBits(units, format.bits, format.isSigned, saturation === 'keep-sign');
}

const quantizeNames: readonly (keyof QuantizeOptions)[] = [
  ...(['rounding', 'saturation', 'randomBits', 'variant', 'random'] as const),
];
const anyFixed = fixed({ integerBits: 1, fractionBits: 1 });

/** A number of units of 2^-from, rounded to units of 2^-to. */
function rescaled(units: bigint, from: number, to: number, given: Partial<QuantizeOptions>): bigint {
  const { random, saturation: _, ...rounding } = given;
  const options = resolveRounding(anyFixed, rounding);
  const integer = isStochastic(options.rounding)
    ? integerInRange('random', random, 0, 2 ** options.randomBits - 1)
    : 0;
  if (options.rounding === 'jamming') return (units >> BigInt(from - to)) | 1n;
  if (to >= from) return units << BigInt(to - from);
  const negative = units < 0n;
  const magnitude = negative ? -units : units;
  const width = BigInt(from - to);
  const lower = magnitude >> width;
  const rest = magnitude - (lower << width);
  const position = {
    fraction: truncatedFraction(rest << 50n, 1n << width),
    lowerIsOdd: (lower & 1n) === 1n,
    negative,
    tiesAway: false,
  };
  const away = goesAway(position, options, integer) ? lower + 1n : lower;
  return negative ? -away : away;
}

/** The units of two words over one step, and that step. */
function aligned(a: FixedWord, b: FixedWord): { x: bigint; y: bigint; fractionBits: number } {
  const fractionBits = Math.max(a.format.fractionBits, b.format.fractionBits);
  const [x, y] = [a, b].map(({ units, format }) => units << BigInt(fractionBits - format.fractionBits));
  return { x: x!, y: y!, fractionBits };
}

const nearest = resolveRounding(scalarFormats.binary64);

function toNumber(units: bigint, fractionBits: number): number {
  if (units === 0n) return 0;
  const negative = units < 0n;
  const real = { negative, significand: negative ? -units : units, exponent: -fractionBits, sticky: false };
  return roundReal(real, scalarFormats.binary64, nearest, 0);
}

function wordOf(units: bigint, format: WordFormat): FixedWord {
  const { integerBits: i, fractionBits: f, isSigned } = format;
  const made: FixedWord = Object.freeze({
    format,
    units,
    code: BigInt.asUintN(format.bits, units),
    add: (other: FixedWord): FixedWord => {
      const { x, y, fractionBits } = aligned(made, checkWord('other', other));
      const integerBits = Math.max(i, other.format.integerBits) + 1;
      return wordOf(
        x + y,
        formatOf({ integerBits, fractionBits, isSigned: isSigned || other.format.isSigned }),
      );
    },
    sub: (other: FixedWord): FixedWord => {
      const { x, y, fractionBits } = aligned(made, checkWord('other', other));
      // Unsigned numbers differ by less than the larger range.
      const more = isSigned || other.format.isSigned ? 1 : 0;
      const integerBits = Math.max(i, other.format.integerBits) + more;
      return wordOf(x - y, formatOf({ integerBits, fractionBits, isSigned: true }));
    },
    mul: (other: FixedWord): FixedWord => {
      const b = checkWord('other', other).format;
      // The product of both most negative numbers needs one bit more.
      const integerBits = i + b.integerBits + (isSigned && b.isSigned ? 1 : 0);
      const shape = { integerBits, fractionBits: f + b.fractionBits, isSigned: isSigned || b.isSigned };
      return wordOf(units * other.units, formatOf(shape));
    },
    neg: (): FixedWord =>
      wordOf(-units, formatOf({ integerBits: i + (isSigned ? 1 : 0), fractionBits: f, isSigned: true })),
    abs: (): FixedWord =>
      wordOf(
        units < 0n ? -units : units,
        formatOf({ integerBits: i + (isSigned ? 1 : 0), fractionBits: f, isSigned: false }),
      ),
    compare: (other: FixedWord): -1 | 0 | 1 => {
      const { x, y } = aligned(made, checkWord('other', other));
      return x < y ? -1 : x > y ? 1 : 0;
    },
    quantize: (to: WordFormatSpelling, options?: QuantizeOptions): FixedWord => {
      const target = fixedPoint(to);
      const given = checkFields('', options, quantizeNames);
      const saturation = oneOf('saturation', given.saturation, saturations, 'none');
      const rounded = rescaled(units, f, target.fractionBits, given);
      return wordOf(placed(rounded, target, saturation), target);
    },
    toNumber: (): number => toNumber(units, f),
    toString: (): string => `${toNumber(units, f)} in ${format.name}`,
  });
  words.add(made);
  return made;
}

/**
 * Exact real numbers on their way to a rounding: a BigInt significand with a sticky bit, and `roundReal`, which rounds one
 * to any format exactly as `roundScalar` rounds the number it stands for. This is where an operation goes whose exact result
 * no binary64 intermediate can carry; it is slow beside `intermediate.ts`, and right for every format and mode.
 *
 * NaN, infinities and the sign of an exact zero are no matter of a Real: `operations.ts` and `elementary/specials.ts` have them.
 */
import { exponentOf, scaleByPowerOfTwo, toBigIntSignificand } from '../binary64.ts';
import type {
  CodebookFormat,
  FixedFormat,
  FloatFormat,
  Format,
  IntFormat,
  LogarithmicFormat,
  PositFormat,
} from '../formats/format.ts';
import { bitLength } from '../formats/integers.ts';
import { decodePositive } from '../formats/posit.ts';
import { goesAway, truncatedFraction } from '../rounding/decide.ts';
import { dropsHighBits, type ResolvedRounding } from '../rounding/options.ts';
import { roundScalar } from '../rounding/round.ts';
import { isOdd, placeInRange, withoutPlace } from '../rounding/round-float.ts';
import {
  betweenEntries,
  betweenLogarithms,
  entryAt,
  firstAbove,
  lowBits,
  valuesOf,
} from '../rounding/round-list.ts';

/** (-1)^negative (significand + s) 2^exponent, where s = 0, or 0 < s < 1 if `sticky`. Zero: significand 0n, not sticky. */
export interface Real {
  readonly negative: boolean;
  readonly significand: bigint;
  readonly exponent: number;
  readonly sticky: boolean;
}

/** A finite number as a Real. */
export function toReal(x: number): Real {
  const { significand, exponent } = toBigIntSignificand(x);
  return { negative: x < 0, significand, exponent, sticky: false };
}

export function isZero({ significand, sticky }: Real): boolean {
  return significand === 0n && !sticky;
}

export function negative(x: Real): Real {
  return { ...x, negative: !x.negative };
}

/** floor(log2 |x|). A sticky zero counts as just below its unit. */
export function exponentOfReal({ significand, exponent }: Real): number {
  return exponent + bitLength(significand) - 1;
}

/** The sign of |x| - bound, for a positive number. */
function compareMagnitude({ significand, exponent, sticky }: Real, bound: number): -1 | 0 | 1 {
  const other = toBigIntSignificand(bound);
  const shift = BigInt(exponent - other.exponent);
  const left = shift >= 0n ? significand << shift : significand;
  const right = shift >= 0n ? other.significand : other.significand << -shift;
  if (left !== right) return left < right ? -1 : 1;
  return sticky ? 1 : 0;
}

/** The sign of x - bound, for any number. */
export function compareReal(x: Real, bound: number): -1 | 0 | 1 {
  if (isZero(x)) return bound < 0 ? 1 : bound > 0 ? -1 : 0;
  if (bound === 0 || bound < 0 !== x.negative) return x.negative ? -1 : 1;
  const sign = compareMagnitude(x, Math.abs(bound));
  return x.negative ? (-sign as -1 | 0 | 1) : sign;
}

/** rest / 2^width for 0 <= rest < 2^width, as `truncatedFraction`. */
function fractionOfBits(rest: bigint, width: number, sticky: boolean): number {
  return truncatedFraction(rest << 50n, 1n << BigInt(width), sticky);
}

/** (|x| - inner) / (outer - inner) for numbers with |x| between them; all of one sign, or inner of the other. */
function fractionBetween(x: Real, inner: number, outer: number): number {
  const [a, b] = [toReal(inner), toReal(outer)];
  const lowest = Math.min(x.exponent, a.exponent, b.exponent);
  const [position, from, to] = [x, a, b].map(({ negative, significand, exponent }) => {
    const integer = significand << BigInt(exponent - lowest);
    return negative ? -integer : integer;
  });
  const backwards = to! < from!;
  const numerator = backwards ? from! - position! : position! - from!;
  // s carries x away from zero: that is on from inner, but where inner lies on the other side of an x that is below zero.
  const receding = x.sticky && x.negative !== backwards;
  const denominator = backwards ? from! - to! : to! - from!;
  return truncatedFraction((receding ? 2n * numerator - 1n : 2n * numerator) << 49n, denominator, x.sticky);
}

/** The magnitude in units of 2^quantum: whole units, and the fraction of one beyond them. */
function split(
  { significand, exponent, sticky }: Real,
  quantum: number,
): { units: bigint; fraction: number } {
  const shift = quantum - exponent;
  if (shift <= 0) return { units: significand << BigInt(-shift), fraction: sticky ? 2 ** -52 : 0 };
  const width = BigInt(shift);
  const units = significand >> width;
  return { units, fraction: fractionOfBits(significand - (units << width), shift, sticky) };
}

/** What rounding a magnitude to a float's precision gives: units of 2^quantum, the range of the exponent left open above. */
interface RoundedUnits {
  readonly units: number;
  readonly quantum: number;
}

/** The exponent of the last bit of the magnitude in the format's precision, were the exponent unbounded. */
export function naturalQuantum(x: Real, format: FloatFormat): number {
  return exponentOfReal(x) - format.mantissaBits;
}

/** Rounds the magnitude to a multiple of 2^quantum, of at most 53 bits. */
export function roundToQuantum(
  x: Real,
  quantum: number,
  format: FloatFormat,
  options: ResolvedRounding,
  random: number,
): RoundedUnits {
  const { units, fraction } = split(x, quantum);
  const lower = Number(units);
  const position = {
    fraction,
    lowerIsOdd: isOdd(lower, quantum, format),
    negative: x.negative,
    tiesAway: format.mantissaBits === 0 && format.specials !== 'p3109',
  };
  return { units: goesAway(position, options, random) ? lower + 1 : lower, quantum };
}

/** Whether a number of units, rounded with an unbounded exponent, is below the format's smallest normal number. */
export function isTiny({ units, quantum }: RoundedUnits, { minNormal }: FloatFormat): boolean {
  if (units === 0) return true;
  const exponent = exponentOf(units) + quantum;
  const least = exponentOf(minNormal);
  // Within the binade of minNormal the units are binary64 numbers.
  return exponent < least || (exponent === least && scaleByPowerOfTwo(units, quantum) < minNormal);
}

function roundToFloat(x: Real, format: FloatFormat, options: ResolvedRounding, random: number): number {
  const { negative } = x;
  if (!format.hasZero && negative) return withoutPlace(-1, format, options);
  return placeInRange(roundMagnitude(x, format, options, random), negative, format, options);
}

/** The magnitude rounded as if the exponent had no upper end; infinity from 2^1024 on. */
export function roundMagnitude(
  x: Real,
  format: FloatFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const { minNormal } = format;
  if (compareMagnitude(x, minNormal) < 0) {
    if (!format.hasZero) return minNormal;
    if (options.subnormals === 'round-to-minimum-normal') {
      const fraction = fractionBetween({ ...x, negative: false }, 0, minNormal);
      const position = { fraction, lowerIsOdd: false, negative: x.negative, tiesAway: false };
      return goesAway(position, options, random) ? minNormal : 0;
    }
  }
  const flushes = options.subnormals === 'flush';
  const natural = naturalQuantum(x, format);
  // An unbounded exponent ends where the carrier does: at multiples of 2^-1074.
  const lowest = format.exponentBits === Infinity ? -1074 : format.emin - format.mantissaBits;
  const isUnbounded = flushes && format.exponentBits !== Infinity;
  const rounded = roundToQuantum(
    x,
    isUnbounded ? natural : Math.max(natural, lowest),
    format,
    options,
    random,
  );
  if (flushes && isTiny(rounded, format)) return 0;
  return scaleByPowerOfTwo(rounded.units, rounded.quantum);
}

function stepExponentOf(format: IntFormat | FixedFormat): number {
  return format.kind === 'fixed' ? -format.fractionBits : 0;
}

/** The number rounded to a whole number of steps, of any size. */
export function roundToSteps(
  x: Real,
  format: IntFormat | FixedFormat,
  options: ResolvedRounding,
  random: number,
): bigint {
  const { units, fraction } = split(x, stepExponentOf(format));
  if (options.rounding === 'jamming') {
    const floor = x.negative ? -units - (fraction > 0 ? 1n : 0n) : units;
    return floor | 1n;
  }
  const position = {
    fraction,
    lowerIsOdd: (units & 1n) === 1n,
    negative: x.negative,
    tiesAway: false,
  };
  const away = goesAway(position, options, random) ? units + 1n : units;
  return x.negative ? -away : away;
}

/** The value of the format at the end that a number of steps lies beyond, or undefined. */
export function endBeyond(steps: bigint, format: IntFormat | FixedFormat): number | undefined {
  const stepExponent = stepExponentOf(format);
  if (steps > BigInt(scaleByPowerOfTwo(format.max, -stepExponent))) return format.max;
  return steps < BigInt(scaleByPowerOfTwo(format.min, -stepExponent)) ? format.min : undefined;
}

function roundToGrid(
  x: Real,
  format: IntFormat | FixedFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const steps = roundToSteps(x, format, options, random);
  const end = endBeyond(steps, format);
  if (end !== undefined && !dropsHighBits(options)) return end;
  return lowBits(steps, stepExponentOf(format), format, options);
}

/** Rounds the infinite encoding of a magnitude between minPositive and max: Posit Standard (2022) section 4.1. */
function roundToPosit(x: Real, format: PositFormat, options: ResolvedRounding, random: number): number {
  const { bits, es, max, minPositive } = format;
  const sign = x.negative ? -1 : 1;
  if (compareMagnitude(x, max) >= 0) return sign * max;
  if (compareMagnitude(x, minPositive) <= 0) return sign * minPositive;
  const exponent = exponentOfReal(x);
  const regime = Math.floor(exponent / 2 ** es);
  const fractionBits = bitLength(x.significand) - 1;
  // A run of ones and a zero for regimes from 0 on, of zeros and a one below; then exponent and fraction.
  const pattern = regime >= 0 ? (1n << BigInt(regime + 2)) - 2n : 1n;
  const patternBits = regime >= 0 ? regime + 2 : 1 - regime;
  const head = (pattern << BigInt(es)) + BigInt(exponent - regime * 2 ** es);
  const fraction = x.significand - (1n << BigInt(fractionBits));
  const encoding = (head << BigInt(fractionBits)) + fraction;
  const kept = bits - 1 - (patternBits + es + fractionBits);
  const { units, fraction: rest } = split({ ...x, significand: encoding, exponent: kept }, 0);
  const code = Number(units);
  if (rest === 0) return sign * decodePositive(code, bits, es);
  const lower = decodePositive(code, bits, es);
  const upper = decodePositive(code + 1, bits, es);
  const isNearest = options.rounding === 'nearest-even';
  const position = {
    fraction: isNearest ? rest : fractionBetween({ ...x, negative: false }, lower, upper),
    lowerIsOdd: code % 2 === 1,
    negative: false,
    tiesAway: false,
  };
  return sign * (goesAway(position, options, random) ? upper : lower);
}

function roundToLogarithmic(
  x: Real,
  format: LogarithmicFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const { negative } = x;
  if (compareMagnitude(x, format.max) >= 0) return negative ? format.min : format.max;
  const values = valuesOf(format);
  const upperIndex = firstAbove(values, (value) => value > 0 && compareMagnitude(x, value) < 0);
  const lower = values[upperIndex - 1]!;
  if (lower > 0 && options.rounding !== 'jamming' && compareMagnitude(x, lower) === 0)
    return negative ? -lower : lower;
  const magnitude = { ...x, negative: false };
  const fraction = (inner: number, outer: number): number => fractionBetween(magnitude, inner, outer);
  return betweenLogarithms(upperIndex, fraction, negative, format, options, random);
}

function roundToCodebook(x: Real, format: CodebookFormat, options: ResolvedRounding, random: number): number {
  if (compareReal(x, format.min) < 0) return format.min;
  if (compareReal(x, format.max) >= 0) return format.max;
  const values = valuesOf(format);
  const upperIndex = firstAbove(values, (value) => compareReal(x, value) < 0);
  if (compareReal(x, values[upperIndex - 1]!) === 0) return entryAt(upperIndex - 1, format, options);
  const fraction = (inner: number, outer: number): number => fractionBetween(x, inner, outer);
  return betweenEntries(upperIndex, fraction, format, options, random);
}

/**
 * The exponent down to which a sticky Real of magnitude about 2^exponent must have its significand, so that nothing that a
 * rounding to the format looks at lies within its last unit: bounds, middles, and fractions of up to 33 bits between values.
 */
export function finestExponent(format: Format, exponent: number): number {
  switch (format.kind) {
    case 'float':
      return exponent - format.precision - 36;
    case 'int':
      return -36;
    case 'fixed':
      return -format.fractionBits - 36;
    case 'posit':
      return Math.min(exponent, exponentOf(format.minPositive)) - format.bits - 36;
    case 'logarithmic':
    case 'codebook':
      return lowestBit(format) - 36;
  }
}

const lowestBits = new WeakMap<Format, number>();

/** The exponent of a bit of which all values of a list are multiples. */
function lowestBit(format: LogarithmicFormat | CodebookFormat): number {
  let lowest = lowestBits.get(format);
  if (lowest === undefined) {
    lowest = Math.min(...[...new Set(valuesOf(format))].map((value) => toReal(value).exponent));
    lowestBits.set(format, lowest);
  }
  return lowest;
}

/**
 * Rounds a real number to a format, once.
 *
 * @param x If sticky, with a significand down to `finestExponent`.
 * @param options As `resolveRounding` gives them.
 * @param random The random integer in [0, 2^randomBits); read by the stochastic modes only.
 */
export function roundReal(x: Real, format: Format, options: ResolvedRounding, random: number): number {
  if (isZero(x)) return roundScalar(x.negative ? -0 : 0, format, options, random);
  switch (format.kind) {
    case 'float':
      return roundToFloat(x, format, options, random);
    case 'int':
    case 'fixed':
      return roundToGrid(x, format, options, random);
    case 'posit':
      return roundToPosit(x, format, options, random);
    case 'logarithmic':
      return roundToLogarithmic(x, format, options, random);
    case 'codebook':
      return roundToCodebook(x, format, options, random);
  }
}

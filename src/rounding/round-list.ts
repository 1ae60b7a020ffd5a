/**
 * The scalar reference rounding to integers, fixed point, logarithms and codebooks. These have no infinity and no NaN: overflow and infinite
 * inputs give the extreme value (`wrap`, `keep-sign`: low bits of finite values), NaN stays NaN in the carrier.
 * `jamming` sets the last bit of an integer in two's complement and of a codebook's index, of a zero too.
 */
import { scaleByPowerOfTwo, toBigIntSignificand } from '../binary64.ts';
import type { CodebookFormat, FixedFormat, Format, IntFormat, LogarithmicFormat } from '../formats/format.ts';
import { goesAway, truncatedFraction } from './decide.ts';
import { dropsHighBits, type ResolvedRounding } from './options.ts';

/** Rounds a number to an integer or fixed-point format. There is no negative zero. */
export function roundToGrid(
  x: number,
  format: IntFormat | FixedFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  if (!Number.isFinite(x)) return x < 0 ? format.min : format.max;
  const stepExponent = format.kind === 'fixed' ? -format.fractionBits : 0;
  const negative = x < 0;
  // Beyond 2^53 steps every number is a multiple of the step; scaling it up might overflow.
  if (Math.abs(x) >= scaleByPowerOfTwo(2 ** 53, stepExponent))
    return bounded(x, stepExponent, format, options);
  const steps = scaleByPowerOfTwo(Math.abs(x), -stepExponent);
  if (options.rounding === 'jamming') {
    const odd = 2 * Math.floor(Math.floor(negative ? -steps : steps) / 2) + 1;
    return bounded(scaleByPowerOfTwo(odd, stepExponent), stepExponent, format, options);
  }
  const lower = Math.floor(steps);
  const position = {
    fraction: steps - lower,
    lowerIsOdd: lower % 2 === 1,
    negative,
    tiesAway: false,
  };
  const away = goesAway(position, options, random) ? lower + 1 : lower;
  return bounded(scaleByPowerOfTwo(negative ? 0 - away : away, stepExponent), stepExponent, format, options);
}

function bounded(
  rounded: number,
  stepExponent: number,
  format: IntFormat | FixedFormat,
  options: ResolvedRounding,
): number {
  if (rounded >= format.min && rounded <= format.max) return rounded;
  if (!dropsHighBits(options)) return rounded < format.min ? format.min : format.max;
  const { significand, exponent } = toBigIntSignificand(rounded);
  const shift = exponent - stepExponent;
  const magnitude = shift >= 0 ? significand << BigInt(shift) : significand >> BigInt(-shift);
  const steps = rounded < 0 ? -magnitude : magnitude;
  // Where a step is no more than a unit in the last place of x, the last bit is to be set yet.
  return lowBits(options.rounding === 'jamming' ? steps | 1n : steps, stepExponent, format, options);
}

/**
 * A number of two's complement without the high bits that a word has no room for. `keepsSign`: the sign stays beside the low bits,
 * as `resize` of a signed number in VHDL's numeric_std (IEEE 1076) has it.
 */
export function withoutHighBits(steps: bigint, bits: number, isSigned: boolean, keepsSign: boolean): bigint {
  if (!isSigned) return BigInt.asUintN(bits, steps);
  if (!keepsSign) return BigInt.asIntN(bits, steps);
  const low = BigInt.asUintN(bits - 1, steps);
  return steps < 0n ? low - (1n << BigInt(bits - 1)) : low;
}

/** The value of a count of steps in two's complement, its high bits dropped as the saturation says. */
export function lowBits(
  steps: bigint,
  stepExponent: number,
  { bits, isSigned }: IntFormat | FixedFormat,
  { saturation }: ResolvedRounding,
): number {
  const kept = withoutHighBits(steps, bits, isSigned, saturation === 'keep-sign');
  return scaleByPowerOfTwo(Number(kept), stepExponent);
}

/** Rounds a number to a logarithmic format: nearest in value, ties to the even exponent code (zero's is even). */
export function roundToLogarithmic(
  x: number,
  format: LogarithmicFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  const negative = x < 0;
  const magnitude = Math.abs(x);
  if (magnitude >= format.max) return negative ? format.min : format.max;
  const values = valuesOf(format);
  const upperIndex = firstAbove(values, (value) => value > magnitude);
  // +0 for -0.
  if (values[upperIndex - 1] === magnitude && (magnitude === 0 || options.rounding !== 'jamming'))
    return x + 0;
  const fraction = (lower: number, upper: number): number => fractionBetween(magnitude, lower, upper);
  return betweenLogarithms(upperIndex, fraction, negative, format, options, random);
}

/** The choice between the value at `upperIndex` and the one before it, for a magnitude between them at `fraction`. */
export function betweenLogarithms(
  upperIndex: number,
  fraction: (lower: number, upper: number) => number,
  negative: boolean,
  format: LogarithmicFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const values = valuesOf(format);
  const zeroIndex = (values.length - 1) / 2;
  const lower = values[upperIndex - 1]!;
  const upper = values[upperIndex]!;
  const position = {
    fraction: fraction(lower, upper),
    // Index 0 from zero is the even code of zero; from there codes and indices go up together.
    lowerIsOdd: (upperIndex - 1 - zeroIndex) % 2 === 1,
    negative,
    tiesAway: false,
  };
  const rounded = goesAway(position, options, random) ? upper : lower;
  return negative && rounded !== 0 ? -rounded : rounded;
}

/**
 * Rounds a number to a codebook: nearest by midpoint in value; directed, odd (in the index) and stochastic between the
 * two neighbours. Where the neighbours differ in sign, "away from zero" means the upper one.
 */
export function roundToCodebook(
  x: number,
  format: CodebookFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  if (x < format.min) return format.min;
  if (x >= format.max) return format.max;
  const values = valuesOf(format);
  const upperIndex = firstAbove(values, (value) => value > x);
  if (values[upperIndex - 1] === x) return entryAt(upperIndex - 1, format, options);
  const fraction = (inner: number, outer: number): number => fractionBetween(x, inner, outer);
  return betweenEntries(upperIndex, fraction, format, options, random);
}

/** What the value at an index becomes, which is none but the largest: itself, or by jamming the next one. */
export function entryAt(index: number, format: CodebookFormat, { rounding }: ResolvedRounding): number {
  const values = valuesOf(format);
  const value = values[index]!;
  const isEven = format.ties === 'even-multiple' ? (value / format.step) % 2 === 0 : index % 2 === 0;
  return rounding === 'jamming' && format.ties !== 'upper' && isEven ? values[index + 1]! : value;
}

/** The choice between the entry at `upperIndex` and the one before it, for a number between them at `fraction`. */
export function betweenEntries(
  upperIndex: number,
  fraction: (inner: number, outer: number) => number,
  format: CodebookFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const values = valuesOf(format);
  const lower = values[upperIndex - 1]!;
  const upper = values[upperIndex]!;
  const negative = upper <= 0;
  const [inner, outer] = negative ? [upper, lower] : [lower, upper];
  const innerIndex = negative ? upperIndex : upperIndex - 1;
  const position = {
    fraction: fraction(inner, outer),
    lowerIsOdd: isOdd(inner, innerIndex, negative, format),
    negative,
    tiesAway: false,
  };
  return goesAway(position, options, random) ? outer : inner;
}

const lists = new WeakMap<Format, readonly number[]>();

/** The format's values, ascending; made once. */
export function valuesOf(format: Format): readonly number[] {
  let values = lists.get(format);
  if (values === undefined) {
    values = format.values();
    lists.set(format, values);
  }
  return values;
}

/** Index of the first of ascending values that is above a number, as `isAbove` tells, by bisection. */
export function firstAbove(values: readonly number[], isAbove: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isAbove(values[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Whether the neighbour nearer zero is the one that nearest-even ties leave. */
function isOdd(inner: number, innerIndex: number, negative: boolean, format: CodebookFormat): boolean {
  switch (format.ties) {
    case 'upper':
      return !negative; // below zero the upper neighbour is the nearer one
    case 'even-multiple':
      return Math.abs(inner / format.step) % 2 === 1;
    case 'even-index':
      return innerIndex % 2 === 1;
  }
}

/** (x - inner) / (outer - inner) for finite numbers, exact to 2^-50 with a sticky bit below, which N <= 32 random bits and ties cannot miss. */
export function fractionBetween(x: number, inner: number, outer: number): number {
  const terms = [x, inner, outer].map((value) => ({ value, ...toBigIntSignificand(value) }));
  const nonZero = terms.filter((term) => term.significand !== 0n);
  const lowest = Math.min(...nonZero.map((term) => term.exponent));
  const [a, b, c] = terms.map(({ value, significand, exponent }) => {
    const integer = significand === 0n ? 0n : significand << BigInt(exponent - lowest);
    return value < 0 ? -integer : integer;
  });
  return truncatedFraction((a! - b!) << 50n, c! - b!);
}

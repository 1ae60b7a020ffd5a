/**
 * The scalar reference rounding to integers and codebooks. These have no infinity and no NaN: overflow and infinite
 * inputs give the extreme value (`wrap`: two's-complement wrap of finite values), NaN stays NaN in the carrier.
 */
import { ArgumentError } from '../errors.ts';
import { toBigIntSignificand } from '../formats/binary64.ts';
import type { CodebookFormat, IntFormat } from '../formats/format.ts';
import { goesAway } from './decide.ts';
import type { ResolvedRounding } from './options.ts';

/** Rounds a number to an integer format. There is no negative zero. */
export function roundToInt(x: number, format: IntFormat, options: ResolvedRounding, random: number): number {
  if (Number.isNaN(x)) return NaN;
  if (!Number.isFinite(x)) return x < 0 ? format.min : format.max;
  const negative = x < 0;
  const magnitude = Math.abs(x);
  const lower = Math.floor(magnitude);
  const position = {
    fraction: magnitude - lower,
    lowerIsOdd: lower % 2 === 1,
    negative,
    tiesAway: false,
  };
  const away = goesAway(position, options, random) ? lower + 1 : lower;
  const rounded = negative ? 0 - away : away;
  if (rounded >= format.min && rounded <= format.max) return rounded;
  if (options.saturation === 'wrap') return wrap(rounded, format);
  return rounded < format.min ? format.min : format.max;
}

function wrap(integer: number, format: IntFormat): number {
  if (format.symmetric)
    throw new ArgumentError('saturation', 'wrap', `none, finite, propagate for ${format.name}`);
  const whole = BigInt(integer);
  return Number(format.isSigned ? BigInt.asIntN(format.bits, whole) : BigInt.asUintN(format.bits, whole));
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
  if (x <= format.min) return format.min;
  if (x >= format.max) return format.max;
  const values = valuesOf(format);
  const upperIndex = firstAbove(values, x);
  const lower = values[upperIndex - 1]!;
  const upper = values[upperIndex]!;
  if (lower === x) return lower;
  const negative = upper <= 0;
  const [inner, outer] = negative ? [upper, lower] : [lower, upper];
  const innerIndex = negative ? upperIndex : upperIndex - 1;
  const position = {
    fraction: fractionBetween(x, inner, outer),
    lowerIsOdd: isOdd(inner, innerIndex, format),
    negative,
    tiesAway: false,
  };
  return goesAway(position, options, random) ? outer : inner;
}

const lists = new WeakMap<CodebookFormat, readonly number[]>();

function valuesOf(format: CodebookFormat): readonly number[] {
  let values = lists.get(format);
  if (values === undefined) {
    values = format.values();
    lists.set(format, values);
  }
  return values;
}

/** Index of the first value above x, by bisection. */
function firstAbove(values: readonly number[], x: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

function isOdd(inner: number, innerIndex: number, format: CodebookFormat): boolean {
  switch (format.ties) {
    case 'upper':
      return true;
    case 'even-multiple':
      return Math.abs(inner / format.step) % 2 === 1;
    case 'even-index':
      return innerIndex % 2 === 1;
  }
}

/** (x - inner) / (outer - inner), exact to 2^-50 with a sticky bit below, which N <= 32 random bits and ties cannot miss. */
function fractionBetween(x: number, inner: number, outer: number): number {
  const terms = [x, inner, outer].map((value) => ({ value, ...toBigIntSignificand(value) }));
  const nonZero = terms.filter((term) => term.significand !== 0n);
  const lowest = Math.min(...nonZero.map((term) => term.exponent));
  const [a, b, c] = terms.map(({ value, significand, exponent }) => {
    const integer = significand === 0n ? 0n : significand << BigInt(exponent - lowest);
    return value < 0 ? -integer : integer;
  });
  const numerator = (a! - b!) << 50n;
  const denominator = c! - b!;
  const quotient = numerator / denominator;
  return Number(quotient) * 2 ** -50 + (quotient * denominator === numerator ? 0 : 2 ** -52);
}

/**
 * Rounding to integers, fixed point, codebooks and logarithmic formats by exact rational arithmetic. None has an infinity
 * or a NaN: overflow gives the extreme value (or wraps), NaN stays NaN.
 */
import type { CodebookFormat, FixedFormat, IntFormat, LogarithmicFormat } from '../../src/formats/index.ts';
import type { ResolvedRounding } from '../../src/rounding/index.ts';
import { fromUnits, goesUp, type Ratio, ratioOf, signedUnits, units } from './units.ts';

/** The remainder of division that is never negative. */
function modulo(a: bigint, b: bigint): bigint {
  return ((a % b) + b) % b;
}

/** The definition of rounding to multiples of a step. */
export function roundGrid(
  x: number,
  format: IntFormat | FixedFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  if (Number.isFinite(x)) return roundGridRatio(ratioOf(x), x < 0, format, options, random);
  return x < 0 ? format.min : format.max;
}

/** The same for any magnitude. */
export function roundGridRatio(
  { numerator, denominator }: Ratio,
  negative: boolean,
  format: IntFormat | FixedFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const codes = 1n << BigInt(format.bits);
  const symmetric = format.kind === 'int' && format.symmetric;
  const high = format.isSigned ? codes / 2n - 1n : codes - 1n;
  const low = format.isSigned ? (symmetric ? -high : -codes / 2n) : 0n;
  const step = units(format.kind === 'fixed' ? format.step : 1);
  const value = (count: bigint): number => (count < 0n ? -fromUnits(-count * step) : fromUnits(count * step));
  const whole = step * denominator;
  const count = numerator / whole;
  const rest = numerator - count * whole;
  const odd = count % 2n === 1n;
  const parity = { tieGoesUp: odd, lowerIsOdd: odd };
  const isBelow = negative && (count > 0n || rest > 0n);
  // Jamming: cut downwards, and the last bit set.
  const floor = isBelow ? -count - (rest > 0n ? 1n : 0n) : count;
  const up = options.rounding !== 'jamming' && goesUp(rest, whole, parity, negative, options, random);
  const rounded =
    options.rounding === 'jamming'
      ? floor + 1n - modulo(floor, 2n)
      : (up ? count + 1n : count) * (negative ? -1n : 1n);
  if (rounded >= low && rounded <= high) return value(rounded);
  const { saturation } = options;
  if (saturation === 'keep-sign' && format.isSigned)
    return value(modulo(rounded, codes / 2n) - (rounded < 0n ? codes / 2n : 0n));
  if (saturation === 'wrap' || saturation === 'keep-sign') return value(low + modulo(rounded - low, codes));
  return value(rounded < low ? low : high);
}

const counts = new WeakMap<CodebookFormat | LogarithmicFormat, readonly bigint[]>();

/** A list's values in units, kept. */
function countsOf(format: CodebookFormat | LogarithmicFormat): readonly bigint[] {
  const known = counts.get(format) ?? format.values().map(signedUnits);
  counts.set(format, known);
  return known;
}

/** Index of the last count that is not above numerator / denominator, from one that is not; by walking. */
function lastNotAbove(list: readonly bigint[], from: number, numerator: bigint, denominator: bigint): number {
  const floor = (numerator - modulo(numerator, denominator)) / denominator;
  let i = from;
  while (i + 1 < list.length && list[i + 1]! <= floor) i++;
  return i;
}

/**
 * The definition of rounding to a list. Away from zero is up between neighbours of different sign. The even value is that
 * of even index, or the even multiple of the step, or (`upper`) the upper one.
 */
export function roundCodebook(
  x: number,
  format: CodebookFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  if (x < format.min) return format.min;
  if (x >= format.max) return format.max;
  return roundCodebookRatio(ratioOf(x), x < 0, format, options, random);
}

/** The same for any number. */
export function roundCodebookRatio(
  { numerator, denominator }: Ratio,
  isBelowZero: boolean,
  format: CodebookFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const values = format.values();
  const last = values.length - 1;
  const position = isBelowZero ? -numerator : numerator;
  if (position < signedUnits(values[0]!) * denominator) return values[0]!;
  if (position >= signedUnits(values[last]!) * denominator) return values[last]!;
  const i = lastNotAbove(countsOf(format), 0, position, denominator);
  const [below, above] = [values[i]!, values[i + 1]!];
  if (position === signedUnits(below) * denominator) return isJammedUp(i, format, options) ? above : below;
  const negative = above <= 0;
  const [inner, outer, innerIndex] = negative ? [above, below, i + 1] : [below, above, i];
  const isEven = {
    'even-index': innerIndex % 2 === 0,
    'even-multiple': (signedUnits(inner) / units(format.step || 1)) % 2n === 0n,
    upper: negative,
  }[format.ties];
  const parity = { tieGoesUp: !isEven, lowerIsOdd: !isEven };
  const from = signedUnits(inner) * denominator;
  const to = signedUnits(outer) * denominator;
  const sign = negative ? -1n : 1n;
  return goesUp(sign * (position - from), sign * (to - from), parity, negative, options, random)
    ? outer
    : inner;
}

/** Whether jamming makes the next value of one: of one with an even index, or of an even multiple of the step. */
function isJammedUp(index: number, format: CodebookFormat, { rounding }: ResolvedRounding): boolean {
  if (rounding !== 'jamming' || format.ties === 'upper') return false;
  return format.ties === 'even-index'
    ? index % 2 === 0
    : (signedUnits(format.values()[index]!) / units(format.step || 1)) % 2n === 0n;
}

/** The definition of rounding to a logarithmic format: by value, even being the even k; zero's k is the lowest. */
export function roundLogarithmic(
  x: number,
  format: LogarithmicFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  if (!Number.isFinite(x)) return x < 0 ? format.min : format.max;
  return roundLogarithmicRatio(ratioOf(x), x < 0, format, options, random);
}

/** The same for any magnitude. */
export function roundLogarithmicRatio(
  { numerator, denominator }: Ratio,
  negative: boolean,
  format: LogarithmicFormat,
  options: ResolvedRounding,
  random: number,
): number {
  const list = countsOf(format);
  const zero = list.indexOf(0n);
  const place = lastNotAbove(list, zero, numerator, denominator);
  let result = list[place]!;
  const isZero = numerator === 0n;
  if (place + 1 < list.length && !isZero) {
    // Place i from zero has k = i - 2^(bits - 2), and the code's width makes 2^(bits - 2) even.
    const odd = (place - zero) % 2 === 1;
    const between = (list[place + 1]! - result) * denominator;
    const parity = { tieGoesUp: odd, lowerIsOdd: odd };
    const way = numerator - result * denominator;
    if (goesUp(way, between, parity, negative, options, random)) result = list[place + 1]!;
  }
  return negative && result !== 0n ? -fromUnits(result) : fromUnits(result);
}

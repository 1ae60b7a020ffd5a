/**
 * Rounding to integers, fixed point, codebooks and logarithmic formats by exact rational arithmetic. None has an infinity
 * or a NaN: overflow gives the extreme value (or wraps), NaN stays NaN.
 */
import type { CodebookFormat, FixedFormat, IntFormat, LogarithmicFormat } from '../../src/formats/index.ts';
import type { ResolvedRounding } from '../../src/rounding/index.ts';
import { fromUnits, goesUp, signedUnits, units } from './units.ts';

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
  const codes = 1n << BigInt(format.bits);
  const symmetric = format.kind === 'int' && format.symmetric;
  const high = format.isSigned ? codes / 2n - 1n : codes - 1n;
  const low = format.isSigned ? (symmetric ? -high : -codes / 2n) : 0n;
  const step = units(format.kind === 'fixed' ? format.step : 1);
  const value = (count: bigint): number => (count < 0n ? -fromUnits(-count * step) : fromUnits(count * step));
  if (!Number.isFinite(x)) return value(x < 0 ? low : high);
  const magnitude = units(x);
  const count = magnitude / step;
  const odd = count % 2n === 1n;
  const parity = { tieGoesUp: odd, lowerIsOdd: odd };
  const up = goesUp(magnitude - count * step, step, parity, x < 0, options, random);
  const rounded = (up ? count + 1n : count) * (x < 0 ? -1n : 1n);
  if (rounded >= low && rounded <= high) return value(rounded);
  if (options.saturation === 'wrap') return value(low + modulo(rounded - low, codes));
  return value(rounded < low ? low : high);
}

/** Index of the last value that is not above x, of an ascending list whose first is not above x; by walking. */
function lastNotAbove(values: readonly number[], x: number): number {
  let i = 0;
  while (i + 1 < values.length && values[i + 1]! <= x) i++;
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
  const values = format.values();
  const last = values.length - 1;
  if (x <= values[0]!) return values[0]!;
  if (x >= values[last]!) return values[last]!;
  const i = lastNotAbove(values, x);
  const [below, above] = [values[i]!, values[i + 1]!];
  if (x === below) return below;
  const negative = above <= 0;
  const [inner, outer, innerIndex] = negative ? [above, below, i + 1] : [below, above, i];
  const isEven = {
    'even-index': innerIndex % 2 === 0,
    'even-multiple': (signedUnits(inner) / units(format.step || 1)) % 2n === 0n,
    upper: negative,
  }[format.ties];
  const parity = { tieGoesUp: !isEven, lowerIsOdd: !isEven };
  const way = (a: number, b: number): bigint =>
    negative ? signedUnits(a) - signedUnits(b) : signedUnits(b) - signedUnits(a);
  return goesUp(way(inner, x), way(inner, outer), parity, negative, options, random) ? outer : inner;
}

/** The definition of rounding to a logarithmic format: by value, even being the even k; zero's k is the lowest. */
export function roundLogarithmic(
  x: number,
  format: LogarithmicFormat,
  options: ResolvedRounding,
  random: number,
): number {
  if (Number.isNaN(x)) return NaN;
  const magnitudes = format.values().filter((value) => value >= 0);
  const a = Math.abs(x);
  const negative = x < 0;
  const last = magnitudes.length - 1;
  const i = lastNotAbove(magnitudes, a);
  const lower = magnitudes[i]!;
  let result = lower;
  if (i < last) {
    // magnitudes[i] has k = i - 2^(bits - 2), and the code's width makes 2^(bits - 2) even.
    const odd = i % 2 === 1;
    const between = units(magnitudes[i + 1]!) - units(lower);
    const parity = { tieGoesUp: odd, lowerIsOdd: odd };
    if (goesUp(units(a) - units(lower), between, parity, negative, options, random))
      result = magnitudes[i + 1]!;
  }
  return negative && result !== 0 ? -result : result;
}

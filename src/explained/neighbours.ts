/**
 * Between which two values a number lies when it is rounded, exactly: the neighbours that the definition of rounding
 * compares, before overflow, flushing and missing signs change the outcome. Beyond the largest value a float has
 * neighbours all the same, those of an exponent without upper end. `src/rounding` decides with the same neighbours in
 * binary64; this is for showing them.
 */

import type {
  CodebookFormat,
  FloatFormat,
  Format,
  LogarithmicFormat,
  PositFormat,
} from '../formats/index.ts';
import { bitLength } from '../formats/integers.ts';
import { type ResolvedRounding, roundScalar } from '../rounding/index.ts';
import { absolute, one, toUnits, unitBits } from './exact.ts';

/** Two neighbours in units of 2^-1074, equal if the number is a value; undefined where there is none on that side. */
export interface Neighbours {
  /** The one nearer zero; of those of different sign the lower one. */
  readonly inner: bigint | undefined;
  readonly outer: bigint | undefined;
  /** Whether the inner one is odd as ties and to-odd see it: its significand, index or code. */
  readonly innerIsOdd: boolean;
}

/** Whether x lies between zero and the smallest normal value with nothing between those two. */
export const isBelowNormal = (x: number, format: Format, { subnormals }: ResolvedRounding): boolean =>
  format.kind === 'float' && subnormals === 'round-to-minimum-normal' && Math.abs(x) < format.minNormal;

/** Formats without significand bits have no even significand: their nearest-even ties go away from zero. */
export const tiesGoAway = (x: number, format: Format, options: ResolvedRounding): boolean =>
  format.kind === 'float' &&
  format.mantissaBits === 0 &&
  format.specials !== 'p3109' &&
  !isBelowNormal(x, format, options);

/** Multiples of 2^exponent around a magnitude. */
function multiplesAround(
  magnitude: bigint,
  exponent: number,
): { lower: bigint; upper: bigint; count: bigint } {
  const step = 1n << BigInt(Math.max(exponent + unitBits, 0));
  const count = magnitude / step;
  const lower = count * step;
  return { lower, upper: lower === magnitude ? lower : lower + step, count };
}

function aroundInFloat(magnitude: bigint, format: FloatFormat, options: ResolvedRounding): Neighbours {
  if (magnitude === 0n) return { inner: 0n, outer: 0n, innerIsOdd: false };
  const minNormal = toUnits(format.minNormal);
  if (magnitude < minNormal) {
    if (!format.hasZero) return { inner: undefined, outer: minNormal, innerIsOdd: false };
    if (options.subnormals === 'round-to-minimum-normal')
      return { inner: 0n, outer: minNormal, innerIsOdd: false };
  }
  const exponent = bitLength(magnitude) - 1 - unitBits;
  // An unbounded exponent ends where binary64 does.
  const lowest = format.exponentBits === Infinity ? -unitBits : format.emin - format.mantissaBits;
  const natural = exponent - format.mantissaBits;
  const isUnbounded = options.subnormals === 'flush' && format.exponentBits !== Infinity;
  const quantum = isUnbounded ? natural : Math.max(natural, lowest);
  const { lower, upper, count } = multiplesAround(magnitude, quantum);
  // P3109 with precision 1 goes by the code, which is the exponent field.
  const byCode = format.specials === 'p3109' && format.mantissaBits === 0 && count > 0n;
  const innerIsOdd = byCode ? (quantum + format.bias) % 2 !== 0 : count % 2n === 1n;
  const isJammed = options.rounding === 'jamming' && lower === magnitude && !innerIsOdd;
  return { inner: lower, outer: isJammed ? lower + (1n << BigInt(quantum + unitBits)) : upper, innerIsOdd };
}

/** Neighbours in an ascending list of non-negative values. */
function aroundInList(magnitude: bigint, values: readonly number[]): Neighbours {
  const above = values.findIndex((value) => toUnits(value) >= magnitude);
  if (above < 0) return { inner: toUnits(values.at(-1)!), outer: undefined, innerIsOdd: false };
  const outer = toUnits(values[above]!);
  if (outer === magnitude) return { inner: outer, outer, innerIsOdd: above % 2 === 1 };
  return { inner: toUnits(values[above - 1]!), outer, innerIsOdd: (above - 1) % 2 === 1 };
}

function aroundInLogarithmic(magnitude: bigint, format: LogarithmicFormat): Neighbours {
  return aroundInList(
    magnitude,
    format.values().filter((value) => value >= 0),
  );
}

/** Positive codes ascend with their values. */
function aroundInPosit(magnitude: bigint, format: PositFormat): Neighbours {
  let low = 0;
  let high = 2 ** (format.bits - 1) - 1;
  const unitsAt = (code: number): bigint => toUnits(format.decode(code));
  if (magnitude > unitsAt(high)) return { inner: unitsAt(high), outer: undefined, innerIsOdd: true };
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (unitsAt(middle) >= magnitude) high = middle;
    else low = middle + 1;
  }
  const outer = unitsAt(high);
  if (outer === magnitude) return { inner: outer, outer, innerIsOdd: high % 2 === 1 };
  return { inner: unitsAt(high - 1), outer, innerIsOdd: (high - 1) % 2 === 1 };
}

function aroundInCodebook(x: bigint, format: CodebookFormat): Neighbours {
  const values = format.values();
  const above = values.findIndex((value) => toUnits(value) >= x);
  if (above < 0) return { inner: toUnits(values.at(-1)!), outer: undefined, innerIsOdd: false };
  const upper = toUnits(values[above]!);
  if (upper === x) return { inner: upper, outer: upper, innerIsOdd: false };
  // Nothing below: the smallest value is the inner one only if zero lies above it.
  if (above === 0)
    return upper <= 0n
      ? { inner: upper, outer: undefined, innerIsOdd: false }
      : { inner: undefined, outer: upper, innerIsOdd: false };
  const lower = toUnits(values[above - 1]!);
  const negative = upper <= 0n;
  const [inner, outer, index] = negative ? [upper, lower, above] : [lower, upper, above - 1];
  const innerIsOdd =
    format.ties === 'upper'
      ? !negative
      : format.ties === 'even-multiple'
        ? (inner / toUnits(format.step)) % 2n !== 0n
        : index % 2 === 1;
  return { inner, outer, innerIsOdd };
}

/** The neighbours of a finite number. A value that jamming changes lies between itself and what it becomes. */
export function neighboursOf(x: number, format: Format, options: ResolvedRounding): Neighbours {
  const found = valuesAround(x, format, options);
  const value = found.inner;
  if (options.rounding !== 'jamming' || value === undefined || value !== found.outer) return found;
  const jammed = jammedValue(value, x, format, options);
  if (jammed === value) return found;
  return absolute(jammed) > absolute(value) || value === 0n
    ? { inner: value, outer: jammed, innerIsOdd: false }
    : { inner: jammed, outer: value, innerIsOdd: true };
}

/** What jamming makes of a value; of an integer, before it overflows. Floats have their neighbours beyond the range already. */
function jammedValue(value: bigint, x: number, format: Format, options: ResolvedRounding): bigint {
  if (format.kind === 'float') return value;
  if (format.kind !== 'int' && format.kind !== 'fixed') return toUnits(roundScalar(x, format, options, 0));
  const step = format.kind === 'int' ? one : toUnits(format.step);
  return (value / step) % 2n === 0n ? value + step : value;
}

function valuesAround(x: number, format: Format, options: ResolvedRounding): Neighbours {
  const units = toUnits(x);
  if (format.kind === 'codebook') return aroundInCodebook(units, format);
  const { inner, outer, innerIsOdd } = aroundMagnitude(absolute(units), format, options);
  const signed = (magnitude: bigint | undefined): bigint | undefined =>
    magnitude === undefined || x >= 0 ? magnitude : -magnitude;
  return { inner: signed(inner), outer: signed(outer), innerIsOdd };
}

function aroundMagnitude(
  magnitude: bigint,
  format: Exclude<Format, CodebookFormat>,
  options: ResolvedRounding,
): Neighbours {
  switch (format.kind) {
    case 'float':
      return aroundInFloat(magnitude, format, options);
    case 'int':
    case 'fixed': {
      const exponent = format.kind === 'fixed' ? -format.fractionBits : 0;
      const { lower, upper, count } = multiplesAround(magnitude, exponent);
      return { inner: lower, outer: upper, innerIsOdd: count % 2n === 1n };
    }
    case 'posit':
      return aroundInPosit(magnitude, format);
    case 'logarithmic':
      return aroundInLogarithmic(magnitude, format);
  }
}

/**
 * A unit in the last place at x, in units of 2^-1074: the distance of its neighbours where x lies between two values of
 * the format, otherwise the spacing of the values next to it on the side of zero. 0n only if x cannot be inexact.
 */
export function ulpUnits(x: number, format: Format, { inner, outer }: Neighbours): bigint {
  const isInside = inner !== undefined && outer !== undefined && inner !== outer;
  if (format.kind === 'float') {
    const exponent = x === 0 ? format.emin : bitLength(absolute(toUnits(x))) - 1 - unitBits;
    if (!format.hasSubnormals && format.exponentBits !== Infinity && Math.abs(x) < format.minNormal)
      return toUnits(format.minNormal);
    const bounded = Math.min(
      format.exponentBits === Infinity ? exponent : Math.max(exponent, format.emin),
      format.emax,
    );
    return (1n << BigInt(bounded + unitBits)) >> BigInt(format.mantissaBits);
  }
  if (format.kind === 'int') return one;
  if (format.kind === 'fixed') return toUnits(format.step);
  if (isInside) return absolute(outer - inner);
  const values = spacingValues(format);
  const at = values.findIndex((value) => value >= x);
  const upper = at < 0 ? values.length - 1 : Math.max(at, 1);
  return toUnits(values[upper]!) - toUnits(values[upper - 1]!);
}

/** Values between which the spacing outside is looked up: the list, or the last few of a posit. */
function spacingValues(format: PositFormat | LogarithmicFormat | CodebookFormat): readonly number[] {
  if (format.kind !== 'posit') return format.values();
  const top = 2 ** (format.bits - 1) - 1;
  const ends = top > 1 ? [format.decode(top - 1), format.max] : [0, format.max];
  return [...ends.map((value) => -value).reverse(), ...ends];
}

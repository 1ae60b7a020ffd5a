/**
 * The hardest arguments of a function in a format: those whose exact results lie nearest to a number of the format, or to the
 * middle of two, without being one. Measured on stand-ins, in units in the last place.
 */

import { exponentOf, scaleByPowerOfTwo } from '../src/binary64.ts';
import type { Format } from '../src/formats/index.ts';
import type { Task } from './elementary-compare.ts';
import { standInByDigits } from './oracles/elementary.ts';

export interface HardCase {
  readonly x: number;
  /** The exact result, rounded to odd to binary64. */
  readonly exact: number;
  /** To the nearest number or middle, as log2 of units in the last place, to a tenth. */
  readonly distance: number;
}

/** Bits of a number of the format about as large. */
function precisionAt(x: number, format: Format): number {
  if (format.kind === 'float') return format.precision - Math.max(0, format.emin - exponentOf(x));
  if (format.kind !== 'posit') throw new Error(`${format.name}: no precision`);
  const exponent = exponentOf(x);
  const regime = Math.floor(exponent / 2 ** format.es);
  return format.bits - (regime >= 0 ? regime + 3 : 2 - regime) - format.es;
}

/**
 * The `count` hardest cases. Left out, being near to a number for a reason (series at 0, limits at infinity): arguments below
 * 2^(-p/2), results within 2^-p of 1 or of the argument, exact ones; and those out of the format's range of full precision.
 */
export function hardestOf({ name, x, exact }: Task, format: Format, count: number): HardCase[] {
  const found: HardCase[] = [];
  const full = format.kind === 'float' ? format.precision : 12;
  exact.forEach((value, i) => {
    const argument = x[i]!;
    const size = Math.abs(value);
    if (!Number.isFinite(value) || size === 0 || size > format.max) return;
    if (Math.abs(argument) < 2 ** (-full / 2)) return;
    const precision = precisionAt(value, format);
    if (precision < (format.kind === 'posit' ? 9 : full)) return;
    const nearness = 2 ** -precision;
    if (Math.abs(size - 1) < nearness || Math.abs(value / argument - 1) < nearness) return;
    const halves = scaleByPowerOfTwo(size, precision - exponentOf(size));
    const rest = halves - Math.floor(halves);
    const distance = Math.min(rest, 1 - rest) / 2;
    if (distance < 2 ** -30) return; // exact
    if (found.length === count && distance >= found.at(-1)!.distance) return;
    found.push({ x: argument, exact: value, distance });
    found.sort((a, b) => a.distance - b.distance);
    found.splice(count);
  });
  // The engine's value has served the search; what is kept does not depend on it.
  return found.map((each) => ({
    x: each.x,
    exact: standInByDigits(name, each.x),
    distance: Math.round(10 * Math.log2(each.distance)) / 10,
  }));
}

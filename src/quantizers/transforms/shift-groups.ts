/**
 * Channels multiplied by powers of two of their own, of which there are only a few: small channels use the range of the format,
 * and an integer product still needs no more than shifts. Source: Guo, Lin, Zhou et al., "Towards accurate and efficient
 * sub-8-bit integer training" (ShiftQuant), arXiv 2411.10948, section 4; the greedy choice below is our own reading of it.
 */

import type { RealArray } from '../../array-kinds.ts';
import { exponentOf, scaleByPowerOfTwo } from '../../binary64.ts';
import { checkFields, checkLength, integerInRange } from '../../check.ts';
import { boundedBy, carrierOf } from '../../operations/carrier.ts';
import { aroundAxis, axisOption } from '../grouping.ts';
import { passedBy } from './elementwise.ts';
import {
  checkedTransform,
  newLike,
  residueOf,
  type Transform,
  type TransformContext,
  type TransformData,
} from './transform.ts';

export interface ShiftGroupOptions {
  /** How many different shifts there may be, 0 among them: 1 to 256. Default 4. */
  readonly groups?: number;
  /** Axis of the channels. Default: that of the contraction, which the context names, or the last. */
  readonly axis?: number;
}

/** The largest finite magnitude of each channel. */
function channelMaxima(x: RealArray, outer: number, channels: number, inner: number): Float64Array {
  const maxima = new Float64Array(channels);
  for (let i = 0, o = 0; o < outer; o++)
    for (let c = 0; c < channels; c++)
      for (let k = 0; k < inner; k++, i++) {
        const magnitude = Math.abs(x[i]!);
        if (magnitude > maxima[c]! && magnitude < Infinity) maxima[c] = magnitude;
      }
  return maxima;
}

/** The largest shift, at most 255, that keeps a channel within the largest maximum; 0 for a channel of zeros. */
function idealShift(maximum: number, largest: number): number {
  if (maximum === 0) return 0;
  const difference = exponentOf(largest) - exponentOf(maximum);
  const fits = scaleByPowerOfTwo(maximum, difference) <= largest;
  return Math.min(fits ? difference : difference - 1, 255);
}

/**
 * The shifts to offer: 0, then one after the other that which lowers the sum of 4^-shift over the channels most (the error of
 * a channel goes with 2^-shift); of equal ones the smallest. Stops when no more helps.
 */
function chooseShifts(ideals: readonly number[], groups: number): number[] {
  const counts = new Map<number, number>();
  for (const ideal of ideals) counts.set(ideal, (counts.get(ideal) ?? 0) + 1);
  const candidates = [...counts.keys()].sort((a, b) => a - b);
  const cost = (chosen: readonly number[]): number => {
    let sum = 0;
    for (const [ideal, count] of counts) sum += count * 2 ** (-2 * offered(ideal, chosen));
    return sum;
  };
  const chosen = [0];
  let least = cost(chosen);
  while (chosen.length < groups) {
    let best: number | undefined;
    for (const candidate of candidates) {
      const trial = cost([...chosen, candidate]);
      if (trial < least) {
        least = trial;
        best = candidate;
      }
    }
    if (best === undefined) break;
    chosen.push(best);
  }
  return chosen;
}

/** The largest offered shift that is not above the ideal one. */
function offered(ideal: number, chosen: readonly number[]): number {
  let shift = 0;
  for (const candidate of chosen) if (candidate <= ideal && candidate > shift) shift = candidate;
  return shift;
}

/**
 * Each channel times 2^shift, the shifts chosen greedily from at most `groups` different ones so that no channel exceeds the
 * largest; inverse: divided by it. Exact both ways. NaN and infinities stay, and count for no maximum. The residue is one byte
 * a channel.
 *
 * Along an axis of the product's result, rows or columns of the result are scaled by 2^shift. Along the axis that is summed over,
 * channels of one shift are summed apart and shifted before they are added.
 *
 * @example
 * shiftGroups({ groups: 2 }).forward(new Float32Array([8, 1.5, -4, 1]), [2, 2]).values; // channels 0 and 1 (the columns)
 * // [8, 6, -4, 4]: the second channel is shifted by 2
 *
 * @throws ArgumentError if an option is not accepted.
 */
export function shiftGroups(options?: ShiftGroupOptions): Transform {
  const given = checkFields('', options, ['groups', 'axis']);
  const groups = integerInRange('groups', given.groups, 1, 256, 4);
  const own = axisOption(given.axis);
  const axisOf = (context?: TransformContext): number => own ?? context?.axis ?? -1;

  /** Multiplies channel c by 2^(sign shifts[c]). */
  function shift<A extends RealArray>(
    x: A,
    shape: readonly number[],
    axis: number,
    shifts: Uint8Array,
    sign: 1 | -1,
  ): A {
    const { outer, length, inner } = aroundAxis(axis, shape);
    checkLength('residue', shifts, length, `${length} shifts, one a channel`);
    const values = newLike(x);
    const { max } = carrierOf(x);
    const factors = Float64Array.from(shifts, (s) => 2 ** (sign * s));
    for (let i = 0, o = 0; o < outer; o++)
      for (let c = 0; c < length; c++)
        for (let k = 0; k < inner; k++, i++) values[i] = boundedBy(x[i]!, x[i]! * factors[c]!, max);
    return values;
  }

  return checkedTransform({
    name: 'shift-groups',
    inProduct: 'scales',
    forward: (x, shape, context) => {
      const axis = axisOf(context);
      const { outer, length, inner } = aroundAxis(axis, shape);
      const maxima = channelMaxima(x, outer, length, inner);
      const largest = maxima.reduce((a, b) => Math.max(a, b), 0);
      const ideals = Array.from(maxima, (maximum) => idealShift(maximum, largest));
      const chosen = chooseShifts(ideals, groups);
      const shifts = Uint8Array.from(ideals, (ideal) => offered(ideal, chosen));
      return { values: shift(x, shape, axis, shifts, 1), residue: { kind: 'shifts', shifts } };
    },
    inverse: (values, shape, residue, context) => {
      return shift(values, shape, axisOf(context), residueOf(residue, 'shifts').shifts, -1);
    },
    pullback: passedBy,
    forwardGradient: (gradient, _x, shape, residue, context) =>
      shift(gradient, shape, axisOf(context), residueOf(residue, 'shifts').shifts, 1),
    inverseGradient: (gradient, _values, shape, residue, context) =>
      shift(gradient, shape, axisOf(context), residueOf(residue, 'shifts').shifts, -1),
    toJSON: (): TransformData => ({
      name: 'shift-groups',
      groups,
      ...(own !== undefined && { axis: own }),
    }),
  } satisfies Transform);
}

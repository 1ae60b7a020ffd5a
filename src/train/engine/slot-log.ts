/**
 * What the quantisers of slots do to operands, counted in the log of an emulation: in rows whose kernel is the slot and whose layer is
 * the parameter. It looks and changes nothing.
 */
import { nextDown, nextUp } from '../../formats/index.ts';
import type { RealArray } from '../../formats/real-arrays.ts';
import type { Explained } from '../../quantizers/index.ts';
import type { EmulationLog } from '../../tfjs/log.ts';
import type { Role } from '../../tfjs/policy.ts';

/** Where an operand stands. */
interface SlotPlace {
  readonly slot: string;
  readonly parameter: string;
  readonly isTraining: boolean;
}

function roleOf({ slot, isTraining }: SlotPlace): Role {
  if (!slot.startsWith('forward')) return 'backward';
  return isTraining ? 'forward' : 'predict';
}

/**
 * Counts one image. Numbers are compared in units of their scale: overflow are those that clamping has moved by more than half a step
 * of the grid, as the largest of a group may lie an ulp beyond the end that it is scaled to.
 */
export function countImage(
  log: EmulationLog,
  place: SlotPlace,
  explained: Explained,
  { low, high }: { readonly low: number; readonly high: number },
): void {
  const { format } = explained;
  const add = (exact: RealArray, rounded: RealArray, min: number, max: number): void =>
    log.add(place.slot, roleOf(place), place.parameter, single(exact), single(rounded), { min, max });
  // Between zero points there is no end that a number could lie beyond: scales are made so.
  if (explained.zeroPoints !== undefined) add(explained.x, explained.values, -Infinity, Infinity);
  else {
    const above = high + (high - nextDown(high, format)) / 2;
    const below = low - (nextUp(low, format) - low) / 2;
    add(explained.scaled, explained.elements, below, above);
  }
}

const single = (values: RealArray): Float32Array =>
  values instanceof Float32Array ? values : Float32Array.from(values);

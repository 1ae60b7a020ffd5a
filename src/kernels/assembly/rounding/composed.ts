/**
 * Toward zero and to odd in lanes, for the common cases: roundings that compose. First the significand is cut to the
 * target's precision on the bit pattern, then to the one quantum of its subnormal numbers, of which larger numbers are
 * multiples already. No exponent is taken apart, so this takes fewer instructions than `quick.ts`.
 */
import {
  cutMaskSlot,
  endKept,
  endNaN,
  fixedInverseSlot,
  fixedQuantumSlot,
  quickOdd,
  restMaskSlot,
} from '../../generated/layout-rounding';
import { clampAll, clampFinite, keepConstant, lowerLimit, upperLimit } from './ends';

/** The significand cut on the bit pattern: toward zero, or to odd. A quiet NaN stays one, an infinity too. */
@inline
export function cut<I>(mode: i32, value: v128, rest: v128, mask: v128): v128 {
  if (mode != quickOdd) return v128.and(value, mask);
  // The bits cut off and the largest such number carry into the lowest bit kept, unless they are 0.
  return v128.and(v128.or(value, v128.add<I>(v128.and(value, rest), rest)), mask);
}

@inline
function composedLanes<F, I, E>(
  mode: i32,
  value: v128,
  rest: v128,
  mask: v128,
  inverse: v128,
  quantum: v128,
  upper: v128,
  lower: v128,
  keep: v128,
): v128 {
  const clamped =
    offsetof<E>() == endKept
      ? clampFinite<F>(value, true, true, upper, lower, keep)
      : clampAll<F>(value, upper, lower);
  // The product makes a NaN quiet. To odd it is half the number of units: floor and ceiling make odd integers of it.
  const units = cut<I>(mode, v128.mul<F>(clamped, inverse), rest, mask);
  const integer =
    mode == quickOdd ? v128.add<F>(v128.floor<F>(units), v128.ceil<F>(units)) : v128.trunc<F>(units);
  const rounded = v128.mul<F>(integer, quantum);
  // Minus 0, but NaN for an infinity.
  return offsetof<E>() == endNaN ? v128.sub<F>(rounded, v128.sub<F>(value, value)) : rounded;
}

/** Rounds `bytes` bytes, a multiple of 32, as `quick` does. */
@inline
export function composed<F, I, E>(
  mode: i32,
  source: usize,
  destination: usize,
  bytes: usize,
  parameters: usize,
): void {
  const rest = v128.load_splat<I>(parameters, restMaskSlot);
  const mask = v128.load_splat<I>(parameters, cutMaskSlot);
  const inverse = v128.load_splat<F>(parameters, fixedInverseSlot);
  const quantum = v128.load_splat<F>(parameters, fixedQuantumSlot);
  const keep = keepConstant<F>(parameters);
  const isKept = offsetof<E>() == endKept;
  const upper = upperLimit<F>(isKept, parameters);
  const lower = lowerLimit<F>(isKept, parameters);
  let to = destination;
  for (let from = source, stop = source + bytes; from < stop; from += 32) {
    const value0 = v128.load(from);
    const value1 = v128.load(from, 16);
    v128.store(to, composedLanes<F, I, E>(mode, value0, rest, mask, inverse, quantum, upper, lower, keep));
    v128.store(
      to,
      composedLanes<F, I, E>(mode, value1, rest, mask, inverse, quantum, upper, lower, keep),
      16,
    );
    to += 32;
  }
}

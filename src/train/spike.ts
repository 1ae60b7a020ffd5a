/**
 * The loss spike at a transition: how high it is and how long it lasts, from the training losses alone.
 */
import { type Numbers, realArray } from '../array-kinds.ts';
import { integerInRange } from '../check.ts';

export interface Spike {
  /** Steps done before the transition. */
  readonly step: number;
  /** Highest training loss of the 200 steps from there on minus the mean of the 20 before, in nats. */
  readonly height: number;
  /** Mean training loss of the first 10 steps from there on minus that mean: less chance in it than in the height. */
  readonly excess10: number;
  /** The same over 50 steps. */
  readonly excess50: number;
  /** Steps from the transition to the first of 5 whose mean loss is below that mean; null if there are none. */
  readonly recoverySteps: number | null;
}

const BEFORE = 20;
const AFTER = 200;
const WINDOW = 5;

const meanOf = (losses: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < losses.length; i++) sum += losses[i]!;
  return sum / losses.length;
};

/**
 * Measures the spike at a transition.
 * @param given Training loss of each step, in order.
 * @param at Steps done before the transition: `losses[at]` is the first one after it.
 * @returns null without at least one loss on each side.
 * @throws ArgumentError naming `losses` or `at`, which is no number of steps.
 */
export function lossSpike(given: Numbers, at: number): Spike | null {
  const losses = realArray('losses', given);
  integerInRange('at', at, 0, Number.MAX_SAFE_INTEGER);
  const before = losses.slice(Math.max(0, at - BEFORE), at);
  const after = losses.slice(at, at + AFTER);
  if (before.length === 0 || after.length === 0) return null;
  const baseline = meanOf(before);
  let recoverySteps: number | null = null;
  for (let i = at; i + WINDOW <= losses.length && recoverySteps === null; i++) {
    if (meanOf(losses.slice(i, i + WINDOW)) < baseline) recoverySteps = i - at;
  }
  return {
    step: at,
    height: Math.max(...after) - baseline,
    excess10: meanOf(after.slice(0, 10)) - baseline,
    excess50: meanOf(after.slice(0, 50)) - baseline,
    recoverySteps,
  };
}

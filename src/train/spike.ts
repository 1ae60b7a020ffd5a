/**
 * The loss spike at a transition: how high it is and how long it lasts, from the training losses alone.
 */

export interface Spike {
  /** Steps done before the transition. */
  readonly step: number;
  /** Highest training loss of the 200 steps from there on minus the mean of the 20 before, in nats. */
  readonly height: number;
  /** Steps from the transition to the first of 5 whose mean loss is below that mean; null if there are none. */
  readonly recoverySteps: number | null;
}

const BEFORE = 20;
const AFTER = 200;
const WINDOW = 5;

/**
 * Measures the spike at a transition.
 * @param losses Training loss of each step, in order.
 * @param at Steps done before the transition: `losses[at]` is the first one after it.
 * @returns null without at least one loss on each side.
 */
export function lossSpike(losses: readonly number[], at: number): Spike | null {
  const before = losses.slice(Math.max(0, at - BEFORE), at);
  const after = losses.slice(at, at + AFTER);
  if (before.length === 0 || after.length === 0) return null;
  const baseline = before.reduce((sum, loss) => sum + loss, 0) / before.length;
  let recoverySteps: number | null = null;
  for (let i = at; i + WINDOW <= losses.length && recoverySteps === null; i++) {
    const mean = losses.slice(i, i + WINDOW).reduce((sum, loss) => sum + loss, 0) / WINDOW;
    if (mean < baseline) recoverySteps = i - at;
  }
  return { step: at, height: Math.max(...after) - baseline, recoverySteps };
}

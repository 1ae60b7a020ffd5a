/**
 * Phases on the step axis: at which step each begins, which one is in force, and what of it depends on the steps since.
 * Phases whose parts of all steps round to one step are all entered there, in order: the last of them rules, and a reset
 * that any of them asks for is made.
 */
import type { ExtraNorm, Phase, Recipe } from './recipe.ts';

/** First step (0-based) of each phase. */
export function phaseStarts({ phases }: Recipe, steps: number): number[] {
  return phases.map(({ from }) => Math.round(from * steps));
}

/** The norm of a phase: one that comes with the switch is absent from the first phase. */
export function normOf({ extraNorm }: Recipe, phase: number): ExtraNorm | null {
  return extraNorm?.when === 'switch' && phase === 0 ? null : extraNorm;
}

/** The factor on the learning rate `since` steps after a phase has begun. */
export function rewarmFactor({ rewarm = 0 }: Phase, since: number, steps: number): number {
  const length = Math.round(rewarm * steps);
  return since >= length ? 1 : (since + 1) / length;
}

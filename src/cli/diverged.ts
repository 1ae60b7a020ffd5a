/**
 * Runs that diverged: which did, and the words of tables, pictures and pages for how many of the seeds and at which steps.
 */
import type { Divergence, TrainResult } from '../train/index.ts';

/** A seed whose run diverged, and where. */
export interface DivergedSeed extends Divergence {
  readonly seed: number;
}

/**
 * Where a run diverged, or null: what its result says, or what the losses say of a result that does not.
 * @param steps of the run, in order
 */
export function divergenceOf(
  result: Pick<TrainResult, 'steps' | 'trainLoss' | 'validationLoss'> &
    Partial<Pick<TrainResult, 'divergence'>>,
  steps: readonly { readonly step: number; readonly loss: number }[],
): Divergence | null {
  const { divergence, trainLoss, validationLoss } = result;
  if (divergence) return divergence;
  if (Number.isFinite(trainLoss) && Number.isFinite(validationLoss)) return null;
  const first = steps.find(({ loss }) => !Number.isFinite(loss));
  return first === undefined
    ? { step: result.steps, of: 'validation loss', tensor: null }
    : { step: first.step, of: 'loss', tensor: null };
}

/** What a cell says in place of a mean that divergence took away. */
export const divergedWord = 'diverged';

/** `2 of 3 seeds diverged, at steps 120, 340`; `diverged at step 120` of one seed. */
export function divergedInWords(diverged: readonly Pick<Divergence, 'step'>[], seeds: number): string {
  const steps = diverged.map(({ step }) => step).join(', ');
  const at = diverged.length === 1 ? `step ${steps}` : `steps ${steps}`;
  return seeds === 1 ? `diverged at ${at}` : `${diverged.length} of ${seeds} seeds diverged, at ${at}`;
}

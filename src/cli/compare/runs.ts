/**
 * The runs of a comparison, one for each seed and arm, and the loop that trains them one after the other. Seeds are
 * the outer loop: a comparison that is stopped half-way has whole groups of arms with the same seed. It knows neither
 * TensorFlow.js nor files; records go to the sinks it is given.
 */

import type { EvaluationRecord, PhaseRecord, StepRecord, TrainResult } from '../../train/index.ts';
import { divergenceOf } from '../diverged.ts';
import type { Arm } from './arms.ts';
import type { Trainer } from './trainer.ts';

/** One arm trained with one seed, as far as it has come. */
export interface Run {
  readonly arm: Arm;
  readonly seed: number;
  status: 'waiting' | 'running' | 'finished' | 'diverged' | 'interrupted' | 'failed';
  /** Training loss of every step so far. */
  readonly steps: StepRecord[];
  readonly evaluations: EvaluationRecord[];
  readonly phases: PhaseRecord[];
  result: TrainResult | null;
}

/** Whether a run has come to its end: its last step, or the one at which it diverged. */
export const isEnded = ({ status }: Pick<Run, 'status'>): boolean =>
  status === 'finished' || status === 'diverged';

/** How a run with a result ended. */
const endOf = (result: TrainResult, steps: readonly StepRecord[]): Run['status'] =>
  result.interrupted ? 'interrupted' : divergenceOf(result, steps) === null ? 'finished' : 'diverged';

/** Who hears of what happens. */
export interface RunObserver {
  runStarted(run: Run): void;
  step(run: Run, record: StepRecord): void;
  evaluation(run: Run, record: EvaluationRecord): void;
  phase(run: Run, record: PhaseRecord): void;
  runEnded(run: Run): void;
}

/** All runs of a comparison, waiting. */
export function planRuns(arms: readonly Arm[], firstSeed: number, seeds: number): Run[] {
  const runs: Run[] = [];
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    for (const arm of arms) {
      runs.push({ arm, seed, status: 'waiting', steps: [], evaluations: [], phases: [], result: null });
    }
  }
  return runs;
}

/**
 * Trains the runs in order until all are done, `signal` aborts or one fails. A failure is thrown after its run has
 * been marked; what was measured stays in `runs`.
 */
export async function trainRuns(
  runs: readonly Run[],
  trainer: Trainer,
  signal: AbortSignal,
  observer: RunObserver,
): Promise<void> {
  for (const run of runs) {
    if (signal.aborted) return;
    run.status = 'running';
    observer.runStarted(run);
    try {
      run.result = await trainer.train({
        recipe: run.arm.recipe,
        seed: run.seed,
        signal,
        onStep: (record) => {
          run.steps.push(record);
          observer.step(run, record);
        },
        onEvaluation: (record) => {
          run.evaluations.push(record);
          observer.evaluation(run, record);
        },
        onPhase: (record) => {
          run.phases.push(record);
          observer.phase(run, record);
        },
      });
      run.status = endOf(run.result, run.steps);
    } catch (error) {
      run.status = 'failed';
      throw error;
    }
    observer.runEnded(run);
  }
}

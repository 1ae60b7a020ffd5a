/** A run of training with all that it tells: losses, gradients' norms, and its state after each step. */
import {
  type Checkpoint,
  encodeCheckpoint,
  type TrainOptions,
  type TrainResult,
  train,
} from '../src/train/index.ts';

interface TracedRun {
  readonly losses: number[];
  readonly norms: number[];
  readonly checkpoints: Checkpoint[];
  /** Of the checkpoints, without the seconds that steps took. */
  readonly bytes: Uint8Array[];
  readonly result: TrainResult;
}

/** Trains without evaluations on the way, unless the options say otherwise. */
export async function tracedRun(options: TrainOptions): Promise<TracedRun> {
  const losses: number[] = [];
  const norms: number[] = [];
  const checkpoints: Checkpoint[] = [];
  const result = await train({
    ...{ evaluateEvery: 0, checkpointEvery: 1 },
    onStep: ({ loss, gradientNorm }) => {
      losses.push(loss);
      norms.push(gradientNorm);
    },
    onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
    ...options,
  });
  const bytes = checkpoints.map(({ state, arrays }) =>
    encodeCheckpoint({ state: { ...state, seconds: 0 }, arrays }),
  );
  return { losses, norms, checkpoints, bytes, result };
}

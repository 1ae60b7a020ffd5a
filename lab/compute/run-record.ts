/** What is known of a run: filled by the records of a training, as they come from a worker or stand in a run's metrics.jsonl. */
import { numberFrom } from '../../src/json.ts';
import type { EvaluationRecord, PhaseRecord, Spike, StepRecord, TrainResult } from '../../src/train/index.ts';

/** A corner of a weight matrix, and what its quantiser makes of it. */
export interface Picture {
  readonly step: number;
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly weights: Float32Array;
  /** Elements that the codes stand for; undefined where the phase reads the weight as it is. */
  readonly elements: Float32Array | undefined;
}

type Outcome = Pick<TrainResult, 'validationLoss' | 'validationAccuracy' | 'spike' | 'teacher'> & {
  readonly divergence?: TrainResult['divergence'];
};

/** A record as metrics.jsonl has it. */
export type RunEntry =
  | ({ readonly type: 'step' } & StepRecord)
  | ({ readonly type: 'evaluation' } & EvaluationRecord)
  | ({ readonly type: 'phase' } & PhaseRecord)
  | ({ readonly type: 'result' } & Outcome)
  | { readonly type: 'spike'; readonly spike: Spike | null };

export interface RunRecord {
  title: string;
  readonly steps: number[];
  readonly losses: number[];
  readonly evaluations: { step: number; loss: number; accuracy: number | undefined }[];
  /** Shares of the codes that a step flipped. */
  readonly flips: [step: number, share: number][];
  /** Steps done before each change of phase. */
  readonly phases: number[];
  /** At the last of them. */
  spike: Spike | null;
  seconds: number;
  picture: Picture | undefined;
  /** What came of it in words; empty while it goes on. */
  outcome: string;
}

export const emptyRecord = (title: string): RunRecord => ({
  ...{ title, steps: [], losses: [], evaluations: [], flips: [], phases: [] },
  ...{ spike: null, seconds: 0, picture: undefined, outcome: '' },
});

const percent = (share: number): string => `${(100 * share).toFixed(2)} % right`;

/** A loss, and an accuracy where there is one, in words. */
export const measured = (loss: number, accuracy: number | undefined): string =>
  `${loss.toFixed(4)}${accuracy === undefined ? '' : `, ${percent(accuracy)}`}`;

function outcomeOf({ divergence, validationLoss, validationAccuracy, spike }: Outcome): string {
  if (divergence) return `diverged at step ${divergence.step}`;
  const accuracy = validationAccuracy === undefined ? undefined : numberFrom(validationAccuracy);
  const height = !spike ? '' : `; spike ${numberFrom(spike.height).toFixed(3)}`;
  return `validation ${measured(numberFrom(validationLoss), accuracy)}${height}`;
}

/** Adds a record. Numbers that JSON has no words for are strings in files. */
export function addRecord(run: RunRecord, record: RunEntry): void {
  if (record.type === 'step') {
    const { step, loss, probes, seconds = 0 } = record;
    run.steps.push(step);
    run.losses.push(numberFrom(loss));
    run.seconds += seconds;
    const flipped = probes?.weights?.flipRate;
    if (flipped !== undefined) run.flips.push([step, numberFrom(flipped)]);
  } else if (record.type === 'evaluation') {
    const { step, loss, accuracy } = record;
    run.evaluations.push({
      step,
      loss: numberFrom(loss),
      accuracy: accuracy === undefined ? undefined : numberFrom(accuracy),
    });
  } else if (record.type === 'phase') {
    if (record.phase > 0) run.phases.push(record.step);
  } else if (record.type === 'spike') run.spike = record.spike;
  else run.outcome = outcomeOf(record);
}

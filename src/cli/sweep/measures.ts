/**
 * The numbers of a finished run that sweeps compare, by name. Whether less of one is better is not said here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationRecord, StepRecord, TrainResult } from '../../train/index.ts';
import { readRecords } from '../run-folder.ts';
import { spread } from '../statistics.ts';
import type { SweepRun } from './definition.ts';

/** The folder of run folders within `--out`: all sweeps there share it, so that equal runs are trained once. */
export const trainedFolder = 'trained';

/** A run that has its result, and what its probes said. */
export interface FinishedRun {
  readonly run: SweepRun;
  /** `peakMemory`: bytes that the process had at most. */
  readonly result: Omit<TrainResult, 'recipe'> & { readonly peakMemory?: number };
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
}

const resultPath = (folder: string, id: string): string => join(folder, id, 'result.json');

/** A run's result and records, or null without a result. */
export function finishedRun(folder: string, run: SweepRun): FinishedRun | null {
  let text: string;
  try {
    text = readFileSync(resultPath(folder, run.id), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const records = readRecords(join(folder, run.id, 'metrics.jsonl')) as ({ type: string } & StepRecord &
    EvaluationRecord)[];
  return {
    run,
    result: JSON.parse(text) as FinishedRun['result'],
    steps: records.filter(({ type }) => type === 'step'),
    evaluations: records.filter(({ type }) => type === 'evaluation'),
  };
}

/** Mean over the probed steps of what a probe of all weights saw. */
const probed =
  (field: 'flipRate' | 'stepRatio' | 'frozen' | 'entropy' | 'zeroFraction') =>
  ({ steps }: FinishedRun): number | undefined =>
    spread(steps.flatMap(({ probes }) => probes?.weights?.[field] ?? []))?.mean;

/**
 * Names of a run's numbers; `inference` is the validation loss with the first of the recipe's `inference` weights,
 * `inferenceAccuracy` the accuracy. Accuracies are of classification only, from 0 to 1.
 */
export type MeasureName =
  | 'validationLoss'
  | 'accuracy'
  | 'trainLoss'
  | 'inference'
  | 'inferenceAccuracy'
  | 'spike'
  | 'excess10'
  | 'excess50'
  | 'recoverySteps'
  | 'flipRate'
  | 'stepRatio'
  | 'frozen'
  | 'entropy'
  | 'zeroFraction'
  | 'bytesPerParameter'
  | 'totalMemory'
  | 'peakMemory'
  | 'secondsPerStep';

const measureTable: Readonly<Record<MeasureName, (finished: FinishedRun) => number | null | undefined>> = {
  validationLoss: ({ result }) => result.validationLoss,
  accuracy: ({ result }) => result.validationAccuracy,
  trainLoss: ({ result }) => result.trainLoss,
  inference: ({ result }) => result.inference[0]?.loss,
  inferenceAccuracy: ({ result }) => result.inference[0]?.accuracy,
  spike: ({ result }) => result.spike?.height,
  excess10: ({ result }) => result.spike?.excess10,
  excess50: ({ result }) => result.spike?.excess50,
  recoverySteps: ({ result }) => result.spike?.recoverySteps,
  flipRate: probed('flipRate'),
  stepRatio: probed('stepRatio'),
  frozen: probed('frozen'),
  entropy: probed('entropy'),
  zeroFraction: probed('zeroFraction'),
  bytesPerParameter: ({ result }) => result.memory.bytesPerParameter,
  totalMemory: ({ result }) => result.memory.total,
  peakMemory: ({ result }) => result.peakMemory,
  secondsPerStep: ({ result }) => result.seconds / result.steps,
};

export const measureNames: readonly MeasureName[] = Object.keys(measureTable) as MeasureName[];

/** A number of a finished run; null where the run has none, as a spike without a transition. */
export const measureOf = (finished: FinishedRun, name: MeasureName): number | null =>
  measureTable[name](finished) ?? null;

/**
 * A run that has its result, read from its folder: the result, the records, and whether it diverged. Results of versions
 * that did not record divergence, and had null for what is no finite number, are read too.
 */
import { join } from 'node:path';
import { numberFrom } from '../../json.ts';
import type { Divergence, EvaluationRecord, StepRecord, TrainResult } from '../../train/index.ts';
import { divergenceOf } from '../diverged.ts';
import { readRecords, readResult } from '../run-files.ts';
import type { SweepRun } from './sweep-run.ts';

/** The folder of run folders within `--out`: all sweeps there share it, so that equal runs are trained once. */
export const trainedFolder = 'trained';

/** A run that has its result, and what its probes said. */
export interface FinishedRun {
  readonly run: SweepRun;
  /** `peakMemory`: bytes that the process had at most. */
  readonly result: Omit<TrainResult, 'recipe'> & { readonly peakMemory?: number };
  /** Where it ceased to be numbers: such a run is done, but has no losses. */
  readonly divergence: Divergence | null;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
}

type Fields = Readonly<Record<string, unknown>>;

/** An object in which fields that hold a number are numbers again; absent fields stay absent. */
function withNumbers<T extends object>(data: T, names: readonly string[]): T {
  const numbers = names.flatMap((name) => {
    const field = (data as Fields)[name];
    return field === undefined ? [] : [[name, numberFrom(field)] as const];
  });
  return { ...data, ...Object.fromEntries(numbers) };
}

const losses = ['trainLoss', 'validationLoss', 'validationAccuracy', 'perplexity'];
const heights = ['height', 'excess10', 'excess50'];
const measures = ['flipRate', 'stepRatio', 'frozen', 'entropy', 'zeroFraction', 'saturation'];

const operandNumbers = ['sqnr', 'saturation', 'underflow', 'entropy'];
const gradientNumbers = ['bias', 'cosine', 'alignment'];

function resultFrom(data: FinishedRun['result']): FinishedRun['result'] {
  const { spike, inference } = data;
  return {
    ...withNumbers(data, losses),
    spike: spike === null ? null : withNumbers(spike, heights),
    inference: inference.map((one) => withNumbers(one, ['loss', 'accuracy'])),
  };
}

function stepFrom(data: StepRecord): StepRecord {
  const step = withNumbers(data, ['loss', 'gradientNorm']);
  const { probes } = step;
  if (probes === undefined) return step;
  const { operands = {}, weights, gradient } = probes;
  return {
    ...step,
    probes: {
      ...withNumbers(probes, ['sharpness', 'bits']),
      operands: Object.fromEntries(
        Object.entries(operands).map(([slot, probe]) => [slot, withNumbers(probe, operandNumbers)]),
      ),
      weights: weights && withNumbers(weights, measures),
      ...(gradient && { gradient: withNumbers(gradient, gradientNumbers) }),
    },
  };
}

/** A run's result and records, or null without a result that is whole. */
export function finishedRun(folder: string, run: SweepRun): FinishedRun | null {
  const found = readResult(join(folder, run.id));
  if (found === null) return null;
  const records = readRecords(join(folder, run.id, 'metrics.jsonl')) as ({ type: string } & StepRecord &
    EvaluationRecord)[];
  const result = resultFrom(found as FinishedRun['result']);
  const steps = records.filter(({ type }) => type === 'step').map(stepFrom);
  const evaluations = records
    .filter(({ type }) => type === 'evaluation')
    .map((record) => withNumbers(record, ['loss', 'accuracy']));
  return { run, result, divergence: divergenceOf(result, steps), steps, evaluations };
}

/** The evaluations on the way, all over one part of the data: a run's last one, at the end, is over the whole of it. */
export const evaluationsOnTheWay = ({ evaluations, result }: FinishedRun): readonly EvaluationRecord[] =>
  result.validationPredictions === 0 ? evaluations : evaluations.slice(0, -1);

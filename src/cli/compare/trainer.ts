/**
 * What the comparison needs of a trainer: one function that trains one arm with one seed and reports as it goes. The
 * real one (tfjs-trainer.ts) is loaded only once all options are known to be right; tests put a quick one in its place.
 */

import type {
  EvaluationRecord,
  PhaseRecord,
  Recipe,
  StepRecord,
  TextData,
  TrainResult,
} from '../../train/index.ts';

/** What holds for all arms. */
export interface TrainerSettings {
  readonly model: string;
  readonly data: TextData;
  readonly steps: number;
  /** Sequences in a step; undefined: the model's. */
  readonly batch: number | undefined;
  /** Peak learning rate; undefined: the model's. */
  readonly learningRate: number | undefined;
  /** Steps between evaluations. */
  readonly evaluateEvery: number;
  readonly backend: 'wasm' | 'cpu';
  readonly kernels: 'own' | 'stock';
}

/** One arm with one seed. */
export interface TrainRequest {
  readonly recipe: Recipe;
  readonly seed: number;
  /** Aborting it ends the training after its current step. */
  readonly signal: AbortSignal;
  onStep(record: StepRecord): void;
  onEvaluation(record: EvaluationRecord): void;
  onPhase(record: PhaseRecord): void;
}

/** A trainer that is ready: backend running, settings checked. */
export interface Trainer {
  /** Plain data for config.json: model and training as resolved from the settings. */
  readonly description: Readonly<Record<string, unknown>>;
  train(request: TrainRequest): Promise<TrainResult>;
}

/** Opens a trainer; wrong settings are an ArgumentError, and then nothing has been written anywhere. */
export type OpenTrainer = (settings: TrainerSettings) => Promise<Trainer>;

/**
 * What a training run takes and what it tells: options, records of steps, evaluations and phases, the result. Data only.
 */
import type { TensorFlow } from '../tfjs/index.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Divergence } from './divergence.ts';
import type { Evaluation } from './evaluate.ts';
import type { ModelConfig } from './model-config.ts';
import type { StepProbes } from './probes.ts';
import type { GivenRecipe, Recipe } from './recipe.ts';
import type { Spike } from './spike.ts';
import type { TrainingData } from './tasks.ts';

/** One optimiser step that was done. */
export interface StepRecord {
  /** Steps done, this one included. */
  readonly step: number;
  /** Mean loss of the step's batch before the update, in nats per prediction. */
  readonly loss: number;
  /** Terms of the objective beside it, where the recipe has some. */
  readonly penalty?: number;
  readonly learningRate: number;
  /** Global norm of the gradients before clipping. */
  readonly gradientNorm: number;
  /** Characters or samples that the step trained on. */
  readonly predictions: number;
  readonly seconds: number;
  /** Every `probeEvery` steps. */
  readonly probes?: StepProbes;
}

/** A validation on the way, over a fixed part of the validation data. */
export interface EvaluationRecord extends Evaluation {
  /** Steps done before it. */
  readonly step: number;
}

/** A phase that has begun. */
export interface PhaseRecord {
  /** Steps done before it. */
  readonly step: number;
  /** Index into the recipe's phases. */
  readonly phase: number;
}

/** A teacher that was not given and is trained first. */
export interface TeacherRecord {
  readonly recipe: string;
  readonly steps: number;
  /** Steps that were done before. */
  readonly from: number;
}

/** Checkpoints of teachers that are trained first, by a name that says the whole training: equal ones are trained once. */
export interface TeacherStore {
  /** The last checkpoint that was written under the name; null if there is none. */
  read(name: string): Checkpoint | null;
  write(name: string, checkpoint: Checkpoint): void | Promise<void>;
}

export interface TrainOptions {
  /** The namespace of TensorFlow.js, with a backend ready. */
  readonly tf: TensorFlow;
  /** Name of a preset, or sizes of your own. */
  readonly model: string | ModelConfig;
  /** A text for a language model, samples with classes for an MLP. */
  readonly data: TrainingData;
  /** Its quantisers as data, or by their names. */
  readonly recipe: GivenRecipe;
  /** Optimiser steps, at least 1. */
  readonly steps: number;
  /** Decides initial weights and data order: an integer in [0, 2^53). */
  readonly seed: number;
  /** Sequences of a text, or samples, per step. Default: the model's. */
  readonly batch?: number;
  /** Peak learning rate. Default: the model's. */
  readonly learningRate?: number;
  /** Steps between two evaluations on the way; 0 for none. Default 50. */
  readonly evaluateEvery?: number;
  /**
   * Windows of a text (default 128), or samples (default 2000), of the validation part used on the way; the final
   * evaluation uses all.
   */
  readonly evaluationWindows?: number;
  /** Whose matrix products the wasm backend runs: this library's (default, much faster here) or its own. */
  readonly kernels?: 'own' | 'stock';
  /** Steps between two steps whose record has probes; 0 (default) for none. The first step has them. */
  readonly probeEvery?: number;
  /** Draws of the gradient probe, part of the probes; 0 (default) for none. */
  readonly gradientDraws?: number;
  /**
   * A checkpoint of the same model whose weights are the teacher's, where the recipe has one. Default: one is trained first, as
   * `recipes.float32` does, with the same seed and as many steps.
   */
  readonly teacher?: Checkpoint;
  /** Where a teacher that is trained first leaves its checkpoints, as often as the run, and goes on from there. Default: nowhere. */
  readonly teachers?: TeacherStore;
  /** Hears that a teacher is about to be trained, before the run itself. */
  readonly onTeacher?: (record: TeacherRecord) => void;
  /** Where to go on from: what `onCheckpoint` gave to the same run. */
  readonly resume?: Checkpoint;
  /** Steps between two checkpoints; 0 (default) for none on the way. The last step and an aborted run make one too. */
  readonly checkpointEvery?: number;
  /** Gets checkpoints; the run waits until it is done. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void | Promise<void>;
  /** Aborting it ends the training after the current step. */
  readonly signal?: AbortSignal;
  readonly onStep?: (record: StepRecord) => void;
  readonly onEvaluation?: (record: EvaluationRecord) => void;
  readonly onPhase?: (record: PhaseRecord) => void;
}

export interface TrainResult {
  readonly recipe: Recipe;
  readonly seed: number;
  /** Steps done. */
  readonly steps: number;
  /** Whether the signal ended the run, or its final evaluation, early. */
  readonly interrupted: boolean;
  /**
   * Where the run ceased to be numbers, which ended it; null if it did not. Without a validation, since training did not come
   * to it, all losses are NaN and the predictions 0.
   */
  readonly divergence: Divergence | null;
  /** Mean training loss of the last 20 steps, in nats per prediction. */
  readonly trainLoss: number;
  /** Nats per prediction over `validationPredictions`: the whole validation part, or after an interruption a fixed part. */
  readonly validationLoss: number;
  /** Part of those predictions that are right; of classification only. */
  readonly validationAccuracy?: number;
  readonly validationPredictions: number;
  /** e^validationLoss, per prediction. */
  readonly perplexity: number;
  /** Mean information of a linear weight as the forward products of the last step read it: see `bitsPerWeight`. */
  readonly bitsPerWeight: number;
  /** At the last change of phase that was reached; null without one. */
  readonly spike: Spike | null;
  /** Of the steps, evaluations not included. */
  readonly seconds: number;
  /** Characters or samples trained on. */
  readonly predictionsPerSecond: number;
  readonly memory: MemoryUse;
  /** Where the recipe has a teacher: whether it was given, or trained first. */
  readonly teacher?: 'given' | 'trained';
  /** Validations of the recipe's `inference`; empty for an interrupted run. */
  readonly inference: readonly InferenceResult[];
}

/** The validation with weights that one entry of a recipe's `inference` reads. */
export interface InferenceResult {
  readonly name: string;
  readonly loss: number;
  readonly accuracy?: number;
}

/** Bytes that a training step needs; weights and state as they lie between steps. */
export interface MemoryUse {
  readonly weights: number;
  readonly optimizerState: number;
  /** In float32. */
  readonly gradients: number;
  /** What the backward pass needs of the forward pass, by the formats of the last phase: a model, see memory.ts. */
  readonly savedActivations: number;
  /** All of them. */
  readonly total: number;
  /** Weights, state and gradients over the number of parameters. */
  readonly bytesPerParameter: number;
}

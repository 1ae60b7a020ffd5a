/**
 * What a run learns: a model together with the data that it reads. A task makes the model, cuts the data into batches
 * whose order is a pure function of (seed, step), and says what a prediction is; the loop, the loss and the stores know
 * rows and right answers only. Which tasks there are is tasks.ts.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import type { TensorFlow } from '../tfjs/index.ts';
import type { Model, ParameterShape } from './model.ts';
import type { ModelConfig } from './model-config.ts';
import type { ExtraNorm } from './recipe.ts';

/** Some rows of inputs and the right answer to each. */
export interface Batch {
  /** Index of the right output for each row: the next character's, or the class's. */
  readonly targets: Int32Array;
  /** The rows as the model reads them, (rows, inputs); a new tensor. */
  inputs(tf: TensorFlow): Tensor2D;
}

/** A part of the validation data, in batches that are cut when they are asked for. */
export interface ValidationPart {
  /** Predictions in all batches. */
  readonly predictions: number;
  batches(): Iterable<Batch>;
}

export interface Task {
  readonly config: ModelConfig;
  /** Numbers in a row of inputs. */
  readonly inputs: number;
  /** Number of possible answers: of characters, or of classes. */
  readonly outputs: number;
  /** The parameters of the model, before it is made. */
  readonly shapes: readonly ParameterShape[];
  /** Predictions in one step: the rows of its logits. */
  readonly predictions: number;
  /** Whether the part of right answers is measured beside the loss. */
  readonly hasAccuracy: boolean;
  /** How much of the validation part an evaluation on the way uses, by default. */
  readonly evaluationSize: number;
  /** Hash of the data: what a checkpoint's run was trained on. */
  dataHash(): string;
  /** Initial weights depend on nothing but (seed, parameter name, sizes). */
  createModel(tf: TensorFlow, seed: number, extraNorm: ExtraNorm | null): Model;
  /** The batch of a step (0-based). */
  trainingBatch(step: number, seed: number): Batch;
  /** All of the validation part, or at most `limit` of its windows or samples. */
  validation(limit?: number): ValidationPart;
}

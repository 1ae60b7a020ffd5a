/**
 * Validation: forward passes over a fixed part of the data, in whatever arithmetic the training uses at that moment. It
 * changes nothing in the model.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import { inRole, type TensorFlow } from '../tfjs/index.ts';
import { lossSum } from './cross-entropy.ts';
import type { ForwardCall, Model } from './model.ts';
import { oneHot } from './one-hot.ts';
import type { Task, ValidationPart } from './task.ts';

export interface Evaluation {
  /** Mean loss in nats per prediction. */
  readonly loss: number;
  /** Part of the predictions whose largest logit is the right one's; of classification only. */
  readonly accuracy?: number;
  /** Characters or samples that were predicted. */
  readonly predictions: number;
}

/** Lets timers, signals and input be handled between two steps. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

/** Rows whose largest logit, the first of them if they are several, is the target's; a row with a NaN has none. */
function rightAnswers(logits: Tensor2D, targets: Int32Array): number {
  const [, columns] = logits.shape;
  const values = logits.dataSync();
  let right = 0;
  targets.forEach((target, row) => {
    let best = row * columns;
    for (let i = best; i < (row + 1) * columns; i++) {
      if (Number.isNaN(values[i])) return;
      if (values[i]! > values[best]!) best = i;
    }
    if (best === row * columns + target) right++;
  });
  return right;
}

/** What {@link evaluate} runs in. */
interface EvaluationCall {
  readonly call: ForwardCall;
  /** Runs the forward pass of the batch of a number, from 0. */
  readonly within: <T>(batch: number, fn: () => T) => T;
  readonly signal?: AbortSignal | undefined;
}

/** Mean loss, and accuracy where the task has one, over a validation part; null if `signal` aborts it. */
export async function evaluate(
  tf: TensorFlow,
  task: Task,
  model: Model,
  { batches, predictions }: ValidationPart,
  { call, within, signal }: EvaluationCall,
): Promise<Evaluation | null> {
  let sum = 0;
  let right = 0;
  let count = 0;
  for (const batch of batches()) {
    if (signal?.aborted) return null;
    const index = count++;
    tf.tidy(() => {
      const inputs = batch.inputs(tf);
      const targets = oneHot(tf, batch.targets, task.outputs);
      const logits = inRole(tf, 'predict', () => within(index, () => model.forward(inputs, call)));
      sum += lossSum(tf, logits, targets);
      if (task.hasAccuracy) right += rightAnswers(logits, batch.targets);
    });
    await eventLoopTurn();
  }
  return {
    loss: sum / predictions,
    ...(task.hasAccuracy ? { accuracy: right / predictions } : {}),
    predictions,
  };
}

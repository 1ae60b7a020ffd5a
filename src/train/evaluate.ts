/**
 * Validation loss: a forward pass over fixed, non-overlapping windows, in whatever arithmetic the training uses at that
 * moment. It changes nothing in the model.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import { inRole, type TensorFlow } from '../tfjs/index.ts';
import { lossSum } from './cross-entropy.ts';
import { type TextData, validationBatch } from './data.ts';
import type { ForwardCall, LanguageModel } from './model.ts';
import type { LinearSlots } from './recipe.ts';

export interface Evaluation {
  /** Mean loss in nats per character. */
  readonly loss: number;
  /** Characters that were predicted. */
  readonly characters: number;
}

/** One-hot rows of tokens: (tokens, depth). Made here because the wasm backend's kernel writes integers into float32. */
export function oneHot(tf: TensorFlow, tokens: Int32Array, depth: number): Tensor2D {
  const rows = new Float32Array(tokens.length * depth);
  tokens.forEach((token, row) => {
    rows[row * depth + token] = 1;
  });
  return tf.tensor2d(rows, [tokens.length, depth]);
}

/** Lets timers, signals and input be handled between two steps. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

/**
 * Mean loss over the windows of the validation part that begin at `starts`; null if `signal` aborts it.
 */
export async function evaluate(
  tf: TensorFlow,
  model: LanguageModel,
  data: TextData,
  starts: Int32Array,
  slots: (name: string) => LinearSlots,
  { signal, call }: { readonly signal?: AbortSignal | undefined; readonly call?: ForwardCall } = {},
): Promise<Evaluation | null> {
  const { context, sequences } = model.config;
  let sum = 0;
  for (let first = 0; first < starts.length; first += sequences) {
    if (signal?.aborted) return null;
    const batch = validationBatch(data, starts.subarray(first, first + sequences), context);
    sum += tf.tidy(() => {
      const inputs = oneHot(tf, batch.inputs, data.vocabulary.length);
      const targets = oneHot(tf, batch.targets, data.vocabulary.length);
      return lossSum(
        tf,
        inRole(tf, 'predict', () => model.forward(inputs, slots, call)),
        targets,
      );
    });
    await eventLoopTurn();
  }
  const characters = starts.length * context;
  return { loss: sum / characters, characters };
}

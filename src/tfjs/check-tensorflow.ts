/** Whether what a caller gives as TensorFlow.js is it: the first argument of everything here. */
import { ArgumentError } from '../errors.ts';
import type { TensorFlow } from './internals.ts';

const isNamespace = (given: unknown): boolean =>
  typeof given === 'object' &&
  given !== null &&
  ['engine', 'getKernelsForBackend', 'tidy'].every(
    (name) => typeof (given as Record<string, unknown>)[name] === 'function',
  );

/**
 * Throws ArgumentError unless `given` is the namespace of TensorFlow.js or of its core.
 *
 * @param others The other arguments of the call, which it may have been taken for.
 */
export function checkTensorFlow(given: unknown, ...others: readonly unknown[]): asserts given is TensorFlow {
  if (isNamespace(given)) return;
  const namespace = "the namespace of TensorFlow.js: import * as tf from '@tensorflow/tfjs'";
  const inner = typeof given === 'object' && given !== null && (given as { default?: unknown }).default;
  if (isNamespace(inner))
    throw new ArgumentError('tf', given, `${namespace}; here it is the field default of what is given`);
  if (others.some(isNamespace))
    throw new ArgumentError('tf', given, `${namespace}; it is the first argument, not a later one`);
  throw new ArgumentError('tf', given, namespace);
}

/**
 * Sharpness of the loss in the logits: how far the loss can rise where each logit may move by a part of itself. It rises before a training
 * in few bits of mantissa diverges.
 * Source: Lee et al., "To FP8 and back again: quantifying the effects of reducing precision on LLM training stability", arXiv 2405.18710,
 * after Keskar et al., arXiv 1609.04836.
 */

import { exp, log } from '../approximate.ts';
import { kindOf, type Numbers, realArray } from '../array-kinds.ts';
import { checkFields, checkLength, integerInRange, numberInRange, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';

export interface SharpnessOptions {
  /** Each logit y moves by at most epsilon (|y| + 1). Default 1e-3. */
  readonly epsilon?: number;
}

/** -log softmax of one of some logits, moved by at most epsilon (|y| + 1) so that it is largest. */
function crossEntropyOf(row: ArrayLike<number>, target: number, epsilon: number): number {
  // The loss grows with every other logit and falls with this one: its maximum over the box is at a corner.
  const moved = (i: number): number => row[i]! + (i === target ? -1 : 1) * epsilon * (Math.abs(row[i]!) + 1);
  let most = -Infinity;
  for (let i = 0; i < row.length; i++) most = Math.max(most, moved(i));
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += exp(moved(i) - most);
  return log(sum) - (moved(target) - most);
}

/**
 * 100 (max L(y + d) - L(y)) / (1 + L(y)), L being the mean cross-entropy of rows of logits and the maximum being over the box
 * |d| <= epsilon (|y| + 1), where it is known in closed form. NaN where logits are no finite numbers.
 *
 * @param logits rows of as many numbers each
 * @param targets of each row, the place of the right one
 * @throws ArgumentError for targets that are no places, and logits that are no rows of them
 * @example
 * logitSharpness([2, 1, 0], [0]) // 0.11...
 */
export function logitSharpness(
  logits: Numbers,
  targets: ArrayLike<number>,
  options?: SharpnessOptions,
): number {
  const { epsilon: given } = checkFields('', options, ['epsilon']);
  const epsilon = given === undefined ? 1e-3 : numberInRange('epsilon', given, { from: 0, to: 1 });
  const values = realArray('logits', logits);
  const rows = Array.isArray(targets) || kindOf(targets) !== undefined ? targets.length : 0;
  if (rows === 0) throw new ArgumentError('targets', targets, 'a list of places, one a row');
  const columns = values.length / rows;
  checkLength('logits', values, Math.ceil(columns) * rows, `${rows} rows of numbers`, logits);
  let [usual, largest] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const target = integerInRange(pathOf('targets', i), targets[i]!, 0, columns - 1);
    const row = values.subarray(i * columns, (i + 1) * columns);
    usual += crossEntropyOf(row, target, 0) / rows;
    largest += crossEntropyOf(row, target, epsilon) / rows;
  }
  return (100 * (largest - usual)) / (1 + usual);
}

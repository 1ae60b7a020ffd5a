/** The roundings of an accumulation, their exceptions counted where somebody counts. */
import type { Target } from '../../products/model.ts';
import { type Counter, countTerm, operateCounting } from '../flags.ts';
import { type Operation, type OperationPlan, operate } from '../operations.ts';
import { roundTerm, type Term } from './term.ts';

/** An operation rounded to the target. */
export function operated(
  operation: Operation,
  a: number,
  b: number,
  c: number,
  target: OperationPlan,
  random: number,
  counter: Counter | undefined,
): number {
  return counter === undefined
    ? operate(operation, a, b, c, target, random)
    : operateCounting(operation, a, b, c, target, random, counter.flags, counter.tininess);
}

/** A term rounded to the target. */
export function rounded(
  x: Term,
  { format, options }: Target,
  random: number,
  counter: Counter | undefined,
): number {
  const result = roundTerm(x, format, options, random);
  if (counter !== undefined) countTerm(x, result, { format, options }, random, counter);
  return result;
}

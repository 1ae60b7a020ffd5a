/**
 * What is computed along one array beside its sum: partial sums, the product, the mean, the norm. One step after the other, each rounded in the
 * accumulator's format. Definitions and draws: `docs/accumulation.md`.
 */
import type { RealArray } from '../../array-kinds.ts';
import { ArgumentError } from '../../errors.ts';
import type { Target } from '../../products/model.ts';
import { divideReals, rootOfReal } from '../exact.ts';
import { type Counter, countTerm } from '../flags.ts';
import { isMatrixUnit } from '../matrix-unit/index.ts';
import { type OperationPlan, operationOf, planOperations } from '../operations.ts';
import { toReal } from '../real.ts';
import { operated, rounded } from './counted.ts';
import type { DrawTerm } from './inner-product.ts';
import type { ResolvedAccumulator } from './model.ts';
import { superaccumulator } from './superaccumulator.ts';
import { roundTerm, type Term } from './term.ts';

const addition = operationOf('add');
const multiplication = operationOf('mul');
const division = operationOf('div');

/** Throws ArgumentError where a model says what one step after the other cannot do. */
export function checkRunning({ accumulate, order }: ResolvedAccumulator, acceptsExact: boolean): void {
  if (order !== 'sequential') throw new ArgumentError('order', order, 'sequential');
  if (isMatrixUnit(accumulate) || (accumulate === 'exact' && !acceptsExact))
    throw new ArgumentError('accumulate', accumulate, acceptsExact ? "a format, or 'exact'" : 'a format');
}

/** What the accumulator holds, rounded to the result's format where that can change it. */
function converted(
  value: Term,
  { conversion, converts }: ResolvedAccumulator,
  random: number,
  counter: Counter | undefined,
): number {
  if (!converts && typeof value === 'number') return value;
  return rounded(value, conversion, random, counter);
}

/** The k-th number: acc = +0; acc = fl(acc + x_i) for i up to k, converted. */
export function runningSums(
  x: RealArray,
  out: RealArray,
  model: ResolvedAccumulator,
  draw: DrawTerm,
  counter?: Counter,
): void {
  const { accumulate, conversion } = model;
  if (accumulate === 'exact') {
    const sum = superaccumulator();
    sum.add(0);
    for (let k = 0; k < x.length; k++) {
      sum.add(x[k]!);
      out[k] = converted(sum.value(conversion.options), model, draw('conversions', k), counter);
    }
    return;
  }
  let sum = 0;
  for (let k = 0; k < x.length; k++) {
    sum = operated(addition, sum, x[k]!, 0, accumulate as OperationPlan, draw('sums', k), counter);
    out[k] = converted(sum, model, draw('conversions', k), counter);
  }
}

/** acc = 1; acc = fl(acc x_k) for one factor after the other, converted. */
export function runningProduct(
  x: RealArray,
  model: ResolvedAccumulator,
  draw: DrawTerm,
  counter?: Counter,
): number {
  const target = model.accumulate as OperationPlan;
  let product = 1;
  for (let k = 0; k < x.length; k++)
    product = operated(multiplication, product, x[k]!, 0, target, draw('products', k), counter);
  const isEmpty = x.length === 0;
  return converted(product, isEmpty ? { ...model, converts: true } : model, draw('conversions', 0), counter);
}

/** The quotient of what an accumulator holds and a count, rounded once. Of no terms NaN. */
export function roundQuotient(
  value: Term,
  count: number,
  target: Target,
  random: number,
  counter?: Counter,
): number {
  const { format, options } = target;
  if (typeof value === 'number') {
    if (count > 0)
      return operated(division, value, count, 0, planOperations(format, options), random, counter);
    return roundTerm(NaN, format, options, random);
  }
  return rounded(divideReals(value, toReal(count), format), target, random, counter);
}

/** The square root of what the accumulator holds, rounded once. */
export function roundRoot(value: Term, conversion: Target, random: number, counter?: Counter): number {
  const { format, options } = conversion;
  const isPositive = typeof value !== 'number' || (value > 0 && value < Infinity);
  if (!isPositive) return roundTerm(Math.sqrt(Number(value)), format, options, random);
  const real = typeof value === 'number' ? toReal(value) : value;
  const root = real.negative ? NaN : rootOfReal(real, format);
  const result = roundTerm(root, format, options, random);
  if (counter !== undefined) countTerm(root, result, conversion, random, counter);
  return result;
}

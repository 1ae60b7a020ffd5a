/**
 * The exceptions of IEEE 754-2019 section 7, counted. They are found after the fact, from the exact result and the rounded
 * one, so that operations which nobody asks for flags do not pay for them. Underflow is tininess after rounding, of an inexact
 * result (section 7.5 with default handling), or before it if so asked; overflow is that of the result rounded with an unbounded
 * exponent.
 */
import { scaleByPowerOfTwo } from '../binary64.ts';
import type { FloatFormat, Format } from '../formats/format.ts';
import type { Outcome } from './elementary/index.ts';
import { type Operation, type OperationPlan, operate, operationOf } from './operations.ts';
import {
  compareReal,
  endBeyond,
  isTiny,
  isZero,
  naturalQuantum,
  type Real,
  roundMagnitude,
  roundToQuantum,
  roundToSteps,
  toReal,
} from './real.ts';

/** How often each exception was raised. An array raises one an element. */
export interface Flags {
  inexact: number;
  overflow: number;
  underflow: number;
  invalid: number;
  divideByZero: number;
}

/** Where IEEE 754-2019 section 7.5 lets an implementation look for underflow: at the result before or after rounding. */
export const tininesses = ['after', 'before'] as const;
export type Tininess = (typeof tininesses)[number];

/** Where exceptions are counted, and how underflow is told. */
export interface Counter {
  readonly flags: Flags;
  readonly tininess: Tininess;
}

export function noFlags(): Flags {
  return { inexact: 0, overflow: 0, underflow: 0, invalid: 0, divideByZero: 0 };
}

/** `operate`, with the exceptions it raises counted. */
export function operateCounting(
  operation: Operation,
  a: number,
  b: number,
  c: number,
  plan: OperationPlan,
  random: number,
  flags: Flags,
  tininess: Tininess = 'after',
): number {
  const result = operate(operation, a, b, c, plan, random);
  const special = operation.special(a, b, c, plan);
  if (special === undefined) {
    if (!countQuickly(operation.odd(a, b, c), result, plan, flags))
      countRounding(operation.exact(a, b, c, plan.format), result, plan, random, flags, tininess);
    return result;
  }
  const isDivisionByZero = operation === operationOf('div') && b === 0 && a !== 0 && Math.abs(a) < Infinity;
  if (isDivisionByZero) flags.divideByZero++;
  else if (Number.isNaN(special) && isInvalid(a, b, c)) flags.invalid++;
  // Zero into a format that has none; infinities are rounded without an exception.
  else if (special === 0 && result !== 0) countZero(result, plan.format, flags);
  // A product of 0 leaves the addend alone.
  return result;
}

/**
 * Counts for a float's result far from both ends of the range, told from the intermediate rounded to odd: that is the result
 * only where both are exact. False where it does not tell. Five times as fast as from the exact result.
 */
function countQuickly(
  odd: number,
  result: number,
  { format, oddLimit }: OperationPlan,
  flags: Flags,
): boolean {
  if (format.kind !== 'float' || oddLimit !== Infinity) return false;
  // What a negative number is to an unsigned format is another matter.
  const magnitude = format.isSigned ? Math.abs(odd) : odd;
  if (!(magnitude >= 2 * format.minNormal && magnitude <= format.max / 2) || Number.isNaN(result))
    return false;
  if (odd !== result) flags.inexact++;
  return true;
}

/** Whether a NaN is news: no operand is one, or it comes of 0 times infinity, whatever is added. */
function isInvalid(a: number, b: number, c: number): boolean {
  return !Number.isNaN(a + b) || (!Number.isNaN(a) && !Number.isNaN(b))
    ? !Number.isNaN(c) || Number.isNaN(a * b)
    : false;
}

/** Counts what zero raised that became something else. */
function countZero(result: number, format: Format, flags: Flags): void {
  if (Number.isNaN(result)) {
    flags.invalid++;
    return;
  }
  flags.inexact++;
  const isList = format.kind === 'codebook' || format.kind === 'logarithmic';
  if (isList && (format.min > 0 || format.max < 0)) flags.overflow++;
}

/** Counts what the rounding of a finite number raised. */
function countRounding(
  exact: Real,
  result: number,
  { format, options }: Pick<OperationPlan, 'format' | 'options'>,
  random: number,
  flags: Flags,
  tininess: Tininess = 'after',
): void {
  if (isZero(exact)) {
    if (result !== 0) countZero(result, format, flags);
    return;
  }
  const isExact = Math.abs(result) < Infinity && compareReal(exact, result) === 0;
  // An end of the range may be rounded beyond it, and saturate to where it was.
  if (isExact && result !== format.max && result !== format.min) return;
  switch (format.kind) {
    case 'float': {
      if (exact.negative && Number.isNaN(result) && !format.isSigned) {
        flags.invalid++;
        return;
      }
      const rounded = roundToQuantum(exact, naturalQuantum(exact, format), format, options, random);
      // Where no number is normal, what lies beyond the range are multiples of the subnormal step.
      const hasSteps = format.minNormal > format.max && options.subnormals !== 'flush';
      const magnitude = hasSteps
        ? roundMagnitude(exact, format, options, random)
        : scaleByPowerOfTwo(rounded.units, rounded.quantum);
      if (overflows(exact, magnitude, result, format)) flags.overflow++;
      else if (isExact) return;
      else if (tininess === 'after' ? isTiny(rounded, format) : isBelowNormal(exact, format))
        flags.underflow++;
      break;
    }
    case 'int':
    case 'fixed':
      if (endBeyond(roundToSteps(exact, format, options, random), format) !== undefined) flags.overflow++;
      break;
    case 'logarithmic':
    case 'codebook':
      if (compareReal(exact, format.max) > 0 || compareReal(exact, format.min) < 0) flags.overflow++;
      break;
    case 'posit':
      break; // posits round to their ends
  }
  if (!isExact) flags.inexact++;
}

/**
 * Counts what the rounding of a number or a Real raised. NaN and infinities raise nothing, where the format has no infinity either: they are
 * exact (IEEE 754-2019 section 6.1), and overflow (section 7.4) is of what would be finite were the exponent range unbounded.
 */
export function countTerm(
  x: number | Real,
  result: number,
  plan: Pick<OperationPlan, 'format' | 'options'>,
  random: number,
  { flags, tininess }: Counter,
): void {
  if (typeof x === 'number' && !Number.isFinite(x)) return;
  countRounding(typeof x === 'number' ? toReal(x) : x, result, plan, random, flags, tininess);
}

/** The exceptions of an elementary function, counted from its outcome. */
export function countOutcome(
  outcome: Outcome,
  plan: OperationPlan,
  random: number,
  flags: Flags,
  tininess: Tininess = 'after',
): void {
  if (!('special' in outcome)) countRounding(outcome.real, outcome.value, plan, random, flags, tininess);
  else if (outcome.special.invalid) flags.invalid++;
  else if (outcome.special.divideByZero) flags.divideByZero++;
}

/** Whether the magnitude of a number that is not zero is below the format's smallest normal one. */
function isBelowNormal(exact: Real, { minNormal }: FloatFormat): boolean {
  return compareReal(exact.negative ? { ...exact, negative: false } : exact, minNormal) < 0;
}

/** Beyond the largest number; below 0 in an unsigned format, where anything but 0 came of it. */
function overflows(exact: Real, rounded: number, result: number, format: FloatFormat): boolean {
  return (
    rounded > format.max ||
    (exact.negative && !format.isSigned && result === 0 && rounded >= format.minNormal)
  );
}

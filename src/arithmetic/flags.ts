/**
 * The exceptions of IEEE 754-2019 section 7, counted. They are found after the fact, from the exact result and the rounded
 * one, so that operations which nobody asks for flags do not pay for them. Underflow is tininess after rounding, of an inexact
 * result (section 7.5 with default handling); overflow is that of the result rounded with an unbounded exponent.
 */
import { scaleByPowerOfTwo } from '../formats/binary64.ts';
import type { FloatFormat } from '../formats/format.ts';
import { type Operation, type OperationPlan, operate, operationOf } from './operations.ts';
import {
  compareReal,
  endBeyond,
  isTiny,
  isZero,
  naturalQuantum,
  type Real,
  roundToQuantum,
  roundToSteps,
} from './real.ts';

/** How often each exception was raised. An array raises one an element. */
export interface Flags {
  inexact: number;
  overflow: number;
  underflow: number;
  invalid: number;
  divideByZero: number;
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
): number {
  const result = operate(operation, a, b, c, plan, random);
  const special = operation.special(a, b, c, plan);
  if (special === undefined) {
    countRounding(operation.exact(a, b, c, plan.format), result, plan, random, flags);
    return result;
  }
  const isDivisionByZero = operation === operationOf('div') && b === 0 && a !== 0 && Math.abs(a) < Infinity;
  if (isDivisionByZero) flags.divideByZero++;
  else if (Number.isNaN(special) && isInvalid(a, b, c)) flags.invalid++;
  // Zero into a format that has none; infinities are rounded without an exception.
  else if (special === 0 && result !== 0) countZero(result, flags);
  // A product of 0 leaves the addend alone.
  return result;
}

/** Whether a NaN is news: no operand is one, or it comes of 0 times infinity, whatever is added. */
function isInvalid(a: number, b: number, c: number): boolean {
  return !Number.isNaN(a + b) || (!Number.isNaN(a) && !Number.isNaN(b))
    ? !Number.isNaN(c) || Number.isNaN(a * b)
    : false;
}

function countZero(result: number, flags: Flags): void {
  if (Number.isNaN(result)) flags.invalid++;
  else flags.inexact++;
}

/** Counts what the rounding of a finite number raised. */
export function countRounding(
  exact: Real,
  result: number,
  { format, options }: OperationPlan,
  random: number,
  flags: Flags,
): void {
  if (isZero(exact)) {
    if (result !== 0) countZero(result, flags);
    return;
  }
  if (Math.abs(result) < Infinity && compareReal(exact, result) === 0) return;
  switch (format.kind) {
    case 'float': {
      if (exact.negative && Number.isNaN(result) && !format.isSigned) {
        flags.invalid++;
        return;
      }
      const rounded = roundToQuantum(exact, naturalQuantum(exact, format), format, options, random);
      if (overflows(exact, scaleByPowerOfTwo(rounded.units, rounded.quantum), result, format))
        flags.overflow++;
      else if (isTiny(rounded, format)) flags.underflow++;
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
  flags.inexact++;
}

/** Beyond the largest number; below 0 in an unsigned format, where anything but 0 came of it. */
function overflows(exact: Real, rounded: number, result: number, format: FloatFormat): boolean {
  return (
    rounded > format.max ||
    (exact.negative && !format.isSigned && result === 0 && rounded >= format.minNormal)
  );
}

/**
 * What the objects of `arithmetic` are put together of, whether operands have the result's format or others: options settled, exceptions
 * counted, the place in the random integers, the conversion. It holds no numerics.
 */
import { isRealArray, type RealArray } from '../array-kinds.ts';
import { checkBoolean, integerInRange, oneOf } from '../check.ts';
import type { Format } from '../formats/format.ts';
import { type ResolvedRounding, type RoundOptions, resolveRounding } from '../rounding/options.ts';
import { roundArrayReference, roundScalar } from '../rounding/round.ts';
import type { ArithmeticKernels, ScalarReference } from './context.ts';
import type { ArithmeticState, Cursor } from './cursor.ts';
import type { Elementwise } from './elementwise.ts';
import {
  type Counter,
  countTerm,
  type Flags,
  noFlags,
  operateCounting,
  type Tininess,
  tininesses,
} from './flags.ts';
import { type OperationName, type OperationPlan, operate, operationOf } from './operations.ts';

/** The exceptions that an object has counted, and its place in its random integers. */
export interface Counted {
  /** How often each exception was raised; undefined unless `flags: true` was given. */
  readonly flags: Readonly<Flags> | undefined;
  /** Sets the counts to 0. */
  clearFlags(): void;
  /** Where the next draw is: plain data, for `restore` or a file. */
  readonly state: ArithmeticState;
  /** Goes to a place that `state` gave. Throws ArgumentError if it is none. */
  restore(state: ArithmeticState): void;
  /** Goes back to the first draw. */
  reset(): void;
}

/** The options of an object that are not about its operands. */
interface GivenOptions extends RoundOptions {
  readonly flags?: boolean;
  readonly tininess?: unknown;
  readonly threads?: number;
}

/** Options with their defaults, checked. Throws ArgumentError. */
export function settled(
  format: Format,
  { flags, tininess, threads, ...rounding }: GivenOptions,
  kernels: ArithmeticKernels | undefined,
): {
  readonly counter: Counter | undefined;
  readonly resolved: ResolvedRounding;
  readonly threads: number;
  readonly tininess: Tininess;
} {
  const isCounted = checkBoolean('flags', flags, false);
  const looks = oneOf('tininess', tininess, tininesses, 'after');
  const resolved = resolveRounding(format, rounding);
  return {
    counter: isCounted ? { flags: noFlags(), tininess: looks } : undefined,
    tininess: looks,
    resolved,
    threads: kernels?.checkThreads(threads) ?? integerInRange('threads', threads, 1, 64, 1),
  };
}

/** The members of an object that are about its exceptions and draws. Getters: to be defined on the object, not copied. */
export function defineCounted<T extends object>(
  object: T,
  counter: Counter | undefined,
  cursor: Cursor,
): T & Counted {
  return Object.defineProperties(object, {
    flags: { enumerable: true, get: () => counter && { ...counter.flags } },
    clearFlags: { enumerable: true, value: () => void (counter && Object.assign(counter.flags, noFlags())) },
    state: { enumerable: true, get: cursor.read },
    restore: { enumerable: true, value: cursor.restore },
    reset: { enumerable: true, value: cursor.reset },
  }) as T & Counted;
}

/** An operation on numbers, its exceptions counted if there is a counter. */
export function scalarOperation(
  name: OperationName,
  plan: OperationPlan,
  counter: Counter | undefined,
): ScalarReference {
  const operation = operationOf(name);
  return counter === undefined
    ? (a, b, c, random) => operate(operation, a, b, c, plan, random)
    : (a, b, c, random) => operateCounting(operation, a, b, c, plan, random, counter.flags, counter.tininess);
}

/** A function whose exact result is a number, with its exceptions counted. */
export function countedExact(
  exact: (a: number) => number,
  scalar: ScalarReference,
  plan: OperationPlan,
  counter: Counter | undefined,
): ScalarReference {
  if (counter === undefined) return scalar;
  return (a, b, c, random) => {
    const result = scalar(a, b, c, random);
    countTerm(exact(a), result, plan, random, counter);
    return result;
  };
}

/** Any number rounded to the format. */
export function conversion(
  plan: OperationPlan,
  counter: Counter | undefined,
  kernels: ArithmeticKernels | undefined,
): Elementwise {
  const { format, options } = plan;
  return {
    scalar: countedExact(
      (a) => a,
      (a, _b, _c, random) => roundScalar(a, format, options, random),
      plan,
      counter,
    ),
    draws: true,
    takesAnyNumber: true,
    quick: ([x], out, taken, team) => {
      if (counter !== undefined || !isRealArray(x)) return false;
      if (kernels === undefined) roundArrayReference(x, out, format, taken);
      else kernels.round<RealArray>(x, out, format, taken, team);
      return true;
    },
  };
}

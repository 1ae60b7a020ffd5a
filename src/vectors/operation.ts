/**
 * What an operation under test is: fields in, fields out, and the right answer of each case. The operations themselves are in
 * `scalar.ts`, `sums.ts` and `blocks.ts`; here are the parts that they share.
 */
import { noFlags } from '../arithmetic/flags.ts';
import type { Flags } from '../arithmetic/index.ts';
import type { Real } from '../arithmetic/real.ts';
import type { Code, Format } from '../formats/format.ts';
import type { ResolvedRounding } from '../rounding/options.ts';
import type { Field } from './fields.ts';
import type { NaNRule } from './nan.ts';

/** The right results of a case. */
export interface Answer {
  readonly results: readonly Code[];
  /** Exceptions, in TestFloat's bits; 0 where the operation has none. */
  readonly flags: number;
}

/** The number of which a result is the rounding, and how it is rounded. */
export interface Unrounded {
  readonly real: Real;
  readonly format: Format;
  readonly options: ResolvedRounding;
  readonly random: number;
}

/** An operation with all its options settled. Codes are those of the fields, one after the other. */
export interface TestOperation {
  readonly name: string;
  /** The operation with its options in words, for the head of a report. */
  readonly title: string;
  /** Operands, the random integers of stochastic rounding last. */
  readonly operands: readonly Field[];
  readonly results: readonly Field[];
  readonly hasFlags: boolean;
  /** Which NaN is right. */
  readonly nan: NaNRule;
  /** The answer; undefined where there is no code for it (NaN into a format without NaN). */
  answer(operands: readonly Code[]): Answer | undefined;
  /** Whether the operation makes a NaN where an operand is one already: fma of 0 and infinity, IEEE 754-2019 section 7.2. */
  makesNaN?(operands: readonly Code[]): boolean;
  /** What the result is the rounding of, for results of one finite rounding. */
  unrounded?(operands: readonly Code[]): Unrounded | undefined;
  /**
   * The operand that carries the others to about a result, as its place among the operands and its value: for cases near
   * ties and the ends of the range.
   */
  aim?(target: number, values: readonly number[]): { readonly place: number; readonly value: number };
}

/** The bits of TestFloat's flags, from the least significant on. */
const flagNames = ['inexact', 'underflow', 'overflow', 'infinite', 'invalid'] as const;

export const invalidBit = 16;

/** Counts as TestFloat's bits. */
export function flagBits({ inexact, underflow, overflow, divideByZero, invalid }: Readonly<Flags>): number {
  return (inexact && 1) | (underflow && 2) | (overflow && 4) | (divideByZero && 8) | (invalid && invalidBit);
}

/** The flags that are set, in words. */
export function flagWords(flags: number): string {
  const words = flagNames.filter((_, bit) => (flags >> bit) & 1);
  return words.length === 0 ? 'none' : words.join(' ');
}

const raised = noFlags();

/** Counts to be raised in, all 0: one object for all cases. */
export function cleared(): Flags {
  raised.inexact = 0;
  raised.overflow = 0;
  raised.underflow = 0;
  raised.invalid = 0;
  raised.divideByZero = 0;
  return raised;
}

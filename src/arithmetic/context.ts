/**
 * What the methods of one `arithmetic` object share: its format and options, the check of operands, the cursor over the
 * random integers, and the fast loops that a caller above may lend. Elementary functions and accumulations are attached to the
 * object through it. No operation is done here.
 */
import type { Format } from '../formats/format.ts';
import type { RealArray } from '../formats/real-arrays.ts';
import type { Addend } from '../products/model.ts';
import type { ProductShape } from '../products/shape.ts';
import type { ResolvedRounding } from '../rounding/options.ts';
import type { ResolvedAccumulator } from './accumulate/model.ts';
import type { Cursor } from './cursor.ts';
import type { OperationName } from './operations.ts';

/** One element by the reference. Operands that the operation does not have are 0. */
export type ScalarReference = (a: number, b: number, c: number, random: number) => number;

/** Fast twins of the reference loops, and what belongs to them. */
export interface ArithmeticKernels {
  /**
   * out = operation(operands), arrays of one kind and numbers, the latter values of the format. False where there is no kernel
   * for it, or an array has an element that is neither in the format nor NaN; an operand is not written then.
   */
  operate(
    operation: OperationName,
    operands: (RealArray | number)[],
    out: RealArray,
    format: Format,
    options: ResolvedRounding,
    threads: number,
    scalar: ScalarReference,
  ): boolean;
  /**
   * out = a b + addend (default +0) with an accumulator model; false where there is no kernel for it, and nothing is written then.
   * Outputs and draws are numbered as in `accumulate`; `call` has the random bits of the call. `out` may be an operand.
   */
  matmul?(
    a: RealArray,
    b: RealArray,
    out: RealArray,
    shape: ProductShape,
    model: ResolvedAccumulator,
    call: ResolvedRounding,
    threads: number,
    addend?: Addend,
  ): boolean;
  /**
   * out = the elementary function of x, an array of values of the format or NaN; false where there is no kernel for it, and nothing is written
   * then. `out` may be `x`.
   */
  elementary?(
    name: string,
    x: RealArray,
    out: RealArray,
    format: Format,
    options: ResolvedRounding,
    threads: number,
    scalar: (x: number) => number,
  ): boolean;
  /** Index of the first element that is neither in the format nor NaN, -1 if there is none. */
  firstNonMember(x: RealArray, format: Format): number;
  /** The codes of values of a format of at most 16 bits, NaN as zero where it has no code. */
  codesOf(x: RealArray, format: Format): ArrayLike<number>;
  /** out = x rounded to the format. */
  round<A extends RealArray>(x: A, out: A, format: Format, options: ResolvedRounding, threads: number): void;
  /** A `threads` option, checked; throws ArgumentError. */
  checkThreads(given: unknown): number;
}

export interface ArithmeticContext {
  readonly format: Format;
  /** As given to `arithmetic`. Where the next draw is, `take` knows. */
  readonly options: ResolvedRounding;
  /** Threads for arrays: 1 unless the call or the object asks for more. */
  readonly threads: number;
  readonly kernels: ArithmeticKernels | undefined;
  /**
   * The operand as the operations take it: a number or array of values of the format, NaN included, rounded first under
   * `operands: 'round'`.
   *
   * @throws ArgumentError that names the operand, if it is neither a number nor such an array, or not in the format.
   */
  accept<X extends number | RealArray>(name: string, x: X): X;
  /**
   * The options for one call that takes so many draws: `offset` is the cursor, or `random` the next integers supplied. Moves
   * the cursor on, whatever the mode: calls that draw nothing do not take.
   *
   * @param supplied How many integers the call reads of a supplied `random`, where that is not one a slot.
   * @throws ArgumentError if the integers supplied run out; the cursor stays then.
   */
  take(slots: number, supplied?: number): ResolvedRounding;
  /** The place in the random integers, which `take` moves. */
  readonly cursor: Cursor;
}

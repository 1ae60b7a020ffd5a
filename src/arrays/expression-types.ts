/** The types of compiled expressions; `A` is the type of a shaped array. */
import type { RealArray } from '../array-kinds.ts';
import type { ExplainedStep } from '../expressions/index.ts';

/** What a variable may be. */
export type ExpressionOperand<A> = number | readonly number[] | RealArray | A;

/** What a call gives: a shaped array if a variable is one, a typed array if one is an array, else a number. */
type ExpressionResult<V, A> = [Extract<V[keyof V], A>] extends [never]
  ? [Exclude<V[keyof V], number>] extends [never]
    ? number
    : RealArray
  : A;

/** A compiled expression. Calls draw as the calls of its operations one after the other would. */
export interface Expression<A> {
  /** The value for variables by name. Throws ArgumentError, naming the variable. */
  <V extends Readonly<Record<string, ExpressionOperand<A>>>>(
    variables?: V,
    options?: { readonly out?: RealArray | A },
  ): ExpressionResult<V, A>;
  /** The variables, in the order in which they are met. */
  readonly names: readonly string[];
  /** The operations, one a line, with the format that each is rounded to. */
  readonly tree: string;
  /** What every operation does to the error, for numbers; of arrays, for each operation at the element of its largest relative error. */
  explain(
    variables?: Readonly<Record<string, ExpressionOperand<A>>>,
  ): readonly (ExplainedStep & { readonly index?: number })[];
}

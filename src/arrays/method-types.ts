/** The types of the operations as methods of shaped arrays; `A` is the type of such an array. */
import type { ElementaryName, UnaryName } from '../arithmetic/elementary/index.ts';

/** Options of an element-wise operation on shaped arrays. */
export interface ElementwiseOptions<A> {
  /** Where the result goes, of its shape; may be an operand. Default: a new array. */
  readonly out?: A;
  /** Threads that share the work where all elements lie in order, 1 to 64; default: those of the arithmetic. */
  readonly threads?: number;
}

/** `min` and `max` reduce: element by element they are these. */
export type BinaryName = 'add' | 'sub' | 'mul' | 'div' | 'minimum' | 'maximum';

export type ComparisonName = 'equal' | 'notEqual' | 'less' | 'lessEqual' | 'greater' | 'greaterEqual';

/** The operations of the arithmetic, element by element; operands broadcast. `B`: what a second operand may be. */
export type ElementwiseMethods<A, B> = {
  readonly [name in UnaryName | 'sqrt' | 'neg' | 'abs']: (options?: ElementwiseOptions<A>) => A;
} & {
  readonly [name in Exclude<ElementaryName, UnaryName> | BinaryName]: (
    b: B,
    options?: ElementwiseOptions<A>,
  ) => A;
} & {
  /**
   * 1 where it holds, 0 where it does not; `compare`: -1, 0 or 1 as an element is below, equal to or above that of b, NaN where they are
   * unordered. An array of binary32 (of binary64 for formats that it does not carry).
   */
  readonly [name in ComparisonName | 'compare']: (b: B) => A;
} & {
  /** This times b plus c, rounded once. */
  readonly fma: (b: B, c: B, options?: ElementwiseOptions<A>) => A;
};

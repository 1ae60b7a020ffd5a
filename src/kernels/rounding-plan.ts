/** What a rounding plan is: which kernel, with which constants and tables. Made by `rounding-planner.ts` and its helpers, run by `rounder.ts`. */
import type { Format } from '../formats/format.ts';

export type ElementType = 'float32' | 'float64';

/**
 * How a rounding is done: `quick`, a loop with the common case only; `pattern`, the same on binary32 bit patterns;
 * `general`, a loop that takes every option; `wide`, that loop in binary64 lanes for a float32 array; `exact`, binary64 lanes
 * for formats that need more; `list`, a search among values; `posit`, binary64 lanes with a table of binades;
 * `reference`, no SIMD.
 */
export type RoundingPath =
  | 'quick'
  | 'pattern'
  | 'general'
  | 'wide'
  | 'exact'
  | 'list'
  | 'posit'
  | 'reference';

export interface RoundingPlan {
  readonly path: Exclude<RoundingPath, 'reference'>;
  /** Number of the kernel, see `scripts/kernels`. */
  readonly kernel: number;
  /** log2 of the bytes of an element. */
  readonly elementShift: 2 | 3;
  readonly readsRandom: boolean;
  /** The parameter block. */
  readonly block: Uint8Array;
  /** What the kernel looks up, to be put on its heap; a multiple of 16 bytes. */
  readonly tables?: Uint8Array;
  /** The format, where the kernel may leave elements to the scalar reference. */
  readonly deferred?: Format;
}

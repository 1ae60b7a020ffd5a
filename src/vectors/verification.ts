import type { Mismatch, MismatchKind } from './mismatch.ts';

/** What a verification has found. */
export interface Verification {
  /** The operation with its options, in words. */
  readonly title: string;
  /** Lines that were compared. */
  readonly lines: number;
  /** Lines whose results or flags are not ours. */
  readonly differing: number;
  /** Lines that were not compared, because their result has no code in the format (NaN). */
  readonly unspecified: number;
  /** Differing lines by kind; kinds that did not occur are left out. */
  readonly kinds: Readonly<Partial<Record<MismatchKind, number>>>;
  /** The first differing lines. */
  readonly first: readonly Mismatch[];
}

/** What the table says of a kernel: how its calls are drawn, and what emulation makes of them. */
import type fc from 'fast-check';
import { calls, type Drawn, type Draws } from './draws.ts';

/**
 * - `arithmetic`: the rounded result of rounded operands; where no operand is float32, the kernel's own result
 * - `carried`: the kernel's own result of the operands as they are
 * - `image`: the kernel's own result of rounded operands
 * - `refused`: an ArgumentError, because of operands that are no numbers
 */
export type Kind = 'arithmetic' | 'carried' | 'image' | 'refused';

export interface Entry {
  readonly kind: Kind | ((drawn: Drawn) => Kind);
  readonly drawn: fc.Arbitrary<Drawn>;
  /** Sums are made in another order than by the stock kernel: operands are such that they are exact. */
  readonly exact?: boolean;
}

export type Table = Readonly<Record<string, Entry>>;

export function arithmetic(draw: (draws: Draws) => Drawn): Entry {
  return { kind: 'arithmetic', drawn: calls(draw) };
}

/** Arithmetic on operands whose sums are exact in any order. */
export function exact(draw: (draws: Draws) => Drawn): Entry {
  return { kind: 'arithmetic', drawn: calls(draw), exact: true };
}

export function carried(draw: (draws: Draws) => Drawn): Entry {
  return { kind: 'carried', drawn: calls(draw) };
}

export function refused(draw: (draws: Draws) => Drawn): Entry {
  return { kind: 'refused', drawn: calls(draw) };
}

/** The same entry for several kernels. */
export function each(names: string, entry: Entry): Table {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, entry]));
}

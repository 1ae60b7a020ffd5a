/** A policy in force, and a kernel call under it. Types and the count of random draws only. */
import type { AsyncScope } from './async-scope.ts';
import type { Effect, RoleRounding } from './effect.ts';
import type { EmulationLog } from './log.ts';
import type { Role } from './policy.ts';
import type { ProductCalls } from './product-calls.ts';
import type { ResolvedPolicy } from './resolve-policy.ts';

/** A rounded copy that is alive, by the contents of the tensor that it was made from. Plain data. */
export interface HeldCopy {
  /** Which of the policy's sets of values it lies on. */
  readonly grid: number;
  readonly size: number;
  readonly contents: string;
  /** Where its random draws began. */
  readonly offset: number;
}

/** One policy in force, and how many random draws it has used. */
export interface Layer {
  readonly policy: ResolvedPolicy;
  readonly log: EmulationLog | undefined;
  /** Who reads products' operands through slots; undefined: nobody. */
  readonly products?: ProductCalls | undefined;
  /** The scope that sees it; undefined: it is seen where no scope has a policy. */
  readonly scope: AsyncScope | undefined;
  cursor: number;
  /** Copies of a state that was set, which are yet to be made again. */
  held: HeldCopy[];
}

/** One outermost kernel call, and what the policy does to it. */
export interface Call {
  readonly name: string;
  readonly role: Role;
  /** The pass that the role is part of. */
  readonly pass: Role;
  /** The layer that it is in. */
  readonly path: readonly string[];
  readonly layer: Layer;
  readonly effect: Effect;
  /** Operands that slots have made: they stay as they are. */
  readonly images: ReadonlySet<string>;
}

/** The offset of the next `size` random draws. */
export function draw(size: number, layer: Layer, rounding: RoleRounding): number {
  const offset = layer.cursor;
  if (rounding.stochastic) layer.cursor += size;
  return offset;
}

/**
 * Which kernels of tfjs-backend-wasm ours replace, and by what. They are the ones that are slow there: products with a
 * transposed operand (a fiftieth of our speed), sums over leading axes, and kernels that copy what they could share.
 * Same signatures, same values up to the order of summation, which is sequential and documented.
 */
import type { KernelFunction } from './internals.ts';
import { bothFloat, fusedMatMul, type KernelLookup, multiply } from './own-matmul.ts';
import { cast, concat, gather, identity, slice, split } from './own-moves.ts';
import { reduceLeading } from './own-sums.ts';

type Replacement = (stock: KernelFunction, lookup: KernelLookup) => KernelFunction;

const replacements: Readonly<Record<string, Replacement>> = {
  BatchMatMul: (stock) => (args) => (bothFloat(args) ? multiply(args) : stock(args)),
  _FusedMatMul: fusedMatMul,
  Sum: reduceLeading(false),
  Mean: reduceLeading(true),
  Identity: identity,
  Cast: cast,
  GatherV2: gather,
  Slice: slice,
  SplitV: split,
  Concat: concat,
};

/** Our kernel of a name for the wasm backend, if there is one. `stock` serves the cases that ours leaves out. */
export function ownKernel(
  name: string,
  stock: KernelFunction,
  lookup: KernelLookup,
): KernelFunction | undefined {
  return Object.hasOwn(replacements, name) ? replacements[name]!(stock, lookup) : undefined;
}

/**
 * Which kernels of tfjs-backend-wasm ours replace, and by what. They are the ones that are slow there: products with a
 * transposed operand (a fiftieth of our speed), convolutions, sums over leading axes, kernels that copy what they could share;
 * and one that is wrong. Same signatures, same values up to the order of summation, which is sequential and documented.
 */
import { hasSteps, runSteps } from './fused.ts';
import type { KernelArguments, KernelFunction, TensorFlow, TensorInfo } from './internals.ts';
import { fusedNames } from './kernel-names.ts';
import { maxPoolGradient } from './own-gradients.ts';
import { cast, concat, gather, identity, slice, split, transpose } from './own-moves.ts';
import { reduceLeading } from './own-sums.ts';
import { checkOurs, checkTypes, isOurs, productKernels } from './products.ts';
import type { Workspace } from './workspace.ts';

/** Finds a kernel of the same backend by name. */
type KernelLookup = (name: string) => KernelFunction;

type Replacement = (stock: KernelFunction, tf: TensorFlow) => KernelFunction;

const replacements: Readonly<Record<string, Replacement>> = {
  Sum: reduceLeading(false),
  Mean: reduceLeading(true),
  Identity: identity,
  Cast: cast,
  GatherV2: gather,
  Slice: slice,
  SplitV: split,
  Concat: concat,
  Transpose: transpose,
  MaxPoolGrad: (_, tf) => maxPoolGradient(tf, 2),
  MaxPool3DGrad: (_, tf) => maxPoolGradient(tf, 3),
};

/** What stock convolutions leave unseen, and then read what lies beyond their operands: types, and one where channels are. */
const unseen: Readonly<Record<string, (name: string, args: KernelArguments) => void>> = {
  Conv2D: checkTypes,
  FusedConv2D: checkTypes,
  FusedDepthwiseConv2D: checkTypes,
  DepthwiseConv2dNative: checkOurs,
};

/** A product or a fused product on a workspace; the steps after a product by the kernels that `lookup` finds. */
export function productOn(
  tf: TensorFlow,
  name: string,
  lookup: KernelLookup,
  spaceOf: () => Workspace,
  otherwise: KernelFunction,
): KernelFunction | undefined {
  const kernel = productKernels.get(fusedNames.get(name) ?? name);
  if (kernel === undefined) return undefined;
  const alone = (args: KernelArguments): TensorInfo => {
    const space = spaceOf();
    try {
      return kernel(tf, args, space);
    } catch (error) {
      space.abandon();
      throw error;
    }
  };
  if (!fusedNames.has(name)) return (args) => (isOurs(args) ? alone(args) : otherwise(args));
  return (args) =>
    isOurs(args) && hasSteps(args)
      ? runSteps(name, args, alone, (step, given) => lookup(step)(given) as TensorInfo)
      : otherwise(args);
}

/** Our kernel of a name for the wasm backend, if there is one. `stock` serves the cases that ours leaves out. */
export function ownKernel(
  tf: TensorFlow,
  name: string,
  stock: KernelFunction,
  lookup: KernelLookup,
  spaceOf: () => Workspace,
): KernelFunction | undefined {
  if (Object.hasOwn(replacements, name)) return replacements[name]!(stock, tf);
  return productOn(tf, name, lookup, spaceOf, (args) => {
    unseen[name]?.(name, args);
    return stock(args);
  });
}

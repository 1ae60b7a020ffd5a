/**
 * The kernels of TensorFlow.js that are sums of products, on a workspace: matrix products, convolutions, `Einsum`. Which
 * backend, which accumulator: the workspace's business. Fused kernels are in `fused.ts`.
 */
import { convolve, convolveBack, convolveFilter } from './convolution.ts';
import { einsum } from './einsum.ts';
import type { KernelArguments, TensorFlow, TensorInfo } from './internals.ts';
import { multiply } from './own-matmul.ts';
import type { Workspace } from './workspace.ts';

export type ProductKernel = (tf: TensorFlow, args: KernelArguments, space: Workspace) => TensorInfo;

type Convolution = (name: string, tf: TensorFlow, args: KernelArguments, space: Workspace) => TensorInfo;

function convolutions(names: readonly string[], kernel: Convolution): [string, ProductKernel][] {
  return names.map((name) => [name, (tf, args, space) => kernel(name, tf, args, space)]);
}

export const productKernels: ReadonlyMap<string, ProductKernel> = new Map<string, ProductKernel>([
  ['BatchMatMul', (_, args, space) => multiply(args, space)],
  ['Einsum', (_, args, space) => einsum(args, space)],
  ...convolutions(['Conv2D', 'DepthwiseConv2dNative', 'Conv3D'], convolve),
  ...convolutions(
    ['Conv2DBackpropInput', 'DepthwiseConv2dNativeBackpropInput', 'Conv3DBackpropInputV2'],
    convolveBack,
  ),
  ...convolutions(
    ['Conv2DBackpropFilter', 'DepthwiseConv2dNativeBackpropFilter', 'Conv3DBackpropFilterV2'],
    convolveFilter,
  ),
]);

/** Whether a product is one that we compute: of float32 tensors with channels last. */
export function isOurs({ inputs, attrs }: KernelArguments): boolean {
  const format = attrs?.['dataFormat'] as string | undefined;
  return (
    (format === undefined || format === null || format.endsWith('C')) &&
    Object.values(inputs).every((info) => info == null || info.dtype === 'float32')
  );
}

/**
 * The axis of an operand that a product sums over, from the end; the last one where it sums over several (the gradient of a
 * filter) or the kernel is none of a product.
 */
export function summedAxis(name: string, operand: string, attrs: KernelArguments['attrs']): number {
  if (name === 'BatchMatMul' || name === '_FusedMatMul') {
    const isTransposed = attrs?.[operand === 'a' ? 'transposeA' : 'transposeB'] === true;
    return (operand === 'a') === isTransposed ? -2 : -1;
  }
  const isForward = name === 'Conv2D' || name === 'FusedConv2D' || name === 'Conv3D';
  return isForward && operand === 'filter' ? -2 : -1;
}

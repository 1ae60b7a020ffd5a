/**
 * The kernels of TensorFlow.js that are sums of products, on a workspace: matrix products, convolutions, `Einsum`. Which
 * backend, which accumulator: the workspace's business. Fused kernels are in `fused.ts`.
 */

import { ArgumentError } from '../errors.ts';
import { checkDtype } from './check-tensors.ts';
import { convolve, convolveBack, convolveFilter } from './convolution.ts';
import { einsum } from './einsum.ts';
import type { KernelArguments, TensorFlow, TensorInfo } from './internals.ts';
import { fusedNames } from './kernel-names.ts';
import { multiply } from './own-matmul.ts';
import type { Workspace } from './workspace.ts';

type ProductKernel = (tf: TensorFlow, args: KernelArguments, space: Workspace) => TensorInfo;

type Convolution = (name: string, tf: TensorFlow, args: KernelArguments, space: Workspace) => TensorInfo;

function convolutions(names: readonly string[], kernel: Convolution): [string, ProductKernel][] {
  return names.map((name) => [name, (tf, args, space) => kernel(name, tf, args, space)]);
}

export const productKernels: ReadonlyMap<string, ProductKernel> = new Map<string, ProductKernel>([
  ['BatchMatMul', multiply],
  ['Einsum', einsum],
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

/** Refuses operands that are not float32. */
export function checkTypes(name: string, { inputs }: KernelArguments): void {
  for (const [operand, info] of Object.entries(inputs))
    if (info != null) checkDtype(`${name}.${operand}`, info, 'float32');
}

/** Refuses what is not ours. */
export function checkOurs(name: string, args: KernelArguments): void {
  checkTypes(name, args);
  if (!isOurs(args))
    throw new ArgumentError(`${name}.dataFormat`, args.attrs?.['dataFormat'], 'channels last');
}

/** Of an operand of `Einsum`: its last letter that the other has too and the result lacks, or that it has alone. */
function summedLetter(equation: string, index: number): number {
  const [inputs = '', output = ''] = equation.replace(/\s/g, '').split('->');
  const letters = [...(inputs.split(',')[index] ?? '')];
  const last = letters.findLastIndex((letter) => !output.includes(letter));
  return last < 0 ? -1 : last - letters.length;
}

/**
 * The axis of an operand that a product sums over, from the end: the last one where it sums over several (the taps of a
 * depthwise filter, the positions of a filter's gradient); of other kernels the last one.
 */
export function summedAxis(name: string, operand: string, attrs: KernelArguments['attrs']): number {
  if (operand === 'bias' || operand === 'preluActivationWeights') return -1;
  if (name === 'BatchMatMul' || name === '_FusedMatMul') {
    const isTransposed = attrs?.[operand === 'a' ? 'transposeA' : 'transposeB'] === true;
    return (operand === 'a') === isTransposed ? -2 : -1;
  }
  if (name === 'Einsum') return summedLetter(String(attrs?.['equation']), Number(operand));
  if (!productKernels.has(fusedNames.get(name) ?? name)) return -1;
  const isDepthwise = name.includes('Depthwise');
  // Filters are (taps, channels in, channels out), depthwise ones (taps, channels, multiplier).
  if (operand === 'filter') return isDepthwise ? -3 : name.includes('BackpropInput') ? -1 : -2;
  const isOverPositions = isDepthwise || name.includes('BackpropFilter');
  if (attrs?.['dataFormat'] === 'NCHW') return isOverPositions ? -1 : -3;
  return isOverPositions ? -2 : -1;
}

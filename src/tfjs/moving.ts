/**
 * Which kernels only move values: every element of their result is an element of an input (or a constant of the
 * format), so operands on the grid give a result on the grid and nothing need be rounded. Not a list of cheap kernels:
 * what is absent here is rounded, which is the identity on values of the grid.
 */
import type { Format } from '../formats/index.ts';
import type { KernelArguments } from './internals.ts';

const movers: ReadonlySet<string> = new Set([
  'Identity',
  'Reshape',
  'ExpandDims',
  'Transpose',
  'Slice',
  'StridedSlice',
  'SplitV',
  'Concat',
  'Pack',
  'Unpack',
  'Tile',
  'Reverse',
  'FlipLeftRight',
  'GatherV2',
  'GatherNd',
  'MirrorPad',
  'DepthToSpace',
  'Select',
  'Max',
  'Min',
  'Maximum',
  'Minimum',
  'TopK',
  'Cast',
]);

const moversWithZero: ReadonlySet<string> = new Set(['Relu', 'BatchToSpaceND', 'SpaceToBatchND', 'Diag']);

/** Whether a call of the kernel, given float32 operands of the format, yields values of the format. */
export function onlyMoves(kernel: string, format: Format, args: KernelArguments): boolean {
  if (movers.has(kernel)) return true;
  if (moversWithZero.has(kernel)) return format.has(0);
  return kernel === 'PadV2' && format.has(args.attrs?.['constantValue'] as number);
}

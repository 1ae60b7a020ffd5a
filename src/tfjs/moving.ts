/**
 * Which kernels carry values instead of computing with them: they move or choose elements, answer with integers or truth
 * values, or make whole numbers of them. Ids, labels and masks go through such kernels, so emulation hands them their operands
 * as they are and leaves their results alone; the first kernel that does arithmetic rounds what it reads. What is absent here
 * does arithmetic.
 */
import type { Grid } from './effect.ts';
import type { KernelArguments, TensorInfo } from './internals.ts';

/** Every element of the result is an element of an operand, or a constant that the kernel's attributes say. */
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
  'RotateWithOffset',
  'GatherV2',
  'GatherNd',
  'TensorScatterUpdate',
  'PadV2',
  'MirrorPad',
  'DepthToSpace',
  'SpaceToBatchND',
  'BatchToSpaceND',
  'ResizeNearestNeighbor',
  'Diag',
  'Select',
  'Cast',
  'Unique',
  'SparseToDense',
  'SparseFillEmptyRows',
  'RaggedGather',
  'RaggedTensorToTensor',
  'ZerosLike',
  'OnesLike',
]);

/** Elements of the operands, by comparing them. */
const choosers: ReadonlySet<string> = new Set(['Max', 'Min', 'Maximum', 'Minimum', 'TopK', 'Relu']);

/** Integers and truth values, or whole numbers. */
const answers: ReadonlySet<string> = new Set([
  'Floor',
  'Ceil',
  'Round',
  'ArgMax',
  'ArgMin',
  'Equal',
  'NotEqual',
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
  'IsNan',
  'IsInf',
  'IsFinite',
  'All',
  'Any',
  'LogicalAnd',
  'LogicalNot',
  'LogicalOr',
  'LogicalXor',
  'SearchSorted',
  'Multinomial',
  'NonMaxSuppressionV3',
  'NonMaxSuppressionV4',
  'NonMaxSuppressionV5',
]);

/** Kernels that move elements by one of their ways to interpolate. */
const interpolations: ReadonlyMap<string, string> = new Map([
  ['Transform', 'interpolation'],
  ['CropAndResize', 'method'],
]);

/** Numbers beside its operands' elements that a kernel may put into its result. */
function constantsOf(kernel: string, attrs: KernelArguments['attrs'] = {}): unknown[] {
  switch (kernel) {
    case 'Relu':
    case 'SpaceToBatchND':
    case 'BatchToSpaceND':
    case 'Diag':
    case 'ZerosLike':
      return [0];
    case 'OnesLike':
      return [1];
    case 'PadV2':
      return [attrs['constantValue']];
    case 'RotateWithOffset':
    case 'Transform':
      return [attrs['fillValue']].flat();
    case 'CropAndResize':
      return [attrs['extrapolationValue']];
    default:
      return [];
  }
}

const isInteger = (value: unknown): boolean =>
  Number.isInteger(value) || Math.abs(value as number) === Infinity;

/**
 * Whether a call only carries values.
 * @param isWhole whether all elements of a tensor are whole numbers: clipping them chooses, as for ids and labels; other
 *   clipping computes, since its bounds are numbers of the format
 */
export function carries(
  kernel: string,
  { inputs, attrs }: KernelArguments,
  isWhole: (info: TensorInfo) => boolean,
): boolean {
  if (movers.has(kernel) || choosers.has(kernel) || answers.has(kernel)) return true;
  const way = interpolations.get(kernel);
  if (way !== undefined) return attrs?.[way] === 'nearest';
  if (kernel !== 'ClipByValue') return false;
  const { x } = inputs as { x: TensorInfo };
  return isInteger(attrs?.['clipValueMin']) && isInteger(attrs?.['clipValueMax']) && isWhole(x);
}

/** Whether a call that carries values of the grid yields values of the grid. */
export function staysOn({ format, isJammed }: Grid, kernel: string, { attrs }: KernelArguments): boolean {
  if (answers.has(kernel) || kernel === 'ClipByValue') return false;
  return constantsOf(kernel, attrs).every((constant) => !isJammed && format.has(constant as number));
}

/** Whether the elements of a call's results are those of its operands in another place. */
export function onlyMoves(kernel: string): boolean {
  return movers.has(kernel);
}

/**
 * Names of the operands of TensorFlow.js' kernels, which a policy's `inputs` may tell apart. Data only.
 * Source: tfjs-core 4.22, `kernel_names.ts`.
 */

/** Kernels by their operands; `*`: a list, whose operands are called 0, 1, ... */
const kernelsByOperands: Readonly<Record<string, string>> = {
  x: `
    Abs Acos Acosh All Any ArgMax ArgMin Asin Asinh Atan Atanh AvgPool AvgPool3D BatchToSpaceND BroadcastTo
    Cast Ceil ClipByValue ComplexAbs Cos Cosh Cumprod Cumsum DepthToSpace Diag Elu Erf Exp Expm1 Floor
    Identity IsFinite IsInf IsNan LeakyRelu Log Log1p LogicalNot LRN Max MaxPool MaxPool3D MaxPoolWithArgmax
    Mean Min MirrorPad Neg OnesLike PadV2 Prod Reciprocal Relu Reshape Relu6 Reverse Round Rsqrt Selu Slice
    Sin Sinh Sign Sigmoid Softplus Sqrt Sum SpaceToBatchND SplitV Square StaticRegexReplace StridedSlice Tan
    Tanh Tile TopK Transpose Unique ZerosLike Step`,
  'a b': `
    Add Atan2 BatchMatMul BitwiseAnd RealDiv Equal FloorDiv Greater GreaterEqual Less LessEqual LogicalAnd
    LogicalOr LogicalXor Maximum Minimum Mod Multiply NotEqual Pow SquaredDifference Sub`,
  input: 'ExpandDims FFT IFFT Imag Pool Real StringToHashBucketFast',
  '*': 'AddN Concat Einsum Pack',
  'x filter': 'Conv2D Conv3D DepthwiseConv2dNative Dilation2D',
  '': 'Fill LinSpace Range',
  'boxes scores': 'NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5',
  'dy filter': 'Conv2DBackpropInput Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput',
  image: 'Draw FlipLeftRight RotateWithOffset',
  logits: 'LogSoftmax Multinomial Softmax',
  'sortedSequence values': 'LowerBound SearchSorted UpperBound',
  'x dy': 'Conv2DBackpropFilter Conv3DBackpropFilterV2 DepthwiseConv2dNativeBackpropFilter',
  'data indices segmentIds': 'SparseSegmentMean SparseSegmentSum',
  'dy input': 'AvgPoolGrad AvgPool3DGrad',
  'dy input output': 'MaxPoolGrad MaxPool3DGrad',
  images: 'ResizeNearestNeighbor ResizeBilinear',
  'images dy': 'ResizeNearestNeighborGrad ResizeBilinearGrad',
  'x filter bias preluActivationWeights': 'FusedConv2D FusedDepthwiseConv2D',
  'x filter dy': 'Dilation2DBackpropInput Dilation2DBackpropFilter',
  'x weights': 'Bincount DenseBincount',
  'a b bias preluActivationWeights': '_FusedMatMul',
  'condition t e': 'Select',
  'data dataSplits': 'StringNGrams',
  'dy y': 'EluGrad',
  'image boxes boxInd': 'CropAndResize',
  'image transforms': 'Transform',
  indices: 'OneHot',
  'indices updates': 'ScatterNd',
  'indices values denseShape defaultValue': 'SparseFillEmptyRows',
  'input delimiter': 'StringSplit',
  'input numLower numUpper': 'MatrixBandPart',
  'inputIndices inputShape newShape': 'SparseReshape',
  'params indices': 'GatherNd',
  'paramsDenseValues indices paramsNestedSplits': 'RaggedGather',
  pixels: 'FromPixels',
  'real imag': 'Complex',
  's0 s1': 'BroadcastArgs',
  'shape values defaultValue rowPartitionTensors': 'RaggedTensorToTensor',
  'sparseIndices sparseValues defaultValue': 'SparseToDense',
  'starts limits deltas': 'RaggedRange',
  'tensor indices updates': 'TensorScatterUpdate',
  value: 'Unpack',
  'x alpha': 'Prelu',
  'x indices': 'GatherV2',
  'x scale offset mean variance': 'FusedBatchNorm',
  'x segmentIds': 'UnsortedSegmentSum',
  'x y dy': 'LRNGrad',
};

const operandsByKernel: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(kernelsByOperands).flatMap(([operands, kernels]) =>
    kernels
      .trim()
      .split(/\s+/)
      .map((kernel) => [kernel, operands.split(' ').filter((name) => name !== '')] as const),
  ),
);

/** What names the operands of a kernel can have: a list, `'numbered'`, or undefined for a kernel that TensorFlow.js does not define. */
export function operandNames(kernel: string): readonly string[] | 'numbered' | undefined {
  const names = operandsByKernel.get(kernel);
  return names?.[0] === '*' ? 'numbered' : names;
}

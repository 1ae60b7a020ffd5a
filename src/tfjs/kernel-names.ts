/** Names of TensorFlow.js' kernels by what they compute. Names only. */

const matmulNames = ['BatchMatMul', '_FusedMatMul', 'Einsum'];

const convolutionNames = [
  'Conv2D',
  'FusedConv2D',
  'Conv2DBackpropInput',
  'Conv2DBackpropFilter',
  'DepthwiseConv2dNative',
  'FusedDepthwiseConv2D',
  'DepthwiseConv2dNativeBackpropInput',
  'DepthwiseConv2dNativeBackpropFilter',
  'Conv3D',
  'Conv3DBackpropInputV2',
  'Conv3DBackpropFilterV2',
];

/** Names that a policy may use for several kernels at once. */
export const kernelFamilies: Readonly<Record<string, readonly string[]>> = {
  matmul: matmulNames,
  convolution: convolutionNames,
};

/** Kernels that are sums of products. */
export const productNames: ReadonlySet<string> = new Set([...matmulNames, ...convolutionNames]);

/** Kernels that add a bias to a product and apply an activation, with the kernel of the product alone. */
export const fusedNames: ReadonlyMap<string, string> = new Map([
  ['_FusedMatMul', 'BatchMatMul'],
  ['FusedConv2D', 'Conv2D'],
  ['FusedDepthwiseConv2D', 'DepthwiseConv2dNative'],
]);

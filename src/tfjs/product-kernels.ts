/** The kernels of TensorFlow.js that contract two operands. */

/** Kernels that are products, with the names of their operands. Those of gradients are among them. */
export const operandNames: Readonly<Record<string, readonly [string, string]>> = {
  BatchMatMul: ['a', 'b'],
  _FusedMatMul: ['a', 'b'],
  Einsum: ['0', '1'],
  Conv2D: ['x', 'filter'],
  FusedConv2D: ['x', 'filter'],
  DepthwiseConv2dNative: ['x', 'filter'],
  FusedDepthwiseConv2D: ['x', 'filter'],
  Conv3D: ['x', 'filter'],
  Conv2DBackpropInput: ['dy', 'filter'],
  DepthwiseConv2dNativeBackpropInput: ['dy', 'filter'],
  Conv3DBackpropInputV2: ['dy', 'filter'],
  Conv2DBackpropFilter: ['x', 'dy'],
  DepthwiseConv2dNativeBackpropFilter: ['x', 'dy'],
  Conv3DBackpropFilterV2: ['x', 'dy'],
};

/** Whether a kernel contracts two operands. */
export function isProduct(name: string): boolean {
  return Object.hasOwn(operandNames, name);
}

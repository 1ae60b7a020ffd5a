/**
 * What the kernels export. The modules import their memory and own no data in it: every pointer, scratch included, is
 * given by the caller, so a kernel works on any heap.
 */
export { codeBits, decode } from './decode';
export { round, roundStochastic } from './dispatch';
export { encode, hasNaN } from './encode';
export { matmulFloat32 } from './matmul';
export { randomIntegers } from './philox';
export { fakeQuantizeAbsmean, fakeQuantizeRowsAbsmax } from './quantize';

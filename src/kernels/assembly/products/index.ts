/** The module of matrix products. Every buffer, scratch included, is given by the caller. */
export { matmulFloat32 } from './matmul';

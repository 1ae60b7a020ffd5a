/** The module of transforms. Every buffer is given by the caller. */
export { hadamardColumns, hadamardRows } from './hadamard';

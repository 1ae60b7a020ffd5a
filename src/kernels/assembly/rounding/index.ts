/**
 * The module of rounding, encoding, decoding and random bits. Every buffer, scratch included, is given by the caller, so
 * a kernel works on any heap.
 */
export { randomIntegers } from './philox';
export { piece } from './piece';

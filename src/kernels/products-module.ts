/** The module of matrix products. */
import bytes from './generated/products.ts';
import { type KernelModule, kernelModule, type PieceExports } from './module.ts';

/** The exports of `assembly/products/index.ts`. Pointers are byte offsets; `block` is laid out as `scripts/kernels/products.js` says. */
export interface ProductsModuleExports extends PieceExports {
  /** destination = the rounded source, or the rounded sum of source and addend unless that is 0. */
  finish(
    block: number,
    source: number,
    addend: number,
    shift: number,
    destination: number,
    outShift: number,
    count: number,
  ): void;
  /** What the numbers of an operand are made of, to 40 bytes at `state`. */
  profile(source: number, shift: number, count: number, state: number): void;
  /** The largest power of two of which all are multiples; numbers but 0 between 2^-60 and 2^60. */
  grain(source: number, shift: number, count: number): number;
}

export const productsModule: KernelModule<ProductsModuleExports> = kernelModule(bytes);

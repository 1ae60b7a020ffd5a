/** The module of matrix products. */
import base64 from './generated/products.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** The exports of `assembly/products/index.ts`. Pointers are byte offsets; `block` is laid out as `products/slots.ts` says. */
export interface ProductsModuleExports {
  /** Units `from` to `from + count` of a product's work. Returns -1. */
  piece(block: number, from: number, count: number): number;
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

export const productsModule: KernelModule<ProductsModuleExports> = kernelModule(base64);

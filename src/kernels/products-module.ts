/** The module of matrix products. */
import shared from './generated/products-shared.ts';
import unshared from './generated/products-unshared.ts';
import { type KernelModule, kernelModule } from './module.ts';

/** The exports of `assembly/products/index.ts`. Pointers are byte offsets; booleans are 0 or 1. */
export interface ProductsModuleExports {
  matmulFloat32(
    a: number,
    b: number,
    out: number,
    m: number,
    n: number,
    k: number,
    transposeA: number,
    transposeB: number,
    batch: number,
    batchStrideA: number,
    batchStrideB: number,
    scratch: number,
  ): void;
}

export const productsModule: KernelModule<ProductsModuleExports> = kernelModule(shared, unshared);

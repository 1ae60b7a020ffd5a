/** The shape of a matrix product as kernels see it. */
import type { ProductShape } from '../../products/shape.ts';

/** The operands as kernels see them. A single column is computed as a row, so that its outputs lie beside each other. */
export function oriented(shape: ProductShape): ProductShape & { readonly swaps: boolean } {
  const { m, n, transposeA, batchStrideA, batchStrideB } = shape;
  if (n !== 1 || m === 1) return { ...shape, swaps: false };
  return {
    ...shape,
    m: 1,
    n: m,
    transposeA: false,
    transposeB: !transposeA,
    batchStrideA: batchStrideB,
    batchStrideB: batchStrideA,
    swaps: true,
  };
}

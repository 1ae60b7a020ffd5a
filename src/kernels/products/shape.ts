/** Shapes of matrix products. */

/** A row-major product out (m x n) = op(a) (m x k) op(b) (k x n), or a batch of them. */
export interface MatmulShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** a is stored k x m. Default false. */
  readonly transposeA?: boolean;
  /** b is stored n x k. Default false. */
  readonly transposeB?: boolean;
  /** Number of products. Default 1. */
  readonly batch?: number;
  /** Elements from one a to the next; 0 uses one a for all. Default m k. */
  readonly batchStrideA?: number;
  /** Elements from one b to the next; 0 uses one b for all. Default k n. */
  readonly batchStrideB?: number;
}

/** The same with every default filled in. */
export type ProductShape = Required<MatmulShape>;

export function resolveProductShape(shape: MatmulShape): ProductShape {
  const { m, n, k, transposeA = false, transposeB = false, batch = 1 } = shape;
  const { batchStrideA = m * k, batchStrideB = k * n } = shape;
  return { m, n, k, transposeA, transposeB, batch, batchStrideA, batchStrideB };
}

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

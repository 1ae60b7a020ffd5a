/** Shapes of matrix products. What they mean is the same for users, for the reference and for kernels; checks are not here. */

/** a b with a of (m, k), b of (k, n) and the result of (m, n), all row-major. */
export interface MatrixShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** a is stored as (k, m). Default false. */
  readonly transposeA?: boolean;
  /** b is stored as (n, k). Default false. */
  readonly transposeB?: boolean;
  /** Number of products. Default 1. */
  readonly batch?: number;
}

/** Where the matrices of a batch begin, too. */
export interface BatchShape extends MatrixShape {
  /** Elements from one a to the next; 0 uses one a for all. Default m k. */
  readonly batchStrideA?: number;
  /** Elements from one b to the next; 0 uses one b for all. Default k n. */
  readonly batchStrideB?: number;
}

/** The same with every default filled in. */
export type ProductShape = Required<BatchShape>;

export function resolveProductShape(shape: BatchShape): ProductShape {
  const { m, n, k, transposeA = false, transposeB = false, batch = 1 } = shape;
  const { batchStrideA = m * k, batchStrideB = k * n } = shape;
  return { m, n, k, transposeA, transposeB, batch, batchStrideA, batchStrideB };
}

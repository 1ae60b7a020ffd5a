/**
 * Which matrices of two stacks meet in a batched product whose batch dimensions broadcast: at best one run with constant
 * strides, else a list of pairs. Index arithmetic only.
 */
import { sizeOf } from '../shape.ts';

/** A run of products at constant strides, all in matrices. */
interface BatchRun {
  readonly firstA: number;
  readonly firstB: number;
  readonly firstOut: number;
  readonly count: number;
  readonly strideA: number;
  readonly strideB: number;
}

/** The runs of products for batch dimensions that broadcast to `shape`. */
export function batchRuns(
  batchA: readonly number[],
  batchB: readonly number[],
  shape: readonly number[],
): BatchRun[] {
  const total = sizeOf(shape);
  const sizeA = sizeOf(batchA);
  const sizeB = sizeOf(batchB);
  const plainA = sizeA === total || sizeA === 1;
  const plainB = sizeB === total || sizeB === 1;
  if (plainA && plainB)
    return [
      {
        firstA: 0,
        firstB: 0,
        firstOut: 0,
        count: total,
        strideA: sizeA === total ? 1 : 0,
        strideB: sizeB === total ? 1 : 0,
      },
    ];
  return Array.from({ length: total }, (_, index) => ({
    firstA: broadcastIndex(index, batchA, shape),
    firstB: broadcastIndex(index, batchB, shape),
    firstOut: index,
    count: 1,
    strideA: 0,
    strideB: 0,
  }));
}

/** Row-major index in `from` of the element that broadcasts to `index` of `to`. */
function broadcastIndex(index: number, from: readonly number[], to: readonly number[]): number {
  let rest = index;
  let result = 0;
  let stride = 1;
  for (let i = to.length - 1, j = from.length - 1; j >= 0; i--, j--) {
    const length = from[j]!;
    if (length !== 1) result += (rest % to[i]!) * stride;
    stride *= length;
    rest = Math.floor(rest / to[i]!);
  }
  return result;
}

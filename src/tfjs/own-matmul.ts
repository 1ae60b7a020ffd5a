/**
 * `BatchMatMul` on a workspace: transposes and broadcast batches at full speed. In binary32 each output is summed strictly in the order of k from
 * +0, multiply then add, as tfjs' own product without transposes is.
 */
import type { KernelArguments, TensorInfo } from './internals.ts';
import { batchRuns } from './matmul-batches.ts';
import type { Workspace } from './workspace.ts';

/** The shape that two batch shapes broadcast to. The op has checked that they do. */
function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    return x === 1 ? y : x;
  });
}

/** `BatchMatMul` of float32 operands. */
export function multiply({ inputs, attrs }: KernelArguments, space: Workspace): TensorInfo {
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  const transposeA = attrs?.['transposeA'] === true;
  const transposeB = attrs?.['transposeB'] === true;
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const n = transposeB ? rowsB : columnsB;
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = broadcastShape(batchA, batchB);
  const out = space.result([...batch, m, n]);
  const [left, right] = [space.operand(a), space.operand(b)];
  const runs = m * n === 0 ? [] : batchRuns(batchA, batchB, batch);
  for (const run of runs)
    if (run.count > 0)
      space.multiply(
        space.at(left, run.firstA * m * k),
        space.at(right, run.firstB * k * n),
        space.at(out.place, run.firstOut * m * n),
        {
          m,
          n,
          k,
          transposeA,
          transposeB,
          batch: run.count,
          batchStrideA: run.strideA * m * k,
          batchStrideB: run.strideB * k * n,
        },
      );
  return out.finish();
}

/**
 * `BatchMatMul` on a workspace: transposes and broadcast batches at full speed. In binary32 each output is summed strictly in the order of k from
 * +0, multiply then add, as tfjs' own product without transposes is. Shapes that do not fit are refused in tfjs' words.
 */
import { ArgumentError } from '../errors.ts';
import type { KernelArguments, TensorFlow, TensorInfo } from './internals.ts';
import { batchRuns } from './matmul-batches.ts';
import type { Workspace } from './workspace.ts';

/** `BatchMatMul` of float32 operands. */
export function multiply(tf: TensorFlow, { inputs, attrs }: KernelArguments, space: Workspace): TensorInfo {
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  const transposeA = attrs?.['transposeA'] === true;
  const transposeB = attrs?.['transposeB'] === true;
  for (const [name, { shape }] of Object.entries({ a, b }))
    if (shape.length < 2)
      throw new ArgumentError(`BatchMatMul.${name}`, `[${shape}]`, 'a shape of rank 2 or more');
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [inner, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  tf.util.assert(
    k === inner,
    () =>
      `Error in matMul: inner shapes (${k}) and (${inner}) of Tensors with shapes ${a.shape} and ` +
      `${b.shape} and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
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

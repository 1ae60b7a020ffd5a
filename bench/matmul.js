/**
 * Float32 matrix products against stock tfjs-wasm, in the same run: square, the shapes of a small language model, and
 * batches of attention. The kernels work on the memory of their own heap, tfjs on its tensors.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { sharedHeap } from '../build/kernels/heap.js';
import { kernelsOn } from '../build/kernels/heap-kernels.js';
import { measure } from './measure.js';
import { digits, judge, table } from './report.js';

/** m, k, n, batch. */
const shapes = /** @type {const} */ ([
  [256, 256, 256, 1],
  [512, 512, 512, 1],
  [1024, 96, 256, 1],
  [1024, 256, 96, 1],
  [96, 1024, 256, 1],
  [64, 24, 64, 64],
  [64, 64, 24, 64],
]);

/** @param {{ seconds: number, report: (line: string) => void }} options */
export async function benchMatmul({ seconds, report }) {
  const require = createRequire(import.meta.url);
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`);
  await tf.setBackend('wasm');
  const heap = sharedHeap();
  const kernels = kernelsOn(heap);
  const rows = [];
  for (const [m, k, n, batch] of shapes) {
    for (const [transposeA, transposeB] of [
      [false, false],
      [false, true],
      [true, false],
    ]) {
      const pointers = [m * k, k * n, m * n].map((size) => heap.allocate(4 * batch * size));
      const [a = 0, b = 0, out = 0] = pointers;
      for (const pointer of [a, b])
        new Float32Array(heap.memory.buffer, pointer, batch * Math.min(m * k, k * n)).fill(1 / 3);
      const x = tf.ones(transposeA ? [batch, k, m] : [batch, m, k]);
      const y = tf.ones(transposeB ? [batch, n, k] : [batch, k, n]);
      const times = measure(
        {
          own: () => kernels.matmulFloat32(a, b, out, { m, n, k, batch, transposeA, transposeB }),
          tfjs: () => tf.matMul(x, y, transposeA, transposeB).dispose(),
        },
        { seconds },
      );
      tf.dispose([x, y]);
      for (const pointer of pointers) heap.free(pointer);
      const gigaflops = (/** @type {number} */ time) => (2 * m * n * k * batch) / time / 1e9;
      const row = {
        m,
        k,
        n,
        batch,
        transposeA,
        transposeB,
        own: gigaflops(times.own),
        tfjs: gigaflops(times.tfjs),
      };
      rows.push(row);
      report(`matmul ${m} x ${k} x ${n}`);
    }
  }
  kernels.release();
  return rows;
}

/** @param {any[]} rows */
export function matmulTable(rows) {
  return table(
    'Float32 matrix products, GFLOP/s',
    ['m x k x n', 'batch', 'transposed', 'own', 'tfjs-wasm', 'ratio'],
    rows.map((r) => [
      `${r.m} x ${r.k} x ${r.n}`,
      r.batch,
      r.transposeA ? 'a' : r.transposeB ? 'b' : '-',
      ...[r.own, r.tfjs, r.own / r.tfjs].map(digits),
    ]),
  );
}

/** @param {readonly any[]} rows */
export function matmulTargets(rows) {
  const square = rows.filter((r) => r.m === 512 && !r.transposeA && !r.transposeB);
  const measured = square.map((r) => ({ label: '512', ratio: r.own / r.tfjs }));
  return [judge('plain product of 512 x 512 against tfjs-wasm', 1.6, measured)];
}

/** The random Hadamard transform against a copy of the same size and against the plain loop. */

import { allocateFloat32, release } from '../build/kernels/heap.js';
import { rotateArray } from '../build/kernels/transforms/hadamard-arrays.js';
import { rotateReference } from '../build/quantizers/transforms/hadamard.js';
import { transformerEngineSigns } from '../build/quantizers/transforms/index.js';
import { measure, memmove } from './measure.js';
import { digits, judge, table } from './report.js';

const columns = 1000;

/** @param {{ seconds: number, report: (line: string) => void }} options */
export function benchTransforms({ seconds, report }) {
  const results = [];
  for (const [size, length] of /** @type {const} */ ([
    [16, 1e6],
    [16, 1e7],
    [128, 1e7],
  ])) {
    const signs = Array.from({ length: size }, (_, i) => transformerEngineSigns[i % 16] ?? 1);
    const rows = { outer: 1, length, inner: 1, size };
    const along = { outer: 1, length: length / columns, inner: columns, size };
    const x = allocateFloat32(length);
    for (let i = 0; i < length; i++) x[i] = ((i * 7919) % 10007) / 5003 - 1;
    const out = allocateFloat32(length);
    const [plain, plainOut] = [Float32Array.from(x), new Float32Array(length)];
    const times = measure(
      {
        memmove: memmove(length),
        heap: () => rotateArray(x, out, rows, signs, true),
        ordinary: () => rotateArray(plain, plainOut, rows, signs, true),
        columns: () => rotateArray(plain, plainOut, along, signs, true),
        reference: () => {
          plainOut.set(plain);
          rotateReference(plainOut, rows, signs, true);
        },
      },
      { seconds },
    );
    const rates = Object.fromEntries(
      Object.entries(times).map(([name, time]) => [name, length / time / 1e6]),
    );
    results.push({ size, length, ...rates });
    report(`Hadamard ${size} of ${length.toExponential(0)}`);
    release(x);
    release(out);
  }
  return results;
}

/** @param {any[]} rows */
export function transformsTable(rows) {
  return table(
    'Random Hadamard transform, M elements/s',
    [
      'size',
      'length',
      'memmove',
      'heap',
      'ordinary',
      'columns',
      'heap/memmove',
      'ordinary/memmove',
      'heap/JS',
    ],
    rows.map((r) => [
      r.size,
      r.length.toExponential(0),
      ...[r.memmove, r.heap, r.ordinary, r.columns, r.heap / r.memmove, r.ordinary / r.memmove].map(digits),
      digits(r.heap / r.reference),
    ]),
  );
}

/** @param {readonly any[]} rows */
export function transformsTargets(rows) {
  const long = rows.filter((r) => r.size === 16 && r.length === 1e7);
  return ['heap', 'ordinary'].map((place) => {
    const measured = long.map((r) => ({ label: '1e+7', ratio: r[place] / r.memmove }));
    return judge(`random Hadamard-16, ${place}, against memmove at 1e7`, 0.3, measured);
  });
}

/** The quantiser kernels of BitNet, in place on the heap, against a copy of the same size and against the reference. */
import { allocateFloat32, kernelsOn, release, sharedHeap } from '../dist/kernels/index.js';
import { quantizer } from '../dist/tensor/quantizers/index.js';
import { measure, memmove } from './measure.js';

/** Rows and columns: activations of a small model, weights of a small and of a larger one. */
const shapes = /** @type {const} */ ([
  [1024, 96],
  [1024, 256],
  [1024, 1024],
]);

/** @param {{ seconds: number, report: (line: string) => void }} options */
export function benchQuantizers({ seconds, report }) {
  const kernels = kernelsOn(sharedHeap());
  const rowsReference = quantizer({ format: 'int8', scale: { per: 'row', from: 'absmax' } });
  const tensorReference = quantizer({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } });
  const results = [];
  for (const [rows, columns] of shapes) {
    const length = rows * columns;
    const source = allocateFloat32(length);
    for (let i = 0; i < length; i++) source[i] = ((i * 7919) % 10007) / 5003 - 1;
    const destination = allocateFloat32(length);
    const [from, to] = [source.byteOffset, destination.byteOffset];
    const x = Float32Array.from(source);
    const out = new Float32Array(length);
    const times = measure(
      {
        memmove: memmove(length),
        int8Rows: () => kernels.fakeQuantizeRowsAbsmax(from, to, rows, columns, { limit: 127 }),
        ternary: () => kernels.fakeQuantizeAbsmean(from, to, length, { limit: 1 }),
        int8RowsReference: () => rowsReference.fakeQuantize(x, [rows, columns], out),
        ternaryReference: () => tensorReference.fakeQuantize(x, [rows, columns], out),
      },
      { seconds },
    );
    const rates = Object.fromEntries(
      Object.entries(times).map(([name, time]) => [name, length / time / 1e6]),
    );
    results.push({ rows, columns, ...rates });
    report(`quantisers ${rows} x ${columns}`);
    release(source);
    release(destination);
  }
  return results;
}

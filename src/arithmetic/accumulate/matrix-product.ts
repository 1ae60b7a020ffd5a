/** The reference matrix product: `inner-product.ts` for each output, in the order of their numbers. */
import type { RealArray } from '../../formats/real-arrays.ts';
import type { Addend } from '../../products/model.ts';
import type { ProductShape } from '../../products/shape.ts';
import type { Counter } from '../flags.ts';
import { type DrawTerm, innerProduct } from './inner-product.ts';
import type { ResolvedAccumulator } from './model.ts';

/** out = a b + c. Output o = (batch item m + row) n + column. `out` is no operand. */
export function matrixProduct(
  a: RealArray,
  b: RealArray,
  addend: Addend | undefined,
  out: RealArray,
  { m, n, k, transposeA, transposeB, batchStrideA, batchStrideB }: ProductShape,
  model: ResolvedAccumulator,
  drawsOf: (output: number) => DrawTerm,
  counter?: Counter,
): void {
  // Rows of a and columns of b, whichever way they are stored.
  const [rowStep, alongA] = transposeA ? [1, m] : [k, 1];
  const [columnStep, alongB] = transposeB ? [k, 1] : [1, n];
  const row = new Float64Array(k);
  const column = new Float64Array(k);
  for (let output = 0; output < out.length; output++) {
    const item = Math.floor(output / (m * n));
    const place = output - item * m * n;
    const fromA = item * batchStrideA + Math.floor(place / n) * rowStep;
    const fromB = item * batchStrideB + (place % n) * columnStep;
    for (let l = 0; l < k; l++) {
      row[l] = a[fromA + l * alongA]!;
      column[l] = b[fromB + l * alongB]!;
    }
    const start = addend === undefined ? 0 : addend.values[item * addend.stride + place]!;
    out[output] = innerProduct({ a: row, b: column, start }, model, drawsOf(output), counter);
  }
}

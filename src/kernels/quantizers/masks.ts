/** Gradients where a quantiser neither clipped nor erred much, with kernels: `src/quantizers/gradients/masks.ts` has the definitions. */
import { isFloat32Array, viewLike } from '../../array-kinds.ts';
import { privateHeap } from '../heap.ts';
import { transformsModule } from '../transforms-module.ts';
import { bandsOf, eachPart, room, withTerms } from './bands.ts';
import { cached, type GroupLayout } from './quantizer-pieces.ts';

const kernelsHere = () => transformsModule.on(privateHeap().memory);

/** The gradient where low <= x <= high; else 0. The ends are of the type of x. */
export function maskWithin(
  gradient: Float32Array,
  x: Float32Array | Float64Array,
  low: number,
  high: number,
  out: Float32Array,
): void {
  const { buffer, places, result, load } = room();
  const kernels = kernelsHere();
  const [g, source] = places;
  const isWide = !isFloat32Array(x);
  const numbers = viewLike(x, buffer, source, cached.length) as Float64Array;
  for (let start = 0; start < out.length; start += cached.length) {
    const count = Math.min(cached.length, out.length - start);
    load([gradient], start, count);
    numbers.set(x.subarray(start, start + count));
    kernels.maskWithin(Number(isWide), g, source, g, count, low, high);
    out.set(result.subarray(0, count), start);
  }
}

/** The gradient where |value - x| <= multiplier sigma / steps, sigma being the root mean square of the group; else 0. */
export function maskErrors(
  gradient: Float32Array,
  x: Float32Array,
  values: Float32Array,
  layout: GroupLayout,
  multiplier: number,
  steps: number,
  out: Float32Array,
): void {
  withTerms(layout, (terms, limits) => {
    const { places, result, load } = room();
    const kernels = kernelsHere();
    const [g, source, value] = places;
    for (const band of bandsOf(layout)) {
      const { start, length, columns, size, groups, step } = band;
      const isWhole = length <= cached.length;
      limits.fill(0, 0, groups);
      if (isWhole) load([gradient, x, values], start, length);
      eachPart(band, terms, (offset, count, column, row) => {
        if (!isWhole) load([x], start + offset, count);
        kernels.addSquares(isWhole ? source : g, count, column, columns, size, row, 8 * step);
      });
      const perRow = Math.ceil(columns / size);
      const rows = step === 0 ? length / columns : 1;
      for (let i = 0; i < groups; i++) {
        const count = rows * Math.min(size, columns - (i % perRow) * size);
        limits[i] = (multiplier * Math.sqrt(limits[i]! / count)) / steps;
      }
      eachPart(band, terms, (offset, count, column, row) => {
        if (!isWhole) load([gradient, x, values], start + offset, count);
        kernels.maskErrors(g, source, value, g, count, column, columns, size, row, 8 * step);
        out.set(result.subarray(0, count), start + offset);
      });
    }
  });
}

/** The gradient where low <= x + zero point of the group <= high, the sum in binary64; else 0. */
export function maskShifted(
  gradient: Float32Array,
  x: Float32Array | Float64Array,
  zeroPoints: Float32Array | Float64Array,
  layout: GroupLayout,
  low: number,
  high: number,
  out: Float32Array,
): void {
  withTerms(layout, (terms, shifts) => {
    const { buffer, places, result, load } = room();
    const kernels = kernelsHere();
    const [g, source] = places;
    const isWide = !isFloat32Array(x);
    const numbers = viewLike(x, buffer, source, cached.length) as Float64Array;
    for (const band of bandsOf(layout)) {
      const { start, columns, size, group, groups, step } = band;
      shifts.set(zeroPoints.subarray(group, group + groups));
      eachPart(band, terms, (offset, count, column, row) => {
        const from = start + offset;
        load([gradient], from, count);
        numbers.set(x.subarray(from, from + count));
        const walk = [count, column, columns, size, row, 8 * step] as const;
        kernels.maskShifted(Number(isWide), g, source, g, ...walk, low, high);
        out.set(result.subarray(0, count), from);
      });
    }
  });
}

/** Gradients where a quantiser neither clipped nor erred much, with kernels: `src/quantizers/gradients/masks.ts` has the definitions. */
import { isFloat32Array, viewLike } from '../../array-kinds.ts';
import { privateHeap } from '../heap.ts';
import { transformsModule } from '../transforms-module.ts';
import { cached, type GroupLayout, piecesOf } from './quantizer-pieces.ts';

/** Bytes of a part of binary32 numbers. */
const partBytes = 4 * cached.length;
let staged: number | undefined;

/** Where parts of up to three arrays lie, and the kernels; the last two places are room for one of binary64 numbers. */
function room() {
  const heap = privateHeap();
  staged ??= heap.allocate(3 * partBytes);
  const places = [staged, staged + partBytes, staged + 2 * partBytes] as const;
  const { buffer } = heap.memory;
  const views = places.map((place) => new Float32Array(buffer, place, cached.length));
  /** Copies parts of arrays there. */
  const load = (arrays: readonly Float32Array[], start: number, count: number): void =>
    arrays.forEach((array, i) => {
      views[i]!.set(array.subarray(start, start + count));
    });
  return { kernels: transformsModule.on(heap.memory), buffer, places, result: views[0]!, load };
}

/** The gradient where low <= x <= high; else 0. The ends are of the type of x. */
export function maskWithin(
  gradient: Float32Array,
  x: Float32Array | Float64Array,
  low: number,
  high: number,
  out: Float32Array,
): void {
  const { kernels, buffer, places, result, load } = room();
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

/** The gradient where |value - x| <= multiplier sigma / steps, sigma being the root mean square of the group; else 0. Groups are no longer than a piece. */
export function maskErrors(
  gradient: Float32Array,
  x: Float32Array,
  values: Float32Array,
  layout: GroupLayout,
  multiplier: number,
  steps: number,
  out: Float32Array,
): void {
  const { kernels, places, result, load } = room();
  const [g, source, value] = places;
  const { size, columns } = layout;
  for (const { start, length, groups, left } of piecesOf(layout, 0, 0, cached)) {
    load([gradient, x, values], start, length);
    kernels.maskErrors(g, source, value, g, groups, size, columns, left, multiplier, steps);
    out.set(result.subarray(0, length), start);
  }
}

/**
 * Sums and means over leading axes for the wasm backend, whose own go by way of a transpose, twenty times slower: the
 * gradient of every bias is such a sum. Ours is a product with a row of ones, so each output is summed in binary32 in
 * the order of the summed elements, from +0; a mean then divides, rounded once.
 */
import { sizeOf } from '../shape.ts';
import { float32View, kernelsOf, pointerOf } from './heap.ts';
import type { KernelFunction, TensorInfo, WasmBackend } from './internals.ts';

/** How many axes from the first on are summed, if those are all; 0 if not, or if no axis is left. */
function leadingAxes(axis: unknown, rank: number): number {
  const given = Array.isArray(axis) ? (axis as number[]) : [axis as number];
  const axes = new Set(given.map((a) => (a < 0 ? a + rank : a)));
  const count = axes.size;
  for (let i = 0; i < count; i++) if (!axes.has(i)) return 0;
  return count < rank && count === given.length ? count : 0;
}

/** The replacement of `Sum`, or of `Mean`. */
export function reduceLeading(mean: boolean): (stock: KernelFunction) => KernelFunction {
  return (stock) => (args) => {
    const { x } = args.inputs as { x: TensorInfo };
    const axes = leadingAxes(args.attrs?.['axis'], x.shape.length);
    const rows = sizeOf(x.shape.slice(0, axes));
    const kept = x.shape.slice(axes);
    const columns = sizeOf(kept);
    if (x.dtype !== 'float32' || axes === 0 || columns === 0) return stock(args);
    const wasm = args.backend as WasmBackend;
    const kernels = kernelsOf(wasm);
    const shape = args.attrs?.['keepDims'] === true ? [...x.shape.slice(0, axes).fill(1), ...kept] : kept;
    const out = wasm.makeOutput(shape, 'float32');
    const ones = kernels.heap.allocate(4 * rows);
    new Float32Array(kernels.heap.memory.buffer, ones, rows).fill(1);
    kernels.matmulFloat32(ones, pointerOf(wasm, x.dataId), pointerOf(wasm, out.dataId), {
      m: 1,
      n: columns,
      k: rows,
    });
    kernels.heap.free(ones);
    if (mean) {
      const sums = float32View(wasm, out.dataId, columns);
      for (let i = 0; i < columns; i++) sums[i]! /= rows;
    }
    return out;
  };
}

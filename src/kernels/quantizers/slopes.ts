/** Gradients times slopes with the kernel: see `src/quantizers/gradients/differentiable.ts`, whose bits it has. */
import { privateHeap } from '../heap.ts';
import { transformsModule } from '../transforms-module.ts';
import { cached } from './quantizer-pieces.ts';

/** A smooth step between each two neighbours. */
interface Slopes {
  /** The values of a format, ascending: 2 to 256. */
  readonly values: Float64Array;
  /** Outside there is no slope. */
  readonly low: number;
  readonly high: number;
  readonly sharpness: number;
  /** The largest slope; at most 2^200. */
  readonly clip: number;
}

const mostValues = 256;
let staged: number | undefined;

/**
 * The gradient times the slope at each number.
 * @param scaled The numbers.
 * @param elements What they became: values.
 */
export function scaleBySlopes(
  gradient: Float32Array,
  scaled: Float32Array,
  elements: Float32Array,
  { values, low, high, sharpness, clip }: Slopes,
  out: Float32Array,
): void {
  const heap = privateHeap();
  const kernels = transformsModule.on(heap.memory);
  const bytes = 4 * cached.length;
  staged ??= heap.allocate(3 * bytes + 8 * mostValues);
  const [g, x, e, table] = [staged, staged + bytes, staged + 2 * bytes, staged + 3 * bytes];
  const { buffer } = heap.memory;
  new Float64Array(buffer, table, mostValues).set(values);
  for (let start = 0; start < out.length; start += cached.length) {
    const count = Math.min(cached.length, out.length - start);
    const end = start + count;
    new Float32Array(buffer, g, count).set(gradient.subarray(start, end));
    new Float32Array(buffer, x, count).set(scaled.subarray(start, end));
    new Float32Array(buffer, e, count).set(elements.subarray(start, end));
    const constants = [low, high, 1 / sharpness - 1, sharpness, clip] as const;
    kernels.scaleBySlopes(g, x, e, g, count, table, values.length, ...constants);
    out.set(new Float32Array(buffer, g, count), start);
  }
}

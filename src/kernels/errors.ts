/** Counts what a rounding did to an array, by the kernel, on pieces that are staged in the private memory. */
import shared from './generated/errors-shared.ts';
import unshared from './generated/errors-unshared.ts';
import { privateHeap } from './heap.ts';
import { type KernelModule, kernelModule } from './module.ts';

interface ErrorsModuleExports {
  count(exact: number, rounded: number, length: number, low: number, high: number, counts: number): void;
}

const errorsModule: KernelModule<ErrorsModuleExports> = kernelModule(shared, unshared);

/** Of finite numbers other than 0, but for `nan`. */
export interface ErrorCounts {
  /** Numbers beyond the range. */
  readonly overflow: number;
  /** Numbers within it that became 0. */
  readonly underflow: number;
  /** Results that are NaN. */
  readonly nan: number;
  /** Numbers that were rounded to finite ones: those whose relative errors count. */
  readonly measured: number;
  readonly largest: number;
  /** The sum of the squares of the relative errors. */
  readonly squares: number;
}

/** Elements of a piece: both pieces together are within the first-level cache. */
const pieceLength = 2048;
const countsLength = 14;

interface Linked {
  readonly count: ErrorsModuleExports['count'];
  readonly memory: WebAssembly.Memory;
  readonly exact: number;
  readonly rounded: number;
  readonly counts: number;
}

let linked: Linked | undefined;

function link(): Linked {
  const heap = privateHeap();
  return {
    count: errorsModule.instantiate(heap.memory).count,
    memory: heap.memory,
    exact: heap.allocate(4 * pieceLength),
    rounded: heap.allocate(4 * pieceLength),
    counts: heap.allocate(8 * countsLength),
  };
}

/** Compares numbers with what they were rounded to, in a format whose finite numbers are from `low` to `high`, both binary32. */
export function countErrors(
  exact: Float32Array,
  rounded: Float32Array,
  low: number,
  high: number,
): ErrorCounts {
  linked ??= link();
  const { count, memory } = linked;
  const { buffer } = memory;
  const counts = new Float64Array(buffer, linked.counts, countsLength).fill(0);
  const x = new Float32Array(buffer, linked.exact, pieceLength);
  const y = new Float32Array(buffer, linked.rounded, pieceLength);
  for (let at = 0; at < exact.length; at += pieceLength) {
    const length = Math.min(pieceLength, exact.length - at);
    x.set(exact.subarray(at, at + length));
    y.set(rounded.subarray(at, at + length));
    // Zeros are counted as nothing.
    const whole = Math.ceil(length / 4) * 4;
    x.fill(0, length, whole);
    y.fill(0, length, whole);
    count(linked.exact, linked.rounded, whole, low, high, linked.counts);
  }
  const integers = new Uint32Array(buffer, linked.counts, 16);
  const [overflow, underflow, nan, measured] = [0, 4, 8, 12].map((i) =>
    integers.subarray(i, i + 4).reduce((sum, lane) => sum + lane, 0),
  ) as [number, number, number, number];
  const [largest, other, ...lanes] = counts.subarray(8) as unknown as [number, number, ...number[]];
  const squares = lanes.reduce((sum, lane) => sum + lane, 0);
  return { overflow, underflow, nan, measured, largest: Math.max(largest, other), squares };
}

/** Counts what a rounding did to numbers, by the kernel: on a heap, and on arrays through the private memory. */
import bytes from './generated/errors.ts';
import { type Heap, perHeap, privateHeap } from './heap.ts';
import { type KernelModule, kernelModule } from './module.ts';
import { growingRoom } from './rooms.ts';
import { wholeArraysOn } from './staging.ts';

interface ErrorsModuleExports {
  count(exact: number, rounded: number, length: number, low: number, high: number, counts: number): void;
}

const errorsModule: KernelModule<ErrorsModuleExports> = kernelModule(bytes);

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
  /** The largest relative error, itself rounded to binary32 where it is at most 1. */
  readonly largest: number;
  /** The sum of the squares of the relative errors. */
  readonly squares: number;
}

/** Counts on a heap of any owner, whose memory it takes when it is first needed. */
export interface ErrorCounter {
  /** A copy of so many numbers as they are now, in memory that is used again: until the next call. A pointer. */
  keep(source: number, length: number): number;
  /** As `countErrors`, of numbers that lie there. */
  count(exact: number, rounded: number, length: number, low: number, high: number): ErrorCounts;
  release(): void;
}

const countsLength = 14;
/** Bytes of the counts, and of the last few numbers of either side, filled up with zeros. */
const stateBytes = 8 * countsLength + 2 * 16;

export function errorsOn(heap: Heap): ErrorCounter {
  const kernel = errorsModule.on(heap.memory);
  let state: number | undefined;
  const kept = growingRoom(heap);

  return {
    keep(source, length): number {
      const bytes = 4 * length;
      const pointer = kept.of(bytes);
      new Uint8Array(heap.memory.buffer).copyWithin(pointer, source, source + bytes);
      return pointer;
    },
    count(exact, rounded, length, low, high): ErrorCounts {
      state ??= heap.allocate(stateBytes);
      const { buffer } = heap.memory;
      const words = new Uint32Array(buffer, state, stateBytes / 4).fill(0);
      const whole = length & ~3;
      kernel.count(exact, rounded, whole, low, high, state);
      if (whole < length) {
        // Zeros are counted as nothing.
        const tails = state + 8 * countsLength;
        const bytes = new Uint8Array(buffer);
        bytes.copyWithin(tails, exact + 4 * whole, exact + 4 * length);
        bytes.copyWithin(tails + 16, rounded + 4 * whole, rounded + 4 * length);
        kernel.count(tails, tails + 16, 4, low, high, state);
      }
      const [overflow, underflow, nan, measured] = [0, 4, 8, 12].map((i) =>
        words.subarray(i, i + 4).reduce((sum, lane) => sum + lane, 0),
      ) as [number, number, number, number];
      const [largest, other, ...lanes] = new Float64Array(buffer, state + 64, 6) as unknown as [
        number,
        number,
        ...number[],
      ];
      const squares = lanes.reduce((sum, lane) => sum + lane, 0);
      return { overflow, underflow, nan, measured, largest: Math.max(largest, other), squares };
    },
    release(): void {
      if (state !== undefined) heap.free(state);
      state = undefined;
      kept.release();
    },
  };
}

const counterOf = perHeap(errorsOn);

/** Compares numbers with what they were rounded to, in a format whose finite numbers are from `low` to `high`, both binary32. */
export function countErrors(
  exact: Float32Array,
  rounded: Float32Array,
  low: number,
  high: number,
): ErrorCounts {
  const arrays = wholeArraysOn(privateHeap());
  try {
    const [from, to] = [arrays.place(exact), arrays.place(rounded)];
    return counterOf(privateHeap()).count(from, to, exact.length, low, high);
  } finally {
    arrays.free();
  }
}

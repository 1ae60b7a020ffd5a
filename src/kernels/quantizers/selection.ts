/**
 * Float32 numbers by rank, in a counting pass and one for each bucket of 2^16 that a rank lies in, and what lies beyond two bounds, with
 * kernels.
 */
import { privateHeap } from '../heap.ts';
import { transformsModule } from '../transforms-module.ts';
import { cached } from './quantizer-pieces.ts';

const countBytes = 4 * 65536;

let staged: number | undefined;

function room() {
  const heap = privateHeap();
  staged ??= heap.allocate(2 * countBytes + 8 * cached.length + 16);
  const buffer = staged + 2 * countBytes;
  return {
    ...{ heap, kernels: transformsModule.on(heap.memory), high: staged, low: staged + countBytes },
    ...{ buffer, indices: buffer + 4 * cached.length, rest: buffer + 8 * cached.length },
  };
}

/** Calls `visit` with each piece of x, which lies in the buffer then. */
function eachPiece(x: Float32Array, visit: (start: number, count: number) => void): void {
  const { heap, buffer } = room();
  for (let start = 0; start < x.length; start += cached.length) {
    const count = Math.min(cached.length, x.length - start);
    new Float32Array(heap.memory.buffer, buffer, count).set(x.subarray(start, start + count));
    visit(start, count);
  }
}

/**
 * The finite numbers at some places of their ascending order, -0 before +0.
 * @param ranksOf The places, from 0, given how many numbers there are.
 */
export function finiteAt(x: Float32Array, ranksOf: (count: number) => readonly number[]): number[] {
  const { heap, kernels, buffer, high, low, rest } = room();
  const { memory } = heap;
  const clear = (counts: number): unknown => new Uint32Array(memory.buffer, counts, countBytes / 4).fill(0);
  clear(high);
  let count = 0;
  eachPiece(x, (_, length) => {
    count += kernels.countFinite(buffer, length, high);
  });
  let latest = -1;
  return ranksOf(count).map((rank) => {
    const bucket = kernels.bucketOf(high, rank, rest);
    const within = new Uint32Array(memory.buffer, rest, 1)[0]!;
    if (bucket !== latest) {
      clear(low);
      eachPiece(x, (_, length) => kernels.countBucket(buffer, length, bucket, low));
      latest = bucket;
    }
    const key = ((bucket << 16) | kernels.bucketOf(low, within, rest)) >>> 0;
    const pattern = key >= 2 ** 31 ? key - 2 ** 31 : ~key;
    return new Float32Array(Int32Array.of(pattern).buffer)[0]!;
  });
}

/** Clamps x between two bounds into `out`, but for NaN. Returns the indices of what lies beyond. */
export function clampBeyond(x: Float32Array, low: number, high: number, out: Float32Array): Uint32Array {
  const { heap, kernels, buffer, indices } = room();
  const parts: Uint32Array[] = [];
  eachPiece(x, (start, length) => {
    const beyond = kernels.clampBeyond(buffer, buffer, length, low, high, start, indices);
    parts.push(new Uint32Array(heap.memory.buffer, indices, beyond).slice());
    out.set(new Float32Array(heap.memory.buffer, buffer, length), start);
  });
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Selection by rank: the magnitude that would stand at a place if all were sorted, without sorting them. For large arrays
 * of binary32 numbers, whose magnitudes order as their bit patterns do: two counting passes instead of a sort, with
 * which a quantiser by the median of 200 000 weights took four times as long. Quantiles of signed numbers likewise.
 */

/** From this length on, selecting is faster than sorting: it clears and walks tables of 2^15 and 2^16 counts. */
export const leastForSelection = 4096;

const infinity = 0x7f800000;

/** The index of the bucket in which the `rank`-th (from 0) of the counted items lies, and its rank there. */
function bucketOf(counts: Uint32Array, rank: number): { readonly bucket: number; readonly rest: number } {
  let rest = rank;
  let bucket = 0;
  while (rest >= counts[bucket]!) rest -= counts[bucket++]!;
  return { bucket, rest };
}

/**
 * The magnitude of rank `rank` (from 0, ascending) of a group that is not empty; NaN if the group has one.
 */
export function selectMagnitude(group: Float32Array, rank: number): number {
  const patterns = new Uint32Array(group.buffer, group.byteOffset, group.length);
  const high = new Uint32Array(2 ** 15);
  let most = 0;
  for (let i = 0; i < patterns.length; i++) {
    const pattern = patterns[i]! & 0x7fffffff;
    if (pattern > most) most = pattern;
    const top = pattern >>> 16;
    high[top] = high[top]! + 1;
  }
  if (most > infinity) return Number.NaN;
  const { bucket, rest } = bucketOf(high, rank);
  const low = new Uint32Array(2 ** 16);
  for (let i = 0; i < patterns.length; i++) {
    const pattern = patterns[i]! & 0x7fffffff;
    if (pattern >>> 16 !== bucket) continue;
    const end = pattern & 0xffff;
    low[end] = low[end]! + 1;
  }
  return new Float32Array(Uint32Array.of((bucket << 16) | bucketOf(low, rest).bucket).buffer)[0]!;
}

/** Numbers in ascending order, as far as they are asked for. */
export interface Order {
  /** How many there are. */
  readonly count: number;
  /** The one of a rank from 0 to count - 1. */
  at(rank: number): number;
}

/** A binary32 pattern as an integer that orders as the numbers do, -0 before +0. */
const keyOf = (pattern: number): number => (pattern >> 31 === 0 ? pattern | 0x80000000 : ~pattern) >>> 0;

/** The finite numbers of an array in order: a counting pass, and one more for each bucket of 2^16 that a rank lies in. */
export function finiteOrder(x: Float32Array): Order {
  const patterns = new Int32Array(x.buffer, x.byteOffset, x.length);
  const high = new Uint32Array(2 ** 16);
  let count = 0;
  for (let i = 0; i < patterns.length; i++) {
    const pattern = patterns[i]!;
    if ((pattern & infinity) === infinity) continue;
    const top = keyOf(pattern) >>> 16;
    high[top] = high[top]! + 1;
    count++;
  }
  const lows = new Map<number, Uint32Array>();
  const lowOf = (bucket: number): Uint32Array => {
    const known = lows.get(bucket);
    if (known !== undefined) return known;
    const low = new Uint32Array(2 ** 16);
    for (let i = 0; i < patterns.length; i++) {
      const key = keyOf(patterns[i]!);
      if (key >>> 16 !== bucket) continue;
      const end = key & 0xffff;
      low[end] = low[end]! + 1;
    }
    lows.set(bucket, low);
    return low;
  };
  return {
    count,
    at(rank) {
      const { bucket, rest } = bucketOf(high, rank);
      const key = ((bucket << 16) | bucketOf(lowOf(bucket), rest).bucket) >>> 0;
      const pattern = key >= 2 ** 31 ? key - 2 ** 31 : ~key;
      return new Float32Array(Int32Array.of(pattern).buffer)[0]!;
    },
  };
}

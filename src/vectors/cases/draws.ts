/** A stream of random integers for cases: Philox by counter, so that a seed gives the same cases everywhere. */
import { drawIntegers } from '../../rounding/index.ts';

export interface Draws {
  /** An integer in [0, bound), bound at most 2^32. */
  below(bound: number): number;
  /** So many random bits, at most 64. */
  bits(count: number): bigint;
}

const batchLength = 1024;

export function drawsFrom(seed: number | bigint, stream: number): Draws {
  let batch = new Uint32Array(0);
  let at = 0;
  let offset = 0;
  const next = (): number => {
    if (at === batch.length) {
      batch = drawIntegers(batchLength, { seed, stream, offset }) as Uint32Array<ArrayBuffer>;
      offset += batchLength;
      at = 0;
    }
    return batch[at++]!;
  };
  return {
    // The bias of a bound far below 2^32 is of no matter to cases.
    below: (bound) => Math.floor((next() / 2 ** 32) * bound),
    bits: (count) => BigInt.asUintN(count, (BigInt(next()) << 32n) | BigInt(next())),
  };
}

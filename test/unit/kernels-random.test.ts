/** The SIMD random integers are those of the scalar Philox, and of the Random123 known-answer tests. */
import { describe, expect, it } from 'vitest';
import { privateHeap } from '../../src/kernels/heap.ts';
import { roundingModule } from '../../src/kernels/rounding-module.ts';
import { randomIntegers } from '../../src/rounding/index.ts';

const heap = privateHeap();
const raw = roundingModule.on(heap.memory);
const pointer = heap.allocate(4 * 1024);

function draw(count: number, bits: number, block: bigint, stream: bigint, seed: bigint): number[] {
  raw.randomIntegers(pointer, count, bits, block, stream, seed);
  return [...new Uint32Array(heap.memory.buffer, pointer, count)];
}

describe('random integers in SIMD', () => {
  // Random123 1.14, tests/kat_vectors, philox 4x32 10: counter (low to high), key (low to high), block.
  it.each([
    [0n, 0n, 0n, [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [2n ** 64n - 1n, 2n ** 64n - 1n, 2n ** 64n - 1n, [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [
      0x85a308d3243f6a88n,
      0x0370734413198a2en,
      0x299f31d0a4093822n,
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('known answer for counter low half %i', (block, stream, seed, words) => {
    expect(draw(4, 32, block, stream, seed)).toEqual(words);
  });

  it('are those of the scalar reference, for every number of bits', () => {
    for (let bits = 1; bits <= 32; bits++) {
      const perBlock = bits <= 8 ? 16 : bits <= 16 ? 8 : 4;
      const [block, stream, seed] = [2 ** 32 - 3, 2 ** 40 + 9, 2 ** 52 + 11];
      const expected = randomIntegers(200, { offset: block * perBlock, stream, seed, randomBits: bits });
      expect(draw(200, bits, BigInt(block), BigInt(stream), BigInt(seed))).toEqual([...expected]);
    }
  });
});

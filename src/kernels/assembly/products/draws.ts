/**
 * The random integers of a tile: those of an output lie one behind the other, as Philox makes them, so that a step's
 * integer is found by its number. Definition: `src/rounding/philox.ts`; index of a draw: that of the first, plus number of the output
 * times their distance, plus k.
 */
import { drawBitsSlot, drawStrideSlot, indexSlot, seedSlot } from '../../products/slots';
import { randomIntegers } from '../rounding/philox';

/** Places for the addresses of first draws, 32 outputs at most. */
export const drawPointersBytes: usize = 128;

/** Bytes of one output's draws over `count` steps: a block too many at either end, and four that come in one go. */
@inline
export function drawBytes(count: i32, bits: i32): usize {
  return (((<usize>count * <usize>bits) >> 3) + 95) & ~15;
}

/**
 * Draws for the outputs of a tile, `rows` x `columns`, numbered `output` + row * `rowOutputs` + column, from step `step` on.
 * Their addresses go to `pointers`, row after row of `tileColumns`; those of outputs that do not exist are the first one's.
 */
export function drawTile(
  block: usize,
  streamSlot: usize,
  output: u64,
  rowOutputs: u64,
  rows: i32,
  columns: i32,
  tileColumns: i32,
  step: i32,
  count: i32,
  pointers: usize,
  destination: usize,
): void {
  const bits = load<i32>(block, drawBitsSlot);
  const stride = <u64>load<u32>(block, drawStrideSlot);
  const index = load<u64>(block, indexSlot) + <u64>step;
  const stream = load<u64>(block + streamSlot);
  const seed = load<u64>(block, seedSlot);
  const shift: u64 = bits == 8 ? 4 : bits == 16 ? 3 : 2;
  const bytes = drawBytes(count, bits);
  let to = destination;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const first = index + (output + <u64>row * rowOutputs + <u64>column) * stride;
      const skip = <i32>(first & ((1 << shift) - 1));
      const words = ((skip + count) * bits + 31) >> 5;
      // Whole words: the integers of any number of bits are slices of them.
      randomIntegers(to, words, 32, first >> shift, stream, seed);
      const place = <usize>(row * tileColumns + column) << 2;
      store<u32>(pointers + place, <u32>to + <u32>((skip * bits) >> 3));
      to += bytes;
    }
  }
  // The first output's, where there are fewer.
  const firstPointer = load<u32>(pointers);
  for (let row = 0; row < 4; row++) {
    for (let column = 0; column < tileColumns; column++) {
      if (row < rows && column < columns) continue;
      store<u32>(pointers + (<usize>(row * tileColumns + column) << 2), firstPointer);
    }
  }
}

/** The integer of one step, of `bits` random bits. */
@inline
export function drawAt(pointer: usize, k: i32, drawBits: i32, bits: i32): i32 {
  if (drawBits == 8) return <i32>(<u32>load<u8>(pointer + <usize>k) >> (8 - bits));
  if (drawBits == 16) return <i32>(<u32>load<u16>(pointer + (<usize>k << 1)) >> (16 - bits));
  return <i32>(load<u32>(pointer + (<usize>k << 2)) >> (32 - bits));
}

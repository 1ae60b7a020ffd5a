/**
 * The random integers of a tile: those of an output lie one behind the other, as Philox makes them, so that a step's
 * integer is found by its number. Definition: `src/rounding/philox.ts`; index of a draw: that of the first, plus number of the output
 * times their distance, plus k.
 */
import {
  drawBitsSlot,
  drawStrideSlot,
  indexSlot,
  productStreamSlot,
  productSuppliedSlot,
  randomBitsSlot,
  seedSlot,
  sumSuppliedSlot,
} from '../../generated/layout-products';
import { randomIntegers } from '../rounding/philox';

/** The word of each of the 32 outputs of a binary32 tile. */
const wordBytes: usize = 128;

/** Places for the addresses of first draws, 32 outputs at most. */
export const drawPointersBytes: usize = 128;

/** Bytes of one output's draws over `count` steps: a block too many at either end, and four that come in one go. */
@inline
export function drawBytes(count: i32, bits: i32): usize {
  return (((<usize>count * <usize>bits) >> 3) + 95) & ~15;
}

/** Where the supplied integers of a stream are; 0 if there are none. */
@inline
function suppliedOf(block: usize, streamSlot: usize): usize {
  return load<u32>(block + (streamSlot == productStreamSlot ? productSuppliedSlot : sumSuppliedSlot));
}

/** `count` integers as draws of 8, 16 or 32 bits have them: in the upper ones. */
function copySupplied(from: usize, count: i32, drawBits: i32, bits: i32, to: usize): void {
  const up = drawBits - bits;
  for (let k: usize = 0; k < <usize>count; k++) {
    const integer = load<u32>(from + (k << 2)) << up;
    if (drawBits == 8) store<u8>(to + k, <u8>integer);
    else if (drawBits == 16) store<u16>(to + (k << 1), <u16>integer);
    else store<u32>(to + (k << 2), integer);
  }
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
  const supplied = suppliedOf(block, streamSlot);
  let to = destination;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const first = index + (output + <u64>row * rowOutputs + <u64>column) * stride;
      let skip = <i32>(first & ((1 << shift) - 1));
      if (supplied != 0) {
        copySupplied(supplied + <usize>(first << 2), count, bits, load<i32>(block, randomBitsSlot), to);
        skip = 0;
      } else {
        const words = ((skip + count) * bits + 31) >> 5;
        // Whole words: the integers of any number of bits are slices of them.
        randomIntegers(to, words, 32, first >> shift, stream, seed);
      }
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

/** Bytes of the words of a tile's outputs over `count` steps. */
@inline
export function panelBytes(count: i32, bits: i32): usize {
  return <usize>((count * bits + 31) >> 5) * wordBytes;
}

/** The words of four outputs, at the same number of bytes from their first draws. */
@inline
function gather(pointers: usize, offset: usize): v128 {
  let words = v128.load32_zero(<usize>load<u32>(pointers) + offset);
  words = v128.load_lane<u32>(<usize>load<u32>(pointers, 4) + offset, words, 1);
  words = v128.load_lane<u32>(<usize>load<u32>(pointers, 8) + offset, words, 2);
  return v128.load_lane<u32>(<usize>load<u32>(pointers, 12) + offset, words, 3);
}

/** Lays the draws of `drawTile` beside each other: for each word of them, those of the 32 outputs. */
function interleave(pointers: usize, count: i32, bits: i32, destination: usize): void {
  const end = <usize>((count * bits + 31) >> 5) << 2;
  for (let offset: usize = 0; offset < end; offset += 4) {
    for (let four: usize = 0; four < wordBytes; four += 16)
      v128.store(destination + four, gather(pointers + four, offset));
    destination += wordBytes;
  }
}

const multiplier0: i32 = 0xd2511f53;
const multiplier1: i32 = 0xcd9e8d57;
const weyl0: i32 = 0x9e3779b9;
const weyl1: i32 = 0xbb67ae85;

/**
 * The same where every output's draws begin with a block: Philox4x32-10 of four outputs at a time, whose words then lie
 * beside each other as they come. `block0` to `block3` are their first blocks.
 */
function drawFour(
  block: usize,
  stream: u64,
  block0: u64,
  block1: u64,
  block2: u64,
  block3: u64,
  blocks: i32,
  destination: usize,
): void {
  // The constants go through memory: as literals they would be built anew in every round instead of kept in registers.
  store<i32>(destination, multiplier0);
  store<i32>(destination, multiplier1, 4);
  store<i32>(destination, weyl0, 8);
  store<i32>(destination, weyl1, 12);
  const times0 = v128.load32_splat(destination);
  const times1 = v128.load32_splat(destination, 4);
  const step0 = v128.load32_splat(destination, 8);
  const step1 = v128.load32_splat(destination, 12);
  const seed = load<u64>(block, seedSlot);
  const one = i64x2.splat(1);
  let first = i64x2.replace_lane(i64x2.splat(block0), 1, block1);
  let last = i64x2.replace_lane(i64x2.splat(block2), 1, block3);
  for (let i = 0; i < blocks; i++) {
    let x0 = v128.shuffle<i32>(first, last, 0, 2, 4, 6);
    let x1 = v128.shuffle<i32>(first, last, 1, 3, 5, 7);
    let x2 = i32x4.splat(<i32>stream);
    let x3 = i32x4.splat(<i32>(stream >> 32));
    let key0 = i32x4.splat(<i32>seed);
    let key1 = i32x4.splat(<i32>(seed >> 32));
    for (let round = 0; round < 10; round++) {
      const low0 = i64x2.extmul_low_i32x4_u(x0, times0);
      const high0 = i64x2.extmul_high_i32x4_u(x0, times0);
      const low1 = i64x2.extmul_low_i32x4_u(x2, times1);
      const high1 = i64x2.extmul_high_i32x4_u(x2, times1);
      x0 = v128.xor(v128.xor(v128.shuffle<i32>(low1, high1, 1, 3, 5, 7), x1), key0);
      x1 = v128.shuffle<i32>(low1, high1, 0, 2, 4, 6);
      x2 = v128.xor(v128.xor(v128.shuffle<i32>(low0, high0, 1, 3, 5, 7), x3), key1);
      x3 = v128.shuffle<i32>(low0, high0, 0, 2, 4, 6);
      key0 = i32x4.add(key0, step0);
      key1 = i32x4.add(key1, step1);
    }
    v128.store(destination, x0);
    v128.store(destination + wordBytes, x1);
    v128.store(destination + 2 * wordBytes, x2);
    v128.store(destination + 3 * wordBytes, x3);
    destination += 4 * wordBytes;
    first = i64x2.add(first, one);
    last = i64x2.add(last, one);
  }
}

/**
 * The draws of a 4 x 8 tile as `patterns.ts` reads them: for each word, those of the 32 outputs. Arguments as for `drawTile`;
 * `work` is room for that. Of the destination up to three words more are written than the steps take.
 */
export function drawPanel(
  block: usize,
  streamSlot: usize,
  output: u64,
  rowOutputs: u64,
  rows: i32,
  columns: i32,
  step: i32,
  count: i32,
  destination: usize,
  work: usize,
): void {
  const bits = load<i32>(block, drawBitsSlot);
  const stride = <u64>load<u32>(block, drawStrideSlot);
  const shift: u64 = bits == 8 ? 4 : bits == 16 ? 3 : 2;
  const perBlock = <i32>1 << <i32>shift;
  const index = load<u64>(block, indexSlot) + <u64>step;
  if (((index | stride) & <u64>(perBlock - 1)) != 0 || suppliedOf(block, streamSlot) != 0) {
    const draws = work + drawPointersBytes;
    drawTile(block, streamSlot, output, rowOutputs, rows, columns, 8, step, count, work, draws);
    interleave(work, count, bits, destination);
    return;
  }
  const stream = load<u64>(block + streamSlot);
  const blocks = (count + perBlock - 1) >> <i32>shift;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += 4) {
      const first = (index + (output + <u64>row * rowOutputs + <u64>column) * stride) >> shift;
      const next = stride >> shift;
      const to = destination + (<usize>(row * 8 + column) << 2);
      drawFour(block, stream, first, first + next, first + 2 * next, first + 3 * next, blocks, to);
    }
  }
}

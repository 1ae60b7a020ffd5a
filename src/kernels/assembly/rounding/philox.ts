/**
 * Random integers by Philox4x32-10, four blocks at a time: the fast twin of `src/rounding/philox.ts`.
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3 and table 2.
 */

const multiplier0: i32 = 0xd2511f53;
const multiplier1: i32 = 0xcd9e8d57;
const weyl0: i32 = 0x9e3779b9;
const weyl1: i32 = 0xbb67ae85;

/** Draws that one block of 128 bits gives: 4, 8 or 16, as 32, 16 or 8 bits hold the random integer. */
@inline
export function drawsPerBlock(bits: i32): i32 {
  return bits <= 8 ? 16 : bits <= 16 ? 8 : 4;
}

/** Without the lowest bits. A shift by a variable amount takes several instructions: better none where none is wanted. */
@inline
function drop(draws: v128, bits: i32): v128 {
  return bits == 0 ? draws : i32x4.shr_u(draws, bits);
}

/** The four words of one block, as 4, 8 or 16 random integers of `bits` bits. Returns the address behind them. */
@inline
function storeDraws(to: usize, words: v128, bits: i32): usize {
  if (bits > 16) {
    v128.store(to, drop(words, 32 - bits));
    return to + 16;
  }
  if (bits > 8) {
    v128.store(to, drop(i32x4.extend_low_i16x8_u(words), 16 - bits));
    v128.store(to, drop(i32x4.extend_high_i16x8_u(words), 16 - bits), 16);
    return to + 32;
  }
  const low = i16x8.extend_low_i8x16_u(words);
  const high = i16x8.extend_high_i8x16_u(words);
  v128.store(to, drop(i32x4.extend_low_i16x8_u(low), 8 - bits));
  v128.store(to, drop(i32x4.extend_high_i16x8_u(low), 8 - bits), 16);
  v128.store(to, drop(i32x4.extend_low_i16x8_u(high), 8 - bits), 32);
  v128.store(to, drop(i32x4.extend_high_i16x8_u(high), 8 - bits), 48);
  return to + 64;
}

/**
 * Writes the draws of the blocks from `block` on, until there are `count`; up to four blocks more than asked for.
 * `bits` is 1 to 32.
 */
export function randomIntegers(
  destination: usize,
  count: i32,
  bits: i32,
  block: u64,
  stream: u64,
  seed: u64,
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
  const streamLow = i32x4.splat(<i32>stream);
  const streamHigh = i32x4.splat(<i32>(stream >> 32));
  const seedLow = i32x4.splat(<i32>seed);
  const seedHigh = i32x4.splat(<i32>(seed >> 32));
  const end = destination + ((<usize>count) << 2);
  let to = destination;
  while (to < end) {
    const first = i64x2.add(i64x2.splat(block), i64x2(0, 1));
    const last = i64x2.add(i64x2.splat(block), i64x2(2, 3));
    block += 4;
    let x0 = v128.shuffle<i32>(first, last, 0, 2, 4, 6);
    let x1 = v128.shuffle<i32>(first, last, 1, 3, 5, 7);
    let x2 = streamLow;
    let x3 = streamHigh;
    let key0 = seedLow;
    let key1 = seedHigh;
    // Two of the ten rounds a turn, so that no register has to be moved.
    for (let round = 0; round < 5; round++) {
      const low0 = i64x2.extmul_low_i32x4_u(x0, times0);
      const high0 = i64x2.extmul_high_i32x4_u(x0, times0);
      const low1 = i64x2.extmul_low_i32x4_u(x2, times1);
      const high1 = i64x2.extmul_high_i32x4_u(x2, times1);
      const y0 = v128.xor(v128.xor(v128.shuffle<i32>(low1, high1, 1, 3, 5, 7), x1), key0);
      const y1 = v128.shuffle<i32>(low1, high1, 0, 2, 4, 6);
      const y2 = v128.xor(v128.xor(v128.shuffle<i32>(low0, high0, 1, 3, 5, 7), x3), key1);
      const y3 = v128.shuffle<i32>(low0, high0, 0, 2, 4, 6);
      key0 = i32x4.add(key0, step0);
      key1 = i32x4.add(key1, step1);
      const low2 = i64x2.extmul_low_i32x4_u(y0, times0);
      const high2 = i64x2.extmul_high_i32x4_u(y0, times0);
      const low3 = i64x2.extmul_low_i32x4_u(y2, times1);
      const high3 = i64x2.extmul_high_i32x4_u(y2, times1);
      x0 = v128.xor(v128.xor(v128.shuffle<i32>(low3, high3, 1, 3, 5, 7), y1), key0);
      x1 = v128.shuffle<i32>(low3, high3, 0, 2, 4, 6);
      x2 = v128.xor(v128.xor(v128.shuffle<i32>(low2, high2, 1, 3, 5, 7), y3), key1);
      x3 = v128.shuffle<i32>(low2, high2, 0, 2, 4, 6);
      key0 = i32x4.add(key0, step0);
      key1 = i32x4.add(key1, step1);
    }
    const even01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const odd01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const even23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const odd23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    to = storeDraws(to, v128.shuffle<i64>(even01, even23, 0, 2), bits);
    to = storeDraws(to, v128.shuffle<i64>(even01, even23, 1, 3), bits);
    to = storeDraws(to, v128.shuffle<i64>(odd01, odd23, 0, 2), bits);
    to = storeDraws(to, v128.shuffle<i64>(odd01, odd23, 1, 3), bits);
  }
}

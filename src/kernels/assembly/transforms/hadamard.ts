/**
 * Hadamard transforms of binary32 numbers, each operation rounded once, in the order that the reference of
 * `src/quantizers/transforms/hadamard.ts` has: signs, butterflies of distance 1, 2, 4, ..., the factor; or the signs last.
 *
 * Signs are words to exclusive-or with, 0 or the sign bit, one for each place in a block.
 */

const signBit: i32 = 1 << 31;

/** (a, b) -> (a + b, a - b) of lanes 0, 1 and 2, 3. The difference is a + (-b), which is the same bits. */
@inline
function butterfly1(v: v128): v128 {
  return f32x4.add(v128.shuffle<i32>(v, v, 1, 0, 3, 2), v128.xor(v, i32x4(0, signBit, 0, signBit)));
}

/** The same of lanes 0, 2 and 1, 3. */
@inline
function butterfly2(v: v128): v128 {
  return f32x4.add(v128.shuffle<i32>(v, v, 2, 3, 0, 1), v128.xor(v, i32x4(0, 0, signBit, signBit)));
}

/** Signs before, butterflies of distance 1 and 2. */
@inline
function firstTwo(source: usize, signs: v128): v128 {
  return butterfly2(butterfly1(v128.xor(v128.load(source), signs)));
}

@inline
function finish(destination: usize, v: v128, factor: v128, signs: v128): void {
  v128.store(destination, v128.xor(f32x4.mul(v, factor), signs));
}

/** Blocks of 16 in registers: 1.4 times the rate of the general loop, which passes over memory five times. */
function rows16(
  source: usize,
  destination: usize,
  blocks: i32,
  factor: v128,
  before: usize,
  after: usize,
): void {
  const before0 = v128.load(before);
  const before1 = v128.load(before, 16);
  const before2 = v128.load(before, 32);
  const before3 = v128.load(before, 48);
  const after0 = v128.load(after);
  const after1 = v128.load(after, 16);
  const after2 = v128.load(after, 32);
  const after3 = v128.load(after, 48);
  for (let block = 0; block < blocks; block++) {
    const a0 = firstTwo(source, before0);
    const a1 = firstTwo(source + 16, before1);
    const a2 = firstTwo(source + 32, before2);
    const a3 = firstTwo(source + 48, before3);
    const b0 = f32x4.add(a0, a1);
    const b1 = f32x4.sub(a0, a1);
    const b2 = f32x4.add(a2, a3);
    const b3 = f32x4.sub(a2, a3);
    finish(destination, f32x4.add(b0, b2), factor, after0);
    finish(destination + 16, f32x4.add(b1, b3), factor, after1);
    finish(destination + 32, f32x4.sub(b0, b2), factor, after2);
    finish(destination + 48, f32x4.sub(b1, b3), factor, after3);
    source += 64;
    destination += 64;
  }
}

/** Blocks of one or two elements. */
function shortRows(
  source: usize,
  destination: usize,
  blocks: i32,
  n: i32,
  factor: f32,
  before: usize,
  after: usize,
): void {
  const before0 = load<i32>(before);
  const after0 = load<i32>(after);
  const before1 = load<i32>(before, 4);
  const after1 = load<i32>(after, 4);
  for (let block = 0; block < blocks; block++) {
    const a = reinterpret<f32>(load<i32>(source) ^ before0);
    if (n == 1) store<i32>(destination, reinterpret<i32>(a * factor) ^ after0);
    else {
      const b = reinterpret<f32>(load<i32>(source, 4) ^ before1);
      store<i32>(destination, reinterpret<i32>((a + b) * factor) ^ after0);
      store<i32>(destination, reinterpret<i32>((a - b) * factor) ^ after1, 4);
    }
    source += <usize>n << 2;
    destination += <usize>n << 2;
  }
}

/**
 * Blocks of n consecutive elements, n a power of two. `source` may be `destination`.
 *
 * @param before n words applied before the butterflies
 * @param after n words applied after the factor
 */
export function hadamardRows(
  source: usize,
  destination: usize,
  blocks: i32,
  n: i32,
  factor: f32,
  before: usize,
  after: usize,
): void {
  if (n < 4) {
    shortRows(source, destination, blocks, n, factor, before, after);
    return;
  }
  const factors = f32x4.splat(factor);
  if (n === 16) {
    rows16(source, destination, blocks, factors, before, after);
    return;
  }
  const bytes = <usize>n << 2;
  for (let block = 0; block < blocks; block++) {
    for (let at: usize = 0; at < bytes; at += 16)
      v128.store(destination + at, firstTwo(source + at, v128.load(before + at)));
    for (let half: usize = 16; half < bytes; half <<= 1) {
      for (let top: usize = 0; top < bytes; top += half << 1) {
        for (let at = top; at < top + half; at += 16) {
          const p = destination + at;
          const a = v128.load(p);
          const b = v128.load(p + half);
          v128.store(p, f32x4.add(a, b));
          v128.store(p + half, f32x4.sub(a, b));
        }
      }
    }
    for (let at: usize = 0; at < bytes; at += 16)
      finish(destination + at, v128.load(destination + at), factors, v128.load(after + at));
    source += bytes;
    destination += bytes;
  }
}

/** (a, b) -> (a + b, a - b) of two rows of `columns` elements, in place. */
@inline
function butterflyRows(p: usize, q: usize, columns: i32): void {
  let i = 0;
  for (; i + 4 <= columns; i += 4) {
    const a = v128.load(p);
    const b = v128.load(q);
    v128.store(p, f32x4.add(a, b));
    v128.store(q, f32x4.sub(a, b));
    p += 16;
    q += 16;
  }
  for (; i < columns; i++) {
    const a = load<f32>(p);
    const b = load<f32>(q);
    store<f32>(p, a + b);
    store<f32>(q, a - b);
    p += 4;
    q += 4;
  }
}

/** A row times the factor, its sign changed before where the word says so, in place. */
@inline
function scaleRow(p: usize, columns: i32, factor: f32, sign: i32): void {
  // A change of sign commutes with the rounded product.
  const signed = sign < 0 ? -factor : factor;
  const factors = f32x4.splat(signed);
  let i = 0;
  for (; i + 4 <= columns; i += 4) {
    v128.store(p, f32x4.mul(v128.load(p), factors));
    p += 16;
  }
  for (; i < columns; i++) {
    store<f32>(p, load<f32>(p) * signed);
    p += 4;
  }
}

/**
 * One block of n rows of `columns` elements each, `stride` bytes apart, transformed along the rows' index. n is any power of two.
 * `source` may be `destination`.
 *
 * @param before n words applied before the butterflies
 * @param after n words applied after the factor
 */
export function hadamardColumns(
  source: usize,
  destination: usize,
  n: i32,
  columns: i32,
  stride: usize,
  factor: f32,
  before: usize,
  after: usize,
): void {
  for (let row = 0; row < n; row++) {
    const at = destination + <usize>row * stride;
    if (source != destination) memory.copy(at, source + <usize>row * stride, <usize>columns << 2);
    if (load<i32>(before + (<usize>row << 2)) < 0) scaleRow(at, columns, -1, 0);
  }
  for (let half = 1; half < n; half <<= 1)
    for (let top = 0; top < n; top += half << 1)
      for (let row = top; row < top + half; row++)
        butterflyRows(destination + <usize>row * stride, destination + <usize>(row + half) * stride, columns);
  for (let row = 0; row < n; row++)
    scaleRow(destination + <usize>row * stride, columns, factor, load<i32>(after + (<usize>row << 2)));
}

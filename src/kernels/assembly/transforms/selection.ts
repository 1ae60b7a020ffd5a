/** Numbers by rank, without sorting them, and what lies beyond two of them: see `src/quantizers/transforms/clamp-residual.ts`. */

const exponentField: i32 = 0x7f800000;
const buckets: usize = 65536;

/** Patterns as unsigned integers that order as the numbers do, -0 before +0. */
@inline
function keyOf(pattern: i32): u32 {
  return <u32>(pattern ^ ((pattern >> 31) | 0x80000000));
}

/** Counts the finite numbers by the upper halves of their keys: 65536 counts. Returns how many there are. */
export function countFinite(source: usize, length: i32, counts: usize): i32 {
  let count = 0;
  for (const end = source + (<usize>length << 2); source < end; source += 4) {
    const pattern = load<i32>(source);
    if ((pattern & exponentField) == exponentField) continue;
    const at = counts + (<usize>(keyOf(pattern) >>> 16) << 2);
    store<u32>(at, load<u32>(at) + 1);
    count++;
  }
  return count;
}

/** Counts those whose keys have this upper half by the lower ones. */
export function countBucket(source: usize, length: i32, bucket: i32, counts: usize): void {
  // The upper half of the pattern of such a key.
  const upper = bucket & 0x8000 ? bucket ^ 0x8000 : bucket ^ 0xffff;
  const wanted = i32x4.splat(upper);
  const end = source + (<usize>(length & ~3) << 2);
  for (; source < end; source += 16) {
    const same = i32x4.eq(i32x4.shr_u(v128.load(source), 16), wanted);
    if (!v128.any_true(same)) continue;
    for (let at = source; at < source + 16; at += 4) countIn(at, bucket, counts);
  }
  for (const stop = end + (<usize>(length & 3) << 2); source < stop; source += 4) countIn(source, bucket, counts);
}

@inline
function countIn(source: usize, bucket: i32, counts: usize): void {
  const key = keyOf(load<i32>(source));
  if (key >>> 16 != <u32>bucket) return;
  const at = counts + (<usize>(key & 0xffff) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** The bucket that the `rank`-th (from 0) of what is counted is in. The rank within the bucket is written to `rest`. */
export function bucketOf(counts: usize, rank: u32, rest: usize): i32 {
  let at = counts;
  for (const end = counts + 4 * (buckets - 4); at < end; at += 16) {
    const four = v128.load(at);
    const pairs = i32x4.add(four, v128.shuffle<i32>(four, four, 1, 0, 3, 2));
    const sum = <u32>(i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 2));
    if (rank < sum) break;
    rank -= sum;
  }
  for (let count = load<u32>(at); rank >= count; count = load<u32>(at)) {
    rank -= count;
    at += 4;
  }
  store<u32>(rest, rank);
  return <i32>((at - counts) >>> 2);
}

/**
 * Clamps numbers between `low` and `high`; NaN stays. The indices of what lies beyond, counted from `first`, are written to `indices`.
 * @returns how many these are.
 */
export function clampBeyond(
  source: usize,
  destination: usize,
  length: i32,
  low: f32,
  high: f32,
  first: i32,
  indices: usize,
): i32 {
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  const begin = indices;
  const end = source + (<usize>(length & ~3) << 2);
  for (; source < end; source += 16) {
    const x = v128.load(source);
    const below = f32x4.lt(x, lows);
    const above = f32x4.gt(x, highs);
    let mask = i32x4.bitmask(v128.or(below, above));
    v128.store(destination, v128.bitselect(lows, v128.bitselect(highs, x, above), below));
    while (mask != 0) {
      store<i32>(indices, first + ctz<i32>(mask));
      indices += 4;
      mask &= mask - 1;
    }
    first += 4;
    destination += 16;
  }
  for (const stop = end + (<usize>(length & 3) << 2); source < stop; source += 4) {
    const x = load<f32>(source);
    if (x < low || x > high) {
      store<i32>(indices, first);
      indices += 4;
    }
    store<f32>(destination, x < low ? low : x > high ? high : x);
    first++;
    destination += 4;
  }
  return <i32>((indices - begin) >>> 2);
}

/**
 * Codes of powers of magnitudes, a power for each group of `block` consecutive numbers: what they mean is `src/train/optimizers/range-expansion.ts`'. A
 * quotient |x| / top in binary64 lies in a bucket, by its upper word; the bucket's code is raised by one from the place on where
 * the code changes in it.
 */

const infinity: i32 = 0x7f800000;
const magnitude: i32 = 0x7fffffff;

/** The least magnitude (0 apart) and the largest of each group, as patterns, of finite numbers; infinity and 0 where there are none. */
export function spans(source: usize, length: i32, block: i32, spans: usize): void {
  const mask = i32x4.splat(magnitude);
  const infinities = i32x4.splat(infinity);
  const zero = i32x4.splat(0);
  for (let begin = 0; begin < length; begin += block) {
    const end = source + (<usize>min(block, length - begin) << 2);
    let least = infinities;
    let most = zero;
    for (; source + 16 <= end; source += 16) {
      const bits = v128.and(v128.load(source), mask);
      const isFinite = i32x4.lt_s(bits, infinities);
      most = i32x4.max_s(most, v128.and(bits, isFinite));
      least = i32x4.min_s(least, v128.bitselect(bits, infinities, v128.and(isFinite, i32x4.ne(bits, zero))));
    }
    least = i32x4.min_s(least, v128.shuffle<i32>(least, least, 2, 3, 0, 1));
    most = i32x4.max_s(most, v128.shuffle<i32>(most, most, 2, 3, 0, 1));
    let low = min(i32x4.extract_lane(least, 0), i32x4.extract_lane(least, 1));
    let high = max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1));
    for (; source < end; source += 4) {
      const bits = load<i32>(source) & magnitude;
      if (bits >= infinity || bits == 0) continue;
      low = min(low, bits);
      high = max(high, bits);
    }
    store<i32>(spans, low);
    store<i32>(spans, high, 4);
    spans += 8;
  }
}

/**
 * @param tops the largest magnitude of each group
 * @param tables of each group, or 0 for one whose codes are 0: the upper word of the first bucket, the bits that tell no bucket, the
 *   place of the buckets' codes, and from byte 16 on the buckets' places of change
 */
export function expand(
  source: usize,
  codes: usize,
  length: i32,
  block: i32,
  tops: usize,
  tables: usize,
): void {
  for (let begin = 0; begin < length; begin += block) {
    const end = source + (<usize>min(block, length - begin) << 2);
    const table = <usize>load<u32>(tables);
    if (table == 0) {
      const count = (end - source) >> 2;
      memory.fill(codes, 0, count);
      codes += count;
      source = end;
    } else {
      const top = <f64>load<f32>(tops);
      const first = load<i32>(table);
      const shift = load<i32>(table, 4);
      const starts = <usize>load<u32>(table, 8);
      const changes = table + 16;
      for (; source < end; source += 4, codes++) {
        const bits = load<i32>(source);
        const quotient = <f64>reinterpret<f32>(bits & magnitude) / top;
        const at = <i32>(reinterpret<u64>(quotient) >> 32) - first;
        let code = 0;
        // A quotient above 1 is that of no finite number.
        if (quotient <= 1) {
          if (at >= 0) {
            const bucket = <usize>(at >> shift);
            code = <i32>load<u8>(starts + bucket) + <i32>(quotient >= load<f64>(changes + (bucket << 3)));
          }
          code |= (bits >>> 24) & 0x80;
        }
        store<u8>(codes, code);
      }
    }
    tops += 4;
    tables += 4;
  }
}

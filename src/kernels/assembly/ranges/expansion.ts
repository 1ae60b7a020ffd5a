/**
 * Codes of powers of magnitudes, a power for each group of `block` consecutive numbers: what they mean is `src/train/optimizers/range-expansion.ts`'. A
 * quotient |x| / top in binary64 lies in a bucket, by its upper word; the bucket's code is raised by one from the place on where
 * the code changes in it.
 */
import { largestLane, magnitudesOf, mixed } from './blocks';

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
 *   place of the buckets' codes, that of the codes' values over the largest, and from byte 16 on the buckets' places of change
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

/** The values of four codes. */
@inline
function valuesOf(values: usize, codes: usize, top: v128): v128 {
  let low = v128.load64_zero(values + (<usize>load<u8>(codes) << 3));
  low = v128.load64_lane(values + (<usize>load<u8>(codes, 1) << 3), low, 1);
  let high = v128.load64_zero(values + (<usize>load<u8>(codes, 2) << 3));
  high = v128.load64_lane(values + (<usize>load<u8>(codes, 3) << 3), high, 1);
  return v128.shuffle<i32>(
    f32x4.demote_f64x2_zero(f64x2.mul(low, top)),
    f32x4.demote_f64x2_zero(f64x2.mul(high, top)),
    0,
    1,
    4,
    5,
  );
}

/** One value, in all lanes. */
@inline
function valueOf(values: usize, code: usize, top: v128): v128 {
  return f32x4.splat(<f32>(load<f64>(values + (<usize>load<u8>(code) << 3)) * f64x2.extract_lane(top, 0)));
}

/**
 * A step of AdamW but for the codes of its moments. Each operation is rounded to binary32 once, in the order of the tensors'.
 * @param codes of the first moment, then of the second
 * @param tops of the groups of the first moment, then of the second; `tables`: likewise, of every group
 * @param constants as of `adamBlocks`
 * @param moments room for the numbers of both
 * @returns 0 if a moment or a weight would not be a finite number
 */
export function adamExpanded(
  gradient: usize,
  variable: usize,
  updated: usize,
  count: i32,
  block: i32,
  codes: usize,
  tops: usize,
  tables: usize,
  constants: usize,
  isAfter: i32,
  moments: usize,
): i32 {
  const groups = <usize>((count + block - 1) / block) << 2;
  const second = <usize>count << 2;
  const keep1 = v128.load32_splat(constants);
  const take1 = v128.load32_splat(constants, 4);
  const keep2 = v128.load32_splat(constants, 8);
  const take2 = v128.load32_splat(constants, 12);
  const added = v128.load32_splat(constants, 16);
  const rate = v128.load32_splat(constants, 20);
  const left = v128.load32_splat(constants, 24);
  let largest = i32x4.splat(0);
  for (let begin = 0; begin < count; begin += block) {
    const size = <usize>min(block, count - begin) << 2;
    const values1 = <usize>load<u32>(<usize>load<u32>(tables), 12);
    const values2 = <usize>load<u32>(<usize>load<u32>(tables + groups), 12);
    const top1 = f64x2.splat(<f64>load<f32>(tops));
    const top2 = f64x2.splat(<f64>load<f32>(tops + groups));
    const codes1 = codes + begin;
    const codes2 = codes1 + count;
    // The last numbers are done one by one, in all lanes.
    for (let i: usize = 0, lanes: usize = 16; i < size; i += lanes) {
      let g: v128, w: v128, m: v128, v: v128;
      if (i + 16 <= size) {
        g = v128.load(gradient + i);
        w = v128.load(variable + i);
        m = valuesOf(values1, codes1 + (i >> 2), top1);
        v = valuesOf(values2, codes2 + (i >> 2), top2);
      } else {
        lanes = 4;
        g = v128.load32_splat(gradient + i);
        w = v128.load32_splat(variable + i);
        m = valueOf(values1, codes1 + (i >> 2), top1);
        v = valueOf(values2, codes2 + (i >> 2), top2);
      }
      m = mixed(m, keep1, g, take1);
      v = mixed(v, keep2, f32x4.mul(g, g), take2);
      const step = f32x4.mul(f32x4.div(m, f32x4.add(f32x4.sqrt(v), added)), rate);
      w = isAfter ? f32x4.mul(f32x4.sub(w, step), left) : f32x4.sub(f32x4.mul(w, left), step);
      largest = i32x4.max_s(largest, i32x4.max_s(magnitudesOf(w), i32x4.max_s(magnitudesOf(m), magnitudesOf(v))));
      if (lanes == 16) {
        v128.store(moments + i, m);
        v128.store(moments + second + i, v);
        v128.store(updated + i, w);
      } else {
        v128.store32_lane(moments + i, m, 0);
        v128.store32_lane(moments + second + i, v, 0);
        v128.store32_lane(updated + i, w, 0);
      }
    }
    gradient += size;
    variable += size;
    updated += size;
    moments += size;
    tops += 4;
    tables += 4;
  }
  return <i32>(largestLane(largest) < infinity);
}

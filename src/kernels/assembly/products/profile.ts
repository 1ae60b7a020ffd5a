/** What an operand is made of: the facts that decide which products and sums are exact. */

/**
 * Looks at `count` numbers of 2^shift bytes. Writes five 64-bit words: the bits of the largest finite magnitude (0 if there is
 * none), those of the smallest magnitude but 0 (all ones if there is none), the fraction fields of finite numbers ored
 * together, whether there are infinities or NaNs, and whether there are negative zeros. `state` has room for 40 bytes.
 */
export function profile(source: usize, shift: i32, count: i32, state: usize): void {
  if (shift == 2) profile32(source, count, state);
  else profile64(source, count, state);
}

function largestOf(value: v128): u32 {
  const half = i32x4.max_u(value, v128.shuffle<i32>(value, value, 2, 3, 0, 1));
  return max<u32>(i32x4.extract_lane(half, 0), i32x4.extract_lane(half, 1));
}

function leastOf(value: v128): u32 {
  const half = i32x4.min_u(value, v128.shuffle<i32>(value, value, 2, 3, 0, 1));
  return min<u32>(i32x4.extract_lane(half, 0), i32x4.extract_lane(half, 1));
}

/** A pass over numbers that are finite, and another if they turn out not to be. */
function profile32(source: usize, count: i32, state: usize): void {
  if (look32(source, count, state, false)) look32(source, count, state, true);
}

/** Says whether there are infinities or NaNs; unless they are `expected`, the words are then wrong. */
@inline
function look32(source: usize, count: i32, state: usize, expected: bool): bool {
  const end = source + (<usize>count << 2);
  const isShort = count < 4;
  const infinity = i32x4.splat(0x7f800000);
  let largest = i32x4.splat(0);
  let greatest = i32x4.splat(0);
  let least = i32x4.splat(-1);
  let fractions = i32x4.splat(0);
  let lowest = i32x4.splat(0);
  while (source < end) {
    // The last four may have been looked at before.
    const value = isShort ? v128.load32_splat(source) : v128.load(min(source, end - 16));
    source += isShort ? 4 : 16;
    const magnitude = v128.and(value, i32x4.splat(0x7fffffff));
    greatest = i32x4.max_s(greatest, magnitude);
    // Less one, unsigned: zero is then the largest.
    least = i32x4.min_u(least, i32x4.sub(magnitude, i32x4.splat(1)));
    // Of all, the pattern of -0 is the lowest integer.
    lowest = i32x4.min_s(lowest, value);
    if (expected) {
      const finite = v128.andnot(magnitude, i32x4.ge_s(magnitude, infinity));
      largest = i32x4.max_s(largest, finite);
      fractions = v128.or(fractions, finite);
    } else fractions = v128.or(fractions, value);
  }
  const hasSpecials = v128.any_true(i32x4.ge_s(greatest, infinity));
  const smallest = leastOf(least);
  const halves = v128.or(fractions, v128.shuffle<i32>(fractions, fractions, 2, 3, 0, 1));
  const bits = <u32>(i32x4.extract_lane(halves, 0) | i32x4.extract_lane(halves, 1));
  store<u64>(state, largestOf(expected ? largest : greatest));
  store<u64>(state, smallest == u32.MAX_VALUE ? u64.MAX_VALUE : <u64>smallest + 1, 8);
  store<u64>(state, <u64>(bits & 0x7fffff), 16);
  store<u64>(state, <u64>hasSpecials, 24);
  store<u64>(state, <u64>v128.any_true(i32x4.eq(lowest, i32x4.splat(i32.MIN_VALUE))), 32);
  return hasSpecials;
}

function profile64(source: usize, count: i32, state: usize): void {
  let largest: u64 = 0;
  let least: u64 = u64.MAX_VALUE;
  let fractions: u64 = 0;
  let special: u64 = 0;
  let negativeZero: u64 = 0;
  for (const end = source + (<usize>count << 3); source < end; source += 8) {
    const bits = load<u64>(source);
    const magnitude = bits & 0x7fffffffffffffff;
    negativeZero |= <u64>(bits == 0x8000000000000000);
    least = min(least, magnitude - 1);
    if (magnitude >= 0x7ff0000000000000) {
      special = 1;
      continue;
    }
    largest = max(largest, magnitude);
    fractions |= magnitude;
  }
  store<u64>(state, largest);
  store<u64>(state, least == u64.MAX_VALUE ? least : least + 1, 8);
  store<u64>(state, fractions & 0xfffffffffffff, 16);
  store<u64>(state, special, 24);
  store<u64>(state, negativeZero, 32);
}

/**
 * The largest power of two of which `count` finite numbers of 2^shift bytes are multiples, infinity if all are 0. Numbers other than 0
 * are between 2^-60 and 2^60.
 */
export function grain(source: usize, shift: i32, count: i32): f64 {
  return shift == 2 ? grain32(source, count) : grain64(source, count);
}

/** The last bits of four numbers; infinity for zeros. */
@inline
function lastBits(value: v128): v128 {
  const power = v128.and(value, i32x4.splat(0x7f800000));
  const significand = v128.or(v128.and(value, i32x4.splat(0x7fffff)), i32x4.splat(0x800000));
  const last = f32x4.convert_i32x4_s(v128.and(significand, i32x4.neg(significand)));
  const bits = f32x4.mul(f32x4.mul(last, power), f32x4.splat(1.1920928955078125e-7));
  return v128.bitselect(f32x4.splat(Infinity), bits, f32x4.eq(value, f32x4.splat(0)));
}

function grain32(source: usize, count: i32): f64 {
  const stop = source + (<usize>(count & ~3) << 2);
  const end = source + (<usize>count << 2);
  let least = f32x4.splat(Infinity);
  for (; source < stop; source += 16) least = f32x4.pmin(least, lastBits(v128.load(source)));
  for (; source < end; source += 4) least = f32x4.pmin(least, lastBits(v128.load32_splat(source)));
  const half = f32x4.pmin(least, v128.shuffle<i32>(least, least, 2, 3, 0, 1));
  return min<f32>(f32x4.extract_lane(half, 0), f32x4.extract_lane(half, 1));
}

function grain64(source: usize, count: i32): f64 {
  let least = f64.POSITIVE_INFINITY;
  for (const end = source + (<usize>count << 3); source < end; source += 8) {
    const bits = load<u64>(source);
    if (bits << 1 == 0) continue;
    const zeros = ctz(bits | 0x10000000000000);
    const power = reinterpret<f64>(bits & 0x7ff0000000000000);
    least = min(least, power * reinterpret<f64>((1023 - 52 + zeros) << 52));
  }
  return least;
}

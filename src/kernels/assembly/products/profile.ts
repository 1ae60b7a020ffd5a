/** What an operand is made of: the facts that decide which products and sums are exact. */

/**
 * Looks at `count` numbers of 2^shift bytes. Writes five 64-bit words: the bits of the largest finite magnitude (0 if there is
 * none), those of the smallest magnitude but 0 (all ones if there is none), the fraction fields of finite numbers ored
 * together, whether there are infinities or NaNs, and whether there are negative zeros. `state` has room for 80 bytes.
 */
export function profile(source: usize, shift: i32, count: i32, state: usize): void {
  if (shift == 2) profile32(source, count, state);
  else profile64(source, count, state);
}

/** The lanes' state lies in memory: largest, least, fractions, specials, negative zeros. */
@inline
function look(value: v128, state: usize): void {
  const magnitude = v128.and(value, i32x4.splat(0x7fffffff));
  const special = i32x4.ge_s(magnitude, i32x4.splat(0x7f800000));
  const finite = v128.andnot(magnitude, special);
  v128.store(state, i32x4.max_s(v128.load(state), finite));
  // Less one, unsigned: zero is then the largest.
  v128.store(state, i32x4.min_u(v128.load(state, 16), i32x4.sub(magnitude, i32x4.splat(1))), 16);
  v128.store(state, v128.or(v128.load(state, 32), finite), 32);
  v128.store(state, v128.or(v128.load(state, 48), special), 48);
  v128.store(state, v128.or(v128.load(state, 64), i32x4.eq(value, i32x4.splat(i32.MIN_VALUE))), 64);
}

/** One 32-bit lane of the state. */
@inline
function lane(state: usize, part: usize, index: usize): u32 {
  return load<u32>(state + (part << 4) + (index << 2));
}

function profile32(source: usize, count: i32, state: usize): void {
  memory.fill(state, 0, 80);
  v128.store(state, i32x4.splat(-1), 16);
  const stop = source + (<usize>(count & ~3) << 2);
  const end = source + (<usize>count << 2);
  for (; source < stop; source += 16) look(v128.load(source), state);
  for (; source < end; source += 4) look(v128.load32_splat(source), state);
  let largest: u32 = 0;
  let least: u32 = u32.MAX_VALUE;
  let fractions: u32 = 0;
  let special: u32 = 0;
  let negativeZero: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    largest = max(largest, lane(state, 0, i));
    least = min(least, lane(state, 1, i));
    fractions |= lane(state, 2, i);
    special |= lane(state, 3, i);
    negativeZero |= lane(state, 4, i);
  }
  store<u64>(state, largest);
  store<u64>(state, least == u32.MAX_VALUE ? u64.MAX_VALUE : <u64>least + 1, 8);
  store<u64>(state, <u64>(fractions & 0x7fffff), 16);
  store<u64>(state, <u64>special, 24);
  store<u64>(state, <u64>negativeZero, 32);
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

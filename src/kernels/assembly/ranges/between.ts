/**
 * 8-bit codes between a least and a largest value of each group, for tensors that are kept for a while: the same bits as the
 * reference of `src/train/saved/ranges.ts`. Each operation is rounded to binary32 once. Groups are runs of `inner` elements that
 * follow each other, `runs` runs in all. Every buffer is given by the caller; numbers of groups are binary32, the first of each
 * group, then the second.
 */

/** Lowers and raises the least and the largest value of each group. What is no number does not count. */
export function extremes(source: usize, runs: i32, groups: i32, inner: i32, state: usize): void {
  const size = <usize>inner << 2;
  const vectors = <usize>(inner & ~3) << 2;
  const bytes = <usize>groups << 2;
  let group: usize = 0;
  for (let run = 0; run < runs; run++) {
    let lows = v128.load32_splat(state + group);
    let highs = v128.load32_splat(state + bytes + group);
    for (let i: usize = 0; i < vectors; i += 16) {
      const x = v128.load(source + i);
      lows = f32x4.pmin(lows, x);
      highs = f32x4.pmax(highs, x);
    }
    for (let i = vectors; i < size; i += 4) {
      const x = v128.load32_splat(source + i);
      lows = f32x4.pmin(lows, x);
      highs = f32x4.pmax(highs, x);
    }
    lows = f32x4.pmin(lows, v128.shuffle<i32>(lows, lows, 2, 3, 0, 1));
    highs = f32x4.pmax(highs, v128.shuffle<i32>(highs, highs, 2, 3, 0, 1));
    lows = f32x4.pmin(lows, v128.shuffle<i32>(lows, lows, 1, 0, 3, 2));
    highs = f32x4.pmax(highs, v128.shuffle<i32>(highs, highs, 1, 0, 3, 2));
    store<f32>(state + group, f32x4.extract_lane(lows, 0));
    store<f32>(state + bytes + group, f32x4.extract_lane(highs, 0));
    source += size;
    group += 4;
    if (group == bytes) group = 0;
  }
}

/** (x - low) factor to nearest, ties to even, within 0 ... 255; 0 of what is no number. */
@inline
function codesOf(x: v128, lows: v128, factors: v128): v128 {
  const z = f32x4.nearest(f32x4.mul(f32x4.sub(x, lows), factors));
  return i32x4.trunc_sat_f32x4_s(f32x4.min(f32x4.max(z, f32x4.splat(0)), f32x4.splat(255)));
}

/** @param state lows and factors of the groups */
export function encode(source: usize, codes: usize, runs: i32, groups: i32, inner: i32, state: usize): void {
  const bytes = <usize>groups << 2;
  let group: usize = 0;
  for (let run = 0; run < runs; run++) {
    const lows = v128.load32_splat(state + group);
    const factors = v128.load32_splat(state + bytes + group);
    let i = 0;
    for (; i + 16 <= inner; i += 16) {
      const first = i16x8.narrow_i32x4_s(
        codesOf(v128.load(source), lows, factors),
        codesOf(v128.load(source, 16), lows, factors),
      );
      const second = i16x8.narrow_i32x4_s(
        codesOf(v128.load(source, 32), lows, factors),
        codesOf(v128.load(source, 48), lows, factors),
      );
      v128.store(codes, i8x16.narrow_i16x8_u(first, second));
      source += 64;
      codes += 16;
    }
    for (; i + 4 <= inner; i += 4) {
      const words = i16x8.narrow_i32x4_s(codesOf(v128.load(source), lows, factors), i32x4.splat(0));
      v128.store32_lane(codes, i8x16.narrow_i16x8_u(words, words), 0);
      source += 16;
      codes += 4;
    }
    for (; i < inner; i++) {
      store<u8>(codes, i32x4.extract_lane(codesOf(v128.load32_splat(source), lows, factors), 0));
      source += 4;
      codes += 1;
    }
    group += 4;
    if (group == bytes) group = 0;
  }
}

/** low + step code. @param state lows and steps of the groups */
export function decode(codes: usize, destination: usize, runs: i32, groups: i32, inner: i32, state: usize): void {
  const bytes = <usize>groups << 2;
  let group: usize = 0;
  for (let run = 0; run < runs; run++) {
    const low = load<f32>(state + group);
    const step = load<f32>(state + bytes + group);
    const lows = f32x4.splat(low);
    const steps = f32x4.splat(step);
    let i = 0;
    for (; i + 8 <= inner; i += 8) {
      const wide = v128.load_ext<u8>(codes);
      const first = f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(wide));
      const second = f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(wide));
      v128.store(destination, f32x4.add(lows, f32x4.mul(steps, first)));
      v128.store(destination, f32x4.add(lows, f32x4.mul(steps, second)), 16);
      codes += 8;
      destination += 32;
    }
    for (; i < inner; i++) {
      store<f32>(destination, low + step * <f32>load<u8>(codes));
      codes += 1;
      destination += 4;
    }
    group += 4;
    if (group == bytes) group = 0;
  }
}
